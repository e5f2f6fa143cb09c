import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { goldenBugs } from './broker/golden-bugs.ts';
import { runSeed, type SeedReport } from './broker/run-seed.ts';
import { tryGoldenBug } from './broker/try-golden-bug.ts';

const usage = `usage: npm run simulate -- [--seeds N] [--from SEED] [--minutes M] [--seed S] [--golden] [--ci]

Runs a broker under seeds that decide everything: what its clients do, when it crashes, what a loss of power leaves.
  --seeds N    so many seeds (100)
  --from SEED  beginning with this one (0)
  --minutes M  for so long instead
  --seed S     only this one, with the end of its trace if it fails; --trace FILE-LINES shows more of it
  --golden     puts known bugs back, one at a time, and tells how soon each is noticed
  --ci         at least 10000 losses of power, the kept seeds, and the golden bugs`;

const ciPowerLosses = 10_000;
const progressMs = 10_000;
const shownTraceLines = 60;

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '0' },
    minutes: { type: 'string' },
    seed: { type: 'string' },
    trace: { type: 'string', default: String(shownTraceLines) },
    golden: { type: 'boolean', default: false },
    ci: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

class Totals {
  passed = 0;
  failed = 0;
  powerLosses = 0;
  #kills = 0;
  #actions = 0;
  #simulatedMs = 0;
  readonly #startedAt = performance.now();
  #shownAt = performance.now();

  add(report: SeedReport): void {
    this.powerLosses += report.powerLosses;
    this.#kills += report.kills;
    this.#actions += report.actions;
    this.#simulatedMs += report.simulatedMs;
    if (report.violation === undefined) this.passed++;
    else this.failed++;
    if (performance.now() - this.#shownAt > progressMs) this.show();
  }

  show(): void {
    this.#shownAt = performance.now();
    const seconds = (this.#shownAt - this.#startedAt) / 1000;
    const { user, system } = process.cpuUsage();
    const cpuSeconds = (user + system) / 1e6;
    console.log(
      `${seconds.toFixed(0)} s: ${this.passed + this.failed} seeds, ${this.failed} failed; ` +
        `${this.powerLosses} power losses (${(this.powerLosses / seconds).toFixed(1)} per second, ` +
        `${(this.powerLosses / cpuSeconds).toFixed(1)} per second of CPU), ${this.#kills} other crashes, ` +
        `${this.#actions} actions, ${(this.#simulatedMs / 1000 / seconds).toFixed(1)} simulated seconds per second`,
    );
  }
}

async function runSeeds(
  totals: Totals,
  from: number,
  goesOn: (done: number) => boolean,
): Promise<void> {
  for (let done = 0; goesOn(done); done++) {
    const report = await runSeed(from + done);
    totals.add(report);
    if (report.violation !== undefined) showFailure(report);
  }
  totals.show();
}

function showFailure({ seed, violation, traceLines }: SeedReport): void {
  console.log(`seed ${seed} FAILED: ${violation?.message}`);
  for (const line of traceLines?.slice(-Number(options.trace)) ?? []) console.log(`  ${line}`);
  console.log(`repeat: npm run simulate -- --seed ${seed}`);
}

async function runOne(totals: Totals, seed: number): Promise<void> {
  const report = await runSeed(seed, { keepTrace: true });
  totals.add(report);
  if (report.violation === undefined) console.log(`seed ${seed} passed, trace ${report.traceHash}`);
  else showFailure(report);
  totals.show();
}

interface KeptSeed {
  readonly seed: number;
  readonly found: string;
}

async function runKept(totals: Totals): Promise<void> {
  const path = new URL('../../../test/sim/kept-seeds.json', import.meta.url);
  const kept = JSON.parse(readFileSync(path, 'utf8')) as readonly KeptSeed[];
  console.log(`${kept.length} kept seeds`);
  for (const { seed } of kept) {
    const report = await runSeed(seed);
    totals.add(report);
    if (report.violation !== undefined) showFailure(report);
  }
}

async function runGolden(totals: Totals): Promise<void> {
  console.log('golden bugs: the simulation must notice each');
  for (const bug of goldenBugs) {
    const noticed = await tryGoldenBug(bug);
    if (noticed === undefined) {
      totals.failed++;
      console.log(`  NOT NOTICED within ${bug.within} seeds: ${bug.name}`);
    } else {
      totals.passed++;
      const { promise, message } = noticed.violation;
      const by = message.split('\n')[0]?.slice(0, 100);
      console.log(
        `  after ${String(noticed.seeds).padStart(3)} seeds, ${promise.padEnd(9)} ${bug.name}\n      ${by}`,
      );
    }
  }
}

/** A promise that nobody waits for was rejected: a bug, also when no seed runs any more. */
function watchRejections(totals: Totals): void {
  process.on('unhandledRejection', (error) => {
    if (process.listenerCount('unhandledRejection') > 1) return; // A seed runs, and is told.
    totals.failed++;
    console.log('FAILED: a promise that nobody waits for was rejected', error);
  });
}

async function main(): Promise<void> {
  if (options.help) {
    console.log(usage);
    return;
  }
  const totals = new Totals();
  watchRejections(totals);
  const from = Number(options.from);
  if (options.seed !== undefined) {
    await runOne(totals, Number(options.seed));
  } else if (options.ci) {
    await runKept(totals);
    await runSeeds(totals, from, () => totals.powerLosses < ciPowerLosses);
    await runGolden(totals);
  } else if (options.golden) {
    await runGolden(totals);
  } else if (options.minutes !== undefined) {
    const endsAt = performance.now() + Number(options.minutes) * 60_000;
    await runSeeds(totals, from, () => performance.now() < endsAt);
  } else {
    await runSeeds(totals, from, (done) => done < Number(options.seeds));
  }
  console.log(`${totals.passed} passed, ${totals.failed} failed`);
  process.exitCode = totals.failed > 0 ? 1 : 0;
}

await main();
