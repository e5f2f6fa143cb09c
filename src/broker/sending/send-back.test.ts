import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { physicalOffset } from '../../base/index.ts';
import { delaySourceProperty } from '../../views/index.ts';
import {
  ConsumerSendMsgBack,
  decodeOffsetMessageId,
  decodeStoredMessages,
  LockBatchRequest,
  RequestCode,
  type StoredMessage,
  type SubscriptionGroupConfig,
} from '../../wire/index.ts';
import type { BrokerOptions } from '../options.ts';
import { pullRequest, TestBroker, type TestClient } from '../test-broker.ts';

const second = 1000;

async function brokerWithMessage(
  group: Partial<SubscriptionGroupConfig> = {},
  options: Partial<BrokerOptions> = {},
): Promise<{ broker: TestBroker; client: TestClient; id: string; offset: number }> {
  const broker = await TestBroker.start(options);
  const client = broker.client();
  await client.createTopic('t', 1);
  await client.createGroup('g', group);
  const properties = { TAGS: 'red', KEYS: 'k', mine: 'yes' };
  const { id } = await client.send('t', 'body', { properties });
  return { broker, client, id, offset: decodeOffsetMessageId(id).physicalOffset };
}

function back(offset: number, more: Partial<ConsumerSendMsgBack> = {}) {
  const header = { offset: physicalOffset(offset), group: 'g', delayLevel: 0, ...more };
  return {
    code: RequestCode.CONSUMER_SEND_MSG_BACK,
    header: [ConsumerSendMsgBack, header],
  } as const;
}

async function last(client: TestClient, topic: string): Promise<StoredMessage> {
  const offset = ((await client.maxOffset(topic)) as number) - 1;
  const response = await client.ask(pullRequest({ topic, offset }));
  const [message] = decodeStoredMessages(response.body);
  assert(message !== undefined, `a message in ${topic}`);
  return message;
}

const retry = '%RETRY%g';
const deadLetters = '%DLQ%g';

test('a message that is sent back comes to the retry topic, each time a level later', async () => {
  const { broker, client, id, offset } = await brokerWithMessage();
  assert.equal((await client.answer(back(offset, { originTopic: 't' }))).code, 'SUCCESS');
  await broker.runFor(9.9 * second);
  assert.equal(await client.maxOffset(retry), 0);
  await broker.runFor(0.2 * second);
  const first = await last(client, retry);
  assert.deepEqual([first.reconsumeTimes, new TextDecoder().decode(first.body)], [1, 'body']);
  const { UNIQ_KEY, ...properties } = Object.fromEntries(first.properties);
  assert.equal(UNIQ_KEY?.length, 32);
  assert.deepEqual(properties, {
    TAGS: 'red',
    KEYS: 'k',
    mine: 'yes',
    MSG_REGION: broker.options.regionId,
    TRACE_ON: 'true',
    CLUSTER: broker.options.clusterName,
    WAIT: 'false',
    DELAY: '3',
    RETRY_TOPIC: 't',
    ORIGIN_MESSAGE_ID: id,
    REAL_TOPIC: retry,
    REAL_QID: '0',
    [delaySourceProperty]: '2:0',
  });
  // Clients name the topic that they show, which is the first.
  const again = back(first.physicalOffset, { originTopic: 't' });
  assert.equal((await client.answer(again)).code, 'SUCCESS');
  await broker.runFor(30.1 * second);
  const next = await last(client, retry);
  assert.equal(next.reconsumeTimes, 2);
  assert.equal(next.properties.get('ORIGIN_MESSAGE_ID'), id);
  assert.equal(next.properties.get('RETRY_TOPIC'), 't');
  assert.equal(await client.maxOffset(retry), 2);
});

test('a level that is asked for is taken, and one below 0 is the dead letters', async () => {
  const { broker, client, offset } = await brokerWithMessage();
  assert.equal((await client.answer(back(offset, { delayLevel: 1 }))).code, 'SUCCESS');
  await broker.runFor(1.1 * second);
  assert.equal((await last(client, retry)).reconsumeTimes, 1);
  assert.equal((await client.answer(back(offset, { delayLevel: -1 }))).code, 'SUCCESS');
  assert.equal((await last(client, deadLetters)).properties.get('RETRY_TOPIC'), 't');
});

