import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { clusterBugs, tryClusterBug } from './golden-bugs.ts';
import { runClusterSeed } from './run-cluster-seed.ts';

test('a group keeps its promises whatever happens to its nodes', async () => {
  for (let seed = 0; seed < 3; seed++) {
    const { violation } = await runClusterSeed(seed);
    assert.equal(violation, undefined, `repeat: npm run simulate:cluster -- --seed ${seed}`);
  }
});

test('a seed of a group gives the same trace each time', async () => {
  const [first, second] = [await runClusterSeed(4), await runClusterSeed(4)];
  assert.deepEqual(first, second);
});

/** The others take longer: `npm run simulate:cluster -- --golden`. */
const quickBugs = ['#9499', '#9616', 'rule 4', 'rule 5', 'rule 7', 'rule 14'];

for (const bug of clusterBugs.filter(({ name }) => quickBugs.includes(name.split(':')[0] ?? ''))) {
  test(`it is noticed: ${bug.name}`, async () => {
    const { violation, others } = await tryClusterBug(bug, 0);
    assert.notEqual(violation, undefined, `not within ${bug.within} seeds; ${others.join()}`);
  });
}

test('what a client finds wrong while faults go on ends the seed as a violation', async () => {
  const bug = clusterBugs.find(({ name }) => name.startsWith('#9616'));
  assert(bug !== undefined);
  const takeOut = bug.introduce();
  try {
    const found = [];
    for (let seed = 0; seed < 8; seed++) found.push((await runClusterSeed(seed)).violation);
    const bugs = found.filter((violation) => violation?.startsWith('bug'));
    assert.deepEqual(bugs, []);
    assert(found.some((violation) => violation !== undefined));
  } finally {
    takeOut();
  }
});
