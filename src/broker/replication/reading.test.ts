import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { physicalOffset } from '../../base/index.ts';
import {
  ConsumerGroup,
  ConsumerListByGroup,
  ConsumerOffsetSerializeWrapper,
  PromoteReplica,
  PullMessageResponse,
  RequestCode,
} from '../../wire/index.ts';
import type { BrokerOptions } from '../options.ts';
import { type Pulled, pulled, pullRequest } from '../test-broker.ts';
import { TestGroup, type TestReplica } from './test-group.ts';

/** Longer than a replica keeps a pull while its master is there. */
const handBackMs = 1000;
const suspendMs = 20_000;

/** A master without a controller and its slave, with the topic `t` and some messages. */
async function staticPair(
  seed: string,
  bodies: readonly string[] = ['a', 'b'],
  changes: Partial<BrokerOptions> = {},
) {
  const group = new TestGroup(seed);
  const [one, two] = group.staticPair(changes);
  await one.start();
  await two.start();
  await group.runFor(2000);
  assert.equal((await one.client.createTopic('t', 1)).code, 'SUCCESS');
  for (const body of bodies) assert.equal((await one.client.send('t', body)).code, 'SUCCESS');
  await group.runFor(1000);
  return { group, one, two };
}

/** Several at once. */
function anotherClient(group: TestGroup, replica: TestReplica) {
  return {
    pulling: async (options: Parameters<typeof pullRequest>[0]): Promise<Pulled> =>
      pulled(await replica.client.asking(pullRequest(options))),
    complete: <T>(promise: Promise<T>) => group.world.complete(promise, { forMs: 60_000 }),
  };
}

test('a slave gives readers what is committed, and names its master as the one to go on with', async () => {
  const { two } = await staticPair('committed');
  const before = await two.status();
  const response = await two.client.ask(pullRequest({ offset: 0, commit: 1 }));
  assert.deepEqual(pulled(response).bodies, ['a', 'b']);
  assert.equal(PullMessageResponse.decode(response).suggestWhichBrokerId, 0);
  const after = await two.status();
  assert.equal(after.sequence, before.sequence, 'neither a group nor an offset comes of it');
});

test('whoever finds nothing at a slave is handed back to the master, not at once, with his offset', async () => {
  const { group, one, two } = await staticPair('handed back');
  for (const offset of [2, 100]) {
    const beganMs = group.world.nowMs;
    const { code, next } = await two.client.pull({ offset, suspendMs });
    assert.deepEqual([code, next], ['PULL_RETRY_IMMEDIATELY', offset]);
    const tookMs = group.world.nowMs - beganMs;
    assert(tookMs >= handBackMs && tookMs < 2 * handBackMs, `${tookMs} ms`);
    const atOnce = await two.client.pull({ offset });
    assert.deepEqual([atOnce.code, atOnce.next], ['PULL_RETRY_IMMEDIATELY', offset]);
  }
  const { pulling, complete } = anotherClient(group, two);
  const waiting = pulling({ offset: 2, suspendMs });
  await group.runFor(100);
  const sentMs = group.world.nowMs;
  await one.client.send('t', 'c');
  assert.deepEqual((await complete(waiting)).bodies, ['c'], 'what comes meanwhile');
  const tookMs = group.world.nowMs - sentMs;
  assert(tookMs < 300, `as soon as it is known to be committed, not after ${tookMs} ms`);
});

test('a slave whose master is dead goes on with what it has, and changes nothing', async () => {
  const { group, one, two } = await staticPair('dead');
  assert.equal((await one.client.createGroup('g')).code, 'SUCCESS');
  assert.equal((await one.client.commit('g', 't', 0, 1)).code, 'SUCCESS');
  assert.equal(await two.client.maxOffset('t'), 'SYSTEM_ERROR', 'that is for the master to say');
  await two.client.heartbeat({ consumers: { g: ['t'] } });
  await group.runFor(1000);
  one.crash({ powerLoss: false });
  await group.runFor(5000);
  const before = await two.status();
  assert.equal(await two.client.committed('g', 't'), 1);
  assert.equal(await two.client.committed('new', 't'), 'QUERY_NOT_FOUND');
  assert.equal(await two.client.maxOffset('t'), 2);
  assert.equal(await two.client.minOffset('t'), 0);
  const { client } = two;
  const clients = await client.ask({
    code: RequestCode.GET_CONSUMER_LIST_BY_GROUP,
    header: [ConsumerGroup, { consumerGroup: 'g' }],
  });
  assert.deepEqual(ConsumerListByGroup.decode(clients.body).consumerIdList, [client.name]);
  const all = await client.ask({ code: RequestCode.GET_ALL_CONSUMER_OFFSET });
  const { offsetTable } = ConsumerOffsetSerializeWrapper.decode(all.body);
  assert.equal(offsetTable.get('t@g')?.get(0), 1);
  for (const group of ['g', 'new']) {
    const { bodies } = await client.pull({ group, offset: 0, commit: 2 });
    assert.deepEqual(bodies, ['a', 'b']);
  }
  const subscribed = await client.pull({ offset: 0, tags: undefined });
  assert.deepEqual(subscribed.bodies, ['a', 'b'], 'by the subscription of its heartbeat');
  assert.equal((await client.commit('g', 't', 0, 2)).code, 'SYSTEM_ERROR');
  assert.equal((await client.send('t', 'x')).code, 'SERVICE_NOT_AVAILABLE');
  await group.runFor(1000);
  const after = await two.status();
  assert.deepEqual([after.sequence, after.end], [before.sequence, before.end]);
  assert.equal(await two.client.committed('g', 't'), 1);
});

