import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { Failure, isFailure, queueOffset } from '../base/index.ts';
import { LocalStore } from './local-store.ts';
import { commitOffsets, createOrUpdateGroup, defaultGroup } from './metadata/index.ts';
import { quiet, TestStore } from './test-store.ts';

const old = 2 * 3_600_000;

/** Two topics with messages, some only in the log, some persisted, and a deleted topic. */
async function livedIn(): Promise<TestStore> {
  const store = await TestStore.open();
  await store.createTopic('t', 2);
  await store.append('t', 'a', 1);
  await store.createTopic('gone');
  await store.append('gone', 'x');
  await persist(store);
  store.deleteTopicNow('gone');
  await store.append('t', 'b', 1);
  await store.createTopic('later');
  await store.append('later', 'c');
  await store.settle();
  return store;
}

/** Flushes both databases, as a round of maintenance does when its time has come. */
async function persist(store: TestStore): Promise<void> {
  await store.settle();
  await store.world.run({ forMs: quiet.databaseFlushIntervalMs });
  await store.maintain();
}

async function checkContent(store: TestStore): Promise<void> {
  assert.deepEqual(await store.contentOf('t', 1), [0, 2, 'a', 'b']);
  assert.deepEqual(await store.contentOf('later'), [0, 1, 'c']);
  assert.equal(store.store.tables.applied.topic('gone'), undefined);
  const topics = [...store.store.queues].map(({ topic }) => topic).sort();
  assert.deepEqual(topics, ['later', 't']);
}

const remove =
  (store: TestStore, ...names: readonly string[]) =>
  async () => {
    for (const name of names) await store.complete(store.node.disk.remove(`/store/${name}`));
  };

test('after a crash everything durable is there', async () => {
  for (const powerLoss of [false, true]) {
    const store = await livedIn();
    const { total } = store.store.tables.digest('applied');
    await store.crash({ powerLoss });
    await checkContent(store);
    assert.equal(store.store.tables.digest('applied').total, total);
    assert.equal(store.local.recovery.cleanStop, false);
    assert.equal(store.local.lossless, !powerLoss);
    assert.deepEqual(store.local.recovery.rebuilt, []);
  }
});

test('a definition that leaves replay with other tables than its writer had is damage, with its position', async () => {
  const store = await livedIn();
  const { tables } = store.store;
  const append = tables.append.bind(tables);
  // Its writer would not have let it through either.
  tables.digestAfter = () => 'f'.repeat(32) as ReturnType<typeof tables.digestAfter>;
  tables.append = ({ digest: _, ...record }, start, end) => append(record, start, end);
  const position = store.store.log.end;
  store.createTopicNow('other');
  await store.idle();
  await assert.rejects(
    store.crash({ powerLoss: false }),
    (error) =>
      isFailure(error, 'corrupt') &&
      error.message.startsWith(`the record at ${position} does not fit: `) &&
      /makes the tables' digest .*, and its writer had f{32}/.test(error.message),
  );
});

test('a loss is said again by each start until somebody knows of it', async () => {
  const store = await livedIn();
  await store.crash({ powerLoss: true });
  assert.equal(store.local.lossless, false);
  for (const powerLoss of [false, true]) {
    await store.crash({ powerLoss });
    assert.equal(store.local.lossless, false, 'nobody was told');
  }
  await store.complete(store.local.lossKnown());
  await store.crash({ powerLoss: false });
  assert.equal(store.local.lossless, true);
});

test('databases that are lost are rebuilt from the log, which is there from its beginning', async () => {
  for (const lost of [['metadata'], ['queues'], ['metadata', 'queues']]) {
    const store = await livedIn();
    const { total } = store.store.tables.digest('applied');
    await store.crash({ powerLoss: true }, remove(store, ...lost));
    await checkContent(store);
    assert.equal(store.store.tables.digest('applied').total, total, `after the loss of ${lost}`);
  }
});

