import {
  type Address,
  type ClientTls,
  type Connection,
  formatAddress,
  type Listener,
  type Network,
  type ServerTls,
} from '../../../src/base/index.ts';
import { type Accept, SimConnection } from './connection.ts';
import { failure } from './drive.ts';
import type { SimProcess } from './process.ts';
import type { SimRandom } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

export interface NetworkFaults {
  /** How long a piece of bytes travels. */
  readonly latencyMs: readonly [fromMs: number, toMs: number];
  /** How likely it is that a piece is split, and its rest again. */
  readonly splitChance: number;
  /** How likely it is that a connection breaks within a piece. */
  readonly breakChance: number;
}

/** How long it takes at most until somebody notices that a machine lost power. */
const silenceMs = 10_000;

/** The switchboard between all nodes. A node is reached by its name, or by itself as localhost. */
export class SimNetwork {
  faults: NetworkFaults = { latencyMs: [0.1, 2], splitChance: 0.2, breakChance: 0 };
  readonly #scheduler: Scheduler;
  readonly #random: SimRandom;
  readonly #trace: Trace;
  readonly #listeners = new Map<
    string,
    {
      readonly process: SimProcess;
      readonly accept: Accept;
      readonly tls: ServerTls | undefined;
    }
  >();
  readonly #connections = new Set<SimConnection>();
  readonly #blocked = new Set<string>();
  readonly #delaysMs = new Map<string, number>();
  readonly #nextPorts = new Map<string, number>();
  /** Machines without power: they do not even refuse. */
  readonly #silent = new Set<string>();

