/** Which schemas belong to which request: for the pages of docs/formats, and for tests of captured frames. */
import {
  CheckClientConfig,
  ConsumerConnection,
  ConsumerListByGroup,
  ConsumerStatus,
  HeartbeatData,
  LockBatchRequest,
  LockBatchResponse,
  ProducerConnection,
  ProducerTableInfo,
} from './bodies/clients.ts';
import {
  ConsumeQueueEntries,
  ConsumeStatsList,
  ConsumeTimeSpans,
  CorrectionOffsets,
  SubscriptionOfGroup,
} from './bodies/consumption.ts';
import {
  GroupList,
  SubscriptionGroupConfig,
  SubscriptionGroupList,
  SubscriptionGroupWrapper,
} from './bodies/groups.ts';
import {
  ConsumerOffsetSerializeWrapper,
  ConsumeStats,
  DelayOffsetSerializeWrapper,
  ResetOffsetBody,
} from './bodies/offsets.ts';
import { RegisterBrokerBody } from './bodies/register-broker.ts';
import {
  MessageRequestMode,
  QueryAssignment,
  QueryAssignmentResponse,
} from './bodies/request-modes.ts';
import {
  BrokerMemberGroupResponse,
  ClusterInfo,
  KVTable,
  TopicList,
  TopicRouteData,
} from './bodies/routes.ts';
import {
  BrokerStatsData,
  DataVersion,
  TopicConfig,
  TopicConfigList,
  TopicConfigSerializeWrapper,
  TopicStatsTable,
} from './bodies/topics.ts';
import { RequestCode } from './codes.ts';
import * as administration from './headers/administration.ts';
import * as clients from './headers/clients.ts';
import * as consumption from './headers/consumption.ts';
import * as nameServer from './headers/name-server.ts';
import * as offsets from './headers/offsets.ts';
import * as pull from './headers/pull.ts';
import * as send from './headers/send.ts';
import type { Body } from './schema/body.ts';
import type { Header } from './schema/header.ts';

/** A body that is not JSON is named. */
export type BodyFormat =
  | Body
  | 'one message body'
  | 'batch of messages'
  | 'stored messages'
  | 'Java properties';

export interface Exchange {
  readonly request?: Header;
  readonly requestBody?: BodyFormat;
  readonly response?: Header;
  readonly responseBody?: BodyFormat;
}

const sendResponse = { response: send.SendMessageResponse } as const;

