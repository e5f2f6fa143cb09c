import { describeError, isFailure } from '../../../src/base/index.ts';
import type { BrokerOptions } from '../../../src/broker/options.ts';
import { NameServer } from '../../../src/nameserver/index.ts';
import { ProcessDied, type SimLogLine, type SimRandom, SimWorld } from '../ports/index.ts';
import { Actor } from './actor.ts';
import { chooseFaults, Disturbances, type FaultPlan } from './disturbances.ts';
import { PositionWatch } from './inspection.ts';
import { Model } from './model.ts';
import { brokerPort, smallBroker, storeFolder } from './options.ts';
import { Prober } from './prober.ts';
import { type PortWrappers, SimBroker } from './sim-broker.ts';
import { NoAnswer, Verification } from './verification.ts';
import { Violation } from './violation.ts';
import { WireClient } from './wire-client.ts';

export interface SeedOptions {
  readonly lives?: number;
  readonly keepTrace?: boolean;
  readonly wrappers?: PortWrappers;
}

export interface SeedReport {
  readonly seed: number;
  readonly violation: Violation | undefined;
  readonly simulatedMs: number;
  readonly powerLosses: number;
  readonly kills: number;
  readonly starts: number;
  readonly actions: number;
  readonly traceHash: string;
  readonly traceLines: readonly string[] | undefined;
}

const defaultLives = 16;
const nameServerName = 'nameserver';
const nameServerPort = 9876;

/** One broker, its clients, and all that happens to them under one seed. Does not throw: what is wrong is in the report. */
export async function runSeed(seed: number, options: SeedOptions = {}): Promise<SeedReport> {
  const run = new Run(seed, options);
  const unhandled = (error: unknown): void => {
    if (!(error instanceof ProcessDied)) run.noteViolation(error);
  };
  process.on('unhandledRejection', unhandled);
  let violation: Violation | undefined;
  try {
    await run.live();
  } catch (error) {
    violation = violationOf(error);
  } finally {
    process.off('unhandledRejection', unhandled);
  }
  return { ...run.report(), violation };
}

function violationOf(error: unknown): Violation {
  if (error instanceof Violation) return error;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new Violation('bug', text);
}

/** Some brokers forget almost everything, some nothing. */
function sizesOf(random: SimRandom): Partial<BrokerOptions> {
  const chance = random.fraction();
  if (chance < 0.2) return { maxStoreBytes: 0 };
  if (chance < 0.6) return { maxStoreBytes: 20 * 1024, cleanIntervalMs: 20 };
  return { maxStoreBytes: 64 * 1024 };
}

/** How a life of the broker ends. */
type End = 'powerLoss' | 'kill' | 'plannedCrash' | 'stop';

/** How long after a failed fsync of the log a broker may go on: less than anything it does by itself. */
const failingMs = 50;
const hoursOfDay = Array.from({ length: 24 }, (_, hour) => hour);

class Run {
  readonly #seed: number;
  readonly #world: SimWorld;
  readonly #random: SimRandom;
  readonly #faults: FaultPlan;
  readonly #broker: SimBroker;
  readonly #actors: readonly Actor[];
  readonly #prober: Prober;
  readonly #model = new Model();
  readonly #verification: Verification;
  readonly #disturbances: Disturbances;
  readonly #lives: number;
  readonly #hasNameServer: boolean;
  /** While a process serves, and after its death until the next begins to start. */
  #watch: PositionWatch | undefined;
  #violation: Violation | undefined;
  #powerLosses = 0;
  #kills = 0;
  #starts = 0;
  /** How the last process that served died: how far its log was synced, and whether power was lost since. */
  #death = { synced: 0, powerLost: false };
  /** Databases that were lost: each may have to be rebuilt again until it is flushed. */
  #lost: readonly string[] = [];
  /** A bit flipped in this file: from then on the broker may refuse to start, and tell of damage. */
  #flipped: string | undefined;
  #toldOfDamage = false;

