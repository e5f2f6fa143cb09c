/** Topics, groups and the broker itself, for tools. */
import { field, type HeaderOf, header } from '../schema/header.ts';
import { bool, int, optional, text } from '../schema/kinds.ts';

/** UPDATE_AND_CREATE_TOPIC (17). Source: `CreateTopicRequestHeader`. */
export const CreateTopic = header('CreateTopic', {
  topic: field('topic', text),
  /** Old tools leave it out when it is their default. */
  defaultTopic: field('defaultTopic', optional(text)),
  readQueueNums: field('readQueueNums', int),
  writeQueueNums: field('writeQueueNums', int),
  /** `Permission` bits. */
  perm: field('perm', int),
  topicFilterType: field('topicFilterType', optional(text)),
  topicSysFlag: field('topicSysFlag', optional(int)),
  order: field('order', optional(bool)),
  /** Changes: `+key=value,-key`. */
  attributes: field('attributes', optional(text)),
});
export type CreateTopic = HeaderOf<typeof CreateTopic>;

/** DELETE_TOPIC_IN_BROKER (215). Source: `DeleteTopicRequestHeader`. */
export const DeleteTopic = header('DeleteTopic', { topic: field('topic', text) });
export type DeleteTopic = HeaderOf<typeof DeleteTopic>;

/** GET_ALL_TOPIC_CONFIG (21). All absent: everything at once. Source: `GetAllTopicConfigRequestHeader`. */
export const GetAllTopicConfig = header('GetAllTopicConfig', {
  topicSeq: field('topicSeq', optional(int)),
  maxTopicNum: field('maxTopicNum', optional(int)),
  dataVersion: field('dataVersion', optional(text)),
});
export type GetAllTopicConfig = HeaderOf<typeof GetAllTopicConfig>;

/** Source: `GetAllTopicConfigResponseHeader`. */
export const GetAllTopicConfigResponse = header('GetAllTopicConfigResponse', {
  totalTopicNum: field('totalTopicNum', optional(int)),
});
export type GetAllTopicConfigResponse = HeaderOf<typeof GetAllTopicConfigResponse>;

/** GET_TOPIC_CONFIG (351), GET_TOPIC_STATS_INFO (202), QUERY_TOPIC_CONSUME_BY_WHO (300). Source: `GetTopicConfigRequestHeader`. */
export const GetTopic = header('GetTopic', {
  topic: field('topic', text),
  isLogical: field('lo', optional(bool)),
});
export type GetTopic = HeaderOf<typeof GetTopic>;

/** DELETE_SUBSCRIPTIONGROUP (207). Source: `DeleteSubscriptionGroupRequestHeader`. */
export const DeleteSubscriptionGroup = header('DeleteSubscriptionGroup', {
  groupName: field('groupName', text),
  cleanOffset: field('cleanOffset', optional(bool)),
  /** What 4.9 clients call it. */
  removeOffset: field('removeOffset', optional(bool)),
});
export type DeleteSubscriptionGroup = HeaderOf<typeof DeleteSubscriptionGroup>;

/** GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201). Source: `GetAllSubscriptionGroupRequestHeader`. */
export const GetAllSubscriptionGroups = header('GetAllSubscriptionGroups', {
  groupSeq: field('groupSeq', optional(int)),
  maxGroupNum: field('maxGroupNum', optional(int)),
  dataVersion: field('dataVersion', optional(text)),
});
export type GetAllSubscriptionGroups = HeaderOf<typeof GetAllSubscriptionGroups>;

/** Source: `GetAllSubscriptionGroupResponseHeader`. */
export const GetAllSubscriptionGroupsResponse = header('GetAllSubscriptionGroupsResponse', {
  totalGroupNum: field('totalGroupNum', optional(int)),
});
export type GetAllSubscriptionGroupsResponse = HeaderOf<typeof GetAllSubscriptionGroupsResponse>;

/** GET_SUBSCRIPTIONGROUP_CONFIG (352), QUERY_TOPICS_BY_CONSUMER (343). Source: `GetSubscriptionGroupConfigRequestHeader`. */
export const GroupName = header('GroupName', { group: field('group', text) });
export type GroupName = HeaderOf<typeof GroupName>;

/** GET_CONSUME_STATS (208). An empty topic is all topics. Source: `GetConsumeStatsRequestHeader`. */
export const GetConsumeStats = header('GetConsumeStats', {
  consumerGroup: field('consumerGroup', text),
  topic: field('topic', optional(text)),
  topicList: field('topicList', optional(text)),
});
export type GetConsumeStats = HeaderOf<typeof GetConsumeStats>;

/** VIEW_BROKER_STATS_DATA (315). Source: `ViewBrokerStatsDataRequestHeader`. */
export const ViewBrokerStats = header('ViewBrokerStats', {
  statsName: field('statsName', text),
  statsKey: field('statsKey', text),
});
export type ViewBrokerStats = HeaderOf<typeof ViewBrokerStats>;

/** Answer to GET_BROKER_CONFIG (26); the body is properties text. Source: `GetBrokerConfigResponseHeader`. */
export const GetBrokerConfigResponse = header('GetBrokerConfigResponse', {
  version: field('version', text),
});
export type GetBrokerConfigResponse = HeaderOf<typeof GetBrokerConfigResponse>;
