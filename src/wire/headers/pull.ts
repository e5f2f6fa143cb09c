/** Reading: PULL_MESSAGE (11), LITE_PULL_MESSAGE (361), QUERY_MESSAGE (12), VIEW_MESSAGE_BY_ID (33). */
import type { BrokerId, PhysicalOffset, QueueOffset, TimestampMs } from '../../base/index.ts';
import { field, type HeaderOf, header } from '../schema/header.ts';
import { bool, int, long, optional, roundedLong, text } from '../schema/kinds.ts';

/** Source: `PullMessageRequestHeader`. */
export const PullMessage = header('PullMessage', {
  consumerGroup: field('consumerGroup', text),
  topic: field('topic', text),
  queueId: field('queueId', int),
  queueOffset: field('queueOffset', long<QueueOffset>()),
  maxMsgNums: field('maxMsgNums', int),
  /** `PullSysFlag` bits. */
  sysFlag: field('sysFlag', int),
  commitOffset: field('commitOffset', long<QueueOffset>()),
  suspendTimeoutMillis: field('suspendTimeoutMillis', long()),
  subscription: field('subscription', optional(text)),
  subVersion: field('subVersion', roundedLong()),
  expressionType: field('expressionType', optional(text)),
  maxMsgBytes: field('maxMsgBytes', optional(int)),
  requestSource: field('requestSource', optional(int)),
  proxyForwardClientId: field('proxyFrowardClientId', optional(text)),
});
export type PullMessage = HeaderOf<typeof PullMessage>;

/** Source: `PullMessageResponseHeader`. */
export const PullMessageResponse = header('PullMessageResponse', {
  suggestWhichBrokerId: field('suggestWhichBrokerId', long<BrokerId>()),
  nextBeginOffset: field('nextBeginOffset', long<QueueOffset>()),
  minOffset: field('minOffset', long<QueueOffset>()),
  maxOffset: field('maxOffset', long<QueueOffset>()),
  offsetDelta: field('offsetDelta', optional(long())),
  topicSysFlag: field('topicSysFlag', optional(int)),
  groupSysFlag: field('groupSysFlag', optional(int)),
  /** Beside NO_PERMISSION: 1 broker, 2 group, 3 topic, 4 broadcasting, 5 subscription. */
  forbiddenType: field('forbiddenType', optional(int)),
});
export type PullMessageResponse = HeaderOf<typeof PullMessageResponse>;

/** QUERY_MESSAGE (12). Source: `QueryMessageRequestHeader`. */
export const QueryMessage = header('QueryMessage', {
  topic: field('topic', text),
  key: field('key', text),
  maxNum: field('maxNum', int),
  beginTimestamp: field('beginTimestamp', roundedLong<TimestampMs>()),
  endTimestamp: field('endTimestamp', roundedLong<TimestampMs>()),
  /** The key is a unique key; `maxNum` does not count. */
  isUniqueKey: field('_UNIQUE_KEY_QUERY', optional(bool)),
  /** From 5.4 on: which index, K for KEYS, U for the unique key, T for tags. */
  indexType: field('indexType', optional(text)),
});
export type QueryMessage = HeaderOf<typeof QueryMessage>;

/** Source: `QueryMessageResponseHeader`. */
export const QueryMessageResponse = header('QueryMessageResponse', {
  indexLastUpdateTimestamp: field('indexLastUpdateTimestamp', long<TimestampMs>()),
  indexLastUpdatePhysicalOffset: field('indexLastUpdatePhyoffset', long<PhysicalOffset>()),
});
export type QueryMessageResponse = HeaderOf<typeof QueryMessageResponse>;

/** VIEW_MESSAGE_BY_ID (33). Source: `ViewMessageRequestHeader`. */
export const ViewMessage = header('ViewMessage', {
  topic: field('topic', optional(text)),
  offset: field('offset', long<PhysicalOffset>()),
});
export type ViewMessage = HeaderOf<typeof ViewMessage>;
