import type { Random } from '../../base/index.ts';
import { delaySourceProperty, RecordProperties } from '../../views/index.ts';
import {
  decodeProperties,
  encodeProperties,
  PropertyName,
  ResponseCode,
} from '../../wire/index.ts';
import { type Delays, delaySourceBytes } from '../delaying/delays.ts';
import type { Groups } from '../groups.ts';
import type { QueueLocks } from '../sessions/queue-locks.ts';
import type { TopicState, Topics } from '../topics.ts';

/** What a request that is not fulfilled is answered with. */
interface Refused {
  readonly code: number;
  readonly remark: string;
}

/** A message that is more than its topic and queue say. */
export interface SpecialMessage {
  readonly topic: TopicState;
  readonly queueId: number;
  /** The first `propertiesEnd` bytes count. */
  readonly properties: Uint8Array;
  readonly propertiesEnd: number;
  readonly reconsumeTimes: number;
  /** Below 0: the request does not say. */
  readonly maxReconsumeTimes: number;
  /** The most that leaves room for what the broker adds to every message. */
  readonly maxPropertiesBytes: number;
}

/** Where it goes instead, or first. */
export interface Redirected {
  readonly topic: TopicState;
  readonly queueId: number;
  readonly properties: Uint8Array;
  /** For what waits in the schedule topic: until when. */
  readonly dueAt: number | undefined;
}

/**
 * Sends that are not ordinary: with a delay level, to a retry topic, or with a property that only the broker may write.
 * None of this is on the way of ordinary messages. Source: `SendMessageProcessor.handleRetryAndDLQ`, `HookUtils`.
 */
export class SpecialMessages {
  readonly #topics: Topics;
  readonly #groups: Groups;
  readonly #locks: QueueLocks;
  readonly #delays: Delays;
  readonly #random: Random;

  constructor(parts: {
    readonly topics: Topics;
    readonly groups: Groups;
    readonly queueLocks: QueueLocks;
    readonly delays: Delays;
    readonly random: Random;
  }) {
    this.#topics = parts.topics;
    this.#groups = parts.groups;
    this.#locks = parts.queueLocks;
    this.#delays = parts.delays;
    this.#random = parts.random;
  }

  redirect(message: SpecialMessage): Redirected | Refused {
    let { topic, queueId } = message;
    const properties = decodeProperties(message.properties, 0, message.propertiesEnd);
    // Of a message that somebody got and sends again.
    properties.delete(delaySourceProperty);
    if (topic.retryGroup !== undefined) {
      const isExhausted = this.#isExhausted(topic.retryGroup, message);
      if (typeof isExhausted === 'object') return isExhausted;
      if (isExhausted) {
        const deadLetters = this.#topics.deadLetters(topic.retryGroup);
        if ('code' in deadLetters) return deadLetters;
        topic = deadLetters;
        queueId = this.#random.below(Math.max(1, deadLetters.config.writeQueueNums));
        properties.set(PropertyName.DELAY, '-1');
      }
    }
    if (properties.get(PropertyName.TRAN_MSG)?.toLowerCase() === 'true') {
      return notYetSupported(PropertyName.TRAN_MSG);
    }
    const place = this.#delays.place(topic, queueId, properties);
    if (place !== undefined && 'code' in place) return place;
    if (place === undefined) {
      const timer = timerProperties.find((name) => properties.has(name));
      if (timer !== undefined) return notYetSupported(timer);
    }
    const encoded = encodeProperties(properties);
    const limit = message.maxPropertiesBytes - (place === undefined ? 0 : delaySourceBytes);
    if (encoded.length > limit) {
      const remark = `the message properties have ${encoded.length} bytes, the limit is ${limit}`;
      return { code: ResponseCode.MESSAGE_ILLEGAL, remark };
    }
    return place === undefined
      ? { topic, queueId, properties: encoded, dueAt: undefined }
      : { ...place, properties: encoded };
  }

  /** Whether a retry goes to the dead letters: it was tried too often, or its group consumes in order. */
  #isExhausted(groupName: string, message: SpecialMessage): boolean | Refused {
    const group = this.#groups.find(groupName);
    if (group === undefined) {
      return {
        code: ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
        remark: `subscription group not exist, ${groupName}`,
      };
    }
    const { reconsumeTimes, maxReconsumeTimes } = message;
    const most = maxReconsumeTimes >= 0 ? maxReconsumeTimes : group.retryMaxTimes;
    return reconsumeTimes > most || this.#locks.isLocked(groupName);
  }
}

const timerProperties = [
  PropertyName.TIMER_DELAY_SEC,
  PropertyName.TIMER_DELAY_MS,
  PropertyName.TIMER_DELIVER_MS,
] as const;

/** The properties of a message as they are, unless somebody got it delayed and sends it again. */
export function withoutDelaySource(properties: Uint8Array): Uint8Array {
  const known = new RecordProperties();
  known.scan(properties, 0, properties.length);
  if (known.delaySourceStart < 0) return properties;
  const kept = decodeProperties(properties);
  kept.delete(delaySourceProperty);
  return encodeProperties(kept);
}

/** Refused by name, never stored as if it were an ordinary message (docs/compatibility.md). */
export function notYetSupported(property: string): Refused {
  return {
    code: ResponseCode.MESSAGE_ILLEGAL,
    remark: `messages with the property ${property} are not supported by this version`,
  };
}
