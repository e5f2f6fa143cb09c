import { strict as assert } from 'node:assert';
import { Failure } from '../base/index.ts';

/** What he wrote was cut away (`refused`), is stored but not safe yet (`late`), or nobody can tell (`unknown`). */
export type GaveUp = 'refused' | 'late' | 'unknown';

/** Someone who is told once when a log position is safe enough for him, or that it never will be. */
export interface Waiter {
  /** The position he waited for was passed. */
  reached(): void;
  /** By the monotonic clock; he is told `late` soon after. Absent: he waits as long as it takes. */
  readonly deadlineMs?: number;
  gaveUp(outcome: GaveUp, why: Failure): void;
}

const late = new Failure('unavailable', 'not flushed to disk in time', { reason: 'timeout' });

/**
 * Waiters in the order of the positions they wait for. A ring of two parallel arrays, since one passes through here
 * for each message.
 */
export class WaitLine {
  #positions = new Float64Array(1024);
  #waiters: (Waiter | undefined)[] = new Array(1024).fill(undefined);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The largest position that somebody waits for; 0 when nobody waits. */
  get last(): number {
    if (this.#length === 0) return 0;
    return this.#positions[this.#slot(this.#length - 1)] as number;
  }

  /** `position` is at least that of everyone before: positions are those of appends, which rise. */
  push(position: number, waiter: Waiter): void {
    assert(position >= this.last, 'waiters come in the order of their positions');
    if (this.#length === this.#positions.length) this.#grow();
    const slot = this.#slot(this.#length);
    this.#positions[slot] = position;
    this.#waiters[slot] = waiter;
    this.#length++;
  }

  /** Tells all who wait for a position at or below `position`. */
  release(position: number): void {
    while (this.#length > 0 && (this.#positions[this.#head] as number) <= position) {
      this.#shift().reached();
    }
  }

  /** Gives up those whose deadline has passed. All of a line wait equally long, so the first is the first to go. */
  giveUpLate(nowMs: number): void {
    while (this.#length > 0) {
      const { deadlineMs } = this.#waiters[this.#head] as Waiter;
      if (deadlineMs === undefined || deadlineMs > nowMs) return;
      this.#shift().gaveUp('late', late);
    }
  }

  /** Takes all who wait for a position above `position` out of the line; whoever calls tells them. */
  takeAbove(position: number): Waiter[] {
    let keep = this.#length;
    while (keep > 0 && (this.#positions[this.#slot(keep - 1)] as number) > position) keep--;
    const dropped: Waiter[] = [];
    for (let index = keep; index < this.#length; index++) {
      const slot = this.#slot(index);
      dropped.push(this.#waiters[slot] as Waiter);
      this.#waiters[slot] = undefined;
    }
    this.#length = keep;
    return dropped;
  }

  #slot(index: number): number {
    return (this.#head + index) & (this.#positions.length - 1);
  }

  #shift(): Waiter {
    const waiter = this.#waiters[this.#head] as Waiter;
    this.#waiters[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#positions.length - 1);
    this.#length--;
    return waiter;
  }

  #grow(): void {
    const positions = new Float64Array(this.#positions.length * 2);
    const waiters: (Waiter | undefined)[] = new Array(positions.length).fill(undefined);
    for (let index = 0; index < this.#length; index++) {
      const slot = this.#slot(index);
      positions[index] = this.#positions[slot] as number;
      waiters[index] = this.#waiters[slot];
    }
    this.#positions = positions;
    this.#waiters = waiters;
    this.#head = 0;
  }
}