test('a message that came too often goes to the dead letters', async () => {
  const { broker, client, offset } = await brokerWithMessage({ retryMaxTimes: 1 });
  await client.answer(back(offset, { delayLevel: 1 }));
  await broker.runFor(1.1 * second);
  const retried = await last(client, retry);
  // What the consumer says counts more than the group.
  const more = back(retried.physicalOffset, { delayLevel: 1, maxReconsumeTimes: 2 });
  assert.equal((await client.answer(more)).code, 'SUCCESS');
  assert.equal(await client.hasTopic(deadLetters), false);
  assert.equal((await client.answer(back(retried.physicalOffset))).code, 'SUCCESS');
  const dead = await last(client, deadLetters);
  assert.deepEqual([dead.reconsumeTimes, dead.queueId], [2, 0]);
  assert.equal(dead.properties.get('DELAY'), '0');
});

test('retries are spread over the queues that the group asks for', async () => {
  const { broker, client, offset } = await brokerWithMessage({ retryQueueNums: 4 });
  for (let count = 0; count < 20; count++) await client.answer(back(offset, { delayLevel: 1 }));
  await broker.runFor(1.1 * second);
  const counts: (number | string)[] = [];
  for (let queueId = 0; queueId < 4; queueId++) {
    counts.push(await client.maxOffset(retry, queueId));
  }
  assert.equal(
    counts.reduce((sum: number, count) => sum + Number(count), 0),
    20,
  );
  assert(counts.every((count) => count !== 20));
});

test('without retry queues nothing is kept, and that is a success', async () => {
  const { broker, client, offset } = await brokerWithMessage({ retryQueueNums: 0 });
  assert.equal((await client.answer(back(offset))).code, 'SUCCESS');
  await broker.runFor(20 * second);
  assert.equal(await client.hasTopic(retry), false);
});

test('what cannot be sent back is refused with the code of the Java broker', async () => {
  const { client, offset } = await brokerWithMessage();
  const check = async (code: string, request: ReturnType<typeof back>) =>
    assert.equal((await client.answer(request)).code, code, JSON.stringify(request.header[1]));
  await check('SUBSCRIPTION_GROUP_NOT_EXIST', back(offset, { group: 'unknown' }));
  await check('SYSTEM_ERROR', back(offset + 1));
  await check('SYSTEM_ERROR', back(0));
  await check('SYSTEM_ERROR', back(2 ** 52));
  await check('SYSTEM_ERROR', back(offset, { originTopic: 'another' }));
  await client.createTopic(retry, 1, { perm: 4 });
  await check('NO_PERMISSION', back(offset));
});

test('a broker that may not be written to takes nothing back', async () => {
  const { client, offset } = await brokerWithMessage({}, { permission: 4 });
  assert.equal((await client.answer(back(offset))).code, 'NO_PERMISSION');
});

// Sends of clients to the retry topic.

test('a client that sends a retry itself gets as far as the limit', async () => {
  const { broker, client } = await brokerWithMessage({ retryMaxTimes: 2 });
  const send = async (reconsumeTimes: number, maxReconsumeTimes?: number) => {
    const more = { reconsumeTimes, ...(maxReconsumeTimes !== undefined && { maxReconsumeTimes }) };
    const properties = { DELAY: '1' };
    assert.equal((await client.send(retry, 'x', { properties, more })).code, 'SUCCESS');
  };
  await send(2);
  await send(3, 5);
  assert.equal(await client.hasTopic(deadLetters), false);
  await send(3);
  await send(6, 5);
  assert.equal(await client.maxOffset(deadLetters), 2);
  assert.equal((await last(client, deadLetters)).properties.get('DELAY'), '-1');
  await broker.runFor(1.1 * second);
  assert.equal(await client.maxOffset(retry), 2);
});

test('a retry of a group that consumes in order goes to the dead letters at once', async () => {
  const { client } = await brokerWithMessage();
  const mqSet = [{ brokerName: 'broker-a', topic: 't', queueId: 0 }];
  const body = { clientId: 'c', consumerGroup: 'g', mqSet, onlyThisBroker: false };
  await client.ask({ code: RequestCode.LOCK_BATCH_MQ, body: LockBatchRequest.encode(body) });
  assert.equal((await client.send(retry, 'x', { more: { reconsumeTimes: 1 } })).code, 'SUCCESS');
  assert.equal(await client.maxOffset(deadLetters), 1);
  assert.equal(await client.maxOffset(retry), 0);
});

test('a retry for a group that is gone is refused, and so is a batch of retries', async () => {
  const { client } = await brokerWithMessage();
  assert.equal((await client.send(retry, 'x')).code, 'SUCCESS');
  assert.equal((await client.send(retry, 'x', { batch: true })).code, 'MESSAGE_ILLEGAL');
  await client.deleteGroup('g');
  assert.equal((await client.send(retry, 'x')).code, 'SUBSCRIPTION_GROUP_NOT_EXIST');
});
