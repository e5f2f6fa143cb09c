import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { delaySourceProperty } from '../../views/index.ts';
import {
  DelayOffsetSerializeWrapper,
  decodeStoredMessages,
  KVTable,
  maxPropertiesBytes,
  RequestCode,
  type StoredMessage,
} from '../../wire/index.ts';
import type { BrokerOptions } from '../options.ts';
import { pullRequest, type SendOptions, TestBroker, type TestClient } from '../test-broker.ts';

const second = 1000;

async function brokerWithTopic(options: Partial<BrokerOptions> = {}): Promise<TestBroker> {
  const broker = await TestBroker.start(options);
  await broker.client().createTopic('t', 4);
  return broker;
}

async function records(client: TestClient, topic: string, queueId = 0): Promise<StoredMessage[]> {
  return decodeStoredMessages((await client.ask(pullRequest({ topic, queueId }))).body);
}

async function bodies(client: TestClient, topic: string, queueId = 0): Promise<string[]> {
  return (await records(client, topic, queueId)).map(({ body }) => new TextDecoder().decode(body));
}

const delayed = (level: number | string, more: SendOptions = {}): SendOptions => ({
  ...more,
  properties: { ...more.properties, DELAY: String(level) },
});

test('a delayed message comes to its queue once its level has passed, as it was sent', async () => {
  const broker = await brokerWithTopic();
  const client = broker.client();
  const properties = { TAGS: 'red', KEYS: 'k', mine: 'yes', UNIQ_KEY: 'u', WAIT: 'true' };
  const more = { flag: 5, sysFlag: 1, reconsumeTimes: 2 };
  const sent = await client.send('t', 'body', delayed(2, { queueId: 3, properties, more }));
  assert.deepEqual([sent.code, sent.queueId, sent.offset], ['SUCCESS', 3, 0]);
  await broker.runFor(4.9 * second);
  assert.equal(await client.maxOffset('t', 3), 0);
  await broker.runFor(0.2 * second);
  const [message] = await records(client, 't', 3);
  assert(message !== undefined);
  const { flag, sysFlag, reconsumeTimes, bornTimestamp, queueId, topic } = message;
  assert.deepEqual([flag, sysFlag, reconsumeTimes, queueId, topic], [5, 1, 2, 3, 't']);
  assert.equal(bornTimestamp, 1_700_000_000_000);
  const { regionId, clusterName } = broker.options;
  assert.deepEqual(Object.fromEntries(message.properties), {
    ...properties,
    DELAY: '2',
    MSG_REGION: regionId,
    TRACE_ON: 'true',
    CLUSTER: clusterName,
    REAL_TOPIC: 't',
    REAL_QID: '3',
    [delaySourceProperty]: '1:0',
  });
  assert.deepEqual((await client.pull({ queueId: 3, tags: 'blue' })).bodies, []);
  assert.deepEqual((await client.pull({ queueId: 3, tags: 'red' })).bodies, ['body']);
});

test('levels beyond the last count as the last; 0 and less as none; what is no number is refused', async () => {
  const broker = await brokerWithTopic({ delayLevelsMs: [second, 2 * second] });
  const client = broker.client();
  await client.send('t', 'last', delayed(99));
  await client.send('t', 'none', delayed(0));
  await client.send('t', 'negative', delayed(-1));
  assert.equal((await client.send('t', 'x', delayed('soon'))).code, 'MESSAGE_ILLEGAL');
  assert.deepEqual(await bodies(client, 't'), ['none', 'negative']);
  const [waiting] = await records(client, 'SCHEDULE_TOPIC_XXXX', 1);
  assert.equal(waiting?.properties.get('DELAY'), '2');
  await broker.runFor(2.1 * second);
  assert.deepEqual(await bodies(client, 't'), ['none', 'negative', 'last']);
});

test('a delay level wins over a timer, which is refused alone', async () => {
  const broker = await brokerWithTopic();
  const client = broker.client();
  const properties = { TIMER_DELAY_MS: '9', TIMER_DELIVER_MS: '9', TIMER_DELAY_SEC: '9' };
  const timer = await client.send('t', 'x', { properties });
  assert.equal(timer.code, 'MESSAGE_ILLEGAL');
  assert.equal((await client.send('t', 'x', delayed(0, { properties }))).code, 'MESSAGE_ILLEGAL');
  assert.equal((await client.send('t', 'x', delayed(1, { properties }))).code, 'SUCCESS');
  const half = delayed(1, { properties: { TRAN_MSG: 'true' } });
  assert.equal((await client.send('t', 'x', half)).code, 'MESSAGE_ILLEGAL');
  await broker.runFor(1.1 * second);
  const [message] = await records(client, 't');
  assert.deepEqual(
    Object.keys(properties).filter((name) => message?.properties.has(name)),
    [],
  );
});

test('messages of a level keep their order, also hundreds that are due at once', async () => {
  const broker = await brokerWithTopic({ segmentBytes: 2 ** 20, tailBytes: 2 ** 21 });
  const client = broker.client();
  const names = Array.from({ length: 500 }, (_, index) => `m${index}`);
  await broker.complete(Promise.all(names.map((name) => client.sending('t', name, delayed(1)))));
  await broker.runFor(2 * second);
  const got: string[] = [];
  while (got.length < names.length) {
    const pulled = await client.pull({ offset: got.length });
    assert.equal(pulled.code, 'SUCCESS', `after ${got.length}`);
    got.push(...pulled.bodies);
  }
  assert.deepEqual(got, names);
});

