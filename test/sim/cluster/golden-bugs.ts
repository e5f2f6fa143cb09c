import { FollowerSide } from '../../../src/broker/replication/follower-side.ts';
import { Replica } from '../../../src/broker/replication/replica.ts';
import { Controller } from '../../../src/controller/controller.ts';
import { Store } from '../../../src/views/store.ts';
import { runClusterSeed } from './run-cluster-seed.ts';

/** A fault that is put in on purpose: a checker is believed once it has caught it. */
export interface ClusterBug {
  readonly name: string;
  /** Seeds that are tried at most. */
  readonly within: number;
  /** Puts it in; returns what takes it out. */
  readonly introduce: () => () => void;
}

function patched<T extends object, K extends keyof T>(
  owner: T,
  key: K,
  replace: (original: T[K]) => T[K],
): () => void {
  const original = owner[key];
  owner[key] = replace(original);
  return () => {
    owner[key] = original;
  };
}

export const clusterBugs: readonly ClusterBug[] = [
  {
    name: '#9616: definitions are answered before the other replicas have them',
    within: 100,
    introduce: () =>
      patched(
        Store.prototype,
        'whenDurable',
        (original) =>
          function (this: Store, position, waiter) {
            original.call(this, Math.min(position, this.durablePoint) as typeof position, waiter);
          },
      ),
  },
  {
    name: 'rule 2: a stop that lost something is reported as lossless',
    within: 100,
    introduce: () =>
      patched(
        Replica.prototype,
        'report',
        (original) =>
          function (this: Replica) {
            return { ...original.call(this), lossless: true };
          },
      ),
  },
  {
    name: 'rule 3: whoever is there may lead',
    within: 100,
    introduce: () =>
      patched(
        Controller.prototype,
        'elect',
        (original) =>
          function (this: Controller, group, wish) {
            const live = [...this.live(group.name).keys()];
            const all = { ...group, set: live.length > 0 ? live : group.set };
            return original.call(this, all, { ...wish, unclean: true });
          },
      ),
  },
  {
    name: 'rule 7: a follower reports as synced what it only wrote',
    within: 100,
    introduce: () =>
      patched(
        FollowerSide.prototype,
        'report',
        (original) =>
          function (this: FollowerSide) {
            const report = original.call(this);
            return { ...report, synced: report.written };
          },
      ),
  },
];

export interface FoundBug {
  /** How many were tried. */
  readonly seeds: number;
  /** Of the last of them; undefined when none noticed the bug. */
  readonly violation: string | undefined;
  readonly seconds: number;
}

/** Runs seeds with the bug until one notices it. */
export async function tryClusterBug(bug: ClusterBug, from: number): Promise<FoundBug> {
  const takeOut = bug.introduce();
  const startedMs = performance.now();
  const seconds = (): number => (performance.now() - startedMs) / 1000;
  try {
    for (let seeds = 1; seeds <= bug.within; seeds++) {
      const { violation } = await runClusterSeed(from + seeds - 1);
      if (violation !== undefined) return { seeds, violation, seconds: seconds() };
    }
    return { seeds: bug.within, violation: undefined, seconds: seconds() };
  } finally {
    takeOut();
  }
}
