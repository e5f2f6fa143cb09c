import { type Clock, Failure, queueOffset, timestampMs } from '../../base/index.ts';
import type { Answer } from '../../remoting/index.ts';
import type { Store } from '../../views/index.ts';
import type { MetadataReader } from '../../views/metadata/index.ts';
import {
  type ConsumeQueueData,
  ConsumeQueueEntries,
  ConsumeStats,
  ConsumeStatsList,
  ConsumeTimeSpans,
  CorrectionOffsets,
  GetBrokerConsumeStats,
  GetConsumeStats,
  GetTopic,
  GroupList,
  GroupName,
  type IncomingCommand,
  type MessageQueue,
  maxFrameBytes,
  type OffsetWrapper,
  QueryConsumeQueue,
  QueryConsumeTimeSpan,
  QueryCorrectionOffset,
  QuerySubscription,
  type QueueTimeSpan,
  ResponseCode,
  SubscriptionOfGroup,
  TopicList,
} from '../../wire/index.ts';
import type { OffsetCommits } from '../offset-commits.ts';
import type { Consumers } from '../sessions/consumers.ts';
import type { Statistics } from '../statistics/statistics.ts';
import type { TopicState, Topics } from '../topics.ts';
import { Turns } from '../turns.ts';
import { storeTimeAt } from './queue-times.ts';

interface ConsumptionParts {
  readonly store: Store;
  readonly statistics: Statistics;
  readonly topics: Topics;
  readonly commits: OffsetCommits;
  readonly consumers: Consumers;
  readonly clock: Clock;
  /** Where clients reach the broker, as text. */
  readonly brokerAddress: string;
}

/** Entries of one QUERY_CONSUME_QUEUE at most, which keeps its answer below the largest frame. */
const maxEntries = 50_000;
const entriesPerRead = 256;

/**
 * How far groups are, for tools: GET_CONSUME_STATS (208), GET_BROKER_CONSUME_STATS (317), QUERY_TOPIC_CONSUME_BY_WHO
 * (300), QUERY_TOPICS_BY_CONSUMER (343), QUERY_SUBSCRIPTION_BY_CONSUMER (345), QUERY_CONSUME_TIME_SPAN (303),
 * QUERY_CONSUME_QUEUE (321), QUERY_CORRECTION_OFFSET (308). Offsets are told once they are committed (P5). Source:
 * `AdminBrokerProcessor`.
 */
export class Consumption {
  readonly #brokerName: string;
  readonly #parts: ConsumptionParts;

  constructor(options: { readonly brokerName: string }, parts: ConsumptionParts) {
    this.#brokerName = options.brokerName;
    this.#parts = parts;
  }

