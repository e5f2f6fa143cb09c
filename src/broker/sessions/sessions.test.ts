import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import {
  ConsumerGroup,
  ConsumerListByGroup,
  HeartbeatResponse,
  RequestCode,
  UnregisterClient,
} from '../../wire/index.ts';
import { heartbeatRequest, TestBroker, type TestClient } from '../test-broker.ts';

const notified = RequestCode.NOTIFY_CONSUMER_IDS_CHANGED;

async function membersOf(client: TestClient, consumerGroup = 'g'): Promise<string[] | string> {
  const response = await client.ask({
    code: RequestCode.GET_CONSUMER_LIST_BY_GROUP,
    header: [ConsumerGroup, { consumerGroup }],
  });
  if (response.code !== 0) return response.remark ?? '';
  return [...ConsumerListByGroup.decode(response.body).consumerIdList].sort();
}

/** How often each client was told to rebalance since the last time this was asked. */
async function toldSince(broker: TestBroker, ...clients: readonly TestClient[]): Promise<number[]> {
  await broker.runFor(100);
  return clients.map(({ told }) => told.splice(0).filter((code) => code === notified).length);
}

test('a consumer that joins, subscribes otherwise or leaves has the others rebalance at once', async () => {
  const broker = await TestBroker.start();
  const [a, b] = [broker.client('a'), broker.client('b')];
  const data = { consumers: { g: ['t'] } };
  await a.heartbeat(data);
  assert.deepEqual(await membersOf(a), ['a']);
  await toldSince(broker, a);
  await b.heartbeat(data);
  assert.deepEqual(await membersOf(a), ['a', 'b']);
  assert.deepEqual(await toldSince(broker, a, b), [1, 1]);
  await b.heartbeat(data);
  assert.deepEqual(await toldSince(broker, a, b), [0, 0], 'nothing changed');
  await b.heartbeat({ ...data, subVersion: 2, tags: 'x' });
  assert.deepEqual(await toldSince(broker, a, b), [0, 0], 'a new expression tells nobody');
  await b.heartbeat({ consumers: { g: ['t', 'u'] } });
  assert.deepEqual(await toldSince(broker, a, b), [1, 1], 'another topic');
  await b.close();
  assert.deepEqual(await membersOf(a), ['a']);
  assert.deepEqual(await toldSince(broker, a), [1]);
});

test('a consumer that takes its leave is gone at once', async () => {
  const broker = await TestBroker.start();
  const [a, b] = [broker.client('a'), broker.client('b')];
  for (const client of [a, b]) await client.heartbeat({ consumers: { g: ['t'], h: ['t'] } });
  await toldSince(broker, a, b);
  const leave = (consumerGroup: string) =>
    b.answer({
      code: RequestCode.UNREGISTER_CLIENT,
      header: [UnregisterClient, { clientId: 'b', consumerGroup }],
    });
  assert.equal((await leave('g')).code, 'SUCCESS');
  assert.deepEqual(await membersOf(a), ['a']);
  assert.deepEqual(await membersOf(a, 'h'), ['a', 'b']);
  assert.deepEqual(await toldSince(broker, a, b), [1, 0]);
  assert.equal((await leave('g')).code, 'SUCCESS', 'again');
  assert.equal((await leave('nobody')).code, 'SUCCESS');
  assert.deepEqual(await toldSince(broker, a, b), [0, 0]);
});

test('a group without members is answered with an error', async () => {
  const broker = await TestBroker.start();
  assert.match((await membersOf(broker.client(), 'nobody')) as string, /no consumer/);
});

test('broadcasting consumers, groups that do not want it and brokers that are told so notify nobody', async () => {
  const cases = [
    { heartbeat: { messageModel: 'BROADCASTING' as const } },
    { group: { notifyConsumerIdsChangedEnable: false } },
    { options: { notifyConsumerChanges: false } },
  ];
  for (const { heartbeat = {}, group = {}, options = {} } of cases) {
    const broker = await TestBroker.start(options);
    const [a, b] = [broker.client('a'), broker.client('b')];
    await a.createGroup('g', group);
    for (const client of [a, b]) await client.heartbeat({ consumers: { g: ['t'] }, ...heartbeat });
    assert.deepEqual(await toldSince(broker, a, b), [0, 0]);
    assert.deepEqual(await membersOf(a), ['a', 'b']);
  }
});

