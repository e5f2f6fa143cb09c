import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { SimWorld } from '../../test/sim/ports/index.ts';
import { isFailure, physicalOffset } from '../base/index.ts';
import { MemoryKeyValue } from './metadata/test-tables.ts';
import { Scrubber } from './scrub.ts';

const folder = '/store/evidence';

/** Damage that is there again and again. */
const damaged = {
  scrub: async () => ({
    ...{ rows: 1, position: physicalOffset(0), differences: [], perTable: new Map() },
    problems: ['the header is missing'],
  }),
};

function scrubbed() {
  const world = new SimWorld(1);
  const node = world.node('n');
  const keyValue = new MemoryKeyValue();
  const scrubber = new Scrubber('/store', { tables: damaged, keyValue }, node);
  const names = async (): Promise<readonly string[]> => {
    const files = await world.complete(node.disk.list(folder));
    return files.map(({ name }) => name);
  };
  return { world, node, scrubber, names };
}

test('of the evidence the newest 20 files stay, and what others put beside it', async () => {
  const { world, node, scrubber, names } = scrubbed();
  await world.complete(node.disk.makeFolder(folder));
  const note = await world.complete(node.disk.open(`${folder}/a note.json`, 'create'));
  await world.complete(note.close());
  const paths: string[] = [];
  for (let time = 0; time < 25; time++) {
    const damage = await world.complete(scrubber.run());
    assert(isFailure(damage, 'corrupt'));
    const path = /evidence is in (.*)$/.exec(damage.message)?.[1];
    assert(path !== undefined, damage.message);
    paths.push(path);
    await world.run({ forMs: 60_000 });
  }
  const newest = paths.slice(-20).map((path) => path.slice(folder.length + 1));
  assert.deepEqual(await names(), [...newest, 'a note.json']);
});
