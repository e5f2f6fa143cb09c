import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Disk, type DiskFile, isFailure } from '../../../src/base/index.ts';
import { type SimNode, SimWorld } from './index.ts';

const seeds = Array.from({ length: 200 }, (_, index) => index);

test('what was synced survives every power loss, and the rest is old, new or zero', async () => {
  const write = fc.record({ position: fc.nat(300), length: fc.integer({ min: 1, max: 300 }) });
  const property = fc.asyncProperty(
    fc.nat(),
    fc.array(write, { maxLength: 5 }),
    fc.array(write, { maxLength: 5 }),
    async (seed, synced, unsynced) => {
      const { world, node, file } = await withFile(seed);
      await world.complete(node.disk.syncFolder('/'));
      let value = 0;
      const allowed = Array.from({ length: 600 }, () => new Set([0]));
      let size = 0;
      const fill = ({ position, length }: { position: number; length: number }): void => {
        file.writeNow(new Uint8Array(length).fill(++value), position);
        size = Math.max(size, position + length);
      };
      for (const each of synced) {
        fill(each);
        for (let at = 0; at < each.length; at++) allowed[each.position + at] = new Set([value]);
      }
      await world.complete(file.sync());
      const durableSize = size;
      for (const each of unsynced) {
        fill(each);
        for (let at = 0; at < each.length; at++) allowed[each.position + at]?.add(value);
      }
      for (let at = durableSize; at < 600; at++) allowed[at]?.add(0);
      restart(node, true);
      const content = await contentOf(world, node.disk, '/file');
      assert.ok(content.length >= durableSize && content.length <= size);
      content.forEach((byte, at) => {
        assert.ok(allowed[at]?.has(byte), `${byte} at ${at}`);
      });
    },
  );
  await fc.assert(property, { numRuns: 100 });
});

test('an unsynced write survives, is lost, is torn or leaves zeroes', async () => {
  const seen = await fatesOf(
    async (world, node, file) => {
      await world.complete(node.disk.syncFolder('/'));
      file.writeNow(new Uint8Array(100).fill(1), 0);
    },
    (content) => {
      if (content.length === 0) return 'lost';
      const ones = content.filter((byte) => byte === 1).length;
      if (ones === 100) return 'whole';
      return ones === 0 ? 'zeroes' : 'torn';
    },
  );
  assert.deepEqual(seen, ['lost', 'torn', 'whole', 'zeroes']);
});

test('a later write may survive an earlier one', async () => {
  const seen = await fatesOf(
    async (world, node, file) => {
      await world.complete(node.disk.syncFolder('/'));
      file.writeNow(Uint8Array.of(1), 0);
      file.writeNow(Uint8Array.of(2), 1);
    },
    (content) => [...content].join(),
  );
  for (const fate of ['', '1', '1,2', '0,2', '0,0']) assert.ok(seen.includes(fate), fate);
});

test('a cut that was not synced may come back', async () => {
  const seen = await fatesOf(
    async (world, node, file) => {
      await world.complete(node.disk.syncFolder('/'));
      file.writeNow(Uint8Array.of(1, 2), 0);
      await world.complete(file.sync());
      file.truncateNow(1);
    },
    (content) => [...content].join(),
  );
  assert.deepEqual(seen, ['1', '1,2']);
});

test('a new file needs a sync of its folder to be sure to survive', async () => {
  const without = await fatesOf(
    (world, _, file) => world.complete(file.sync()),
    () => 'there',
  );
  assert.deepEqual(without, ['missing', 'there']);
  const withSync = await fatesOf(
    (world, node) => world.complete(node.disk.syncFolder('/')),
    () => 'there',
  );
  assert.deepEqual(withSync, ['there']);
});

test('a crash of the process alone loses nothing that was written', async () => {
  for (const seed of seeds.slice(0, 20)) {
    const { world, node, file } = await withFile(seed);
    file.writeNow(Uint8Array.of(1, 2, 3), 0);
    restart(node, false);
    assert.deepEqual([...(await contentOf(world, node.disk, '/file'))], [1, 2, 3]);
  }
});

