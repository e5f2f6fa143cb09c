import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { RequestCode } from '../../wire/index.ts';
import type { BrokerOptions } from '../options.ts';
import { TestGroup, type TestReplica } from '../replication/test-group.ts';

const dontWait = { properties: { WAIT: 'false' } };

/** Master and slave without a controller, both in the set, and a topic `t`. */
async function pair(changes: Partial<BrokerOptions> = {}) {
  const group = new TestGroup();
  const [one, two] = group.staticPair();
  Object.assign(one.options, changes);
  await one.start();
  await two.start();
  await group.runFor(2000);
  assert.equal((await one.client.createTopic('t', 1)).code, 'SUCCESS');
  assert.deepEqual((await one.status()).syncStateSet, [0, 1]);
  return { group, one, two };
}

async function timed<T>(group: TestGroup, work: () => Promise<T>): Promise<T & { tookMs: number }> {
  const beganMs = group.world.nowMs;
  const done = await work();
  return { ...done, tookMs: group.world.nowMs - beganMs };
}

async function readable(master: TestReplica, topic = 't'): Promise<readonly string[]> {
  const { bodies } = await master.client.pull({ topic, group: 'g', offset: 0 });
  return bodies;
}

test('an asynchronous master answers what it has written; nobody reads it before the slave has it', async () => {
  const { group, one, two } = await pair({ brokerRole: 'ASYNC_MASTER' });
  two.crash({ powerLoss: false });
  const sent = await timed(group, () => one.client.send('t', 'early'));
  assert.deepEqual([sent.code, sent.remark], ['SUCCESS', undefined]);
  assert(sent.tookMs < 100, `${sent.tookMs} ms`);
  const { commitPoint, end, syncStateSet } = await one.status();
  assert.deepEqual(syncStateSet, [0, 1]);
  assert(commitPoint < end);
  assert.deepEqual(await readable(one), []);
  await group.runFor(6000);
  assert.deepEqual(await readable(one), ['early']);
});

test('an asynchronous master keeps what it wrote when its process dies', async () => {
  const { group, one, two } = await pair({ brokerRole: 'ASYNC_MASTER' });
  two.crash({ powerLoss: false });
  assert.equal((await one.client.send('t', 'kept')).code, 'SUCCESS');
  one.crash({ powerLoss: false });
  await one.start();
  await group.runFor(5000);
  assert.deepEqual(await readable(one), ['kept']);
});

test('with SYNC_FLUSH an asynchronous master answers after its own fsync, and keeps it without power', async () => {
  const { group, one, two } = await pair({
    ...{ brokerRole: 'ASYNC_MASTER', flushDiskType: 'SYNC_FLUSH' },
    flushIntervalMs: 10_000,
  });
  two.crash({ powerLoss: false });
  const sent = await timed(group, () => one.client.send('t', 'kept'));
  assert.equal(sent.code, 'SUCCESS');
  assert(sent.tookMs < 500, `${sent.tookMs} ms`);
  const { durablePoint, synced, end } = await one.status();
  assert.equal(synced, end);
  assert(durablePoint < end);
  one.crash({ powerLoss: true });
  await one.start();
  await group.runFor(5000);
  assert.deepEqual(await readable(one), ['kept']);
});

test('a synchronous master answers when the set has it, but a producer that does not wait at once', async () => {
  const { group, one, two } = await pair();
  two.crash({ powerLoss: false });
  const quick = await timed(group, () => one.client.send('t', 'quick', dontWait));
  assert.deepEqual([quick.code, quick.remark], ['SUCCESS', undefined]);
  assert(quick.tookMs < 100, `${quick.tookMs} ms`);
  const sent = await timed(group, () => one.client.send('t', 'safe'));
  assert.equal(sent.code, 'SUCCESS');
  assert(sent.tookMs > 2000, `${sent.tookMs} ms`);
  assert.match(sent.remark ?? '', /no in-sync follower/);
  const { commitPoint, end, syncStateSet } = await one.status();
  assert.deepEqual([commitPoint, syncStateSet], [end, [0]]);
});

test('the first message of a topic that a send made is no less safe than others', async () => {
  const { one, two } = await pair({ definitionTimeoutMs: 500 });
  two.crash({ powerLoss: false });
  const sent = await one.client.send('new', 'first', { queues: 1 });
  assert.equal(sent.code, 'SUCCESS');
  const { commitPoint, end } = await one.status();
  assert.equal(commitPoint, end);
});

test('below minInSyncReplicas a send that waits for the set is refused, and nothing is appended', async () => {
  const group = new TestGroup();
  const changes = { minInSyncReplicas: 2 };
  const replicas = await group.controlled(['one', 'two'], changes);
  for (const replica of replicas) await replica.start();
  const master = await group.master(replicas);
  const other = replicas.find((replica) => replica !== master) as TestReplica;
  await group.runFor(5000);
  await master.client.createTopic('t', 1);
  assert.equal((await master.client.send('t', 'both')).code, 'SUCCESS');
  other.crash({ powerLoss: false });
  await group.runFor(12_000);
  const refused = await master.client.send('t', 'refused');
  assert.deepEqual(
    [refused.code, refused.remark],
    ['SYSTEM_ERROR', 'in-sync replicas not enough: minInSyncReplicas is 2, and 1 is in sync'],
  );
  assert.equal((await master.client.send('t', 'not awaited', dontWait)).code, 'SUCCESS');
  assert.deepEqual(await readable(master), ['both', 'not awaited']);
  await other.start();
  await group.runFor(8000);
  assert.equal((await master.client.send('t', 'again')).code, 'SUCCESS');
});

test('what fewer than inSyncReplicas replicas have after slaveTimeout is answered as such (12)', async () => {
  for (const flushDiskType of ['ASYNC_FLUSH', 'SYNC_FLUSH'] as const) {
    const { group, one, two } = await pair({ flushDiskType, inSyncReplicas: 2 });
    const quick = await timed(group, () => one.client.send('t', 'two'));
    assert.deepEqual([quick.code, quick.remark], ['SUCCESS', undefined]);
    two.crash({ powerLoss: false });
    await group.runFor(6000);
    const late = await timed(group, () => one.client.send('t', 'one'));
    assert.equal(late.code, 'FLUSH_SLAVE_TIMEOUT');
    assert.equal(late.remark, 'fewer than 2 replicas have it (inSyncReplicas)');
    assert(late.tookMs >= 3000 && late.tookMs < 3300, `${late.tookMs} ms`);
    // RocketMQ stores it as well.
    assert.deepEqual(await readable(one), ['two', 'one']);
    const waiting = one.client.sending('t', 'three');
    const starting = two.starting();
    await group.runFor(2500);
    await group.world.complete(starting);
    assert.equal((await group.world.complete(waiting)).code, 0);

    await one.client.answer({
      code: RequestCode.UPDATE_BROKER_CONFIG,
      body: new TextEncoder().encode('allAckInSyncStateSet=true\n'),
    });
    two.crash({ powerLoss: false });
    await group.runFor(6000);
    assert.equal((await one.client.send('t', 'four')).code, 'SUCCESS');
  }
});
