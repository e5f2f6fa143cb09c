/**
 * How far delayed messages were delivered: for each delay level the offset in its queue of `SCHEDULE_TOPIC_XXXX` from
 * which on nothing was delivered yet. It follows from the delivered copies in the log, which name what they are copies
 * of. Owns its rows in the `queues` database.
 */
export { DelayProgress, type DelayProgressBatch } from './delay-progress.ts';
export { dueAt, SCHEDULE_TOPIC, scheduleQueueOf } from './levels.ts';
