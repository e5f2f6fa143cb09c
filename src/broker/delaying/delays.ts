import type { Clock } from '../../base/index.ts';
import { delaySourceProperty } from '../../views/index.ts';
import { dueAt, SCHEDULE_TOPIC, scheduleQueueOf } from '../../views/schedule/index.ts';
import { PropertyName, ResponseCode } from '../../wire/index.ts';
import type { TopicState, Topics } from '../topics.ts';

/** Bytes that the delivered copy has and the waiting message has not. */
export const delaySourceBytes =
  delaySourceProperty.length + '\u0001999999999:999999999999999\u0002'.length;

/** Properties of timer messages; a delay level wins over them. */
const timerProperties = [
  PropertyName.TIMER_DELIVER_MS,
  PropertyName.TIMER_DELAY_SEC,
  PropertyName.TIMER_DELAY_MS,
] as const;

/** Where a message waits, and until when. */
export interface WaitingPlace {
  readonly topic: TopicState;
  readonly queueId: number;
  /** Wall time in milliseconds; what the queue entry holds in place of a tag code. */
  readonly dueAt: number;
}

/**
 * Messages with a delay level (property DELAY) wait in `SCHEDULE_TOPIC_XXXX`, one queue a level. Source:
 * `HookUtils.handleScheduleMessage`.
 */
export class Delays {
  readonly #options: { readonly delayLevelsMs: readonly number[] };
  readonly #topics: Topics;
  readonly #clock: Clock;

  constructor(
    options: { readonly delayLevelsMs: readonly number[] },
    parts: { readonly topics: Topics; readonly clock: Clock },
  ) {
    this.#options = options;
    this.#topics = parts.topics;
    this.#clock = parts.clock;
  }

  /**
   * The place where the message waits until it goes to this queue, with its properties changed for that; undefined when
   * it has no delay level.
   */
  place(
    topic: TopicState,
    queueId: number,
    properties: Map<string, string>,
  ): WaitingPlace | undefined | { readonly code: number; readonly remark: string } {
    const stated = properties.get(PropertyName.DELAY);
    if (stated === undefined) return undefined;
    if (!/^[+-]?\d{1,9}$/.test(stated)) {
      const remark = `the delay level "${stated.slice(0, 20)}" is not a number`;
      return { code: ResponseCode.MESSAGE_ILLEGAL, remark };
    }
    if (Number(stated) <= 0) return undefined;
    const { delayLevelsMs } = this.#options;
    const level = Math.min(Number(stated), delayLevelsMs.length);
    const schedule = this.#topics.find(SCHEDULE_TOPIC);
    if (schedule === undefined) {
      const remark = `topic[${SCHEDULE_TOPIC}] not exist, apply first please!`;
      return { code: ResponseCode.TOPIC_NOT_EXIST, remark };
    }
    for (const name of timerProperties) properties.delete(name);
    properties.set(PropertyName.DELAY, String(level));
    properties.set(PropertyName.REAL_TOPIC, topic.name);
    properties.set(PropertyName.REAL_QID, String(queueId));
    const waitsIn = scheduleQueueOf(level);
    return {
      topic: schedule,
      queueId: waitsIn,
      // By the wall clock itself: the time that records carry stands still after the clock was set back.
      dueAt: dueAt(this.#clock.now(), waitsIn, delayLevelsMs),
    };
  }
}
