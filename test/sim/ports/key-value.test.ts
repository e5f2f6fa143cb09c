import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isFailure, type KeyValue } from '../../../src/base/index.ts';
import { SimWorld } from './index.ts';

const key = (batch: number, which: number): Uint8Array => Uint8Array.of(batch, which);

test('a crash leaves the batches of a prefix, with all that was flushed', async () => {
  const property = fc.asyncProperty(
    fc.nat(),
    fc.nat(6),
    fc.nat(6),
    fc.boolean(),
    async (seed, flushed, unflushed, powerLoss) => {
      const world = new SimWorld(seed);
      const node = world.node('one');
      const database = await world.complete(node.keyValueStores.open('/database'));
      const write = (batch: number): Promise<void> =>
        database.write(
          [0, 1].map((which) => ({ type: 'put', key: key(batch, which), value: key(1, 1) })),
        );
      for (let batch = 0; batch < flushed; batch++) await world.complete(write(batch));
      await world.complete(database.flush());
      for (let batch = flushed; batch < flushed + unflushed; batch++)
        await world.complete(write(batch));
      const underWay = write(flushed + unflushed);
      void underWay.then(() => assert.fail('went on'));
      node.crash({ powerLoss });
      node.restart();
      const found = await keysOf(
        world,
        await world.complete(node.keyValueStores.open('/database')),
      );
      assert.ok(found.length >= 2 * flushed && found.length <= 2 * (flushed + unflushed + 1));
      assert.equal(found.length % 2, 0);
      assert.deepEqual(
        found,
        Array.from(found, (_, index) => [index >> 1, index & 1].join()),
      );
    },
  );
  await fc.assert(property, { numRuns: 100 });
});

test('what was found after a crash is there after the next one', async () => {
  for (let seed = 0; seed < 50; seed++) {
    const world = new SimWorld(seed);
    const node = world.node('one');
    let database = await world.complete(node.keyValueStores.open('/database'));
    for (let batch = 0; batch < 5; batch++) {
      await world.complete(database.write([{ type: 'put', key: key(batch, 0), value: key(0, 0) }]));
    }
    let found: readonly string[] | undefined;
    for (let crash = 0; crash < 3; crash++) {
      node.crash({ powerLoss: true });
      node.restart();
      database = await world.complete(node.keyValueStores.open('/database'));
      const now = await keysOf(world, database);
      assert.deepEqual(now, found ?? now);
      found = now;
    }
  }
});

test('a flush covers the writes that returned before it was called, no others for sure', async () => {
  const counts = new Set<number>();
  for (let seed = 0; seed < 50; seed++) {
    const world = new SimWorld(seed);
    const node = world.node('one');
    const database = await world.complete(node.keyValueStores.open('/database'));
    const write = (batch: number): Promise<void> =>
      database.write([{ type: 'put', key: key(batch, 0), value: key(0, 0) }]);
    await world.complete(write(0));
    const flush = database.flush();
    const later = write(1);
    await world.complete(Promise.all([flush, later]));
    node.crash({ powerLoss: true });
    node.restart();
    const found = await keysOf(world, await world.complete(node.keyValueStores.open('/database')));
    assert.equal(found[0], '0,0');
    counts.add(found.length);
  }
  assert.deepEqual([...counts].sort(), [1, 2]);
});

test('a database moves and goes with its folder', async () => {
  const world = new SimWorld(1);
  const { disk, keyValueStores } = world.node('one');
  const database = await world.complete(keyValueStores.open('/database'));
  await world.complete(database.write([{ type: 'put', key: key(1, 1), value: key(1, 1) }]));
  await world.complete(database.close());
  await world.complete(disk.rename('/database', '/aside'));
  const empty = await world.complete(keyValueStores.open('/database'));
  assert.deepEqual(await keysOf(world, empty), []);
  const moved = await world.complete(keyValueStores.open('/aside'));
  assert.deepEqual(await keysOf(world, moved), ['1,1']);
  await world.complete(moved.close());
  await world.complete(disk.remove('/aside'));
  const again = await world.complete(keyValueStores.open('/aside'));
  assert.deepEqual(await keysOf(world, again), []);
});

test('faults of the drive reach a database', async () => {
  const world = new SimWorld(1);
  const node = world.node('one');
  const database = await world.complete(node.keyValueStores.open('/database'));
  node.drive.failSyncs((path) => path === '/database');
  await assert.rejects(world.complete(database.flush()), (error) =>
    isFailure(error, 'unavailable'),
  );
  node.drive.setFreeBytes(0);
  await assert.rejects(
    world.complete(database.write([{ type: 'delete', key: key(1, 1) }])),
    (error) => isFailure(error, 'unavailable', 'diskFull'),
  );
});

function keysOf(world: SimWorld, database: KeyValue): Promise<string[]> {
  const read = async (): Promise<string[]> => {
    const keys: string[] = [];
    for await (const [key] of database.scan({ from: key0, to: keyEnd })) keys.push([...key].join());
    return keys;
  };
  return world.complete(read());
}

const key0 = Uint8Array.of();
const keyEnd = Uint8Array.of(255);
