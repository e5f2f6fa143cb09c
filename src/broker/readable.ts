import { isFailure, type QueueOffset } from '../base/index.ts';
import type { Store } from '../views/index.ts';
import type { Queue } from '../views/queues/index.ts';

/** Where what may be read ends; undefined while a replica has not heard yet how far the group committed the queue. */
export function readableEnd({ commitPoint }: Store, queue: Queue): QueueOffset | undefined {
  try {
    return queue.readable(commitPoint);
  } catch (error) {
    if (!isFailure(error, 'unavailable')) throw error;
    return undefined;
  }
}
