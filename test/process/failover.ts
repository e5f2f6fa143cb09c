import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { againInOwnNetwork, isInOwnNetwork } from './failover/own-network.ts';
import { isFaultless } from './failover/round.ts';
import { failover } from './failover/run.ts';
import { scenarios } from './failover/scenarios/index.ts';

/**
 * `node build/test/process/failover.js --scenario NAME [--rounds N] [--seed N] [--target java] [--mode static]
 * [--replicas N] [--json FILE]`: breaks a
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
    mode: { type: 'string', default: 'controller' },
    replicas: { type: 'string', default: '2' },
    json: { type: 'string' },
  },
});
const { scenario, target, mode } = values;
const replicas = Number(values.replicas);
const rounds = Number(values.rounds);
const seed = Number(values.seed);
if (![rounds, seed].every(Number.isInteger) || rounds < 1) {
  throw new Error('--rounds and --seed are whole numbers');
}
if (mode !== 'controller' && mode !== 'static') throw new Error('--mode is controller or static');
if (!(scenario in scenarios[mode])) {
  throw new Error(`--scenario is one of ${Object.keys(scenarios[mode]).join(', ')}`);
}
if (target !== 'holdfast' && target !== 'java') throw new Error('--target is holdfast or java');
if (target === 'java' && (mode !== 'controller' || replicas !== 2)) {
  throw new Error('Java runs as two brokers with a controller here');
}
const play = async (): Promise<void> => {
  console.log(
    `failover ${scenario} of ${target}: ${rounds} rounds, seed ${seed}, ${mode} mode, ${replicas} replicas`,
  );
  console.log('  counts are topics/groups/offsets/messages');
  const report = (line: string): void => console.log(line);
  const figures = await failover({ target, mode, replicas, scenario, rounds, seed, report });
  const isGood = figures.length === rounds && figures.every(isFaultless);
  console.log(
    `failover ${scenario} of ${target}: ${isGood ? 'nothing lost' : 'FAULTS, see above'}`,
  );
  if (values.json !== undefined) {
    await writeFile(
      values.json,
      `${JSON.stringify({ scenario, target, mode, replicas, seed, figures }, null, 2)}\n`,
    );
  }
  process.exitCode = isGood || target === 'java' ? 0 : 1;
};
if (scenarios[mode][scenario]?.needsOwnNetwork === true && !isInOwnNetwork()) {
  const outcome = await againInOwnNetwork();
  if (typeof outcome === 'number') process.exitCode = outcome;
  else console.log(`failover ${scenario}: SKIPPED, no network of its own can be made: ${outcome}`);
} else {
  await play();
}
