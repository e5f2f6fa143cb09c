import { type Clock, type Timer, type TimestampMs, timestampMs } from '../../../src/base/index.ts';
import type { SimProcess } from './process.ts';
import type { Scheduler } from './scheduler.ts';

/** Wall time of a node; outlives its processes. */
export interface WallTime {
  /** How far it is from the world's time. */
  offsetMs: number;
}

/** The clock of one process. Everything that waits on it is forgotten when the process dies. */
export class SimClock implements Clock {
  readonly #process: SimProcess;
  readonly #scheduler: Scheduler;
  readonly #wallTime: WallTime;
  #actions: (() => void)[] = [];

  constructor(process: SimProcess, scheduler: Scheduler, wallTime: WallTime) {
    this.#process = process;
    this.#scheduler = scheduler;
    this.#wallTime = wallTime;
  }

  now(): TimestampMs {
    return timestampMs(Math.floor(this.#scheduler.nowMs + this.#wallTime.offsetMs));
  }

  monotonicMs(): number {
    return this.#scheduler.nowMs;
  }

  setTimer(delayMs: number, action: () => void): Timer {
    return this.#scheduler.schedule(delayMs, this.#what('timer'), this.#process, action);
  }

  sleep(delayMs: number, stop?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (stop?.aborted) return resolve();
      const wake = (): void => {
        timer.cancel();
        stop?.removeEventListener('abort', wake);
        if (this.#process.alive) resolve();
      };
      const timer = this.setTimer(delayMs, wake);
      stop?.addEventListener('abort', wake);
    });
  }

  /** An event at the same time, hence behind all that is ready now. */
  afterTurn(action: () => void): void {
    if (this.#actions.length === 0) {
      this.#scheduler.schedule(0, this.#what('after turn'), this.#process, () =>
        this.#runActions(),
      );
    }
    this.#actions.push(action);
  }

  #runActions(): void {
    const actions = this.#actions;
    this.#actions = [];
    for (const action of actions) action();
  }

  #what(what: string): string {
    return `${this.#process.name} ${what}`;
  }
}
