import { crc32 } from 'node:zlib';
import {
  type Address,
  type Connection,
  type ConnectionHandler,
  Failure,
  formatAddress,
} from '../../../src/base/index.ts';
import type { SimNetwork } from './network.ts';
import type { SimProcess } from './process.ts';
import type { SimRandom } from './random.ts';
import type { Scheduler, SimEvent } from './scheduler.ts';
import type { Trace } from './trace.ts';

export type Accept = (connection: Connection) => ConnectionHandler;

export interface ConnectionParts {
  readonly network: SimNetwork;
  readonly scheduler: Scheduler;
  readonly random: SimRandom;
  readonly trace: Trace;
}

/** Bytes that may be under way in one direction before the writer has to keep them itself. */
const windowBytes = 256 * 1024;

/** How long a connection that ended waits for its peer to end too. */
const lingerMs = 5_000;

/** What travels. `end`: the sender has written all. `break`: the connection is gone. */
type Item =
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | { readonly type: 'end' }
  | { readonly type: 'break' };

/** One end of a connection; `peer` is the other. */
export class SimConnection implements Connection {
  readonly process: SimProcess;
  readonly local: Address;
  readonly remote: Address;
  readonly isEncrypted: boolean;
  /** The first bytes that arrive close it: they are plain and must not be. */
  readonly #refusesInput: boolean;
  readonly #parts: ConnectionParts;
  readonly #outbound: Outbound;
  readonly #arrived: Item[] = [];
  #peer: SimConnection | undefined;
  #handler: ConnectionHandler | undefined;
  #paused = false;
  #delivering = false;
  /** Nothing is written any more and what arrives is discarded. */
  #ended = false;
  #peerEnded = false;
  #closed = false;
  #cause: Error | undefined;
  #linger: SimEvent | undefined;

  constructor(
    parts: ConnectionParts,
    process: SimProcess,
    local: Address,
    remote: Address,
    tls: { readonly isEncrypted: boolean; readonly refusesInput: boolean },
  ) {
    this.isEncrypted = tls.isEncrypted;
    this.#refusesInput = tls.refusesInput;
    this.#parts = parts;
    this.process = process;
    this.local = local;
    this.remote = remote;
    this.#outbound = new Outbound(this, parts);
  }

  static pair(
    parts: ConnectionParts,
    client: { readonly process: SimProcess; readonly address: Address },
    server: { readonly process: SimProcess; readonly address: Address },
    tls: { readonly isEncrypted: boolean; readonly isEnforced: boolean },
  ): { readonly client: SimConnection; readonly server: SimConnection } {
    const { isEncrypted } = tls;
    const one = new SimConnection(parts, client.process, client.address, server.address, {
      isEncrypted,
      refusesInput: false,
    });
    const other = new SimConnection(parts, server.process, server.address, client.address, {
      isEncrypted,
      refusesInput: tls.isEnforced && !isEncrypted,
    });
    one.#peer = other;
    other.#peer = one;
    return { client: one, server: other };
  }

