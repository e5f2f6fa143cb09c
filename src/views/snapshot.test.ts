import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type SimNode, SimWorld } from '../../test/sim/ports/index.ts';
import {
  type Disk,
  epoch,
  isFailure,
  physicalOffset,
  queueOffset,
  silentLogger,
  timestampMs,
} from '../base/index.ts';
import {
  commitOffsets,
  createOrUpdateGroup,
  createOrUpdateTopic,
  type Digest,
  defaultGroup,
  deleteTopic,
  MetadataTables,
  Table,
} from './metadata/index.ts';
import {
  dump,
  MemoryKeyValue,
  persist,
  settings,
  TestLog,
  topicConfig,
} from './metadata/test-tables.ts';
import { readNewestSnapshot, type SnapshotContent, writeSnapshot } from './snapshot.ts';

const folder = '/store/snapshots';

function someTables(topics = 3): TestLog {
  const log = new TestLog();
  const { appended } = log.tables;
  for (let i = 0; i < topics; i++) {
    log.run(createOrUpdateTopic(appended, topicConfig(`t${i}`), settings));
  }
  log.run(createOrUpdateGroup(appended, defaultGroup('g')));
  log.run(
    commitOffsets(appended, [{ group: 'g', topic: 't0', queueId: 0, offset: queueOffset(-3) }]),
  );
  log.applyAll();
  return log;
}

function contentOf(log: TestLog): SnapshotContent {
  return {
    ...log.tables.snapshotContent(),
    createdAt: timestampMs(1_700_000_000_000),
    nextOffsets: [
      { topic: 't0', incarnation: physicalOffset(50), queueId: 1, next: queueOffset(2 ** 40) },
      { topic: 'é', incarnation: physicalOffset(0), queueId: 0, next: queueOffset(0) },
    ],
    epochs: [{ epoch: epoch(1), incarnation: '00112233445566aa', start: physicalOffset(0) }],
  };
}

interface Fixture {
  readonly world: SimWorld;
  readonly node: SimNode;
  readonly warnings: string[];
  write(log: TestLog): Promise<string>;
  read(): ReturnType<typeof readNewestSnapshot>;
  names(): Promise<readonly string[]>;
}

function fixture(): Fixture {
  const world = new SimWorld(1);
  const node = world.node('n');
  const warnings: string[] = [];
  const logger = {
    ...silentLogger,
    error: (message: string, fields: object = {}) =>
      warnings.push(`${message} ${JSON.stringify(fields)}`),
  };
  const list = async (): Promise<readonly string[]> =>
    (await node.disk.list(folder)).map(({ name }) => name);
  return {
    world,
    node,
    warnings,
    write: (log) => world.complete(writeSnapshot(node.disk, folder, contentOf(log), logger)),
    read: () => world.complete(readNewestSnapshot(node.disk, folder, logger)),
    names: () => world.complete(list()),
  };
}

const fileOf = (log: TestLog): string =>
  `${folder}/${String(log.tables.appliedPosition).padStart(20, '0')}.snapshot`;

async function change(
  disk: Disk,
  path: string,
  alter: (bytes: Uint8Array) => Uint8Array,
): Promise<void> {
  await using file = await disk.open(path, 'write');
  const bytes = new Uint8Array(await file.size());
  await file.read(bytes, 0);
  const altered = alter(bytes);
  await file.truncate(altered.length);
  await file.write(altered, 0);
}

test('a folder without snapshots has none', async () => {
  assert.equal(await fixture().read(), undefined);
});

test('a snapshot reads back as it was written, and tables come out of it whole', async () => {
  for (const topics of [0, 3, 2000]) {
    const log = someTables(Math.max(1, topics));
    const { write, read } = fixture();
    await write(log);
    const snapshot = await read();
    assert.ok(snapshot !== undefined);
    const expected = contentOf(log);
    const { rows, path, ...rest } = snapshot;
    const { rows: expectedRows, ...expectedRest } = expected;
    assert.deepEqual(rest, expectedRest);
    assert.equal(path, fileOf(log));
    assert.equal([...rows].length, [...expectedRows].length);
    const restored = MetadataTables.restore(snapshot);
    assert.deepEqual(dump(restored, 'applied'), dump(log.tables, 'applied'));
    assert.equal(restored.appliedPosition, log.end);
    assert.equal(restored.nextSequence, log.tables.nextSequence);
    assert.deepEqual(restored.dataVersion(Table.topic), log.tables.dataVersion(Table.topic));
    // All rows go to an empty database.
    const keyValue = new MemoryKeyValue();
    await persist(restored, keyValue);
    const loaded = await MetadataTables.load(keyValue);
    assert.ok(loaded !== undefined);
    assert.deepEqual(dump(loaded, 'applied'), dump(log.tables, 'applied'));
  }
});

test('the content stays at its position while records are applied', async () => {
  const log = someTables(2000);
  const { world, node, read } = fixture();
  const content = contentOf(log);
  const expected = dump(log.tables, 'applied');
  const written = writeSnapshot(node.disk, folder, content, silentLogger);
  log.run(deleteTopic(log.tables.appended, 't5', settings));
  log.applyAll();
  await world.complete(written);
  const snapshot = await read();
  assert.ok(snapshot !== undefined);
  assert.deepEqual(dump(MetadataTables.restore(snapshot), 'applied'), expected);
});

