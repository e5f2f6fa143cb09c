import {
  type BrokerId,
  type Clock,
  type Epoch,
  Failure,
  isFailure,
  type Logger,
  type PhysicalOffset,
  type Timer,
} from '../../base/index.ts';
import type {
  JoinedFollower,
  LeaderHost,
  LeaderLink,
  LeaderLog,
  LogRange,
  Report,
  SnapshotSource,
} from '../../replication/link/index.ts';
import type { LocalStore } from '../../views/index.ts';
import { digestFromBytes, digestToBytes } from '../../views/metadata/index.ts';
import type { GroupAuthority } from './authority.ts';
import { logCheckBefore } from './log-check.ts';
import {
  admissible,
  type FollowerState,
  type MembershipLimits,
  membershipChange,
  noteProgress,
} from './membership.ts';

const checkMs = 200;
/** Until the store leads: whoever is dead is taken out of the set at once then. */
const firstCheckMs = 10;
/** A check of many rows may take longer than a follower waits: the next one that asks finds it done. */
const wholeForMs = 60_000;

interface Leading {
  readonly local: LocalStore;
  readonly sinceMs: number;
  readonly followers: Map<BrokerId, FollowerState>;
  /** Members of the set when it began, and whoever followed since. */
  readonly seen: Set<BrokerId>;
  /** Refused or unanswered: nothing is proposed before. */
  quietUntilMs: number;
  isProposing: boolean;
  /** C and D wait for this one. */
  admission:
    | { readonly follower: FollowerState; readonly sinceMs: number; readonly untilMs: number }
    | undefined;
  readonly clearing: Set<BrokerId>;
  isExamining: boolean;
  /** Monotonic; when its tables were found whole, before a snapshot. */
  wholeAtMs: number;
}

/**
 * The leading node as its followers see it, and its set: who is counted, who is asked to be (protocol rules 9 to 11).
 * Without a leading store it refuses all.
 */
export class LeaderSide implements LeaderHost {
  /** A higher epoch was seen (rule 4). */
  onHigherEpoch: (epoch: Epoch) => void = () => {};
  /** A follower holds other tables: whether those of this node are whole. */
  examine: (local: LocalStore) => Promise<boolean> = async () => true;
  /** A follower needs what cannot be read of the log. */
  onDamage: (local: LocalStore, damage: Failure) => void = () => {};
  readonly #self: BrokerId;
  readonly #authority: GroupAuthority;
  readonly #limits: MembershipLimits;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #link: LeaderLink | undefined;
  #leading: Leading | undefined;
  #timer: Timer | undefined;

  constructor(
    self: BrokerId,
    authority: GroupAuthority,
    limits: MembershipLimits,
    ports: { readonly clock: Clock; readonly logger: Logger },
  ) {
    this.#self = self;
    this.#authority = authority;
    this.#limits = limits;
    this.#clock = ports.clock;
    this.#logger = ports.logger;
  }

  set link(link: LeaderLink) {
    this.#link = link;
  }

