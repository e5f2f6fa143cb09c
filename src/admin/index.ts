/**
 * Owns what an administrator can do: one typed function per operation over the remoting protocol, and the catalogue that
 * describes them, from which command line, HTTP and documentation are made. Works with brokers of RocketMQ as well.
 */
export { Admin, type AdminClient, type AdminOptions, type AdminPorts } from './admin.ts';
export { benchConsume } from './bench/consume.ts';
export { benchEndToEnd } from './bench/end-to-end.ts';
export { benchMetadata } from './bench/metadata.ts';
export { benchProduce } from './bench/produce.ts';
export type { BenchReport } from './bench/report.ts';
export { type BrokerConfig, getBrokerConfig, setBrokerConfig } from './broker-config.ts';
export {
  type BrokerDetails,
  type BrokerSummary,
  brokerInfo,
  listBrokers,
} from './brokers.ts';
export { operations } from './catalogue.ts';
export { type Client, listClients, versionText } from './clients.ts';
export { type RecoveredGroup, recoverGroup } from './controller-recover.ts';
export { permissionText } from './field-types.ts';
export { findMessages, getMessage } from './finding.ts';
export {
  createGroup,
  deleteGroup,
  editGroup,
  type GroupResult,
  type RemovedGroup,
} from './group-changes.ts';
export {
  type Consumer,
  type GroupDetails,
  type GroupLag,
  type GroupOnBroker,
  type GroupProgress,
  type GroupSummary,
  groupInfo,
  groupLag,
  listGroups,
} from './groups.ts';
export { type HistoryEntry, haHistory } from './ha-history.ts';
export { type Promoted, promoteReplica } from './ha-promote.ts';
export { haStatus, type ReplicaGroup, type ReplicaRow } from './ha-status.ts';
export { type HandedOver, switchOver } from './ha-switchover.ts';
export type { Message } from './message.ts';
export { type VerifiedGroup, verifyMetadata } from './meta-verify.ts';
export { copyOffsets, type MovedOffset, resetOffsets, setOffset } from './offset-changes.ts';
export { type QueueProgress, showOffsets } from './offsets.ts';
export type {
  AnyOperation,
  Effect,
  Field,
  Fields,
  InputOf,
  NameKind,
  Operation,
  Stream,
} from './operation.ts';
export { type Change, changesShape } from './preview.ts';
export { tailTopic } from './reading.ts';
export { isRefusal, Refusal } from './refusal.ts';
export { type SentMessage, sendMessage } from './sending.ts';
export type { Form, Json, Shape } from './shape.ts';
export {
  type GroupConnections,
  type NamedQueue,
  type QueueConsumption,
  type QueueStatistics,
  singleRequests,
} from './single-requests.ts';
export {
  createTopic,
  deleteTopic,
  editTopic,
  type RemovedTopic,
  type TopicResult,
} from './topic-changes.ts';
export {
  listTopics,
  type QueueRange,
  type TopicDetails,
  type TopicOnBroker,
  type TopicRouteDetails,
  type TopicSummary,
  topicInfo,
  topicRoute,
} from './topics.ts';
