import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { brokerId, epoch, isFailure, physicalOffset } from '../base/index.ts';
import { recordSizeAt } from '../wire/index.ts';
import { TestFollower } from './test-follower.ts';
import { TestStore, TestWaiter } from './test-store.ts';

const corrupt = (error: unknown): boolean => isFailure(error, 'corrupt');
const invalid = (error: unknown): boolean => isFailure(error, 'invalid');

async function pair(): Promise<readonly [TestStore, TestFollower]> {
  const leader = await TestStore.open();
  await leader.createTopic('t', 2);
  for (const body of ['a', 'b', 'c']) await leader.append('t', body);
  await leader.settle();
  const follower = new TestFollower(leader);
  await follower.open();
  return [leader, follower];
}

/** What can be read of a queue of `t` at the follower. */
function readable({ store }: TestFollower): number {
  const row = store.tables.appended.topicRow('t');
  return row === undefined
    ? 0
    : store.queues.topic('t', row.createdAt).queue(0).readable(store.commitPoint);
}

test('a follower holds the bytes of its leader, and the same views', async () => {
  const [leader, follower] = await pair();
  await leader.fillSegments(3);
  leader.deleteTopicNow('filler');
  await leader.settle();
  await follower.copy(leader.store.log.written, 1);
  await follower.catchUp();
  const { log, tables, queues } = follower.store;
  assert.deepEqual(log.epochs, leader.store.log.epochs);
  assert.equal(tables.digest('applied').total, leader.store.tables.digest('applied').total);
  assert.equal(tables.applied.topicRow('filler'), undefined);
  assert.equal([...queues].length, [...leader.store.queues].length);
  assert.equal(readable(follower), 3);
  for (let at = log.begin; at < log.end; ) {
    const [mine, theirs] = [
      await follower.range(at, 8192, follower.store),
      await follower.range(at, 8192),
    ];
    assert.deepEqual(mine, theirs);
    at = mine.end;
  }
});

test('messages are readable up to C, and definitions applied up to D and what is synced here', async () => {
  const [leader, follower] = await pair();
  const { log } = leader.store;
  await follower.copy();
  assert.equal(readable(follower), 0, 'nobody has told C');
  assert.equal(follower.store.tables.applied.topicRow('t'), undefined);
  follower.store.pointsFromLeader(physicalOffset(log.end - 1), log.end);
  assert.equal(readable(follower), 2, 'the last one lies above C');
  assert.equal(follower.store.tables.applied.topicRow('t'), undefined, 'it is not synced here');
  await leader.complete(follower.store.syncAll());
  assert.notEqual(follower.store.tables.applied.topicRow('t'), undefined);
  follower.store.pointsFromLeader(physicalOffset(0), physicalOffset(0));
  assert.equal(readable(follower), 2, 'C never goes back');
});

test('C of a leader that is ahead reaches no further than what is written here', async () => {
  const [leader, follower] = await pair();
  await follower.copy(leader.store.log.begin + 1, 1);
  follower.store.pointsFromLeader(leader.store.log.end, leader.store.log.end);
  assert.equal(follower.store.commitPoint, follower.store.log.written);
});

test('what is no record for the end of the log is refused, with nothing appended', async () => {
  const [leader, follower] = await pair();
  const { log } = leader.store;
  const range = await follower.range(log.begin, 100_000);
  const good = range.bytes;
  const { store } = follower;
  const changed = (at: number): Uint8Array => {
    const bytes = Uint8Array.from(good);
    bytes[at] = (bytes[at] as number) ^ 1;
    return bytes;
  };
  let last = 0;
  while (last + recordSizeAt(good, last) < good.length) last += recordSizeAt(good, last);
  // Size, magic and position of the first and of the last record; the bytes between have the checksum of the range.
  for (const bad of [3, 4, 35].flatMap((at) => [changed(at), changed(last + at)])) {
    assert.throws(() => store.ingest(bad), invalid);
    assert.equal(store.log.end, 0);
  }
  for (const bad of [good.subarray(1), good.subarray(0, -1)]) {
    assert.throws(() => store.ingest(bad), invalid);
    assert.equal(store.log.end, 0);
  }
  store.ingest(good);
  assert.throws(() => store.ingest(good), invalid, 'the same once more');
  await leader.idle();
  assert.equal(store.log.end, range.end);
});

test('a record that contradicts the tables is not kept, and whoever met it never leads', async () => {
  const leader = await TestStore.open();
  const other = await TestStore.open({}, 2);
  await leader.createTopic('one');
  await other.createTopic('two');
  const follower = new TestFollower(leader);
  await follower.open();
  await follower.copy();
  await other.fillSegments(1, 'filler');
  // The same positions and sizes, but other tables: the digest in the next definition tells.
  const { store } = follower;
  const before = store.log.end;
  const { log } = other.store;
  assert.equal(log.epochs.length, 1);
  const range = await other.complete(Promise.resolve(log.rangeAt(before, 4096)));
  assert.throws(
    () => store.ingest(range.bytes),
    (error) => corrupt(error) && (error as Error).message.includes('digest'),
  );
  assert.equal(store.log.end, before);
  assert.equal(store.tables.appended.topicRow('filler'), undefined);
  await leader.idle();
  assert.equal(store.log.written, before);
  assert.throws(() => store.ingest(range.bytes), corrupt, 'nothing more is taken');
  const grant = {
    epoch: epoch(9),
    incarnation: '00'.repeat(8),
    members: [brokerId(1)],
    setEpoch: 2,
  };
  await assert.rejects(leader.complete(follower.local.lead(grant)), corrupt);
});

