import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProcessDied, type SimNode, SimWorld } from '../../test/sim/ports/index.ts';
import { physicalOffset, timestampMs } from '../base/index.ts';
import { Durability } from './durability.ts';
import { SyncedMark } from './synced-mark.ts';
import { isFailureOf } from './test-log.ts';

const path = '/synced-mark';

/** Reads the mark and writes the next ones; tells of each that is durable. */
async function advance(
  node: SimNode,
  durable: { position: number; attempted: number },
): Promise<void> {
  const file = await SyncedMark.read(node.disk, path);
  const { position, openSum, lastStoreTimestamp } = file.mark;
  assert(position >= durable.position && position <= durable.attempted, `mark ${position}`);
  assert.equal(openSum, position, 'a slot is whole');
  assert.equal(lastStoreTimestamp, 2 * position);
  for (let next = position + 1; next <= position + 4; next++) {
    durable.attempted = Math.max(durable.attempted, next);
    const lastStoreTimestamp = timestampMs(2 * next);
    const mark = { position: physicalOffset(next), openSum: next, lastStoreTimestamp };
    await file.write(mark, new Durability());
    durable.position = next;
  }
  await file.close();
}

test('a mark that was written survives any crash, however the next ones are torn', async () => {
  for (let seed = 0; seed < 400; seed++) {
    const world = new SimWorld(seed);
    const node = world.node('n');
    const durable = { position: 0, attempted: 0 };
    for (let life = 0; life < 6; life++) {
      const powerLoss = world.random.chance(0.5);
      const afterOperations = 1 + world.random.below(life % 2 === 0 ? 14 : 4);
      node.crashAt({ afterOperations, when: 'after', powerLoss });
      let ended = false;
      let failure: unknown;
      advance(node, durable).then(
        () => {
          ended = true;
        },
        (error: unknown) => {
          ended = true;
          failure = error;
        },
      );
      await world.run({ until: () => ended || !node.alive });
      if (failure !== undefined && !(failure instanceof ProcessDied)) throw failure;
      node.crash({ powerLoss });
      node.restart();
    }
  }
});

test('two slots that are both damaged are no mark of 0', async () => {
  const world = new SimWorld(1);
  const node = world.node('n');
  const durable = { position: 0, attempted: 0 };
  await world.complete(advance(node, durable));
  node.drive.flipBit(path, 16);
  node.drive.flipBit(path, 64 + 16);
  await assert.rejects(
    world.complete(SyncedMark.read(node.disk, path)),
    isFailureOf('corrupt', undefined, /synced-mark is damaged/),
  );
  node.drive.flipBit(path, 64 + 16);
  const { mark } = await world.complete(SyncedMark.read(node.disk, path));
  assert.equal(mark.position, 3, 'the slot that is left');
});
