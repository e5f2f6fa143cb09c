import type { PromiseName } from '../broker/violation.ts';
import { ruleBugs } from './golden-rules.ts';
import { upstreamBugs } from './golden-upstream.ts';
import { type ClusterSeedOptions, runClusterSeed } from './run-cluster-seed.ts';

/** A fault that is put in on purpose: a checker is believed once it has caught it. */
export interface ClusterBug {
  readonly name: string;
  /** What it breaks: a seed that finds something else has not noticed it. */
  readonly breaks: readonly PromiseName[];
  /** Seeds that are tried at most. */
  readonly within: number;
  readonly options?: ClusterSeedOptions;
  /** Puts it in; returns what takes it out. */
  readonly introduce: () => () => void;
}

export const clusterBugs: readonly ClusterBug[] = [...upstreamBugs, ...ruleBugs];

export interface FoundBug {
  /** How many were tried. */
  readonly seeds: number;
  /** Of the last of them; undefined when none noticed the bug. */
  readonly violation: string | undefined;
  /** What other seeds found. */
  readonly others: readonly string[];
  readonly seconds: number;
}

/** Runs seeds with the bug until one notices it. */
export async function tryClusterBug(
  bug: ClusterBug,
  from: number,
  scenario?: string,
): Promise<FoundBug> {
  const takeOut = bug.introduce();
  const startedMs = performance.now();
  const seconds = (): number => (performance.now() - startedMs) / 1000;
  const others: string[] = [];
  try {
    for (let seeds = 1; seeds <= bug.within; seeds++) {
      const { violation } = await runClusterSeed(from + seeds - 1, {
        ...bug.options,
        scenario: scenario ?? bug.options?.scenario,
      });
      if (violation === undefined) continue;
      if (bug.breaks.some((promise) => violation.startsWith(`${promise}: `))) {
        return { seeds, violation, others, seconds: seconds() };
      }
      others.push(violation);
    }
    return { seeds: bug.within, violation: undefined, others, seconds: seconds() };
  } finally {
    takeOut();
  }
}
