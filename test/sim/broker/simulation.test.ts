import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { goldenBugs } from './golden-bugs.ts';
import { runSeed } from './run-seed.ts';
import { tryGoldenBug } from './try-golden-bug.ts';

const repeat = (seed: number): string => `repeat: npm run simulate -- --seed ${seed}`;

test('a broker keeps its promises through crashes and power losses', async () => {
  for (let seed = 0; seed < 12; seed++) {
    const { violation } = await runSeed(seed);
    assert.equal(violation?.message, undefined, repeat(seed));
  }
});

test('seeds that once found something find nothing any more', async () => {
  const kept = readFileSync(
    new URL('../../../../test/sim/kept-seeds.json', import.meta.url),
    'utf8',
  );
  for (const { seed, found } of JSON.parse(kept) as { seed: number; found: string }[]) {
    const { violation } = await runSeed(seed);
    assert.equal(violation?.message, undefined, `${repeat(seed)}; it found: ${found}`);
  }
});

test('a seed gives the same trace each time', async () => {
  const first = await runSeed(7, { keepTrace: true });
  const second = await runSeed(7, { keepTrace: true });
  const lines = first.traceLines ?? [];
  const at = lines.findIndex((line, index) => line !== second.traceLines?.[index]);
  assert.equal(at, -1, `line ${at} is "${lines[at]}", then "${second.traceLines?.[at]}"`);
  assert.equal(first.traceHash, second.traceHash);
});

/** The others take longer: `npm run simulate -- --golden`. */
const quickBugs = [
  'the tables are written ahead of the synced log',
  'a queue begins at 0 again after all its messages have expired',
  'a message is acknowledged before its fsync',
  'a definition is acknowledged before its fsync',
  'a replay overlooks that a topic was deleted',
  'delay progress is not recovered',
];

for (const bug of goldenBugs.filter(({ name }) => quickBugs.includes(name))) {
  test(`it is noticed when ${bug.name}`, async () => {
    assert.notEqual(await tryGoldenBug(bug), undefined, `not within ${bug.within} seeds`);
  });
}