/** Requests with nothing to say in header and body are left out. */
export const exchanges: ReadonlyMap<number, Exchange> = new Map<number, Exchange>([
  [
    RequestCode.SEND_MESSAGE,
    { request: send.SendMessageV1, requestBody: 'one message body', ...sendResponse },
  ],
  [
    RequestCode.PULL_MESSAGE,
    {
      request: pull.PullMessage,
      response: pull.PullMessageResponse,
      responseBody: 'stored messages',
    },
  ],
  [
    RequestCode.QUERY_MESSAGE,
    {
      request: pull.QueryMessage,
      response: pull.QueryMessageResponse,
      responseBody: 'stored messages',
    },
  ],
  [
    RequestCode.QUERY_CONSUMER_OFFSET,
    { request: offsets.QueryConsumerOffset, response: offsets.OffsetResponse },
  ],
  [RequestCode.UPDATE_CONSUMER_OFFSET, { request: offsets.UpdateConsumerOffset }],
  [RequestCode.UPDATE_AND_CREATE_TOPIC, { request: administration.CreateTopic }],
  [RequestCode.UPDATE_AND_CREATE_TOPIC_LIST, { requestBody: TopicConfigList }],
  [
    RequestCode.GET_ALL_TOPIC_CONFIG,
    {
      request: administration.GetAllTopicConfig,
      response: administration.GetAllTopicConfigResponse,
      responseBody: TopicConfigSerializeWrapper,
    },
  ],
  [RequestCode.UPDATE_BROKER_CONFIG, { requestBody: 'Java properties' }],
  [
    RequestCode.GET_BROKER_CONFIG,
    { response: administration.GetBrokerConfigResponse, responseBody: 'Java properties' },
  ],
  [RequestCode.GET_BROKER_RUNTIME_INFO, { responseBody: KVTable }],
  [
    RequestCode.SEARCH_OFFSET_BY_TIMESTAMP,
    { request: offsets.SearchOffset, response: offsets.OffsetResponse },
  ],
  [RequestCode.GET_MAX_OFFSET, { request: offsets.GetMaxOffset, response: offsets.OffsetResponse }],
  [RequestCode.GET_MIN_OFFSET, { request: offsets.QueueOfTopic, response: offsets.OffsetResponse }],
  [
    RequestCode.GET_EARLIEST_MSG_STORETIME,
    { request: offsets.QueueOfTopic, response: offsets.TimestampResponse },
  ],
  [RequestCode.VIEW_MESSAGE_BY_ID, { request: pull.ViewMessage, responseBody: 'stored messages' }],
  [RequestCode.HEART_BEAT, { requestBody: HeartbeatData, response: clients.HeartbeatResponse }],
  [RequestCode.UNREGISTER_CLIENT, { request: clients.UnregisterClient }],
  [RequestCode.CONSUMER_SEND_MSG_BACK, { request: send.ConsumerSendMsgBack }],
  [
    RequestCode.GET_CONSUMER_LIST_BY_GROUP,
    { request: clients.ConsumerGroup, responseBody: ConsumerListByGroup },
  ],
  [RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, { request: clients.ConsumerGroup }],
  [RequestCode.LOCK_BATCH_MQ, { requestBody: LockBatchRequest, responseBody: LockBatchResponse }],
  [RequestCode.UNLOCK_BATCH_MQ, { requestBody: LockBatchRequest }],
  [RequestCode.GET_ALL_CONSUMER_OFFSET, { responseBody: ConsumerOffsetSerializeWrapper }],
  [RequestCode.GET_ALL_DELAY_OFFSET, { responseBody: DelayOffsetSerializeWrapper }],
  [RequestCode.CHECK_CLIENT_CONFIG, { requestBody: CheckClientConfig }],
  [RequestCode.PUT_KV_CONFIG, { request: nameServer.PutKeyValue }],
  [
    RequestCode.GET_KV_CONFIG,
    { request: nameServer.KeyOfNamespace, response: nameServer.KeyValueResponse },
  ],
  [RequestCode.DELETE_KV_CONFIG, { request: nameServer.KeyOfNamespace }],
  [
    RequestCode.REGISTER_BROKER,
    {
      request: nameServer.RegisterBroker,
      requestBody: RegisterBrokerBody,
      response: nameServer.RegisterBrokerResponse,
      responseBody: KVTable,
    },
  ],
  [RequestCode.UNREGISTER_BROKER, { request: nameServer.BrokerIdentity }],
  [
    RequestCode.GET_ROUTEINFO_BY_TOPIC,
    { request: nameServer.GetRouteInfo, responseBody: TopicRouteData },
  ],
  [RequestCode.GET_BROKER_CLUSTER_INFO, { responseBody: ClusterInfo }],
  [RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, { requestBody: SubscriptionGroupConfig }],
  [RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST, { requestBody: SubscriptionGroupList }],
  [
    RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG,
    {
      request: administration.GetAllSubscriptionGroups,
      response: administration.GetAllSubscriptionGroupsResponse,
      responseBody: SubscriptionGroupWrapper,
    },
  ],
  [
    RequestCode.GET_TOPIC_STATS_INFO,
    { request: administration.GetTopic, responseBody: TopicStatsTable },
  ],
  [
    RequestCode.GET_CONSUMER_CONNECTION_LIST,
    { request: clients.ConsumerGroup, responseBody: ConsumerConnection },
  ],
  [
    RequestCode.GET_PRODUCER_CONNECTION_LIST,
    { request: clients.ProducerGroup, responseBody: ProducerConnection },
  ],
  [
    RequestCode.WIPE_WRITE_PERM_OF_BROKER,
    { request: nameServer.BrokerName, response: nameServer.WipeWritePermResponse },
  ],
  [RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, { responseBody: TopicList }],
  [RequestCode.DELETE_SUBSCRIPTIONGROUP, { request: administration.DeleteSubscriptionGroup }],
  [
    RequestCode.GET_CONSUME_STATS,
    { request: administration.GetConsumeStats, responseBody: ConsumeStats },
  ],
  [RequestCode.DELETE_TOPIC_IN_BROKER, { request: administration.DeleteTopic }],
  [RequestCode.DELETE_TOPIC_IN_NAMESRV, { request: nameServer.DeleteTopicInNameServer }],
  [
    RequestCode.REGISTER_TOPIC_IN_NAMESRV,
    { request: nameServer.RegisterTopic, requestBody: TopicRouteData },
  ],
  [RequestCode.GET_KVLIST_BY_NAMESPACE, { request: nameServer.Namespace, responseBody: KVTable }],
  [
    RequestCode.RESET_CONSUMER_CLIENT_OFFSET,
    { request: offsets.ResetOffset, requestBody: ResetOffsetBody },
  ],
  [
    RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
    { request: offsets.ResetOffset, responseBody: ResetOffsetBody },
  ],
  [RequestCode.CLONE_GROUP_OFFSET, { request: offsets.CloneGroupOffset }],
  [
    RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT,
    { request: clients.GetConsumerStatus, responseBody: ConsumerStatus },
  ],
  [
    RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS,
    { request: clients.GetConsumerStatus, responseBody: ConsumerStatus },
  ],
  [
    RequestCode.GET_TOPICS_BY_CLUSTER,
    { request: nameServer.GetTopicsByCluster, responseBody: TopicList },
  ],
  [RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS, { responseBody: TopicList }],
  [RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER, { responseBody: TopicList }],
  [
    RequestCode.QUERY_TOPIC_CONSUME_BY_WHO,
    { request: administration.GetTopic, responseBody: GroupList },
  ],
  [
    RequestCode.QUERY_CONSUME_TIME_SPAN,
    { request: consumption.QueryConsumeTimeSpan, responseBody: ConsumeTimeSpans },
  ],
  [
    RequestCode.QUERY_CORRECTION_OFFSET,
    { request: consumption.QueryCorrectionOffset, responseBody: CorrectionOffsets },
  ],
  [
    RequestCode.GET_BROKER_CONSUME_STATS,
    { request: consumption.GetBrokerConsumeStats, responseBody: ConsumeStatsList },
  ],
  [
    RequestCode.QUERY_CONSUME_QUEUE,
    { request: consumption.QueryConsumeQueue, responseBody: ConsumeQueueEntries },
  ],
  [
    RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER,
    { request: consumption.QuerySubscription, responseBody: SubscriptionOfGroup },
  ],
  [RequestCode.GET_CONSUMER_RUNNING_INFO, { request: clients.GetConsumerRunningInfo }],
  [
    RequestCode.CONSUME_MESSAGE_DIRECTLY,
    { request: clients.ConsumeMessageDirectly, requestBody: 'stored messages' },
  ],
  [RequestCode.GET_ALL_PRODUCER_INFO, { responseBody: ProducerTableInfo }],
  [
    RequestCode.SEND_MESSAGE_V2,
    { request: send.SendMessageV2, requestBody: 'one message body', ...sendResponse },
  ],
  [
    RequestCode.VIEW_BROKER_STATS_DATA,
    { request: administration.ViewBrokerStats, responseBody: BrokerStatsData },
  ],
  [
    RequestCode.SEND_BATCH_MESSAGE,
    { request: send.SendMessageV2, requestBody: 'batch of messages', ...sendResponse },
  ],
  [
    RequestCode.QUERY_DATA_VERSION,
    {
      request: nameServer.BrokerIdentity,
      requestBody: DataVersion,
      response: nameServer.QueryDataVersionResponse,
      responseBody: DataVersion,
    },
  ],
  [
    RequestCode.ADD_WRITE_PERM_OF_BROKER,
    { request: nameServer.BrokerName, response: nameServer.AddWritePermResponse },
  ],
  [
    RequestCode.QUERY_TOPICS_BY_CONSUMER,
    { request: administration.GroupName, responseBody: TopicList },
  ],
  [RequestCode.GET_TOPIC_CONFIG, { request: administration.GetTopic, responseBody: TopicConfig }],
  [
    RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG,
    { request: administration.GroupName, responseBody: SubscriptionGroupConfig },
  ],
  [
    RequestCode.LITE_PULL_MESSAGE,
    {
      request: pull.PullMessage,
      response: pull.PullMessageResponse,
      responseBody: 'stored messages',
    },
  ],
  [
    RequestCode.QUERY_ASSIGNMENT,
    { requestBody: QueryAssignment, responseBody: QueryAssignmentResponse },
  ],
  [RequestCode.SET_MESSAGE_REQUEST_MODE, { requestBody: MessageRequestMode }],
  [
    RequestCode.GET_BROKER_MEMBER_GROUP,
    { request: nameServer.GetBrokerMemberGroup, responseBody: BrokerMemberGroupResponse },
  ],
  [RequestCode.BROKER_HEARTBEAT, { request: nameServer.BrokerHeartbeat }],
]);
