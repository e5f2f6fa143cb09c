import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { isFailure } from '../../base/index.ts';
import { encodeText } from '../bytes.ts';
import { decodeRegistrationBody } from './registration-content.ts';

const v5 = 479;

/** The form of `compressedRegister`: each text with its length before it, each number in 4 bytes. */
function compressed(...parts: (string | number)[]): Uint8Array {
  const pieces = parts.map((part) => {
    const text = typeof part === 'string' ? encodeText(part) : new Uint8Array();
    const piece = Buffer.alloc(4 + text.length);
    piece.writeInt32BE(typeof part === 'number' ? part : text.length);
    piece.set(text, 4);
    return piece;
  });
  return deflateSync(Buffer.concat(pieces));
}

const versionJson = '{"counter":3,"stateVersion":2,"timestamp":9}';
const version = { counter: 3, stateVersion: 2, timestamp: 9 };
const mappingJson =
  '{"bname":"b","currIdMap":{0:4},"dirty":false,"epoch":1,"scope":"__global__","topic":"T","totalQueues":1}';
const mapping = {
  brokerName: 'b',
  value: {
    bname: 'b',
    currIdMap: new Map([[0, 4]]),
    dirty: false,
    epoch: 1,
    scope: '__global__',
    topic: 'T',
    totalQueues: 1,
  },
};

test('a JSON body, with absent fields as Java has them', () => {
  const body = `{"filterServerList":["f:1"],"topicConfigSerializeWrapper":{"dataVersion":${versionJson},
    "topicConfigTable":{"T":{"perm":4,"readQueueNums":1,"topicSysFlag":2,"writeQueueNums":3},"U":{"topicName":"U"}}}}`;
  const content = decodeRegistrationBody(encodeText(body), v5);
  assert.deepEqual(content.dataVersion, version);
  assert.deepEqual(
    [...content.topics],
    [
      ['T', { readQueueNums: 1, writeQueueNums: 3, perm: 4, topicSysFlag: 2 }],
      ['U', { readQueueNums: 16, writeQueueNums: 16, perm: 6, topicSysFlag: 0 }],
    ],
  );
  assert.deepEqual(content.filterServers, ['f:1']);
});

test('static topics have keys without quotes', () => {
  const body = `{"topicConfigSerializeWrapper":{"topicConfigTable":{},"topicQueueMappingInfoMap":{"T":${mappingJson}}}}`;
  const { mappings } = decodeRegistrationBody(encodeText(body), v5);
  assert.deepEqual(mappings.get('T'), mapping);
});

test('before 3.0.11 the body is the topic table, and filter servers stay as they are', () => {
  const body = '{"topicConfigTable":{"T":{"topicName":"T"}}}';
  const content = decodeRegistrationBody(encodeText(body), 36);
  assert.deepEqual([...content.topics.keys()], ['T']);
  assert.equal(content.filterServers, undefined);
});

test('a compressed body, whatever the header says', () => {
  const parts = [versionJson, 2, 'T 1 3 4 SINGLE_TAG {"a":"b c"}', 'U 8 8 6 SINGLE_TAG', '["f:1"]'];
  const content = decodeRegistrationBody(compressed(...parts, 1, mappingJson), v5);
  assert.deepEqual(content.dataVersion, version);
  assert.deepEqual(
    [...content.topics],
    [
      ['T', { readQueueNums: 1, writeQueueNums: 3, perm: 4, topicSysFlag: 0 }],
      ['U', { readQueueNums: 8, writeQueueNums: 8, perm: 6, topicSysFlag: 0 }],
    ],
  );
  assert.deepEqual(content.filterServers, ['f:1']);
  assert.equal(content.mappings.get('T')?.brokerName, 'b');
  const old = decodeRegistrationBody(compressed(...parts), 412);
  assert.equal(old.mappings.size, 0);
});

test('no body is an empty table', () => {
  const content = decodeRegistrationBody(new Uint8Array(), v5);
  assert.equal(content.topics.size, 0);
  assert.deepEqual(content.dataVersion, { counter: 0, stateVersion: 0, timestamp: 0 });
});

test('malformed bodies are invalid requests', () => {
  const compressedParts = [versionJson, 1, 'T 1 3 4 SINGLE_TAG', '[]', 0] as const;
  const bad: Uint8Array[] = [
    encodeText('{'),
    encodeText('[]'),
    encodeText('{"topicConfigSerializeWrapper":7}'),
    encodeText('{"topicConfigSerializeWrapper":{"topicConfigTable":{"T":{"perm":"x"}}}}'),
    encodeText('{"topicConfigSerializeWrapper":{"topicQueueMappingInfoMap":{"T":{}}}}'),
    encodeText('x\u0001\u0002\u0003'),
    compressed(versionJson, 1, 'T 1 x 4 SINGLE_TAG', '[]', 0),
    compressed(versionJson, 2, 'T 1 3 4 SINGLE_TAG', '[]', 0),
    compressed(versionJson, -1, -5),
    compressed(...compressedParts).subarray(0, -9),
  ];
  for (const [index, body] of bad.entries()) {
    assert.throws(
      () => decodeRegistrationBody(body, v5),
      (error) => isFailure(error, 'invalid'),
      `body ${index}`,
    );
  }
});

test('a compressed body may not unfold without bound', () => {
  const bomb = deflateSync(new Uint8Array(65 * 1024 * 1024));
  assert.throws(
    () => decodeRegistrationBody(bomb, v5),
    (error) => isFailure(error, 'invalid'),
  );
});

test('property: any bytes are read or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, zip) => {
      try {
        decodeRegistrationBody(zip ? deflateSync(bytes) : bytes, v5);
      } catch (error) {
        assert.ok(isFailure(error, 'invalid'), String(error));
      }
    }),
  );
});
