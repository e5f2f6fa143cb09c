/**
 * What lies on the wire and in the log: every byte position, wire key and code of the RocketMQ remoting protocol and of
 * stored messages. Pure: bytes in, values out. All bad input ends as `Failure('invalid')`, damaged records as
 * `Failure('corrupt')`.
 */
export {
  CheckClientConfig,
  ClientConnection,
  ConsumerConnection,
  ConsumerData,
  ConsumerListByGroup,
  ConsumerStatus,
  consumeFromWhere,
  consumeType,
  HeartbeatData,
  LockBatchRequest,
  LockBatchResponse,
  messageModel,
  ProducerConnection,
  ProducerData,
  ProducerInfo,
  ProducerTableInfo,
  SubscriptionData,
} from './bodies/clients.ts';
export {
  ConsumeQueueData,
  ConsumeQueueEntries,
  ConsumeStatsList,
  ConsumeTimeSpans,
  CorrectionOffsets,
  QueueTimeSpan,
  SubscriptionOfGroup,
} from './bodies/consumption.ts';
export {
  CustomizedRetryPolicy,
  ExponentialRetryPolicy,
  GroupList,
  GroupRetryPolicy,
  SimpleSubscriptionData,
  SubscriptionGroupConfig,
  SubscriptionGroupList,
  SubscriptionGroupWrapper,
} from './bodies/groups.ts';
export { MessageQueue } from './bodies/message-queue.ts';
export { MetadataDigests, MetadataRows } from './bodies/metadata.ts';
export {
  ConsumerOffsetSerializeWrapper,
  ConsumeStats,
  DelayOffsetSerializeWrapper,
  OffsetWrapper,
  ResetOffsetBody,
  ResetOffsetBodyForC,
} from './bodies/offsets.ts';
export {
  encodeCompressedRegisterBroker,
  RegisterBrokerBody,
} from './bodies/register-broker.ts';
export {
  decodeRegistrationBody,
  type QueueMapping,
  type RegistrationContent,
  type TopicQueues,
} from './bodies/registration-content.ts';
export {
  ElectMasterBody,
  EpochEntryCache,
  GroupHistory,
  GroupViewBody,
  HaRuntimeInfo,
  ReplicaReportBody,
  ReplicaStatus,
  SyncStateData,
  SyncStateSetBody,
} from './bodies/replication.ts';
export {
  MessageRequestMode,
  QueryAssignment,
  QueryAssignmentResponse,
} from './bodies/request-modes.ts';
export {
  BrokerData,
  BrokerMemberGroup,
  BrokerMemberGroupResponse,
  ClusterInfo,
  KVTable,
  QueueData,
  TopicList,
  TopicQueueMappingInfo,
  TopicRouteData,
} from './bodies/routes.ts';
export {
  BrokerStatsData,
  DataVersion,
  TopicConfig,
  TopicConfigList,
  TopicConfigSerializeWrapper,
  TopicOffset,
  TopicStatsTable,
} from './bodies/topics.ts';
export { type BodyFormat, type Exchange, exchanges } from './catalogue.ts';
export {
  CommandFlag,
  LanguageCode,
  type LanguageName,
  languageCodeOf,
  languageNames,
  ownVersion,
  Permission,
  PullSysFlag,
  RequestCode,
  ResponseCode,
  requestCodeName,
  responseCodeName,
  SysFlag,
  TopicSysFlag,
  Version,
} from './codes.ts';
export {
  encodeCommand,
  type OutgoingCommand,
  writeCommand,
  writeCommandHeader,
} from './frames/encode.ts';
export { FrameReader, maxFrameBytes } from './frames/frame-reader.ts';
export {
  type PullResponse,
  type SendResponse,
  storeHostPrefix,
  writeBareResponse,
  writePullResponse,
  writeSendResponse,
} from './frames/hot-responses.ts';
export type { Encoding, IncomingCommand } from './frames/incoming-command.ts';
export { OutputBuffer } from './frames/output-buffer.ts';
export {
  CreateTopic,
  DeleteSubscriptionGroup,
  DeleteTopic,
  GetAllSubscriptionGroups,
  GetAllSubscriptionGroupsResponse,
  GetAllTopicConfig,
  GetAllTopicConfigResponse,
  GetBrokerConfigResponse,
  GetConsumeStats,
  GetTopic,
  GroupName,
  ViewBrokerStats,
} from './headers/administration.ts';
export {
  ConsumeMessageDirectly,
  ConsumerGroup,
  GetConsumerRunningInfo,
  GetConsumerStatus,
  HeartbeatResponse,
  ProducerGroup,
  UnregisterClient,
} from './headers/clients.ts';
export {
  GetBrokerConsumeStats,
  QueryConsumeQueue,
  QueryConsumeTimeSpan,
  QueryCorrectionOffset,
  QuerySubscription,
} from './headers/consumption.ts';
export {
  AlterSyncStateSet,
  AlterSyncStateSetResponse,
  ApplyBrokerId,
  CleanBrokerData,
  ClearLossy,
  ControllerMetadata,
  ElectMaster,
  ElectMasterResponse,
  GetMetadataDigests,
  GetMetadataRows,
  GetNextBrokerId,
  GetNextBrokerIdResponse,
  GetReplicaInfo,
  GetReplicaInfoResponse,
  NotifyRoleChanged,
  PromoteReplica,
  PromoteReplicaResponse,
  RecoverGroup,
  RegisterReplica,
  RegisterReplicaResponse,
  SwitchOver,
  SwitchOverResponse,
} from './headers/controller.ts';
export {
  AddWritePermResponse,
  BrokerHeartbeat,
  BrokerIdentity,
  BrokerName,
  DeleteTopicInNameServer,
  GetBrokerMemberGroup,
  GetRouteInfo,
  GetTopicsByCluster,
  KeyOfNamespace,
  KeyValueResponse,
  Namespace,
  PutKeyValue,
  QueryDataVersionResponse,
  RegisterBroker,
  RegisterBrokerResponse,
  RegisterTopic,
  WipeWritePermResponse,
} from './headers/name-server.ts';
export {
  CloneGroupOffset,
  GetMaxOffset,
  OffsetResponse,
  QueryConsumerOffset,
  QueueOfTopic,
  ResetOffset,
  SearchOffset,
  TimestampResponse,
  UpdateConsumerOffset,
} from './headers/offsets.ts';
export {
  PullMessage,
  PullMessageResponse,
  QueryMessage,
  QueryMessageResponse,
  ViewMessage,
} from './headers/pull.ts';
export {
  ConsumerSendMsgBack,
  decodeSendMessage,
  type SendMessage,
  SendMessageResponse,
  SendMessageV1,
  SendMessageV2,
} from './headers/send.ts';
export { PullMessageView, SendMessageView } from './headers/views.ts';
export { defaultParseLimits, type ParseLimits, parseFastjson } from './json/parse.ts';
export {
  JavaDouble,
  type JsonObject,
  type JsonValue,
  type Writable,
  type WritableObject,
} from './json/value.ts';
export { writeFastjson, writeStandardJson } from './json/write.ts';
export {
  type BatchMessage,
  decodeBatch,
  encodeBatch,
  maxBatchMessages,
} from './messages/batch.ts';
export { decodeHost, encodeHost, type Host } from './messages/host.ts';
export {
  createUniqueId,
  decodeOffsetMessageId,
  encodeOffsetMessageId,
  type OffsetMessageId,
  type UniqueIdSource,
} from './messages/message-id.ts';
export {
  type ByteRange,
  decodeProperties,
  encodeProperties,
  findProperty,
  javaStringHash,
  maxPropertiesBytes,
  PropertyName,
  tagsCode,
} from './messages/properties.ts';
export {
  blankHeaderBytes,
  blankMagic,
  bodyCrc,
  bodyRangeAt,
  bornTimestampAt,
  checkRecord,
  decodeStoredMessage,
  decodeStoredMessages,
  encodeStoredMessage,
  largestRecordBytes,
  longestTopicBytes,
  type MessageToStore,
  magicAt,
  physicalOffsetAt,
  propertiesRangeAt,
  queueIdAt,
  queueOffsetAt,
  type RecordCheck,
  recordSizeAt,
  type StoredMessage,
  smallestRecordBytes,
  storedMessageSize,
  storeTimestampAt,
  sysFlagAt,
  topicRangeAt,
  writeBlankRecord,
} from './messages/stored-message.ts';
export { type Body, type BodyOf, body, listOf, mapOf } from './schema/body.ts';
export {
  type Field,
  type Fields,
  field,
  type Header,
  type HeaderOf,
  type HeaderValue,
  header,
} from './schema/header.ts';
export {
  bool,
  double,
  int,
  type JsonKind,
  type Kind,
  long,
  oneOf,
  optional,
  roundedLong,
  text,
  withDefault,
} from './schema/kinds.ts';
