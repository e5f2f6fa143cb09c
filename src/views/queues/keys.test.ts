import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isFailure, physicalOffset } from '../../base/index.ts';
import {
  blockKey,
  decodeHeadsKey,
  decodeQueueKey,
  encodeQueueKey,
  headsKey,
  topicBlocks,
} from './keys.ts';

const name = fc.record({
  topic: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
  incarnation: fc.nat(Number.MAX_SAFE_INTEGER).map(physicalOffset),
  queueId: fc.nat(2 ** 31 - 1),
});

test('a queue key gives back its queue', () => {
  fc.assert(
    fc.property(name, (queue) => {
      const key = encodeQueueKey(queue.topic, queue.incarnation, queue.queueId);
      assert.deepEqual(decodeQueueKey(key), { ...queue });
      const { topic, incarnation } = queue;
      assert.deepEqual(decodeHeadsKey(headsKey(queue)), { topic, incarnation });
    }),
  );
});

test('what is not a queue key is corrupt', () => {
  const key = encodeQueueKey('topic', physicalOffset(1), 2);
  for (const bad of [
    new Uint8Array(0),
    Uint8Array.of(0),
    key.slice(0, -1),
    Uint8Array.of(...key, 0),
  ]) {
    assert.throws(
      () => decodeQueueKey(bad),
      (error) => isFailure(error, 'corrupt'),
    );
    assert.throws(
      () => decodeHeadsKey(Uint8Array.of(2, ...bad)),
      (error) => isFailure(error, 'corrupt'),
    );
  }
});

test('blocks sort by queue, then by offset, and the range of a topic holds its blocks and no other', () => {
  const offset = fc.nat(Number.MAX_SAFE_INTEGER);
  fc.assert(
    fc.property(name, name, offset, offset, (one, other, low, high) => {
      const compare = Buffer.compare(blockKey(one, low), blockKey(one, high));
      assert.equal(Math.sign(compare), Math.sign(low - high));
      const isSame = one.topic === other.topic && one.incarnation === other.incarnation;
      const { from, to } = topicBlocks(one);
      const key = blockKey(other, low);
      const within = Buffer.compare(from, key) <= 0 && Buffer.compare(key, to) < 0;
      assert.equal(within, isSame);
    }),
  );
});
