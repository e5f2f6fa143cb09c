import type { Clock } from '../../base/index.ts';

const lookEveryMs = 5;

/** Looks again and again until `condition` holds; false when it does not at the deadline, which is monotonic. */
export async function until(
  clock: Clock,
  condition: () => boolean | Promise<boolean>,
  deadlineMs: number,
): Promise<boolean> {
  for (;;) {
    if (await condition()) return true;
    if (clock.monotonicMs() >= deadlineMs) return false;
    await clock.sleep(lookEveryMs);
  }
}