test('a first heartbeat makes the group and its retry topic', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  await client.createGroup('three', { retryQueueNums: 3 });
  await client.heartbeat({ consumers: { g: ['t'], three: ['t'] } });
  await broker.runFor(1000);
  assert.equal(await client.hasTopic('%RETRY%g'), true);
  assert.equal((await client.pull({ topic: '%RETRY%three', queueId: 2 })).code, 'PULL_NOT_FOUND');
});

test('groups that may not be made are skipped, the others count', async () => {
  const broker = await TestBroker.start({ autoCreateGroups: false });
  const client = broker.client();
  await client.createGroup('known');
  const consumers = { unknown: ['t'], 'not a name': ['t'], known: ['t'] };
  assert.equal((await client.heartbeat({ consumers })).code, 'SUCCESS');
  assert.deepEqual(await membersOf(client, 'known'), ['client']);
  assert.match((await membersOf(client, 'unknown')) as string, /no consumer/);
  assert.equal(await client.hasTopic('%RETRY%unknown'), false);
});

test('a client without heartbeats is forgotten, one with them stays', async () => {
  const broker = await TestBroker.start({ sessionTimeoutMs: 30_000 });
  const [a, b] = [broker.client('a'), broker.client('b')];
  const data = { consumers: { g: ['t'] }, producers: ['p'] };
  await a.heartbeat(data);
  await b.heartbeat(data);
  for (let count = 0; count < 5; count++) {
    await broker.runFor(10_000);
    await a.heartbeat(data);
  }
  assert.deepEqual(await membersOf(a), ['a']);
});

test('a jump of the wall clock makes nobody forgotten', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  await client.heartbeat({ consumers: { g: ['t'] } });
  broker.node.jumpWallClock(3_600_000);
  await broker.runFor(15_000);
  assert.deepEqual(await membersOf(client), ['client']);
});

test('a malformed heartbeat is an error and changes nothing', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  await client.heartbeat({ consumers: { g: ['t'] } });
  for (const text of [
    '',
    '{',
    '[]',
    '{"consumerDataSet":[]}',
    '{"clientID":"c","consumerDataSet":3}',
  ]) {
    const answer = await client.answer({ code: RequestCode.HEART_BEAT, body: Buffer.from(text) });
    assert.equal(answer.code, 'SYSTEM_ERROR', text);
  }
  assert.deepEqual(await membersOf(client), ['client']);
});

test('a client of the second form names its subscriptions once on each connection, and when it is asked to', async () => {
  const broker = await TestBroker.start();
  const [a, b] = [broker.client('a'), broker.client('b')];
  await a.createTopic('t');
  const beat = async (client: TestClient, fingerprint: number, withoutSub: boolean) => {
    const data = { consumers: { g: ['t'] }, fingerprint, withoutSub };
    const response = await client.ask(heartbeatRequest(client.name, data));
    const { supportsV2, subscriptionChanged } = HeartbeatResponse.decode(response);
    assert.equal(supportsV2, true);
    return subscriptionChanged;
  };
  const pulls = async () => (await a.pull({ group: 'g', topic: 't', tags: undefined })).code;
  assert.equal(await beat(a, 0, false), true, 'the first form');
  assert.equal(await beat(a, 7, true), true, 'it has not named them in this form');
  assert.equal(await beat(a, 7, false), false);
  assert.equal(await beat(a, 7, true), false);
  assert.equal(await beat(a, 8, true), true, 'they are others now');
  assert.equal(await beat(a, 8, false), false);
  assert.equal(await beat(b, 8, true), true, 'another client has not named its own');
  assert.deepEqual(await membersOf(a), ['a', 'b'], 'but is a member');
  assert.notEqual(await pulls(), 'SUBSCRIPTION_NOT_EXIST');

  await broker.crash({ powerLoss: false });
  assert.equal(await beat(a, 8, true), true, 'the broker has forgotten all');
  assert.equal(await pulls(), 'SUBSCRIPTION_NOT_EXIST');
  assert.equal(await beat(a, 8, false), false);
  assert.notEqual(await pulls(), 'SUBSCRIPTION_NOT_EXIST');
});
