import type { Clock, LogFields, Logger } from '../base/index.ts';

/** Lines that peers can cause at will: one per interval, with the number of those left out before it. */
export class LogLimiter {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #intervalMs: number;
  #nextMs = Number.NEGATIVE_INFINITY;
  #leftOut = 0;

  constructor(clock: Clock, logger: Logger, intervalMs = 1000) {
    this.#clock = clock;
    this.#logger = logger;
    this.#intervalMs = intervalMs;
  }

  warn(message: string, fields: LogFields): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#nextMs) {
      this.#leftOut++;
      return;
    }
    this.#nextMs = nowMs + this.#intervalMs;
    this.#logger.warn(message, this.#leftOut === 0 ? fields : { ...fields, alike: this.#leftOut });
    this.#leftOut = 0;
  }
}
