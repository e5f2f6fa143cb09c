/** Clients of a broker: sessions, consumers, producers, and what a broker asks them. */
import { field, type HeaderOf, header } from '../schema/header.ts';
import { bool, int, optional, text } from '../schema/kinds.ts';

/** Answer to HEART_BEAT (34). Source: `ClientManageProcessor`. */
export const HeartbeatResponse = header('HeartbeatResponse', {
  supportsV2: field('IS_SUPPORT_HEART_BEAT_V2', optional(bool)),
  subscriptionChanged: field('IS_SUB_CHANGE', optional(bool)),
});
export type HeartbeatResponse = HeaderOf<typeof HeartbeatResponse>;

/** UNREGISTER_CLIENT (35). Source: `UnregisterClientRequestHeader`. */
export const UnregisterClient = header('UnregisterClient', {
  clientId: field('clientID', text),
  producerGroup: field('producerGroup', optional(text)),
  consumerGroup: field('consumerGroup', optional(text)),
});
export type UnregisterClient = HeaderOf<typeof UnregisterClient>;

/**
 * The consumer group alone: GET_CONSUMER_LIST_BY_GROUP (38), NOTIFY_CONSUMER_IDS_CHANGED (40),
 * GET_CONSUMER_CONNECTION_LIST (203).
 */
export const ConsumerGroup = header('ConsumerGroup', {
  consumerGroup: field('consumerGroup', text),
});
export type ConsumerGroup = HeaderOf<typeof ConsumerGroup>;

/** GET_PRODUCER_CONNECTION_LIST (204). Source: `GetProducerConnectionListRequestHeader`. */
export const ProducerGroup = header('ProducerGroup', {
  producerGroup: field('producerGroup', text),
});
export type ProducerGroup = HeaderOf<typeof ProducerGroup>;

/** GET_CONSUMER_RUNNING_INFO (307). Source: `GetConsumerRunningInfoRequestHeader`. */
export const GetConsumerRunningInfo = header('GetConsumerRunningInfo', {
  consumerGroup: field('consumerGroup', text),
  clientId: field('clientId', text),
  jstackEnable: field('jstackEnable', optional(bool)),
});
export type GetConsumerRunningInfo = HeaderOf<typeof GetConsumerRunningInfo>;

/** CONSUME_MESSAGE_DIRECTLY (309). Source: `ConsumeMessageDirectlyResultRequestHeader`. */
export const ConsumeMessageDirectly = header('ConsumeMessageDirectly', {
  consumerGroup: field('consumerGroup', text),
  clientId: field('clientId', optional(text)),
  msgId: field('msgId', optional(text)),
  brokerName: field('brokerName', optional(text)),
  topic: field('topic', optional(text)),
  topicSysFlag: field('topicSysFlag', optional(int)),
  groupSysFlag: field('groupSysFlag', optional(int)),
});
export type ConsumeMessageDirectly = HeaderOf<typeof ConsumeMessageDirectly>;

/**
 * INVOKE_BROKER_TO_GET_CONSUMER_STATUS (223), GET_CONSUMER_STATUS_FROM_CLIENT (221). `clientAddr` is the id of one
 * client, in spite of its name. Source: `GetConsumerStatusRequestHeader`.
 */
export const GetConsumerStatus = header('GetConsumerStatus', {
  topic: field('topic', text),
  group: field('group', text),
  clientAddr: field('clientAddr', optional(text)),
});
export type GetConsumerStatus = HeaderOf<typeof GetConsumerStatus>;
