import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { SimWorld } from '../../test/sim/ports/index.ts';
import { Failure, isFailure } from '../base/index.ts';
import { whenThereIsRoom } from './room.ts';

const busy = (): never => {
  throw new Failure('unavailable', 'the next segment is not there yet', { reason: 'busy' });
};

test('what finds no room is done once there is some', async () => {
  const world = new SimWorld(1);
  const { clock } = world.node('n');
  let tries = 0;
  const waiting = whenThereIsRoom(clock, () => (++tries < 4 ? busy() : tries));
  assert.equal(await world.complete(waiting), 4);
  assert(world.nowMs < 100, `${world.nowMs} ms`);
});

test('it is given up after 30 s, and at once where it is not room that lacks', async () => {
  const world = new SimWorld(1);
  const { clock } = world.node('n');
  const isBusy = (error: unknown): boolean => isFailure(error, 'unavailable', 'busy');
  await assert.rejects(world.complete(whenThereIsRoom(clock, busy), { forMs: 60_000 }), isBusy);
  assert(world.nowMs > 30_000 && world.nowMs < 31_000, `${world.nowMs} ms`);
  const full = new Failure('unavailable', 'no space left', { reason: 'diskFull' });
  const failing = whenThereIsRoom(clock, () => {
    throw full;
  });
  await assert.rejects(world.complete(failing), (error) => error === full);
});
