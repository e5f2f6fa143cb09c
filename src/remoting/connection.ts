import {
  type Address,
  type Clock,
  type Connection,
  type ConnectionHandler,
  describeError,
  Failure,
  formatAddress,
  isFailure,
  type Logger,
  type Timer,
} from '../base/index.ts';
import {
  CommandFlag,
  type Encoding,
  type Fields,
  FrameReader,
  type Header,
  type HeaderValue,
  type IncomingCommand,
  type LanguageName,
  OutputBuffer,
  requestCodeName,
  writeBareResponse,
  writeCommand,
} from '../wire/index.ts';
import { isBug, responseFor } from './failures.ts';
import type { FlushList } from './flush-list.ts';
import { type ConnectionLimits, outputOverrun } from './limits.ts';
import type { LogLimiter } from './log-limiter.ts';
import type { PartialInput } from './partial-input.ts';

/** Who answers requests. */
export interface RequestHandler {
  /**
   * Called for each request, whose bytes are lent for the call (`detach`). What it throws is answered by `responseFor`; a bug also ends
   * the connection.
   */
  handle(connection: RemotingConnection, request: IncomingCommand): void;
  /** The connection is gone. Called once. */
  closed(connection: RemotingConnection): void;
}

export interface Answer<F extends Fields = Fields> {
  readonly code: number;
  readonly remark?: string | undefined;
  readonly header?: readonly [Header<F>, HeaderValue<F>] | undefined;
  readonly extFields?: Readonly<Record<string, string | undefined>> | undefined;
  readonly body?: Uint8Array | readonly Uint8Array[] | undefined;
}

export interface OutgoingRequest<F extends Fields = Fields> {
  readonly code: number;
  readonly header?: readonly [Header<F>, HeaderValue<F>] | undefined;
  readonly extFields?: Readonly<Record<string, string | undefined>> | undefined;
  readonly body?: Uint8Array | readonly Uint8Array[] | undefined;
  /** Of the program that asks; JAVA when absent. */
  readonly language?: LanguageName;
}

/** What the connections of one server or client share. */
export interface ConnectionContext {
  readonly limits: ConnectionLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For lines that a peer can cause as often as it likes. */
  readonly peerLog: LogLimiter;
  readonly flushList: FlushList;
  readonly partialInput: PartialInput;
  readonly handler: RequestHandler;
  /** Before `handler.closed`. */
  closed(connection: RemotingConnection): void;
}

interface PendingRequest {
  readonly resolve: (response: IncomingCommand) => void;
  readonly reject: (failure: Failure) => void;
  readonly timer: Timer;
}

/**
 * One connection, the same on both sides: either may send requests, and each answers those of the other.
 *
 * Handlers append to `output` and call `wantsFlush`; at the end of the turn everything is handed to the network in one
 * write. When more than `maxOutputBytes` wait for a peer that reads slowly, reading stops until it has caught up; the
 * requests of the chunk in hand wait with it. So a connection holds at most `outputOverrun` times that limit. Reading
 * also stops while too many requests wait for answers that are worked on (`postpone`).
 */
export class RemotingConnection implements ConnectionHandler {
  readonly id: number;
  readonly remote: Address;
  /** The owner's, for what it knows of the peer. */
  session: unknown = undefined;
  readonly output: OutputBuffer = new OutputBuffer();
  readonly #connection: Connection;
  readonly #context: ConnectionContext;
  readonly #frames = new FrameReader();
  #waitsForFlush = false;
  #isClosed = false;
  /** It closes once its output is sent; nothing is read any more. */
  #isEnding = false;
  /** Requests that were read before reading was paused. */
  #held: IncomingCommand[] = [];
  /** Too much output waits. */
  #isPaused = false;
  #isReading = true;
  #unanswered = 0;
  #unansweredBytes = 0;
  #partialBytes = 0;
  #stallTimer: Timer | undefined;
  #unsentAtLastCheck = 0;
  #pending: Map<number, PendingRequest> | undefined;
  #nextOpaque = 0;
  /** Looked at and cleared by `isIdle`. */
  #wasActive = true;
  #unsentWhenIdle = 0;
  #quietChecks = 0;
  #closeReason: string | undefined;

