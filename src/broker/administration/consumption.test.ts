import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import {
  ConsumeQueueEntries,
  ConsumeStats,
  ConsumeStatsList,
  ConsumeTimeSpans,
  CorrectionOffsets,
  GetBrokerConsumeStats,
  GetConsumeStats,
  GetTopic,
  GroupList,
  GroupName,
  QueryConsumeQueue,
  QueryConsumeTimeSpan,
  QueryCorrectionOffset,
  QuerySubscription,
  RequestCode,
  ResponseCode,
  SubscriptionOfGroup,
  TopicList,
} from '../../wire/index.ts';
import { TestBroker, type TestClient } from '../test-broker.ts';

/** The groups `g` and `h`, and the topics `t`, with so many messages in its queue 0, and `u`. */
async function brokerWith(messages: number): Promise<TestBroker> {
  const broker = await TestBroker.start();
  const client = broker.client();
  await client.createTopic('t', 2);
  await client.createTopic('u', 1);
  await client.createGroup('g');
  await client.createGroup('h');
  for (let count = 0; count < messages; count++) await client.send('t', `${count}`);
  return broker;
}

async function progress(client: TestClient, header: Partial<GetConsumeStats> = {}) {
  const response = await client.ask({
    code: RequestCode.GET_CONSUME_STATS,
    header: [GetConsumeStats, { consumerGroup: 'g', ...header }],
  });
  assert.equal(response.code, ResponseCode.SUCCESS);
  const { consumeTps, offsetTable } = ConsumeStats.decode(response.body);
  const queues = [...offsetTable].map(([{ topic, queueId }, wrapper]) => {
    const { brokerOffset, consumerOffset, pullOffset, lastTimestamp } = wrapper;
    return [`${topic}/${queueId}`, brokerOffset, consumerOffset, pullOffset, lastTimestamp > 0];
  });
  return { consumeTps, queues };
}

const subscribe = (client: TestClient, ...topics: string[]) =>
  client.heartbeat({ consumers: { g: topics } });

test('the progress of a group is told by queue of each topic that it has offsets on', async () => {
  const client = (await brokerWith(5)).client();
  assert.deepEqual((await progress(client)).queues, []);
  await client.commit('g', 't', 0, 3);
  await client.commit('g', 'u', 0, 0);
  await client.pull({ group: 'g', topic: 't', offset: 4 });
  assert.deepEqual((await progress(client)).queues, [
    ['t/0', 5, 3, 4, true],
    ['t/1', 0, 0, 0, false],
    ['u/0', 0, 0, 0, false],
  ]);
});

test('one topic, or several, may be asked for', async () => {
  const client = (await brokerWith(1)).client();
  await client.commit('g', 't', 0, 1);
  await client.commit('g', 'u', 0, 0);
  const names = async (header: Partial<GetConsumeStats>) =>
    (await progress(client, header)).queues.map(([name]) => name);
  assert.deepEqual(await names({ topic: 'u' }), ['u/0']);
  assert.deepEqual(await names({ topicList: 'u;t;' }), ['u/0', 't/0', 't/1']);
  assert.deepEqual(await names({ topic: 'nothing' }), []);
  assert.deepEqual(await names({ topic: 'rmq_sys_metadata' }), []);
  assert.deepEqual(await names({ consumerGroup: 'nobody' }), []);
});

test('a topic that the online group does not subscribe to tells nothing of its progress', async () => {
  const client = (await brokerWith(1)).client();
  await client.commit('g', 't', 0, 1);
  await client.commit('g', 'u', 0, 0);
  await subscribe(client, 'u', '%RETRY%g');
  const { queues } = await progress(client);
  assert.deepEqual(
    queues.map(([name]) => name),
    ['u/0'],
  );
});

test('a commit that waits to be recorded is told, and is recorded before it is told', async () => {
  const broker = await brokerWith(5);
  const client = broker.client();
  await client.pull({ group: 'g', topic: 't', commit: 2 });
  assert.deepEqual((await progress(client)).queues[0]?.slice(0, 3), ['t/0', 5, 2]);
  await broker.crash({ powerLoss: false });
  assert.deepEqual((await progress(client)).queues[0]?.slice(0, 3), ['t/0', 5, 2]);
});

