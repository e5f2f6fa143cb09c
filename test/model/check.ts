// `npm run model`: searches the model of docs/model for states in which an invariant does not hold.
//
//   npm run model                                     the protocol, then each broken rule
//   npm run model -- --broken "rule 4" --trace        one of them, with the steps to the violation
//   npm run model -- --broken none --walks 1000000 --nodes 3 --seconds 300   random walks, beyond what can be searched

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Instance } from './quint.ts';
import { broken, compile, faithful, systemOf } from './quint.ts';
import type { Found } from './search.ts';
import { searchAll, walk } from './search.ts';
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
  },
});

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
for (const instance of chosen()) {
  began = performance.now();
  const found =
    given.walks === undefined ? searched(instance) : walked(instance, Number(given.walks));
  tell(instance, found);
  if ((found.invariant === undefined) === instance.broken.startsWith('none')) passed += 1;
  else failed += 1;
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

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
