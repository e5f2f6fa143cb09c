import { type AppliedChange, Table } from './metadata/index.ts';
import type { Queues } from './queues/index.ts';

/** A topic that is gone, or is another incarnation now, takes its queues along. */
export function forgetDeletedTopics(queues: Queues, changes: readonly AppliedChange[]): void {
  for (const { table, key, before, after } of changes) {
    if (table !== Table.topic || before === undefined) continue;
    if (after?.createdAt !== before.createdAt) {
      queues.dropTopic(new TextDecoder().decode(key), before.createdAt);
    }
  }
}
