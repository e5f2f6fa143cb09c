import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { isFailure } from '../base/index.ts';
import { quiet, TestStore } from './test-store.ts';

const old = 2 * 3_600_000;

test('a segment goes once its messages are too old, and its queues begin behind it', async () => {
  const store = await TestStore.open();
  await store.createTopic('t', 2);
  for (const body of ['a', 'b']) await store.append('t', body);
  await store.fillSegments(1);
  await store.append('t', 'c');
  await store.settle();
  await store.maintain();
  assert.equal(store.store.log.begin, 0, 'nothing is old');
  store.node.jumpWallClock(old);
  await store.maintain();
  assert.equal(store.store.log.begin, 16 * 1024);
  assert.deepEqual(await store.contentOf('t'), [2, 3, 'c']);
  assert.deepEqual(await store.contentOf('t', 1), [0, 0]);
});

test('a queue whose messages have all expired goes on where it was, whatever is lost then', async () => {
  const losses = [[], ['metadata'], ['queues'], ['metadata', 'queues']];
  for (const lost of losses) {
    const store = await TestStore.open();
    await store.createTopic('t', 3);
    for (const body of ['a', 'b', 'c']) await store.append('t', body, 2);
    await store.fillSegments(2);
    await store.settle();
    store.node.jumpWallClock(old);
    await store.maintain();
    assert.deepEqual(await store.contentOf('t', 2), [3, 3], `before the loss of ${lost}`);
    await store.crash({ powerLoss: true }, async () => {
      for (const name of lost) await store.complete(store.node.disk.remove(`/store/${name}`));
    });
    assert.deepEqual(await store.contentOf('t', 2), [3, 3], `after the loss of ${lost}`);
    await store.append('t', 'd', 2);
    assert.deepEqual(await store.contentOf('t', 2), [3, 4, 'd']);
  }
});

test('a segment that was written by several processes is scanned before it goes', async () => {
  const store = await TestStore.open();
  await store.createTopic('t');
  await store.append('t', 'a');
  await store.settle();
  await store.crash({ powerLoss: false });
  await store.append('t', 'b');
  await store.fillSegments(1);
  await store.append('t', 'c');
  await store.settle();
  store.node.jumpWallClock(old);
  await store.maintain();
  assert.deepEqual(await store.contentOf('t'), [2, 3, 'c']);
});

test('a refused write that takes back the end of a segment loses no queue that begins behind it', async () => {
  const store = await TestStore.open();
  await store.createTopic('t');
  await store.append('t', 'a');
  await store.fillSegments(0);
  // The roll is in the turn whose write fails.
  store.node.drive.setFreeBytes(0);
  const { log } = store.store;
  while (log.segments().length === 1) store.appendNow('filler', new Uint8Array(3000));
  await store.idle();
  assert.equal(log.segments().length, 1, 'it was taken back');
  store.node.drive.setFreeBytes(2 ** 30);
  await store.fillSegments(1);
  await store.settle();
  store.node.jumpWallClock(old);
  await store.maintain();
  assert.equal(log.begin, 16 * 1024);
  assert.deepEqual(await store.contentOf('t'), [1, 1]);
});

test('a crash after a segment went, at any point, leaves queues that begin behind it', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const store = await TestStore.open({}, seed);
    await store.createTopic('t');
    await store.append('t', 'a');
    await store.fillSegments(2);
    await store.append('t', 'b');
    await store.settle();
    store.node.jumpWallClock(old);
    const afterOperations = 1 + 2 * seed;
    store.node.crashAt({ afterOperations, when: 'after', powerLoss: seed % 2 === 0 });
    void store.local.maintenance.run();
    await store.world.run({ forMs: 5000 });
    await store.crash({ powerLoss: true });
    const [min, ...rest] = await store.contentOf('t');
    assert(min === 0 || store.store.log.begin > 0);
    assert.deepEqual(rest, min === 0 ? [2, 'a', 'b'] : [2, 'b']);
  }
});

test('rows of segments that are gone go also when the process ends before it drops them', async () => {
  const store = await TestStore.open({ databaseFlushIntervalMs: 0 });
  await store.createTopic('t');
  await store.append('t', 'a');
  await store.fillSegments(2);
  for (const topic of ['t', 'filler']) await store.append(topic, 'b');
  await store.settle();
  store.node.jumpWallClock(old);
  await store.maintain();
  assert(store.store.log.begin > 0);
  await store.crash({ powerLoss: true });
  await store.maintain();
  assert.deepEqual(await store.contentOf('t'), [1, 2, 'b']);
  assert.deepEqual(await nextOffsetRowsOf(store), []);
});

test('a log that is too large loses its oldest segments', async () => {
  const store = await TestStore.open({ maxLogBytes: 40 * 1024 });
  await store.fillSegments(6);
  await store.settle();
  await store.maintain();
  const { begin, end } = store.store.log;
  assert(end - begin <= 40 * 1024 && end - begin > 20 * 1024);
});

test('a disk that fills up loses the oldest segments', async () => {
  const store = await TestStore.open();
  await store.fillSegments(3);
  await store.settle();
  store.node.drive.setFreeBytes(4096);
  await store.maintain();
  assert(store.store.log.begin > 0);
});

