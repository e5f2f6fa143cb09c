import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isFailure } from '../../base/index.ts';
import { encodeText } from '../bytes.ts';
import { SysFlag } from '../codes.ts';
import { encodeHost } from './host.ts';
import { encodeProperties } from './properties.ts';
import {
  bodyCrc,
  bodyRangeAt,
  checkRecord,
  decodeStoredMessage,
  decodeStoredMessages,
  encodeStoredMessage,
  type MessageToStore,
  magicAt,
  magicV1,
  magicV2,
  physicalOffsetAt,
  propertiesRangeAt,
  queueIdAt,
  queueOffsetAt,
  recordSizeAt,
  storedMessageFields,
  storedMessageSize,
  storeTimestampAt,
  topicRangeAt,
  writeBlankRecord,
} from './stored-message.ts';

const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const toText = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const isV6 = (host: Uint8Array) => host.length === 20;

/** The example of the storage format: 105 bytes. */
function message(changes: Partial<MessageToStore> = {}): MessageToStore {
  const properties = changes.properties ?? encodeProperties(new Map([['TAGS', 'a']]));
  const body = changes.body ?? encodeText('hello');
  return {
    queueId: 3,
    flag: 0,
    queueOffset: 7,
    physicalOffset: 0x1000,
    sysFlag: 0,
    bornTimestamp: 1_700_000_000_000,
    bornHost: encodeHost({ host: '10.0.0.1', port: 40001 }),
    storeTimestamp: 1_700_000_000_123,
    storeHost: encodeHost({ host: '192.168.1.5', port: 10911 }),
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    topic: encodeText('T1'),
    ...changes,
    body,
    bodyCrc: bodyCrc(body),
    properties,
    propertiesLength: properties.length,
  };
}

function encode(input: MessageToStore, at = 0): Uint8Array {
  const size = storedMessageSize(
    input.topic.length,
    input.propertiesLength,
    input.body.length,
    isV6(input.bornHost),
    isV6(input.storeHost),
  );
  const bytes = new Uint8Array(at + size);
  const propertiesAt = encodeStoredMessage(bytes, new DataView(bytes.buffer), at, input);
  assert.equal(propertiesAt + input.propertiesLength, bytes.length);
  return bytes;
}

const example =
  '00000069daa320a73610a6860000000300000000000000000000000700000000000010000000000000' +
  '00018bcfe568000a00000100009c410000018bcfe5687bc0a8010500002a9f0000000000000000' +
  '000000000000000568656c6c6f025431000754414753016102';

test('the example of the storage format is written byte for byte', () => {
  assert.equal(toHex(encode(message())), example);
});

const host = fc
  .tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(65535))
  .map(([host, port]) => encodeHost({ host, port }));
const anyMessage = fc
  .record({
    queueId: fc.integer(),
    flag: fc.integer(),
    queueOffset: fc.maxSafeInteger(),
    physicalOffset: fc.maxSafeNat(),
    sysFlag: fc.constantFrom(0, SysFlag.COMPRESSED, SysFlag.TRANSACTION_ROLLBACK, 0x700),
    bornTimestamp: fc.maxSafeNat(),
    bornHost: host,
    storeTimestamp: fc.maxSafeNat(),
    storeHost: host,
    reconsumeTimes: fc.integer(),
    preparedTransactionOffset: fc.maxSafeNat(),
    body: fc.uint8Array({ maxLength: 100 }),
    topic: fc.string({ minLength: 1, maxLength: 255 }).map(encodeText),
    properties: fc
      .dictionary(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), { maxKeys: 4 })
      .map((map) => encodeProperties(new Map(Object.entries(map)))),
  })
  .map(message);

test('any message is decoded to what was encoded', () => {
  fc.assert(
    fc.property(anyMessage, fc.nat(50), (input, at) => {
      const bytes = encode(input, at);
      const back = decodeStoredMessage(bytes, at);
      assert.equal(back.size, bytes.length - at);
      assert.equal(back.topic, toText(input.topic));
      assert.deepEqual(back.body, input.body);
      assert.equal(toHex(encodeHost(back.bornHost)), toHex(input.bornHost));
      assert.equal(toHex(encodeHost(back.storeHost)), toHex(input.storeHost));
      for (const field of [
        'queueId',
        'flag',
        'queueOffset',
        'physicalOffset',
        'bornTimestamp',
        'storeTimestamp',
        'reconsumeTimes',
        'preparedTransactionOffset',
        'bodyCrc',
      ] as const) {
        assert.equal(back[field], input[field] + 0, field);
      }
      assert.equal(back.sysFlag & ~0x30, input.sysFlag);
      assert.equal((back.sysFlag & SysFlag.BORN_HOST_V6) !== 0, isV6(input.bornHost));
      assert.equal((back.sysFlag & SysFlag.STORE_HOST_V6) !== 0, isV6(input.storeHost));
      assert.equal(magicAt(bytes, at), input.topic.length > 127 ? magicV2 : magicV1);
    }),
  );
});

