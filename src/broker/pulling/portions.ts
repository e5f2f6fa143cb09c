import type { Clock, Timer } from '../../base/index.ts';

/** Two answers to usual clients: a quarter of a millisecond of one thread. */
const defaultPortionBytes = 64 * 1024;
/** Whether those who read slowly have caught up is looked at so often. */
const lookAgainMs = 10;

/** Whom the answers are for: a connection. */
export interface PortionReader {
  /** More waits for it than it reads: it gets nothing of its portions. */
  readonly isBehind: boolean;
  /** One more of its requests waits; when those are too many, it is not asked for more. */
  postpone(): void;
  settled(): void;
}

interface Waiting {
  readonly bytes: number;
  readonly reader: PortionReader;
  readonly work: () => void;
}

/**
 * Whoever reads old messages wants all of them at once: so much of them is read and sent in one turn, and requests of others get
 * theirs between the portions. First come, first served, but for those who are behind.
 */
export class Portions {
  readonly #clock: Clock;
  readonly #portionBytes: number;
  #leftBytes: number;
  #waiting: Waiting[] = [];
  #isWorking = false;
  #isScheduled = false;
  #lookAgain: Timer | undefined;

  constructor(clock: Clock, portionBytes = defaultPortionBytes) {
    this.#clock = clock;
    this.#portionBytes = portionBytes;
    this.#leftBytes = portionBytes;
  }

  /** Calls `work`, which does not throw, in this turn or a later one. What is larger than a portion is one by itself. */
  take(bytes: number, reader: PortionReader, work: () => void): void {
    const mustWait = this.#isWorking || this.#waiting.length > 0 || this.#leftBytes <= 0;
    if (mustWait || reader.isBehind) {
      this.#waiting.push({ bytes, reader, work });
      reader.postpone();
    } else {
      this.#leftBytes -= bytes;
      work();
    }
    this.#schedule();
  }

  /** Calls all that waits: nobody shall wait for a turn that may not come. */
  finish(): void {
    this.#lookAgain?.cancel();
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const one of waiting) finish(one);
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#clock.afterTurn(this.#nextTurn);
  }

  readonly #nextTurn = (): void => {
    this.#isScheduled = false;
    this.#leftBytes = this.#portionBytes;
    const waiting = this.#waiting;
    this.#waiting = [];
    const rest: Waiting[] = [];
    this.#isWorking = true;
    for (const one of waiting) {
      if (this.#leftBytes <= 0 || one.reader.isBehind) {
        rest.push(one);
      } else {
        this.#leftBytes -= one.bytes;
        finish(one);
      }
    }
    this.#isWorking = false;
    this.#waiting = [...rest, ...this.#waiting];
    if (rest.length < waiting.length) {
      this.#schedule();
    } else if (this.#waiting.length > 0) {
      this.#lookAgain?.cancel();
      this.#lookAgain = this.#clock.setTimer(lookAgainMs, () => this.#schedule());
    }
  };
}

function finish({ reader, work }: Waiting): void {
  work();
  // Perhaps it may send more now, and does.
  reader.settled();
}
