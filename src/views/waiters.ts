import type { Clock, Failure, PhysicalOffset, Timer } from '../base/index.ts';
import { type Waiter, WaitLine } from './wait-line.ts';

/** How exact the deadlines of waiters are. */
const lateCheckMs = 100;

/**
 * Who waits for positions of a log, in a line for each way of being safe. Those of a line wait equally long, if they
 * have a deadline.
 */
export class Waiters {
  /** For what this node has handed to its operating system. */
  readonly written = new WaitLine();
  /** For what this node has fsynced. */
  readonly synced = new WaitLine();
  /** For C. */
  readonly committed = new WaitLine();
  /** For C, and as many replicas as were asked for, in the set or not. */
  readonly copied = new WaitLine();
  /** For D: definitions, which wait another time at most than messages do. */
  readonly durable = new WaitLine();
  readonly durableMessages = new WaitLine();
  readonly #all = [
    ...[this.written, this.synced, this.committed],
    ...[this.copied, this.durable, this.durableMessages],
  ];
  readonly #clock: Clock;
  readonly #onLate: () => void;
  #lateTimer: Timer | undefined;
  #over: Failure | undefined;

  /** `onLate` is told after those who were late. */
  constructor(clock: Clock, onLate: () => void) {
    this.#clock = clock;
    this.#onLate = onLate;
  }

  /** Somebody waits until the whole set has fsynced. */
  get wantsD(): boolean {
    return this.durable.length > 0 || this.durableMessages.length > 0;
  }

  /** Somebody waits until this node has fsynced. */
  get wantsSync(): boolean {
    return this.synced.length > 0 || this.wantsD;
  }

  /** `waiter` is told when what is safe passes `position`: at once, when it has. True if he has to wait. */
  wait(line: WaitLine, position: PhysicalOffset, safe: number, waiter: Waiter): boolean {
    if (position <= safe) {
      waiter.reached();
      return false;
    }
    if (this.#over !== undefined) {
      waiter.gaveUp('unknown', this.#over);
      return false;
    }
    // Who waits for something older than the last in line is told with him.
    line.push(Math.max(position, line.last), waiter);
    this.#watchDeadlines();
    return true;
  }

  releaseWritten(written: PhysicalOffset, commitPoint: PhysicalOffset, copied: number): void {
    this.written.release(written);
    this.committed.release(commitPoint);
    this.copied.release(copied);
  }

  /** The tables have applied everything below D. */
  releaseSynced(synced: PhysicalOffset, durablePoint: PhysicalOffset): void {
    this.synced.release(synced);
    this.durable.release(durablePoint);
    this.durableMessages.release(durablePoint);
  }

  /** All who wait for a position above it; whoever calls tells them. */
  takeAbove(position: number): Waiter[] {
    return this.#all.flatMap((line) => line.takeAbove(position));
  }

  /** Nothing becomes safe any more: for whoever waits, now or later, the outcome is unknown. */
  end(why: Failure): void {
    this.#over ??= why;
    this.#lateTimer?.cancel();
    for (const waiter of this.takeAbove(-1)) waiter.gaveUp('unknown', why);
  }

  #watchDeadlines(): void {
    if (this.copied.length === 0 && !this.wantsSync) return;
    this.#lateTimer ??= this.#clock.setTimer(lateCheckMs, this.#giveUpLate);
  }

  readonly #giveUpLate = (): void => {
    this.#lateTimer = undefined;
    const nowMs = this.#clock.monotonicMs();
    for (const line of [this.synced, this.copied, this.durable, this.durableMessages]) {
      line.giveUpLate(nowMs);
    }
    this.#onLate();
    this.#watchDeadlines();
  };
}
