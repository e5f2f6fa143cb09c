import { brokerId, type Failure, isFailure } from '../../../src/base/index.ts';
import type { TestReplica } from '../../../src/broker/replication/test-group.ts';
import { TestGroup } from '../../../src/broker/replication/test-group.ts';
import { testOptions } from '../../../src/broker/test-broker.ts';
import {
  CleanBrokerData,
  RecoverGroup,
  RequestCode,
  ResponseCode,
  SwitchOver,
} from '../../../src/wire/index.ts';
import { ensure, Violation } from '../broker/violation.ts';
import { type FileInode, ProcessDied, type SimRandom, type SimWorld } from '../ports/index.ts';
import { Inspector } from './inspector.ts';

/** All faults have ended: so long it may take until every replica is there and counts again. */
const settleMs = 90_000;
/** It must stay so for so long. */
const calmMs = 4000;
const longestDownMs = 8000;
const wholeDiskBytes = 2 ** 40;

/** How often what happened. */
export interface Counts {
  kills: number;
  powerLosses: number;
  switchOvers: number;
  pauses: number;
  diskFaults: number;
  clockJumps: number;
  wipes: number;
  flips: number;
  recoveries: number;
}

/** A controller and its replicas, and what can be done to them, under one seed. */
export class Cluster {
  readonly group: TestGroup;
  readonly replicas: readonly TestReplica[];
  readonly inspector: Inspector;
  /** Acknowledged is what is synced: everybody may lose power at once. */
  readonly isSync: boolean;
  readonly random: SimRandom;
  /** Told what is done that the name of a fault does not say. */
  onNote: (what: string) => void = () => {};
  readonly counts: Counts = {
    ...{ kills: 0, powerLosses: 0, switchOvers: 0, pauses: 0, diskFaults: 0, clockJumps: 0 },
    ...{ wipes: 0, flips: 0, recoveries: 0 },
  };
  /** Counts the starts of a replica that were asked for; one that is down has none. */
  readonly #lives = new Map<TestReplica, number>();
  readonly #down = new Set<TestReplica>();
  readonly #fullDisks = new Set<TestReplica>();
  /** Until when somebody may be told that an fsync failed. */
  readonly #failingSyncs = new Map<TestReplica, number>();
  /** When a process ended itself last, as it must after such a failure. */
  endedMs = Number.NEGATIVE_INFINITY;
  /** The controller was made to forget something. */
  mayFreeze = false;
  #isControllerDown = false;
  #controllerStarts = 0;
  #hasLost = false;
  readonly #cuts = new Map<string, number>();
  #problem: { readonly error: unknown } | undefined;

  static async start(
    seed: number,
    size: number,
    random: SimRandom,
    isSync: boolean,
    maxStoreBytes: number,
  ): Promise<Cluster> {
    const group = new TestGroup(seed);
    const names = ['one', 'two', 'three'].slice(0, size);
    const replicas = await group.controlled(names, {
      flushDiskType: isSync ? 'SYNC_FLUSH' : 'ASYNC_FLUSH',
      controllerHeartbeatMs: 500,
      cleanIntervalMs: 1000,
      maxStoreBytes,
    });
    const cluster = new Cluster(group, replicas, random, isSync);
    for (const replica of replicas) cluster.start(replica);
    await cluster.settled();
    return cluster;
  }

  private constructor(
    group: TestGroup,
    replicas: readonly TestReplica[],
    random: SimRandom,
    isSync: boolean,
  ) {
    this.group = group;
    this.replicas = replicas;
    this.random = random;
    this.isSync = isSync;
    this.inspector = new Inspector({ mayLoseMemory: isSync });
    group.onLine = ({ node, message }) => {
      if (message === cutMessage) {
        this.#cuts.set(node, (this.#cuts.get(node) ?? 0) + 1);
        this.inspector.cut(node);
      }
      if (message === installedMessage) this.inspector.installed(node);
      if (message.startsWith(damageMessage)) this.inspector.foundDamage(node);
    };
    for (const replica of replicas) {
      replica.onFailed = (failure) => this.#failed(replica, failure);
    }
  }