test('above the last limit a disk takes no writes until there is room', async () => {
  const store = await TestStore.open({ cleanForciblyRatio: 1 });
  await store.fillSegments(3);
  await store.settle();
  store.node.drive.setFreeBytes(4096);
  await store.maintain();
  assert.equal(store.store.log.begin, 0, 'nothing is deleted before its time');
  assert(isFailure(store.store.refusal, 'unavailable', 'diskFull'));
  assert.throws(() => store.appendNow('filler', 'x'), /full/);
  store.node.drive.setFreeBytes(2 ** 30);
  await store.maintain();
  assert.equal(store.store.refusal, undefined);
  store.appendNow('filler', 'x');
});

test('writes are refused on a full disk although a view cannot be flushed, and taken again', async () => {
  const store = await TestStore.open();
  await store.fillSegments(3);
  await store.settle();
  store.node.drive.failSyncs((path) => path === '/store/metadata');
  store.node.drive.setFreeBytes(4096);
  await store.maintain();
  const { log } = store.store;
  assert.equal(log.begin, 0, 'nothing goes that a view may need');
  assert(isFailure(store.store.refusal, 'unavailable', 'diskFull'));
  store.node.drive.setFreeBytes(2 ** 30);
  store.node.drive.failSyncs(undefined);
  await store.maintain();
  assert.equal(store.store.refusal, undefined);
});

test('a segment stays while no snapshot can be written, and goes when one can', async () => {
  const store = await TestStore.open({ maxLogBytes: 20 * 1024 });
  await store.fillSegments(2);
  await store.settle();
  store.node.drive.failSyncs((path) => path.includes('/snapshots'));
  await store.maintain();
  assert.equal(store.store.log.begin, 0);
  store.node.drive.failSyncs(undefined);
  await store.maintain();
  assert(store.store.log.begin > 0);
});

test('rows of queues that went on, or whose topic is gone, do not pile up', async () => {
  const store = await TestStore.open({ maxLogBytes: 20 * 1024 });
  await store.createTopic('gone');
  await store.append('gone', 'x');
  await store.createTopic('t');
  for (let round = 0; round < 5; round++) {
    // Written in one segment, and idle until after that is gone.
    await store.append('t', `${round}`);
    await store.fillSegments(3);
    await store.settle();
    await store.maintain();
    if (round === 2) store.deleteTopicNow('gone');
  }
  await store.fillSegments(2);
  await store.settle();
  await store.maintain();
  await store.maintain();
  assert.deepEqual(await store.contentOf('t'), [5, 5]);
  const rows = await nextOffsetRowsOf(store);
  assert.equal(rows.filter((key) => key.includes('\u0004gone')).length, 0);
  assert.equal(rows.filter((key) => key.includes('\u0001t')).length, 1);
});

/** Their keys. Closes the store. */
async function nextOffsetRowsOf(store: TestStore): Promise<readonly string[]> {
  await store.close();
  const database = await store.complete(store.node.keyValueStores.open('/store/metadata'));
  const rows: string[] = [];
  await store.complete(
    (async () => {
      const range = { from: Uint8Array.of(0, 2), to: Uint8Array.of(0, 3) };
      for await (const [key] of database.scan(range))
        rows.push(Buffer.from(key).toString('latin1'));
    })(),
  );
  return rows;
}

test('a segment is looked at for damage once its checksums are there', async () => {
  const store = await TestStore.open();
  await store.fillSegments(1);
  // Synced, and so sealed, in this very moment.
  await store.complete(store.store.syncAll());
  await store.maintain();
  await store.settle();
  await store.world.run({ forMs: 5000 });
  store.node.drive.flipBit('/store/commitlog/00000000000000000000', 5000);
  const errors = () => store.lines.filter(({ level }) => level === 'error');
  assert.deepEqual(errors(), []);
  await store.maintain();
  assert.equal(errors().length, 1);
  assert.match(errors()[0]?.message ?? '', /damaged/);
  await store.maintain();
  assert.equal(errors().length, 1, 'it is told once');
});

test('what a start after a kill believed is looked at by the first round', async () => {
  for (const damages of [false, true]) {
    const log = { ...quiet.log, blockBytes: 1024, checkedBytes: 0 };
    const store = await TestStore.open({ log });
    await store.createTopic('t');
    await store.append('t', new Uint8Array(3000));
    await store.settle();
    await store.world.run({ forMs: quiet.databaseFlushIntervalMs });
    await store.maintain(); // So that the start reads nothing again.
    await store.crash({ powerLoss: false }, async () => {
      if (damages) store.node.drive.flipBit('/store/commitlog/00000000000000000000', 3000);
    });
    assert.equal(store.local.lossless, true);
    const errors = () => store.lines.filter(({ level }) => level === 'error');
    assert.deepEqual(errors(), []);
    await store.maintain();
    assert.deepEqual(
      errors().map(({ message }) => /damaged/.test(message)),
      damages ? [true] : [],
    );
    await store.maintain();
    assert.equal(errors().length, damages ? 1 : 0, 'it is told once');
  }
});