  constructor(scheduler: Scheduler, random: SimRandom, trace: Trace) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#trace = trace;
  }

  /** The network as one process sees it. */
  of(process: SimProcess): Network {
    return {
      listen: (at, accept, options) => this.#listen(process, at, accept, options?.tls),
      connect: (to, options, accept) => this.#connect(process, to, options, accept),
    };
  }

  // Faults.

  /** Nothing gets from `from` to `to` until `heal`; it waits. */
  block(from: string, to: string): void {
    this.#blocked.add(`${from}>${to}`);
  }

  /** Blocks both ways between the nodes of different groups. */
  partition(...groups: readonly (readonly string[])[]): void {
    for (const group of groups) {
      for (const other of groups) {
        if (group === other) continue;
        for (const from of group) for (const to of other) this.block(from, to);
      }
    }
  }

  /** Makes everything from `from` to `to` take so much longer until `heal`. */
  delay(from: string, to: string, byMs: number): void {
    this.#delaysMs.set(`${from}>${to}`, byMs);
  }

  /** Ends all blocks and delays; what waited goes on its way. */
  heal(): void {
    this.#delaysMs.clear();
    this.#blocked.clear();
    for (const connection of this.#connections) connection.unblocked();
  }

  /** Breaks the connections between two nodes; what is under way is lost. */
  cut(one: string, other: string): void {
    for (const connection of this.#connections) {
      const { process, peer } = connection;
      if (process.name === one && peer.process.name === other) connection.break();
    }
  }

  // What connections and the world ask.

  isBlocked(from: string, to: string): boolean {
    return this.#blocked.has(`${from}>${to}`);
  }

  latencyMs(from: string, to: string): number {
    const delayMs = this.#delaysMs.get(`${from}>${to}`) ?? 0;
    return delayMs + this.#random.between(...this.faults.latencyMs);
  }

  forget(connection: SimConnection): void {
    this.#connections.delete(connection);
  }

  /** The process is dead. Its peers learn of it soon, or late when the machine lost power. */
  crashed(process: SimProcess, options: { readonly powerLoss: boolean }): void {
    for (const [place, listener] of this.#listeners) {
      if (listener.process === process) this.#listeners.delete(place);
    }
    if (options.powerLoss) this.#silent.add(process.name);
    for (const connection of this.#connections) {
      if (connection.process !== process) continue;
      connection.died(options.powerLoss ? this.#random.between(0, silenceMs) : 0);
    }
  }

  restarted(name: string): void {
    this.#silent.delete(name);
  }

  #listen(
    process: SimProcess,
    at: Address,
    accept: Accept,
    tls: ServerTls | undefined,
  ): Promise<Listener> {
    const what = `${process.name} listens on ${formatAddress(at)}`;
    const bind = (): Listener => {
      const port = at.port === 0 ? this.#freePort(process.name) : at.port;
      const place = `${process.name}:${port}`;
      if (this.#listeners.has(place)) throw failure(what, 'addressInUse');
      const listener = { process, accept, tls };
      this.#listeners.set(place, listener);
      return {
        address: { host: at.host, port },
        close: async () => {
          if (this.#listeners.get(place) === listener) this.#listeners.delete(place);
        },
      };
    };
    return process.call(what, [0, 0], bind, () => {});
  }

  #connect(
    process: SimProcess,
    to: Address,
    { timeoutMs, tls }: { readonly timeoutMs: number; readonly tls?: ClientTls | undefined },
    accept: Accept,
  ): Promise<Connection> {
    const server = { host: isLocal(to.host) ? process.name : to.host, port: to.port };
    const client = { host: process.name, port: this.#freePort(process.name) };
    const what = `${process.name} connects to ${formatAddress(to)}`;
    return new Promise((resolve, reject) => {
      let waits = true;
      const timeout = this.#scheduler.schedule(timeoutMs, `${what}: no answer`, process, () => {
        waits = false;
        reject(failure(`${what}: no answer within ${timeoutMs} ms`, 'timeout'));
      });
      this.#scheduler.schedule(this.latencyMs(client.host, server.host), what, undefined, () => {
        const unreachable =
          this.#silent.has(server.host) || this.isBlocked(process.name, server.host);
        if (unreachable || !waits || !process.alive) return;
        const connection = this.#join(process, client, server, tls !== undefined);
        const answerMs = this.latencyMs(server.host, client.host);
        this.#scheduler.schedule(answerMs, `${what}: answer`, process, () => {
          if (!waits || this.isBlocked(server.host, process.name)) return connection?.break();
          waits = false;
          timeout.cancel();
          if (connection === undefined) return reject(failure(`${what}: refused`));
          connection.start(accept);
          resolve(connection);
        });
      });
    });
  }

  /** Returns the client's end, unless nobody listens, or nobody who would understand. */
  #join(
    process: SimProcess,
    client: Address,
    server: Address,
    isEncrypted: boolean,
  ): SimConnection | undefined {
    const listener = this.#listeners.get(`${server.host}:${server.port}`);
    if (listener === undefined || (isEncrypted && listener.tls === undefined)) return undefined;
    const pair = SimConnection.pair(
      { network: this, scheduler: this.#scheduler, random: this.#random, trace: this.#trace },
      { process, address: client },
      { process: listener.process, address: server },
      { isEncrypted, isEnforced: listener.tls?.mode === 'enforcing' },
    );
    this.#connections.add(pair.client).add(pair.server);
    if (listener.process.paused) {
      // The operating system has accepted it; the process hears of it later.
      const accepts = `${server.host} accepts ${formatAddress(client)}`;
      const accept = (): void => pair.server.start(listener.accept);
      this.#scheduler.schedule(0, accepts, listener.process, accept);
      return pair.client;
    }
    try {
      pair.server.start(listener.accept);
    } catch (error) {
      listener.process.threw(error);
    }
    return pair.client;
  }

  #freePort(name: string): number {
    let port = this.#nextPorts.get(name) ?? 40_000;
    while (this.#listeners.has(`${name}:${port}`)) port++;
    this.#nextPorts.set(name, port + 1);
    return port;
  }
}

function isLocal(host: string): boolean {
  return ['localhost', '127.0.0.1', '::1', '0.0.0.0'].includes(host);
}