test('databases that cannot be opened are set aside and rebuilt', async () => {
  for (const name of ['metadata', 'queues']) {
    const store = await livedIn();
    await store.crash({ powerLoss: true }, async () => {
      store.node.keyValueStores.damage(`/store/${name}`);
    });
    await checkContent(store);
    assert.match(store.local.recovery.rebuilt.join(), new RegExp(name));
    assert.notEqual(store.node.drive.find(`/store/${name}.set-aside`), undefined);
  }
});

test('a view that is ahead of the log is set aside and rebuilt', async () => {
  const store = await livedIn();
  await store.close();
  // The log of an earlier time, with the databases of today.
  const early = await TestStore.open();
  await early.createTopic('t', 2);
  await early.append('t', 'a', 1);
  await early.close();
  for (const path of ['commitlog', 'checksums', 'synced-mark', 'epochs', 'group']) {
    await copyInto(store, early, `/store/${path}`);
  }
  await store.open();
  assert.equal(store.local.recovery.rebuilt.length, 2);
  assert.deepEqual(await store.contentOf('t', 1), [0, 1, 'a']);
  assert.equal(store.store.tables.applied.topic('later'), undefined);
});

/** Replaces what one node has at a path by what the other has there. */
async function copyInto(to: TestStore, from: TestStore, path: string): Promise<void> {
  await to.complete(to.node.disk.remove(path));
  const found = from.node.drive.find(path);
  if (found?.type === 'folder') {
    await to.complete(to.node.disk.makeFolder(path));
    for (const name of found.current.keys()) await copyInto(to, from, `${path}/${name}`);
  } else if (found !== undefined) {
    const source = await from.complete(from.node.disk.open(path, 'read'));
    const bytes = new Uint8Array(await from.complete(source.size()));
    await from.complete(source.read(bytes, 0));
    const target = await to.complete(to.node.disk.open(path, 'createOrWrite'));
    await to.complete(target.write(bytes, 0));
    await to.complete(target.close());
    await from.complete(source.close());
  }
}

/** A store whose log begins above 0; with `t` expired and `later` alive. */
async function expired(): Promise<TestStore> {
  const store = await TestStore.open();
  await store.createTopic('t', 2);
  for (const body of ['a', 'b', 'c']) await store.append('t', body, 1);
  await store.fillSegments(2);
  await store.settle();
  store.node.jumpWallClock(old);
  await store.maintain();
  assert(store.store.log.begin > 0);
  await store.createTopic('later');
  await store.append('later', 'd');
  await store.settle();
  return store;
}

test('a lost metadata database is rebuilt from a snapshot where the log no longer begins at 0', async () => {
  for (const lost of [['metadata'], ['metadata', 'queues'], ['queues']]) {
    const store = await expired();
    const { total } = store.store.tables.digest('applied');
    await store.crash({ powerLoss: true }, remove(store, ...lost));
    assert.equal(store.store.tables.digest('applied').total, total, `after the loss of ${lost}`);
    assert.deepEqual(await store.contentOf('t', 1), [3, 3]);
    assert.deepEqual(await store.contentOf('later'), [0, 1, 'd']);
    // And it stays so when the rebuilt databases are lost once more.
    await store.crash({ powerLoss: true }, remove(store, ...lost));
    assert.deepEqual(await store.contentOf('t', 1), [3, 3]);
    assert.equal(store.store.tables.digest('applied').total, total);
  }
});

test('the older snapshot serves when the newest is damaged', async () => {
  const store = await expired();
  await store.complete(store.local.maintenance.snapshot());
  const { total } = store.store.tables.digest('applied');
  await store.crash({ powerLoss: true }, async () => {
    const files = await store.complete(store.node.disk.list('/store/snapshots'));
    const newest = files.filter(({ name }) => name.endsWith('.snapshot')).at(-1);
    store.node.drive.flipBit(`/store/snapshots/${newest?.name}`, 20);
    await remove(store, 'metadata', 'queues')();
  });
  assert.equal(store.store.tables.digest('applied').total, total);
  assert.deepEqual(await store.contentOf('t', 1), [3, 3]);
});

