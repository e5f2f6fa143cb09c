import {
  type Address,
  type Connection,
  type ConnectionHandler,
  describeError,
  type Epoch,
  Failure,
  formatAddress,
  isFailure,
  type PhysicalOffset,
  type Timer,
} from '../../base/index.ts';
import { FrameInput } from './frame-input.ts';
import {
  type Challenge,
  type Difference,
  encodeFrame,
  type FollowerState,
  type Frame,
  type Hello,
  type Join,
  linkPreamble,
  nonceBytes,
  type Range,
  type Report,
} from './frames.ts';
import type { LinkOptions, LinkPorts } from './leader-link.ts';
import type { LinkIdentity } from './leader-session.ts';
import { isProof, proofOf } from './proof.ts';

/** The node that follows, as its link sees it. What it throws as a Failure ends the session. */
export interface FollowerHost {
  readonly promisedEpoch: Epoch;
  /** What it has at this moment. */
  state(): Omit<FollowerState, 'proof'>;
  /** Durable before it returns (rule 4). */
  promise(epoch: Epoch): Promise<void>;
  /** CRC-32 of the bytes before: see `Join.check`. */
  checkBefore(position: PhysicalOffset): Promise<number>;
  /** The leader lets it follow, or install. */
  joined(join: Join, epoch: Epoch): void | Promise<void>;
  /** Whole records that begin at its end; checked before anything is appended. */
  ingest(bytes: Uint8Array): void | Promise<void>;
  points(commitPoint: PhysicalOffset, durablePoint: PhysicalOffset): void;
  /** Somebody waits: fsync at once. */
  wantSync(): void;
  /** The next piece of a snapshot. */
  snapshot(bytes: Uint8Array, last: boolean): Promise<void>;
  /** The leader, which has checked itself, holds other tables behind this record. */
  differs(from: Difference): void;
  /** Positions and digest of this moment. */
  report(): Omit<Report, 'epoch'>;
}

/** Why a session ended. */
export type Ending =
  /** To be tried again. */
  | { readonly kind: 'lost'; readonly why: string }
  /** The disk of this node is full; to be tried again, but not at once. */
  | { readonly kind: 'full'; readonly why: string }
  /** The log must be cut to this position before the next try. */
  | { readonly kind: 'cut'; readonly position: PhysicalOffset }
  /** A snapshot and the whole log must be installed. */
  | { readonly kind: 'install'; readonly begin: PhysicalOffset; readonly segmentBytes: number }
  /** The leader, or this node, will not have it so: a person must look. */
  | { readonly kind: 'refused'; readonly why: string }
  /** The node's own store failed, or holds what the leader's does not. */
  | { readonly kind: 'failed'; readonly failure: Failure };

export interface LeaderWord {
  /** Monotonic; when anything came of it. */
  readonly atMs: number;
  /** C as it said last, whether that is written here already or not. */
  readonly commitPoint: PhysicalOffset;
}

const connectTimeoutMs = 1000;

/** One connection to a leader, from HELLO to its end. */
export class FollowerSession implements ConnectionHandler {
  readonly #identity: LinkIdentity;
  readonly #host: FollowerHost;
  readonly #options: LinkOptions;
  readonly #ports: LinkPorts;
  readonly #input = new FrameInput((frame) => this.#take(frame));
  readonly #hello: Hello;
  #connection: Connection | undefined;
  #challenge: Challenge | undefined;
  #phase: 'proving' | 'judged' | 'joining' | 'following' | 'ended' = 'proving';
  /** Frames that arrived while one was being worked on. Reading is paused, so that they are few. */
  #held: Frame[] | undefined;
  #timer: Timer | undefined;
  #lastHeardMs = 0;
  #commitPoint: PhysicalOffset | undefined;
  #lastReportMs = 0;
  #reportScheduled = false;
  #resolve: (ending: Ending) => void = () => {};

