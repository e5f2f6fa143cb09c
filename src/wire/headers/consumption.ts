/** Groups, queues and their progress, for tools. */
import { field, type HeaderOf, header } from '../schema/header.ts';
import { bool, int, long, optional, text } from '../schema/kinds.ts';

/** GET_BROKER_CONSUME_STATS (317). Source: `GetConsumeStatsInBrokerHeader`. */
export const GetBrokerConsumeStats = header('GetBrokerConsumeStats', {
  /** Only topics whose order matters. */
  isOrder: field('isOrder', bool),
});
export type GetBrokerConsumeStats = HeaderOf<typeof GetBrokerConsumeStats>;

/** QUERY_CONSUME_TIME_SPAN (303). Source: `QueryConsumeTimeSpanRequestHeader`. */
export const QueryConsumeTimeSpan = header('QueryConsumeTimeSpan', {
  topic: field('topic', text),
  group: field('group', text),
});
export type QueryConsumeTimeSpan = HeaderOf<typeof QueryConsumeTimeSpan>;

/** QUERY_CONSUME_QUEUE (321). Source: `QueryConsumeQueueRequestHeader`. */
export const QueryConsumeQueue = header('QueryConsumeQueue', {
  topic: field('topic', text),
  queueId: field('queueId', int),
  /** The first offset. */
  index: field('index', long()),
  count: field('count', int),
  consumerGroup: field('consumerGroup', optional(text)),
});
export type QueryConsumeQueue = HeaderOf<typeof QueryConsumeQueue>;

/** QUERY_SUBSCRIPTION_BY_CONSUMER (345). Source: `QuerySubscriptionByConsumerRequestHeader`. */
export const QuerySubscription = header('QuerySubscription', {
  group: field('group', text),
  topic: field('topic', optional(text)),
});
export type QuerySubscription = HeaderOf<typeof QuerySubscription>;

/** QUERY_CORRECTION_OFFSET (308). Source: `QueryCorrectionOffsetHeader`. */
export const QueryCorrectionOffset = header('QueryCorrectionOffset', {
  topic: field('topic', text),
  compareGroup: field('compareGroup', text),
  /** Names with commas between. */
  filterGroups: field('filterGroups', optional(text)),
});
export type QueryCorrectionOffset = HeaderOf<typeof QueryCorrectionOffset>;
