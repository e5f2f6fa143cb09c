import type {
  Address,
  BrokerId,
  Clock,
  Listener,
  Logger,
  Network,
  Random,
  Timer,
} from '../../base/index.ts';
import { type Difference, nonceBytes } from './frames.ts';
import { type LeaderHost, LeaderSession, type LinkIdentity } from './leader-session.ts';

export interface LinkOptions {
  readonly maxUnreportedBytes: number;
  /** A sign of life to followers. */
  readonly heartbeatMs: number;
  /** A peer that says nothing for so long is disconnected. */
  readonly silenceMs: number;
  /** A follower reports at least so often. */
  readonly reportMs: number;
}

export const defaultLinkOptions: LinkOptions = {
  maxUnreportedBytes: 8 * 2 ** 20,
  heartbeatMs: 200,
  silenceMs: 3000,
  reportMs: 500,
};

export interface LinkPorts {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** How one follower is doing, for people and metrics. */
export interface FollowerProgress {
  readonly broker: BrokerId;
  readonly remote: string;
  readonly sent: number;
  readonly written: number;
}

/** Under load the next range tells C sooner than this; without it, whoever reads from a follower waits so long. */
const commitPointMs = 5;

/** Listens for followers on a node of any role, and serves them while the node leads. */
export class LeaderLink {
  readonly #options: LinkOptions;
  readonly #ports: LinkPorts;
  readonly #sessions = new Set<LeaderSession>();
  #listener: Listener | undefined;
  #timer: Timer | undefined;
  #isClosed = false;
  #pointsScheduled = false;
  #commitTimer: Timer | undefined;

  /** Fails `unavailable`/`addressInUse`. */
  static async listen(
    at: Address,
    identity: LinkIdentity,
    host: LeaderHost,
    options: LinkOptions,
    ports: LinkPorts,
  ): Promise<LeaderLink> {
    const link = new LeaderLink(options, ports);
    link.#listener = await ports.network.listen(at, (connection) => {
      const nonce = ports.random.bytes(nonceBytes);
      const session = new LeaderSession(identity, host, connection, { ...options, nonce }, ports, {
        joined: (session) => link.#closeOthers(session),
        closed: (session) => link.#sessions.delete(session),
      });
      link.#sessions.add(session);
      return session;
    });
    link.#watch();
    return link;
  }

  private constructor(options: LinkOptions, ports: LinkPorts) {
    this.#options = options;
    this.#ports = ports;
  }

  get address(): Address {
    if (this.#listener === undefined) throw new Error('the link does not listen yet');
    return this.#listener.address;
  }

  followers(): readonly FollowerProgress[] {
    return [...this.#sessions].flatMap((session) =>
      session.member === undefined
        ? []
        : [{ broker: session.member, remote: session.remote, ...session.progress }],
    );
  }

  /** Something was written; `wantsSync` if somebody waits until it is synced everywhere. */
  written(wantsSync: boolean): void {
    for (const session of this.#sessions) {
      if (wantsSync) session.wantSync();
      session.pump();
    }
  }

  /** A follower holds other tables than this node, which has checked itself. */
  differs(broker: BrokerId, from: Difference): void {
    for (const session of this.#sessions) if (session.member === broker) session.differs(from);
  }

  /** C or D moved: followers are told of D at the end of the turn, and soon of C, unless a range tells them. */
  pointsMoved(): void {
    if (this.#pointsScheduled) return;
    this.#pointsScheduled = true;
    this.#ports.clock.afterTurn(() => {
      this.#pointsScheduled = false;
      for (const session of this.#sessions) {
        if (session.lacks === 'durablePoint') session.heartbeat();
        else if (session.lacks === 'commitPoint') this.#commitTimer ??= this.#setCommitTimer();
      }
    });
  }

  #setCommitTimer(): Timer {
    const { clock } = this.#ports;
    return clock.setTimer(commitPointMs, () => {
      this.#commitTimer = undefined;
      const now = clock.monotonicMs();
      for (const session of this.#sessions) {
        if (session.lacks === 'nothing') continue;
        if (now - session.lastSentMs >= commitPointMs) session.heartbeat();
        else this.#commitTimer ??= this.#setCommitTimer(); // Ranges leave all the time.
      }
    });
  }

  /** The node leads no more, or is another's follower now. */
  dropAll(why: string): void {
    for (const session of [...this.#sessions]) session.close(why);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#commitTimer?.cancel();
    this.dropAll('this node stops');
    await this.#listener?.close();
  }

  #watch(): void {
    const { clock } = this.#ports;
    const { heartbeatMs, silenceMs } = this.#options;
    this.#timer = clock.setTimer(heartbeatMs, () => {
      if (this.#isClosed) return;
      const now = clock.monotonicMs();
      for (const session of [...this.#sessions]) {
        if (now - session.lastHeardMs > silenceMs) {
          session.close(`nothing was heard of it for ${silenceMs} ms`);
        } else if (session.lacks !== 'nothing' || now - session.lastSentMs >= heartbeatMs) {
          session.heartbeat();
        }
      }
      this.#watch();
    });
  }

  /** The newest connection of a broker counts. */
  #closeOthers(newest: LeaderSession): void {
    for (const session of [...this.#sessions]) {
      if (session !== newest && session.member === newest.member) {
        session.close('it has connected again');
      }
    }
  }
}
