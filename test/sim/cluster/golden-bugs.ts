import { FollowerSide } from '../../../src/broker/replication/follower-side.ts';
import { Replica } from '../../../src/broker/replication/replica.ts';
import { Controller } from '../../../src/controller/controller.ts';
import { Store } from '../../../src/views/store.ts';
import { runClusterSeed } from './run-cluster-seed.ts';

/** A fault that is put in on purpose: a checker is believed once it has caught it. */
export interface ClusterBug {
  readonly name: string;
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

/** The first seed that notices the bug, and how; undefined when none of them does. */
export async function tryClusterBug(
  bug: ClusterBug,
  seeds: number,
): Promise<{ readonly seed: number; readonly violation: string } | undefined> {
  const takeOut = bug.introduce();
  try {
    for (let seed = 0; seed < seeds; seed++) {
      const { violation } = await runClusterSeed(seed);
      if (violation !== undefined) return { seed, violation };
    }
    return undefined;
  } finally {
    takeOut();
  }
}
