import {
  type BrokerId,
  type Clock,
  type Connection,
  type ConnectionHandler,
  type Epoch,
  Failure,
  formatAddress,
  isFailure,
  type Logger,
  type PhysicalOffset,
  physicalOffset,
} from '../../base/index.ts';
import { judge, type LeaderLog } from './common-point.ts';
import { FrameInput } from './frame-input.ts';
import {
  type Challenge,
  type Difference,
  encodeFrame,
  encodeRange,
  type FollowerState,
  type Frame,
  type Hello,
  linkPreamble,
  type Report,
  rangeHeadBytes,
} from './frames.ts';
import { isProof, proofOf } from './proof.ts';

/** What is sent at once of the log, at most. */
export const maxRangeBytes = 256 * 1024;

export interface LinkIdentity {
  readonly cluster: string;
  readonly group: string;
  readonly broker: BrokerId;
  /** Of this start: 8 bytes in hexadecimal. */
  readonly incarnation: string;
  /** Empty: the peer proves nothing. */
  readonly secret: Uint8Array;
}

/** Bytes of the log: whole records of one epoch. A view of the tail is valid until the turn ends. */
export interface LogRange {
  readonly bytes: Uint8Array;
  readonly end: PhysicalOffset;
}

/** A snapshot that is streamed to a follower. */
export interface SnapshotSource extends AsyncDisposable {
  readonly position: PhysicalOffset;
  /** The next piece; undefined at its end. */
  read(): Promise<Uint8Array | undefined>;
}

/** Who joined, as it said with its handshake. */
export interface JoinedFollower {
  readonly broker: BrokerId;
  readonly incarnation: string;
  readonly lossless: boolean;
  /** False while it installs a snapshot and the log. */
  readonly isComplete: boolean;
}

/** The node that leads, as its link sees it. */
export interface LeaderHost {
  /** Undefined: it does not lead. */
  readonly epoch: Epoch | undefined;
  /** `end` is what is written: a range leaves only after the local write returned (rule 7). */
  readonly log: LeaderLog;
  readonly commitPoint: PhysicalOffset;
  readonly durablePoint: PhysicalOffset;
  /** From `position` on, which is below the written end. */
  range(position: PhysicalOffset, maxBytes: number): LogRange | Promise<LogRange>;
  /** CRC-32 of the bytes before: see `Join.check`. */
  checkBefore(position: PhysicalOffset): Promise<number>;
  snapshot(): Promise<SnapshotSource>;
  /** Its positions count from now on. */
  connected(follower: JoinedFollower, report: Report): void;
  /** Fails `invalid` for what cannot be. */
  reported(member: BrokerId, report: Report): void;
  /** It says why it can take nothing for now; its session ends. */
  refused(member: BrokerId, why: string): void;
  disconnected(member: BrokerId, why: string): void;
  /** Somebody promised a higher epoch: this node leads no more (rule 4). */
  higherEpoch(epoch: Epoch): void;
}

export interface SessionOptions {
  /** Bytes that may be on the way to a follower, unreported. */
  readonly maxUnreportedBytes: number;
}

/** What the owner of sessions is told. */
export interface SessionEvents {
  /** It is about to count: an older session of the same broker must not. */
  joined(session: LeaderSession): void;
  closed(session: LeaderSession): void;
}

type Phase = 'greeting' | 'proving' | 'judging' | 'installing' | 'joining' | 'following' | 'closed';

/** The leader's end of the connection of one follower. */
export class LeaderSession implements ConnectionHandler {
  readonly #identity: LinkIdentity;
  readonly #host: LeaderHost;
  readonly #options: SessionOptions;
  readonly #ports: { readonly clock: Clock; readonly logger: Logger };
  readonly #connection: Connection;
  readonly #nonce: Uint8Array;
  readonly #events: SessionEvents;
  readonly #input = new FrameInput((frame) => this.#take(frame));
  #phase: Phase = 'greeting';
  #hello: Hello | undefined;
  #challenge: Omit<Challenge, 'proof'> | undefined;
  #snapshot: SnapshotSource | undefined;
  #isInstalling = false;
  #isLossless = false;
  /** Reported once at least: its positions count. */
  #isCounted = false;
  #sent = physicalOffset(0);
  #reported = physicalOffset(0);
  #reportedSynced = physicalOffset(0);
  /** Somebody waits for an fsync of what lies below. */
  #syncWanted = physicalOffset(0);
  #sentCommit = -1;
  #sentDurable = -1;
  #lastSentMs = 0;
  /** Of ranges that left at once. */
  #storage: Uint8Array | undefined;
  #lastHeardMs: number;
  #isReading = false;