test('the newest two are kept, and what a crash left is cleared', async () => {
  const log = someTables();
  const { world, node, write, names } = fixture();
  const paths: string[] = [];
  for (let i = 0; i < 4; i++) {
    log.run(createOrUpdateTopic(log.tables.appended, topicConfig(`more${i}`), settings));
    log.applyAll();
    paths.push(fileOf(log));
    if (i === 3) {
      const leftover = `${folder}/00000000000000000001.snapshot.tmp`;
      await world.complete(node.disk.open(leftover, 'create').then((file) => file.close()));
    }
    await write(log);
  }
  assert.deepEqual(
    await names(),
    paths.slice(2).map((path) => path.slice(folder.length + 1)),
  );
});

test('a damaged one is named, set aside, and the older one is used', async () => {
  const log = someTables();
  const { world, node, write, read, names, warnings } = fixture();
  await write(log);
  const older = log.tables.appliedPosition;
  log.run(createOrUpdateTopic(log.tables.appended, topicConfig('new'), settings));
  log.applyAll();
  await write(log);
  await world.complete(change(node.disk, fileOf(log), (bytes) => bytes.subarray(0, -1)));
  assert.equal((await read())?.position, older);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] as string, new RegExp(fileOf(log)));
  assert.ok((await names()).some((name) => `${folder}/${name}` === `${fileOf(log)}.damaged`));
  assert.equal((await read())?.position, older);
  assert.equal(warnings.length, 1);
});

test('a change of a byte is found wherever it is, and so is every cut', async () => {
  const log = someTables(1);
  const { world, node, write, read } = fixture();
  await write(log);
  const path = fileOf(log);
  let original = new Uint8Array(0);
  await world.complete(
    change(node.disk, path, (bytes) => {
      original = bytes.slice();
      return bytes;
    }),
  );
  assert.ok((await read()) !== undefined);
  const check = async (altered: Uint8Array, what: string): Promise<void> => {
    await world.complete(change(node.disk, path, () => altered));
    assert.equal(await read(), undefined, what);
    await world.complete(node.disk.rename(`${path}.damaged`, path));
  };
  for (let at = 0; at < original.length; at += at < 200 || at > original.length - 80 ? 1 : 5) {
    const altered = original.slice();
    altered[at] = (altered[at] as number) ^ (1 << (at % 8));
    await check(altered, `byte ${at}`);
  }
  for (let length = 0; length < original.length; length += 29) {
    await check(original.slice(0, length), `cut to ${length}`);
  }
  await check(Buffer.concat([original, Uint8Array.of(0)]), 'one byte more');
});

test('a snapshot under the name of another position is not used', async () => {
  const log = someTables();
  const { world, node, write, read } = fixture();
  await write(log);
  const other = `${folder}/${'9'.padStart(20, '0')}.snapshot`;
  await world.complete(node.disk.rename(fileOf(log), other));
  assert.equal(await read(), undefined);
});

test('rows that do not have the stated digest are not written', async () => {
  const { world, node, names } = fixture();
  const content = { ...contentOf(someTables()), digest: 'f'.repeat(32) as Digest };
  await assert.rejects(
    world.complete(writeSnapshot(node.disk, folder, content, silentLogger)),
    /have the digest/,
  );
  assert.deepEqual(
    (await names()).filter((name) => name.endsWith('.snapshot')),
    [],
  );
});

test('a disk error is no damage: nothing is set aside', async () => {
  const log = someTables();
  const { world, node, write, names } = fixture();
  await write(log);
  const failing: Disk = {
    ...bound(node.disk),
    open: (path) => Promise.reject(Object.assign(new Error(path), { kind: 'unavailable' })),
  };
  await assert.rejects(world.complete(readNewestSnapshot(failing, folder, silentLogger)));
  assert.deepEqual(await names(), [fileOf(log).slice(folder.length + 1)]);
});

function bound(disk: Disk): Disk {
  return {
    open: (path, mode) => disk.open(path, mode),
    list: (path) => disk.list(path),
    makeFolder: (path) => disk.makeFolder(path),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    syncFolder: (path) => disk.syncFolder(path),
    usage: (path) => disk.usage(path),
  };
}

test('after a power loss at any moment of writing there is the old snapshot or the new one', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 16 }), async (seed, afterOperations) => {
      const log = someTables();
      const world = new SimWorld(seed);
      const node = world.node('n');
      await world.complete(writeSnapshot(node.disk, folder, contentOf(log), silentLogger));
      await world.complete(node.disk.syncFolder('/'));
      const older = log.tables.appliedPosition;
      log.run(createOrUpdateTopic(log.tables.appended, topicConfig('new'), settings));
      log.applyAll();
      node.crashAt({ afterOperations, when: 'before', powerLoss: true });
      let durable = false;
      const write = writeSnapshot(node.disk, folder, contentOf(log), silentLogger).then(
        () => {
          durable = true;
        },
        (error: unknown) => assert.ok(!isFailure(error, 'corrupt')),
      );
      void write;
      await world.run({ until: () => durable || !node.alive });
      node.crash({ powerLoss: true });
      node.restart();
      const warnings: string[] = [];
      const logger = { ...silentLogger, error: (message: string) => warnings.push(message) };
      const snapshot = await world.complete(readNewestSnapshot(node.disk, folder, logger));
      assert.deepEqual(warnings, []);
      const expected = durable ? [log.end] : [older, log.end];
      assert.ok(snapshot !== undefined && expected.includes(snapshot.position));
    }),
    { numRuns: 60 },
  );
});
