import { parseArgs } from 'node:util';
import type { Counts } from './cluster.ts';
import { clusterBugs, type FoundBug } from './golden-bugs.ts';
import { type ClusterReport, runClusterSeed } from './run-cluster-seed.ts';
import { inWorkers } from './workers.ts';

const usage = `usage: npm run simulate:cluster -- [--seeds N] [--from SEED] [--minutes M] [--seed S] [--golden [--bug TEXT]]

Runs replicated groups with their controller and clients under seeds that decide everything, in a thread per processor.
  --seeds N      so many seeds (20)
  --from SEED    beginning with this one (0)
  --minutes M    until so many minutes of the simulated clusters have passed, instead
  --within S     begins no seed after so many seconds, and says how far it came
  --seed S       only this one, with what was done to the cluster and the end of its log if it fails
  --golden       puts known bugs in, one at a time, and tells how many seeds it took to notice each
  --bug TEXT     with --golden: only those whose name contains it
  --scenario TEXT  only histories whose name contains it
  --threads N    so many threads (as many as there are processors)`;

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20' },
    from: { type: 'string', default: '0' },
    seed: { type: 'string' },
    minutes: { type: 'string' },
    within: { type: 'string' },
    golden: { type: 'boolean', default: false },
    bug: { type: 'string', default: '' },
    scenario: { type: 'string' },
    threads: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const { scenario } = options;
const progressMs = 30_000;
const from = Number(options.from);
const threads = options.threads === undefined ? undefined : Number(options.threads);

class Totals {
  seeds = 0;
  failed = 0;
  simulatedMs = 0;
  #acknowledged = 0;
  #compared = 0;
  readonly #counts: Partial<Record<keyof Counts, number>> = {};
  readonly #startedAt = performance.now();
  #shownAt = performance.now();

  add(report: ClusterReport): void {
    this.seeds++;
    this.simulatedMs += report.simulatedMs;
    this.#acknowledged += report.acknowledged;
    this.#compared += report.compared;
    for (const [what, count] of Object.entries(report.counts ?? {})) {
      const key = what as keyof Counts;
      this.#counts[key] = (this.#counts[key] ?? 0) + count;
    }
    if (report.violation !== undefined) {
      this.failed++;
      console.log(`seed ${report.seed} FAILED: ${report.violation}`);
      console.log(`  repeat: npm run simulate:cluster -- --seed ${report.seed}`);
    }
    if (performance.now() - this.#shownAt > progressMs) this.show();
  }

  show(): void {
    this.#shownAt = performance.now();
    const seconds = (this.#shownAt - this.#startedAt) / 1000;
    const { user, system } = process.cpuUsage();
    const perSecond = (time: number): string => (this.simulatedMs / 1000 / time).toFixed(0);
    const counts = Object.entries(this.#counts).map(
      ([what, count]) => `${count} ${what.replace(/[A-Z]/g, ' $&').toLowerCase()}`,
    );
    console.log(
      `${seconds.toFixed(0)} s: ${this.seeds} seeds, ${this.failed} failed; ` +
        `${(this.simulatedMs / 60_000).toFixed(1)} simulated minutes ` +
        `(${perSecond(seconds)} simulated seconds per second, ${perSecond((user + system) / 1e6)} per second of CPU); ` +
        `${counts.join(', ')}; ${this.#acknowledged} acknowledged changes and messages, compared ${this.#compared} times`,
    );
  }
}

async function runSeeds(): Promise<boolean> {
  const totals = new Totals();
  let given = 0;
  const endsAt = performance.now() + Number(options.within ?? Number.POSITIVE_INFINITY) * 1000;
  const isEnough = (): boolean =>
    options.minutes === undefined
      ? given >= Number(options.seeds)
      : totals.simulatedMs >= Number(options.minutes) * 60_000;
  const goesOn = (): boolean => !isEnough() && performance.now() < endsAt;
  await inWorkers(
    () => (goesOn() ? { type: 'seed', seed: from + given++, scenario } : undefined),
    (result) => {
      if (result.type === 'seed') totals.add(result.report);
    },
    threads,
  );
  totals.show();
  if (!isEnough()) {
    console.log(`not all that was asked for was simulated within ${options.within} s`);
  }
  return totals.failed === 0;
}

async function runOne(seed: number): Promise<boolean> {
  const totals = new Totals();
  const report = await runClusterSeed(seed, { scenario });
  for (const line of [...report.log, ...report.story]) {
    if (report.violation !== undefined) console.log(line);
  }
  totals.add(report);
  totals.show();
  console.log(`trace ${report.trace}`);
  return totals.failed === 0;
}

async function runGolden(): Promise<boolean> {
  const bugs = clusterBugs.filter(({ name }) => name.includes(options.bug));
  console.log(`${bugs.length} golden bugs: the simulation must notice each`);
  let given = 0;
  let missed = 0;
  const tell = (name: string, found: FoundBug): void => {
    const took = `${found.seconds.toFixed(0).padStart(3)} s`;
    if (found.violation === undefined) {
      missed++;
      console.log(`NOT NOTICED in ${found.seeds} seeds, ${took}: ${name}`);
      for (const other of found.others.slice(0, 3)) console.log(`    but: ${other.split('\n')[0]}`);
    } else {
      console.log(`noticed after ${String(found.seeds).padStart(3)} seeds, ${took}: ${name}`);
      console.log(`    ${found.violation.split('\n')[0]}`);
    }
  };
  await inWorkers(
    () => {
      const bug = bugs[given++];
      return bug && { type: 'bug', name: bug.name, from, scenario };
    },
    (result) => {
      if (result.type === 'bug') tell(result.name, result.found);
    },
    threads,
  );
  console.log(`${bugs.length - missed} golden bugs noticed, ${missed} not`);
  return missed === 0;
}

async function main(): Promise<boolean> {
  if (options.help) {
    console.log(usage);
    return true;
  }
  if (options.golden) return await runGolden();
  return options.seed === undefined ? await runSeeds() : await runOne(Number(options.seed));
}

process.exitCode = (await main()) ? 0 : 1;
