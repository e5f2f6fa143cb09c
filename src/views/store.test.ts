import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { Failure, isFailure } from '../base/index.ts';
import { hashKey } from './index/index.ts';
import { LocalStore } from './local-store.ts';
import { TestStore, TestWaiter } from './test-store.ts';

const large = new Uint8Array(3000);
const forEver = { begin: 0, end: Number.MAX_SAFE_INTEGER };

async function storeWithTopic(): Promise<TestStore> {
  const store = await TestStore.open();
  await store.createTopic('t');
  return store;
}

/** Positions that the key index has for the messages of a topic. */
async function indexed(store: TestStore, topic: string): Promise<number> {
  const name = new TextEncoder().encode(topic);
  const key = new TextEncoder().encode(`key-${topic}`);
  const { index, commitPoint } = store.store;
  const hash = hashKey(name, key, 0, key.length);
  const times = forEver as unknown as Parameters<typeof index.query>[1];
  return (await store.complete(index.query(hash, times, 100, commitPoint))).length;
}

test('what a turn appends is committed at its end, and durable after an fsync', async () => {
  const store = await storeWithTopic();
  const { commitPoint, log } = store.store;
  const [committed, durable] = [new TestWaiter(), new TestWaiter()];
  store.appendNow('t', 'a');
  const end = store.store.appendedEnd;
  store.store.whenCommitted(end, committed);
  assert.equal(store.store.commitPoint, commitPoint, 'not before the turn ends');
  assert.equal(store.queue('t').readable(commitPoint), 0);
  await store.idle();
  assert.equal(committed.outcome, 'reached');
  assert.equal(store.store.commitPoint, end);
  assert(store.store.durablePoint < end && log.synced < end, 'nobody asked for an fsync');
  store.store.whenDurable(end, durable);
  await store.idle();
  assert.equal(durable.outcome, 'reached');
  assert.equal(store.store.durablePoint, end);
});

test('tables are appended at once and applied when durable', async () => {
  const store = await TestStore.open();
  const { tables } = store.store;
  store.createTopicNow('u');
  assert.notEqual(tables.appended.topic('u'), undefined);
  assert.equal(tables.applied.topic('u'), undefined);
  // Nobody waits for it, and no flush interval has to pass: routes show a topic once it is applied.
  await store.idle();
  assert.notEqual(tables.applied.topic('u'), undefined);
});

test('who waits for what is safe already is told at once', async () => {
  const store = await storeWithTopic();
  const waiter = new TestWaiter();
  store.store.whenCommitted(store.store.commitPoint, waiter);
  assert.equal(waiter.outcome, 'reached');
});

test('a refused write is cut from the log and every view, and those who waited are told', async () => {
  const store = await storeWithTopic();
  await store.append('t', 'kept');
  await store.settle();
  const { log, tables } = store.store;
  const end = log.end;
  const digest = tables.digest('appended').total;
  store.node.drive.setFreeBytes(0);
  const waiters = [new TestWaiter(), new TestWaiter(), new TestWaiter()];
  const [committed, durable, message] = waiters as [TestWaiter, TestWaiter, TestWaiter];
  store.createTopicNow('u');
  store.store.whenDurable(store.store.appendedEnd, durable);
  store.appendNow('u', large);
  store.store.whenMessageDurable(store.store.appendedEnd, message);
  store.appendNow('t', large);
  store.deleteTopicNow('t');
  store.store.whenCommitted(log.end, committed);
  await store.idle();
  assert.deepEqual(
    waiters.map(({ outcome }) => outcome),
    ['refused', 'refused', 'refused'],
  );
  assert(isFailure(committed.why, 'unavailable', 'diskFull'));
  assert.equal(log.end, end);
  assert.equal(tables.digest('appended').total, digest);
  assert.equal(tables.appended.topic('u'), undefined);
  assert.deepEqual(await store.contentOf('t'), [0, 1, 'kept']);
  assert.equal(await indexed(store, 't'), 1);
  store.node.drive.setFreeBytes(2 ** 30);
  await store.append('t', 'next');
  assert.deepEqual(await store.contentOf('t'), [0, 2, 'kept', 'next']);
  assert.equal(await indexed(store, 't'), 2);
  await store.settle();
  await store.crash({ powerLoss: true });
  assert.deepEqual(await store.contentOf('t'), [0, 2, 'kept', 'next']);
  assert.equal(await indexed(store, 't'), 2);
});

test('a topic created, deleted and created in one turn is the last one, with empty queues', async () => {
  const store = await TestStore.open();
  store.createTopicNow('t');
  store.appendNow('t', 'first');
  store.deleteTopicNow('t');
  store.createTopicNow('t');
  store.appendNow('t', 'second');
  assert.deepEqual([store.queue('t').min, store.queue('t').next], [0, 1]);
  await store.settle();
  assert.deepEqual(await store.contentOf('t'), [0, 1, 'second']);
  await store.crash({ powerLoss: true });
  assert.deepEqual(await store.contentOf('t'), [0, 1, 'second']);
});

test('a delete that was cut away leaves the topic with its queues', async () => {
  const store = await storeWithTopic();
  await store.append('t', 'kept');
  await store.settle();
  store.node.drive.setFreeBytes(0);
  store.deleteTopicNow('t');
  store.createTopicNow('t', 3);
  store.appendNow('t', large, 2);
  await store.idle();
  store.node.drive.setFreeBytes(2 ** 30);
  await store.append('t', 'next');
  await store.settle();
  assert.deepEqual(await store.contentOf('t'), [0, 2, 'kept', 'next']);
  assert.equal(store.store.tables.applied.topic('t')?.readQueueNums, 1);
});

