import { setTimeout as sleep } from 'node:timers/promises';
import type { Target } from '../../../test/interop/support/target.ts';
import { atMost, type Bench, type Figure, ours, type Row, type Side } from '../row.ts';
import { residentMb, startServer, usedCpuMs } from '../servers.ts';

const fullStoreTopics = 10_000;
/** 1 GB of log in records of 1 KB bodies: nearly all of one segment, the newest one, which costs a start most. */
const fullStoreMessages = 840_000;
const underLoadMs = 1000;
const longMs = 600_000;

export const start: Row = {
  name: 'start',
  title:
    'start to ready, name server and broker: empty store; after kill -9 under load with 10,000 topics and 1 GB of log',
  async run(bench) {
    const empty = await startsWithEmptyStore(bench);
    bench.progress('a store with topics and messages');
    await using target = await startServer('holdfast');
    await fill(bench, target);
    const full: Restart[] = [];
    for (let round = 1; round <= bench.rounds; round += 1) {
      bench.progress(`kill and start ${round} of ${bench.rounds}`);
      full.push(await restartAfterKill(bench, target));
    }
    return [
      { what: 'empty store', unit: 'ms', values: empty, aims: [atMost(500)] },
      {
        what: 'after kill -9',
        unit: 'ms',
        values: { holdfast: full.map(({ readyMs }) => readyMs) },
        aims: [atMost(2000)],
      },
      {
        what: 'after kill -9: CPU until ready',
        unit: 'ms',
        values: { holdfast: full.map((start) => start.cpuMs) },
      },
      ours('after kill -9: resident memory', 'MB', residentMb(target.pid)),
    ];
  },
};

async function startsWithEmptyStore(bench: Bench): Promise<Figure['values']> {
  const values: Partial<Record<Side, number[]>> = {};
  for (const kind of bench.java ? (['holdfast', 'java'] as const) : (['holdfast'] as const)) {
    const times: number[] = [];
    values[kind] = times;
    for (let round = 1; round <= bench.rounds; round += 1) {
      bench.progress(`empty store: ${kind}, ${round} of ${bench.rounds}`);
      const began = performance.now();
      await using _ = await startServer(kind);
      times.push(performance.now() - began);
    }
  }
  return values;
}

async function fill(bench: Bench, target: Target): Promise<void> {
  const { scale, loadGenerator } = bench;
  const address = ['-a', target.broker];
  const topics = String(Math.round(fullStoreTopics * scale));
  const messages = String(Math.round(fullStoreMessages * scale));
  await loadGenerator.measure(['create-topics', ...address, '-n', topics], longMs);
  await loadGenerator.measure(['send', ...address, '-n', messages], longMs);
}

export interface Restart {
  /** Until the next process can serve. */
  readonly readyMs: number;
  /** Of that process by then: what a shared machine tells more truly. */
  readonly cpuMs: number;
}

/** Killed while it takes messages. */
export async function restartAfterKill(bench: Bench, target: Target): Promise<Restart> {
  const sending = bench.loadGenerator.begin(['send', '-a', target.broker, '-r', '5000']);
  await sleep(underLoadMs);
  await target.kill();
  const began = performance.now();
  await target.start();
  const restart = { readyMs: performance.now() - began, cpuMs: usedCpuMs(target.pid) };
  await sending.end();
  return restart;
}
