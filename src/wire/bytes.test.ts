import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  decodeText,
  encodeText,
  parseDecimal,
  readInt16,
  readInt32,
  readInt64,
  writeDecimal,
  writeHex64,
  writeInt16,
  writeInt32,
  writeInt64,
  writeText,
} from './bytes.ts';

const toText = (bytes: Uint8Array, end: number) => Buffer.from(bytes.subarray(0, end)).toString();

test('whole numbers are written as String writes them, and read back', () => {
  const bytes = new Uint8Array(20);
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      const end = writeDecimal(bytes, 0, value);
      assert.equal(toText(bytes, end), String(value + 0));
      assert.equal(parseDecimal(bytes, 0, end), value + 0);
    }),
  );
  for (const value of [0, 9, 10, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 1e9, 1e10, 2 ** 53 - 1]) {
    assert.equal(toText(bytes, writeDecimal(bytes, 0, value)), String(value));
  }
});

test('text that Java does not take for a number is none', () => {
  const check = (text: string, expected: number) =>
    assert.equal(parseDecimal(encodeText(text), 0, text.length), expected, text);
  check('+7', 7);
  check('-7', -7);
  check('-0', 0);
  check('007', 7);
  check('9223372036854775807', 2 ** 63);
  for (const bad of ['', '-', '+', ' 1', '1 ', '1.0', '1e3', '0x1', '12345678901234567890', ':']) {
    check(bad, Number.NaN);
  }
});

test('integers of 16, 32 and 64 bits come back, with their sign', () => {
  const bytes = new Uint8Array(8);
  fc.assert(
    fc.property(
      fc.maxSafeInteger(),
      fc.integer(),
      fc.integer({ min: -32768, max: 32767 }),
      (long, int, short) => {
        writeInt64(bytes, 0, long);
        assert.equal(readInt64(bytes, 0), long + 0);
        assert.equal(new DataView(bytes.buffer).getBigInt64(0), BigInt(long));
        writeInt32(bytes, 0, int);
        assert.equal(readInt32(bytes, 0), int);
        writeInt16(bytes, 0, short);
        assert.equal(readInt16(bytes, 0), short);
      },
    ),
  );
});

test('64-bit integers are written as 16 digits', () => {
  const bytes = new Uint8Array(16);
  fc.assert(
    fc.property(fc.maxSafeNat(), (value) => {
      writeHex64(bytes, 0, value);
      assert.equal(toText(bytes, 16), value.toString(16).toUpperCase().padStart(16, '0'));
    }),
  );
});

test('text of any kind is written as UTF-8 and read back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const bytes = new Uint8Array(text.length * 3);
      const end = writeText(bytes, 0, text);
      assert.deepEqual(bytes.subarray(0, end), encodeText(text));
      assert.equal(decodeText(bytes, 0, end), text);
    }),
  );
});