  constructor(id: number, connection: Connection, context: ConnectionContext) {
    this.id = id;
    this.remote = connection.remote;
    this.#connection = connection;
    this.#context = context;
  }

  /** False once it is closed or about to be. */
  get isUsable(): boolean {
    return !this.#isClosed && !this.#isEnding;
  }

  /** Memory of the frame that has begun to arrive. */
  get partialBytes(): number {
    return this.#partialBytes;
  }

  /** Call after appending to `output`. */
  wantsFlush(): void {
    if (this.#waitsForFlush) return;
    this.#waitsForFlush = true;
    this.#context.flushList.add(this);
  }

  /** Answers in the encoding of the request; does nothing when the peer wants no answer. */
  answer<F extends Fields>(request: IncomingCommand, answer: Answer<F>): void {
    if (request.isOneway || this.#isClosed) return;
    const { opaque, encoding } = request;
    const { code, remark, header, extFields, body } = answer;
    if ((remark ?? header ?? extFields ?? body) === undefined) {
      writeBareResponse(this.output, opaque, encoding, code);
    } else {
      const flag = CommandFlag.RESPONSE;
      writeCommand(this.output, { code, remark, header, extFields, body, opaque, flag, encoding });
    }
    this.wantsFlush();
  }

  /** It is paused, since its peer reads more slowly than it asks: what can wait is better made later. */
  get isBehind(): boolean {
    return this.#isPaused && this.isUsable;
  }

  /**
   * A request outlives its call, which only lends its bytes, and is answered later: until `settled` it counts among
   * those that are unanswered. Without it: its bytes are not kept.
   */
  postpone(request?: IncomingCommand): void {
    this.#unansweredBytes += request?.detach().bytes.length ?? 0;
    this.#unanswered++;
    if (this.#isCrowded) this.#stopReading();
  }

  /** A postponed request was answered, or never will be. */
  settled(request?: IncomingCommand): void {
    this.#unansweredBytes -= request?.bytes.length ?? 0;
    this.#unanswered--;
    this.#readOn();
  }

  /** Answers with what a failed request is answered with; a bug also ends the connection. */
  answerFailure(request: IncomingCommand, error: unknown): void {
    this.answer(request, responseFor(error));
    if (!isBug(error)) return;
    this.#context.logger.error('bug while handling a request', {
      error,
      request: requestCodeName(request.code),
      remote: formatAddress(this.remote),
    });
    this.close('bug while handling a request');
  }

  /**
   * The peer's response, whatever its code. Fails `unavailable` with reason `timeout`, `connectionLost` or `busy` (too
   * many unanswered), and `invalid` when the request does not fit a frame.
   */
  request<F extends Fields>(
    request: OutgoingRequest<F>,
    timeoutMs: number,
  ): Promise<IncomingCommand> {
    return new Promise((resolve, reject) => {
      if (!this.isUsable) return reject(this.#lost());
      this.#pending ??= new Map();
      const pending = this.#pending;
      if (pending.size >= this.#context.limits.maxPendingRequests) {
        const message = `${this.#peer()}: ${pending.size} requests without an answer`;
        return reject(new Failure('unavailable', message, { reason: 'busy' }));
      }
      const waitingBytes = this.#connection.unsentBytes + this.output.length;
      if (waitingBytes > this.#context.limits.maxOutputBytes) {
        const message = `${this.#peer()}: ${waitingBytes} bytes wait for it already`;
        return reject(new Failure('unavailable', message, { reason: 'busy' }));
      }
      const opaque = this.#send(request, 0);
      const timer = this.#context.clock.setTimer(timeoutMs, () => {
        pending.delete(opaque);
        const what = `${this.#peer()}: ${requestCodeName(request.code)}`;
        const message = `${what}: no answer within ${Math.round(timeoutMs)} ms`;
        reject(new Failure('unavailable', message, { reason: 'timeout' }));
      });
      pending.set(opaque, { resolve, reject, timer });
    });
  }

