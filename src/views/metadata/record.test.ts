import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { epoch, Failure, isFailure, metadataSequence } from '../../base/index.ts';
import type { Digest } from './digest.ts';
import {
  decodeMetadataRecord,
  type Entry,
  encodeMetadataRecord,
  type MetadataRecord,
} from './record.ts';

const key = fc.uint8Array({ minLength: 1, maxLength: 20 });
const table = fc.constantFrom(1, 2, 3, 4);
const expected = fc.oneof(
  fc.constant(0 as const),
  fc.integer({ min: 1, max: 2 ** 53 - 1 }).map(metadataSequence),
);
const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({
    operation: fc.constant('put'),
    table,
    key,
    expected,
    value: fc.uint8Array({ maxLength: 40 }),
  }),
  fc.record({ operation: fc.constant('delete'), table, key, expected }),
  fc.record({
    operation: fc.constant('deletePrefix'),
    table,
    key,
    expected: fc.constant(0 as const),
  }),
  fc.record({
    operation: fc.constant('deleteTopic'),
    table: fc.constantFrom(3, 4),
    key,
    expected: fc.constant(0 as const),
  }),
) as fc.Arbitrary<Entry>;
const digest = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Buffer.from(bytes).toString('hex') as Digest);
const record: fc.Arbitrary<MetadataRecord> = fc
  .tuple(
    fc.record({
      class: fc.constantFrom('definition', 'impliedDefinition', 'progress'),
      epoch: fc.integer({ min: 0, max: 2 ** 32 - 1 }).map(epoch),
      sequence: fc.integer({ min: 1, max: 2 ** 53 - 1 }).map(metadataSequence),
      cause: fc.string({ unit: 'grapheme', maxLength: 20 }),
      entries: fc.array(entry, { maxLength: 5 }),
    }),
    fc.option(digest, { nil: undefined }),
  )
  .map(([fields, sum]) => ({
    ...fields,
    ...(sum === undefined ? {} : { digest: sum }),
  })) as fc.Arbitrary<MetadataRecord>;

function plain(value: MetadataRecord): unknown {
  return {
    ...value,
    entries: value.entries.map((each) => ({
      ...each,
      key: [...each.key],
      ...(each.value === undefined ? {} : { value: [...each.value] }),
    })),
  };
}

test('a record reads back as it was written', () => {
  fc.assert(
    fc.property(record, (value) => {
      assert.deepEqual(plain(decodeMetadataRecord(encodeMetadataRecord(value))), plain(value));
    }),
    { numRuns: 300 },
  );
});

test('the layout is the one of docs/state.md', () => {
  const bytes = encodeMetadataRecord({
    class: 'definition',
    epoch: epoch(2),
    sequence: metadataSequence(2 ** 32 + 3),
    cause: 'me',
    digest: '000102030405060708090a0b0c0d0e0f' as Digest,
    entries: [
      {
        operation: 'put',
        table: 1,
        key: Buffer.from('t'),
        expected: metadataSequence(5),
        value: Buffer.from('v!'),
      },
      { operation: 'deletePrefix', table: 3, key: Buffer.from('g\0'), expected: 0 },
      { operation: 'deleteTopic', table: 4, key: Buffer.from('t'), expected: 0 },
    ],
  });
  assert.equal(
    Buffer.from(bytes).toString('hex'),
    [
      '01 01 00000002 0000000100000003 0002 6d65 01 000102030405060708090a0b0c0d0e0f 00000003',
      '01 01 0000000000000005 0001 74 00000002 7621',
      '03 03 0000000000000000 0002 6700',
      '04 04 0000000000000000 0001 74',
    ]
      .join('')
      .replaceAll(' ', ''),
  );
});

test('damaged bytes are refused as corrupt or are another whole record', () => {
  fc.assert(
    fc.property(record, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, flip) => {
      const bytes = Buffer.from(encodeMetadataRecord(value));
      const place = at % bytes.length;
      bytes[place] = (bytes[place] as number) ^ flip;
      let decoded: MetadataRecord;
      try {
        decoded = decodeMetadataRecord(bytes);
      } catch (error) {
        assert.ok(isFailure(error, 'corrupt'), String(error));
        return;
      }
      // Text that is no UTF-8 is replaced, everything else is kept.
      if (!decoded.cause.includes('\ufffd')) {
        assert.deepEqual(Buffer.from(encodeMetadataRecord(decoded)), bytes);
      }
    }),
    { numRuns: 500 },
  );
});

test('a record cut short or with bytes after its end is refused', () => {
  fc.assert(
    fc.property(record, (value) => {
      const bytes = encodeMetadataRecord(value);
      for (let length = 0; length < bytes.length; length++) {
        assert.throws(() => decodeMetadataRecord(bytes.subarray(0, length)), Failure);
      }
      assert.throws(() => decodeMetadataRecord(Buffer.concat([bytes, Buffer.alloc(1)])), Failure);
    }),
    { numRuns: 50 },
  );
});

test('a count that the bytes cannot hold allocates nothing', () => {
  const bytes = Buffer.from(
    encodeMetadataRecord({
      class: 'progress',
      epoch: epoch(1),
      sequence: metadataSequence(1),
      cause: '',
      entries: [],
    }),
  );
  bytes.writeUInt32BE(0xffff_ffff, bytes.length - 4);
  assert.throws(() => decodeMetadataRecord(bytes), /bad count/);
});

test('a decoded record does not share the bytes it was read from', () => {
  const bytes = encodeMetadataRecord({
    class: 'progress',
    epoch: epoch(1),
    sequence: metadataSequence(1),
    cause: '',
    entries: [
      { operation: 'delete', table: 1, key: Buffer.from('abc'), expected: metadataSequence(1) },
    ],
  });
  const decoded = decodeMetadataRecord(bytes);
  bytes.fill(0);
  assert.equal(Buffer.from(decoded.entries[0]?.key ?? []).toString(), 'abc');
});