for (const powerLoss of [false, true]) {
  test(`nothing is delivered twice or lost when ${powerLoss ? 'power' : 'the process'} is lost`, async () => {
    const broker = await brokerWithTopic({ flushDiskType: 'SYNC_FLUSH' });
    const client = broker.client();
    await client.send('t', 'a', delayed(1));
    await client.send('t', 'b', delayed(2));
    await client.send('t', 'c', delayed(1));
    await broker.runFor(1.5 * second);
    assert.deepEqual(await bodies(client, 't'), ['a', 'c']);
    await broker.crash({ powerLoss });
    await broker.crash({ powerLoss });
    await broker.runFor(10 * second);
    assert.deepEqual(await bodies(client, 't'), ['a', 'c', 'b']);
    await client.send('t', 'd', delayed(1));
    await broker.runFor(1.1 * second);
    assert.deepEqual(await bodies(client, 't'), ['a', 'c', 'b', 'd']);
  });
}

test('what becomes due while the broker is down is delivered at its start', async () => {
  const broker = await brokerWithTopic();
  const client = broker.client();
  await client.send('t', 'x', delayed(3));
  await broker.stop();
  broker.node.crash({ powerLoss: false });
  await broker.runFor(60 * second);
  broker.node.restart();
  client.reconnect();
  await broker.start();
  await broker.runFor(50);
  assert.deepEqual(await bodies(client, 't'), ['x']);
});

test('a message does not come to another topic of the name of its own', async () => {
  const broker = await brokerWithTopic();
  const client = broker.client();
  await client.send('t', 'of the old topic', delayed(1));
  await client.send('t', 'too', delayed(2));
  await client.deleteTopic('t');
  await client.createTopic('t', 4);
  await client.createTopic('other', 4);
  await client.send('other', 'of another', delayed(1));
  await broker.runFor(1.5 * second);
  await broker.crash({ powerLoss: true });
  await broker.runFor(10 * second);
  assert.equal(await client.maxOffset('t'), 0);
  assert.deepEqual(await bodies(client, 'other'), ['of another']);
  await client.send('t', 'of the new topic', delayed(1));
  await broker.runFor(1.1 * second);
  assert.deepEqual(await bodies(client, 't'), ['of the new topic']);
});

test('a clock that is set back delays nothing for longer than its level', async () => {
  const broker = await brokerWithTopic();
  const client = broker.client();
  await client.send('t', 'before', delayed(2));
  broker.node.jumpWallClock(-3_600_000);
  await client.send('t', 'after', delayed(2));
  await broker.runFor(4.9 * second);
  assert.deepEqual(await bodies(client, 't'), ['before']);
  await broker.runFor(0.2 * second);
  assert.deepEqual(await bodies(client, 't'), ['before', 'after']);
});

test('a full disk holds deliveries up and loses none', async () => {
  const broker = await brokerWithTopic();
  const client = broker.client();
  for (let count = 0; count < 10; count++) await client.send('t', `m${count}`, delayed(1));
  broker.node.drive.setFreeBytes(0);
  await broker.runFor(3 * second);
  broker.node.drive.setFreeBytes(2 ** 40);
  await broker.runFor(20 * second);
  assert.equal((await bodies(client, 't')).length, 10);
});

test('nobody but the broker says what was delivered', async () => {
  const broker = await brokerWithTopic();
  const client = broker.client();
  const forged = { [delaySourceProperty]: '0:100' };
  assert.equal((await client.send('t', 'forged', { properties: forged })).code, 'SUCCESS');
  assert.equal((await client.send('t', 'm', delayed(1, { properties: forged }))).code, 'SUCCESS');
  await broker.crash({ powerLoss: false });
  await broker.runFor(1.1 * second);
  const [first, copy] = await records(client, 't');
  assert.equal(first?.properties.has(delaySourceProperty), false);
  assert.equal(copy?.properties.get(delaySourceProperty), '0:0');
});

test('properties that leave no room for those of the delivered copy are refused', async () => {
  const broker = await brokerWithTopic({ segmentBytes: 2 ** 22, tailBytes: 2 ** 22 });
  const client = broker.client();
  let [fits, fails] = [30_000, maxPropertiesBytes];
  while (fails - fits > 1) {
    const length = Math.floor((fits + fails) / 2);
    const sent = await client.send('t', 'x', delayed(1, { properties: { a: 'x'.repeat(length) } }));
    if (sent.code === 'SUCCESS') fits = length;
    else fails = length;
  }
  const properties = { a: 'x'.repeat(fits) };
  assert.equal((await client.send('t', 'most', delayed(1, { properties }))).code, 'SUCCESS');
  await broker.runFor(2 * second);
  const last = (await client.maxOffset('t')) as number;
  assert.deepEqual((await client.pull({ offset: last - 1 })).bodies, ['most']);
});

test('tools are told from where on each level delivers', async () => {
  const broker = await brokerWithTopic();
  const client = broker.client();
  for (const level of [1, 1, 3]) await client.send('t', 'x', delayed(level));
  await broker.runFor(1.1 * second);
  const { body } = await client.ask({ code: RequestCode.GET_ALL_DELAY_OFFSET });
  const { offsetTable } = DelayOffsetSerializeWrapper.decode(body);
  assert.deepEqual(
    [...offsetTable],
    [
      [1, 2],
      [3, 0],
    ],
  );
  const { body: info } = await client.ask({ code: RequestCode.GET_BROKER_RUNTIME_INFO });
  const { table } = KVTable.decode(info);
  assert.deepEqual(
    [1, 3].map((level) => table.get(`scheduleMessageOffset_${level}`)),
    ['2,2', '0,1'],
  );
});
