import type { Clock, Timer } from '../../base/index.ts';

/** How far apart two samples of the shortest window are. */
export const tickMs = 10_000;
const secondMs = 1000;

/**
 * The time of statistics: seconds for rates, and ticks of ten seconds at which items are sampled. An item looks at
 * `now` when it changes or is read, and then knows which samples it missed, so that nobody walks through all items.
 */
export class Ticks {
  readonly #clock: Clock;
  readonly #onSecond: () => void;
  readonly #startMs: number;
  #timer: Timer | undefined;
  /** Whole seconds since the start that were told. */
  #seconds = 0;
  /** Whole ticks since the start. */
  now = 0;

  constructor(clock: Clock, onSecond: () => void) {
    this.#clock = clock;
    this.#onSecond = onSecond;
    this.#startMs = clock.monotonicMs();
  }

  start(): void {
    const elapsedMs = this.#clock.monotonicMs() - this.#startMs;
    // After a stall of the process the seconds that were missed are told as one, but the ticks are those of the clock.
    this.#seconds = Math.max(this.#seconds, Math.floor(elapsedMs / secondMs)) + 1;
    const delayMs = Math.max(0, this.#seconds * secondMs - elapsedMs);
    this.#timer = this.#clock.setTimer(delayMs, () => {
      this.now = Math.floor((this.#seconds * secondMs) / tickMs);
      this.#onSecond();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
