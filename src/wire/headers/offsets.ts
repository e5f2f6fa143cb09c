/** Offsets of queues and consumers. */
import type { QueueOffset, TimestampMs } from '../../base/index.ts';
import { field, type HeaderOf, header } from '../schema/header.ts';
import { bool, int, long, oneOf, optional, roundedLong, text } from '../schema/kinds.ts';

/** QUERY_CONSUMER_OFFSET (14). Source: `QueryConsumerOffsetRequestHeader`. */
export const QueryConsumerOffset = header('QueryConsumerOffset', {
  consumerGroup: field('consumerGroup', text),
  topic: field('topic', text),
  queueId: field('queueId', int),
  setZeroIfNotFound: field('setZeroIfNotFound', optional(bool)),
});
export type QueryConsumerOffset = HeaderOf<typeof QueryConsumerOffset>;

/** UPDATE_CONSUMER_OFFSET (15). Source: `UpdateConsumerOffsetRequestHeader`. */
export const UpdateConsumerOffset = header('UpdateConsumerOffset', {
  consumerGroup: field('consumerGroup', text),
  topic: field('topic', text),
  queueId: field('queueId', int),
  commitOffset: field('commitOffset', long<QueueOffset>()),
});
export type UpdateConsumerOffset = HeaderOf<typeof UpdateConsumerOffset>;

/** SEARCH_OFFSET_BY_TIMESTAMP (29). Source: `SearchOffsetRequestHeader`. */
export const SearchOffset = header('SearchOffset', {
  topic: field('topic', text),
  queueId: field('queueId', int),
  timestamp: field('timestamp', roundedLong<TimestampMs>()),
  boundaryType: field('boundaryType', optional(oneOf('lower', 'upper'))),
});
export type SearchOffset = HeaderOf<typeof SearchOffset>;

/** GET_MAX_OFFSET (30). Source: `GetMaxOffsetRequestHeader`. */
export const GetMaxOffset = header('GetMaxOffset', {
  topic: field('topic', text),
  queueId: field('queueId', int),
  committed: field('committed', optional(bool)),
});
export type GetMaxOffset = HeaderOf<typeof GetMaxOffset>;

/** GET_MIN_OFFSET (31), GET_EARLIEST_MSG_STORETIME (32). Source: `GetMinOffsetRequestHeader`. */
export const QueueOfTopic = header('QueueOfTopic', {
  topic: field('topic', text),
  queueId: field('queueId', int),
});
export type QueueOfTopic = HeaderOf<typeof QueueOfTopic>;

/** Answer to 14, 29, 30, 31. Source: `QueryConsumerOffsetResponseHeader` and others of the same shape. */
export const OffsetResponse = header('OffsetResponse', {
  offset: field('offset', long<QueueOffset>()),
});
export type OffsetResponse = HeaderOf<typeof OffsetResponse>;

/** Answer to 32; -1 when the queue is empty. Source: `GetEarliestMsgStoretimeResponseHeader`. */
export const TimestampResponse = header('TimestampResponse', {
  timestamp: field('timestamp', long<TimestampMs>()),
});
export type TimestampResponse = HeaderOf<typeof TimestampResponse>;

/** INVOKE_BROKER_TO_RESET_OFFSET (222), RESET_CONSUMER_CLIENT_OFFSET (220). Source: `ResetOffsetRequestHeader`. */
export const ResetOffset = header('ResetOffset', {
  topic: field('topic', text),
  group: field('group', text),
  /** -1 or absent: all. */
  queueId: field('queueId', optional(int)),
  offset: field('offset', optional(long<QueueOffset>())),
  /** Below 0: the end of the queue. */
  timestamp: field('timestamp', roundedLong()),
  isForce: field('isForce', optional(bool)),
});
export type ResetOffset = HeaderOf<typeof ResetOffset>;

/** CLONE_GROUP_OFFSET (314). Source: `CloneGroupOffsetRequestHeader`. */
export const CloneGroupOffset = header('CloneGroupOffset', {
  srcGroup: field('srcGroup', text),
  destGroup: field('destGroup', text),
  /** Absent or empty: all topics of the source. */
  topic: field('topic', optional(text)),
  offline: field('offline', optional(bool)),
});
export type CloneGroupOffset = HeaderOf<typeof CloneGroupOffset>;
