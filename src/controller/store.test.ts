import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { type SimNode, SimWorld } from '../../test/sim/ports/index.ts';
import { isFailure } from '../base/index.ts';
import { emptyGroup, type GroupState } from './state.ts';
import { EmbeddedStore } from './store.ts';

const folder = '/controller';

const state = (epoch: number): GroupState => ({
  ...emptyGroup('c', 'g'),
  epoch: epoch as GroupState['epoch'],
});

async function open(world: SimWorld, node: SimNode): Promise<EmbeddedStore> {
  return await world.complete(EmbeddedStore.open(folder, node.disk));
}

let decisions = 0;

const set = async (
  store: EmbeddedStore,
  revision: number,
  after: GroupState | undefined,
): Promise<boolean> => {
  const proposal = { name: 'g', revision, decision: `${++decisions}`, state: after };
  return (await store.compareAndSet(proposal)) === 'set';
};

const epochOf = (store: EmbeddedStore): number => store.read().get('g')?.state.epoch ?? 0;

test('after a loss of power at any operation a decision is there or not, and one that was told is', async () => {
  for (let afterOperations = 1; afterOperations <= 24; afterOperations++) {
    for (let seed = 0; seed < 10; seed++) {
      const world = new SimWorld(`${afterOperations} ${seed}`);
      const node = world.node('n');
      node.crashAt({ afterOperations, when: seed % 2 === 0 ? 'before' : 'after', powerLoss: true });
      let told = 0;
      let isDone = false;
      const decide = async (): Promise<void> => {
        const store = await EmbeddedStore.open(folder, node.disk);
        for (let epoch = 1; epoch <= 4; epoch++) {
          assert(await set(store, epoch - 1, state(epoch)));
          told = epoch;
        }
      };
      void decide().then(
        () => {
          isDone = true;
        },
        () => {}, // The process died.
      );
      await world.run({ until: () => isDone || !node.alive });
      node.crash({ powerLoss: true });
      node.restart();
      const store = await open(world, node);
      const epoch = epochOf(store);
      assert(epoch === told || epoch === told + 1, `${epoch} is there, ${told} was told`);
      assert(await world.complete(set(store, epoch, state(epoch + 1))));
    }
  }
});

test('a decision against an older revision is refused, and nothing is written', async () => {
  const world = new SimWorld(1);
  const node = world.node('n');
  const store = await open(world, node);
  const [first, second] = await world.complete(
    Promise.all([set(store, 0, state(1)), set(store, 0, state(7))]),
  );
  assert.deepEqual([first, second, epochOf(store)], [true, false, 1]);
  assert.equal(await world.complete(set(store, 1, undefined)), true);
  assert.equal((await open(world, node)).read().size, 0);
});

test('with a full disk nothing is decided, and the next decision is made when there is room', async () => {
  const world = new SimWorld(2);
  const node = world.node('n');
  const store = await open(world, node);
  assert(await world.complete(set(store, 0, state(1))));
  node.drive.setFreeBytes(0);
  await assert.rejects(world.complete(set(store, 1, state(2))), (error) =>
    isFailure(error, 'unavailable', 'diskFull'),
  );
  assert.deepEqual([epochOf(store), epochOf(await open(world, node))], [1, 1]);
  assert.equal(store.failure, undefined);
  node.drive.setFreeBytes(1_000_000);
  assert(await world.complete(set(store, 1, state(2))));
  assert.equal(epochOf(await open(world, node)), 2);
});

test('after a failed fsync nothing is decided any more', async () => {
  const world = new SimWorld(3);
  const node = world.node('n');
  const store = await open(world, node);
  node.drive.failSyncs((path) => path.startsWith(folder));
  await assert.rejects(world.complete(set(store, 0, state(1))), /fsync of/);
  node.drive.failSyncs(undefined);
  await assert.rejects(world.complete(set(store, 0, state(1))), /fsync of/);
  assert.match(store.failure?.message ?? '', /may be lost/);
});

test('a new store is settled once, for good', async () => {
  const world = new SimWorld(4);
  const node = world.node('n');
  const store = await open(world, node);
  assert.equal(store.isSettled, false);
  await world.complete(set(store, 0, state(1)));
  assert.equal((await open(world, node)).isSettled, false);
  await world.complete(store.settle());
  const again = await open(world, node);
  assert.deepEqual([again.isSettled, epochOf(again)], [true, 1]);
});
