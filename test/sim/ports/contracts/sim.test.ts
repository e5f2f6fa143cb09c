import { SimRandom, SimWorld } from '../index.ts';
import { clockContract } from './clock-contract.ts';
import { diskContract } from './disk-contract.ts';
import { keyValueContract } from './key-value-contract.ts';
import { networkContract } from './network-contract.ts';
import { randomContract } from './random-contract.ts';

for (const seed of [1, 2, 3]) {
  clockContract({
    name: `SimClock, seed ${seed}`,
    run: inWorld(seed, (world, body) => body(world.node('one').clock)),
  });

  randomContract(`SimRandom, seed ${seed}`, new SimRandom(seed));

  diskContract({
    name: `SimDisk, seed ${seed}`,
    run: inWorld(seed, async (world, body) => {
      const { disk } = world.node('one');
      await disk.makeFolder('/data');
      await body({ disk, folder: '/data' });
    }),
  });

  keyValueContract({
    name: `SimKeyValueStores, seed ${seed}`,
    run: inWorld(seed, (world, body) => {
      const { keyValueStores } = world.node('one');
      const folder = '/databases/one';
      return body({
        stores: keyValueStores,
        folder,
        damage: async () => keyValueStores.damage(folder),
      });
    }),
  });

  networkContract({
    name: `SimNetwork, seed ${seed}`,
    run: inWorld(seed, (world, body) => body({ network: world.node('one').network, host: 'one' })),
  });
}

function inWorld<T>(
  seed: number,
  run: (world: SimWorld, body: T) => Promise<void>,
): (body: T) => Promise<void> {
  return async (body) => {
    const world = new SimWorld(seed);
    await world.complete(run(world, body));
  };
}
