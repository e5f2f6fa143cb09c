/** Configuration of topics. */
import type { TimestampMs } from '../../base/index.ts';
import { type BodyOf, body, listOf, mapOf } from '../schema/body.ts';
import { bool, double, int, long, optional, text, withDefault } from '../schema/kinds.ts';
import { MessageQueue } from './message-queue.ts';

/** Version of a table: all three must be equal for two tables to count as equal. Source: `DataVersion`. */
export const DataVersion = body('DataVersion', {
  counter: withDefault(long(), 0),
  stateVersion: withDefault(long(), 0),
  timestamp: withDefault(long(), 0),
});
export type DataVersion = BodyOf<typeof DataVersion>;

/** Source: `TopicConfig`. */
export const TopicConfig = body('TopicConfig', {
  attributes: withDefault(mapOf(text, text), new Map()),
  order: withDefault(bool, false),
  /** `Permission` bits. */
  perm: withDefault(int, 6),
  readQueueNums: withDefault(int, 16),
  topicFilterType: withDefault(text, 'SINGLE_TAG'),
  topicName: optional(text),
  topicSysFlag: withDefault(int, 0),
  writeQueueNums: withDefault(int, 16),
});
export type TopicConfig = BodyOf<typeof TopicConfig>;

/** UPDATE_AND_CREATE_TOPIC_LIST (18). Source: `CreateTopicListRequestBody`. */
export const TopicConfigList = body('TopicConfigList', { topicConfigList: listOf(TopicConfig) });
export type TopicConfigList = BodyOf<typeof TopicConfigList>;

/**
 * Answer to GET_ALL_TOPIC_CONFIG (21), and part of a registration. Static topics are not among them. Source:
 * `TopicConfigSerializeWrapper`.
 */
export const TopicConfigSerializeWrapper = body('TopicConfigSerializeWrapper', {
  dataVersion: withDefault(DataVersion, { counter: 0, stateVersion: 0, timestamp: 0 }),
  topicConfigTable: withDefault(mapOf(text, TopicConfig), new Map()),
});
export type TopicConfigSerializeWrapper = BodyOf<typeof TopicConfigSerializeWrapper>;

/** Source: `BrokerStatsItem`. */
export const BrokerStatsItem = body('BrokerStatsItem', {
  avgpt: withDefault(double, 0),
  sum: withDefault(long(), 0),
  tps: withDefault(double, 0),
});
export type BrokerStatsItem = BodyOf<typeof BrokerStatsItem>;

/** Answer to VIEW_BROKER_STATS_DATA (315). Source: `BrokerStatsData`. */
export const BrokerStatsData = body('BrokerStatsData', {
  statsDay: BrokerStatsItem,
  statsHour: BrokerStatsItem,
  statsMinute: BrokerStatsItem,
});
export type BrokerStatsData = BodyOf<typeof BrokerStatsData>;

/** Source: `TopicOffset`. */
export const TopicOffset = body('TopicOffset', {
  lastUpdateTimestamp: withDefault(long<TimestampMs>(), 0 as TimestampMs),
  maxOffset: withDefault(long(), 0),
  minOffset: withDefault(long(), 0),
});
export type TopicOffset = BodyOf<typeof TopicOffset>;

/** Answer to GET_TOPIC_STATS_INFO (202). Source: `TopicStatsTable`. */
export const TopicStatsTable = body('TopicStatsTable', {
  offsetTable: withDefault(mapOf(MessageQueue, TopicOffset), new Map()),
  topicPutTps: optional(double),
});
export type TopicStatsTable = BodyOf<typeof TopicStatsTable>;