test('what a follower cannot write is cut from all of its views, told, and taken again later', async () => {
  const [leader, follower] = await pair();
  const { store, node } = follower;
  await follower.copy();
  const before = store.log.end;
  await leader.append('t', new Uint8Array(6000));
  let told = 0;
  store.onIngestFailed = () => told++;
  node.drive.setFreeBytes(0);
  store.ingest((await follower.range(before, 8192)).bytes);
  await leader.idle();
  assert.equal(told, 1);
  assert.equal(store.log.end, before);
  node.drive.setFreeBytes(10_000_000);
  await follower.catchUp();
  assert.equal(store.log.end, leader.store.log.end);
  assert.equal(readable(follower), 4);
});

test('a power loss leaves a follower what it had synced, and it goes on', async () => {
  for (let seed = 0; seed < 10; seed++) {
    const [leader, follower] = await pair();
    await leader.fillSegments(1);
    const { written } = leader.store.log;
    await follower.copy(Math.floor((written * seed) / 10), 2000);
    await leader.complete(follower.store.syncAll());
    const { synced } = follower.store.log;
    await follower.copy(Math.floor((written * (seed + 2)) / 12), 1000);
    follower.crash({ powerLoss: true });
    await follower.open();
    assert(follower.store.log.end >= synced);
    await follower.catchUp();
    assert.equal(
      follower.store.tables.digest('applied').total,
      leader.store.tables.digest('applied').total,
    );
    assert.equal(readable(follower), 3);
  }
});

test('after a restart a follower shows nothing above the C that it knew, until it is told again', async () => {
  const [leader, follower] = await pair();
  await follower.catchUp();
  await leader.append('t', 'uncommitted');
  await follower.copy();
  follower.crash({ powerLoss: false });
  await follower.open();
  assert.equal(follower.store.log.end, leader.store.log.end);
  assert(readable(follower) <= 3);
  assert(follower.store.commitPoint < leader.store.log.end);
});

test('views are never persisted above C', async () => {
  const [leader, follower] = await pair();
  const { commitPoint } = leader.store;
  await leader.append('t', 'later');
  await follower.copy();
  await leader.complete(follower.store.syncAll());
  follower.store.pointsFromLeader(commitPoint, commitPoint);
  await leader.complete(follower.local.close());
  // The handshake with another leader cuts what lies above.
  await follower.openOnly(commitPoint);
  assert.deepEqual(follower.local.recovery.rebuilt, []);
  assert.equal(follower.store.log.end, commitPoint);
  await follower.follow();
  await follower.catchUp();
  assert.equal(readable(follower), 4);
});

test('nothing that the tables contain is cut', async () => {
  const [leader, follower] = await pair();
  await follower.catchUp();
  await leader.complete(follower.local.close());
  await assert.rejects(follower.openOnly(leader.store.log.begin), (error) =>
    isFailure(error, 'invalid'),
  );
  await follower.open();
  assert.equal(follower.store.log.end, leader.store.log.end);
});

test('a follower in place leads once its epoch record is durable on the whole set', async () => {
  const [leader, follower] = await pair();
  await follower.catchUp();
  const { local, store } = follower;
  const grant = {
    epoch: epoch(Number(leader.store.epoch) + 1),
    incarnation: 'ab'.repeat(8),
    members: [brokerId(0), brokerId(1)],
    setEpoch: 3,
  };
  let leads = false;
  const leading = local.lead(grant).then(() => {
    leads = true;
  });
  await leader.idle();
  assert.equal(leads, false, 'the other member has not reported');
  assert.equal(store.role, 'leader');
  const { synced } = store.log;
  store.positions.connected(brokerId(0), synced, synced);
  store.pointsMoved();
  await leader.idle();
  assert.equal(leads, true);
  await leading;
  assert.equal(store.durablePoint, synced);
  assert.equal(local.group.promisedEpoch, grant.epoch);
  const waiter = new TestWaiter();
  store.whenDurable(synced, waiter);
  assert.equal(waiter.outcome, 'reached');
});

test('a promotion that is abandoned is told, and leaves a store that opens', async () => {
  const [leader, follower] = await pair();
  await follower.catchUp();
  const leading = follower.local.lead({
    epoch: epoch(Number(leader.store.epoch) + 1),
    incarnation: 'ab'.repeat(8),
    members: [brokerId(0), brokerId(1)],
    setEpoch: 3,
  });
  const outcome = leading.then(
    () => 'leads',
    () => 'told',
  );
  await leader.idle();
  await leader.complete(follower.local.abandon());
  await follower.open();
  assert.notEqual(await Promise.race([outcome, Promise.resolve('waits')]), 'leads');
  assert.equal(readable(follower) <= 3, true);
});

test('whoever promises a higher epoch takes its own set for no proof of what is durable', async () => {
  const store = await TestStore.open();
  assert.deepEqual(store.local.group.members, [brokerId(0)]);
  await store.close();
  const alone = new TestFollower(store, { self: brokerId(1), folder: '/alone' });
  await alone.openOnly();
  await store.complete(alone.local.promote());
  await store.complete(alone.local.promise(epoch(50)));
  assert.deepEqual(alone.local.group.members, []);
  assert.equal(alone.local.promisedEpoch, 50);
});