  constructor(
    identity: LinkIdentity,
    host: LeaderHost,
    connection: Connection,
    options: SessionOptions & { readonly nonce: Uint8Array },
    ports: { readonly clock: Clock; readonly logger: Logger },
    events: SessionEvents,
  ) {
    this.#identity = identity;
    this.#host = host;
    this.#options = options;
    this.#ports = ports;
    this.#connection = connection;
    this.#nonce = options.nonce;
    this.#events = events;
    this.#lastHeardMs = ports.clock.monotonicMs();
    connection.write(linkPreamble);
  }

  /** Once it has said who it is. */
  get member(): BrokerId | undefined {
    return this.#hello?.broker;
  }

  get lastHeardMs(): number {
    return this.#lastHeardMs;
  }

  get lastSentMs(): number {
    return this.#lastSentMs;
  }

  get remote(): string {
    return formatAddress(this.#connection.remote);
  }

  /** What it was sent and reported, for people. */
  get progress(): { readonly sent: PhysicalOffset; readonly written: PhysicalOffset } {
    return { sent: this.#sent, written: this.#reported };
  }

  data(bytes: Uint8Array): void {
    this.#lastHeardMs = this.#ports.clock.monotonicMs();
    try {
      this.#input.add(bytes);
    } catch (error) {
      if (!isFailure(error)) throw error;
      this.close(error.message);
    }
  }

  drained(): void {
    this.pump();
  }

  closed(cause?: Error): void {
    this.#end(cause?.message ?? 'the connection closed');
  }

  /** Ends it; the log tells why. `lasting`: a person must look at it. */
  close(why: string, lasting = false): void {
    if (this.#phase === 'closed') return;
    this.#connection.write(encodeFrame({ type: 'refusal', lasting, reason: why }));
    this.#connection.end();
    this.#ports.logger.warn('a follower is disconnected', { ...this.#who(), why });
    this.#end(why);
  }

  /** Somebody waits until what is written now is synced everywhere. */
  wantSync(): void {
    this.#syncWanted = this.#host.log.end;
    if (this.#phase !== 'following' || this.#sent < this.#syncWanted) return;
    if (this.#reportedSynced < this.#syncWanted) this.#sendRange(this.#sent, new Uint8Array(0));
  }

  /** Sends what is written and fits; called when something was written, reported or sent off. */
  pump(): void {
    if (this.#phase !== 'following' || this.#isReading) return;
    const { log } = this.#host;
    while (this.#sent < log.end && this.#mayHaveMore()) {
      let range: LogRange | Promise<LogRange>;
      try {
        range = this.#host.range(this.#sent, maxRangeBytes);
      } catch (error) {
        this.#failed(error);
        return;
      }
      if (range instanceof Promise) {
        this.#isReading = true;
        range.then(
          (read) => {
            this.#isReading = false;
            if (this.#phase !== 'following') return;
            this.#sendRange(this.#sent, read.bytes, read.end);
            this.pump();
          },
          (error: unknown) => this.#failed(error),
        );
        return;
      }
      this.#sendRange(this.#sent, range.bytes, range.end);
    }
  }

  /** The leader's tables are these behind a record of which the follower has told others. */
  differs(from: Difference): void {
    if (this.#phase !== 'following') return;
    this.#connection.write(encodeFrame({ type: 'differs', value: from }));
  }

  /** What moved since it was told of C and D. */
  get lacks(): 'nothing' | 'commitPoint' | 'durablePoint' {
    if (this.#phase !== 'following') return 'nothing';
    if (this.#sentDurable !== this.#host.durablePoint) return 'durablePoint';
    return this.#sentCommit === this.#host.commitPoint ? 'nothing' : 'commitPoint';
  }

  /** A range without bytes: tells C and D, and is a sign of life. */
  heartbeat(): void {
    if (this.#phase === 'following') this.#sendRange(this.#sent, new Uint8Array(0));
  }

  #mayHaveMore(): boolean {
    const { maxUnreportedBytes } = this.#options;
    return (
      this.#sent - this.#reported < maxUnreportedBytes &&
      this.#connection.unsentBytes < maxUnreportedBytes
    );
  }

  #sendRange(start: PhysicalOffset, bytes: Uint8Array, end: PhysicalOffset = start): void {
    const { epoch, commitPoint, durablePoint } = this.#host;
    if (epoch === undefined || epoch !== this.#challenge?.epoch) {
      this.close('the epoch of this leader ended');
      return;
    }
    const wantsSync = this.#reportedSynced < this.#syncWanted && end >= this.#syncWanted;
    this.#sent = end;
    this.#sentCommit = commitPoint;
    this.#sentDurable = durablePoint;
    this.#lastSentMs = this.#ports.clock.monotonicMs();
    const range = { epoch, start, commitPoint, durablePoint, wantsSync, bytes };
    if (bytes.length > 0) this.#storage ??= new Uint8Array(rangeHeadBytes + maxRangeBytes);
    this.#connection.write(encodeRange(range, this.#storage));
    // It waits in the socket, and must not be written again.
    if (this.#connection.unsentBytes > 0) this.#storage = undefined;
  }

  #take(frame: Frame): void {
    if (this.#phase === 'closed') return;
    if (frame.type === 'hello' && this.#phase === 'greeting') this.#greet(frame.value);
    else if (frame.type === 'promised' && this.#phase === 'proving') {
      this.#host.higherEpoch(frame.epoch);
      this.close(`it has promised epoch ${frame.epoch}`);
    } else if (frame.type === 'state' && this.#phase === 'proving') this.#judge(frame.value);
    else if (frame.type === 'report') this.#onReport(frame.value);
    else if (frame.type === 'refusal') this.#onRefusal(frame.reason);
    else this.close(`it sent ${frame.type} while ${this.#phase}`);
  }

  #greet(hello: Hello): void {
    const { cluster, group, broker, incarnation, secret } = this.#identity;
    this.#hello = hello;
    const { epoch, log } = this.#host;
    if (epoch === undefined) throw new Failure('invalid', 'this node does not lead');
    if (hello.cluster !== cluster || hello.group !== group) {
      throw new Failure(
        'invalid',
        `it belongs to ${hello.cluster}/${hello.group}, not ${cluster}/${group}`,
      );
    }
    if (hello.broker === broker)
      throw new Failure('invalid', `it says that it is broker ${broker}, as this one`);
    if (hello.promisedEpoch > epoch) {
      this.#host.higherEpoch(hello.promisedEpoch);
      throw new Failure('invalid', `it has promised epoch ${hello.promisedEpoch}`);
    }
    const nonce = this.#nonce;
    const { segmentBytes } = log;
    this.#challenge = { broker, incarnation, epoch, segmentBytes, nonce };
    const proof = proofOf('leader', secret, hello, this.#challenge);
    this.#phase = 'proving';
    this.#connection.write(
      encodeFrame({ type: 'challenge', value: { ...this.#challenge, proof } }),
    );
  }

  #judge(state: FollowerState): void {
    const { secret } = this.#identity;
    if (this.#hello === undefined || this.#challenge === undefined) return;
    if (!isProof(state.proof, proofOf('follower', secret, this.#hello, this.#challenge))) {
      throw new Failure('invalid', 'it does not know the secret of the group');
    }
    const judgement = judge(this.#host.log, state);
    if ('refused' in judgement) {
      this.close(judgement.refused, true);
      return;
    }
    const { action, position } = judgement;
    this.#phase = 'judging';
    this.#ports.logger.info('a follower joins', { ...this.#who(), action, position });
    this.#isInstalling = action === 'install';
    this.#isLossless = state.lossless;
    this.#sent = position;
    this.#reported = position;
    this.#join(action, position).catch((error: unknown) => this.#failed(error));
  }

  async #join(action: 'follow' | 'cut' | 'install', position: PhysicalOffset): Promise<void> {
    if (action === 'install') this.#snapshot = await this.#host.snapshot();
    const check = action === 'follow' ? await this.#host.checkBefore(position) : 0;
    if (this.#phase !== 'judging') return await this.#dropSnapshot();
    const { log, commitPoint, durablePoint } = this.#host;
    this.#phase = action === 'install' ? 'installing' : 'joining';
    const value = { action, position, begin: log.begin, commitPoint, durablePoint, check };
    this.#connection.write(encodeFrame({ type: 'join', value }));
  }

  #onReport(report: Report): void {
    if (report.epoch !== this.#challenge?.epoch) {
      throw new Failure('invalid', `it reports for epoch ${report.epoch}`);
    }
    if (this.#phase === 'installing') {
      if (!this.#isReading) this.#sendPiece().catch((error: unknown) => this.#failed(error));
      return;
    }
    if (this.#phase !== 'joining' && this.#phase !== 'following') {
      throw new Failure('invalid', `it sent a report while ${this.#phase}`);
    }
    const { written, synced } = report;
    if (written > this.#sent || written < this.#reported) {
      throw new Failure(
        'invalid',
        `it reports ${written} as written after ${this.#reported}, and was sent up to ${this.#sent}`,
      );
    }
    if (synced > written || synced < this.#reportedSynced) {
      throw new Failure(
        'invalid',
        `it reports ${synced} as synced after ${this.#reportedSynced}, with ${written} written`,
      );
    }
    this.#reported = written;
    this.#reportedSynced = synced;
    const member = this.#hello?.broker as BrokerId;
    if (!this.#isCounted) {
      this.#events.joined(this);
      this.#host.connected(
        {
          broker: member,
          incarnation: this.#hello?.incarnation ?? '',
          lossless: this.#isLossless,
          isComplete: !this.#isInstalling,
        },
        report,
      );
    } else this.#host.reported(member, report);
    this.#isCounted = true;
    this.#phase = 'following';
    this.pump();
  }

  #onRefusal(reason: string): void {
    if (this.#isCounted) this.#host.refused(this.#hello?.broker as BrokerId, reason);
    this.#end(`it refuses: ${reason}`);
  }

  /** One piece at a time: the follower reports when it has stored it, and now and then besides. */
  async #sendPiece(): Promise<void> {
    this.#isReading = true;
    const bytes = await this.#snapshot?.read();
    this.#isReading = false;
    if (this.#phase !== 'installing') return;
    const last = bytes === undefined;
    const value = { last, bytes: bytes ?? new Uint8Array(0) };
    this.#connection.write(encodeFrame({ type: 'snapshot', value }));
    if (!last) return;
    this.#phase = 'joining';
    await this.#dropSnapshot();
  }

  async #dropSnapshot(): Promise<void> {
    const snapshot = this.#snapshot;
    this.#snapshot = undefined;
    await snapshot?.[Symbol.asyncDispose]();
  }

  #failed(error: unknown): void {
    this.#isReading = false;
    if (!(error instanceof Failure)) throw error;
    this.close(`what it needs cannot be read: ${error.message}`, isFailure(error, 'corrupt'));
  }

  #who(): { readonly peer: string; readonly broker: BrokerId | string } {
    return { peer: this.remote, broker: this.#hello?.broker ?? 'unknown' };
  }

  #end(why: string): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#connection.end();
    this.#dropSnapshot().catch(() => {}); // It was only read.
    if (this.#isCounted) this.#host.disconnected(this.#hello?.broker as BrokerId, why);
    this.#events.closed(this);
  }
}
