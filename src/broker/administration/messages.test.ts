import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { physicalOffset, timestampMs } from '../../base/index.ts';
import {
  decodeOffsetMessageId,
  decodeStoredMessages,
  QueryMessage,
  RequestCode,
  ResponseCode,
  ViewMessage,
} from '../../wire/index.ts';
import { TestBroker, type TestClient } from '../test-broker.ts';

async function view(client: TestClient, offset: number): Promise<string | undefined> {
  const { code, body } = await client.ask({
    code: RequestCode.VIEW_MESSAGE_BY_ID,
    header: [ViewMessage, { offset: physicalOffset(offset) }],
  });
  if (code !== ResponseCode.SUCCESS) return undefined;
  return new TextDecoder().decode(decodeStoredMessages(body)[0]?.body);
}

async function query(
  client: TestClient,
  key: string,
  more: Partial<QueryMessage> = {},
): Promise<string[]> {
  const { code, body } = await client.ask({
    code: RequestCode.QUERY_MESSAGE,
    header: [
      QueryMessage,
      {
        topic: 't',
        key,
        maxNum: 10,
        beginTimestamp: timestampMs(0),
        endTimestamp: timestampMs(Number.MAX_SAFE_INTEGER),
        ...more,
      },
    ],
  });
  if (code === ResponseCode.QUERY_NOT_FOUND) return [];
  assert.equal(code, ResponseCode.SUCCESS);
  return decodeStoredMessages(body).map((message) => new TextDecoder().decode(message.body));
}

test('a message is found by its position, and nothing else is', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  await client.createTopic('t');
  const { id } = await client.send('t', 'a');
  const position = decodeOffsetMessageId(id).physicalOffset;
  assert.equal(await view(client, position), 'a');
  for (const offset of [position + 1, position - 1, -1, 1e9, Number.MAX_SAFE_INTEGER]) {
    assert.equal(await view(client, offset), undefined, `${offset}`);
  }
  assert.equal(await view(client, 0), undefined, 'the epoch record');
  await broker.crash({ powerLoss: false });
  assert.equal(await view(client, position), 'a');
});

test('messages are found by each of their keys and by their unique key', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  await client.createTopic('t');
  await client.createTopic('u');
  await client.send('t', 'a', { properties: { KEYS: 'k1 k2', UNIQ_KEY: 'id-a' } });
  await client.send('t', 'b', { properties: { KEYS: 'k2' } });
  await client.send('u', 'c', { properties: { KEYS: 'k2' } });
  const check = async () => {
    assert.deepEqual(await query(client, 'k1'), ['a']);
    assert.deepEqual(await query(client, 'k2'), ['a', 'b'], 'in the order of the log');
    assert.deepEqual(await query(client, 'k2', { maxNum: 1 }), ['b'], 'the newest');
    assert.equal((await query(client, 'k2', { maxNum: -5 })).length, 1);
    assert.deepEqual(await query(client, 'id-a', { isUniqueKey: true }), ['a']);
    assert.deepEqual(await query(client, 'k'), []);
    assert.deepEqual(await query(client, ''), []);
    assert.deepEqual(await query(client, 'k1', { topic: 'nothing' }), []);
    assert.deepEqual(await query(client, 'k1', { endTimestamp: timestampMs(1) }), []);
    assert.deepEqual(await query(client, 'k1', { beginTimestamp: timestampMs(2 ** 52) }), []);
  };
  await check();
  await broker.runFor(1000);
  await broker.crash({ powerLoss: false });
  await check();
});

test('messages of a topic that was deleted since are not found by key', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  await client.createTopic('t');
  await client.send('t', 'old', { properties: { KEYS: 'k' } });
  await client.deleteTopic('t');
  await client.createTopic('t');
  assert.deepEqual(await query(client, 'k'), []);
  await client.send('t', 'new', { properties: { KEYS: 'k' } });
  assert.deepEqual(await query(client, 'k'), ['new']);
});

test('a query by tag is refused, since it would find nothing or the wrong', async () => {
  const broker = await TestBroker.start();
  const { code } = await broker.client().ask({
    code: RequestCode.QUERY_MESSAGE,
    header: [
      QueryMessage,
      {
        topic: 't',
        key: 'tag',
        maxNum: 10,
        beginTimestamp: timestampMs(0),
        endTimestamp: timestampMs(1),
        indexType: 'T',
      },
    ],
  });
  assert.equal(code, ResponseCode.SYSTEM_ERROR);
});

test('a query whose messages do not fit one answer gives those that do', async () => {
  const maxMessageBytes = 4 * 2 ** 20;
  const broker = await TestBroker.start({ maxMessageBytes, segmentBytes: 64 * 2 ** 20 });
  const client = broker.client();
  await client.createTopic('t');
  for (let count = 0; count < 6; count++) {
    const body = new Uint8Array(maxMessageBytes);
    assert.equal((await client.send('t', body, { properties: { KEYS: 'k' } })).code, 'SUCCESS');
  }
  assert.equal((await query(client, 'k')).length, 1);
});