  /** A request that wants no answer; nothing happens on a closed connection. */
  oneway<F extends Fields>(request: OutgoingRequest<F>): void {
    if (this.isUsable) this.#send(request, CommandFlag.ONEWAY);
  }

  /** Sends what is in `output`, then closes. `reason` is for the log. */
  close(reason: string): void {
    if (!this.isUsable) return;
    this.#closeReason = reason;
    this.#isEnding = true;
    this.#held = [];
    this.#connection.pauseReading();
    this.wantsFlush();
    this.#watchForStall();
  }

  /** Closes at once, for what the peer did. */
  refuse(why: string): void {
    this.#context.peerLog.warn(`connection closed: ${why}`, { remote: formatAddress(this.remote) });
    this.destroy(why);
  }

  /** Closes at once. */
  destroy(reason: string): void {
    if (this.#isClosed) return;
    this.#closeReason ??= reason;
    this.#isEnding = true;
    this.#connection.destroy();
  }

  /**
   * Asked several times in each idle timeout: whether nothing has happened for `checks` of those times. Output that
   * waits counts as activity only while the peer takes some of it.
   */
  isIdle(checks: number): boolean {
    const { unsentBytes } = this.#connection;
    if (this.#wasActive || unsentBytes !== this.#unsentWhenIdle) {
      this.#wasActive = false;
      this.#unsentWhenIdle = unsentBytes;
      this.#quietChecks = 0;
      return false;
    }
    return ++this.#quietChecks >= checks;
  }

  /** For the flush list. */
  flush(): void {
    this.#waitsForFlush = false;
    if (this.#isClosed) return;
    if (this.output.length > 0) {
      this.#wasActive = true;
      this.#connection.write(this.output.take());
      if (this.#connection.unsentBytes === 0) this.output.reuse();
    }
    if (this.#isEnding) {
      this.#connection.end();
      return;
    }
    if (this.#connection.unsentBytes > this.#context.limits.maxOutputBytes) this.#pause();
    this.#checkOverrun();
  }

  data(bytes: Uint8Array): void {
    if (!this.isUsable) return;
    this.#wasActive = true;
    try {
      this.#frames.push(bytes, this.#onFrame);
      if (this.#frames.reservedBytes !== this.#partialBytes) {
        const before = this.#partialBytes;
        this.#partialBytes = this.#frames.reservedBytes;
        this.#context.partialInput.changed(this.#partialBytes - before);
      }
    } catch (error) {
      if (isBug(error)) {
        this.#context.logger.error('bug while reading a connection', {
          error,
          remote: formatAddress(this.remote),
        });
      } else {
        this.#context.peerLog.warn('connection closed: what it sent is not RocketMQ remoting', {
          remote: formatAddress(this.remote),
          reason: describeError(error),
        });
      }
      this.destroy('malformed input');
    }
  }

  drained(): void {
    this.#stallTimer?.cancel();
    this.#stallTimer = undefined;
    this.#isPaused = false;
    this.#readOn();
  }

  closed(cause?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stallTimer?.cancel();
    this.#held = [];
    this.#context.partialInput.changed(-this.#partialBytes);
    this.#partialBytes = 0;
    if (this.#pending !== undefined) {
      const failure = this.#lost(cause);
      for (const pending of this.#pending.values()) {
        pending.timer.cancel();
        pending.reject(failure);
      }
      this.#pending = undefined;
    }
    this.#context.closed(this);
    try {
      this.#context.handler.closed(this);
    } catch (error) {
      this.#context.logger.error('bug while a connection closed', { error });
    }
  }