test('while there is no master a pull waits as long as it asked for, and keeps its offset', async () => {
  const { group, one, two } = await staticPair('waits');
  one.crash({ powerLoss: false });
  await group.runFor(5000);
  for (const offset of [2, 100]) {
    const beganMs = group.world.nowMs;
    const { code, next } = await two.client.pull({ offset, suspendMs: 5000 });
    assert.deepEqual([code, next], ['PULL_NOT_FOUND', offset]);
    const tookMs = group.world.nowMs - beganMs;
    assert(tookMs >= 5000 && tookMs < 6000, `${tookMs} ms`);
  }
  const { pulling, complete } = anotherClient(group, two);
  const waiting = pulling({ offset: 2, suspendMs: 60_000 });
  await group.runFor(1000);
  const backMs = group.world.nowMs;
  void one.starting();
  const { code, next } = await complete(waiting);
  assert.deepEqual([code, next], ['PULL_RETRY_IMMEDIATELY', 2], 'the master is back');
  assert(group.world.nowMs - backMs < 5000);
  assert.equal(await two.client.maxOffset('t'), 'SYSTEM_ERROR');
});

test('a slave that starts without its master, and does not know how much of a queue is committed, gives nothing of it', async () => {
  const { group, one, two } = await staticPair('unheard', [], { flushIntervalMs: 100 });
  assert.equal((await one.client.createGroup('g')).code, 'SUCCESS');
  await one.client.send('t', 'a');
  assert.equal((await one.client.commit('g', 't', 0, 0)).code, 'SUCCESS');
  await group.runFor(2000);
  one.syncMs = 120_000; // D stays where it is, and so what is applied.
  await one.client.send('t', 'b');
  assert.equal((await one.client.commit('g', 't', 0, 1)).code, 'SUCCESS');
  await group.runFor(10_000);
  assert.deepEqual((await two.client.pull({ offset: 0, group: 'g' })).bodies, ['a', 'b']);
  one.crash({ powerLoss: false });
  await two.stop();
  two.crash({ powerLoss: false });
  await two.start();
  await group.runFor(1000);
  const store = two.broker?.replica?.local?.store;
  assert(store !== undefined && store.commitPoint < store.queues.persistedPosition);
  const { code, next } = await two.client.pull({ offset: 0 });
  assert.deepEqual([code, next], ['PULL_NOT_FOUND', 0]);
  assert.equal(await two.client.committed('g', 't'), 0, 'what is durable');
});

test('a slave whose master is dead never says that there is no offset where there may be one', async () => {
  const { group, one, two } = await staticPair('first offset');
  assert.equal((await one.client.createGroup('g')).code, 'SUCCESS');
  await group.runFor(1000);
  one.syncMs = 120_000; // D stays where it is, and so what is applied.
  assert.equal((await one.client.commit('g', 't', 0, 1)).code, 'SUCCESS');
  await group.runFor(1000);
  one.crash({ powerLoss: false });
  await group.runFor(5000);
  assert.equal(await two.client.committed('g', 't'), 1, 'committed, if not durable');
  await two.stop();
  two.crash({ powerLoss: false });
  await two.start();
  await group.runFor(1000);
  assert.equal(await two.client.committed('g', 't'), 'SYSTEM_ERROR', 'it knows no more of C');
  assert.equal(await two.client.committed('new', 't'), 'QUERY_NOT_FOUND');
});

