/** Consumers and producers of a broker. */
import type { QueueOffset, TimestampMs } from '../../base/index.ts';
import { type BodyOf, body, listOf, mapOf } from '../schema/body.ts';
import {
  bool,
  int,
  long,
  oneOf,
  optional,
  roundedLong,
  text,
  withDefault,
} from '../schema/kinds.ts';
import { MessageQueue } from './message-queue.ts';

export const consumeType = oneOf('CONSUME_ACTIVELY', 'CONSUME_PASSIVELY', 'CONSUME_POP');
export const messageModel = oneOf('BROADCASTING', 'CLUSTERING');
export const consumeFromWhere = oneOf(
  'CONSUME_FROM_LAST_OFFSET',
  'CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST',
  'CONSUME_FROM_MIN_OFFSET',
  'CONSUME_FROM_MAX_OFFSET',
  'CONSUME_FROM_FIRST_OFFSET',
  'CONSUME_FROM_TIMESTAMP',
);

/** Source: `SubscriptionData`. */
export const SubscriptionData = body('SubscriptionData', {
  classFilterMode: withDefault(bool, false),
  /** Not to be trusted: the Go client hashes bytes. Tag codes are computed from `subString`. */
  codeSet: withDefault(listOf(int), []),
  expressionType: withDefault(text, 'TAG'),
  /** Absent and empty are `*`. */
  subString: optional(text),
  /** Milliseconds from Java, nanoseconds from Go. */
  subVersion: withDefault(roundedLong(), 0),
  tagsSet: withDefault(listOf(text), []),
  topic: text,
});
export type SubscriptionData = BodyOf<typeof SubscriptionData>;

/** Source: `ConsumerData`. */
export const ConsumerData = body('ConsumerData', {
  consumeFromWhere: withDefault(consumeFromWhere, 'CONSUME_FROM_LAST_OFFSET'),
  consumeType: withDefault(consumeType, 'CONSUME_PASSIVELY'),
  groupName: text,
  messageModel: withDefault(messageModel, 'CLUSTERING'),
  subscriptionDataSet: withDefault(listOf(SubscriptionData), []),
  unitMode: withDefault(bool, false),
});
export type ConsumerData = BodyOf<typeof ConsumerData>;

/** Source: `ProducerData`. */
export const ProducerData = body('ProducerData', { groupName: text });
export type ProducerData = BodyOf<typeof ProducerData>;

/** HEART_BEAT (34). Source: `HeartbeatData`. */
export const HeartbeatData = body('HeartbeatData', {
  clientID: text,
  consumerDataSet: withDefault(listOf(ConsumerData), []),
  /** Not 0: the second form of heartbeats. */
  heartbeatFingerprint: withDefault(int, 0),
  producerDataSet: withDefault(listOf(ProducerData), []),
  withoutSub: withDefault(bool, false),
});
export type HeartbeatData = BodyOf<typeof HeartbeatData>;

/** CHECK_CLIENT_CONFIG (46). Source: `CheckClientRequestBody`. */
export const CheckClientConfig = body('CheckClientConfig', {
  clientId: optional(text),
  group: optional(text),
  namespace: optional(text),
  subscriptionData: optional(SubscriptionData),
});
export type CheckClientConfig = BodyOf<typeof CheckClientConfig>;

/** Answer to GET_CONSUMER_LIST_BY_GROUP (38). Source: `GetConsumerListByGroupResponseBody`. */
export const ConsumerListByGroup = body('ConsumerListByGroup', {
  consumerIdList: withDefault(listOf(text), []),
});
export type ConsumerListByGroup = BodyOf<typeof ConsumerListByGroup>;

/** Source: `Connection`. */
export const ClientConnection = body('ClientConnection', {
  clientAddr: text,
  clientId: text,
  /** A name of `languageNames`. */
  language: optional(text),
  version: withDefault(int, 0),
});
export type ClientConnection = BodyOf<typeof ClientConnection>;

/** Answer to GET_CONSUMER_CONNECTION_LIST (203). Source: `ConsumerConnection`. */
export const ConsumerConnection = body('ConsumerConnection', {
  connectionSet: withDefault(listOf(ClientConnection), []),
  consumeFromWhere: optional(consumeFromWhere),
  consumeType: optional(consumeType),
  messageModel: optional(messageModel),
  subscriptionTable: withDefault(mapOf(text, SubscriptionData), new Map()),
});
export type ConsumerConnection = BodyOf<typeof ConsumerConnection>;

/** Answer to GET_PRODUCER_CONNECTION_LIST (204). Source: `ProducerConnection`. */
export const ProducerConnection = body('ProducerConnection', {
  connectionSet: withDefault(listOf(ClientConnection), []),
});
export type ProducerConnection = BodyOf<typeof ProducerConnection>;

/** Source: `ProducerInfo`. */
export const ProducerInfo = body('ProducerInfo', {
  clientId: text,
  language: optional(text),
  lastUpdateTimestamp: withDefault(long<TimestampMs>(), 0 as TimestampMs),
  /** A slash, then address and port, as Java prints a socket's address. */
  remoteIP: optional(text),
  version: withDefault(int, 0),
});
export type ProducerInfo = BodyOf<typeof ProducerInfo>;

/** Answer to GET_ALL_PRODUCER_INFO (328), by producer group. Source: `ProducerTableInfo`. */
export const ProducerTableInfo = body('ProducerTableInfo', {
  data: withDefault(mapOf(text, listOf(ProducerInfo)), new Map()),
});
export type ProducerTableInfo = BodyOf<typeof ProducerTableInfo>;

const queueOffsets = mapOf(MessageQueue, long<QueueOffset>());

/**
 * A client's answer to GET_CONSUMER_STATUS_FROM_CLIENT (221), which fills the second table, and the broker's to
 * INVOKE_BROKER_TO_GET_CONSUMER_STATUS (223), which fills the first, by client id. Source: `GetConsumerStatusBody`.
 */
export const ConsumerStatus = body('ConsumerStatus', {
  consumerTable: withDefault(mapOf(text, queueOffsets), new Map()),
  messageQueueTable: withDefault(queueOffsets, new Map()),
});
export type ConsumerStatus = BodyOf<typeof ConsumerStatus>;

/** LOCK_BATCH_MQ (41), UNLOCK_BATCH_MQ (42). Source: `LockBatchRequestBody`. */
export const LockBatchRequest = body('LockBatchRequest', {
  clientId: text,
  consumerGroup: text,
  mqSet: withDefault(listOf(MessageQueue), []),
  onlyThisBroker: withDefault(bool, false),
});
export type LockBatchRequest = BodyOf<typeof LockBatchRequest>;

/** Answer to 41. Source: `LockBatchResponseBody`. */
export const LockBatchResponse = body('LockBatchResponse', {
  lockOKMQSet: withDefault(listOf(MessageQueue), []),
});
export type LockBatchResponse = BodyOf<typeof LockBatchResponse>;
