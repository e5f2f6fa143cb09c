import type { Clock, Disk, Logger, Network, Random } from '../../../src/base/index.ts';
import { SimClock, type WallTime } from './clock.ts';
import { SimDisk } from './disk.ts';
import { SimDrive } from './drive.ts';
import { SimKeyValueStores } from './key-value.ts';
import { SimLogger, type SimLogLine } from './logger.ts';
import { SimNetwork } from './network.ts';
import { ProcessDied, SimProcess } from './process.ts';
import { SimRandom } from './random.ts';
import { type RunLimits, Scheduler } from './scheduler.ts';
import { Trace } from './trace.ts';

export interface SimWorldOptions {
  /** Keeps the lines of the trace, to compare two runs. */
  readonly keepTrace?: boolean;
  readonly log?: (line: SimLogLine) => void;
}

/** Nodes with simulated time, drives and one network, all of whose luck follows from one seed. */
export class SimWorld {
  readonly random: SimRandom;
  readonly trace: Trace;
  readonly network: SimNetwork;
  readonly #scheduler: Scheduler;
  readonly #options: SimWorldOptions;
  readonly #nodes = new Map<string, SimNode>();
  #thrown: { readonly error: unknown } | undefined;

  constructor(seed: number | string, options: SimWorldOptions = {}) {
    this.#options = options;
    this.random = new SimRandom(seed);
    this.trace = new Trace({ keepLines: options.keepTrace ?? false });
    this.#scheduler = new Scheduler(this.trace);
    this.network = new SimNetwork(this.#scheduler, this.random.fork('network'), this.trace);
  }

  /** Milliseconds since the world began. */
  get nowMs(): number {
    return this.#scheduler.nowMs;
  }

  /** The node of this name, running; made when it is first asked for. */
  node(name: string): SimNode {
    let node = this.#nodes.get(name);
    if (node === undefined) {
      node = new SimNode(name, {
        scheduler: this.#scheduler,
        network: this.network,
        random: this.random.fork(name),
        trace: this.trace,
        log: this.#options.log,
        threw: (error) => {
          this.#thrown ??= { error };
        },
      });
      this.#nodes.set(name, node);
    }
    return node;
  }

  /** An event of the test's own. */
  schedule(delayMs: number, action: () => void): void {
    this.#scheduler.schedule(delayMs, 'test', undefined, action);
  }

  /**
   * Runs events until a limit is met or nothing is left to happen; returns how many. Fails with what an event of a
   * node threw, unless the node has an `onError`.
   */
  async run(limits: RunLimits = {}): Promise<number> {
    const count = await this.#scheduler.run({
      ...limits,
      until: () => this.#thrown !== undefined || (limits.until?.() ?? false),
    });
    const thrown = this.#thrown;
    this.#thrown = undefined;
    if (thrown !== undefined) throw thrown.error;
    return count;
  }

  /** Runs the world until the promise settles, and returns or throws as it does. */
  async complete<T>(promise: Promise<T>, limits: RunLimits = {}): Promise<T> {
    let settled = false;
    const done = (): void => {
      settled = true;
    };
    promise.then(done, done);
    await this.run({ ...limits, until: () => settled || (limits.until?.() ?? false) });
    if (!settled) throw new Error(`not done after ${this.nowMs} ms of simulated time`);
    return await promise;
  }
}

interface NodeParts {
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly random: SimRandom;
  readonly trace: Trace;
  readonly log: ((line: SimLogLine) => void) | undefined;
  readonly threw: (error: unknown) => void;
}

/** The wall clock at the start of a world: a day in 2024. */
const firstWallTimeMs = 1_718_000_000_000;

/**
 * A machine that runs one process at a time. `clock`, `disk` and the other ports are those of the present process;
 * code that holds on to the ports of a dead one waits for ever and changes nothing.
 */