  constructor(identity: LinkIdentity, host: FollowerHost, options: LinkOptions, ports: LinkPorts) {
    this.#identity = identity;
    this.#host = host;
    this.#options = options;
    this.#ports = ports;
    const { cluster, group, broker, incarnation } = identity;
    this.#hello = {
      ...{ cluster, group, broker, incarnation },
      promisedEpoch: host.promisedEpoch,
      nonce: ports.random.bytes(nonceBytes),
    };
  }

  get isFollowing(): boolean {
    return this.#phase === 'following';
  }

  /** The leader's last word, while it is followed. */
  get heard(): LeaderWord | undefined {
    const commitPoint = this.#commitPoint;
    if (!this.isFollowing || commitPoint === undefined) return undefined;
    return { atMs: this.#lastHeardMs, commitPoint };
  }

  /** Connects and follows; resolves when the session ends. */
  async run(leader: Address): Promise<Ending> {
    const { network, clock } = this.#ports;
    const ended = new Promise<Ending>((resolve) => {
      this.#resolve = resolve;
    });
    try {
      await network.connect(leader, { timeoutMs: connectTimeoutMs }, (connection) => {
        this.#connection = connection;
        return this;
      });
    } catch (error) {
      if (!isFailure(error)) throw error;
      return { kind: 'lost', why: `${formatAddress(leader)}: ${describeError(error)}` };
    }
    if (this.#phase === 'ended') return await ended;
    this.#lastHeardMs = clock.monotonicMs();
    this.#connection?.write(linkPreamble);
    this.#send({ type: 'hello', value: this.#hello });
    this.#watch();
    return await ended;
  }

  /** Positions moved: told at the end of this turn. */
  report(): void {
    if (this.#phase !== 'following' || this.#reportScheduled) return;
    this.#reportScheduled = true;
    this.#ports.clock.afterTurn(() => {
      this.#reportScheduled = false;
      if (this.#phase === 'following') this.#sendReport();
    });
  }

  /** Ends it from this side. */
  stop(why: string): void {
    this.#end({ kind: 'lost', why });
  }

  /** What was taken cannot be stored. */
  fail(failure: Failure): void {
    this.#endFor(failure);
  }

  data(bytes: Uint8Array): void {
    this.#lastHeardMs = this.#ports.clock.monotonicMs();
    try {
      this.#input.add(bytes);
    } catch (error) {
      if (!isFailure(error)) throw error;
      this.#endFor(error);
    }
  }

  drained(): void {}

  closed(cause?: Error): void {
    this.#end({ kind: 'lost', why: cause?.message ?? 'the leader closed the connection' });
  }

  #take(frame: Frame): void {
    if (this.#phase === 'ended') return;
    if (this.#held !== undefined) {
      this.#held.push(copied(frame));
      return;
    }
    const working = this.#work(frame);
    if (working === undefined) return;
    this.#held = [];
    this.#connection?.pauseReading();
    working.then(
      () => this.#workOnHeld(),
      (error: unknown) => this.#endFor(error),
    );
  }

  #workOnHeld(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    held.forEach((frame) => {
      this.#take(frame);
    });
    if (this.#held !== undefined || this.#phase === 'ended') return;
    this.#lastHeardMs = this.#ports.clock.monotonicMs();
    this.#connection?.resumeReading();
  }

  /** A promise when the next frame must wait for it. */
  #work(frame: Frame): Promise<void> | undefined {
    switch (frame.type) {
      case 'challenge':
        if (this.#phase === 'proving') return this.#prove(frame.value);
        break;
      case 'join':
        if (this.#phase === 'judged') return this.#join(frame.value);
        break;
      case 'snapshot':
        if (this.#phase === 'joining' || this.#phase === 'following') {
          return this.#host
            .snapshot(frame.value.bytes, frame.value.last)
            .then(() => this.#sendReport());
        }
        break;
      case 'range':
        if (this.#phase === 'following') return this.#onRange(frame.value);
        break;
      case 'differs':
        if (this.#phase !== 'following') break;
        this.#host.differs(frame.value);
        return undefined;
      case 'refusal':
        // It may be willing later: an epoch that ended, a stop. Only what no time heals is for people.
        this.#end({
          kind: frame.lasting ? 'refused' : 'lost',
          why: `the leader refuses: ${frame.reason}`,
        });
        return undefined;
    }
    this.#end({ kind: 'refused', why: `the leader sent ${frame.type} while ${this.#phase}` });
    return undefined;
  }

  async #prove(challenge: Challenge): Promise<void> {
    const { secret } = this.#identity;
    const { proof, ...said } = challenge;
    if (!isProof(proof, proofOf('leader', secret, this.#hello, said))) {
      this.#end({ kind: 'refused', why: 'the leader does not know the secret of the group' });
      return;
    }
    if (challenge.epoch < this.#host.promisedEpoch) {
      this.#send({ type: 'promised', epoch: this.#host.promisedEpoch });
      this.#end({ kind: 'lost', why: `its epoch ${challenge.epoch} is over` });
      return;
    }
    this.#challenge = challenge;
    await this.#host.promise(challenge.epoch);
    if (this.#isOver()) return;
    this.#phase = 'judged';
    const own = proofOf('follower', secret, this.#hello, said);
    this.#send({ type: 'state', value: { ...this.#host.state(), proof: own } });
  }

  async #join(join: Join): Promise<void> {
    const { action, position, begin } = join;
    const challenge = this.#challenge as Challenge;
    if (action === 'cut') return this.#end({ kind: 'cut', position });
    const { holding, end } = this.#host.state();
    if (action === 'install' && holding !== 'installing') {
      return this.#end({ kind: 'install', begin, segmentBytes: challenge.segmentBytes });
    }
    if (action === 'follow') {
      if (position !== end) {
        return this.#end({
          kind: 'refused',
          why: `the leader begins at ${position}, not at ${end}`,
        });
      }
      if ((await this.#host.checkBefore(position)) !== join.check) {
        const message = `the log before ${position} differs from the leader's although their epochs agree`;
        return this.#end({ kind: 'failed', failure: new Failure('corrupt', message) });
      }
      if (this.#isOver()) return;
    }
    this.#phase = 'joining';
    await this.#host.joined(join, challenge.epoch);
    if (this.#isOver()) return;
    this.#phase = 'following';
    this.#sendReport();
  }

  #onRange(range: Range): Promise<void> | undefined {
    const { epoch, commitPoint, durablePoint, wantsSync, bytes } = range;
    if (epoch !== this.#challenge?.epoch || epoch < this.#host.promisedEpoch) {
      this.#send({ type: 'promised', epoch: this.#host.promisedEpoch });
      this.#end({ kind: 'lost', why: `a range of epoch ${epoch}` });
      return undefined;
    }
    this.#commitPoint = commitPoint;
    const after = (): void => {
      if (this.#isOver()) return;
      this.#host.points(commitPoint, durablePoint);
      if (wantsSync) this.#host.wantSync();
    };
    if (bytes.length > 0) {
      const { end } = this.#host.state();
      if (range.start !== end) {
        this.#end({ kind: 'refused', why: `a range at ${range.start}, where ${end} was due` });
        return undefined;
      }
      let ingesting: void | Promise<void>;
      try {
        ingesting = this.#host.ingest(bytes);
      } catch (error) {
        this.#endFor(error);
        return undefined;
      }
      if (ingesting instanceof Promise) return ingesting.then(after);
    }
    after();
    return undefined;
  }

  #isOver(): boolean {
    return this.#phase === 'ended';
  }

  #sendReport(): void {
    const epoch = this.#challenge?.epoch;
    if (this.#phase === 'ended' || epoch === undefined) return;
    this.#lastReportMs = this.#ports.clock.monotonicMs();
    this.#send({ type: 'report', value: { epoch, ...this.#host.report() } });
  }

  #send(frame: Frame): void {
    this.#connection?.write(encodeFrame(frame));
  }

  #watch(): void {
    const { clock } = this.#ports;
    const { heartbeatMs, silenceMs, reportMs } = this.#options;
    this.#timer = clock.setTimer(heartbeatMs, () => {
      if (this.#phase === 'ended') return;
      const now = clock.monotonicMs();
      // Who works on a frame does not listen meanwhile.
      if (this.#held === undefined && now - this.#lastHeardMs > silenceMs) {
        this.#end({ kind: 'lost', why: `nothing was heard of the leader for ${silenceMs} ms` });
        return;
      }
      const isDue = now - this.#lastReportMs >= reportMs - heartbeatMs;
      if (this.#phase === 'following' && isDue) this.#sendReport();
      this.#watch();
    });
  }

  #endFor(error: unknown): void {
    if (!(error instanceof Failure)) throw error;
    const why = error.message;
    // What the leader sent makes no sense, or this node cannot store it.
    if (error.kind === 'invalid') this.#end({ kind: 'refused', why });
    else if (error.kind === 'unavailable' && error.reason === 'diskFull') {
      // Nobody need wait for this node until there is room again.
      this.#send({ type: 'refusal', lasting: false, reason: why });
      this.#end({ kind: 'full', why });
    } else if (error.kind === 'unavailable') this.#end({ kind: 'lost', why });
    else this.#end({ kind: 'failed', failure: error });
  }

  #end(ending: Ending): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    this.#timer?.cancel();
    this.#connection?.end();
    this.#resolve(ending);
  }
}

/** The bytes of a frame are lent while it is handed out. */
function copied(frame: Frame): Frame {
  if (frame.type !== 'range' && frame.type !== 'snapshot') return frame;
  const bytes = Uint8Array.from(frame.value.bytes);
  return { ...frame, value: { ...frame.value, bytes } } as Frame;
}
