import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { epoch } from '../../base/index.ts';
import { readGroupState } from '../../replication/index.ts';
import { TestGroup, type TestReplica } from './test-group.ts';

const names = ['one', 'two'];

async function started(group: TestGroup, replicas: readonly TestReplica[]): Promise<TestReplica> {
  for (const replica of replicas) await replica.start();
  const master = await group.master(replicas);
  await group.world.run({ forMs: 5000 });
  const { syncStateSet } = await master.status();
  assert.equal(syncStateSet.length, replicas.length, 'all are in the set');
  return master;
}

test('of two new replicas one leads and the other follows it into the set', async () => {
  const group = new TestGroup();
  const replicas = await group.controlled(names);
  const master = await started(group, replicas);
  assert.deepEqual(replicas.map(({ role }) => role).sort(), ['master', 'slave']);
  assert.equal((await master.client.createTopic('t', 4)).code, 'SUCCESS');
});

test('one whose disk is slow with its promise becomes the master all the same', async () => {
  const group = new TestGroup();
  const replicas = await group.controlled(names);
  const master = await started(group, replicas);
  const other = replicas.find((replica) => replica !== master) as TestReplica;
  other.renameMs = 1000; // Several times as long as the leader waits between two looks at its set.
  master.crash({ powerLoss: false });
  await group.master([other]);
  assert.equal((await other.client.createTopic('t', 4)).code, 'SUCCESS');
});

test('the master is killed: the other one leads, with all that was acknowledged', async () => {
  for (const powerLoss of [false, true]) {
    const group = new TestGroup(`kill ${powerLoss}`);
    const replicas = await group.controlled(names);
    const master = await started(group, replicas);
    const other = replicas.find((replica) => replica !== master) as TestReplica;
    for (let i = 0; i < 10; i++) {
      assert.equal((await master.client.createTopic(`t${i}`, 1)).code, 'SUCCESS');
    }
    assert.equal((await master.client.send('t0', 'hello')).code, 'SUCCESS');
    master.crash({ powerLoss });
    const beganMs = group.world.nowMs;
    const next = await group.master([other]);
    assert(group.world.nowMs - beganMs < 13_000, `${group.world.nowMs - beganMs} ms`);
    for (let i = 0; i < 10; i++) assert(await next.client.hasTopic(`t${i}`));
    const pulled = await next.client.pull({ topic: 't0', group: 'g', offset: 0 });
    assert.deepEqual(pulled.bodies, ['hello']);
    assert.equal((await next.client.createTopic('after', 1)).code, 'SUCCESS');

    await master.start();
    await group.runFor(5000);
    assert.equal(master.role, 'slave');
    assert(await master.client.hasTopic('after'));
    assert.equal((await next.status()).syncStateSet.length, 2);
    assert.equal((await master.status()).digest, (await next.status()).digest);
  }
});

test('the founding scenario: promoted, all stopped, and started in every order, nothing is gone', async () => {
  for (const first of [0, 1]) {
    const group = new TestGroup(`founding ${first}`);
    const replicas = await group.controlled(names);
    const master = await started(group, replicas);
    const other = replicas.find((replica) => replica !== master) as TestReplica;
    for (let i = 0; i < 20; i++) {
      assert.equal((await master.client.createTopic(`t${i}`, 1)).code, 'SUCCESS');
      assert.equal((await master.client.createGroup(`g${i}`)).code, 'SUCCESS');
    }
    assert.equal((await master.client.deleteTopic('t3')).code, 'SUCCESS');
    master.crash({ powerLoss: false });
    await group.master([other]);
    assert.equal((await other.client.createTopic('later', 1)).code, 'SUCCESS');
    other.crash({ powerLoss: false });
    group.crashController({ powerLoss: true });
    await group.startController();
    const order = first === 0 ? [master, other] : [other, master];
    const [early, late] = order as [TestReplica, TestReplica];
    const starting = early.starting();
    await group.runFor(15_000);
    // Alone it leads only if it was in the set when all stopped.
    assert.equal(early.role === 'master', early === other);
    await late.start();
    await group.world.complete(starting);
    const leader = await group.master(replicas);
    await group.runFor(5000);
    for (const replica of replicas) {
      for (let i = 0; i < 20; i++) {
        assert.equal(await replica.client.hasTopic(`t${i}`), i !== 3, `t${i} on ${replica.name}`);
      }
      assert(await replica.client.hasTopic('later'));
    }
    assert.equal((await leader.status()).syncStateSet.length, 2);
  }
});