test('the rate of a group is that of all its topics', async () => {
  const broker = await brokerWith(5);
  const client = broker.client();
  await client.send('u', 'x');
  await client.commit('g', 't', 0, 0);
  await client.commit('g', 'u', 0, 0);
  await client.pull({ group: 'g', topic: 't' });
  await client.pull({ group: 'g', topic: 'u' });
  await broker.runFor(10_000);
  assert.equal((await progress(client)).consumeTps, 0.6);
});

test('the progress of all groups comes with its sum', async () => {
  const client = (await brokerWith(5)).client();
  await client.createTopic('ordered', 1, { order: true });
  await client.send('ordered', 'x');
  await client.commit('g', 't', 0, 3);
  await client.commit('h', 't', 0, 5);
  await client.commit('h', 'ordered', 0, 0);
  const ask = async (isOrder: boolean) => {
    const response = await client.ask({
      code: RequestCode.GET_BROKER_CONSUME_STATS,
      header: [GetBrokerConsumeStats, { isOrder }],
    });
    const { totalDiff, totalInflightDiff, brokerAddr, consumeStatsList } = ConsumeStatsList.decode(
      response.body,
    );
    assert.match(brokerAddr ?? '', /:10911$/);
    const groups = new Map(consumeStatsList.flatMap((one) => [...one]));
    const queues = (group: string) =>
      groups.get(group)?.map(({ offsetTable }) => [...offsetTable.keys()].length);
    return { totalDiff, totalInflightDiff, g: queues('g'), h: queues('h') };
  };
  // RocketMQ does not know here where pulls are, so that what is in flight is below zero.
  assert.deepEqual(await ask(false), { totalDiff: 3, totalInflightDiff: -8, g: [2], h: [2, 1] });
  assert.deepEqual(await ask(true), { totalDiff: 1, totalInflightDiff: 0, g: [], h: [1] });
});

test('the groups of a topic are those that subscribe and those that have offsets', async () => {
  const broker = await brokerWith(1);
  const client = broker.client();
  await client.commit('h', 't', 0, 1);
  await subscribe(client, 't');
  const groups = async (topic: string) => {
    const response = await client.ask({
      code: RequestCode.QUERY_TOPIC_CONSUME_BY_WHO,
      header: [GetTopic, { topic }],
    });
    return [...GroupList.decode(response.body).groupList].sort();
  };
  await broker.runFor(1000);
  assert.deepEqual(await groups('t'), ['g', 'h']);
  assert.deepEqual(await groups('nothing'), []);
});

test('the topics of a group are those that it has offsets on', async () => {
  const broker = await brokerWith(1);
  const client = broker.client();
  await client.commit('g', 't', 0, 1);
  await client.commit('g', 't', 1, 0);
  await broker.runFor(1000);
  const topics = async (group: string) => {
    const response = await client.ask({
      code: RequestCode.QUERY_TOPICS_BY_CONSUMER,
      header: [GroupName, { group }],
    });
    return TopicList.decode(response.body).topicList;
  };
  assert.deepEqual(await topics('g'), ['t']);
  assert.deepEqual(await topics('nobody'), []);
});

test('the subscription of an online group is told, of any other nothing', async () => {
  const client = (await brokerWith(1)).client();
  await client.heartbeat({ consumers: { g: ['t'] }, tags: 'a' });
  const ask = async (group: string, topic: string) => {
    const response = await client.ask({
      code: RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER,
      header: [QuerySubscription, { group, topic }],
    });
    return SubscriptionOfGroup.decode(response.body);
  };
  assert.equal((await ask('g', 't')).subscriptionData?.subString, 'a');
  assert.deepEqual(await ask('g', 'u'), { group: 'g', topic: 'u' });
  assert.deepEqual(await ask('nobody', 't'), { group: 'nobody', topic: 't' });
});

