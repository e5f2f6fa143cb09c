import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  nodeClock,
  nodeDisk,
  nodeKeyValueStores,
  nodeNetwork,
  nodeRandom,
} from '../../../../src/node/index.ts';
import { clockContract } from './clock-contract.ts';
import { diskContract } from './disk-contract.ts';
import { keyValueContract } from './key-value-contract.ts';
import { networkContract } from './network-contract.ts';
import { randomContract } from './random-contract.ts';

clockContract({ name: 'nodeClock', run: keepingAlive((body) => body(nodeClock)) });

randomContract('nodeRandom', nodeRandom);

diskContract({
  name: 'nodeDisk',
  run: (body) => withFolder((folder) => body({ disk: nodeDisk, folder })),
});

keyValueContract({
  name: 'nodeKeyValueStores',
  run: (body) =>
    withFolder((parent) => {
      const folder = `${parent}/databases/one`;
      return body({ stores: nodeKeyValueStores, folder, damage: () => damageManifest(folder) });
    }),
});

networkContract({
  name: 'nodeNetwork',
  run: (body) => body({ network: nodeNetwork, host: '127.0.0.1' }),
});

/** Timers of the port do not keep a process alive, but here the test waits for nothing else. */
function keepingAlive<T>(run: (body: T) => Promise<void>): (body: T) => Promise<void> {
  return async (body) => {
    const alive = setInterval(() => {}, 1000);
    try {
      await run(body);
    } finally {
      clearInterval(alive);
    }
  };
}

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-contract-'));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function damageManifest(folder: string): Promise<void> {
  const manifest = (await readdir(folder)).find((name) => name.startsWith('MANIFEST'));
  const path = join(folder, manifest ?? 'MANIFEST');
  const content = await readFile(path);
  content.fill(0x55, 10, 40);
  await writeFile(path, content);
}
