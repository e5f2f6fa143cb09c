import {
  type Address,
  type Epoch,
  epoch as epochOf,
  Failure,
  formatAddress,
  isFailure,
  type PhysicalOffset,
} from '../../base/index.ts';
import {
  type Difference,
  type Ending,
  FollowerSession,
  LeaderLink,
  type LeaderWord,
} from '../../replication/link/index.ts';
import type { LocalStore, StoreInstall } from '../../views/index.ts';
import {
  type GroupAuthority,
  type GroupView,
  isMasterOf,
  type MasterView,
  type ReplicaReport,
} from './authority.ts';
import { Changes } from './changes.ts';
import { isDamage } from './damage.ts';
import { FollowerSide } from './follower-side.ts';
import { InstallSide } from './install-side.ts';
import { LeaderSide } from './leader-side.ts';
import type { ReplicaHost, ReplicaOptions, ReplicaPorts, ReplicaRole } from './replica-host.ts';

const retryMs = 100;
const longestRetryMs = 1000;
/** Whoever was elected that short a time ago may still be on its way: it waits for its followers. */
const newViewMs = 3000;
/** What a person must look at is tried again all the same: it may have been mended. */
const refusedRetryMs = 5000;

/**
 * One replica through its roles (design sections 6.1 and 6.4): it opens its store, leads when an epoch was granted to
 * this start of it, and follows whoever leads else. A leader that is one no more lets go of its store and opens it
 * again as a follower, so that nothing of what it had pending stays anywhere.
 */
export class Replica {
  /** What `report` says is something else now. */
  onReportChanged: () => void = () => {};
  readonly #options: ReplicaOptions;
  readonly #host: ReplicaHost;
  readonly #authority: GroupAuthority;
  readonly #ports: ReplicaPorts;
  readonly #leader: LeaderSide;
  #link: LeaderLink | undefined;
  #local: LocalStore | undefined;
  #cutTo: PhysicalOffset | undefined;
  /** The store here is none to follow with: a snapshot and the whole log of a leader must be installed. */
  #mustInstall = false;
  /** Of a store that must be replaced, or is being. */
  #install: StoreInstall | undefined;
  /** It was replaced: it lacks what was acknowledged while it had more, until it has all that is committed now. */
  #isBehind = false;
  /** This process has replaced its store before. */
  #hasInstalled = false;
  /** What the store that is to be replaced has applied: acknowledged by whoever led. */
  #applied: PhysicalOffset | undefined;
  #session: FollowerSession | undefined;
  #role: ReplicaRole = 'waiting';
  /** Highest epoch that was seen anywhere; a leader of a lower one is over. */
  #seen: Epoch = epochOf(0);
  /** Monotonic. */
  #viewSinceMs = 0;
  #isStopping = false;
  #isLossless = true;
  /** What a stop or whoever removed the store took from this replica is not made good yet. */
  #isLacking = false;
  #hasLed = false;
  #damage: Failure | undefined;
  /** It is not noted in the store for certain, and the next start would not look there. */
  #unmarked: Failure | undefined;
  /** It is being noted. */
  #marking: Promise<void> = Promise.resolve();
  readonly #changes = new Changes();
  #running: Promise<void> | undefined;
  readonly #stop = new AbortController();

  constructor(
    options: ReplicaOptions,
    host: ReplicaHost,
    authority: GroupAuthority,
    ports: ReplicaPorts,
  ) {
    this.#options = options;
    this.#host = host;
    this.#authority = authority;
    this.#ports = ports;
    this.#leader = new LeaderSide(options.self, authority, options.limits, ports);
    this.#leader.onHigherEpoch = (epoch) => this.#sawEpoch(epoch);
    this.#leader.examine = async (local) => (await local.scrub()) === undefined;
    this.#leader.onDamage = (local, damage) => this.#damageFound(local, damage, 'log');
    authority.onView = (view) => this.#onView(view);
  }

  get role(): ReplicaRole {
    return this.#role;
  }

  get leader(): LeaderSide {
    return this.#leader;
  }

  get local(): LocalStore | undefined {
    return this.#local;
  }

  get haAddress(): Address | undefined {
    return this.#link?.address;
  }

  /** The leader that it follows, or tries to. */
  get masterHaAddress(): string | undefined {
    const master = this.#authority.view?.master;
    return master && formatAddress(master.haAddress);
  }