test('without database and snapshot a node whose log begins above 0 does not start, and says why', async () => {
  const store = await expired();
  const crashed = store.crash({ powerLoss: true }, remove(store, 'metadata', 'snapshots'));
  await assert.rejects(crashed, (error) => {
    assert(isFailure(error, 'corrupt'));
    assert.match(error.message, /\/store\/metadata.*\/store\/snapshots/);
    return true;
  });
  await store.complete(store.node.keyValueStores.open('/store/metadata'));
});

test('a missing group file is damage once there is a log', async () => {
  const store = await livedIn();
  const crashed = store.crash({ powerLoss: true }, remove(store, 'group'));
  await assert.rejects(crashed, (error) => {
    assert(isFailure(error, 'corrupt'));
    assert.match(error.message, /\/store\/group/);
    return true;
  });
});

test('damage below the synced mark is named, and nothing is changed', async () => {
  const store = await livedIn();
  await store.world.run({ forMs: 1000 });
  await store.crash({ powerLoss: false });
  await store.settle();
  await store.close();
  store.node.drive.flipBit('/store/commitlog/00000000000000000000', 300);
  await assert.rejects(store.open(), (error) => {
    assert(isFailure(error, 'corrupt'));
    assert.match(error.message, /00000000000000000000/);
    return true;
  });
  store.node.drive.flipBit('/store/commitlog/00000000000000000000', 300);
  await store.open();
  await checkContent(store);
});

test('damage that a read met has the queues rebuilt by the next start', async () => {
  const store = await livedIn();
  await persist(store);
  await store.complete(store.local.noteDamage(new Failure('corrupt', 'a block')));
  await store.crash({ powerLoss: true });
  assert.match(store.local.recovery.rebuilt.join(), /queues: a damaged block/);
  await checkContent(store);
  await store.crash({ powerLoss: true });
  assert.doesNotMatch(store.local.recovery.rebuilt.join(), /damaged/);
});

test('a crash at any operation of a start leaves a store that starts', async () => {
  for (let afterOperations = 1; afterOperations < 60; afterOperations += 3) {
    const store = await livedIn();
    store.node.crash({ powerLoss: true });
    store.node.restart();
    if (afterOperations % 2 === 0) await remove(store, 'metadata')();
    store.node.crashAt({ afterOperations, when: 'after', powerLoss: true });
    const { clock, disk, keyValueStores, random, logger, bootId } = store.node;
    const ports = { clock, disk, keyValueStores, random, logger, bootId };
    void LocalStore.open(store.options, ports)
      .then((local) => local.promote())
      .catch(() => {});
    await store.world.run({ forMs: 5000 });
    await store.crash({ powerLoss: true });
    await checkContent(store);
  }
});

test('a topic takes more offsets along than a record could name, and a crash leaves all of that or nothing', async () => {
  const count = 500;
  const outcomes = new Set<number>();
  for (let afterOperations = 1; afterOperations <= 8; afterOperations++) {
    const store = await TestStore.open({}, afterOperations);
    await store.createTopic('t', count);
    const { tables } = store.store;
    store.change(createOrUpdateGroup(tables.appended, defaultGroup('g')));
    for (let first = 0; first < count; first += 50) {
      const commits = Array.from({ length: 50 }, (_, index) => ({
        ...{ group: 'g', topic: 't', queueId: first + index, offset: queueOffset(7) },
      }));
      store.change(commitOffsets(tables.appended, commits));
    }
    if (afterOperations % 2 === 0) await persist(store);
    else await store.settle();
    assert.equal(tables.applied.offsetsOfTopic('t').length, count);
    store.node.crashAt({ afterOperations, when: 'after', powerLoss: true });
    store.deleteTopicNow('t');
    await store.idle();
    store.node.crash({ powerLoss: true });
    store.node.restart();
    await store.open();
    const { applied } = store.store.tables;
    const kept = applied.offsetsOfTopic('t').length;
    assert.equal(kept, applied.topicRow('t') === undefined ? 0 : count);
    outcomes.add(kept);
  }
  assert.deepEqual([...outcomes].sort(), [0, count]);
});