test('a replaced file is the old or the new one, and the new one after a sync of the folder', async () => {
  const replace = async (disk: Disk, sync: boolean): Promise<void> => {
    const target = await disk.open('/target', 'create');
    target.writeNow(Uint8Array.of(1), 0);
    await target.sync();
    await disk.syncFolder('/');
    const next = await disk.open('/next', 'create');
    next.writeNow(Uint8Array.of(2), 0);
    await next.sync();
    await disk.rename('/next', '/target');
    if (sync) await disk.syncFolder('/');
  };
  for (const sync of [true, false]) {
    const seen = new Set<string>();
    for (const seed of seeds) {
      const world = new SimWorld(seed);
      const node = world.node('one');
      await world.complete(replace(node.disk, sync));
      restart(node, true);
      seen.add([...(await contentOf(world, node.disk, '/target'))].join());
    }
    assert.deepEqual([...seen].sort(), sync ? ['2'] : ['1', '2']);
  }
});

test('a file that moved to a synced folder is there only', async () => {
  for (const seed of seeds.slice(0, 50)) {
    const world = new SimWorld(seed);
    const node = world.node('one');
    const move = async (disk: Disk): Promise<void> => {
      await disk.makeFolder('/from');
      await disk.makeFolder('/to');
      await disk.syncFolder('/');
      await disk.open('/from/file', 'create');
      await disk.rename('/from/file', '/to/file');
      await disk.syncFolder('/to');
    };
    await world.complete(move(node.disk));
    restart(node, true);
    assert.equal((await world.complete(node.disk.list('/to'))).length, 1);
    assert.deepEqual(await world.complete(node.disk.list('/from')), []);
  }
});

test('a crash can be planned at each operation, before and after it', async () => {
  const counts: string[] = [];
  for (let operation = 1; ; operation++) {
    for (const when of ['before', 'after'] as const) {
      const { world, node, file } = await withFile(operation);
      node.crashAt({ afterOperations: operation, when, powerLoss: false });
      const life = (async () => {
        file.writeNow(Uint8Array.of(1), 0);
        await file.write(Uint8Array.of(2), 1);
        await file.sync();
      })().catch((error: unknown) => {
        assert.equal(String(error), 'ProcessDied: the simulated process of one died');
      });
      await world.run();
      if (node.alive) {
        await life;
        assert.equal(operation, 4);
        assert.deepEqual(counts, [
          '1 before 0',
          '1 after 1',
          '2 before 1',
          '2 after 2',
          '3 before 2',
          '3 after 2',
        ]);
        return;
      }
      node.restart();
      counts.push(`${operation} ${when} ${(await contentOf(world, node.disk, '/file')).length}`);
    }
  }
});

test('a call that a crash interrupts may have happened, a write also in part', async () => {
  const seen = new Set<number>();
  for (const seed of seeds) {
    const { world, node, file } = await withFile(seed);
    void file.write(new Uint8Array(3).fill(1), 0).then(() => assert.fail('went on'));
    restart(node, false);
    seen.add((await contentOf(world, node.disk, '/file')).length);
  }
  assert.deepEqual([...seen].sort(), [0, 1, 2, 3]);
});

test('a removed folder may be there in part after a crash', async () => {
  const seen = new Set<number>();
  for (const seed of seeds.slice(0, 100)) {
    const world = new SimWorld(seed);
    const node = world.node('one');
    await world.complete(node.disk.makeFolder('/folder'));
    for (const name of ['a', 'b', 'c'])
      await world.complete(node.disk.open(`/folder/${name}`, 'create'));
    void node.disk.remove('/folder').then(() => {});
    await world.run({ maxEvents: seed % 6 });
    restart(node, false);
    seen.add((await world.complete(node.disk.list('/folder'))).length);
  }
  assert.deepEqual([...seen].sort(), [0, 1, 2, 3]);
});

