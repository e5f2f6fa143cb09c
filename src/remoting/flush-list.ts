import type { Clock } from '../base/index.ts';

interface Flushable {
  flush(): void;
}

/** Connections with output; each is flushed once when the input of this turn has been handled. */
export class FlushList {
  readonly #clock: Clock;
  #waiting: Flushable[] = [];
  #isScheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(connection: Flushable): void {
    this.#waiting.push(connection);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#clock.afterTurn(this.#run);
  }

  /** Flushes what waits now instead of at the end of the turn: for owners with an order of their own. */
  flush(): void {
    const ready = this.#waiting;
    if (ready.length === 0) return;
    this.#waiting = [];
    for (const connection of ready) connection.flush();
  }

  readonly #run = (): void => {
    this.#isScheduled = false;
    this.flush();
  };
}
