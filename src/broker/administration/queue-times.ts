import { queueOffset } from '../../base/index.ts';
import type { Store } from '../../views/index.ts';
import type { Queue } from '../../views/queues/index.ts';
import { readableEnd } from '../readable.ts';

/** When the message at an offset was stored; -1 when it cannot be read (any more, or yet). */
export async function storeTimeAt(store: Store, queue: Queue, offset: number): Promise<number> {
  if (offset < queue.min || offset >= (readableEnd(store, queue) ?? 0)) return -1;
  const entries = await store.queues.read(queue, queueOffset(offset), 1, store.commitPoint);
  return entries.count > 0 ? entries.storeTimestamp(0) : -1;
}