  /** Followers may join from now on; the store has promised its epoch. */
  begin(local: LocalStore): void {
    const { store } = local;
    const now = this.#clock.monotonicMs();
    this.#leading = {
      local,
      sinceMs: now,
      followers: new Map(),
      seen: new Set([this.#self, ...local.group.members]),
      quietUntilMs: 0,
      isProposing: false,
      admission: undefined,
      clearing: new Set(),
      isExamining: false,
      wholeAtMs: Number.NEGATIVE_INFINITY,
    };
    store.onWritten = (wantsSync) => this.#link?.written(wantsSync);
    this.#watch();
  }

  /** The node leads no more. */
  end(why: string): void {
    this.#timer?.cancel();
    if (this.#leading !== undefined) this.#leading.local.store.onWritten = () => {};
    this.#leading = undefined;
    this.#link?.dropAll(why);
  }

  /** How the followers are doing, by broker. */
  get followers(): ReadonlyMap<BrokerId, FollowerState> {
    return this.#leading?.followers ?? new Map();
  }

  /** Replicas that this node has seen since it leads, itself among them; 0 while it does not. */
  get seen(): number {
    return this.#leading?.seen.size ?? 0;
  }

  /** From where a follower is connected. */
  remoteOf(member: BrokerId): string | undefined {
    return this.#link?.followers().find(({ broker }) => broker === member)?.remote;
  }

  get epoch(): Epoch | undefined {
    const store = this.#leading?.local.store;
    return store?.role === 'leader' ? store.epoch : undefined;
  }

  get log(): LeaderLog {
    const { log } = this.#store;
    return {
      begin: log.begin,
      end: log.written,
      segmentBytes: log.segmentBytes,
      epochs: log.epochs,
    };
  }

  get commitPoint(): PhysicalOffset {
    return this.#store.commitPoint;
  }

  get durablePoint(): PhysicalOffset {
    return this.#store.durablePoint;
  }

  range(position: PhysicalOffset, maxBytes: number): LogRange | Promise<LogRange> {
    const { local } = this.#required;
    const range = local.store.log.rangeAt(position, maxBytes);
    if (!(range instanceof Promise)) return range;
    return range.catch((error: unknown) => {
      if (isFailure(error, 'corrupt')) this.onDamage(local, error);
      throw error;
    });
  }

  checkBefore(position: PhysicalOffset): Promise<number> {
    return logCheckBefore(this.#store.log, position);
  }

  /** Of tables that this node has checked: what is damaged is handed on to nobody. */
  async snapshot(): Promise<SnapshotSource> {
    const leading = this.#required;
    const { local } = leading;
    let isWhole = true;
    try {
      const isNews = this.#clock.monotonicMs() - leading.wholeAtMs > wholeForMs;
      isWhole = !isNews || (await this.examine(local));
      if (isNews && isWhole) leading.wholeAtMs = this.#clock.monotonicMs();
    } catch (error) {
      if (!isFailure(error, 'unavailable')) throw error;
      // A snapshot is made of what is in memory, and has a digest of its own.
      this.#logger.warn('the metadata could not be checked before a snapshot', { error });
    }
    if (!isWhole) throw new Failure('unavailable', 'the metadata of this leader are damaged');
    return await local.openSnapshot();
  }

  connected(joined: JoinedFollower, report: Report): void {
    const leading = this.#required;
    const now = this.#clock.monotonicMs();
    const { broker, incarnation, lossless, isComplete } = joined;
    const { written, synced, applied } = report;
    const { positions } = leading.local.store;
    // Who lost something does not count before it has all that is committed (docs/model, T3). What it reported before may
    // have gone with its store.
    if (lossless) positions.connected(broker, written, synced);
    else positions.forget(broker);
    leading.seen.add(broker);
    const before = leading.followers.get(broker);
    leading.followers.set(broker, {
      ...{ broker, incarnation, isComplete, written, synced, applied },
      isConnected: true,
      isLossy: !lossless,
      lastReportMs: now,
      // One that joins again and again does not catch up by that.
      caughtUpMs: before?.caughtUpMs ?? now,
      goal: before?.goal ?? { position: this.log.end, atMs: now },
      mayJoinFromMs: before?.mayJoinFromMs ?? 0,
      fullUntil: before?.fullUntil,
      digest: 'unknown',
    });
    this.#note(broker, report);
    // What it is sent now may be waited for since before it was there.
    leading.local.store.syncNow();
  }

  reported(member: BrokerId, report: Report): void {
    const leading = this.#required;
    if (leading.followers.get(member)?.isLossy === false) {
      leading.local.store.positions.report(member, report.written, report.synced);
    }
    this.#note(member, report);
  }

  refused(member: BrokerId, why: string): void {
    const follower = this.#leading?.followers.get(member);
    if (follower === undefined) return;
    if (follower.fullUntil === undefined) {
      this.#logger.warn('a follower has no room on its disk', { broker: member, why });
    }
    follower.fullUntil = this.log.end;
    this.#review();
  }

  disconnected(member: BrokerId, why: string): void {
    const leading = this.#leading;
    const follower = leading?.followers.get(member);
    if (leading === undefined || follower === undefined) return;
    follower.isConnected = false;
    // One that joins again and again must not hold up writes each time.
    if (leading.admission?.follower === follower) this.#endAdmission(leading);
    leading.local.store.positions.disconnected(member);
    this.#logger.info('a follower is gone', { broker: member, why });
  }

  higherEpoch(epoch: Epoch): void {
    this.onHigherEpoch(epoch);
  }

  get #required(): Leading {
    if (this.#leading === undefined) throw new Failure('invalid', 'this node does not lead');
    return this.#leading;
  }

  get #store(): LocalStore['store'] {
    return this.#required.local.store;
  }

  #note(member: BrokerId, report: Report): void {
    const leading = this.#required;
    const { store } = leading.local;
    const follower = leading.followers.get(member) as FollowerState;
    const now = this.#clock.monotonicMs();
    follower.written = report.written;
    follower.synced = report.synced;
    follower.applied = report.applied;
    follower.lastReportMs = now;
    noteProgress(follower, store.log.written, now);
    this.#compare(follower, report);
    if (leading.admission?.follower === follower) store.positions.admit(follower.synced);
    store.pointsMoved();
    this.#link?.pointsMoved();
    if (follower.isLossy && follower.synced >= store.floor) this.#makeGood(leading, follower);
    this.#review();
  }

  /** A member that lost something has it again: it counts as soon as the authority knows. */
  #makeGood(leading: Leading, follower: FollowerState): void {
    if (leading.clearing.has(follower.broker)) return;
    leading.clearing.add(follower.broker);
    const { broker, incarnation } = follower;
    this.#authority
      .clearLossy(broker, incarnation)
      .then((isKnown) => {
        const isSame = this.#leading === leading && leading.followers.get(broker) === follower;
        if (!isKnown || !isSame || !follower.isConnected) return;
        follower.isLossy = false;
        const { positions } = leading.local.store;
        positions.connected(broker, follower.written, follower.synced);
        leading.local.store.pointsMoved();
        this.#review();
      })
      .catch((error: unknown) => this.#logger.warn('a mark could not be cleared', { error }))
      .finally(() => leading.clearing.delete(broker));
  }

  /** The authority may mark a follower while it follows: it was told less before, or has forgotten what it was told. */
  #clearMarks(leading: Leading): void {
    const { store } = leading.local;
    if (store.role !== 'leader') return;
    for (const member of this.#authority.view?.lossy ?? []) {
      const follower = leading.followers.get(member);
      if (follower?.isConnected && follower.synced >= store.floor) {
        this.#makeGood(leading, follower);
      }
    }
  }