  readonly #onFrame = (command: IncomingCommand): void => {
    if (this.#isEnding) return;
    if (command.isResponse) this.#settle(command);
    else this.#receive(command);
  };

  #receive(request: IncomingCommand): void {
    if (!this.isUsable) return;
    if (this.#isPaused || this.#isCrowded) {
      this.#held.push(request.detach());
      return;
    }
    try {
      this.#context.handler.handle(this, request);
    } catch (error) {
      this.answerFailure(request, error);
    }
    if (this.output.length > this.#context.limits.maxOutputBytes) this.flush();
  }

  #settle(response: IncomingCommand): void {
    const pending = this.#pending?.get(response.opaque);
    // It came after its time was up.
    if (pending === undefined) return;
    this.#pending?.delete(response.opaque);
    pending.timer.cancel();
    pending.resolve(response.detach());
  }

  /** Returns the opaque. */
  #send<F extends Fields>(request: OutgoingRequest<F>, flag: number): number {
    const opaque = this.#nextOpaque;
    writeCommand(this.output, { ...request, opaque, flag, encoding });
    this.#nextOpaque = (opaque + 1) & 0x7fff_ffff;
    this.wantsFlush();
    return opaque;
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#stopReading();
    this.#watchForStall();
  }

  get #isCrowded(): boolean {
    const { maxUnansweredRequests, maxUnansweredBytes } = this.#context.limits;
    return this.#unanswered > maxUnansweredRequests || this.#unansweredBytes > maxUnansweredBytes;
  }

  #stopReading(): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    this.#connection.pauseReading();
  }

  /** Once nothing is in the way any more: what was read before first. */
  #readOn(): void {
    if (this.#isReading || !this.isUsable || this.#isPaused || this.#isCrowded) return;
    const held = this.#held;
    this.#held = [];
    for (const request of held) this.#receive(request);
    if (this.#isPaused || this.#isCrowded || !this.isUsable) return;
    this.#isReading = true;
    this.#connection.resumeReading();
  }

  /** Closes the connection when a whole interval passes in which the peer took nothing. */
  #watchForStall(): void {
    this.#stallTimer?.cancel();
    this.#unsentAtLastCheck = this.#connection.unsentBytes;
    this.#stallTimer = this.#context.clock.setTimer(
      this.#context.limits.stalledTimeoutMs,
      this.#checkStall,
    );
  }

  readonly #checkStall = (): void => {
    if (this.#isClosed) return;
    const unsent = this.#connection.unsentBytes;
    if (unsent > 0 && unsent < this.#unsentAtLastCheck) {
      this.#watchForStall();
      return;
    }
    if (unsent === 0 && !this.#isEnding) return;
    this.#context.peerLog.warn('connection closed: its peer does not read', {
      remote: formatAddress(this.remote),
      unsentBytes: unsent,
      forMs: this.#context.limits.stalledTimeoutMs,
    });
    this.destroy('peer does not read');
  };

  #checkOverrun(): void {
    const unsent = this.#connection.unsentBytes;
    if (unsent <= outputOverrun * this.#context.limits.maxOutputBytes) return;
    this.#context.peerLog.warn('connection closed: too much output waits for its peer', {
      remote: formatAddress(this.remote),
      unsentBytes: unsent,
    });
    this.destroy('too much output');
  }

  #peer(): string {
    return formatAddress(this.remote);
  }

  #lost(cause?: Error): Failure {
    const why = this.#closeReason === undefined ? '' : ` (${this.#closeReason})`;
    return new Failure('unavailable', `connection to ${this.#peer()} closed${why}`, {
      reason: 'connectionLost',
      ...(cause !== undefined && !isFailure(cause, 'unavailable', 'connectionLost') && { cause }),
    });
  }
}

/** Requests of our own: every peer reads it, and it is what Java sends unless told otherwise. */
const encoding: Encoding = 'json';
