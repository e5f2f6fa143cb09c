import { type Epoch, epoch, physicalOffset } from '../../../src/base/index.ts';
import { Broker } from '../../../src/broker/broker.ts';
import { FollowerSide } from '../../../src/broker/replication/follower-side.ts';
import { LeaderSide } from '../../../src/broker/replication/leader-side.ts';
import { Replica } from '../../../src/broker/replication/replica.ts';
import { Controller } from '../../../src/controller/controller.ts';
import { SetPositions } from '../../../src/replication/index.ts';
import { LocalStore } from '../../../src/views/index.ts';
import { MetadataTables } from '../../../src/views/metadata/index.ts';
import { Queue } from '../../../src/views/queues/queue.ts';
import { Queues } from '../../../src/views/queues/queues.ts';
import { Store } from '../../../src/views/store.ts';
import { SimDrive } from '../ports/index.ts';
import type { ClusterBug } from './golden-bugs.ts';
import { all, patched, patchedGetter } from './patch.ts';

const fakeEpochs = [
  { epoch: epoch(1), incarnation: '0'.repeat(16), start: physicalOffset(0) },
] as const;

/** The rules of docs/protocol.md, each broken; docs/model breaks the same ones. */
export const ruleBugs: readonly ClusterBug[] = [
  {
    name: 'rule 1: a master that was started again goes on in its epoch',
    breaks: ['P1', 'P2', 'P4', 'P6', 'P8', 'invariant'],
    within: 100,
    introduce: () =>
      patched(Broker, 'start', (original) => async (options, ports, ...rest) => {
        let isFirst = true;
        const random = {
          bytes(count: number): Uint8Array {
            const drawn = ports.random.bytes(count);
            if (!isFirst) return drawn;
            isFirst = false;
            return new Uint8Array(count).fill(options.advertisedHost?.charCodeAt(1) ?? 0);
          },
          below: (bound: number) => ports.random.below(bound),
        };
        return await original.call(Broker, options, { ...ports, random }, ...rest);
      }),
  },
  {
    name: 'rule 2: a stop that lost something is reported as lossless',
    breaks: ['P1', 'P2', 'P4'],
    within: 100,
    introduce: () =>
      all(
        patched(
          Replica.prototype,
          'report',
          (original) =>
            function (this: Replica) {
              return { ...original.call(this), lossless: true };
            },
        ),
        patched(
          FollowerSide.prototype,
          'state',
          (original) =>
            function (this: FollowerSide) {
              return { ...original.call(this), lossless: true };
            },
        ),
      ),
  },
  {
    name: 'rule 3: whoever is there may lead',
    breaks: ['P1', 'P2', 'P4'],
    within: 100,
    introduce: () =>
      patched(
        Controller.prototype,
        'elect',
        (original) =>
          function (this: Controller, group, wish) {
            const live = [...this.live(group.name).keys()];
            const anybody = { ...group, set: live.length > 0 ? live : group.set };
            return original.call(this, anybody, { ...wish, unclean: true });
          },
      ),
  },
  {
    name: 'rule 4: a promise is kept in memory only',
    breaks: ['P8'],
    within: 100,
    introduce: () => {
      const promised = new WeakMap<LocalStore, Epoch>();
      return all(
        patched(
          LocalStore.prototype,
          'promise',
          (original) =>
            async function (this: LocalStore, higher) {
              await original.call(this, this.group.promisedEpoch);
              promised.set(this, higher);
            },
        ),
        patchedGetter(LocalStore.prototype, 'promisedEpoch', (store, original) =>
          epoch(Math.max(original(), promised.get(store) ?? 0)),
        ),
      );
    },
  },
  {
    name: 'rule 5: a node serves before the record of its epoch is durable and applied',
    breaks: ['P1', 'P2', 'P7'],
    within: 100,
    introduce: () =>
      patched(
        Store.prototype,
        'lead',
        (original) =>
          async function (this: Store, grant) {
            // What it waits for first is its own record, and then the topics that each broker has.
            let waits = 2;
            this.durably = async () => {
              if (--waits === 0) Reflect.deleteProperty(this, 'durably');
            };
            await original.call(this, grant);
          },
      ),
  },
  {
    name: 'rule 6: the common point is the smaller end, whatever the epochs are',
    breaks: ['P1', 'P2', 'P4', 'P6'],
    within: 100,
    introduce: () =>
      all(
        patchedGetter(LeaderSide.prototype, 'log', (_side, original) => ({
          ...original(),
          epochs: fakeEpochs,
        })),
        patched(
          FollowerSide.prototype,
          'state',
          (original) =>
            function (this: FollowerSide) {
              const state = original.call(this);
              return { ...state, epochs: state.epochs.length === 0 ? [] : fakeEpochs };
            },
        ),
        patched(LeaderSide.prototype, 'checkBefore', () => async () => 0),
        patched(FollowerSide.prototype, 'checkBefore', () => async () => 0),
      ),
  },
  {
    name: 'rule 7: a follower reports as synced what it only wrote',
    breaks: ['P1', 'P2', 'P4'],
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
  {
    name: 'rule 8: a failed fsync is taken for one that succeeded',
    breaks: ['P1', 'P2', 'P4', 'P10', 'liveness'],
    within: 100,
    introduce: () =>
      patched(
        SimDrive.prototype,
        'sync',
        (original) =>
          function (this: SimDrive, ...parameters) {
            try {
              original.apply(this, parameters);
            } catch (error) {
              if (!this.syncFails(parameters[0])) throw error;
            }
          },
      ),
  },
  {
    name: 'rules 9 and 10: whoever is behind joins the set, and stays when it shrinks',
    breaks: ['P1', 'P2', 'P4'],
    within: 100,
    introduce: () => patchedGetter(Store.prototype, 'floor', () => physicalOffset(0)),
  },
  {
    name: 'rule 10: a set is smaller from its proposal on',
    breaks: ['P1', 'P2', 'P4', 'P8'],
    within: 100,
    introduce: installEarlyShrinking,
  },
  {
    name: 'rule 11: a proposal without an answer does not count',
    breaks: ['P1', 'P2', 'P4'],
    within: 100,
    introduce: () =>
      patched(
        SetPositions.prototype,
        'propose',
        (original) =>
          function (this: SetPositions, set) {
            const isGrowing = set.some((member) => !this.confirmed.includes(member));
            if (!isGrowing) original.call(this, set);
          },
      ),
  },
  {
    name: 'rule 12: a controller goes on with an old copy of its state (only in histories with such a copy)',
    breaks: ['P1', 'P2', 'P4', 'P8'],
    within: 40,
    // One that loses its whole file stays without a master, and would end most seeds by that.
    options: { scenario: 'an old copy' },
    introduce: () =>
      patched(
        Controller.prototype,
        'change',
        (original) =>
          function (this: Controller, cluster, name, decide) {
            return original.call(this, cluster, name, (group) => {
              const decision = decide(group);
              if (decision.state?.frozen === undefined) return decision;
              // Its epochs go on above what it hears of, or nobody would listen to it.
              const { frozen: _, told, ...state } = decision.state;
              const higher = Math.max(state.epoch, told?.epoch ?? 0) as Epoch;
              return { ...decision, state: { ...state, frozen: undefined, epoch: higher } };
            });
          },
      ),
  },
  {
    name: 'rule 14: tables apply what is appended, not what is durable',
    breaks: ['P1', 'P2', 'P6', 'invariant'],
    within: 100,
    introduce: () =>
      patched(
        MetadataTables.prototype,
        'apply',
        (original) =>
          function (this: MetadataTables, durable) {
            return original.call(this, physicalOffset(Math.max(durable, this.pendingEnd)));
          },
      ),
  },
  {
    name: 'rule 14: a follower shows what it has written',
    breaks: ['P4'],
    within: 20,
    introduce: () =>
      patchedGetter(Store.prototype, 'commitPoint', (store, original) =>
        store.role === 'follower' ? store.log.written : original(),
      ),
  },
  {
    name: 'rule 14: readers get what is written, committed or not',
    breaks: ['P4'],
    within: 100,
    introduce: () =>
      all(
        patched(
          Queue.prototype,
          'readable',
          () =>
            function (this: Queue) {
              return this.next;
            },
        ),
        patched(
          Queues.prototype,
          'read',
          (original) =>
            function (this: Queues, queue, offset, maxEntries) {
              const unlimited = physicalOffset(Number.MAX_SAFE_INTEGER);
              return original.call(this, queue, offset, maxEntries, unlimited);
            },
        ),
      ),
  },
];

/** Whoever is left out by a proposal counts as having all that its leader has. */
function installEarlyShrinking(): () => void {
  const left = new WeakMap<SetPositions, Set<number>>();
  return all(
    patched(
      SetPositions.prototype,
      'propose',
      (original) =>
        function (this: SetPositions, set) {
          const out = this.counted.filter((member) => !set.includes(member));
          if (out.length > 0) left.set(this, new Set(out));
          else left.delete(this);
          original.call(this, set);
        },
    ),
    patched(
      SetPositions.prototype,
      'advanceSynced',
      (original) =>
        function (this: SetPositions, synced) {
          original.call(this, synced);
          for (const member of this.counted) {
            if (left.get(this)?.has(member)) this.connected(member, synced, synced);
          }
        },
    ),
    patched(
      SetPositions.prototype,
      'confirm',
      (original) =>
        function (this: SetPositions, set, setEpoch) {
          original.call(this, set, setEpoch);
          left.delete(this);
        },
    ),
  );
}
