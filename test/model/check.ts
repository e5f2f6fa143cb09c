// `npm run model`: searches the model of docs/model for states in which an invariant does not hold.
//
//   npm run model                                     the protocol, then each broken rule
//   npm run model -- --broken "rule 4" --trace        one of them, with the steps to the violation
//   npm run model -- --traces 100 --from 0            simulated groups under faults, held against its invariants
//   npm run model -- --broken none --walks 1000000 --nodes 3 --seconds 300   random walks, beyond what can be searched

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { clusterBugs } from '../sim/cluster/golden-bugs.ts';
import type { Instance } from './quint.ts';
import { broken, compile, faithful, invariants, systemOf } from './quint.ts';
import type { Found } from './search.ts';
import { searchAll, walk } from './search.ts';
import { checkTrace, type TraceReport } from './traces.ts';
import { show } from './values.ts';

const { values: given } = parseArgs({
  options: {
    broken: { type: 'string' },
    nodes: { type: 'string' },
    epochs: { type: 'string' },
    log: { type: 'string' },
    starts: { type: 'string' },
    sets: { type: 'string' },
    /** Of random walks; without it, all states are searched. */
    walks: { type: 'string' },
    steps: { type: 'string', default: '80' },
    seconds: { type: 'string', default: '120' },
    states: { type: 'string', default: '3000000' },
    seed: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    /** So many histories of the simulated group. */
    traces: { type: 'string' },
    from: { type: 'string', default: '0' },
  },
});

const maxBuggyTraces = 60;
/** Bugs that break an invariant within a few traces: what looks at them sees something. */
const proving = ['#9616:', 'rule 2:', 'rule 3:'];
/** Invariants that compare all answers with each other. */
const ofPairs = ['offsetsUnique', 'oneAcker'];
let seed = Number(given.seed);
let began = 0;
const orders: (readonly number[] | undefined)[] = [];

const declarations = compile({
  quint: join(
    'docs',
    'model',
    'node_modules',
    '@informalsystems',
    'quint',
    'dist',
    'src',
    'cli.js',
  ),
  model: join('docs', 'model', 'replication.qnt'),
});
let passed = 0;
let failed = 0;
if (given.traces === undefined) {
  for (const instance of chosen()) {
    began = performance.now();
    const found =
      given.walks === undefined ? searched(instance) : walked(instance, Number(given.walks));
    tell(instance, found);
    if ((found.invariant === undefined) === instance.broken.startsWith('none')) passed += 1;
    else failed += 1;
  }
} else {
  await traces(Number(given.from), Number(given.traces));
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** Histories of the simulated group, and then the same with bugs that must be seen. */
async function traces(from: number, count: number): Promise<void> {
  began = performance.now();
  const total = { states: 0, acknowledged: 0, faults: 0, epochs: 0, simulatedMs: 0 };
  for (let seed = from; seed < from + count; seed++) {
    const report = await traced(seed);
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += report[key];
    if (report.violated === undefined) passed += 1;
    else {
      failed += 1;
      console.log(`trace ${seed}: ${report.violated}`);
    }
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  console.log(
    `${count} traces: ${total.faults} faults, ${total.epochs} epochs, ${total.acknowledged} answers, ` +
      `${total.states} states compared; ${(total.simulatedMs / 60_000).toFixed(1)} simulated minutes in ${seconds} s`,
  );
  for (const bug of clusterBugs.filter(({ name }) =>
    proving.some((each) => name.startsWith(each)),
  )) {
    const takeOut = bug.introduce();
    let seen: TraceReport | undefined;
    let tried = 0;
    for (; tried < maxBuggyTraces && seen?.violated === undefined; tried++) {
      seen = await traced(from + tried).catch((error: unknown) => {
        console.log(`${bug.name}: the group failed: ${String(error)}`);
        return undefined;
      });
    }
    takeOut();
    if (seen?.violated === undefined) console.log(`NOT SEEN in ${tried} traces: ${bug.name}`);
    else console.log(`seen after ${tried} traces: ${bug.name}: ${seen.violated}`);
    if (seen?.violated === undefined) failed += 1;
    else passed += 1;
  }
}

function traced(traceSeed: number): Promise<TraceReport> {
  const size = traceSeed % 3 === 0 ? 3 : 2;
  const instance = {
    ...{ broken: 'none', nodes: size, maxEpoch: 1000, maxLog: 1_000_000 },
    ...{ maxStarts: 1_000_000, maxSetEpoch: 1_000_000 },
  };
  const often = systemOf(
    declarations,
    instance,
    inOrder,
    invariants.filter((name) => !ofPairs.includes(name)),
  );
  const rarely = systemOf(declarations, instance, inOrder, ofPairs);
  const { variables } = often;
  return checkTrace(traceSeed, size, {
    variables,
    often: often.violated,
    rarely: rarely.violated,
  });
}

function chosen(): readonly Instance[] {
  const all = [...faithful, ...broken];
  const known =
    given.broken === undefined ? all : all.filter((each) => each.broken === given.broken);
  const bounds = {
    ...(given.nodes === undefined ? {} : { nodes: Number(given.nodes) }),
    ...(given.epochs === undefined ? {} : { maxEpoch: Number(given.epochs) }),
    ...(given.log === undefined ? {} : { maxLog: Number(given.log) }),
    ...(given.starts === undefined ? {} : { maxStarts: Number(given.starts) }),
    ...(given.sets === undefined ? {} : { maxSetEpoch: Number(given.sets) }),
  };
  if (Object.keys(bounds).length === 0) return known;
  return known.slice(0, 1).map((each) => ({ ...each, ...bounds }));
}

function maySpend(): boolean {
  return performance.now() - began < Number(given.seconds) * 1000;
}

function searched(instance: Instance): Found {
  return searchAll(systemOf(declarations, instance, inOrder), {
    maxStates: Number(given.states),
    maxDepth: 1000,
    maySpend,
  });
}

function walked(instance: Instance, maxWalks: number): Found {
  return walk(systemOf(declarations, instance, shuffled), {
    maxWalks,
    maxSteps: Number(given.steps),
    maySpend,
  });
}

function tell(instance: Instance, found: Found): void {
  if (given.trace) {
    for (const [at, label] of found.trace.entries())
      console.log(`${String(at + 1).padStart(3)} ${label}`);
    for (const value of found.last ?? []) console.log(show(value));
  }
  const { nodes, maxEpoch, maxLog, maxStarts, maxSetEpoch } = instance;
  const bounds = `${nodes} nodes, ${maxEpoch} epochs, ${maxLog} entries, ${maxStarts} starts, ${maxSetEpoch} set epochs`;
  const outcome =
    found.invariant === undefined
      ? `no violation${found.complete ? ', all states' : ''}`
      : `${found.invariant} violated after ${found.trace.length} steps`;
  const effort =
    found.walks > 0
      ? `${found.walks} walks, ${found.states} steps`
      : `${found.states} states, depth ${found.depth}`;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${instance.broken} (${bounds}): ${outcome}; ${effort}; ${seconds} s`);
}

function inOrder(count: number): readonly number[] {
  let order = orders[count];
  if (order === undefined) {
    order = Array.from({ length: count }, (_, at) => at);
    orders[count] = order;
  }
  return order;
}

function shuffled(count: number): number[] {
  const order = Array.from({ length: count }, (_, at) => at);
  for (let at = count - 1; at > 0; at--) {
    const other = next(at + 1);
    [order[at], order[other]] = [order[other] ?? 0, order[at] ?? 0];
  }
  return order;
}

/** xorshift32. */
function next(below: number): number {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return (seed >>> 0) % below;
}