  get peer(): SimConnection {
    if (this.#peer === undefined) throw new Error('a connection without another end');
    return this.#peer;
  }

  start(accept: Accept): void {
    const handler = accept(this);
    this.#handler = handler;
    if (this.#closed) this.#tellClosed(handler);
    else this.#deliverSoon();
  }

  // The port.

  get unsentBytes(): number {
    return this.#outbound.unsentBytes;
  }

  write(bytes: Uint8Array): void {
    if (this.#ended || bytes.length === 0 || !this.process.alive) return;
    const what = `${this.process.name} sends to ${formatAddress(this.remote)}`;
    this.#parts.trace.note(what, bytes.length, crc32(bytes));
    this.#outbound.write(bytes);
  }

  pauseReading(): void {
    this.#paused = !this.#ended;
  }

  resumeReading(): void {
    this.#paused = false;
    this.#deliverSoon();
  }

  end(): void {
    if (this.#ended || !this.process.alive) return;
    this.#ended = true;
    this.#outbound.end();
    this.#linger = this.#schedule(lingerMs, 'waits no longer for its peer', () => this.#close());
    this.resumeReading();
  }

  /** Whatever is under way may still arrive, or a part of it. */
  destroy(): void {
    if (this.#closed || !this.process.alive) return;
    const last = this.#parts.random.chance(0.5) ? 'end' : 'break';
    this.#outbound.finish(last, 0);
    this.#close();
  }

  // What the network does.

  get closed(): boolean {
    return this.#closed;
  }

  receive(item: Item): void {
    if (this.#closed || !this.process.alive) return;
    if (item.type === 'break') {
      this.#close(lostCause(this.remote));
    } else {
      this.#arrived.push(item);
      this.#deliverSoon();
    }
  }

  /** Both ends lose it, each after a while, with what is under way. */
  break(): void {
    for (const side of [this, this.peer]) {
      side.#outbound.forget();
      const { network } = this.#parts;
      const delayMs = network.latencyMs(side.peer.process.name, side.process.name);
      side.#schedule(delayMs, 'loses its connection', () => side.#close(lostCause(side.remote)));
    }
  }

  /** The process died; the peer learns of it after `delayMs`, and may get a part of what was under way. */
  died(delayMs: number): void {
    this.#outbound.finish('break', delayMs);
  }

  unblocked(): void {
    this.#outbound.unblocked();
  }

  /** The peer took bytes, so that there is room for more. */
  taken(bytes: number): void {
    this.#outbound.taken(bytes);
  }

  drained(): void {
    this.#schedule(0, 'has sent all', () => {
      if (!this.#closed && this.unsentBytes === 0) this.#handler?.drained();
    });
  }

  /** Our `end` is on its way. */
  endSent(): void {
    if (this.#peerEnded) this.#close();
  }

  #deliverSoon(): void {
    if (this.#delivering || this.#arrived.length === 0) return;
    this.#delivering = true;
    this.#schedule(0, 'receives', () => {
      this.#delivering = false;
      this.#deliver();
    });
  }

  /** All bytes that arrived, in one piece. */
  #deliver(): void {
    if (this.#paused || this.#closed || this.#handler === undefined) return;
    const chunks: Uint8Array[] = [];
    while (this.#arrived[0]?.type === 'bytes') {
      const item = this.#arrived.shift();
      if (item?.type === 'bytes') chunks.push(item.bytes);
    }
    if (chunks.length > 0) {
      // A copy, whose bytes are good for nothing afterwards: whoever keeps them without copying is found.
      const bytes = Buffer.concat(chunks);
      this.peer.taken(bytes.length);
      if (this.#refusesInput) {
        this.destroy();
        return;
      }
      if (!this.#ended) this.#handler.data(bytes);
      bytes.fill(0xa5);
      this.#deliverSoon();
    } else if (this.#arrived.shift()?.type === 'end') {
      this.#peerEnded = true;
      if (!this.#ended) {
        this.#ended = true;
        this.#outbound.end();
      } else if (this.#outbound.isEndSent) {
        this.#close();
      }
    }
  }

  #close(cause?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ended = true;
    this.#linger?.cancel();
    this.#outbound.closed();
    this.#parts.network.forget(this);
    this.#cause = cause;
    if (this.#handler !== undefined) this.#tellClosed(this.#handler);
  }

  #tellClosed(handler: ConnectionHandler): void {
    this.#schedule(0, 'is closed', () => handler.closed(this.#cause));
  }

  #schedule(delayMs: number, what: string, action: () => void): SimEvent {
    const { name } = this.process;
    const event = `${name}:${this.local.port} ${what}`;
    return this.#parts.scheduler.schedule(delayMs, event, this.process, action);
  }
}

/** One direction: an ordered queue of what is under way, and before it what the window has no room for. */
class Outbound {
  readonly #from: SimConnection;
  readonly #parts: ConnectionParts;
  #unsent: Uint8Array[] = [];
  #unsentBytes = 0;
  #owesDrained = false;
  #endAsked = false;
  #endSent = false;
  #underWay: Item[] = [];
  /** Bytes that were sent and that the peer's handler has not taken. */
  #untakenBytes = 0;
  /** Arrivals that a block holds back. */
  #held = 0;
  #lastArrivalMs = 0;

  constructor(from: SimConnection, parts: ConnectionParts) {
    this.#from = from;
    this.#parts = parts;
  }

  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  get isEndSent(): boolean {
    return this.#endSent;
  }

  write(bytes: Uint8Array): void {
    this.#unsent.push(bytes);
    this.#unsentBytes += bytes.length;
    this.#sendWhatFits();
    if (this.#unsentBytes > 0) this.#owesDrained = true;
  }

  end(): void {
    this.#endAsked = true;
    this.#sendWhatFits();
  }

  taken(bytes: number): void {
    this.#untakenBytes -= bytes;
    this.#sendWhatFits();
    if (!this.#owesDrained || this.#unsentBytes > 0) return;
    this.#owesDrained = false;
    this.#from.drained();
  }

  unblocked(): void {
    for (; this.#held > 0; this.#held--) this.#scheduleArrival(0);
  }

  forget(): void {
    this.closed();
    this.#underWay = [];
  }

  /** The sender is gone: keeps a first part of what is under way. */
  finish(last: 'end' | 'break', delayMs: number): void {
    this.closed();
    this.#underWay.length = this.#parts.random.below(this.#underWay.length + 1);
    this.#travel({ type: last }, delayMs);
  }

  closed(): void {
    this.#unsent = [];
    this.#unsentBytes = 0;
    this.#owesDrained = false;
  }

  #sendWhatFits(): void {
    for (let first = this.#unsent[0]; first !== undefined; first = this.#unsent[0]) {
      const room = windowBytes - this.#untakenBytes;
      if (room <= 0) return;
      const length = Math.min(room, first.length);
      // A copy: the writer may use its memory again from now on.
      this.#send(Uint8Array.from(first.subarray(0, length)));
      this.#untakenBytes += length;
      this.#unsentBytes -= length;
      if (length === first.length) this.#unsent.shift();
      else this.#unsent[0] = first.subarray(length);
    }
    if (this.#endAsked && !this.#endSent) {
      this.#endSent = true;
      this.#travel({ type: 'end' }, 0);
      this.#from.endSent();
    }
  }

  #send(bytes: Uint8Array): void {
    const { random, network } = this.#parts;
    let rest = bytes;
    while (rest.length > 1 && random.chance(network.faults.splitChance)) {
      const length = 1 + random.below(rest.length - 1);
      this.#travel({ type: 'bytes', bytes: rest.subarray(0, length) }, 0);
      rest = rest.subarray(length);
    }
    this.#travel({ type: 'bytes', bytes: rest }, 0);
  }

  #travel(item: Item, delayMs: number): void {
    this.#underWay.push(item);
    this.#scheduleArrival(delayMs);
  }

  /** Never before what was sent earlier; at the same time as that, often, so that the peer gets both in one piece. */
  #scheduleArrival(delayMs: number): void {
    const { scheduler, network } = this.#parts;
    const { process, peer } = this.#from;
    const travelMs = delayMs + network.latencyMs(process.name, peer.process.name);
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, scheduler.nowMs + travelMs);
    const what = `${peer.process.name}:${peer.local.port} is reached`;
    scheduler.schedule(this.#lastArrivalMs - scheduler.nowMs, what, undefined, () =>
      this.#arrive(),
    );
  }

  #arrive(): void {
    const { network, random } = this.#parts;
    const { process, peer } = this.#from;
    if (network.isBlocked(process.name, peer.process.name)) {
      this.#held++;
      return;
    }
    const item = this.#underWay.shift();
    if (item === undefined) return;
    if (item.type === 'bytes' && random.chance(network.faults.breakChance)) {
      peer.receive({
        type: 'bytes',
        bytes: item.bytes.subarray(0, random.below(item.bytes.length)),
      });
      this.#from.break();
    } else {
      peer.receive(item);
    }
  }
}

function lostCause(remote: Address): Failure {
  return new Failure('unavailable', `connection to ${formatAddress(remote)} lost`, {
    reason: 'connectionLost',
  });
}
