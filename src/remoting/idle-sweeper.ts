import type { Clock, Timer } from '../base/index.ts';
import type { RemotingConnection } from './connection.ts';

/** Looks so often within each idle timeout; a connection is closed at most one such interval late. */
const checksPerTimeout = 4;

/** Closes connections on which nothing happens. Needs no time stamp per chunk. */
export class IdleSweeper {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #connections: Iterable<RemotingConnection>;
  #timer: Timer;

  constructor(clock: Clock, idleTimeoutMs: number, connections: Iterable<RemotingConnection>) {
    this.#clock = clock;
    this.#intervalMs = idleTimeoutMs / checksPerTimeout;
    this.#connections = connections;
    this.#timer = clock.setTimer(this.#intervalMs, this.#sweep);
  }

  stop(): void {
    this.#timer.cancel();
  }

  readonly #sweep = (): void => {
    for (const connection of [...this.#connections]) {
      if (connection.isIdle(checksPerTimeout)) connection.close('idle');
    }
    this.#timer = this.#clock.setTimer(this.#intervalMs, this.#sweep);
  };
}
