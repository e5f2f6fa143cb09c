import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hashKey } from './hash.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const hashOf = (topic: string, key: string): number =>
  hashKey(bytesOf(topic), bytesOf(key), 0, bytesOf(key).length);

test('the hash does not depend on where the bytes lie', () => {
  fc.assert(
    fc.property(fc.string(), fc.uint8Array(), fc.uint8Array(), (topic, key, before) => {
      const all = Uint8Array.of(...before, ...key, 7);
      const hash = hashKey(bytesOf(topic), all, before.length, before.length + key.length);
      assert.equal(hash, hashKey(bytesOf(topic), key, 0, key.length));
      assert(Number.isInteger(hash) && hash >= 0 && hash < 2 ** 32);
    }),
  );
});

test('hashes are stored, so they stay what they are', () => {
  assert.deepEqual(
    ['', 'a', 'abcd', '7F0000010001B4AAC2C1', 'größe'].map((key) => hashOf('Topic', key)),
    [524160864, 1524531093, 4164188118, 4081507733, 144775298],
  );
});

test('keys that differ little have hashes that differ, and the topic counts', () => {
  const hashes = new Set<number>();
  const count = 100_000;
  for (let number = 0; number < count; number++) {
    const id = number.toString(16).toUpperCase().padStart(8, '0');
    hashes.add(hashOf('T', `7F0000010001B4AAC2C1${id}`));
  }
  assert(count - hashes.size < 10, `${count - hashes.size} collide`);
  assert.notEqual(hashOf('T1', 'key'), hashOf('T2', 'key'));
  assert.notEqual(hashOf('T', 'ab'), hashOf('Ta', 'b'));
});
