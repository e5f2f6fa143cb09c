import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { type Failure, isFailure, physicalOffset } from '../base/index.ts';
import { isInstalling, StoreInstall } from './install.ts';
import { TestFollower } from './test-follower.ts';
import { TestStore } from './test-store.ts';

/** A leader whose log begins above 0, with epochs below and above that. */
async function retained(): Promise<TestStore> {
  const leader = await TestStore.open();
  await leader.createTopic('old', 2);
  await leader.append('old', 'gone', 1);
  await leader.fillSegments(3);
  await leader.settle();
  leader.node.jumpWallClock(2 * 3_600_000);
  await leader.maintain();
  await leader.crash({ powerLoss: false });
  await leader.createTopic('new', 1);
  await leader.append('new', 'kept');
  await leader.settle();
  assert(leader.store.log.begin > 0, 'a segment went');
  return leader;
}

function checkEqual({ leader, local, store }: TestFollower): void {
  assert.equal(store.log.begin, leader.store.log.begin);
  assert.equal(store.log.end, leader.store.log.end);
  assert.deepEqual(store.log.epochs, leader.store.log.epochs);
  assert.equal(
    store.tables.digest('applied').total,
    leader.store.tables.digest('applied').total,
    'applied tables',
  );
  for (const topic of leader.store.queues) {
    for (const queue of topic) {
      const here = store.queues.topic(topic.topic, topic.incarnation).queue(queue.queueId);
      assert.equal(here.next, queue.next, `next of ${topic.topic}/${queue.queueId}`);
    }
  }
  assert.equal(local.promisedEpoch, leader.store.epoch);
}

test('an empty node that installs holds what its leader holds, and follows from there', async () => {
  const leader = await retained();
  const follower = new TestFollower(leader);
  await leader.complete(follower.install());
  await leader.append('new', 'later');
  await leader.settle();
  await follower.open();
  assert.equal(follower.local.lossless, false, 'it may lack what others have');
  await follower.catchUp();
  checkEqual(follower);
  await leader.complete(follower.local.close());
  await follower.open();
  await follower.catchUp();
  checkEqual(follower);
});

test('a power loss at any operation of an installation leaves a store, or a folder where it begins anew', async () => {
  const leader = await retained();
  let interrupted = 0;
  let whole = 0;
  for (let afterOperations = 1; ; afterOperations++) {
    const follower = new TestFollower(leader, { folder: `/store-${afterOperations}` });
    // What is replaced: a store that went another way.
    await follower.openOnly();
    await leader.complete(follower.local.promote());
    await leader.complete(follower.local.close());
    const when = afterOperations % 2 === 0 ? 'after' : 'before';
    follower.node.crashAt({ afterOperations, when, powerLoss: true });
    let isDone = false;
    follower.install().then(
      () => {
        isDone = true;
      },
      () => {},
    );
    await leader.world.run({ forMs: 60_000, until: () => isDone || !follower.node.alive });
    if (isDone) break;
    follower.crash({ powerLoss: true });
    if (await leader.complete(isInstalling(follower.node.disk, follower.options.folder))) {
      interrupted++;
      await assert.rejects(follower.openOnly(), (error) =>
        isFailure(error, 'corrupt', 'installing'),
      );
      await leader.complete(follower.install());
      await follower.open();
      await follower.catchUp();
      checkEqual(follower);
    } else {
      whole++;
      await follower.openOnly();
      const isOld = follower.store.log.begin === 0;
      assert(isOld || follower.store.log.end >= leader.store.tables.appliedPosition);
    }
    await leader.complete(follower.local.abandon());
  }
  assert(interrupted > 20 && whole > 2, `${interrupted} interrupted, ${whole} whole`);
});

async function begun(leader: TestStore): Promise<StoreInstall> {
  const follower = new TestFollower(leader);
  const install = await leader.complete(StoreInstall.begin(follower.options, follower.ports));
  install.expect(leader.store.log.begin);
  return install;
}

async function snapshotOf(leader: TestStore): Promise<Uint8Array> {
  const reader = await leader.complete(leader.local.openSnapshot());
  const bytes = await leader.complete(reader.read());
  assert(bytes !== undefined);
  return bytes;
}

const invalid = (error: unknown): error is Failure => isFailure(error, 'invalid');

test('a snapshot with a changed byte, or cut anywhere, is refused', async () => {
  const leader = await retained();
  const good = await snapshotOf(leader);
  for (let at = 0; at < good.length; at += 97) {
    const install = await begun(leader);
    const bytes = Uint8Array.from(good);
    if (at % 2 === 0) bytes[at] = (bytes[at] as number) ^ 0x10;
    const sent = at % 2 === 0 ? bytes : bytes.subarray(0, at);
    await assert.rejects(leader.complete(install.snapshotPiece(sent, true)), invalid);
    assert.equal(install.isComplete, false);
    await leader.complete(install.abandon());
  }
});

test('a snapshot from below the begin of the log is refused', async () => {
  const leader = await retained();
  const follower = new TestFollower(leader);
  const install = await leader.complete(StoreInstall.begin(follower.options, follower.ports));
  install.expect(physicalOffset(leader.store.log.begin + 64 * install.segmentBytes));
  await assert.rejects(
    leader.complete(install.snapshotPiece(await snapshotOf(leader), true)),
    (error) => invalid(error) && /begins at/.test(error.message),
  );
});

test('records are taken only behind the snapshot, and only those that follow', async () => {
  const leader = await retained();
  const { log } = leader.store;
  const install = await begun(leader);
  const { bytes } = await leader.complete(Promise.resolve(log.rangeAt(log.begin, 4096)));
  const first = Uint8Array.from(bytes);
  await assert.rejects(leader.complete(install.ingest(first)), invalid);
  await leader.complete(install.snapshotPiece(await snapshotOf(leader), true));
  const damaged = Uint8Array.from(first);
  damaged[4] = 0;
  for (const bad of [damaged, first.subarray(0, first.length - 1), first.subarray(1)]) {
    await assert.rejects(leader.complete(install.ingest(bad)), (error) =>
      isFailure(error, 'corrupt'),
    );
    assert.equal(install.written, log.begin);
  }
  await leader.complete(install.ingest(first));
  assert.equal(install.written, log.begin + first.length);
  await assert.rejects(leader.complete(install.ingest(first)), (error) =>
    isFailure(error, 'corrupt'),
  );
});

test('while it lasts, nobody else opens the store', async () => {
  const leader = await retained();
  const follower = new TestFollower(leader);
  const install = await leader.complete(StoreInstall.begin(follower.options, follower.ports));
  await assert.rejects(follower.openOnly(), (error) => isFailure(error, 'unavailable', 'locked'));
  await leader.complete(install.abandon());
  await assert.rejects(follower.openOnly(), (error) => isFailure(error, 'corrupt', 'installing'));
});