test('a batch is appended whole or not at all', async () => {
  const store = await storeWithTopic();
  const batch = ['a', 'b', 'c'].map((body) => store.message('t', body));
  const positions = store.store.appendBatch(batch);
  assert.equal(positions.length, 3);
  assert.equal(store.store.appendedOffset, 0);
  const tooLarge = Array.from({ length: 4 }, () => store.message('t', large));
  assert.throws(
    () => store.store.appendBatch(tooLarge),
    (error) => isFailure(error, 'invalid', 'tooLarge'),
  );
  await store.idle();
  assert.deepEqual(await store.contentOf('t'), [0, 3, 'a', 'b', 'c']);
});

test('a record that is too large is refused, with nothing appended', async () => {
  const store = await storeWithTopic();
  const { end } = store.store.log;
  assert.throws(
    () => store.appendNow('t', new Uint8Array(9000)),
    (error) => isFailure(error, 'invalid', 'tooLarge'),
  );
  assert.equal(store.store.log.end, end);
  assert.equal(store.queue('t').next, 0);
});

test('more than may wait to be committed is refused as busy', async () => {
  const store = await TestStore.open({ maxUncommittedBytes: 5000 });
  await store.createTopic('t');
  store.appendNow('t', large);
  store.appendNow('t', large);
  assert.throws(
    () => store.appendNow('t', 'x'),
    (error) => isFailure(error, 'unavailable', 'busy'),
  );
  await store.idle();
  await store.append('t', 'x');
  assert.equal(store.queue('t').next, 3);
});

test('a failed fsync is told once, to everybody, and is final', async () => {
  const store = await storeWithTopic();
  store.appendNow('t', 'a');
  const waiter = new TestWaiter();
  store.store.whenDurable(store.store.appendedEnd, waiter);
  store.node.drive.failSyncs((path) => path.includes('/commitlog/'));
  await store.idle();
  assert.equal(waiter.outcome, 'unknown');
  assert(store.failed !== undefined && isFailure(store.failed, 'corrupt'));
  store.node.drive.failSyncs(undefined);
  assert.throws(() => store.appendNow('t', 'b'), Failure);
  // A stop must not wait for an fsync that never comes.
  await assert.rejects(store.complete(store.store.close()), (error) => error === store.failed);
  await store.complete(store.local.abandon());
  await store.crash({ powerLoss: true });
  assert.equal(store.failed.kind, 'corrupt');
});

test('for those who wait for a store that is abandoned the outcome is unknown', async () => {
  const store = await storeWithTopic();
  store.appendNow('t', 'a');
  const waiters = [new TestWaiter(), new TestWaiter(), new TestWaiter()] as const;
  store.store.whenCommitted(store.store.appendedEnd, waiters[0]);
  store.store.whenDurable(store.store.appendedEnd, waiters[1]);
  store.store.whenMessageDurable(store.store.appendedEnd, waiters[2]);
  await store.complete(store.local.abandon());
  assert.deepEqual(
    waiters.map(({ outcome }) => outcome),
    ['unknown', 'unknown', 'unknown'],
  );
  assert.match(waiters[1].why?.message ?? '', /does not lead any more/);
});

test('a store that is closed takes nothing, and the next start finds a clean stop', async () => {
  const store = await storeWithTopic();
  store.appendNow('t', 'a');
  await store.close();
  assert.throws(
    () => store.appendNow('t', 'b'),
    (error) => isFailure(error, 'closed'),
  );
  await store.open();
  assert.equal(store.local.recovery.cleanStop, true);
  assert.equal(store.local.recovery.replayedRecords, 0);
  assert.deepEqual(await store.contentOf('t'), [0, 1, 'a']);
});

test('each start has an epoch of its own, above all before it', async () => {
  const store = await TestStore.open();
  const epochs = [store.store.epoch];
  for (const powerLoss of [true, false]) {
    await store.crash({ powerLoss });
    epochs.push(store.store.epoch);
  }
  await store.close();
  await store.open();
  epochs.push(store.store.epoch);
  assert.deepEqual(epochs, [1, 2, 3, 4]);
});

test('store timestamps never go back, whatever the clock does', async () => {
  const store = await storeWithTopic();
  await store.append('t', 'a');
  const before = store.store.log.lastStoreTimestamp;
  store.node.jumpWallClock(-86_400_000);
  await store.append('t', 'b');
  assert(store.store.log.lastStoreTimestamp >= before);
  await store.settle();
  await store.crash({ powerLoss: false });
  assert(store.store.turnTime >= before);
});

test('a follower of the epoch that it promised before stops cleanly only when it does', async () => {
  for (const powerLoss of [true, false]) {
    const store = await TestStore.open();
    const { promisedEpoch } = store.local;
    await store.close();
    const { clock, disk, keyValueStores, random, logger, bootId } = store.node;
    const ports = { clock, disk, keyValueStores, random, logger, bootId };
    const follower = await store.complete(LocalStore.open(store.options, ports));
    assert.equal(follower.lossless, true);
    await store.complete(follower.promise(promisedEpoch));
    await store.crash({ powerLoss });
    assert.equal(store.local.recovery.cleanStop, false);
    assert.equal(store.local.lossless, !powerLoss);
  }
});
