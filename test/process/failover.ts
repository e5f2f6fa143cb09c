import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { isFaultless } from './failover/round.ts';
import { failover } from './failover/run.ts';
import { scenarios } from './failover/scenarios/index.ts';

/**
 * `node build/test/process/failover.js --scenario NAME [--rounds N] [--seed N] [--target java] [--json FILE]`: breaks a
 * replicated group of real processes while it is used, and compares everything that was acknowledged with what is there
 * afterwards. Needs `npm run build`; with `--target java` Apache's broker from the java-lab, whose losses are counted
 * and are no failure of this command. HOLDFAST_KEEP keeps the folders of the nodes.
 */
const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'kill' },
    rounds: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    target: { type: 'string', default: 'holdfast' },
    json: { type: 'string' },
  },
});
const { scenario, target } = values;
const rounds = Number(values.rounds);
const seed = Number(values.seed);
if (![rounds, seed].every(Number.isInteger) || rounds < 1) {
  throw new Error('--rounds and --seed are whole numbers');
}
if (!(scenario in scenarios)) {
  throw new Error(`--scenario is one of ${Object.keys(scenarios).join(', ')}`);
}
if (target !== 'holdfast' && target !== 'java') throw new Error('--target is holdfast or java');
console.log(`failover ${scenario} of ${target}: ${rounds} rounds, seed ${seed}`);
console.log('  counts are topics/groups/offsets/messages');
const report = (line: string): void => console.log(line);
const figures = await failover({ target, scenario, rounds, seed, report });
const isGood = figures.length === rounds && figures.every(isFaultless);
console.log(`failover ${scenario} of ${target}: ${isGood ? 'nothing lost' : 'FAULTS, see above'}`);
if (values.json !== undefined) {
  await writeFile(values.json, `${JSON.stringify({ scenario, target, seed, figures }, null, 2)}\n`);
}
process.exitCode = isGood || target === 'java' ? 0 : 1;
