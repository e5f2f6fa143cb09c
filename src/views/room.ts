import { type Clock, isFailure } from '../base/index.ts';

/** A segment is created in a moment, unless the disk is very busy. */
const patienceMs = 30_000;
const checkMs = 5;

/**
 * Does what finds the last segment of the log full, and the next one not created yet (rule 8), as soon as that is there.
 * Fails as `action` does with anything else, and `unavailable`/`busy` when it lasts too long.
 */
export async function whenThereIsRoom<T>(clock: Clock, action: () => T): Promise<T> {
  const untilMs = clock.monotonicMs() + patienceMs;
  for (;;) {
    try {
      return action();
    } catch (error) {
      if (!isFailure(error, 'unavailable', 'busy') || clock.monotonicMs() > untilMs) throw error;
    }
    await clock.sleep(checkMs);
  }
}