export class SimNode {
  readonly name: string;
  /** What is stored, and its faults. */
  readonly drive: SimDrive;
  /** Called with what an event of the node threw, which otherwise ends `SimWorld.run`. */
  onError: ((error: unknown) => void) | undefined;
  readonly #parts: NodeParts;
  readonly #wallTime: WallTime = { offsetMs: firstWallTimeMs };
  #starts = 0;
  #boots = 1;
  #plannedPowerLoss = true;
  #ports: SimPorts;

  constructor(name: string, parts: NodeParts) {
    this.name = name;
    this.#parts = parts;
    this.drive = new SimDrive(parts.random.fork('drive'), () => {
      this.crash({ powerLoss: this.#plannedPowerLoss });
      throw new ProcessDied(name);
    });
    this.#ports = this.#start();
  }

  get alive(): boolean {
    return this.#ports.process.alive;
  }

  get clock(): Clock {
    return this.#ports.clock;
  }

  get disk(): Disk {
    return this.#ports.disk;
  }

  get keyValueStores(): SimKeyValueStores {
    return this.#ports.keyValueStores;
  }

  get network(): Network {
    return this.#ports.network;
  }

  get random(): Random {
    return this.#ports.random;
  }

  get logger(): Logger {
    return this.#ports.logger;
  }

  /** Of the simulated operating system: another one after each power loss. */
  get bootId(): string {
    return `${this.name}, boot ${this.#boots}`;
  }

  /** Ends the process. A power loss also takes what was not synced, or parts of it. */
  crash(options: { readonly powerLoss: boolean }): void {
    const { process } = this.#ports;
    if (!process.alive) return;
    this.#parts.trace.note(`${this.name} ${options.powerLoss ? 'loses power' : 'crashes'}`);
    process.die();
    if (options.powerLoss) this.#boots++;
    this.drive.crash(options);
    this.#parts.network.crashed(process, options);
  }

  /** Crashes at the operation of the drive that comes `afterOperations` later (1: the next). */
  crashAt(plan: {
    readonly afterOperations: number;
    readonly when: 'before' | 'after';
    readonly powerLoss: boolean;
  }): void {
    this.#plannedPowerLoss = plan.powerLoss;
    this.drive.planCrash(plan);
  }

  /** A new process with new ports, after a crash. */
  restart(): void {
    if (this.alive) throw new Error(`${this.name} is running`);
    this.#parts.trace.note(`${this.name} restarts`);
    this.#parts.network.restarted(this.name);
    this.#ports = this.#start();
  }

  /** The process stands still, as after SIGSTOP, until `resume` or the end of it. */
  pause(): void {
    this.#parts.trace.note(`${this.name} stands still`);
    this.#ports.process.pause();
  }

  resume(): void {
    if (!this.#ports.process.paused || !this.alive) return;
    this.#parts.trace.note(`${this.name} goes on`);
    this.#ports.process.resume();
  }

  /** Sets the wall clock forward or back. */
  jumpWallClock(byMs: number): void {
    this.#wallTime.offsetMs += byMs;
  }

  #start(): SimPorts {
    const { scheduler, network, trace, threw, log } = this.#parts;
    const random = this.#parts.random.fork(`start ${++this.#starts}`);
    const { name, drive } = this;
    const process = new SimProcess(name, scheduler, random.fork('calls'), (error) => {
      if (this.onError === undefined) threw(error);
      else this.onError(error);
    });
    const logger = new SimLogger('', (line) => {
      if (!process.alive) return;
      trace.note(`${name} logs ${line.message}`);
      log?.({ atMs: scheduler.nowMs, node: name, ...line });
    });
    return {
      process,
      clock: new SimClock(process, scheduler, this.#wallTime),
      disk: new SimDisk({ process, drive, trace, random: random.fork('disk') }),
      keyValueStores: new SimKeyValueStores(process, drive),
      network: network.of(process),
      random,
      logger,
    };
  }
}

interface SimPorts {
  readonly process: SimProcess;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly keyValueStores: SimKeyValueStores;
  readonly network: Network;
  readonly random: Random;
  readonly logger: Logger;
}
