import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import {
  BrokerStatsData,
  GetTopic,
  KVTable,
  RequestCode,
  ResponseCode,
  TopicStatsTable,
  ViewBrokerStats,
} from '../../wire/index.ts';
import { TestBroker, type TestClient } from '../test-broker.ts';

async function minuteOf(client: TestClient, statsName: string, statsKey: string) {
  const response = await client.ask({
    code: RequestCode.VIEW_BROKER_STATS_DATA,
    header: [ViewBrokerStats, { statsName, statsKey }],
  });
  return response.code === ResponseCode.SUCCESS
    ? BrokerStatsData.decode(response.body).statsMinute
    : response.remark;
}

async function figures(client: TestClient): Promise<(name: string) => string | undefined> {
  const response = await client.ask({ code: RequestCode.GET_BROKER_RUNTIME_INFO });
  assert.equal(response.code, ResponseCode.SUCCESS);
  const { table } = KVTable.decode(response.body);
  return (name) => table.get(name);
}

async function topicStats(client: TestClient, topic: string) {
  const response = await client.ask({
    code: RequestCode.GET_TOPIC_STATS_INFO,
    header: [GetTopic, { topic }],
  });
  if (response.code !== ResponseCode.SUCCESS) return response.remark;
  const { offsetTable, topicPutTps } = TopicStatsTable.decode(response.body);
  return {
    topicPutTps,
    queues: [...offsetTable].map(([{ queueId }, { minOffset, maxOffset, lastUpdateTimestamp }]) => [
      queueId,
      minOffset,
      maxOffset,
      lastUpdateTimestamp > 0,
    ]),
  };
}

test('messages are counted by topic, group and broker, each request once', async () => {
  const broker = await TestBroker.start({ clusterName: 'c' });
  const client = broker.client();
  await client.createTopic('t', 2);
  for (let count = 0; count < 3; count++) await client.send('t', 'x');
  const pulled = await client.pull({ group: 'g', topic: 't', count: 2 });
  assert.equal(pulled.bodies.length, 2);
  await broker.runFor(10_000);
  assert.deepEqual(await minuteOf(client, 'TOPIC_PUT_NUMS', 't'), { sum: 3, tps: 0.3, avgpt: 1 });
  assert.deepEqual(await minuteOf(client, 'GROUP_GET_NUMS', 't@g'), { sum: 2, tps: 0.2, avgpt: 2 });
  assert.deepEqual(await minuteOf(client, 'GROUP_GET_LATENCY', '0@t@g'), {
    sum: 0,
    tps: 0,
    avgpt: 0,
  });
  assert.deepEqual(await minuteOf(client, 'BROKER_PUT_NUMS', 'c'), { sum: 3, tps: 0.3, avgpt: 0 });
  assert.deepEqual(await minuteOf(client, 'BROKER_GET_NUMS', 'c'), { sum: 2, tps: 0.2, avgpt: 0 });
  const puts = await minuteOf(client, 'TOPIC_PUT_SIZE', 't');
  const gets = await minuteOf(client, 'GROUP_GET_SIZE', 't@g');
  assert(typeof puts === 'object' && typeof gets === 'object');
  assert.equal(puts.sum / 3, gets.sum / 2);
});

test('messages of system topics count for the broker only where RocketMQ counts them', async () => {
  const broker = await TestBroker.start({ clusterName: 'c' });
  const client = broker.client();
  await client.send('BenchmarkTest', 'x');
  await broker.runFor(10_000);
  const sum = async (name: string) => {
    const item = await minuteOf(client, name, 'c');
    return typeof item === 'object' ? item.sum : item;
  };
  assert.equal(await sum('BROKER_PUT_NUMS'), 1);
  assert.equal(await sum('BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC'), 0);
});

test('what was never counted does not exist, nor do unknown names and keys of another shape', async () => {
  const broker = await TestBroker.start({ clusterName: 'c' });
  const client = broker.client();
  await client.createTopic('t');
  await client.createGroup('g');
  await client.pull({ group: 'g', topic: 't' });
  for (const [name, key] of [
    ['TOPIC_PUT_NUMS', 't'],
    ['TOPIC_PUT_NUMS', 't@g'],
    ['GROUP_GET_NUMS', 't@g'],
    ['GROUP_GET_NUMS', 't'],
    ['GROUP_GET_LATENCY', '0@t@g'],
    ['GROUP_GET_LATENCY', 'length@t@g'],
    ['GROUP_GET_LATENCY', '-1@t@g'],
    ['SNDBCK_PUT_NUMS', 't@g'],
    ['BROKER_PUT_NUMS', 'other'],
    ['toString', 'c'],
    ['__proto__', 'c'],
    ['', ''],
  ] as const) {
    assert.equal(await minuteOf(client, name, key), `The stats <${name}> <${key}> not exist`);
  }
});

