/** Where delayed messages wait. Source: `TopicValidator.RMQ_SYS_SCHEDULE_TOPIC`. */
export const SCHEDULE_TOPIC = 'SCHEDULE_TOPIC_XXXX';

/** The queue in which messages of a delay level (from 1 on) wait. */
export const scheduleQueueOf = (level: number): number => level - 1;

/** For a queue of a level that the settings no longer have. Source: `ScheduleMessageService.computeDeliverTimestamp`. */
const unknownLevelMs = 1000;

/** When a message of this queue is due: what its queue entry holds in place of a tag code. */
export function dueAt(
  storeTimestamp: number,
  queueId: number,
  levelsMs: readonly number[],
): number {
  return storeTimestamp + (levelsMs[queueId] ?? unknownLevelMs);
}
