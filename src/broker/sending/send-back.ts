import type { PhysicalOffset, Random } from '../../base/index.ts';
import type { Answer } from '../../remoting/index.ts';
import { delaySourceProperty, type Store } from '../../views/index.ts';
import {
  ConsumerSendMsgBack,
  decodeStoredMessage,
  encodeHost,
  encodeOffsetMessageId,
  type IncomingCommand,
  Permission,
  PropertyName,
  ResponseCode,
  type StoredMessage,
} from '../../wire/index.ts';
import type { Delays } from '../delaying/delays.ts';
import type { Groups } from '../groups.ts';
import { copyOfMessage } from '../message-copy.ts';
import { refusalOf } from '../refusals.ts';
import type { TopicState, Topics } from '../topics.ts';

interface SendBackParts {
  readonly store: Store;
  readonly topics: Topics;
  readonly groups: Groups;
  readonly delays: Delays;
  readonly random: Random;
  /** A committed message at exactly this position. */
  readonly recordAt: (position: PhysicalOffset) => Promise<Uint8Array | undefined>;
  /** Told when a delayed message was appended. */
  readonly onWaiting: () => void;
}

/** The first retry comes after 10 s, the third level, and each further one a level later. */
const firstRetryLevel = 3;
const success: Answer = { code: ResponseCode.SUCCESS };

/**
 * CONSUMER_SEND_MSG_BACK (36): a message that its consumer could not handle is put into `%RETRY%group` after a delay, or
 * into `%DLQ%group` when it came too often. Answered at C: the consumer moves on behind it, which lies later in the log.
 * Source: `AbstractSendMessageProcessor.consumerSendMsgBack`.
 */
export class SendBack {
  readonly #options: { readonly permission: number; readonly bindAddress: string };
  readonly #parts: SendBackParts;

  constructor(
    options: { readonly permission: number; readonly bindAddress: string },
    parts: SendBackParts,
  ) {
    this.#options = options;
    this.#parts = parts;
  }

  async answer(request: IncomingCommand): Promise<Answer> {
    const header = ConsumerSendMsgBack.decode(request);
    const record = await this.#parts.recordAt(header.offset);
    // From here on in one stretch: checks and the append that relies on them.
    const message = record === undefined ? undefined : decodeStoredMessage(record);
    const outcome = this.#put(header, message);
    if ('code' in outcome) return outcome;
    return await new Promise<Answer>((resolve) => {
      this.#parts.store.whenCommitted(outcome.end, {
        reached: () => resolve(success),
        gaveUp: (_outcome, why) => resolve(refusalOf(why, 'message')),
      });
    });
  }

  #put(
    header: ConsumerSendMsgBack,
    message: StoredMessage | undefined,
  ): Answer | { readonly end: PhysicalOffset } {
    const { groups, topics, random } = this.#parts;
    const { group: groupName, offset, originTopic } = header;
    const group = groups.find(groupName);
    if (group === undefined) {
      return {
        code: ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
        remark: `subscription group not exist, ${groupName}`,
      };
    }
    if ((this.#options.permission & Permission.WRITE) === 0) {
      const remark = `the broker[${this.#options.bindAddress}] sending message is forbidden`;
      return { code: ResponseCode.NO_PERMISSION, remark };
    }
    if (group.retryQueueNums <= 0) return success;
    const retries = topics.retries(groupName, group.retryQueueNums, header.unitMode ?? false);
    if ('code' in retries) return retries;
    if ((retries.config.perm & Permission.WRITE) === 0) {
      const remark = `the topic[${retries.name}] sending message is forbidden`;
      return { code: ResponseCode.NO_PERMISSION, remark };
    }
    if (message === undefined) {
      const remark = `look message by offset failed, ${offset}`;
      return { code: ResponseCode.SYSTEM_ERROR, remark };
    }
    const origin = message.properties.get(PropertyName.RETRY_TOPIC) ?? message.topic;
    // Clients name the topic that they show to their user, which is not where a retried message lies.
    if (originTopic !== undefined && originTopic !== message.topic && originTopic !== origin) {
      const remark = `the message at offset ${offset} is not of the topic ${originTopic}`;
      return { code: ResponseCode.SYSTEM_ERROR, remark };
    }
    const properties = new Map(message.properties);
    properties.delete(delaySourceProperty);
    properties.set(PropertyName.RETRY_TOPIC, origin);
    properties.set(PropertyName.WAIT, 'false');
    if ((properties.get(PropertyName.ORIGIN_MESSAGE_ID) ?? '').trim() === '') {
      const host = encodeHost(message.storeHost);
      const id = encodeOffsetMessageId(host, message.physicalOffset);
      properties.set(PropertyName.ORIGIN_MESSAGE_ID, id);
    }
    const statistics = topics.find(origin)?.statistics.group(groupName);
    const most = header.maxReconsumeTimes ?? group.retryMaxTimes;
    let topic = retries;
    let queueId = random.below(group.retryQueueNums);
    if (message.reconsumeTimes >= most || header.delayLevel < 0) {
      const deadLetters = topics.deadLetters(groupName);
      if ('code' in deadLetters) return deadLetters;
      topic = deadLetters;
      queueId = 0;
      properties.set(PropertyName.DELAY, '0');
      statistics?.count('deadLetters', 1);
    } else {
      const level = header.delayLevel || firstRetryLevel + message.reconsumeTimes;
      properties.set(PropertyName.DELAY, String(level));
    }
    statistics?.count('sendBacks', 1);
    return this.#append(message, { topic, queueId }, properties);
  }

  #append(
    message: StoredMessage,
    to: { readonly topic: TopicState; readonly queueId: number },
    properties: Map<string, string>,
  ): Answer | { readonly end: PhysicalOffset } {
    const { delays, store, onWaiting } = this.#parts;
    const place = delays.place(to.topic, to.queueId, properties);
    if (place !== undefined && 'code' in place) return place;
    const target = place ?? to;
    const copy = copyOfMessage(message, target, properties);
    copy.reconsumeTimes++;
    if (place !== undefined) copy.tagsCode = place.dueAt;
    try {
      store.append(copy);
    } catch (error) {
      return refusalOf(error, 'message');
    }
    target.topic.statistics.put(1, store.appendedEnd - store.appendedAt);
    if (place !== undefined) onWaiting();
    return { end: store.appendedEnd };
  }
}
