import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isFailure, physicalOffset } from '../../base/index.ts';
import { encodeText, writeInt32 } from '../bytes.ts';
import { decodeBatch, encodeBatch } from './batch.ts';
import { decodeHost, encodeHost } from './host.ts';
import { createUniqueId, decodeOffsetMessageId, encodeOffsetMessageId } from './message-id.ts';
import {
  decodeProperties,
  encodeProperties,
  findProperty,
  javaStringHash,
  tagsCode,
} from './properties.ts';

const toText = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const fromText = (text: string) => encodeText(text);

test('properties are read as Java reads them', () => {
  const check = (text: string, expected: Record<string, string>) =>
    assert.deepEqual(Object.fromEntries(decodeProperties(fromText(text))), expected, text);
  check('', {});
  check('TAGS\u0001a\u0002', { TAGS: 'a' });
  check('TAGS\u0001a\u0002KEYS\u0001k1 k2', { TAGS: 'a', KEYS: 'k1 k2' });
  check('a\u0001b\u0001c\u0002', { a: 'b\u0001c' });
  check('a\u0001\u0002\u0001b\u0002x\u0002\u0002c\u0001d\u0002', { c: 'd' });
  check('a\u00011\u0002a\u00012\u0002', { a: '2' });
  check('城市\u0001北京\u0002', { 城市: '北京' });
});

const part = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter((text) => !text.includes('\u0001') && !text.includes('\u0002'));

test('properties are read back, as a whole and one by one', () => {
  const name = fc.string({ minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(fc.array(fc.tuple(name, part)), fc.nat(20), (entries, padding) => {
      const properties = new Map(entries);
      const encoded = encodeProperties(properties);
      assert.deepEqual(decodeProperties(encoded), properties);
      const bytes = new Uint8Array(padding + encoded.length + padding).fill(2);
      bytes.set(encoded, padding);
      const end = padding + encoded.length;
      for (const [key, value] of properties) {
        const range = findProperty(bytes, padding, end, key);
        assert.ok(range);
        assert.equal(toText(bytes.subarray(range.start, range.end)), value);
      }
      assert.equal(findProperty(bytes, padding, end, 'not there at all'), undefined);
    }),
  );
});

test('one property is found where reading all of them would find it', () => {
  const piece = fc.constantFrom('\u0001', '\u0002', 'a', 'ab', 'b', '北');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const bytes = fromText(pieces.join(''));
      const all = decodeProperties(bytes);
      for (const name of ['a', 'b', 'ab', 'aab']) {
        const range = findProperty(bytes, 0, bytes.length, name);
        const value = range && toText(bytes.subarray(range.start, range.end));
        assert.equal(value, all.get(name));
      }
    }),
    { numRuns: 1000 },
  );
});

test('tag codes are String.hashCode of Java', () => {
  const check = (tags: string, expected: number) => {
    assert.equal(tagsCode(fromText(tags)), expected, tags);
    assert.equal(javaStringHash(tags), expected, tags);
  };
  check('', 0);
  check('a', 97);
  check('TagA', 2598919);
  // Computed by Java.
  check('polygenelubricants', -2147483648);
  check('北京', 679541);
  const padded = fromText('xxTagAxx');
  assert.equal(tagsCode(padded, 2, 6), 2598919);
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      assert.equal(tagsCode(fromText(text)), javaStringHash(text));
    }),
  );
});

test('hosts of both kinds come back', () => {
  const check = (host: string, hex: string, back = host) => {
    const bytes = encodeHost({ host, port: 10911 });
    assert.equal(Buffer.from(bytes).toString('hex'), hex);
    assert.deepEqual(decodeHost(bytes, 0, bytes.length), { host: back, port: 10911 });
  };
  check('192.168.1.5', 'c0a8010500002a9f');
  check('::1', '0000000000000000000000000000000100002a9f');
  check('2001:db8::8:800:200c:417a', '20010db80000000000080800200c417a00002a9f');
  check('2001:DB8:0:0:1:0:0:1', '20010db800000000000100000000000100002a9f', '2001:db8::1:0:0:1');
  check('fe80::1%eth0', 'fe80000000000000000000000000000100002a9f', 'fe80::1');
  check('::ffff:10.0.0.1', '00000000000000000000ffff0a00000100002a9f', '::ffff:a00:1');
  check('::', '0000000000000000000000000000000000002a9f');
  for (const host of ['localhost', '1.2.3', '1.2.3.256', '1::2::3', '1:2:3', ':::', 'g::', '']) {
    assert.throws(
      () => encodeHost({ host, port: 1 }),
      (error) => isFailure(error, 'invalid'),
      host,
    );
  }
});

