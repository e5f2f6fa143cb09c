import type { GoldenBug } from './golden-bugs.ts';
import { runSeed } from './run-seed.ts';
import type { Violation } from './violation.ts';

export interface Noticed {
  readonly violation: Violation;
  readonly seed: number;
  /** How many seeds it took. */
  readonly seeds: number;
}

/** Runs seeds with the bug until one shows it; undefined when none does within its bound. */
export async function tryGoldenBug(bug: GoldenBug, fromSeed = 0): Promise<Noticed | undefined> {
  const { wrappers = {}, within } = bug;
  const undo = bug.install?.();
  // What a broken broker leaves behind may fail later, when nobody looks any more.
  const ignore = (): void => {};
  process.on('unhandledRejection', ignore);
  try {
    for (let seeds = 1; seeds <= within; seeds++) {
      const seed = fromSeed + seeds - 1;
      const { violation } = await runSeed(seed, { wrappers });
      if (violation !== undefined) return { violation, seed, seeds };
    }
    return undefined;
  } finally {
    undo?.();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', ignore);
  }
}
