import { readFileSync } from 'node:fs';
import { startTarget, type Target } from '../../test/interop/support/target.ts';
import type { LoadReport } from '../../test/process/load-generator.ts';
import type { Reports } from './figures.ts';
import type { Bench, Side } from './row.ts';

/** Servers that are measured in turn, each a process with a name server and an empty store at its start. */
export interface Contest extends AsyncDisposable {
  readonly targets: readonly Target[];
}

/** The lab's small files are for tests; log files of this size, RocketMQ's default, are what a user has. */
export const segmentBytes = String(2 ** 30);
export const javaHeap = '2g';

export async function startServer(
  kind: Target['kind'],
  settings: Readonly<Record<string, string>> = {},
): Promise<Target> {
  const defaults = { mappedFileSizeCommitLog: segmentBytes };
  return startTarget({ kind, settings: { ...defaults, ...settings }, javaHeap });
}

/** Holdfast, and the Java broker unless it is left out. */
export async function startContest(
  bench: Bench,
  settings: Readonly<Record<string, string>> = {},
): Promise<Contest> {
  const targets: Target[] = [];
  const end = async (): Promise<void> => {
    for (const target of targets) await target[Symbol.asyncDispose]();
  };
  try {
    targets.push(await startServer('holdfast', settings));
    if (bench.java) targets.push(await startServer('java', settings));
  } catch (error) {
    await end();
    throw error;
  }
  return { targets, [Symbol.asyncDispose]: end };
}

/** Time for what a load does besides its measured seconds: connections, and requests that are awaited. */
export const slackMs = 60_000;

/** One run of the load generator against a server. */
export function load(
  bench: Bench,
  { broker, pid }: { readonly broker: string; readonly pid: number },
  args: readonly string[],
  { seconds, warm }: { readonly seconds: number; readonly warm: number },
): Promise<LoadReport> {
  const given = ['-a', broker, '-p', String(pid), '-d', String(seconds), '--warm', String(warm)];
  const [mode = '', ...options] = args;
  return bench.loadGenerator.measure(
    [mode, ...given, ...options],
    (seconds + warm) * 1000 + slackMs,
  );
}

/** A load on each server in turn, `rounds` times, after one that is not counted. */
export async function alternate(
  bench: Bench,
  contest: Contest,
  args: readonly string[],
): Promise<Reports> {
  const { rounds, seconds, warmSeconds } = bench;
  for (const target of contest.targets) {
    await load(bench, target, args, { seconds: 1, warm: warmSeconds });
  }
  return inRounds(bench, rounds, contest, (target) =>
    load(bench, target, args, { seconds, warm: 1 }),
  );
}

/** `measure` for each server in turn, `rounds` times. */
export async function inRounds<S extends { readonly kind: Target['kind'] }, T>(
  bench: Bench,
  rounds: number,
  { targets }: { readonly targets: readonly S[] },
  measure: (target: S, round: number) => Promise<T>,
): Promise<Partial<Record<Side, T[]>>> {
  const results: Partial<Record<Side, T[]>> = {};
  for (let round = 1; round <= rounds; round += 1) {
    for (const target of targets) {
      bench.progress(`round ${round} of ${rounds}: ${target.kind}`);
      const ofSide = results[target.kind] ?? [];
      results[target.kind] = ofSide;
      ofSide.push(await measure(target, round));
    }
  }
  return results;
}

/** Resident memory now, in MB. */
export function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(procFile(pid, 'status'))?.[1] ?? Number.NaN) / 1024;
}

/** User and system time so far. */
export function usedCpuMs(pid: number): number {
  // The state and 10 more fields come after the name of the program, which is in brackets.
  const fields = procFile(pid, 'stat').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}

/** Of the clock by which Linux counts CPU. */
const tickMs = 10;

/** What a process has had read from disks so far, in MB; pages of mapped files count too. */
export function readFromDiskMb(pid: number): number {
  return Number(/read_bytes: (\d+)/.exec(procFile(pid, 'io'))?.[1] ?? Number.NaN) / 2 ** 20;
}

function procFile(pid: number, name: string): string {
  return readFileSync(`/proc/${pid}/${name}`, 'utf8');
}
