import type { Clock } from '../../base/index.ts';

/** Two answers to usual clients: a quarter of a millisecond of one thread. */
const defaultPortionBytes = 64 * 1024;

/**
 * Whoever reads old messages wants all of them at once: so much of them is read and sent in one turn, and requests of others get
 * theirs between the portions. First come, first served.
 */
export class Portions {
  readonly #clock: Clock;
  readonly #portionBytes: number;
  #leftBytes: number;
  #waiting: { readonly bytes: number; readonly work: () => void }[] = [];
  #isScheduled = false;

  constructor(clock: Clock, portionBytes = defaultPortionBytes) {
    this.#clock = clock;
    this.#portionBytes = portionBytes;
    this.#leftBytes = portionBytes;
  }

  /** Calls `work`, which does not throw, in this turn or a later one. What is larger than a portion is one by itself. */
  take(bytes: number, work: () => void): void {
    if (this.#waiting.length > 0 || this.#leftBytes <= 0) {
      this.#waiting.push({ bytes, work });
    } else {
      this.#leftBytes -= bytes;
      work();
    }
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#clock.afterTurn(this.#nextTurn);
  }

  /** Calls all that waits: nobody shall wait for a turn that may not come. */
  finish(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { work } of waiting) work();
  }

  readonly #nextTurn = (): void => {
    this.#isScheduled = false;
    this.#leftBytes = this.#portionBytes;
    const waiting = this.#waiting;
    this.#waiting = [];
    let taken = 0;
    for (const { bytes, work } of waiting) {
      if (this.#leftBytes <= 0) break;
      taken++;
      this.#leftBytes -= bytes;
      work();
    }
    this.#waiting = [...waiting.slice(taken), ...this.#waiting];
    if (taken === 0) return;
    this.#isScheduled = true;
    this.#clock.afterTurn(this.#nextTurn);
  };
}
