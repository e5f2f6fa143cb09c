import { setTimeout as sleep } from 'node:timers/promises';

/** The outcome of `promise`, or a failure that names `what` when it takes longer than `limitMs`. */
export async function within<T>(limitMs: number, what: string, promise: Promise<T>): Promise<T> {
  const stop = new AbortController();
  const limit = sleep(limitMs, undefined, { signal: stop.signal }).then(
    () => Promise.reject(new Error(`${what}: not within ${limitMs / 1000} s`)),
    () => new Promise<never>(() => {}), // The other one was first.
  );
  try {
    return await Promise.race([promise, limit]);
  } finally {
    stop.abort();
  }
}

/** Asks again and again until the answer is not undefined. `what` may tell how far it got. */
export async function eventually<T>(
  limitMs: number,
  what: string | (() => string),
  ask: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) {
      const text = typeof what === 'string' ? what : what();
      throw new Error(`${text}: not within ${limitMs / 1000} s`);
    }
    await sleep(20);
  }
}

/** Time for what must not happen: long enough for a message that comes twice to come. */
export const quietMs = 500;
export const quiet = (): Promise<void> => sleep(quietMs);
