import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { type SimNode, SimWorld } from '../../../test/sim/ports/index.ts';
import { isFailure, type KeyValue } from '../../base/index.ts';
import { DelayProgress } from './delay-progress.ts';

interface Copy {
  readonly queueId: number;
  readonly offset: number;
  readonly position: number;
}

async function open(world: SimWorld, node: SimNode = world.node('one')): Promise<KeyValue> {
  return await world.complete(node.keyValueStores.open('/queues'));
}

async function persist(world: SimWorld, database: KeyValue, progress: DelayProgress, at: number) {
  const batch = progress.takeBatch(at);
  await world.complete(database.write(batch.mutations));
  batch.done();
}

test('a queue of which nothing was delivered begins at 0', async () => {
  const world = new SimWorld(1);
  const progress = await world.complete(DelayProgress.load(await open(world)));
  assert.equal(progress.next(0), 0);
  assert.equal(progress.next(17), 0);
  assert.deepEqual(progress.takeBatch(1000).mutations, []);
});

test('only what lies below the position of a batch is in it', async () => {
  const world = new SimWorld(1);
  const database = await open(world);
  const progress = await world.complete(DelayProgress.load(database));
  progress.delivered(3, 0, 100);
  progress.delivered(3, 1, 200);
  await persist(world, database, progress, 200);
  assert.equal(progress.next(3), 2);
  assert.equal((await world.complete(DelayProgress.load(database))).next(3), 1);
  progress.cut(200);
  assert.equal(progress.next(3), 1);
});

test('rows of another size are damage', async () => {
  const world = new SimWorld(1);
  const database = await open(world);
  for (const [key, value] of [
    [Uint8Array.of(6, 0, 0, 0, 0), new Uint8Array(7)],
    [Uint8Array.of(6, 0), new Uint8Array(8)],
  ] as const) {
    await world.complete(database.write([{ type: 'put', key, value }]));
    const loading = world.complete(DelayProgress.load(database));
    await assert.rejects(loading, (error) => isFailure(error, 'corrupt'));
    await world.complete(database.write([{ type: 'delete', key }]));
  }
});

test('a database and the log behind it give what the log gives, whatever was cut and persisted', async () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant('deliver' as const), queueId: fc.nat(2), skip: fc.nat(2) }),
    fc.record({ type: fc.constant('cut' as const), keep: fc.nat(5) }),
    fc.record({ type: fc.constant('persist' as const), below: fc.nat(5) }),
    fc.record({ type: fc.constant('reopen' as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const world = new SimWorld(1);
      const database = await open(world);
      let progress = await world.complete(DelayProgress.load(database));
      let log: Copy[] = [];
      let persisted = 0;
      const end = (): number => (log.at(-1)?.position ?? -1) + 1;
      const expected = (queueId: number): number =>
        (log.findLast((copy) => copy.queueId === queueId)?.offset ?? -1) + 1;
      for (const action of steps) {
        switch (action.type) {
          case 'deliver': {
            const { queueId, skip } = action;
            const copy = { queueId, offset: expected(queueId) + skip, position: end() };
            log.push(copy);
            progress.delivered(copy.queueId, copy.offset, copy.position);
            break;
          }
          case 'cut': {
            const at = Math.max(persisted, end() - action.keep);
            log = log.filter(({ position }) => position < at);
            progress.cut(at);
            break;
          }
          case 'persist':
            persisted = Math.max(persisted, end() - action.below);
            await persist(world, database, progress, persisted);
            break;
          case 'reopen':
            progress = await world.complete(DelayProgress.load(database));
            for (const copy of log.filter(({ position }) => position >= persisted)) {
              progress.delivered(copy.queueId, copy.offset, copy.position);
            }
        }
        for (const queueId of [0, 1, 2]) assert.equal(progress.next(queueId), expected(queueId));
      }
    }),
    { numRuns: 60 },
  );
});
