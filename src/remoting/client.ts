import assert from 'node:assert';
import {
  type Address,
  type ClientTls,
  type Clock,
  Failure,
  formatAddress,
  type Timer,
} from '../base/index.ts';
import type { Fields, IncomingCommand } from '../wire/index.ts';
import {
  type ConnectionContext,
  type OutgoingRequest,
  RemotingConnection,
  type RequestHandler,
} from './connection.ts';
import { FlushList } from './flush-list.ts';
import { IdleSweeper } from './idle-sweeper.ts';
import { type ConnectionLimits, defaultConnectionLimits } from './limits.ts';
import { LogLimiter } from './log-limiter.ts';
import { PartialInput } from './partial-input.ts';
import { answerUnsupported } from './request-table.ts';
import type { RemotingPorts } from './server.ts';

export interface RemotingClientOptions extends Partial<ConnectionLimits> {
  readonly connectTimeoutMs?: number;
  /** Absent: connections are not encrypted. */
  readonly tls?: ClientTls | undefined;
  /** For requests that servers send; without it they are refused as unknown. */
  readonly handler?: RequestHandler;
}

/** As the Java client. */
const defaultConnectTimeoutMs = 3_000;

const noRequests: RequestHandler = { handle: answerUnsupported, closed() {} };

interface Slot {
  readonly opening: Promise<RemotingConnection>;
  /** From the moment it is open. */
  connection: RemotingConnection | undefined;
}

/** Sends requests to servers, over one connection per address that is opened when it is needed. */
export class RemotingClient implements AsyncDisposable {
  readonly #ports: RemotingPorts;
  readonly #connectTimeoutMs: number;
  readonly #tls: ClientTls | undefined;
  readonly #context: ConnectionContext;
  readonly #sweeper: IdleSweeper;
  readonly #open = new Set<RemotingConnection>();
  readonly #slots = new Map<string, Slot>();
  #lastId = 0;
  #isClosed = false;
  #whenEmpty: (() => void) | undefined;

  constructor(options: RemotingClientOptions, ports: RemotingPorts) {
    const { clock, logger } = ports;
    const limits = { ...defaultConnectionLimits, ...options };
    this.#ports = ports;
    this.#tls = options.tls;
    this.#connectTimeoutMs = options.connectTimeoutMs ?? defaultConnectTimeoutMs;
    this.#context = {
      limits,
      clock,
      logger,
      peerLog: new LogLimiter(clock, logger),
      flushList: new FlushList(clock),
      partialInput: new PartialInput(limits.maxPartialBytes, this.#open),
      handler: options.handler ?? noRequests,
      closed: (connection) => this.#forget(connection),
    };
    this.#sweeper = new IdleSweeper(clock, limits.idleTimeoutMs, this.#open);
  }

  /**
   * The server's response, whatever its code. `timeoutMs` includes the time to connect. Fails `unavailable` (reasons
   * `timeout`, `connectionLost`, `busy`, or none when the connection was refused) and `closed` when this client is.
   */
  async request<F extends Fields>(
    to: Address,
    request: OutgoingRequest<F>,
    options: { readonly timeoutMs: number },
  ): Promise<IncomingCommand> {
    const { clock } = this.#ports;
    const deadlineMs = clock.monotonicMs() + options.timeoutMs;
    const connection = await within(
      this.connection(to),
      clock,
      options.timeoutMs,
      `connect to ${formatAddress(to)}`,
    );
    return connection.request(request, Math.max(0, deadlineMs - clock.monotonicMs()));
  }

  /** Resolves when the request is on its way; whether it arrives is unknown. */
  async oneway<F extends Fields>(to: Address, request: OutgoingRequest<F>): Promise<void> {
    const connection = await this.connection(to);
    connection.oneway(request);
  }

  /** The connection to this address, opened if there is none. */
  connection(to: Address): Promise<RemotingConnection> {
    const key = formatAddress(to);
    const known = this.#slots.get(key);
    if (known !== undefined && known.connection?.isUsable !== false) return known.opening;
    const slot: Slot = { opening: this.#connect(to), connection: undefined };
    this.#slots.set(key, slot);
    slot.opening.then(
      (connection) => {
        slot.connection = connection;
      },
      () => {
        if (this.#slots.get(key) === slot) this.#slots.delete(key);
      },
    );
    return slot.opening;
  }

  /** Fails what is pending, and closes all connections. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#sweeper.stop();
    for (const connection of [...this.#open]) connection.destroy('client closed');
    // A connection that is being opened sees the flag.
    await Promise.allSettled([...this.#slots.values()].map((slot) => slot.opening));
    this.#slots.clear();
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #connect(to: Address): Promise<RemotingConnection> {
    if (this.#isClosed) throw closedFailure();
    const accepted: RemotingConnection[] = [];
    const options = { timeoutMs: this.#connectTimeoutMs, tls: this.#tls };
    await this.#ports.network.connect(to, options, (connection) => {
      const opened = new RemotingConnection(++this.#lastId, connection, this.#context);
      accepted.push(opened);
      this.#open.add(opened);
      return opened;
    });
    const [opened] = accepted;
    assert(opened !== undefined, 'a network that connects hands over the connection');
    if (this.#isClosed) {
      opened.destroy('client closed');
      throw closedFailure();
    }
    return opened;
  }

  #forget(connection: RemotingConnection): void {
    this.#open.delete(connection);
    for (const [key, slot] of this.#slots) {
      if (slot.connection === connection) this.#slots.delete(key);
    }
    if (this.#open.size === 0) this.#whenEmpty?.();
  }
}

function closedFailure(): Failure {
  return new Failure('closed', 'the client is closed');
}

/** The promise, or a failure when it takes longer than that; the promise goes on for others who wait for it. */
async function within<T>(
  promise: Promise<T>,
  clock: Clock,
  timeoutMs: number,
  what: string,
): Promise<T> {
  let timer: Timer | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = clock.setTimer(timeoutMs, () => {
      const message = `${what}: no answer within ${timeoutMs} ms`;
      reject(new Failure('unavailable', message, { reason: 'timeout' }));
    });
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    timer?.cancel();
  }
}