test('the times of a queue tell how late its consumers are', async () => {
  const broker = await brokerWith(1);
  const client = broker.client();
  await broker.runFor(5000);
  await client.send('t', 'later');
  await broker.runFor(7000);
  const ask = async (group: string, topic = 't') => {
    const response = await client.ask({
      code: RequestCode.QUERY_CONSUME_TIME_SPAN,
      header: [QueryConsumeTimeSpan, { topic, group }],
    });
    if (response.code !== ResponseCode.SUCCESS) return response.remark;
    return ConsumeTimeSpans.decode(response.body).consumeTimeSpanSet;
  };
  await client.commit('g', 't', 0, 1);
  const spans = await ask('g');
  assert(typeof spans === 'object');
  const [busy, empty] = spans;
  assert(busy !== undefined && empty !== undefined);
  assert.equal(busy.consumeTimeStamp, busy.minTimeStamp);
  assert(busy.maxTimeStamp - busy.minTimeStamp >= 5000);
  assert(busy.delayTime >= 7000 && busy.delayTime < 8000);
  assert.match(busy.minTimeStampStr ?? '', /^[0-9]{4}-[0-9]{2}-[0-9]{2}#[0-9:]{8}:[0-9]{3}$/);
  assert.deepEqual([empty.minTimeStamp, empty.maxTimeStamp, empty.delayTime], [-1, -1, 0]);
  await client.commit('g', 't', 0, 2);
  const caughtUp = await ask('g');
  assert(typeof caughtUp === 'object');
  assert.equal(caughtUp[0]?.delayTime, 0);
  const unknown = await ask('nobody');
  assert(typeof unknown === 'object');
  assert((unknown[0]?.delayTime ?? 0) >= 12_000);
  assert.equal(await ask('g', 'nothing'), 'topic[nothing] not exist');
});

test('the entries of a queue are told from an offset on, up to a number', async () => {
  const client = (await brokerWith(600)).client();
  const ask = async (header: Partial<QueryConsumeQueue>) => {
    const response = await client.ask({
      code: RequestCode.QUERY_CONSUME_QUEUE,
      header: [QueryConsumeQueue, { topic: 't', queueId: 0, index: 0, count: 5, ...header }],
    });
    if (response.body.length === 0) return response.remark;
    return ConsumeQueueEntries.decode(response.body);
  };
  const some = await ask({ index: 1, count: 2 });
  assert(typeof some === 'object');
  assert.deepEqual([some.minQueueIndex, some.maxQueueIndex], [0, 600]);
  const [first, second] = some.queueData ?? [];
  assert(first !== undefined && second !== undefined);
  assert.equal(second.physicOffset, first.physicOffset + first.physicSize);
  assert.equal(some.filterData, undefined);
  const all = await ask({ count: 2 ** 31 - 1, consumerGroup: 'g' });
  assert(typeof all === 'object');
  assert.equal(all.queueData?.length, 600);
  assert.equal(all.filterData, 'g@t is not online!');
  await subscribe(client, 't');
  const online = await ask({ consumerGroup: 'g', count: 0 });
  assert(typeof online === 'object');
  assert.deepEqual([online.filterData, online.queueData], ['null', []]);
  assert.equal(online.subscriptionData?.topic, 't');
  assert.equal(await ask({ index: 600 }), 'Index 600 of 0@t is not exist!');
  assert.equal(await ask({ index: -1 }), 'Index -1 of 0@t is not exist!');
  assert.equal(await ask({ queueId: 2 }), '2@t is not exist!');
  assert.equal(await ask({ queueId: -1 }), '-1@t is not exist!');
  assert.equal(await ask({ topic: 'nothing' }), '0@nothing is not exist!');
  assert.equal(await ask({ topic: 'rmq_sys_metadata' }), '0@rmq_sys_metadata is not exist!');
});

test('the smallest offset of all groups corrects one that is ahead', async () => {
  const client = (await brokerWith(9)).client();
  await client.commit('g', 't', 0, 7);
  await client.commit('h', 't', 0, 4);
  const ask = async (header: Partial<QueryCorrectionOffset>) => {
    const response = await client.ask({
      code: RequestCode.QUERY_CORRECTION_OFFSET,
      header: [QueryCorrectionOffset, { topic: 't', compareGroup: 'g', ...header }],
    });
    return [...CorrectionOffsets.decode(response.body).correctionOffsets];
  };
  assert.deepEqual(await ask({}), [[0, 4]]);
  assert.deepEqual(await ask({ filterGroups: 'h' }), [[0, 7]]);
  // Long.MAX_VALUE, as RocketMQ has it: the compared group is behind all others.
  assert.deepEqual(await ask({ compareGroup: 'h', filterGroups: 'h,x' }), [[0, 2 ** 63]]);
  assert.deepEqual(await ask({ topic: 'nothing' }), []);
  assert.deepEqual(await ask({}), [[0, 4]], 'nothing was deleted');
});