test('what was counted of a topic goes with it, and with its group', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  await client.createTopic('t');
  await client.createGroup('g');
  await client.send('t', 'x');
  await client.pull({ group: 'g', topic: 't' });
  assert.equal(typeof (await minuteOf(client, 'GROUP_GET_NUMS', 't@g')), 'object');
  await client.deleteGroup('g');
  assert.equal(typeof (await minuteOf(client, 'GROUP_GET_NUMS', 't@g')), 'string');
  assert.equal(typeof (await minuteOf(client, 'TOPIC_PUT_NUMS', 't')), 'object');
  await client.deleteTopic('t');
  assert.equal(typeof (await minuteOf(client, 'TOPIC_PUT_NUMS', 't')), 'string');
});

test('the state of a topic names all its queues, also those without messages', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  await client.createTopic('t', 1, { writeQueueNums: 2 });
  await client.send('t', 'x', { queueId: 1 });
  await broker.runFor(10_000);
  assert.deepEqual(await topicStats(client, 't'), {
    topicPutTps: 0.1,
    queues: [
      [0, 0, 0, false],
      [1, 0, 1, true],
    ],
  });
  for (const topic of ['nothing', 'rmq_sys_metadata', '']) {
    assert.equal(await topicStats(client, topic), `topic[${topic}] not exist`);
  }
});

test('the figures of the broker tell rates, totals and times, worded as tools parse them', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  await client.createTopic('t');
  for (let count = 0; count < 30; count++) await client.send('t', 'x');
  await client.pull({ group: 'g', topic: 't' });
  await client.pull({ group: 'g', topic: 't', offset: 30 });
  const before = await figures(client);
  assert.match(before('putMessageDistributeTime') ?? '', /^\[<=0ms\]:30 \[0~10ms\]:0 /);
  await broker.runFor(11_000);
  const of = await figures(client);
  assert.equal(of('putTps'), '0.0  ');
  assert.equal(of('getTotalTps'), '0.0 0.0 0.0');
  assert.equal(of('getTransferedTps'), of('getTransferredTps'));
  assert.equal(of('putMessageTimesTotal'), '30');
  assert.equal(of('putMessageFailedTimes'), '0');
  assert.equal(of('msgPutTotalTodayNow'), '30');
  assert.equal(of('msgGetTotalTodayNow'), '30');
  assert.match(of('remainHowManyDataToFlush') ?? '', /^[0-9.]+ ([KMG]i)?B$/);
  assert.match(of('commitLogDirCapacity') ?? '', /^Total : \S+ \S*B, Free : \S+ \S*B\.$/);
  assert.match(of('commitLogDiskRatio') ?? '', /^[0-9]\.[0-9]+$/);
  assert(Number(of('earliestMessageTimeStamp')) > 0);
  assert(Number(of('brokerVersion')) > 0);
  assert.match(of('runtime') ?? '', /^\[ 0 days, 0 hours, 0 minutes, 1[0-9] seconds \]$/);
});

test('rates are those of the last seconds', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  await client.createTopic('t');
  await broker.runFor(60_000);
  for (let count = 0; count < 30; count++) await client.send('t', 'x');
  await broker.runFor(1000);
  const [ten, minute, tenMinutes] = ((await figures(client))('putTps') ?? '').split(' ');
  assert.deepEqual([ten, minute, tenMinutes], ['3.0', '0.5', '']);
});

test('totals of the morning move with the day', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  await client.createTopic('t');
  await client.send('t', 'x');
  const nextDay = async (): Promise<void> => {
    broker.node.jumpWallClock(24 * 3_600_000);
    await broker.runFor(1000);
  };
  await nextDay();
  assert.equal((await figures(client))('msgPutTotalTodayMorning'), '1');
  await client.send('t', 'x');
  await nextDay();
  const of = await figures(client);
  assert.equal(of('msgPutTotalYesterdayMorning'), '1');
  assert.equal(of('msgPutTotalTodayMorning'), '2');
  assert.equal(of('msgPutTotalTodayNow'), '2');
});