  constructor(seed: number, options: SeedOptions) {
    this.#seed = seed;
    this.#world = new SimWorld(seed, {
      keepTrace: options.keepTrace ?? false,
      log: (line) => this.#logged(line),
    });
    this.#random = this.#world.random.fork('run');
    const random = this.#random;
    this.#lives = options.lives ?? defaultLives;
    this.#hasNameServer = random.chance(0.15);
    const expiresByAge = random.chance(0.3);
    const brokerOptions = smallBroker({
      flushDiskType: random.chance(0.5) ? 'SYNC_FLUSH' : 'ASYNC_FLUSH',
      autoCreateTopics: random.chance(0.8),
      keyIndex: random.chance(0.8),
      flushIntervalMs: random.chance(0.5) ? 50 : 300,
      definitionTimeoutMs: random.chance(0.2) ? 5 : 3000,
      syncFlushTimeoutMs: random.chance(0.2) ? 5 : 5000,
      ...(expiresByAge ? { deleteHours: hoursOfDay, reservedTimeMs: 3_600_000 } : {}),
      ...sizesOf(random),
      ...(this.#hasNameServer
        ? { nameServers: [{ host: nameServerName, port: nameServerPort }] }
        : {}),
    });
    this.#broker = new SimBroker(this.#world, brokerOptions, options.wrappers);
    this.#faults = chooseFaults(this.#world.random.fork('faults'));
    this.#disturbances = new Disturbances(
      this.#faults,
      this.#world,
      this.#broker.node,
      this.#world.random.fork('disturbances'),
    );
    this.#watchNode();
    const client = (name: string): WireClient =>
      new WireClient(this.#world.node(name), { host: 'broker', port: brokerPort }, (text) =>
        this.#world.trace.note(text),
      );
    const insight = {
      logEnd: () => this.#broker.local?.store.log.end ?? Number.MAX_SAFE_INTEGER,
      applied: () => this.#broker.local?.store.tables.appliedPosition ?? 0,
      expectsRefusals: () => this.#disturbances.explainsRefusals,
    };
    this.#actors = ['a', 'b'].map(
      (name) =>
        new Actor(
          {
            name,
            syncFlush: brokerOptions.flushDiskType === 'SYNC_FLUSH',
            autoCreateTopics: brokerOptions.autoCreateTopics,
            defaultQueues: brokerOptions.defaultTopicQueues,
            maxBodyBytes: 1500,
          },
          {
            model: this.#model,
            client: client(`client-${name}`),
            random: this.#world.random.fork(`actor ${name}`),
            insight,
          },
        ),
    );
    this.#verification = new Verification(
      this.#model,
      () => client('verifier'),
      () => this.#disturbances.hasBeenFull,
    );
    this.#prober = new Prober(
      this.#model,
      () => client('prober'),
      this.#world.random.fork('prober'),
    );
  }

  noteViolation(error: unknown): void {
    this.#violation ??= violationOf(error);
  }

  report(): Omit<SeedReport, 'violation'> {
    const { trace } = this.#world;
    return {
      seed: this.#seed,
      simulatedMs: this.#world.nowMs,
      powerLosses: this.#powerLosses,
      kills: this.#kills,
      starts: this.#starts,
      actions: this.#actors.reduce((sum, { actions }) => sum + actions, 0),
      traceHash: trace.hash,
      traceLines: trace.lines,
    };
  }

  async live(): Promise<void> {
    if (this.#hasNameServer) await this.#startNameServer();
    for (let life = 1; life < this.#lives; life++) await this.#oneLife(false);
    await this.#oneLife(this.#faults.bitFlip);
    if (this.#flipped !== undefined) await this.#afterBitFlip(this.#flipped);
  }

  async #startNameServer(): Promise<void> {
    const { clock, network, disk, logger } = this.#world.node(nameServerName);
    const ports = { clock, network, disk, logger };
    const options = { listenPort: nameServerPort, kvConfigPath: '/kvConfig.json' };
    await this.#settle(NameServer.start(options, ports));
  }

  async #oneLife(isLast: boolean): Promise<void> {
    const random = this.#random;
    const { node } = this.#broker;
    if (random.chance(0.2)) this.#planCrash(60);
    if (!(await this.#start())) return await this.#buryDead();
    if (!(await this.#verify())) return await this.#buryDead();
    const end = isLast ? 'stop' : this.#chooseEnd();
    if (end === 'plannedCrash') this.#planCrash(40);
    const stop = new AbortController();
    const acting = Promise.all(
      this.#actors.flatMap((actor) =>
        [0, 1].map(() => actor.act(stop.signal, { pauseMs: random.between(0.5, 4) })),
      ),
    );
    acting.catch((error: unknown) => this.noteViolation(error));
    const forMs = random.chance(0.85) ? random.between(2, 40) : random.between(40, 400);
    this.#disturbances.plan(forMs);
    await this.#run({ forMs, until: () => !node.alive || this.#broker.failed !== undefined });
    if (this.#disturbances.hasBeenFull && random.chance(0.4)) {
      stop.abort();
      await this.#expectRoom(acting);
    }
    let stoppedWell = false;
    if (node.alive && end === 'stop') {
      // Under load, but not for ever.
      this.#world.schedule(random.between(0, 10), () => stop.abort());
      stoppedWell = await this.#stopBroker();
    }
    // Without faults the synced mark was written at the stop; above it damage is a torn tail.
    const isMarked =
      stoppedWell &&
      this.#broker.failed === undefined &&
      !this.#disturbances.hasFailedSync &&
      !this.#disturbances.explainsRefusals;
    const logEnd = this.#broker.local?.store.log.synced ?? 0;
    if (node.alive) node.crash({ powerLoss: end !== 'kill' });
    stop.abort();
    await this.#buryDead(acting);
    if (isLast && isMarked) this.#flipped = this.#disturbances.flipBit(logEnd);
  }

  /** P9: a broker that was full goes on, without a restart, once there is room again. */
  async #expectRoom(acting: Promise<unknown>): Promise<void> {
    const { node } = this.#broker;
    const isOver = (): boolean => !node.alive || this.#broker.failed !== undefined;
    await this.#settle(acting, isOver);
    // Long enough for the broker to notice by itself.
    if (this.#disturbances.isDiskFull) await this.#run({ forMs: 250, until: isOver });
    this.#disturbances.makeRoom();
    await this.#run({ until: () => isOver() || !this.#disturbances.explainsRefusals });
    const [actor] = this.#actors;
    if (isOver() || actor === undefined) return;
    // Also when the broker dies meanwhile: the topic may have come to be.
    await this.#settle(actor.mustBeAccepted());
  }

  #chooseEnd(): End {
    const chance = this.#random.fraction();
    if (chance < 0.55) return 'powerLoss';
    if (chance < 0.68) return 'kill';
    return chance < 0.9 ? 'plannedCrash' : 'stop';
  }

  #planCrash(within: number): void {
    const random = this.#random;
    this.#broker.node.crashAt({
      afterOperations: 1 + random.below(within),
      when: random.chance(0.5) ? 'before' : 'after',
      powerLoss: random.chance(0.85),
    });
  }

  /** Returns false when there is no process that serves, for a reason that is no violation. */
  async #start(): Promise<boolean> {
    this.#starts++;
    this.#watch = undefined;
    if (this.#random.chance(0.2)) this.#probe();
    const outcome = await this.#broker.start(() => this.#violation !== undefined);
    this.#throwViolation();
    switch (outcome.type) {
      case 'crashed':
        return false;
      case 'failed':
        this.#failedToStart(outcome.error);
        return false;
      case 'serving':
        this.#serves();
        return true;
    }
  }

  #failedToStart(error: unknown): void {
    const { node } = this.#broker;
    const lacksRoom = this.#disturbances.isDiskFull && isFailure(error, 'unavailable');
    const isDamaged =
      this.#flipped !== undefined &&
      isFailure(error, 'corrupt') &&
      describeError(error).includes(storeFolder);
    if (isDamaged) this.#toldOfDamage = true;
    if (!lacksRoom && !isDamaged) {
      throw new Violation('P10', `the broker does not start: ${violationOf(error).message}`);
    }
    this.#disturbances.makeRoom();
    node.crash({ powerLoss: false });
  }

  #serves(): void {
    const { local } = this.#broker;
    if (local === undefined) throw new Error('a broker without a store');
    this.#watch = new PositionWatch(local.store);
    // An empty database is one that no flush came to; anything else that is set aside was lost, or is a bug.
    const unexpected = local.recovery.rebuilt.filter(
      (what) => !what.endsWith('is empty') && !this.#lost.some((name) => what.startsWith(name)),
    );
    if (unexpected.length > 0 && this.#flipped === undefined) {
      throw new Violation('invariant', `set aside without need: ${unexpected.join()}`);
    }
    const { synced, powerLost } = this.#death;
    this.#model.crashed(powerLost ? synced : Number.POSITIVE_INFINITY);
  }

  /** Questions to a broker that starts: it must not deny what it does not know yet. */
  #probe(): void {
    this.#prober.probe(this.#random.between(0, 60)).catch((error: unknown) => {
      this.noteViolation(error);
    });
  }

  /** Returns false when the process died meanwhile. */
  async #verify(): Promise<boolean> {
    const { node, local } = this.#broker;
    if (local === undefined) throw new Error('a broker without a store');
    const verified = this.#verification
      .run(local, { overWire: this.#random.chance(0.3), replay: this.#random.chance(0.3) })
      .then(
        () => true,
        (error: unknown) => {
          if (error instanceof NoAnswer) return false;
          throw error;
        },
      );
    return (await this.#settle(verified, () => !node.alive)) ?? false;
  }

  /** Returns whether the stop was done. */
  async #stopBroker(): Promise<boolean> {
    try {
      const stopped = await this.#broker.stop();
      this.#throwViolation();
      return stopped;
    } catch (error) {
      if (!this.#disturbances.hasFailedSync || !isFailure(error, 'corrupt')) throw error;
      return false;
    }
  }

  /** Damage is told of, with the file, or repaired; nothing wrong is served as if it were right. */
  async #afterBitFlip(path: string): Promise<void> {
    if (!(await this.#start())) return;
    if (path.startsWith(`${storeFolder}/commitlog/`)) {
      await this.#run({ forMs: 5000, until: () => this.#toldOfDamage });
      if (this.#toldOfDamage) return;
    }
    try {
      await this.#verify();
    } catch (error) {
      if (!this.#toldOfDamage) throw error;
    }
  }

  /** Waits until all clients know, and begins a new process. */
  async #buryDead(acting: Promise<unknown> = Promise.resolve()): Promise<void> {
    const { node } = this.#broker;
    if (node.alive) throw new Error('buried alive');
    for (const name of ['verifier', 'prober']) this.#world.network.cut(name, 'broker');
    if (this.#random.chance(0.8)) {
      for (const { nodeName } of this.#actors) this.#world.network.cut(nodeName, 'broker');
    }
    await this.#settle(acting);
    await this.#run({ forMs: 10 });
    this.#lost = [...this.#lost, ...this.#disturbances.between()];
    node.restart();
  }

  /** Learns of the death of each process just before it happens, and of what its events throw. */
  #watchNode(): void {
    const { node } = this.#broker;
    node.onError = (error) => this.noteViolation(error);
    const crash = node.crash.bind(node);
    node.crash = (how) => {
      if (node.alive) this.#crashed(how);
      crash(how);
    };
  }

  #crashed(how: { readonly powerLoss: boolean }): void {
    if (how.powerLoss) this.#powerLosses++;
    else this.#kills++;
    if (this.#watch !== undefined) {
      const synced = this.#broker.local?.store.log.synced ?? 0;
      this.#death = { synced, powerLost: how.powerLoss };
    } else if (how.powerLoss) {
      // What survived the crash before was perhaps not synced yet.
      this.#death.powerLost = true;
    }
  }

  async #run(limits: { readonly forMs?: number; readonly until?: () => boolean }): Promise<void> {
    await this.#world.run({
      ...limits,
      until: () => {
        if (this.#broker.node.alive) this.#checkAlways();
        return this.#violation !== undefined || (limits.until?.() ?? false);
      },
    });
    this.#throwViolation();
  }

  #checkAlways(): void {
    this.#watch?.check();
    const failedAtMs = this.#disturbances.logSyncFailedAtMs;
    if (failedAtMs === undefined || this.#broker.failed !== undefined) return;
    if (this.#world.nowMs > failedAtMs + failingMs && this.#broker.isServing) {
      throw new Violation('P9', 'an fsync of the log failed, and the broker goes on');
    }
  }

  /** Runs the world until the promise settles; undefined when `gaveUp` before that. */
  async #settle<T>(
    promise: Promise<T>,
    gaveUp: () => boolean = () => false,
  ): Promise<T | undefined> {
    let result: { readonly value: T } | undefined;
    promise.then(
      (value) => {
        result = { value };
      },
      (error: unknown) => this.noteViolation(error),
    );
    await this.#run({ until: () => result !== undefined || gaveUp() });
    if (result === undefined && !gaveUp()) throw new Error('nothing happens any more');
    return result?.value;
  }

  #throwViolation(): void {
    if (this.#violation !== undefined) throw this.#violation;
  }

  /** A bug that is caught and logged is a bug. */
  #logged(line: SimLogLine): void {
    if (line.node !== 'broker') return;
    const { error } = line.fields;
    if (this.#flipped !== undefined && isFailure(error, 'corrupt')) this.#toldOfDamage = true;
    if (error instanceof Error && !isFailure(error)) this.noteViolation(error);
  }
}
