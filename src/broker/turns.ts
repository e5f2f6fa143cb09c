import type { Clock } from '../base/index.ts';

/** Steps of long work that are done before others get their turn. */
const stepsAtOnce = 500;

/** Lets others have a turn now and then during long work. */
export class Turns {
  readonly #clock: Clock;
  #steps = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** To be awaited before each step. */
  async next(): Promise<void> {
    this.#steps++;
    if (this.#steps % stepsAtOnce === 0) await this.#clock.sleep(0);
  }
}