  get isFollowing(): boolean {
    return this.#session?.isFollowing ?? false;
  }

  /** The last word of the leader that it follows. */
  get heard(): LeaderWord | undefined {
    return this.#session?.heard;
  }

  /** What is damaged here; undefined once it is replaced. */
  get damage(): Failure | undefined {
    return this.#damage;
  }

  /** It holds all that it ever wrote, as far as it knows: nothing was lost, or that was made good. */
  get isUnscathed(): boolean {
    return !this.#isLacking;
  }

  /** Opens the store and the port for followers. */
  async open(): Promise<void> {
    const { listenAt, identity, link } = this.#options;
    if (listenAt !== undefined) {
      this.#link = await LeaderLink.listen(listenAt, identity, this.#leader, link, this.#ports);
      this.#leader.link = this.#link;
    }
    try {
      const local = await this.#openStore();
      // What is empty may have held something once, which nobody here would know of.
      this.#isLossless = local.lossless && local.store.log.end > 0;
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#isLossless = false;
      await this.#openInstall().catch((inTheWay: unknown) => {
        if (!isDamage(inTheWay)) throw inTheWay;
        this.#noteDamage(inTheWay);
      });
    }
    this.#isLacking = !this.#isLossless;
  }

  /** Takes on whatever role the authority gives, until `stop`. */
  start(): void {
    this.#running = this.#run();
  }

  /** What this replica says of itself. */
  report(): ReplicaReport {
    const { incarnation } = this.#options.identity;
    const store = this.#local?.store;
    const group = this.#local?.group ?? this.#install?.group;
    return {
      incarnation,
      lossless: this.#isLossless,
      complete: store !== undefined && !this.#mustInstall && !this.#isBehind,
      lastEpoch: store?.log.epochs.at(-1)?.epoch ?? epochOf(0),
      end: store?.log.end ?? (0 as ReplicaReport['end']),
      promisedEpoch: group?.promisedEpoch ?? epochOf(0),
      highestEpoch: group?.promisedEpoch ?? epochOf(0),
      highestSetEpoch: group?.setEpoch ?? 0,
      set: group?.members ?? [],
    };
  }

  /** Closes the store, cleanly unless it failed. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#stop.abort();
    this.#changes.noted();
    this.#session?.stop('this node stops');
    await this.#running;
    this.#setRole('stopping');
    try {
      await this.#install?.abandon();
      await this.#local?.close();
    } finally {
      this.#leader.end('this node stops');
      await this.#link?.close();
    }
  }

  /** Lets go without writing any more. */
  async abandon(): Promise<void> {
    this.#isStopping = true;
    this.#stop.abort();
    this.#changes.noted();
    this.#session?.stop('this node stops');
    this.#leader.end('this node failed');
    this.#setRole('stopping');
    try {
      await this.#install?.abandon();
      await this.#local?.abandon();
    } finally {
      await this.#link?.close();
    }
  }

  #onView(view: GroupView): void {
    this.#viewSinceMs = this.#ports.clock.monotonicMs();
    this.#sawEpoch(view.epoch);
    const isKnown = view.lossy?.includes(this.#options.self);
    if (isKnown && this.#local !== undefined) this.#lossKnown(this.#local);
    if (this.#role === 'master' || this.#role === 'becomingMaster') {
      if (view.epoch === this.#local?.store.epoch) {
        this.#leader.confirm(view.set, view.setEpoch).catch((error: unknown) => {
          this.#ports.logger.error('a change of the in-sync set failed', { error });
        });
      }
    }
    this.#changes.noted();
  }

  #sawEpoch(epoch: Epoch): void {
    if (epoch > this.#seen) this.#seen = epoch;
    this.#changes.noted();
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#ports;
    let waitMs = retryMs;
    let told = '';
    while (!this.#isStopping) {
      try {
        const { view } = this.#authority;
        const isGood = await this.#turn();
        if (this.#authority.view !== view) continue; // Another role: what is over needs no pause.
        const isNew = clock.monotonicMs() - this.#viewSinceMs < newViewMs;
        waitMs = isGood || isNew ? retryMs : Math.min(2 * waitMs, longestRetryMs);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        if (this.#isStopping) return;
        if (this.#host.roleFailed(error) === 'giveUp') return;
        const isNews = error.message !== told && error !== this.#damage;
        if (isNews) logger.error('a role could not be taken on', { error });
        told = error.message;
        waitMs = longestRetryMs;
      }
      if (!this.#isStopping) await clock.sleep(waitMs, this.#stop.signal);
    }
  }

  /** One role until it is over; false when nothing came of it. */
  async #turn(): Promise<boolean> {
    const view = this.#authority.view;
    const master = view?.master;
    if (view === undefined || master === undefined) {
      if (this.#role !== 'slave') this.#setRole('waiting');
      // Whoever let go of its store still says what it holds: others are elected, or not, by that.
      const isClosed = this.#local === undefined && this.#install === undefined;
      if (isClosed && !this.#mustInstall) {
        await this.#openStore();
        this.onReportChanged();
      }
      await this.#until(() => this.#authority.view !== view);
      return true;
    }
    const { self, identity } = this.#options;
    if (master.broker !== self) return await this.#follow(master);
    if (master.incarnation !== undefined && master.incarnation !== identity.incarnation) {
      // An epoch that was granted to an earlier start of this node (rule 1).
      await this.#until(() => this.#authority.view !== view);
      return true;
    }
    await this.#lead(view);
    return true;
  }

  async #lead(view: GroupView): Promise<void> {
    const { logger } = this.#ports;
    const { identity } = this.#options;
    const { epoch, setEpoch, set: members } = view;
    if (this.#install !== undefined) {
      logger.error('elected, but the store here is to be replaced', { epoch, error: this.#damage });
      await this.#until(() => this.#authority.view !== view);
      return;
    }
    // An epoch is led once: after it was lost, this node waits for another one.
    const local = this.#hasLed ? await this.#reopen() : await this.#openStore();
    if (epoch < local.promisedEpoch || epoch < this.#seen) {
      await this.#until(() => this.#authority.view !== view);
      return;
    }
    this.#hasLed = true;
    this.#setRole('becomingMaster');
    const { incarnation } = identity;
    const leading = local.lead({ epoch, incarnation, members, setEpoch });
    this.#leader.begin(local);
    // Frozen: the epoch was granted by somebody who did not know all.
    const isOver = (): boolean =>
      this.#isStopping || this.#seen > epoch || this.#authority.view?.frozen !== undefined;
    const outcome = await Promise.race([
      leading.then(
        () => 'leads' as const,
        (error: unknown) => ({ error }),
      ),
      this.#until(isOver).then(() => 'over' as const),
    ]);
    try {
      if (outcome === 'leads') {
        this.#madeGood(local);
        await this.#host.lead(local);
        this.#setRole('master');
        if (this.#damage !== undefined) this.#host.leadsDamaged();
        await this.#until(isOver);
      } else if (outcome !== 'over') {
        throw outcome.error;
      }
    } finally {
      leading.catch(() => {}); // Told above, or over.
      if (!this.#isStopping) {
        logger.warn('leads no more', { epoch, seen: this.#seen });
        this.#leader.end('this node leads no more');
        await this.#closeStore();
      }
    }
  }

  async #follow(master: MasterView): Promise<boolean> {
    if (this.#mustInstall) return await this.#repair(master);
    const { logger } = this.#ports;
    const { identity, link } = this.#options;
    const local = this.#hasLed ? await this.#reopen() : await this.#openStore();
    this.#host.follow(local, master);
    this.#setRole('slave');
    const side = new FollowerSide(local, () => !this.#isMarked(local), this.#ports.clock);
    const session = new FollowerSession(identity, side, link, this.#ports);
    side.attach(session);
    let hasJoined = false;
    side.onJoined = (join, epoch) => {
      hasJoined = true;
      const leader = formatAddress(master.haAddress);
      logger.info('follows', { leader, epoch, position: join.position });
    };
    side.onDiffers = (from) => void this.#differsFromLeader(local, from);
    // The leader may be gone before it says C again: it counts this node as soon as it has synced all below.
    let known = 0 as PhysicalOffset;
    side.onSynced = () => this.#committed(local, known);
    side.onCommitPoint = (commitPoint) => {
      known = commitPoint;
      this.#committed(local, known);
    };
    const ending = await this.#runSession(session, master, () => this.#mustInstall);
    side.detach();
    if (this.#isStopping) return true;
    await this.#after(ending, master, hasJoined);
    return hasJoined && ending.kind !== 'full';
  }

  /** C of an epoch says what is committed once it has passed the record that begins it. */
  #committed(local: LocalStore, commitPoint: PhysicalOffset): void {
    const { store } = local;
    if (!this.#isLacking && !local.group.lossy) return;
    if (store.log.synced < commitPoint) return;
    const newest = store.log.epochs.at(-1);
    if (newest?.epoch !== store.epoch || commitPoint <= newest.start) return;
    this.#madeGood(local);
    if (!this.#isBehind) return;
    this.#isBehind = false;
    this.onReportChanged();
  }

  /** What an earlier stop lost is not made good: a controller says so, or without one this replica itself. */
  #isMarked(local: LocalStore): boolean {
    return this.#authority.view?.lossy?.includes(this.#options.self) ?? local.group.lossy;
  }

  #madeGood(local: LocalStore): void {
    this.#isLacking = false;
    this.#lossKnown(local);
  }

  /** Later starts need not say any more what this one lost. */
  #lossKnown(local: LocalStore): void {
    local.lossKnown().catch((error: unknown) => {
      this.#ports.logger.warn('that a loss is known could not be noted', { error });
    });
  }

  async #runSession(
    session: FollowerSession,
    master: MasterView,
    isOver: () => boolean,
  ): Promise<Ending> {
    this.#session = session;
    const mustEnd = (): boolean =>
      this.#session !== session || !isMasterOf(this.#authority.view, master) || isOver();
    void this.#until(mustEnd).then(() => session.stop('another role'));
    const ending = await session.run(master.haAddress);
    this.#session = undefined;
    this.#changes.noted();
    return ending;
  }

  /**
   * Replaces the store by that of its leader, from the beginning, since a leader sends it so; false when it did not come
   * to its end.
   */
  async #repair(master: MasterView): Promise<boolean> {
    const { identity, link, isElected } = this.#options;
    const install = await this.#openInstall();
    const newest = this.#authority.view?.epoch;
    // What it promised was of no higher epoch than is known to whoever elects (rule 4).
    if (install.hasForgotten && isElected && newest !== undefined) await install.promise(newest);
    const atLeast = isElected ? undefined : this.#applied;
    const side = new InstallSide(install, atLeast);
    const session = new FollowerSession(identity, side, link, this.#ports);
    side.session = session;
    const ending = await this.#runSession(session, master, () => false);
    if (this.#isStopping) return true;
    if (!install.isComplete) {
      if (install.hasReplaced || this.#damage !== undefined) await install.restart();
      else {
        // The store is whole, and may be wanted before anybody sends another one.
        this.#install = undefined;
        this.#mustInstall = false;
        await install.abandon();
      }
      await this.#after(ending, master, false);
      return false;
    }
    this.#install = undefined; // Whatever becomes of this: what does not end here begins anew.
    await install.finish();
    this.#isLossless = false;
    this.#isLacking = true;
    this.#hasInstalled = true;
    this.#isBehind = true;
    this.#applied = undefined;
    this.#mustInstall = false;
    this.#damage = undefined;
    return true;
  }

  async #openInstall(): Promise<StoreInstall> {
    this.#applied = this.#local?.store.tables.appliedPosition ?? this.#applied;
    await this.#marking;
    await this.#closeStore();
    this.#install ??= await this.#options.openInstall();
    if (this.#isStopping) {
      await this.#install.abandon();
      throw new Failure('closed', 'this node stops');
    }
    if (this.#unmarked !== undefined) await this.#install.markDamaged(this.#unmarked);
    this.#unmarked = undefined;
    return this.#install;
  }

  /** A check of a store in use found it. Whoever leads goes on with it; whoever follows does not count any more. */
  #damageFound(local: LocalStore, damage: Failure, what: 'log' | 'metadata'): void {
    if (local !== this.#local) return;
    this.#damage = damage;
    this.#unmarked = damage;
    this.#mustInstall = true;
    this.onReportChanged();
    this.#changes.noted();
    if (this.#role === 'master' || this.#role === 'becomingMaster') {
      if (what === 'metadata') this.#host.leadsDamaged();
      return;
    }
    this.#marking = local.markDamaged(damage).then(
      () => {
        this.#unmarked = undefined;
      },
      (error: unknown) => {
        this.#ports.logger.error('that the store is damaged could not be noted', { error });
      },
    );
  }

  /** The leader has checked itself. Whether this node finds where it is wrong or not, the leader's tables are the group's. */
  async #differsFromLeader(local: LocalStore, { sequence }: Difference): Promise<void> {
    const { logger } = this.#ports;
    logger.error('the leader holds other metadata at an equal position', { sequence });
    try {
      if ((await local.scrub()) !== undefined) return; // Found, and told.
      const message =
        `the metadata behind record ${sequence} are not those of the leader, although both nodes are at one with ` +
        'themselves; the database is kept as metadata.set-aside';
      this.#damageFound(local, new Failure('corrupt', message), 'metadata');
    } catch (error) {
      if (!isFailure(error)) throw error;
      // Who joins again is told again.
      logger.warn('the metadata could not be checked', { error });
      this.#session?.stop('its metadata could not be checked');
    }
  }

  /** What is damaged of the store that is open, if that can be told. */
  async #checkSelf(): Promise<Failure | undefined> {
    try {
      return await this.#local?.scrub();
    } catch (error) {
      if (!isFailure(error)) throw error;
      this.#ports.logger.warn('the metadata could not be checked', { error });
      return undefined;
    }
  }

  /** This store is opened no more: it is replaced as soon as somebody leads. */
  #noteDamage(damage: Failure): void {
    this.#mustInstall = true;
    this.onReportChanged();
    if (this.#damage?.message === damage.message) return;
    this.#damage = damage;
    const what = isFailure(damage, 'corrupt', 'installing')
      ? 'an installation did not end; it begins anew with the next leader'
      : 'this store is damaged; it does not lead, and stays as it is until a leader sends another one';
    this.#ports.logger.error(what, { error: damage });
  }

  async #after(ending: Ending, master: MasterView, hasJoined: boolean): Promise<void> {
    const { logger, clock } = this.#ports;
    const leader = formatAddress(master.haAddress);
    switch (ending.kind) {
      case 'lost':
      case 'full':
        logger.info('does not follow', { leader, why: ending.why });
        return;
      case 'cut':
        logger.warn('the log goes another way than the leader’s and is cut', {
          leader,
          position: ending.position,
        });
        await this.#closeStore();
        this.#cutTo = ending.position;
        return;
      case 'install':
        logger.warn('a snapshot and the whole log of the leader are installed', { leader });
        this.#mustInstall = true;
        this.onReportChanged();
        return;
      case 'refused':
        logger.error('cannot follow', { leader, why: ending.why });
        await clock.sleep(refusedRetryMs, this.#stop.signal);
        return;
      case 'failed':
        if (ending.failure.reason === 'unsafe') throw ending.failure;
        // Before it joined, it may as well be the master that is another one than before.
        if (isDamage(ending.failure) && (hasJoined || this.#options.isElected)) {
          const damage = (await this.#checkSelf()) ?? ending.failure;
          this.#unmarked = damage;
          this.#noteDamage(damage);
          // What the leader sent did not help: it must not be asked for all of it without a pause.
          if (this.#hasInstalled) await clock.sleep(refusedRetryMs, this.#stop.signal);
          return;
        }
        logger.error('cannot follow', { leader, error: ending.failure });
        await clock.sleep(refusedRetryMs, this.#stop.signal);
    }
  }

  async #openStore(): Promise<LocalStore> {
    if (this.#local !== undefined) return this.#local;
    const cutTo = this.#cutTo;
    this.#cutTo = undefined;
    let local: LocalStore;
    try {
      local = await this.#options.openStore(cutTo);
    } catch (error) {
      if (isDamage(error)) this.#noteDamage(error);
      throw error;
    }
    this.#local = local;
    local.maintenance.onDamage = (damage, what) => this.#damageFound(local, damage, what);
    this.#hasLed = false;
    if (local.promisedEpoch > this.#seen) this.#seen = local.promisedEpoch;
    this.#host.opened(local);
    return local;
  }

  async #reopen(): Promise<LocalStore> {
    await this.#closeStore();
    return await this.#openStore();
  }

  /** Without writing any more: what was pending is unknown to who waits for it. */
  async #closeStore(): Promise<void> {
    const local = this.#local;
    if (local === undefined) return;
    this.#local = undefined;
    await this.#host.leave(local);
    await local.abandon();
  }

  #setRole(role: ReplicaRole): void {
    if (this.#role === role) return;
    this.#role = role;
    this.#host.roleChanged(role);
  }

  /** Resolves when the condition holds, or at the stop. */
  async #until(condition: () => boolean): Promise<void> {
    await this.#changes.until(() => this.#isStopping || condition());
  }
}