  /** Promise P6: equal positions, equal digests. */
  #compare(follower: FollowerState, report: Report): void {
    const own = this.#store.tables.digestBehind(report.sequence);
    if (own === undefined) return;
    if (own === digestFromBytes(report.digest)) {
      follower.digest = 'equal';
      return;
    }
    if (follower.digest === 'different') return;
    if (follower.digest !== 'suspect') {
      follower.digest = 'suspect';
      this.#logger.error('a follower holds other metadata at an equal position', {
        broker: follower.broker,
        sequence: report.sequence,
        digest: Buffer.from(report.digest).toString('hex'),
        here: own,
      });
    }
    this.#examine(this.#required);
  }

  /** Whoever leads may be the one that is wrong: nobody leaves the set, or replaces its store, before that is known. */
  #examine(leading: Leading): void {
    if (leading.isExamining) return;
    leading.isExamining = true;
    this.examine(leading.local)
      .then((isWhole) => {
        leading.isExamining = !isWhole; // What is damaged stays so.
        if (isWhole && this.#leading === leading) this.#tellDifferent(leading);
      })
      .catch((error: unknown) => {
        leading.isExamining = false; // The next report asks again.
        this.#logger.warn('the metadata could not be checked', { error });
      });
  }

  #tellDifferent({ followers, local }: Leading): void {
    const { sequence, digest } = local.store.tables.newestDigest;
    for (const follower of followers.values()) {
      if (follower.digest !== 'suspect') continue;
      follower.digest = 'different';
      this.#link?.differs(follower.broker, { sequence, digest: digestToBytes(digest) });
    }
    this.#review();
  }

  #watch(): void {
    const isLeading = this.#leading?.local.store.role === 'leader';
    this.#timer = this.#clock.setTimer(isLeading ? checkMs : firstCheckMs, () => {
      const leading = this.#leading;
      if (leading === undefined) return;
      this.#clearMarks(leading);
      this.#review();
      this.#watch();
    });
  }

  /** Proposes the next change of the set, if one is due and none is under way. */
  #review(): void {
    const leading = this.#required;
    const { store } = leading.local;
    if (store.role !== 'leader') return; // On a slow disk its promise is not durable yet.
    const nowMs = this.#clock.monotonicMs();
    const { positions } = store;
    if (leading.admission !== undefined && nowMs >= leading.admission.untilMs) {
      this.#endAdmission(leading);
    }
    if (leading.isProposing || nowMs < leading.quietUntilMs) return;
    const change = membershipChange(
      {
        self: this.#self,
        set: positions.confirmed,
        followers: leading.followers,
        floor: store.floor,
        synced: store.log.synced,
        counted: positions.counted,
        dead: new Set(this.#authority.view?.dead),
        nowMs,
        sinceMs: leading.sinceMs,
      },
      this.#limits,
    );
    if (change === undefined) {
      this.#admit(leading, nowMs);
      return;
    }
    leading.isProposing = true;
    this.#propose(leading, change).then(
      () => {
        leading.isProposing = false;
      },
      (error: unknown) => {
        leading.isProposing = false;
        leading.quietUntilMs = this.#clock.monotonicMs() + 1000;
        this.#logger.warn('a change of the in-sync set failed', { error });
      },
    );
  }

  /** Lets a follower that is near catch up with C, which waits for it. */
  #admit(leading: Leading, nowMs: number): void {
    const { store } = leading.local;
    const { confirmed: set, counted } = store.positions;
    if (leading.admission !== undefined || counted.length > set.length) return;
    const { followers } = leading;
    const follower = admissible({ set, followers, floor: store.floor, nowMs }, this.#limits);
    if (follower === undefined) return;
    leading.admission = { follower, sinceMs: nowMs, untilMs: nowMs + this.#limits.admissionMs };
    store.positions.admit(follower.synced);
    store.syncNow();
  }

  /** Whoever has not caught up in time, or is gone, must not hold up those who have. */
  #endAdmission(leading: Leading): void {
    const { admission } = leading;
    if (admission === undefined) return;
    const { follower, sinceMs } = admission;
    const { admissionPauseMs } = this.#limits;
    const nowMs = this.#clock.monotonicMs();
    follower.mayJoinFromMs = nowMs + admissionPauseMs;
    this.#logger.warn('a follower does not join: writes waited for it in vain', {
      ...{ broker: follower.broker, waitedMs: nowMs - sinceMs, againAfterMs: admissionPauseMs },
      ...{ synced: follower.synced, floor: leading.local.store.floor },
    });
    this.#release(leading);
  }

  #release(leading: Leading): void {
    leading.admission = undefined;
    const { store } = leading.local;
    store.positions.admit(undefined);
    store.pointsMoved();
    this.#link?.pointsMoved();
  }

  async #propose(
    leading: Leading,
    change: { readonly set: readonly BrokerId[]; readonly reason: string },
  ): Promise<void> {
    const { local } = leading;
    const { store } = local;
    const { positions } = store;
    const { set, reason } = change;
    // In the turn that found who stays to have synced enough (docs/model, T2).
    positions.propose(set);
    // It counts from now on.
    if (leading.admission && set.includes(leading.admission.follower.broker)) {
      this.#release(leading);
    }
    store.syncNow();
    // After a restart this node must know of every set that it may have acknowledged with.
    const union = [...new Set([...positions.counted, ...set])];
    await local.recordSet(union, positions.setEpoch);
    if (this.#leading !== leading) return;
    this.#logger.info('a change of the in-sync set is proposed', { set, reason });
    const { epoch } = store;
    const outcome = await this.#authority.proposeSet({
      epoch,
      setEpoch: positions.setEpoch,
      set,
      reason,
    });
    if (this.#leading !== leading) return;
    leading.quietUntilMs = this.#clock.monotonicMs() + checkMs;
    if (outcome === 'unknown') {
      // The proposal stays in the union; the next view of the authority tells what became of it.
      leading.quietUntilMs = this.#clock.monotonicMs() + 1000;
      return;
    }
    if ('refused' in outcome) {
      this.#logger.warn('a change of the in-sync set is refused', { set, why: outcome.refused });
      leading.quietUntilMs = this.#clock.monotonicMs() + 1000;
      return;
    }
    await this.#confirm(leading, outcome.confirmed.set, outcome.confirmed.setEpoch, reason);
  }

  /** The authority says what the set is: by the answer to a proposal, or in a view. */
  async confirm(set: readonly BrokerId[], setEpoch: number): Promise<void> {
    const leading = this.#leading;
    if (leading === undefined) return;
    await this.#confirm(leading, set, setEpoch, 'the authority says so');
  }

  async #confirm(
    leading: Leading,
    set: readonly BrokerId[],
    setEpoch: number,
    reason: string,
  ): Promise<void> {
    const { local } = leading;
    const { store } = local;
    if (setEpoch <= store.positions.setEpoch) return;
    const nowMs = this.#clock.monotonicMs();
    for (const member of store.positions.confirmed) {
      const follower = leading.followers.get(member);
      if (follower !== undefined && !set.includes(member)) {
        follower.mayJoinFromMs = nowMs + this.#limits.hysteresisMs;
      }
    }
    // Before it counts: after a restart the node must know of every set it may have acknowledged with.
    await local.recordSet(set, setEpoch);
    if (this.#leading !== leading || setEpoch <= store.positions.setEpoch) return;
    store.positions.confirm(set, setEpoch);
    this.#logger.info('the in-sync set changed', { set, setEpoch, reason });
    store.pointsMoved();
    this.#link?.pointsMoved();
  }
}