test('a replica whose store was removed installs it from the leader, with the whole log', async () => {
  const group = new TestGroup();
  const replicas = await group.controlled(names);
  const master = await started(group, replicas);
  const other = replicas.find((replica) => replica !== master) as TestReplica;
  await master.client.createTopic('t', 1);
  for (let i = 0; i < 30; i++) {
    assert.equal(
      (await master.client.send('t', `message ${i} ${'x'.repeat(5000)}`)).code,
      'SUCCESS',
    );
  }
  other.crash({ powerLoss: false });
  await group.runFor(5000);
  for (const folder of ['commitlog', 'checksums', 'metadata', 'queues', 'snapshots']) {
    await group.world.complete(other.node.disk.remove(`/store/${folder}`));
  }
  for (const file of ['synced-mark', 'epochs', 'group', 'brokerIdentity']) {
    await group.world.complete(other.node.disk.remove(`/store/${file}`));
  }
  await other.start();
  await group.runFor(8000);
  const [leader, follower] = [await master.status(), await other.status()];
  assert.equal(follower.end, leader.end);
  assert.equal(follower.digest, leader.digest);
  assert.equal(leader.syncStateSet.length, 2);
  master.crash({ powerLoss: true });
  const next = await group.master([other], 30_000);
  const pulled = await next.client.pull({ topic: 't', group: 'g', offset: 29 });
  assert.equal(pulled.bodies.length, 1);
});

/** A group of two, both in the set, with a topic for `load`. */
async function loadable(seed: string, segmentBytes = 2 ** 22) {
  const group = new TestGroup(seed);
  const replicas = await group.controlled(names, { segmentBytes });
  const master = await started(group, replicas);
  const other = replicas.find((replica) => replica !== master) as TestReplica;
  assert.equal((await master.client.createTopic('load', 1)).code, 'SUCCESS');
  return { group, master, other };
}

/** Sends one message after the other, so many at once, and notes how long each took. */
function load(group: TestGroup, master: TestReplica, inFlight: number) {
  const tookMs: number[] = [];
  let isOver = false;
  const one = async (): Promise<void> => {
    while (!isOver) {
      const sinceMs = group.world.nowMs;
      const response = await master.client.sending('load', 'x'.repeat(100)).catch(() => undefined);
      if (response?.code === 0) tookMs.push(group.world.nowMs - sinceMs);
    }
  };
  for (let count = 0; count < inFlight; count++) void one();
  return {
    tookMs,
    end: () => {
      isOver = true;
    },
  };
}

for (const [what, powerLoss, isEmptied] of [
  ['comes back', false, false],
  ['lost power', true, false],
  ['lost its store', false, true],
] as const) {
  test(`a replica that ${what} joins the set while clients send without a pause`, async () => {
    const { group, master, other } = await loadable('dense');
    other.crash({ powerLoss });
    if (isEmptied) await other.wipe();
    await group.runFor(4000);
    const { tookMs, end } = load(group, master, 16);
    await group.runFor(500);
    await other.start();
    const before = tookMs.length;
    await group.runFor(1500);
    assert.equal((await master.status()).syncStateSet.length, 2);
    const during = tookMs.slice(before);
    assert(during.length > 100, `${during.length} messages were sent meanwhile`);
    assert(Math.max(...during) < 700, `one took ${Math.max(...during)} ms`);
    end();
    await group.runFor(3000);
  });
}

test('a replica whose disk is slow holds up nobody for longer than an admission, and not again and again', async () => {
  const { group, master, other } = await loadable('slow disk');
  other.crash({ powerLoss: false });
  await group.runFor(4000);
  other.syncMs = 2000;
  const { tookMs, end } = load(group, master, 4);
  const starting = other.starting();
  await group.runFor(9000);
  end();
  assert.equal((await master.status()).syncStateSet.length, 1);
  const long = tookMs.filter((each) => each > 300);
  assert(Math.max(...tookMs) < 900, `one took ${Math.max(...tookMs)} ms`);
  assert(long.length > 0 && long.length <= 4, `${long.length} took long: each client once`);
  other.syncMs = 0;
  await group.world.complete(starting, { forMs: 60_000 });
});

