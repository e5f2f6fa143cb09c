/**
 * Consume queues: from a queue's offset to the record in the log, its size, tag code and time. Owns the queue heads and
 * blocks in memory and in the `queues` database (docs/state.md), with the position key of that database.
 */
export type { QueueEntries } from './block.ts';
export { decodeQueueKey, encodeQueueKey, type QueueName } from './keys.ts';
export type { Queue, TopicQueues } from './queue.ts';
export { type NextOffset, Queues, type QueuesBatch } from './queues.ts';
