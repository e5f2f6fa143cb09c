import { type Clock, type Timer, timestampMs } from '../base/index.ts';

export const nodeClock: Clock = {
  now: () => timestampMs(Date.now()),
  monotonicMs: () => performance.now(),
  setTimer: (delayMs, action) => new NodeTimer(delayMs, action),
  sleep: (delayMs, stop) =>
    new Promise((resolve) => {
      if (stop?.aborted) return resolve();
      const wake = (): void => {
        timer.cancel();
        stop?.removeEventListener('abort', wake);
        resolve();
      };
      const timer = nodeClock.setTimer(delayMs, wake);
      stop?.addEventListener('abort', wake);
    }),
  afterTurn(action) {
    if (actions.length === 0) setImmediate(runActions);
    actions.push(action);
  },
};

let actions: (() => void)[] = [];

function runActions(): void {
  const ready = actions;
  actions = [];
  for (const action of ready) action();
}

/** The longest delay of `setTimeout`; it turns a longer one into 1 ms. */
const maxDelayMs = 2 ** 31 - 1;

class NodeTimer implements Timer {
  readonly #dueMs: number;
  readonly #action: () => void;
  #timeout: NodeJS.Timeout;

  constructor(delayMs: number, action: () => void) {
    this.#dueMs = performance.now() + delayMs;
    this.#action = action;
    this.#timeout = this.#start(delayMs);
  }

  cancel(): void {
    clearTimeout(this.#timeout);
  }

  #start(delayMs: number): NodeJS.Timeout {
    return setTimeout(this.#fire, Math.min(Math.ceil(delayMs), maxDelayMs)).unref();
  }

  /** Also starts again when called early: Node counts from the start of the turn and in whole milliseconds. */
  readonly #fire = (): void => {
    const leftMs = this.#dueMs - performance.now();
    if (leftMs > 0) this.#timeout = this.#start(leftMs);
    else this.#action();
  };
}
