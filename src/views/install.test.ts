import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { type Disk, Failure, isFailure, physicalOffset } from '../base/index.ts';
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

/** A follower that has all, and was stopped; its newest segment is damaged below the synced mark. Returns the file. */
async function damaged(follower: TestFollower): Promise<string> {
  const { leader, node, options } = follower;
  await leader.complete(follower.install());
  await follower.open();
  await follower.catchUp();
  const { log } = follower.store;
  const { base } = log.segments().at(-1) as { base: number };
  await leader.complete(follower.local.close());
  const path = `${options.folder}/commitlog/${String(base).padStart(20, '0')}`;
  await leader.complete(damageFile(node.disk, path));
  return path;
}

async function damageFile(disk: Disk, path: string): Promise<void> {
  await using file = await disk.open(path, 'write');
  const bytes = new Uint8Array(8);
  await file.read(bytes, 20);
  await file.write(
    bytes.map((byte) => byte ^ 0xff),
    20,
  );
  await file.sync();
}

const naming = (path: string) => (error: unknown) =>
  isFailure(error, 'corrupt') && error.reason === undefined && error.message.includes(path);

test('nothing of a damaged store goes before its leader has sent a whole snapshot', async () => {
  const leader = await retained();
  const follower = new TestFollower(leader);
  const path = await damaged(follower);
  await assert.rejects(follower.openOnly(), naming(path));
  const { disk } = follower.node;
  const files = async () => {
    const lists = [];
    for (const name of ['', '/commitlog', '/checksums', '/snapshots']) {
      lists.push(await leader.complete(disk.list(`${follower.options.folder}${name}`)));
    }
    return lists;
  };
  const before = await files();
  const install = await leader.complete(StoreInstall.open(follower.options, follower.ports));
  assert.equal(install.group.promisedEpoch, leader.store.epoch);
  install.expect(leader.store.log.begin);
  const snapshot = await snapshotOf(leader);
  await leader.complete(install.snapshotPiece(snapshot.subarray(0, 40), false));
  await assert.rejects(leader.complete(install.snapshotPiece(snapshot, true)), invalid);
  await leader.complete(install.restart());
  const isIncoming = (name: string): boolean => name.endsWith('.snapshot.tmp');
  const after = (await files()).map((list) => list.filter(({ name }) => !isIncoming(name)));
  assert.deepEqual(after, before);
  await assert.rejects(follower.openOnly(), (error) => isFailure(error, 'unavailable', 'locked'));

  install.expect(leader.store.log.begin);
  await leader.complete(install.snapshotPiece(snapshot, true));
  assert(await leader.complete(isInstalling(disk, follower.options.folder)));
  await leader.complete(install.abandon());
  await leader.complete(follower.install());
  await follower.open();
  await follower.catchUp();
  checkEqual(follower);
});

test('a power loss at any operation of a repair leaves the damage named, an installation, or a whole store', async () => {
  const leader = await retained();
  const found = { named: 0, installing: 0, whole: 0 };
  for (let afterOperations = 1; ; afterOperations++) {
    const follower = new TestFollower(leader, { folder: `/store-${afterOperations}` });
    const path = await damaged(follower);
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
    const opening = await follower.openOnly().then(
      () => 'opened' as const,
      (error: unknown) => error,
    );
    if (opening === 'opened') {
      found.whole++;
      assert(follower.store.log.end >= leader.store.tables.appliedPosition);
      assert.equal(follower.local.lossless, false);
    } else {
      const isInstall = isFailure(opening, 'corrupt', 'installing');
      assert(isInstall || naming(path)(opening), String(opening));
      found[isInstall ? 'installing' : 'named']++;
      await leader.complete(follower.install());
      await follower.openOnly();
    }
    await follower.follow();
    await follower.catchUp();
    checkEqual(follower);
    await leader.complete(follower.local.abandon());
  }
  assert(found.named > 5 && found.installing > 20 && found.whole > 0, JSON.stringify(found));
});

test('what a check found damaged stays damaged over starts, until the store is replaced; its metadata are kept', async () => {
  const leader = await retained();
  const follower = new TestFollower(leader);
  await leader.complete(follower.install());
  await follower.openOnly();
  const { folder } = follower.options;
  const what = `${folder}/commitlog/x is damaged at position 7`;
  await leader.complete(follower.local.markDamaged(new Failure('corrupt', what)));
  await leader.complete(follower.local.close());
  for (let start = 0; start < 2; start++) {
    await assert.rejects(follower.openOnly(), naming(what));
  }
  await leader.complete(follower.install());
  const names = (await leader.complete(follower.node.disk.list(folder))).map(({ name }) => name);
  assert(names.includes('metadata.set-aside'), names.join());
  await follower.open();
  await follower.catchUp();
  checkEqual(follower);
});

async function begun(leader: TestStore): Promise<StoreInstall> {
  const follower = new TestFollower(leader);
  const install = await leader.complete(StoreInstall.open(follower.options, follower.ports));
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
  const install = await leader.complete(StoreInstall.open(follower.options, follower.ports));
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
    await assert.rejects(leader.complete(install.ingest(bad)), invalid);
    assert.equal(install.written, log.begin);
  }
  await leader.complete(install.ingest(first));
  assert.equal(install.written, log.begin + first.length);
  await assert.rejects(leader.complete(install.ingest(first)), invalid);
});

test('while it lasts, nobody else opens the store', async () => {
  const leader = await retained();
  const follower = new TestFollower(leader);
  const install = await begun(leader);
  const isLocked = (error: unknown): boolean => isFailure(error, 'unavailable', 'locked');
  await assert.rejects(follower.openOnly(), isLocked);
  await leader.complete(install.snapshotPiece(await snapshotOf(leader), true));
  await assert.rejects(follower.openOnly(), isLocked);
  await leader.complete(install.abandon());
  await assert.rejects(follower.openOnly(), (error) => isFailure(error, 'corrupt', 'installing'));
});
