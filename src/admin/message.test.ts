import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { physicalOffset, queueOffset, timestampMs } from '../base/index.ts';
import { type StoredMessage, SysFlag } from '../wire/index.ts';
import { Message, messageOf } from './message.ts';

const stored: StoredMessage = {
  queueId: 1,
  flag: 0,
  queueOffset: queueOffset(7),
  physicalOffset: physicalOffset(0x1234),
  sysFlag: 0,
  bornTimestamp: timestampMs(1),
  bornHost: { host: '10.0.0.2', port: 5 },
  storeTimestamp: timestampMs(2),
  storeHost: { host: '10.0.0.1', port: 10911 },
  reconsumeTimes: 0,
  preparedTransactionOffset: 0,
  bodyCrc: 0,
  body: new TextEncoder().encode('消息'),
  topic: 'T',
  properties: new Map([['UNIQ_KEY', 'U']]),
  size: 100,
};

function bodyOf(body: Uint8Array, sysFlag: number): readonly unknown[] {
  const message = messageOf({ ...stored, body, sysFlag }, 'a');
  return [message.body, message.bodyBase64];
}

const text = 'some text, '.repeat(500);
const deflated = deflateSync(text);

test('both ids of a message are there', () => {
  const { messageId, offsetMessageId } = messageOf(stored, 'a');
  assert.deepEqual([messageId, offsetMessageId], ['U', '0A00000100002A9F0000000000001234']);
  const old = messageOf({ ...stored, properties: new Map() }, 'a');
  assert.equal(old.messageId, offsetMessageId, 'very old clients set no key');
});

test('a body is text when it is UTF-8, else base64', () => {
  assert.deepEqual(bodyOf(stored.body, 0), ['消息', undefined]);
  assert.deepEqual(bodyOf(new Uint8Array([0xff]), 0), [undefined, '/w==']);
});

test('bodies that clients compressed with zlib are unfolded, also those without a type', () => {
  assert.deepEqual(bodyOf(deflated, SysFlag.COMPRESSED | SysFlag.COMPRESSION_ZLIB), [
    text,
    undefined,
  ]);
  assert.deepEqual(bodyOf(deflated, SysFlag.COMPRESSED), [text, undefined]);
});

test('another compression, or damage, is shown as it is', () => {
  const bytes = new Uint8Array([0xff, 1, 2]);
  const shown = [undefined, '/wEC'];
  assert.deepEqual(bodyOf(bytes, SysFlag.COMPRESSED | SysFlag.COMPRESSION_LZ4), shown);
  assert.deepEqual(bodyOf(bytes, SysFlag.COMPRESSED | SysFlag.COMPRESSION_ZLIB), shown);
});

test('what is absent is left out for programs', () => {
  const json = Message.toJson(messageOf(stored, 'a'));
  assert.ok(json !== null && typeof json === 'object');
  assert.ok(!('tags' in json) && !('bodyBase64' in json));
  assert.match(JSON.stringify(json), /"queueOffset":"7"/);
});
