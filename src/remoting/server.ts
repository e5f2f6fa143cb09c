import {
  type Address,
  type Clock,
  type Connection,
  type ConnectionHandler,
  formatAddress,
  isFailure,
  type Listener,
  type Logger,
  type Network,
  type ServerTls,
} from '../base/index.ts';
import { type ConnectionContext, RemotingConnection, type RequestHandler } from './connection.ts';
import { FlushList } from './flush-list.ts';
import { IdleSweeper } from './idle-sweeper.ts';
import { type ConnectionLimits, defaultConnectionLimits } from './limits.ts';
import { LogLimiter } from './log-limiter.ts';
import { PartialInput } from './partial-input.ts';

export interface RemotingServerOptions extends Partial<ConnectionLimits> {
  /** Port 0 picks a free one. */
  readonly at: Address;
  /** Where else to listen, given where it listens first; when a free port was picked, another is until both are free. */
  readonly alsoAt?: ((first: Address) => Address) | undefined;
  /** When that is taken beside a port that was not picked, the server does without it, and a warning says so. */
  readonly mayLackOther?: boolean;
  /** Absent: plain connections only. */
  readonly tls?: ServerTls | undefined;
  /** Further ones are closed as soon as they come. */
  readonly maxConnections?: number;
}

export interface RemotingPorts {
  readonly network: Network;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Free ports that are tried until one has a free neighbour. */
const maxPairAttempts = 50;
const defaultMaxConnections = 65_536;
/** After this a stopping server no longer waits for peers to take what was sent to them. */
const stopTimeoutMs = 5_000;

/** Accepts connections and hands their requests to one handler. */
export class RemotingServer implements AsyncDisposable {
  readonly #ports: RemotingPorts;
  readonly #maxConnections: number;
  readonly #connections = new Set<RemotingConnection>();
  readonly #flushList: FlushList;
  readonly #peerLog: LogLimiter;
  readonly #context: ConnectionContext;
  readonly #sweeper: IdleSweeper;
  /** The first is where clients are told to connect. */
  #listeners: readonly Listener[] = [];
  #lastId = 0;
  #stopped: Promise<void> | undefined;
  #whenEmpty: (() => void) | undefined;

  /** Fails `unavailable`/`addressInUse`, and `invalid` for a certificate that cannot be used. */
  static async listen(
    options: RemotingServerOptions,
    ports: RemotingPorts,
    handler: RequestHandler,
  ): Promise<RemotingServer> {
    const server = new RemotingServer(options, ports, handler);
    try {
      await server.#listen(options);
    } catch (error) {
      server.#sweeper.stop();
      throw error;
    }
    return server;
  }

  /** Use `listen`. */
  private constructor(
    options: RemotingServerOptions,
    ports: RemotingPorts,
    handler: RequestHandler,
  ) {
    const limits = { ...defaultConnectionLimits, ...options };
    this.#ports = ports;
    this.#maxConnections = options.maxConnections ?? defaultMaxConnections;
    this.#flushList = new FlushList(ports.clock);
    this.#peerLog = new LogLimiter(ports.clock, ports.logger);
    this.#context = {
      limits,
      clock: ports.clock,
      logger: ports.logger,
      peerLog: this.#peerLog,
      flushList: this.#flushList,
      partialInput: new PartialInput(limits.maxPartialBytes, this.#connections),
      handler,
      closed: (connection) => this.#forget(connection),
    };
    this.#sweeper = new IdleSweeper(ports.clock, limits.idleTimeoutMs, this.#connections);
  }

  /** With the port that was picked. */
  get address(): Address {
    const [first] = this.#listeners;
    if (first === undefined) throw new Error('the server does not listen yet');
    return first.address;
  }

  /** Where else it listens. */
  get otherAddress(): Address | undefined {
    return this.#listeners[1]?.address;
  }

  get connections(): ReadonlySet<RemotingConnection> {
    return this.#connections;
  }

  /** Writes the output of all connections now, for an owner whose turn has an order of its own. */
  flush(): void {
    this.#flushList.flush();
  }

  /** Connections that are open go on. */
  async stopAccepting(): Promise<void> {
    for (const listener of this.#listeners) await listener.close();
  }

  /**
   * Stops accepting, sends what was answered, closes all connections, and resolves when they are closed. An owner that
   * still has something to answer does so before, between `stopAccepting` and this.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
    await this.stopAccepting();
    this.#sweeper.stop();
    const late = this.#ports.clock.setTimer(stopTimeoutMs, () => {
      for (const connection of [...this.#connections]) connection.destroy('server stopped');
    });
    for (const connection of [...this.#connections]) connection.close('server stopped');
    this.#flushList.flush();
    if (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        this.#whenEmpty = resolve;
      });
    }
    late.cancel();
  }

  async #listen({ at, alsoAt, mayLackOther, tls }: RemotingServerOptions): Promise<void> {
    const listen = (where: Address): Promise<Listener> =>
      this.#ports.network.listen(where, (connection) => this.#accept(connection), { tls });
    for (let attempt = 1; ; attempt++) {
      const first = await listen(at);
      this.#listeners = [first];
      if (alsoAt === undefined) return;
      try {
        this.#listeners = [first, await listen(alsoAt(first.address))];
        return;
      } catch (error) {
        const isTaken = isFailure(error, 'unavailable', 'addressInUse');
        if (at.port !== 0 && isTaken && mayLackOther === true) {
          const address = formatAddress(alsoAt(first.address));
          this.#ports.logger.warn('a second port is in use and is not listened on', { address });
          return;
        }
        await first.close();
        if (at.port !== 0 || !isTaken || attempt === maxPairAttempts) throw error;
      }
    }
  }

  #accept(connection: Connection): ConnectionHandler {
    if (this.#connections.size >= this.#maxConnections || this.#stopped !== undefined) {
      connection.destroy();
      this.#peerLog.warn('connection refused', {
        remote: formatAddress(connection.remote),
        connections: this.#connections.size,
      });
      return refused;
    }
    const accepted = new RemotingConnection(++this.#lastId, connection, this.#context);
    this.#connections.add(accepted);
    return accepted;
  }

  #forget(connection: RemotingConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#whenEmpty?.();
  }
}

const refused: ConnectionHandler = { data() {}, drained() {}, closed() {} };