test('offset message ids come back', () => {
  const host = encodeHost({ host: '192.168.1.5', port: 10911 });
  assert.equal(
    encodeOffsetMessageId(host, physicalOffset(0x1000)),
    'C0A8010500002A9F0000000000001000',
  );
  const address = fc.oneof(fc.ipV4(), fc.ipV6());
  fc.assert(
    fc.property(address, fc.nat(65535), fc.maxSafeNat(), (host, port, offset) => {
      const id = encodeOffsetMessageId(encodeHost({ host, port }), physicalOffset(offset));
      const back = decodeOffsetMessageId(id);
      assert.equal(back.physicalOffset, offset);
      assert.equal(back.host.port, port);
      assert.deepEqual(encodeHost(back.host), encodeHost({ host, port }));
    }),
  );
  for (const bad of ['', 'C0A8', 'G'.repeat(32), 'F'.repeat(32), '0'.repeat(33), '0'.repeat(57)]) {
    assert.throws(
      () => decodeOffsetMessageId(bad),
      (error) => isFailure(error, 'invalid'),
      bad,
    );
  }
});

test('unique ids have the layout of Java clients', () => {
  const source = { address: Uint8Array.of(127, 0, 0, 1), processId: 0x1234, chance: 0x89abcdef };
  assert.equal(createUniqueId(source, 0x01020304, 0xffff), '7F000001123489ABCDEF01020304FFFF');
  const v6 = { ...source, address: new Uint8Array(16) };
  assert.equal(createUniqueId(v6, 0, 0).length, 56);
});

const batchMessage = fc.record(
  {
    flag: fc.integer(),
    body: fc.uint8Array({ maxLength: 40 }),
    properties: fc.uint8Array({ maxLength: 40 }),
  },
  { noNullPrototype: true },
);

test('batches come back', () => {
  fc.assert(
    fc.property(fc.array(batchMessage), (messages) => {
      assert.deepEqual(decodeBatch(encodeBatch(messages)), messages);
    }),
  );
});

test('a bad batch is refused with the number of the bad message', () => {
  const good = encodeBatch([
    { flag: 0, body: fromText('one'), properties: fromText('a\u0001b\u0002') },
    { flag: 1, body: fromText('two'), properties: new Uint8Array(0) },
  ]);
  const refused = (bytes: Uint8Array, message: RegExp) =>
    assert.throws(
      () => decodeBatch(bytes),
      (error) => isFailure(error, 'invalid') && message.test(error.message),
    );
  const second = 22 + 3 + 4;
  const changed = (at: number, value: number) => {
    const bytes = good.slice();
    writeInt32(bytes, at, value);
    return bytes;
  };
  refused(good.subarray(0, good.length - 1), /message 1 at byte 29: 25 bytes, 24 left/);
  refused(good.subarray(0, second + 3), /message 1/);
  refused(changed(second, 0), /message 1 at byte 29: 0 bytes/);
  refused(changed(0, -1), /message 0/);
  refused(changed(16, 100), /body of 100/);
  refused(changed(16, -1), /body of -1/);
  refused(changed(16, 2), /properties of/);
});

test('no bytes make decoding a batch do more than refuse', () => {
  fc.assert(
    fc.property(
      fc.array(batchMessage, { minLength: 1 }),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
      (messages, changes) => {
        const bytes = encodeBatch(messages);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        try {
          decodeBatch(bytes);
        } catch (error) {
          if (!isFailure(error, 'invalid')) throw error;
        }
      },
    ),
  );
});
