import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import type { Clock } from '../../base/index.ts';
import type { Queue } from '../../views/queues/index.ts';
import { type SuspendedPull, SuspendedPulls } from './suspended-pulls.ts';

test('a stop answers all that waits, and what was read meanwhile and finds nothing does not begin to wait', () => {
  const clock = { setTimer: () => ({ cancel: () => {} }) } as unknown as Clock;
  const queue = { next: 0 } as Queue;
  const pulls = new SuspendedPulls({ maxPulls: 10 }, clock);
  const answered: boolean[] = [];
  const pull: SuspendedPull = {
    ...{ queue, offset: 0, deadlineMs: 1000, isClosed: false },
    resume: (final) => answered.push(final),
  };
  assert(pulls.add(pull));
  pulls.stop();
  assert.deepEqual([answered, pulls.count], [[true], 0]);
  assert(!pulls.add(pull));
});