test('after a failed sync some of what was unsynced is lost for ever', async () => {
  const seen = new Set<string>();
  for (const seed of seeds.slice(0, 50)) {
    const { world, node, file } = await withFile(seed);
    await world.complete(node.disk.syncFolder('/'));
    file.writeNow(Uint8Array.of(1), 0);
    node.drive.failSyncs((path) => path === '/file');
    await assert.rejects(world.complete(file.sync()), (error) => isFailure(error, 'unavailable'));
    node.drive.failSyncs(undefined);
    await world.complete(file.sync());
    const into = new Uint8Array(1);
    file.readNow(into, 0);
    assert.deepEqual([...into], [1], 'programs still see it');
    restart(node, true);
    seen.add([...(await contentOf(world, node.disk, '/file'))].join());
  }
  assert.deepEqual([...seen].sort(), ['', '1']);
});

test('a full disk takes the first part of a write, and has room again after a cut', async () => {
  const { world, node, file } = await withFile(1);
  const { disk, drive } = node;
  drive.setFreeBytes(3 * 4096);
  const isFull = (error: unknown): boolean => isFailure(error, 'unavailable', 'diskFull');
  assert.throws(() => file.writeNow(new Uint8Array(20_000).fill(1), 100), isFull);
  assert.equal(await world.complete(file.size()), 3 * 4096);
  assert.equal((await world.complete(disk.usage('/'))).freeBytes, 0);
  file.writeNow(Uint8Array.of(2), 0); // No new page.
  await assert.rejects(world.complete(file.write(Uint8Array.of(1), 3 * 4096)), isFull);
  file.truncateNow(4096);
  file.writeNow(new Uint8Array(2 * 4096), 4096);
  await world.complete(disk.remove('/file'));
  assert.equal((await world.complete(disk.usage('/'))).freeBytes, 0, 'it is still open');
  await world.complete(file.close());
  assert.equal((await world.complete(disk.usage('/'))).freeBytes, 3 * 4096);
});

test('flipped bits and failing reads are where they were put', async () => {
  const { world, node, file } = await withFile(1);
  file.writeNow(Uint8Array.of(0, 0, 0), 0);
  node.drive.flipBit('/file', 1, 7);
  assert.deepEqual([...(await contentOf(world, node.disk, '/file'))], [0, 128, 0]);
  node.drive.failReads((path, position, length) => path === '/file' && position + length > 2);
  const into = new Uint8Array(2);
  assert.equal(file.readNow(into, 0), 2);
  assert.throws(
    () => file.readNow(into, 1),
    (error) => isFailure(error, 'unavailable'),
  );
});

async function withFile(seed: number): Promise<{ world: SimWorld; node: SimNode; file: DiskFile }> {
  const world = new SimWorld(seed);
  const node = world.node('one');
  const file = await world.complete(node.disk.open('/file', 'create'));
  return { world, node, file };
}

/** What may become of `/file` by a power loss, over many seeds, sorted. */
async function fatesOf(
  prepare: (world: SimWorld, node: SimNode, file: DiskFile) => Promise<void>,
  describe: (content: Uint8Array) => string,
): Promise<string[]> {
  const seen = new Set<string>();
  for (const seed of seeds) {
    const { world, node, file } = await withFile(seed);
    await prepare(world, node, file);
    restart(node, true);
    const isThere = (await world.complete(node.disk.list('/'))).length > 0;
    seen.add(isThere ? describe(await contentOf(world, node.disk, '/file')) : 'missing');
  }
  return [...seen].sort();
}

function restart(node: SimNode, powerLoss: boolean): void {
  node.crash({ powerLoss });
  node.restart();
}

async function contentOf(world: SimWorld, disk: Disk, path: string): Promise<Uint8Array> {
  const file = await world.complete(disk.open(path, 'read'));
  const into = new Uint8Array(await world.complete(file.size()));
  await world.complete(file.read(into, 0));
  await world.complete(file.close());
  return into;
}
