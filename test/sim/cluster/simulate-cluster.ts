import { parseArgs } from 'node:util';
import { clusterBugs, tryClusterBug } from './golden-bugs.ts';
import { runClusterSeed } from './run-cluster-seed.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20' },
    from: { type: 'string', default: '0' },
    seed: { type: 'string' },
    minutes: { type: 'string' },
    golden: { type: 'boolean', default: false },
  },
});

const goldenSeeds = 150;
const from = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const startedMs = performance.now();
const totals = {
  ...{ seeds: 0, failed: 0, simulatedMs: 0, kills: 0, powerLosses: 0, switchOvers: 0 },
  acknowledged: 0,
};

/** `--minutes` is simulated time. */
const goesOn = (): boolean =>
  values.minutes === undefined
    ? totals.seeds < count
    : totals.simulatedMs < Number(values.minutes) * 60_000;

if (values.golden) {
  for (const bug of clusterBugs) {
    const found = await tryClusterBug(bug, goldenSeeds);
    if (found === undefined) {
      totals.failed++;
      console.log(`NOT NOTICED in ${goldenSeeds} seeds: ${bug.name}`);
    } else {
      console.log(
        `noticed after ${found.seed + 1} seeds: ${bug.name}: ${found.violation.split('\n')[0]}`,
      );
    }
  }
  process.exit(totals.failed > 0 ? 1 : 0);
}

while (goesOn()) {
  const report = await runClusterSeed(from + totals.seeds);
  totals.seeds++;
  totals.simulatedMs += report.simulatedMs;
  totals.kills += report.kills;
  totals.powerLosses += report.powerLosses;
  totals.switchOvers += report.switchOvers;
  totals.acknowledged += report.acknowledged;
  if (report.violation !== undefined) {
    totals.failed++;
    console.log(`seed ${report.seed}: ${report.violation}`);
    if (values.seed !== undefined) for (const line of report.log) console.log(line);
  }
}
const seconds = (performance.now() - startedMs) / 1000;
console.log(
  `cluster: ${totals.seeds} seeds, ${totals.failed} failed; ${(totals.simulatedMs / 60_000).toFixed(1)} simulated minutes ` +
    `(${(totals.simulatedMs / 1000 / seconds).toFixed(1)} simulated seconds per second), ${totals.kills} kills, ` +
    `${totals.powerLosses} power losses, ${totals.switchOvers} switch-overs, ${totals.acknowledged} acknowledged changes and messages compared`,
);
process.exitCode = totals.failed > 0 ? 1 : 0;