test('a replica whose connection breaks while it is waited for is not waited for again and again', async () => {
  const { group, master, other } = await loadable('broken admissions');
  other.crash({ powerLoss: false });
  await group.runFor(4000);
  other.syncMs = 2000;
  const { tookMs, end } = load(group, master, 4);
  const starting = other.starting();
  for (let time = 0; time < 15; time++) {
    await group.runFor(600);
    group.world.network.cut(master.name, other.name);
  }
  end();
  const long = tookMs.filter((each) => each > 100);
  assert(long.length > 0 && long.length <= 4, `${long.length} took long: each client once`);
  other.syncMs = 0;
  await group.world.complete(starting, { forMs: 60_000 });
  await group.runFor(15_000);
  assert.equal((await master.status()).syncStateSet.length, 2, 'it may join later');
});

test('a replica whose disk is full is not waited for, and counts again when there is room', async () => {
  const { group, master, other } = await loadable('full follower', 2 ** 18);
  const { tookMs, end } = load(group, master, 4);
  await group.runFor(500);
  other.node.drive.setFreeBytes(0);
  await group.runFor(5000);
  const { syncStateSet, replicas: followers } = await master.status();
  assert.deepEqual(syncStateSet, [master.id]);
  assert.equal(followers[0]?.why, 'its disk is full');
  assert(Math.max(...tookMs) < 1500, `one took ${Math.max(...tookMs)} ms`);
  other.node.drive.setFreeBytes(2 ** 30);
  await group.runFor(12_000); // It looks at its disk every 10 s.
  end();
  assert(Math.max(...tookMs) < 1500, `one took ${Math.max(...tookMs)} ms`);
  assert.equal((await master.status()).syncStateSet.length, 2);
});

test('a controller that starts again is no reason to leave a master that leads on', async () => {
  const { group, master, other } = await loadable('controller starts');
  const { setEpoch } = await master.status();
  const { tookMs, end } = load(group, master, 2);
  for (let time = 0; time < 4; time++) {
    group.crashController({ powerLoss: false });
    await group.runFor(700);
    await group.startController();
    await group.runFor(1500);
  }
  end();
  assert(Math.max(...tookMs) < 300, `a message took ${Math.max(...tookMs)} ms`);
  assert.equal(other.role, 'slave');
  assert.equal((await master.status()).setEpoch, setEpoch, 'nobody was taken out of the set');
  // Whoever does not come back is called dead in the end.
  group.crashController({ powerLoss: false });
  await group.runFor(100);
  master.crash({ powerLoss: false });
  await group.startController();
  assert.equal((await group.master([other], 30_000)).role, 'master');
});

test('an fsync that fails while a store is opened ends the process, and is no damage', async () => {
  const group = new TestGroup('fsync at start');
  const replicas = await group.controlled(names);
  const master = await started(group, replicas);
  const other = replicas.find((replica) => replica !== master) as TestReplica;
  assert.equal((await master.client.createTopic('t', 1)).code, 'SUCCESS');
  other.crash({ powerLoss: false });
  await group.runFor(5000);
  assert.equal((await master.client.createTopic('alone', 1)).code, 'SUCCESS');
  master.crash({ powerLoss: false });
  master.node.drive.failSyncs(() => true);
  await assert.rejects(master.start(), /fsync of .* failed/);
  master.crash({ powerLoss: false });
  master.node.drive.failSyncs(undefined);
  void master.starting();
  const again = await group.master([master], 30_000);
  assert(await again.client.hasTopic('alone'));
  assert.equal(again.broker?.replica?.damage, undefined);
});

test('a promise that could not be written was not made, also when it is asked for again', async () => {
  const group = new TestGroup('full');
  const replicas = await group.controlled(names);
  const master = await started(group, replicas);
  const other = replicas.find((replica) => replica !== master) as TestReplica;
  const local = other.broker?.replica?.local;
  assert(local !== undefined);
  const promised = epoch(7);
  other.node.drive.setFreeBytes(0);
  for (let time = 0; time < 2; time++) {
    await assert.rejects(group.world.complete(local.promise(promised)), /no space left/);
    assert.equal(local.promisedEpoch, 1);
  }
  other.node.drive.setFreeBytes(2 ** 30);
  await group.world.complete(local.promise(promised));
  other.crash({ powerLoss: true });
  const reading = readGroupState(other.node.disk, other.options.storePath);
  assert.equal((await group.world.complete(reading))?.promisedEpoch, 7);
});
