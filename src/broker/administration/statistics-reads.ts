import { timestampMs } from '../../base/index.ts';
import type { Answer } from '../../remoting/index.ts';
import type { Store } from '../../views/index.ts';
import {
  BrokerStatsData,
  GetTopic,
  type IncomingCommand,
  type MessageQueue,
  ResponseCode,
  type TopicOffset,
  TopicStatsTable,
  ViewBrokerStats,
} from '../../wire/index.ts';
import { namedItem } from '../statistics/named-items.ts';
import type { Statistics } from '../statistics/statistics.ts';
import type { Topics } from '../topics.ts';
import { storeTimeAt } from './queue-times.ts';

/** What tools read of counters and topics: GET_TOPIC_STATS_INFO (202), VIEW_BROKER_STATS_DATA (315). */
export class StatisticsReads {
  readonly #options: { readonly clusterName: string; readonly brokerName: string };
  readonly #store: Store;
  readonly #statistics: Statistics;
  readonly #topics: Topics;

  constructor(
    options: { readonly clusterName: string; readonly brokerName: string },
    parts: {
      readonly store: Store;
      readonly statistics: Statistics;
      readonly topics: Topics;
    },
  ) {
    this.#options = options;
    this.#store = parts.store;
    this.#statistics = parts.statistics;
    this.#topics = parts.topics;
  }

  async topicStats(request: IncomingCommand): Promise<Answer> {
    const { topic } = GetTopic.decode(request);
    const state = this.#topics.find(topic);
    if (state === undefined || state.isHidden) {
      return { code: ResponseCode.TOPIC_NOT_EXIST, remark: `topic[${topic}] not exist` };
    }
    const { brokerName } = this.#options;
    const { readQueueNums, writeQueueNums } = state.config;
    const offsetTable = new Map<MessageQueue, TopicOffset>();
    for (let queueId = 0; queueId < Math.max(readQueueNums, writeQueueNums); queueId++) {
      const queue = state.queues.find(queueId);
      const maxOffset = queue?.readable(this.#store.commitPoint) ?? 0;
      const lastUpdateTimestamp =
        queue === undefined || maxOffset === 0
          ? 0
          : await storeTimeAt(this.#store, queue, maxOffset - 1);
      offsetTable.set(
        { brokerName, queueId, topic },
        {
          lastUpdateTimestamp: timestampMs(lastUpdateTimestamp),
          maxOffset,
          minOffset: queue?.min ?? 0,
        },
      );
    }
    const topicPutTps = this.#statistics.find(topic)?.puts.lastMinute().tps ?? 0;
    return {
      code: ResponseCode.SUCCESS,
      body: TopicStatsTable.encode({ offsetTable, topicPutTps }),
    };
  }

  /** Windows are sampled: what was counted in the last seconds is not in them yet, as in RocketMQ. */
  view(request: IncomingCommand): Answer {
    const { statsName, statsKey } = ViewBrokerStats.decode(request);
    const item = namedItem(this.#statistics, this.#options.clusterName, statsName, statsKey);
    if (item === undefined) {
      return {
        code: ResponseCode.SYSTEM_ERROR,
        remark: `The stats <${statsName}> <${statsKey}> not exist`,
      };
    }
    return {
      code: ResponseCode.SUCCESS,
      body: BrokerStatsData.encode({
        statsDay: item.lastDay(),
        statsHour: item.lastHour(),
        statsMinute: item.lastMinute(),
      }),
    };
  }
}