  async ofGroup(request: IncomingCommand): Promise<Answer> {
    const { consumerGroup, topic, topicList } = GetConsumeStats.decode(request);
    const named = (topicList ?? '').split(';').filter((name) => name.trim() !== '');
    const isNamed = named.length > 0 || (topic ?? '').trim() !== '';
    const offsets = await this.#parts.commits.committed((state) =>
      offsetsByTopic(state, consumerGroup),
    );
    let topics = isNamed ? named : [...offsets.keys()];
    // Not trimmed: the name that is asked for.
    if (named.length === 0 && isNamed) topics = [topic ?? ''];
    const turn = new Turns(this.#parts.clock);
    const offsetTable = new Map<MessageQueue, OffsetWrapper>();
    let consumeTps = 0;
    for (const name of topics) {
      if (!this.#isConsumed(consumerGroup, name)) continue;
      const state = this.#topic(name);
      if (state === undefined) continue;
      const ofTopic = offsets.get(name);
      const pulls = this.#parts.statistics.find(name)?.findGroup(consumerGroup);
      for (let queueId = 0; queueId < state.config.readQueueNums; queueId++) {
        await turn.next();
        const wrapper = await this.#progress(state, queueId, ofTopic?.get(queueId) ?? 0);
        const pullOffset = Math.max(wrapper.consumerOffset, pulls?.pullOffset(queueId) ?? -1);
        offsetTable.set(this.#messageQueue(name, queueId), { ...wrapper, pullOffset });
      }
      consumeTps += this.#consumeTps(consumerGroup, name);
    }
    return {
      code: ResponseCode.SUCCESS,
      body: ConsumeStats.encode({ consumeTps, offsetTable }),
    };
  }

  async ofBroker(request: IncomingCommand): Promise<Answer> {
    const { isOrder } = GetBrokerConsumeStats.decode(request);
    const groups = await this.#parts.commits.committed((state) =>
      [...state.groups()].map(({ groupName }) => ({
        group: groupName,
        offsets: offsetsByTopic(state, groupName),
      })),
    );
    const turn = new Turns(this.#parts.clock);
    const consumeStatsList: ConsumeStatsList['consumeStatsList'][number][] = [];
    let totalDiff = 0;
    let totalInflightDiff = 0;
    for (const { group, offsets } of groups) {
      await turn.next();
      const ofGroup: ConsumeStats[] = [];
      for (const [topic, ofTopic] of offsets) {
        const state = this.#topic(topic);
        if (state === undefined || (isOrder && !state.config.order)) continue;
        if (!this.#isConsumed(group, topic)) continue;
        const offsetTable = new Map<MessageQueue, OffsetWrapper>();
        for (let queueId = 0; queueId < state.config.writeQueueNums; queueId++) {
          await turn.next();
          const wrapper = await this.#progress(state, queueId, ofTopic.get(queueId) ?? 0);
          totalDiff += wrapper.brokerOffset - wrapper.consumerOffset;
          totalInflightDiff += wrapper.pullOffset - wrapper.consumerOffset;
          offsetTable.set(this.#messageQueue(topic, queueId), wrapper);
        }
        ofGroup.push({ consumeTps: this.#consumeTps(group, topic), offsetTable });
      }
      consumeStatsList.push(new Map([[group, ofGroup]]));
    }
    const body = ConsumeStatsList.encode({
      brokerAddr: this.#parts.brokerAddress,
      consumeStatsList,
      totalDiff,
      totalInflightDiff,
    });
    if (body.length > maxFrameBytes / 2) {
      throw new Failure('invalid', 'the progress of all groups is more than one answer can hold');
    }
    return { code: ResponseCode.SUCCESS, body };
  }

  groupsOfTopic(request: IncomingCommand): Answer {
    const { topic } = GetTopic.decode(request);
    const { consumers, store } = this.#parts;
    const groups = new Set<string>();
    for (const { group, subscriptions } of consumers.groups()) {
      if (subscriptions.has(topic)) groups.add(group);
    }
    for (const { group } of store.tables.applied.offsetsOfTopic(topic)) groups.add(group);
    return { code: ResponseCode.SUCCESS, body: GroupList.encode({ groupList: [...groups] }) };
  }

  topicsOfGroup(request: IncomingCommand): Answer {
    const { group } = GroupName.decode(request);
    const topics = offsetsByTopic(this.#parts.store.tables.applied, group);
    return {
      code: ResponseCode.SUCCESS,
      body: TopicList.encode({
        brokerAddr: this.#parts.brokerAddress,
        topicList: [...topics.keys()],
      }),
    };
  }

  subscription(request: IncomingCommand): Answer {
    const { group, topic } = QuerySubscription.decode(request);
    const subscriptionData =
      topic === undefined
        ? undefined
        : this.#parts.consumers.group(group)?.subscriptions.get(topic);
    return {
      code: ResponseCode.SUCCESS,
      body: SubscriptionOfGroup.encode({
        group,
        ...(topic !== undefined && { topic }),
        ...(subscriptionData !== undefined && { subscriptionData }),
      }),
    };
  }

  async timeSpans(request: IncomingCommand): Promise<Answer> {
    const { topic, group } = QueryConsumeTimeSpan.decode(request);
    const { commits, store, clock } = this.#parts;
    const offsets = await commits.committed((state) => offsetsByTopic(state, group).get(topic));
    const state = this.#topic(topic);
    if (state === undefined) {
      return { code: ResponseCode.TOPIC_NOT_EXIST, remark: `topic[${topic}] not exist` };
    }
    const spans: QueueTimeSpan[] = [];
    for (let queueId = 0; queueId < state.config.writeQueueNums; queueId++) {
      const queue = state.queues.queue(queueId);
      const end = queue.readable(store.commitPoint);
      const first = await storeTimeAt(store, queue, queue.min);
      const last = await storeTimeAt(store, queue, end - 1);
      const offset = offsets?.get(queueId) ?? 0;
      const consumed = offset > 0 ? await storeTimeAt(store, queue, offset - 1) : first;
      const next = offset < end ? await storeTimeAt(store, queue, Math.max(offset, queue.min)) : -1;
      spans.push({
        consumeTimeStamp: timestampMs(consumed),
        consumeTimeStampStr: timeText(consumed),
        delayTime: next < 0 ? 0 : clock.now() - next,
        maxTimeStamp: timestampMs(last),
        maxTimeStampStr: timeText(last),
        messageQueue: this.#messageQueue(topic, queueId),
        minTimeStamp: timestampMs(first),
        minTimeStampStr: timeText(first),
      });
    }
    return {
      code: ResponseCode.SUCCESS,
      body: ConsumeTimeSpans.encode({ consumeTimeSpanSet: spans }),
    };
  }

  async queue(request: IncomingCommand): Promise<Answer> {
    const { topic, queueId, index, count, consumerGroup } = QueryConsumeQueue.decode(request);
    const { store, consumers } = this.#parts;
    const state = this.#topic(topic);
    const queues = state && Math.max(state.config.readQueueNums, state.config.writeQueueNums);
    if (state === undefined || queueId < 0 || queueId >= (queues ?? 0)) {
      return { code: ResponseCode.SYSTEM_ERROR, remark: `${queueId}@${topic} is not exist!` };
    }
    const queue = state.queues.queue(queueId);
    const end = queue.readable(store.commitPoint);
    if (index < queue.min || index >= end) {
      return {
        code: ResponseCode.SUCCESS,
        remark: `Index ${index} of ${queueId}@${topic} is not exist!`,
      };
    }
    const queueData: ConsumeQueueData[] = [];
    const until = Math.min(end, index + Math.min(count, maxEntries));
    for (let at = index; at < until; ) {
      const most = Math.min(entriesPerRead, until - at);
      const entries = await store.queues.read(queue, queueOffset(at), most, store.commitPoint);
      if (entries.count === 0) break;
      for (let entry = 0; entry < entries.count; entry++) {
        queueData.push({
          eval: false,
          physicOffset: entries.position(entry),
          physicSize: entries.size(entry),
          tagsCode: entries.tagsCode(entry),
        });
      }
      at += entries.count;
    }
    const subscriptionData =
      consumerGroup === undefined
        ? undefined
        : consumers.group(consumerGroup)?.subscriptions.get(topic);
    return {
      code: ResponseCode.SUCCESS,
      body: ConsumeQueueEntries.encode({
        ...(consumerGroup !== undefined && {
          // Filter data exists for SQL92 only.
          filterData: subscriptionData ? 'null' : `${consumerGroup}@${topic} is not online!`,
        }),
        maxQueueIndex: end,
        minQueueIndex: queue.min,
        queueData,
        ...(subscriptionData !== undefined && { subscriptionData }),
      }),
    };
  }

  /**
   * Of each queue the smallest offset of all groups; infinity where the compared group is behind it. RocketMQ deletes
   * the offsets of the groups to leave out; here they are only left out.
   */
  async correctionOffsets(request: IncomingCommand): Promise<Answer> {
    const { topic, compareGroup, filterGroups } = QueryCorrectionOffset.decode(request);
    const left = new Set((filterGroups ?? '').split(','));
    const state = this.#topic(topic);
    const entries = await this.#parts.commits.committed((tables) => tables.offsetsOfTopic(topic));
    const correctionOffsets = new Map<number, number>();
    for (const { group, queueId, offset } of entries) {
      if (left.has(group) || offset < (state?.queues.find(queueId)?.min ?? 0)) continue;
      const smallest = correctionOffsets.get(queueId) ?? Number.POSITIVE_INFINITY;
      correctionOffsets.set(queueId, Math.min(smallest, offset));
    }
    for (const { group, queueId, offset } of entries) {
      const smallest = correctionOffsets.get(queueId);
      if (group === compareGroup && smallest !== undefined && smallest > offset) {
        correctionOffsets.set(queueId, Number.POSITIVE_INFINITY);
      }
    }
    return { code: ResponseCode.SUCCESS, body: CorrectionOffsets.encode({ correctionOffsets }) };
  }

  #topic(name: string): TopicState | undefined {
    const state = this.#parts.topics.find(name);
    return state === undefined || state.isHidden ? undefined : state;
  }

  /** A topic that the group read once and no longer subscribes to while it is online tells nothing of its progress. */
  #isConsumed(group: string, topic: string): boolean {
    const subscriptions = this.#parts.consumers.group(group)?.subscriptions;
    return subscriptions === undefined || subscriptions.size === 0 || subscriptions.has(topic);
  }

  async #progress(state: TopicState, queueId: number, committed: number): Promise<OffsetWrapper> {
    const { store } = this.#parts;
    const queue = state.queues.find(queueId);
    const brokerOffset = queue?.readable(store.commitPoint) ?? 0;
    const consumerOffset = Math.max(0, committed);
    const lastTimestamp =
      queue === undefined || consumerOffset === 0
        ? 0
        : await storeTimeAt(store, queue, consumerOffset - 1);
    return {
      brokerOffset,
      consumerOffset,
      lastTimestamp: timestampMs(Math.max(0, lastTimestamp)),
      pullOffset: 0,
    };
  }

  #consumeTps(group: string, topic: string): number {
    return this.#parts.statistics.find(topic)?.findGroup(group)?.gets.lastMinute().tps ?? 0;
  }

  #messageQueue(topic: string, queueId: number): MessageQueue {
    return { brokerName: this.#brokerName, queueId, topic };
  }
}

type OffsetsByQueue = ReadonlyMap<number, number>;

function offsetsByTopic(state: MetadataReader, group: string): Map<string, OffsetsByQueue> {
  const topics = new Map<string, Map<number, number>>();
  for (const { topic, queueId, offset } of state.offsetsOfGroup(group)) {
    const queues = topics.get(topic) ?? new Map<number, number>();
    topics.set(topic, queues);
    queues.set(queueId, offset);
  }
  return topics;
}

/** As `UtilAll.timeMillisToHumanString2` words a time: local, `2026-11-25#18:36:49:473`. */
function timeText(time: number): string {
  const local = new Date(time);
  const date = [local.getFullYear(), local.getMonth() + 1, local.getDate()];
  const clock = [local.getHours(), local.getMinutes(), local.getSeconds()];
  const two = (value: number): string => String(value).padStart(2, '0');
  const milliseconds = String(local.getMilliseconds()).padStart(3, '0');
  return `${date.map(two).join('-')}#${clock.map(two).join(':')}:${milliseconds}`;
}
