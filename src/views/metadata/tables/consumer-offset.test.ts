import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isFailure } from '../../../base/index.ts';
import {
  decodeOffsetKey,
  decodeOffsetValue,
  encodeOffsetValue,
  offsetGroupPrefix,
  offsetKeyText,
} from './consumer-offset.ts';

const offset = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer(),
  fc.constantFrom(-1, 0, -(2 ** 32), 2 ** 32),
);
const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 10 })
  .filter((each) => !each.includes('\0'));

test('offsets are eight bytes, big-endian, with a sign', () => {
  fc.assert(
    fc.property(offset, (value) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64BE(BigInt(value));
      assert.deepEqual(Buffer.from(encodeOffsetValue(value)), bytes);
      assert.equal(decodeOffsetValue(bytes), value);
    }),
  );
});

test('what is no offset within 2^53 is damage', () => {
  const tooLarge = Buffer.alloc(8);
  tooLarge.writeBigInt64BE(2n ** 53n);
  for (const bad of [
    Buffer.alloc(7),
    Buffer.alloc(9),
    tooLarge,
    Buffer.from('8000000000000000', 'hex'),
  ]) {
    assert.throws(
      () => decodeOffsetValue(bad),
      (error) => isFailure(error, 'corrupt'),
    );
  }
});

test('keys hold group, topic and queue, and begin with the prefix of their group only', () => {
  fc.assert(
    fc.property(name, name, name, fc.integer(), (group, other, topic, queueId) => {
      const key = offsetKeyText({ group, topic, queueId });
      assert.deepEqual(decodeOffsetKey(key), { group, topic, queueId });
      assert.ok(key.startsWith(offsetGroupPrefix(group)));
      if (other !== group) assert.ok(!key.startsWith(offsetGroupPrefix(other)));
    }),
  );
});

test('a name with a zero byte cannot be part of a key', () => {
  assert.throws(() => offsetKeyText({ group: 'a\0b', topic: 't', queueId: 0 }), /no zero byte/);
});