  get world(): SimWorld {
    return this.group.world;
  }

  /** The seed ends with this. */
  fail(error: unknown): void {
    this.#problem ??= { error };
  }

  /** Runs for so long, or until something holds; whether it does. Throws a violation that any event leads to. */
  async run(forMs: number, until: () => boolean = () => false): Promise<boolean> {
    await this.world.run({ forMs, until: () => this.#checked(until) });
    return this.#checked(until);
  }

  /** Runs until the promise settles. */
  async complete<T>(promise: Promise<T>, forMs = settleMs): Promise<T> {
    return await this.world.complete(promise, { forMs, until: () => this.#checked(() => false) });
  }

  #checked(until: () => boolean): boolean {
    if (this.#problem !== undefined) throw this.#problem.error;
    this.inspector.check();
    return until();
  }

  // Who is who.

  /** Of the latest epoch, while it serves. */
  get master(): TestReplica | undefined {
    const newest = this.inspector.newestMaster;
    return this.replicas.find(({ name }) => name === newest?.name);
  }

  get slaves(): readonly TestReplica[] {
    return this.replicas.filter((replica) => replica.role === 'slave' && !this.#down.has(replica));
  }

  isDown(replica: TestReplica): boolean {
    return this.#down.has(replica);
  }

  /** The set that the master has confirmed. */
  get set(): readonly number[] {
    const store = this.master && this.inspector.storeOf(this.master.name)?.store;
    return store?.role === 'leader' ? store.positions.confirmed : [];
  }

  /** The set that the controller has written down. */
  get controllerSet(): readonly number[] {
    return this.group.controller?.group(brokerName)?.set ?? [];
  }

  /** How often its log was cut at a handshake. */
  cutsOf({ name }: TestReplica): number {
    return this.#cuts.get(name) ?? 0;
  }

  /** Everybody is there and counts, and has all. */
  get isWhole(): boolean {
    const { master, set, replicas, inspector } = this;
    if (master === undefined || set.length !== replicas.length) return false;
    const { store } = inspector.storeOf(master.name) ?? {};
    if (store?.positions.counted.length !== set.length) return false;
    const applied = store.tables.appliedPosition;
    return replicas.every((replica) => {
      const { id, role } = replica;
      if (id === undefined || !set.includes(id)) return false;
      const isFollowing = replica.broker?.replica?.isFollowing === true;
      if (replica !== master && (role !== 'slave' || !isFollowing)) return false;
      return inspector.storeOf(replica.name)?.store.tables.appliedPosition === applied;
    });
  }

  // What happens to replicas.

  start(replica: TestReplica): void {
    const life = (this.#lives.get(replica) ?? 0) + 1;
    this.#lives.set(replica, life);
    this.#down.delete(replica);
    replica.starting().catch((error: unknown) => {
      if (this.#lives.get(replica) !== life || error instanceof ProcessDied) return;
      const hasReason = this.#fullDisks.has(replica) || this.#mayFailSyncs(replica);
      if (hasReason && isFailure(error)) this.kill(replica, { powerLoss: false, downMs: 1000 });
      else this.fail(new Violation('P10', `${replica.name} does not start: ${textOf(error)}`));
    });
  }

  /** Ends its process; it starts again by itself. */
  kill(
    replica: TestReplica,
    { powerLoss, downMs }: { readonly powerLoss: boolean; readonly downMs?: number | undefined },
  ): void {
    if (this.#down.has(replica)) return;
    this.#down.add(replica);
    this.#lives.set(replica, (this.#lives.get(replica) ?? 0) + 1);
    replica.crash({ powerLoss });
    this.inspector.crashed(replica.name);
    if (powerLoss) this.counts.powerLosses++;
    else this.counts.kills++;
    const life = this.#lives.get(replica);
    this.world.schedule(downMs ?? this.random.below(longestDownMs), () => {
      if (this.#lives.get(replica) === life) this.start(replica);
    });
  }

  /**
   * Takes what was written and not synced. Without SYNC_FLUSH only of a slave beside a living master, once a round: what
   * was acknowledged is in the memory of another machine then.
   */
  mayLosePower(replica: TestReplica): boolean {
    if (this.isSync) return true;
    const hasMaster = this.replicas.some(
      (other) => other.role === 'master' && !this.#down.has(other),
    );
    return replica.role === 'slave' && hasMaster && this.mayLoseOne();
  }

  /** One machine may lose what it has in a round; another one has it too. Says so once. */
  mayLoseOne(): boolean {
    if (this.#hasLost) return false;
    this.#hasLost = true;
    return true;
  }

  /** A new round: everybody has all again. */
  nextRound(): void {
    this.#hasLost = false;
  }

  /** It ends, and somebody removes its files. */
  async wipe(replica: TestReplica): Promise<void> {
    this.kill(replica, { powerLoss: false, downMs: longestDownMs });
    this.counts.wipes++;
    await this.complete(replica.node.disk.remove(replica.options.storePath));
    this.inspector.wiped(replica.name);
    if (this.#down.has(replica)) this.start(replica);
  }

  pause(replica: TestReplica, forMs: number): void {
    if (this.#down.has(replica)) return;
    this.counts.pauses++;
    const life = this.#lives.get(replica);
    replica.node.pause();
    this.world.schedule(forMs, () => {
      if (this.#lives.get(replica) === life) replica.node.resume();
    });
  }

  jumpClock(replica: TestReplica, byMs: number): void {
    this.counts.clockJumps++;
    replica.node.jumpWallClock(byMs);
  }

  fillDisk(replica: TestReplica, freeBytes: number, forMs: number): void {
    this.counts.diskFaults++;
    this.#fullDisks.add(replica);
    replica.node.drive.setFreeBytes(freeBytes);
    this.world.schedule(forMs, () => this.#emptyDisk(replica));
  }

  /** Its process must end at the first one (rule 8). */
  failSyncs(replica: TestReplica, forMs: number): void {
    this.counts.diskFaults++;
    this.#failingSyncs.set(replica, Number.POSITIVE_INFINITY);
    replica.node.drive.failSyncs(() => true);
    this.world.schedule(forMs, () => this.#mendSyncs(replica));
  }

  #emptyDisk(replica: TestReplica): void {
    this.#fullDisks.delete(replica);
    replica.node.drive.setFreeBytes(wholeDiskBytes);
  }

  #mendSyncs(replica: TestReplica): void {
    replica.node.drive.failSyncs(undefined);
    // Whoever was told of it still ends for it.
    if (this.#mayFailSyncs(replica)) this.#failingSyncs.set(replica, this.world.nowMs + 2500);
  }

  /** `lateMs`: of a process that stood still meanwhile. */
  #mayFailSyncs(replica: TestReplica, lateMs = 0): boolean {
    return (this.#failingSyncs.get(replica) ?? 0) + lateMs > this.world.nowMs;
  }

  #failed(replica: TestReplica, failure: Failure): void {
    if (this.#mayFailSyncs(replica, 20_000)) {
      this.endedMs = this.world.nowMs;
      this.kill(replica, { powerLoss: false });
    } else this.fail(new Violation('bug', `${replica.name} ends itself: ${textOf(failure)}`));
  }

  crashController(powerLoss: boolean, downMs = this.random.below(longestDownMs)): void {
    if (this.#isControllerDown) return;
    this.#isControllerDown = true;
    this.group.crashController({ powerLoss });
    const starts = this.#controllerStarts;
    this.world.schedule(downMs, () => {
      if (this.#controllerStarts === starts) {
        this.startController().catch((error: unknown) => this.fail(error));
      }
    });
  }

  async startController(): Promise<void> {
    this.#isControllerDown = false;
    this.#controllerStarts++;
    await this.group.startingController();
  }

  /** What its file holds now. */
  copyControllerFile(): Uint8Array {
    const file = this.#controllerFile;
    const bytes = new Uint8Array(file.current.size);
    file.current.read(bytes, 0);
    return bytes;
  }

  restoreControllerFile(bytes: Uint8Array): void {
    const file = this.#controllerFile;
    file.truncate(0);
    file.write(bytes, 0);
    file.sync(file.mark);
  }

  get #controllerFile(): FileInode {
    const inode = this.world.node('controller').drive.find('/controller/controller');
    if (inode?.type !== 'file') throw new Error('the controller has no file');
    return inode;
  }

  // What an operator does.

  /** Hands the group over, whatever comes of it. */
  switchOver(random: SimRandom): void {
    const master = this.replicas.find(({ role }) => role === 'master');
    const target = random.pick(this.replicas.filter((replica) => replica !== master)).id;
    if (master === undefined || target === undefined) return;
    const header = { brokerId: brokerId(target) };
    master.client.asking({ code: RequestCode.SWITCH_OVER, header: [SwitchOver, header] }).then(
      ({ code }) => {
        if (code === ResponseCode.SUCCESS) this.counts.switchOvers++;
      },
      () => {}, // It may be killed meanwhile.
    );
  }

  get frozen(): string | undefined {
    return this.group.controller?.group(brokerName)?.frozen;
  }

  /** Once; true when the group is out of its freeze. */
  async recover(): Promise<boolean> {
    try {
      const { code } = await this.complete(
        this.group.askingController({
          code: RequestCode.CONTROLLER_RECOVER_GROUP,
          header: [RecoverGroup, { brokerName }],
        }),
      );
      if (code === ResponseCode.SUCCESS) this.counts.recoveries++;
      return code === ResponseCode.SUCCESS;
    } catch (error) {
      if (!isFailure(error)) throw error;
      return false;
    }
  }

  /** Has the controller forget a replica whose files are gone for good. */
  async forget(id: number): Promise<void> {
    const header = { brokerName, brokerControllerIdsToClean: String(id) };
    try {
      await this.complete(
        this.group.askingController({
          code: RequestCode.CLEAN_BROKER_DATA,
          header: [CleanBrokerData, { ...header, isCleanLivingBroker: false }],
        }),
      );
    } catch (error) {
      if (!isFailure(error)) throw error;
    }
  }

  /** All faults end; resolves with the master when everybody is there and counts again, or fails. */
  async settled(): Promise<TestReplica> {
    this.heal();
    if (this.#isControllerDown) await this.complete(this.startController());
    for (const replica of [...this.#down]) this.start(replica);
    const endMs = this.world.nowMs + settleMs;
    while (this.world.nowMs < endMs) {
      await this.run(endMs - this.world.nowMs, () => this.isWhole || this.frozen !== undefined);
      // What was on its way before the faults ended, or is told late, comes first.
      const isLeft = (): boolean => !this.isWhole || this.frozen !== undefined;
      if (!isLeft() && !(await this.run(calmMs, isLeft))) break;
      const { frozen } = this;
      ensure(this.mayFreeze || frozen === undefined, 'liveness', () => `frozen: ${frozen}`);
      if (this.frozen !== undefined && !(await this.recover())) await this.run(1000);
    }
    if (!this.isWhole || this.master === undefined) {
      throw new Violation(
        'liveness',
        `not whole ${settleMs} ms after the last fault: ${this.describe()}`,
      );
    }
    return this.master;
  }

  /** Ends faults of the network and of disks; processes that are down stay so. */
  heal(): void {
    const { network } = this.world;
    network.heal();
    network.faults = { ...network.faults, breakChance: 0 };
    for (const replica of this.replicas) {
      this.#emptyDisk(replica);
      this.#mendSyncs(replica);
      replica.node.resume();
    }
  }

  describe(): string {
    const { set, master, frozen } = this;
    const roles = this.replicas.map((replica) => {
      const store = this.inspector.storeOf(replica.name)?.store;
      const state = this.#down.has(replica) ? 'down' : replica.role;
      return `${replica.name} (${replica.id}) ${state} applied ${store?.tables.appliedPosition} of ${store?.log.end}`;
    });
    return `${roles.join(', ')}; master ${master?.name}, set ${set.join()}, frozen: ${frozen}`;
  }
}

const { brokerName } = testOptions();
const damageMessage = 'this store is damaged';
const installedMessage = 'the store is installed';
const cutMessage = 'the log goes another way than the leader’s and is cut';

const textOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