test('accessors say what decoding says', () => {
  fc.assert(
    fc.property(anyMessage, fc.nat(50), (input, at) => {
      const bytes = encode(input, at);
      const range = ({ start, end }: { start: number; end: number }) => bytes.subarray(start, end);
      assert.equal(recordSizeAt(bytes, at), bytes.length - at);
      assert.equal(queueIdAt(bytes, at), input.queueId);
      assert.equal(queueOffsetAt(bytes, at), input.queueOffset + 0);
      assert.equal(physicalOffsetAt(bytes, at), input.physicalOffset);
      assert.equal(storeTimestampAt(bytes, at), input.storeTimestamp);
      assert.deepEqual(range(topicRangeAt(bytes, at)), input.topic);
      assert.deepEqual(range(bodyRangeAt(bytes, at)), input.body);
      assert.deepEqual(range(propertiesRangeAt(bytes, at)), input.properties);
    }),
  );
});

test('properties may be written by the caller', () => {
  const whole = encode(message());
  const { properties, ...rest } = message();
  const bytes = new Uint8Array(whole.length);
  const at = encodeStoredMessage(bytes, new DataView(bytes.buffer), 0, rest);
  bytes.set(properties ?? [], at);
  assert.equal(toHex(bytes), toHex(whole));
});

test('several records are decoded one after the other', () => {
  const bytes = Buffer.concat([1, 2, 3].map((queueId) => encode(message({ queueId }))));
  assert.deepEqual(
    decodeStoredMessages(bytes).map(({ queueId }) => queueId),
    [1, 2, 3],
  );
  assert.throws(
    () => decodeStoredMessages(bytes.subarray(0, bytes.length - 1)),
    (error) => isFailure(error, 'corrupt'),
  );
});

test('a record is checked where it says it is', () => {
  const bytes = encode(message(), 10);
  const size = bytes.length - 10;
  assert.deepEqual(checkRecord(bytes, 10, size, 0x1000), { type: 'record', size });
  assert.deepEqual(checkRecord(bytes, 10, size, 0x1001), {
    type: 'damaged',
    why: 'record states position 4096, is at 4097',
  });
  assert.equal(checkRecord(bytes, 10, size - 1, 0x1000).type, 'damaged');
});

test('blanks and unwritten bytes are told apart from damage', () => {
  const bytes = new Uint8Array(64);
  writeBlankRecord(new DataView(bytes.buffer), 0, 64);
  assert.deepEqual(checkRecord(bytes, 0, 64, 0), { type: 'blank', size: 64 });
  assert.deepEqual(checkRecord(bytes, 8, 56, 8), { type: 'end' });
  assert.deepEqual(checkRecord(bytes, 0, 7, 0), { type: 'end' });
  writeBlankRecord(new DataView(bytes.buffer), 0, 7);
  assert.equal(checkRecord(bytes, 0, 64, 0).type, 'damaged');
  assert.equal(checkRecord(encodeText('something else entirely'), 0, 23, 0).type, 'damaged');
});

/** Fields whose every change is found: sizes, position, and the body by its checksum. */
function isCovered(bytes: Uint8Array, at: number): boolean {
  const body = bodyRangeAt(bytes, 0);
  const topic = topicRangeAt(bytes, 0);
  const properties = propertiesRangeAt(bytes, 0);
  return (
    at < 12 ||
    (at >= 28 && at < 36) ||
    (at >= body.start - 4 && at < topic.start) ||
    (at >= properties.start - 2 && at < properties.start)
  );
}

test('each changed bit of a size, a position or the body is found', () => {
  const good = encode(message());
  for (let at = 0; at < good.length; at++) {
    if (!isCovered(good, at)) continue;
    for (let bit = 0; bit < 8; bit++) {
      const bytes = good.slice();
      bytes[at]! ^= 1 << bit;
      assert.equal(checkRecord(bytes, 0, bytes.length, 0x1000).type, 'damaged', `${at}.${bit}`);
    }
  }
});

test('no bytes make a check read beyond the record or fail otherwise', () => {
  fc.assert(
    fc.property(
      anyMessage,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
      fc.nat(300),
      (input, changes, cutAt) => {
        const bytes = encode(input);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        const available = Math.min(cutAt, bytes.length);
        const check = checkRecord(bytes.subarray(0, available), 0, available, input.physicalOffset);
        if (check.type === 'record') {
          assert.ok(check.size <= available);
          assert.equal(decodeStoredMessage(bytes, 0).size, check.size);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test('the fields that are described add up to the smallest record', () => {
  const least = storedMessageFields.map(({ bytes }) => Number.parseInt(bytes, 10));
  assert.equal(
    least.reduce((sum, bytes) => sum + bytes, 0),
    storedMessageSize(0, 0, 0),
  );
});
