import type { TimestampMs } from './values.ts';

export interface Timer {
  cancel(): void;
}

/** Time, and the order of work within one turn of the event loop. */
export interface Clock {
  /** Wall time. May jump in both directions. */
  now(): TimestampMs;
  /** Milliseconds from an unknown start; never goes back. For measuring and for deadlines. */
  monotonicMs(): number;
  /** Runs `action` once, at least `delayMs` from now. Timers do not keep a process alive. */
  setTimer(delayMs: number, action: () => void): Timer;
  /** Resolves after `delayMs`, or early when `stop` aborts. Never rejects. */
  sleep(delayMs: number, stop?: AbortSignal): Promise<void>;
  /**
   * Runs `action` when all input that is ready in this turn has been handled: the place for one log write and one
   * socket write per connection. Actions run in the order they were given; one given meanwhile runs in the next turn.
   */
  afterTurn(action: () => void): void;
}
