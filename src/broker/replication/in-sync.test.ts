import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { KVTable, RequestCode, ResponseCode } from '../../wire/index.ts';
import type { BrokerOptions } from '../options.ts';
import { commitRequest, createTopic } from '../test-broker.ts';
import { TestGroup, type TestReplica } from './test-group.ts';

const names = ['one', 'two', 'three'];

interface Started {
  readonly group: TestGroup;
  readonly master: TestReplica;
  readonly others: readonly TestReplica[];
}

/** A group with a controller, all of it in the set. */
async function started(count: 2 | 3, changes: Partial<BrokerOptions> = {}): Promise<Started> {
  const group = new TestGroup();
  const replicas = await group.controlled(names.slice(0, count), changes);
  for (const replica of replicas) await replica.start();
  const master = await group.master(replicas);
  await group.runFor(5000);
  assert.equal((await master.status()).syncStateSet.length, count);
  return { group, master, others: replicas.filter((replica) => replica !== master) };
}

async function set(replica: TestReplica, text: string): Promise<void> {
  const body = new TextEncoder().encode(text);
  const { code, remark } = await replica.client.answer({
    code: RequestCode.UPDATE_BROKER_CONFIG,
    body,
  });
  assert.equal(code, 'SUCCESS', remark);
}

async function runtimeInfo(replica: TestReplica): Promise<ReadonlyMap<string, string>> {
  const { body } = await replica.client.ask({ code: RequestCode.GET_BROKER_RUNTIME_INFO });
  return KVTable.decode(body).table;
}

async function lose(group: TestGroup, ...replicas: readonly TestReplica[]): Promise<void> {
  for (const replica of replicas) replica.crash({ powerLoss: false });
  await group.runFor(12_000);
}

test('of two replicas one is enough: definitions go on, and each answer says that the master is alone', async () => {
  const { group, master, others } = await started(2);
  assert.deepEqual(await master.client.createTopic('both', 1), {
    code: 'SUCCESS',
    remark: undefined,
  });
  await lose(group, ...others);
  const { code, remark } = await master.client.createTopic('alone', 1);
  assert.equal(code, 'SUCCESS');
  assert.match(remark ?? '', /no in-sync follower/);
  const info = await runtimeInfo(master);
  assert.equal(info.get('groupReplicas'), '2');
  assert.equal(info.get('inSyncReplicas'), '1');
  assert.equal(info.get('metadataMinInSyncReplicas'), '1');
  assert.match(info.get('degraded') ?? '', /no in-sync follower/);
});

test('of three replicas two must be in sync; below that nothing is defined, and the answer says why', async () => {
  const { group, master, others } = await started(3);
  const [first, second] = others as [TestReplica, TestReplica];
  await lose(group, first);
  assert.equal((await master.client.createTopic('two-of-three', 1)).code, 'SUCCESS');
  await lose(group, second);
  const before = await master.status();
  assert.deepEqual([before.groupReplicas, before.metadataMinimum], [3, 2]);
  const refused = await master.client.createTopic('one-of-three', 1);
  assert.deepEqual(refused, {
    code: 'SYSTEM_ERROR',
    remark:
      'in-sync replicas not enough: metadataMinInSyncReplicas is auto: 2 of 3, and 1 is in sync',
  });
  assert.equal((await master.client.createGroup('g')).code, 'SYSTEM_ERROR');
  // What is so already would be told to be as safe as was asked for.
  assert.equal((await master.client.createTopic('two-of-three', 1)).code, 'SYSTEM_ERROR');
  assert.equal((await master.client.deleteTopic('two-of-three')).code, 'SYSTEM_ERROR');
  const after = await master.status();
  assert.deepEqual([after.sequence, after.digest], [before.sequence, before.digest]);
  assert.match((await runtimeInfo(master)).get('degraded') ?? '', /auto: 2 of 3/);

  await second.start();
  await group.runFor(5000);
  assert.equal((await master.client.createTopic('one-of-three', 1)).code, 'SUCCESS');
});

test('sends, what comes by itself, and offsets do not depend on the minimum', async () => {
  const { group, master, others } = await started(3);
  await master.client.createTopic('t', 1);
  await master.client.createGroup('g');
  await lose(group, ...others);
  assert.equal((await master.client.createTopic('refused', 1)).code, 'SYSTEM_ERROR');
  assert.equal((await master.client.send('t', 'hello')).code, 'SUCCESS');
  const made = await master.client.send('made-by-a-send', 'hello');
  assert.equal(made.code, 'SUCCESS');
  assert(await master.client.hasTopic('made-by-a-send'));
  assert.equal((await master.client.commit('g', 't', 0, 1)).code, 'SUCCESS');
  assert.equal(await master.client.committed('g', 't'), 1);
  // A refused delete leaves the offsets that wait to be recorded.
  await master.client.oneway(commitRequest('g', 'made-by-a-send', 0, 1));
  assert.equal((await master.client.deleteTopic('made-by-a-send')).code, 'SYSTEM_ERROR');
  assert.equal((await master.client.deleteGroup('g')).code, 'SYSTEM_ERROR');
  assert.equal(await master.client.committed('g', 'made-by-a-send'), 1);
  // A changed option is no definition, although a topic follows from it.
  await set(master, 'defaultTopicQueueNums=5\n');
});

