import { type BrokerId, queueOffset } from '../../../src/base/index.ts';
import { Broker } from '../../../src/broker/broker.ts';
import type { ReplicaRole } from '../../../src/broker/replication/replica-host.ts';
import { Controller } from '../../../src/controller/controller.ts';
import type { GroupState } from '../../../src/controller/state.ts';
import type { LocalStore } from '../../../src/views/index.ts';
import { ensure, Violation } from '../broker/violation.ts';

/** One replica as it is seen from outside of time and network. */
interface Watched {
  readonly name: string;
  readonly id: BrokerId;
  /** Undefined while it is down, or between two stores. */
  local: LocalStore | undefined;
  role: ReplicaRole;
  promised: number;
  /** Where its log ended when somebody last looked. */
  end: number;
  /** The highest epoch that it led or followed in. */
  acted: number;
  /** What it had written when it promised an epoch; oldest first. */
  readonly promises: { readonly epoch: number; readonly written: number }[];
  leading: { readonly epoch: number; commitPoint: number; durablePoint: number } | undefined;
  synced: number;
  /** Files of it were damaged or lost: it has less than it once said. */
  hasLess: boolean;
  applied: number;
}

/**
 * Looks into all replicas after each event of a simulation: what may never be so for a moment, whatever clients get to
 * see of it. The numbers of promises are those of the design, those of rules the ones of docs/protocol.md.
 */
export class Inspector {
  /** A node serves as the master, and nobody leads a later epoch. */
  onMaster: (local: LocalStore, name: string) => void = () => {};
  /** Everybody may lose what was not synced, so that committed messages may be lost (design 6.3). */
  readonly #mayLoseMemory: boolean;
  readonly #byName = new Map<string, Watched>();
  readonly #byId = new Map<BrokerId, Watched>();
  readonly #leaders = new Map<number, string>();
  readonly #damaged = new Set<string>();
  readonly #digests = new Map<number, string>();
  #highestEpoch = 0;
  #highestDurable = 0;
  #highestCommitted = 0;
  /** Found where nothing may be thrown. */
  #found: Violation | undefined;

  constructor(options: { readonly mayLoseMemory: boolean }) {
    this.#mayLoseMemory = options.mayLoseMemory;
    watching = this;
  }

