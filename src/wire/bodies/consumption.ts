/** What tools read of groups, queues and their progress. */
import type { QueueOffset, TimestampMs } from '../../base/index.ts';
import { type BodyOf, body, listOf, mapOf } from '../schema/body.ts';
import {
  bool,
  int,
  type JsonKind,
  long,
  optional,
  roundedLong,
  text,
  withDefault,
} from '../schema/kinds.ts';
import { SubscriptionData } from './clients.ts';
import { MessageQueue } from './message-queue.ts';
import { ConsumeStats } from './offsets.ts';

/** Answer to GET_BROKER_CONSUME_STATS (317): each element has one group. Source: `ConsumeStatsList`. */
export const ConsumeStatsList = body('ConsumeStatsList', {
  brokerAddr: optional(text),
  consumeStatsList: withDefault(listOf(mapOf(text, listOf(ConsumeStats))), []),
  totalDiff: withDefault(long(), 0),
  totalInflightDiff: withDefault(long(), 0),
});
export type ConsumeStatsList = BodyOf<typeof ConsumeStatsList>;

/** Store times of a queue: its first and last message, and the last that was consumed. Source: `QueueTimeSpan`. */
export const QueueTimeSpan = body('QueueTimeSpan', {
  consumeTimeStamp: withDefault(long<TimestampMs>(), 0 as TimestampMs),
  consumeTimeStampStr: optional(text),
  /** Milliseconds since the first message that is not consumed was stored. */
  delayTime: withDefault(long(), 0),
  maxTimeStamp: withDefault(long<TimestampMs>(), 0 as TimestampMs),
  maxTimeStampStr: optional(text),
  messageQueue: MessageQueue,
  minTimeStamp: withDefault(long<TimestampMs>(), 0 as TimestampMs),
  minTimeStampStr: optional(text),
});
export type QueueTimeSpan = BodyOf<typeof QueueTimeSpan>;

/** Answer to QUERY_CONSUME_TIME_SPAN (303). Source: `QueryConsumeTimeSpanBody`. */
export const ConsumeTimeSpans = body('ConsumeTimeSpans', {
  consumeTimeSpanSet: withDefault(listOf(QueueTimeSpan), []),
});
export type ConsumeTimeSpans = BodyOf<typeof ConsumeTimeSpans>;

/** One entry of a consume queue. Source: `ConsumeQueueData`. */
export const ConsumeQueueData = body('ConsumeQueueData', {
  bitMap: optional(text),
  eval: withDefault(bool, false),
  extendDataJson: optional(text),
  msg: optional(text),
  physicOffset: withDefault(long(), 0),
  physicSize: withDefault(int, 0),
  tagsCode: withDefault(roundedLong(), 0),
});
export type ConsumeQueueData = BodyOf<typeof ConsumeQueueData>;

/** Answer to QUERY_CONSUME_QUEUE (321). Source: `QueryConsumeQueueResponseBody`. */
export const ConsumeQueueEntries = body('ConsumeQueueEntries', {
  filterData: optional(text),
  maxQueueIndex: withDefault(long(), 0),
  minQueueIndex: withDefault(long(), 0),
  queueData: optional(listOf(ConsumeQueueData)),
  subscriptionData: optional(SubscriptionData),
});
export type ConsumeQueueEntries = BodyOf<typeof ConsumeQueueEntries>;

/** Answer to QUERY_SUBSCRIPTION_BY_CONSUMER (345). Source: `QuerySubscriptionResponseBody`. */
export const SubscriptionOfGroup = body('SubscriptionOfGroup', {
  group: optional(text),
  subscriptionData: optional(SubscriptionData),
  topic: optional(text),
});
export type SubscriptionOfGroup = BodyOf<typeof SubscriptionOfGroup>;

const largestLong = 2n ** 63n - 1n;

/** An offset, or infinity for `Long.MAX_VALUE`. */
const offsetOrInfinity: JsonKind<number> = {
  ...roundedLong(),
  toJson: (value) => (Number.isSafeInteger(value) ? value : largestLong),
};

/** Answer to QUERY_CORRECTION_OFFSET (308), by queue id. Source: `QueryCorrectionOffsetBody`. */
export const CorrectionOffsets = body('CorrectionOffsets', {
  correctionOffsets: withDefault(mapOf(int, offsetOrInfinity), new Map<number, QueueOffset>()),
});
export type CorrectionOffsets = BodyOf<typeof CorrectionOffsets>;