test('the minimum changes at run time, and holds for the next definition', async () => {
  const { group, master, others } = await started(2);
  await lose(group, ...others);
  assert.equal((await master.client.createTopic('before', 1)).code, 'SUCCESS');
  await set(master, 'metadataMinInSyncReplicas=2\n');
  const { code, remark } = await master.client.createTopic('strict', 1);
  assert.equal(code, 'SYSTEM_ERROR');
  assert.match(remark ?? '', /metadataMinInSyncReplicas is 2, and 1 is in sync$/);
  await set(master, 'metadataMinInSyncReplicas=1\n');
  assert.equal((await master.client.createTopic('strict', 1)).code, 'SUCCESS');
  await set(master, 'metadataMinInSyncReplicas=auto\n');
  const wrong = await master.client.answer({
    code: RequestCode.UPDATE_BROKER_CONFIG,
    body: new TextEncoder().encode('metadataMinInSyncReplicas=0\n'),
  });
  assert.notEqual(wrong.code, 'SUCCESS');
});

test('a definition that waits while the set shrinks below the minimum has an unknown outcome', async () => {
  // It waits longer than silent followers stay in the set.
  const { group, master, others } = await started(3, { definitionTimeoutMs: 30_000 });
  for (const replica of others) replica.crash({ powerLoss: false });
  const { code, remark } = await master.client.createTopic('t', 1);
  assert.equal(code, 'SYSTEM_ERROR');
  assert.match(remark ?? '', /^outcome unknown: in-sync replicas not enough: .*1 is in sync/);
  assert.deepEqual((await master.status()).syncStateSet.length, 1);
  assert(await master.client.hasTopic('t'));
  for (const replica of others) await replica.start();
  await group.runFor(8000);
  assert.equal((await master.client.createTopic('t', 1)).code, 'SUCCESS');
});

test('without a controller the replicas that were seen count, or as many as totalReplicas says', async () => {
  const group = new TestGroup();
  const [one, two] = group.staticPair();
  await one.start();
  assert.equal((await one.status()).groupReplicas, 1);
  assert.deepEqual(await one.client.createTopic('t', 1), { code: 'SUCCESS', remark: undefined });
  await two.start();
  await group.runFor(3000);
  assert.equal((await one.status()).groupReplicas, 2);
  await lose(group, two);
  assert.match((await one.client.createTopic('u', 1)).remark ?? '', /no in-sync follower/);
  await set(one, 'totalReplicas=3\n');
  const refused = await one.client.createTopic('v', 1);
  assert.match(refused.remark ?? '', /auto: 2 of 3, and 1 is in sync$/);
  await two.start();
  await group.runFor(5000);
  assert.equal((await one.client.createTopic('v', 1)).code, 'SUCCESS');
});

test('a replica that lost its files, and has another id now, is no third one', async () => {
  const { group, master, others } = await started(2);
  const [other] = others as [TestReplica];
  other.crash({ powerLoss: true });
  await other.wipe();
  await other.start();
  await group.runFor(8000);
  const status = await master.status();
  assert.equal(status.syncStateSet.length, 2);
  assert.equal(status.groupReplicas, 2);
  assert.equal(status.metadataMinimum, 1);
});

test('a member that lost its store holds up what it has not, whatever it had before', async () => {
  const { group, master, others } = await started(3, { definitionTimeoutMs: 120_000 });
  const [emptied, slow] = others as [TestReplica, TestReplica];
  slow.syncMs = 40_000;
  const creating = master.client.asking(createTopic('t', 1));
  let isAnswered = false;
  void creating.then(() => {
    isAnswered = true;
  });
  await group.runFor(1000);
  emptied.crash({ powerLoss: true });
  const { disk } = emptied.node;
  const { storePath } = emptied.options;
  for (const { name } of await group.world.complete(disk.list(storePath))) {
    if (name !== 'brokerIdentity') await group.world.complete(disk.remove(`${storePath}/${name}`));
  }
  group.onLine = ({ node, message }) => {
    if (node === emptied.name && message === 'follows') emptied.syncMs = 60_000;
  };
  await emptied.start();
  await group.runFor(45_000);
  const { replicas, durablePoint } = await master.status();
  const [has, had] = [emptied, slow].map(({ id }) => replicas.find((r) => r.brokerId === id));
  assert(has?.inSync && had?.inSync, 'both count');
  assert(had.synced > durablePoint && has.synced < durablePoint, `${has.synced} ${durablePoint}`);
  assert(!isAnswered, 'not safe on all of the set');
  [emptied.syncMs, slow.syncMs] = [0, 0];
  await group.runFor(60_000);
  assert.equal((await group.world.complete(creating)).code, ResponseCode.SUCCESS);
  const { syncStateSet, durablePoint: after } = await master.status();
  assert(after > durablePoint);
  assert.equal(syncStateSet.length, 3);
});
