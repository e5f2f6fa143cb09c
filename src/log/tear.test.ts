import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkRecord } from '../wire/index.ts';
import { isTorn } from './tear.ts';
import { emptyRecordBytes, encodeRecord } from './test-log.ts';

/** Text as senders write it: no zero at its end. */
const text = fc
  .uint8Array({ min: 0, max: 255, maxLength: 1500 })
  .map((bytes) => Uint8Array.of(...bytes.map((byte) => byte || 1)));
const record = fc.record({
  body: fc.uint8Array({ maxLength: 1500 }),
  properties: text,
  // Without any text a record is all header, and a zero at its end could be a field's value.
  topic: text.filter(({ length }) => length > 0).map((bytes) => bytes.subarray(0, 100)),
  position: fc.nat(5000),
});

function encode(it: typeof record extends fc.Arbitrary<infer T> ? T : never): Uint8Array {
  const size = emptyRecordBytes - 1 + it.topic.length + it.body.length + it.properties.length;
  const target = new Uint8Array(size);
  const targetView = new DataView(target.buffer);
  encodeRecord({ target, targetView }, 0, it.position, it.body, it);
  return target;
}

const isGood = (bytes: Uint8Array, position: number): boolean =>
  checkRecord(bytes, 0, bytes.length, position).type === 'record' && !isTorn(bytes, 0, position);

test('a whole record is not taken for a torn one', () => {
  fc.assert(
    fc.property(record, (it) => {
      assert(isGood(encode(it), it.position));
    }),
  );
});

test('a record of which only the beginning was written is found out', () => {
  fc.assert(
    fc.property(record, fc.nat(), (it, cut) => {
      const whole = encode(it);
      const torn = whole.slice();
      torn.fill(0, cut % whole.length);
      if (Buffer.compare(torn, whole) !== 0) assert(!isGood(torn, it.position));
    }),
    { numRuns: 2000 },
  );
});

test('a record of which a sector was not written is found out', () => {
  fc.assert(
    fc.property(record, fc.nat(), (it, chosen) => {
      const whole = encode(it);
      const first = Math.floor(it.position / 512);
      const last = Math.floor((it.position + whole.length - 1) / 512);
      const sector = (first + (chosen % (last - first + 1))) * 512 - it.position;
      const torn = whole.slice();
      torn.fill(0, Math.max(0, sector), sector + 512);
      if (Buffer.compare(torn, whole) !== 0) assert(!isGood(torn, it.position));
    }),
    { numRuns: 2000 },
  );
});

test('text with a zero in it is believed', () => {
  const properties = Buffer.from('a\u0001\u0000b\u0000\u0000c\u0002');
  const it = { body: Buffer.from('x'), properties, topic: Buffer.from('T'), position: 4000 };
  assert(isGood(encode(it), it.position));
});
