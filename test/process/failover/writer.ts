import { codes, success } from './codes.ts';
import {
  type GroupWanted,
  groupBody,
  groupText,
  type TopicWanted,
  topicFields,
  topicText,
} from './definitions.ts';
import type { Attempt, Journal } from './journal.ts';
import type { Remote } from './remote.ts';

export const offsetKey = (group: string, topic: string, queueId: number): string =>
  `${group}@${topic}@${queueId}`;
export const messageKey = (topic: string, queueId: number, offset: number): string =>
  `${topic}@${queueId}@${offset}`;

interface SendOptions {
  readonly limitMs?: number;
  /** Whether the broker may make the topic when there is none. */
  readonly mayCreate?: boolean;
}

/**
 * Changes things on a broker and notes in the journal what it acknowledged. Everything that is not a success may have
 * happened all the same. Answers whether it was acknowledged.
 */
export class Writer {
  readonly #remote: Remote;
  readonly #journal: Journal;
  readonly #limitMs: number | undefined;
  /** When the last acknowledgement came. */
  lastAcknowledgedMs = 0;

  /** `limitMs`: how long answers are waited for. */
  constructor(remote: Remote, journal: Journal, limitMs?: number) {
    this.#remote = remote;
    this.#journal = journal;
    this.#limitMs = limitMs;
  }

  defineTopic(topic: string, wanted: TopicWanted): Promise<boolean> {
    const attempts = [this.#journal.attempt('topics', topic, topicText(wanted))];
    return this.#change(attempts, codes.createTopic, topicFields(topic, wanted));
  }

  defineGroup(group: string, wanted: GroupWanted): Promise<boolean> {
    const attempts = [this.#journal.attempt('groups', group, groupText(wanted))];
    return this.#change(attempts, codes.createGroup, {}, groupBody(group, wanted));
  }

  /** Its messages and the offsets in it go with it. */
  async deleteTopic(topic: string): Promise<boolean> {
    const isOfTopic = (key: string): boolean => key.split('@').includes(topic);
    const attempts = [
      this.#journal.attempt('topics', topic, undefined),
      ...this.#offsetsGone(isOfTopic),
    ];
    this.#journal.forget('messages', isOfTopic);
    const isDeleted = await this.#change(attempts, codes.deleteTopic, { topic });
    if (isDeleted) this.#journal.unsend(topic);
    return isDeleted;
  }

  deleteGroup(groupName: string): Promise<boolean> {
    const attempts = [
      this.#journal.attempt('groups', groupName, undefined),
      ...this.#offsetsGone((key) => key.startsWith(`${groupName}@`)),
    ];
    return this.#change(attempts, codes.deleteGroup, { groupName, cleanOffset: true });
  }

  commitOffset(
    consumerGroup: string,
    topic: string,
    queueId: number,
    offset: number,
  ): Promise<boolean> {
    const key = offsetKey(consumerGroup, topic, queueId);
    const attempts = [this.#journal.attempt('offsets', key, String(offset))];
    const fields = { consumerGroup, topic, queueId, commitOffset: offset };
    return this.#change(attempts, codes.updateConsumerOffset, fields);
  }

  resetOffset(group: string, topic: string, queueId: number, offset: number): Promise<boolean> {
    const key = offsetKey(group, topic, queueId);
    const attempts = [this.#journal.attempt('offsets', key, String(offset))];
    const fields = { group, topic, queueId, offset, timestamp: -1, isForce: true };
    return this.#change(attempts, codes.resetOffset, fields);
  }

  /** `what` is unique within the topic. */
  async send(
    topic: string,
    queueId: number,
    what: string,
    { limitMs, mayCreate = false }: SendOptions = {},
  ): Promise<boolean> {
    const body = `${topic} ${what}`;
    this.#journal.sent(body);
    // Without a topic of that name none is made from it: a message must not bring back what was deleted.
    const defaultTopic = mayCreate ? 'TBW102' : 'none';
    const fields = {
      ...{ a: 'failover', b: topic, c: defaultTopic, d: 4, e: queueId, f: 0, g: Date.now(), h: 0 },
      ...{ i: 'WAIT\u0001true\u0002', j: 0, k: false, m: false },
    };
    const bytes = Buffer.from(body);
    const answer = await this.#remote
      .request(codes.sendMessage, fields, bytes, limitMs ?? this.#limitMs)
      .catch(() => undefined); // Unknown.
    if (answer?.header.code !== success) return false;
    const { queueId: queue, queueOffset, msgId = '' } = answer.header.extFields ?? {};
    const position = Number(`0x${msgId.slice(-16)}`); // The id is made of it, behind the address.
    this.#journal.stored(messageKey(topic, Number(queue), Number(queueOffset)), body, position);
    this.lastAcknowledgedMs = performance.now();
    return true;
  }

  #offsetsGone(isMeant: (key: string) => boolean): Attempt[] {
    const keys = this.#journal.keys('offsets').filter(isMeant);
    return keys.map((key) => this.#journal.attempt('offsets', key, undefined));
  }

  async #change(
    attempts: readonly Attempt[],
    code: number,
    fields: Readonly<Record<string, string | number | boolean>>,
    body?: Uint8Array,
  ): Promise<boolean> {
    const answer = await this.#remote
      .request(code, fields, body, this.#limitMs)
      .catch(() => undefined); // Unknown.
    if (answer?.header.code !== success) return false;
    for (const attempt of attempts) attempt.acknowledge();
    this.lastAcknowledgedMs = performance.now();
    return true;
  }
}