test('a pull that waits at a slave when it is promoted gets what is sent then', async () => {
  const { group, one, two } = await staticPair('promoted');
  one.crash({ powerLoss: false });
  await group.runFor(5000);
  const { pulling, complete } = anotherClient(group, two);
  const waiting = pulling({ offset: 2, suspendMs: 30_000 });
  await group.runFor(500);
  const { end } = await two.status();
  const header = [PromoteReplica, { end: physicalOffset(end) }] as const;
  const promoted = await two.client.answer({ code: RequestCode.PROMOTE_REPLICA, header });
  assert.equal(promoted.code, 'SUCCESS', promoted.remark);
  assert.equal((await two.client.send('t', 'c')).code, 'SUCCESS');
  assert.deepEqual((await complete(waiting)).bodies, ['c']);
});

test('messages that expired, topics that went and topics that came are so at a slave too', async () => {
  const small = { maxStoreBytes: 2 * 64 * 1024, cleanIntervalMs: 100, tailBytes: 2 ** 17 };
  const { group, one, two } = await staticPair('expired', [], small);
  assert.equal((await one.client.createTopic('gone', 1)).code, 'SUCCESS');
  assert.equal((await one.client.send('gone', 'x')).code, 'SUCCESS');
  for (let count = 0; count < 150; count++) {
    await one.client.send('t', `${count} ${'x'.repeat(4000)}`);
  }
  assert.equal((await one.client.deleteTopic('gone')).code, 'SUCCESS');
  assert.equal((await one.client.createTopic('came', 1)).code, 'SUCCESS');
  assert.equal((await one.client.send('came', 'y')).code, 'SUCCESS');
  await group.runFor(5000);
  assert.deepEqual((await two.client.pull({ topic: 'came' })).bodies, ['y']);
  assert.equal((await two.client.pull({ topic: 'gone' })).code, 'TOPIC_NOT_EXIST');
  const kept = await two.client.pull({ offset: 0 });
  assert.deepEqual([kept.code, kept.next], ['PULL_RETRY_IMMEDIATELY', 0], 'its master may have it');
  one.crash({ powerLoss: false });
  await group.runFor(5000);
  const moved = await two.client.pull({ offset: 0 });
  assert.equal(moved.code, 'PULL_OFFSET_MOVED');
  assert(moved.next > 0);
  assert.equal(await two.client.minOffset('t'), moved.next);
  const seen: string[] = [];
  for (let offset = moved.next; offset < 150; ) {
    const { bodies, next } = await two.client.pull({ offset });
    assert(bodies.length > 0);
    seen.push(...bodies.map((body) => body.split(' ', 1)[0] as string));
    offset = next;
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 150 - moved.next }, (_, index) => String(moved.next + index)),
  );
});

test('what readers of a slave commit goes to the master', async () => {
  const group = new TestGroup('commits');
  const replicas = await group.controlled(['one', 'two']);
  for (const replica of replicas) await replica.start();
  const master = await group.master(replicas);
  const other = replicas.find((replica) => replica !== master) as TestReplica;
  await group.runFor(5000);
  assert.equal((await master.client.createTopic('t', 1)).code, 'SUCCESS');
  assert.equal((await master.client.createGroup('g')).code, 'SUCCESS');
  for (const body of ['a', 'b', 'c']) await master.client.send('t', body);
  await group.runFor(1000);
  await other.client.pull({ offset: 1, commit: 1 });
  await group.runFor(1000);
  assert.equal(await master.client.committed('g', 't'), 1);
  assert.equal((await other.client.commit('g', 't', 0, 2)).code, 'SUCCESS');
  assert.equal(await master.client.committed('g', 't'), 2);
});

test('a replica that may not lead serves readers when nobody does', async () => {
  const group = new TestGroup('nobody');
  const replicas = await group.controlled(['one', 'two']);
  for (const replica of replicas) await replica.start();
  const master = await group.master(replicas);
  const other = replicas.find((replica) => replica !== master) as TestReplica;
  await group.runFor(5000);
  assert.equal((await master.client.createTopic('t', 1)).code, 'SUCCESS');
  await master.client.send('t', 'early');
  await group.runFor(1000);
  group.world.network.partition([master.name], [other.name]);
  await group.runFor(6000);
  assert.equal((await master.status()).syncStateSet.length, 1);
  await master.client.send('t', 'late');
  assert.equal(await other.client.maxOffset('t'), 'SYSTEM_ERROR', 'there is a master elsewhere');
  master.crash({ powerLoss: false });
  group.world.network.heal();
  await group.runFor(20_000);
  assert.equal(other.role, 'slave');
  assert.deepEqual((await other.client.pull({ offset: 0 })).bodies, ['early']);
  assert.equal(await other.client.maxOffset('t'), 1);
  const { code, next } = await other.client.pull({ offset: 2, suspendMs: 2000 });
  assert.deepEqual([code, next], ['PULL_NOT_FOUND', 2], 'who has read more keeps his place');
});