  /** Of the node that leads the latest epoch; undefined while it does not serve, or nobody leads. */
  get newestMaster(): { readonly name: string; readonly epoch: number } | undefined {
    for (const { name, role, local } of this.#byName.values()) {
      if (role !== 'master' || local?.store.role !== 'leader') continue;
      if (local.store.epoch === this.#highestEpoch) return { name, epoch: this.#highestEpoch };
    }
    return undefined;
  }

  get watched(): Iterable<{ readonly name: string; readonly role: ReplicaRole }> {
    return this.#byName.values();
  }

  storeOf(name: string): LocalStore | undefined {
    return this.#byName.get(name)?.local;
  }

  roleOf(name: string): ReplicaRole | undefined {
    return this.#byName.get(name)?.role;
  }

  opened(name: string, id: BrokerId, local: LocalStore): void {
    let watched = this.#byName.get(name);
    if (watched?.id !== id) {
      watched = {
        ...{ name, id, local, role: 'waiting', promised: 0, acted: 0, promises: [], applied: 0 },
        ...{ end: Number.POSITIVE_INFINITY, leading: undefined, synced: 0, hasLess: false },
      };
      this.#byName.set(name, watched);
      this.#byId.set(id, watched);
    }
    watched.local = local;
    this.#guarded(() => {
      this.#checkPromise(watched, local);
      this.#checkEnd(watched, local);
    });
  }

  left(name: string): void {
    const watched = this.#byName.get(name);
    if (watched === undefined) return;
    watched.local = undefined;
    watched.leading = undefined;
  }

  crashed(name: string): void {
    const watched = this.#byName.get(name);
    if (watched === undefined) return;
    this.left(name);
    watched.role = 'waiting';
  }

  /** Its log is cut at a handshake. */
  cut(name: string): void {
    const watched = this.#byName.get(name);
    if (watched !== undefined) watched.synced = 0;
  }

  /** It has the store of its leader now. */
  installed(name: string): void {
    const watched = this.#byName.get(name);
    if (watched === undefined) return;
    watched.end = Number.POSITIVE_INFINITY;
    watched.hasLess = true;
  }

  /** Somebody damages its files. */
  damaged(name: string): void {
    this.#damaged.add(name);
    const watched = this.#byName.get(name);
    if (watched !== undefined) watched.hasLess = true;
  }

  /** What is read of its files need not be what was written, until somebody notices. */
  mayReadWrong(name: string): boolean {
    return this.#damaged.has(name);
  }

  /** A replica says that its store is damaged. */
  foundDamage(name: string): void {
    if (this.#byName.get(name)?.hasLess !== false) return;
    this.#found ??= new Violation('P10', `${name} is damaged, and nobody has damaged it`);
  }

  /** All that it had is gone, also what it had promised. */
  wiped(name: string): void {
    const watched = this.#byName.get(name);
    if (watched === undefined) return;
    this.#byName.delete(name);
    this.#byId.delete(watched.id);
  }

  roleChanged(name: string, role: ReplicaRole): void {
    const watched = this.#byName.get(name);
    if (watched === undefined) return;
    watched.role = role;
    const { local } = watched;
    if (role !== 'master' || local === undefined) return;
    this.#guarded(() => this.#checkNewMaster(watched, local));
  }

  /** Rule 3: of those who may lead, whoever has most. */
  elected(
    before: GroupState,
    after: GroupState,
    reports: ReadonlyMap<BrokerId, { readonly lastEpoch: number; readonly end: number }>,
  ): void {
    const { master } = after;
    if (master === undefined) return;
    const isLossy = (id: BrokerId): boolean =>
      before.replicas.find((replica) => replica.id === id)?.lossy === true;
    const chosen = reports.get(master);
    for (const [id, { lastEpoch, end }] of reports) {
      if (!before.set.includes(id) || (isLossy(id) && !isLossy(master))) continue;
      const hasMore =
        chosen === undefined ||
        lastEpoch > chosen.lastEpoch ||
        (lastEpoch === chosen.lastEpoch && end > chosen.end);
      if (!hasMore) continue;
      this.#found ??= new Violation(
        'P4',
        `broker ${master} is elected with epoch ${chosen?.lastEpoch} and ${chosen?.end} bytes, ` +
          `though broker ${id} has epoch ${lastEpoch} and ${end} (rule 3)`,
      );
    }
  }

  check(): void {
    if (this.#found !== undefined) throw this.#found;
    for (const watched of this.#byName.values()) {
      const { local } = watched;
      if (local === undefined) continue;
      this.#checkPromise(watched, local);
      this.#checkPositions(watched, local);
      if (local.store.role === 'leader') this.#checkLeader(watched, local);
    }
    for (const watched of this.#byName.values()) this.#checkReadable(watched);
  }

  /** Where no violation may be thrown, since the broker would take it for a failure of its own. */
  #guarded(check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.#found ??= error;
    }
  }

  /** Rule 4: what was promised before anything was done under it is remembered for good. */
  #checkPromise(watched: Watched, local: LocalStore): void {
    const { store } = local;
    const promised = local.promisedEpoch;
    if (promised !== watched.promised) {
      watched.promised = promised;
      watched.promises.push({ epoch: promised, written: store.log.written });
    }
    if (store.role !== 'opened' && store.epoch > watched.acted) watched.acted = store.epoch;
    ensure(
      promised >= watched.acted,
      'P8',
      () => `${watched.name} acted in epoch ${watched.acted} and promises ${promised} (rule 4)`,
    );
  }

  /** What was cut off a log never comes back. */
  #checkEnd(watched: Watched, { store }: LocalStore): void {
    const { end } = store.log;
    ensure(
      end >= watched.synced || watched.hasLess,
      'P10',
      () => `${watched.name} had synced ${watched.synced} and opens with ${end} (rule 8)`,
    );
    ensure(
      end <= watched.end,
      'invariant',
      () => `the log of ${watched.name} ended at ${watched.end} and opens with ${end}`,
    );
    watched.end = end;
  }

  #checkPositions(watched: Watched, local: LocalStore): void {
    const { store } = local;
    const { tables, log } = store;
    watched.end = log.end;
    watched.synced = log.synced;
    const applied = tables.appliedPosition;
    if (applied === watched.applied) return;
    watched.applied = applied;
    ensure(
      applied <= store.durablePoint && applied <= log.synced,
      'invariant',
      () =>
        `${watched.name} applied ${applied}, D is ${store.durablePoint}, synced ${log.synced} (rule 14)`,
    );
    if (tables.pendingRecords > 0) return;
    const { sequence, digest } = tables.newestDigest;
    const known = this.#digests.get(sequence);
    if (known === undefined) this.#digests.set(sequence, digest);
    else ensure(known === digest, 'P6', () => `${watched.name} has another digest at ${sequence}`);
  }

  #checkLeader(watched: Watched, local: LocalStore): void {
    const { store } = local;
    const { positions, epoch, log } = store;
    const { commitPoint, durablePoint } = positions;
    const { leading } = watched;
    if (leading?.epoch !== epoch) {
      this.#checkNewLeader(watched, local);
      watched.leading = { epoch, commitPoint, durablePoint };
      return;
    }
    if (durablePoint > this.#highestDurable) this.#highestDurable = durablePoint;
    if (durablePoint > leading.durablePoint) {
      leading.durablePoint = durablePoint;
      this.#checkSynced(watched, durablePoint, positions.counted);
    }
    if (commitPoint === leading.commitPoint) return;
    leading.commitPoint = commitPoint;
    if (commitPoint > this.#highestCommitted) this.#highestCommitted = commitPoint;
    ensure(
      durablePoint <= commitPoint && commitPoint <= log.written,
      'invariant',
      () => `${watched.name}: D ${durablePoint}, C ${commitPoint}, written ${log.written}`,
    );
    for (const id of positions.counted) {
      const member = this.#byId.get(id);
      const later = member?.promises.find((promise) => promise.epoch > epoch);
      if (member === watched || later === undefined) continue;
      // docs/model, T6.
      ensure(
        later.written >= commitPoint,
        'P8',
        () =>
          `${watched.name} counts ${member?.name} for ${commitPoint} in epoch ${epoch}, ` +
          `which had ${later.written} when it promised epoch ${later.epoch}`,
      );
    }
  }

  /** Whoever follows shows no more than what a leader has committed (rule 14). */
  #checkReadable({ name, local }: Watched): void {
    if (local?.store.role !== 'follower') return;
    const { commitPoint } = local.store;
    ensure(
      commitPoint <= this.#highestCommitted,
      'P4',
      () =>
        `${name} shows all below ${commitPoint}, of which ${this.#highestCommitted} is committed`,
    );
  }

  /** A reader got the message at `offset` from this node. */
  wasRead(name: string, topic: string, offset: number): void {
    const store = this.storeOf(name)?.store;
    const topicQueues = store && [...store.queues].find((queues) => queues.topic === topic);
    if (store === undefined || topicQueues === undefined) return;
    const at = queueOffset(offset);
    const entries = store.queues.read(topicQueues.queue(0), at, 1, store.log.end);
    if (entries instanceof Promise || entries.count === 0) return; // Not one of the newest.
    const end = entries.position(0) + entries.size(0);
    ensure(
      end <= this.#highestCommitted,
      'P4',
      () =>
        `${name} shows ${topic} ${offset} below ${end}, of which ${this.#highestCommitted} is committed`,
    );
  }

  /** P1, and P4 with SYNC_FLUSH: what is acknowledged as durable is on the disk of everybody who counts. */
  #checkSynced(leader: Watched, durablePoint: number, counted: readonly BrokerId[]): void {
    for (const id of counted) {
      const member = this.#byId.get(id);
      if (member?.local === undefined || member === leader || member.hasLess) continue;
      const { synced } = member.local.store.log;
      ensure(
        synced >= durablePoint,
        'P1',
        () => `${leader.name} takes ${durablePoint} for durable, ${member.name} synced ${synced}`,
      );
    }
  }

  #checkNewLeader({ name }: Watched, local: LocalStore): void {
    const { store, incarnation } = local;
    const { epoch, log } = store;
    const start = `${name} ${incarnation}`;
    const known = this.#leaders.get(epoch);
    ensure(
      known === undefined || known === start,
      'P8',
      () => `epoch ${epoch} is led by ${known} and by ${start}`,
    );
    this.#leaders.set(epoch, start);
    if (epoch <= this.#highestEpoch) return;
    this.#highestEpoch = epoch;
    ensure(
      log.end >= this.#highestDurable,
      'P1',
      () => `${name} leads epoch ${epoch} with ${log.end} of ${this.#highestDurable} durable bytes`,
    );
    ensure(
      this.#mayLoseMemory || log.end >= this.#highestCommitted,
      'P4',
      () =>
        `${name} leads epoch ${epoch} with ${log.end} of ${this.#highestCommitted} committed bytes`,
    );
  }

  /** Rule 5. */
  #checkNewMaster({ name }: Watched, local: LocalStore): void {
    const { store } = local;
    const { epoch, tables, log } = store;
    if (store.role !== 'leader' || epoch < this.#highestEpoch) return;
    const start = log.epochs.at(-1)?.start ?? 0;
    ensure(
      store.durablePoint > start && tables.appliedPosition > start,
      'P7',
      () => `${name} serves epoch ${epoch} before its beginning is durable and applied (rule 5)`,
    );
    this.onMaster(local, name);
  }
}

/** The one of the simulation that runs: what earlier ones left behind is not asked. */
let watching: Inspector | undefined;

const { opened, leave, roleChanged } = Broker.prototype;
const { elect } = Controller.prototype;

Broker.prototype.opened = function (this: Broker, local) {
  opened.call(this, local);
  watching?.opened(this.address.host, this.describe().id as BrokerId, local);
};
Broker.prototype.leave = async function (this: Broker) {
  watching?.left(this.address.host);
  await leave.call(this);
};
Broker.prototype.roleChanged = function (this: Broker, role) {
  roleChanged.call(this, role);
  watching?.roleChanged(this.address.host, role);
};
Controller.prototype.elect = async function (this: Controller, group, wish) {
  const before = this.group(group.name);
  const reports = new Map(before && this.reports(before));
  for (const [id, { complete }] of reports) if (!complete) reports.delete(id);
  const decision = await elect.call(this, group, wish);
  const isFree = wish.designate === undefined && wish.unclean !== true;
  if (before !== undefined && before.epoch > 0 && isFree && !('refused' in decision)) {
    watching?.elected(before, decision.state, reports);
  }
  return decision;
};
