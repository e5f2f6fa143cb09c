/** Name server: routes for clients, registration of brokers, configuration. */
import type { BrokerId, Epoch } from '../../base/index.ts';
import { field, type HeaderOf, header } from '../schema/header.ts';
import { bool, int, long, optional, text } from '../schema/kinds.ts';

/** GET_ROUTEINFO_BY_TOPIC (105). Source: `GetRouteInfoRequestHeader`. */
export const GetRouteInfo = header('GetRouteInfo', {
  topic: field('topic', text),
  acceptStandardJsonOnly: field('acceptStandardJsonOnly', optional(bool)),
});
export type GetRouteInfo = HeaderOf<typeof GetRouteInfo>;

/** REGISTER_BROKER (103). Source: `RegisterBrokerRequestHeader`. */
export const RegisterBroker = header('RegisterBroker', {
  brokerName: field('brokerName', text),
  brokerAddr: field('brokerAddr', text),
  clusterName: field('clusterName', text),
  haServerAddr: field('haServerAddr', text),
  brokerId: field('brokerId', long<BrokerId>()),
  heartbeatTimeoutMillis: field('heartbeatTimeoutMillis', optional(long())),
  enableActingMaster: field('enableActingMaster', optional(bool)),
  /** Brokers compress without saying so: the body's first byte tells. */
  compressed: field('compressed', optional(bool)),
  /** 0 or absent: not checked. */
  bodyCrc32: field('bodyCrc32', optional(int)),
  zoneName: field('__ZONE_NAME', optional(text)),
  /** Ours: mastership period; the newest wins. */
  epoch: field('epoch', optional(long<Epoch>())),
  /** Ours: a DataVersion as JSON; the body holds what changed since that version of the topic table. */
  baseDataVersion: field('baseDataVersion', optional(text)),
});
export type RegisterBroker = HeaderOf<typeof RegisterBroker>;

/** Source: `RegisterBrokerResponseHeader`. */
export const RegisterBrokerResponse = header('RegisterBrokerResponse', {
  haServerAddr: field('haServerAddr', optional(text)),
  masterAddr: field('masterAddr', optional(text)),
});
export type RegisterBrokerResponse = HeaderOf<typeof RegisterBrokerResponse>;

/** UNREGISTER_BROKER (104), QUERY_DATA_VERSION (322). Source: `UnRegisterBrokerRequestHeader`. */
export const BrokerIdentity = header('BrokerIdentity', {
  brokerName: field('brokerName', text),
  brokerAddr: field('brokerAddr', text),
  clusterName: field('clusterName', text),
  brokerId: field('brokerId', long<BrokerId>()),
});
export type BrokerIdentity = HeaderOf<typeof BrokerIdentity>;

/** Source: `QueryDataVersionResponseHeader`. */
export const QueryDataVersionResponse = header('QueryDataVersionResponse', {
  changed: field('changed', bool),
});
export type QueryDataVersionResponse = HeaderOf<typeof QueryDataVersionResponse>;

/** BROKER_HEARTBEAT (904). Source: `BrokerHeartbeatRequestHeader`. */
export const BrokerHeartbeat = header('BrokerHeartbeat', {
  clusterName: field('clusterName', text),
  brokerAddr: field('brokerAddr', text),
  brokerName: field('brokerName', text),
  brokerId: field('brokerId', optional(long<BrokerId>())),
  epoch: field('epoch', optional(int)),
  maxOffset: field('maxOffset', optional(long())),
  confirmOffset: field('confirmOffset', optional(long())),
  heartbeatTimeoutMillis: field('heartbeatTimeoutMills', optional(long())),
  electionPriority: field('electionPriority', optional(int)),
  /** Ours: a `ReplicaReportBody` as JSON. */
  replicaReport: field('replicaReport', optional(text)),
});
export type BrokerHeartbeat = HeaderOf<typeof BrokerHeartbeat>;

/** GET_BROKER_MEMBER_GROUP (901). Source: `GetBrokerMemberGroupRequestHeader`. */
export const GetBrokerMemberGroup = header('GetBrokerMemberGroup', {
  clusterName: field('clusterName', text),
  brokerName: field('brokerName', text),
});
export type GetBrokerMemberGroup = HeaderOf<typeof GetBrokerMemberGroup>;

/** WIPE_WRITE_PERM_OF_BROKER (205), ADD_WRITE_PERM_OF_BROKER (327). */
export const BrokerName = header('BrokerName', { brokerName: field('brokerName', text) });
export type BrokerName = HeaderOf<typeof BrokerName>;

/** Answer to 205. Source: `WipeWritePermOfBrokerResponseHeader`. */
export const WipeWritePermResponse = header('WipeWritePermResponse', {
  wipeTopicCount: field('wipeTopicCount', int),
});
export type WipeWritePermResponse = HeaderOf<typeof WipeWritePermResponse>;

/** Answer to 327. Source: `AddWritePermOfBrokerResponseHeader`. */
export const AddWritePermResponse = header('AddWritePermResponse', {
  addTopicCount: field('addTopicCount', int),
});
export type AddWritePermResponse = HeaderOf<typeof AddWritePermResponse>;

/** DELETE_TOPIC_IN_NAMESRV (216). Source: `DeleteTopicFromNamesrvRequestHeader`. */
export const DeleteTopicInNameServer = header('DeleteTopicInNameServer', {
  topic: field('topic', text),
  clusterName: field('clusterName', optional(text)),
});
export type DeleteTopicInNameServer = HeaderOf<typeof DeleteTopicInNameServer>;

/** REGISTER_TOPIC_IN_NAMESRV (217). Source: `RegisterTopicRequestHeader`. */
export const RegisterTopic = header('RegisterTopic', { topic: field('topic', text) });
export type RegisterTopic = HeaderOf<typeof RegisterTopic>;

/** GET_TOPICS_BY_CLUSTER (224). Source: `GetTopicsByClusterRequestHeader`. */
export const GetTopicsByCluster = header('GetTopicsByCluster', { cluster: field('cluster', text) });
export type GetTopicsByCluster = HeaderOf<typeof GetTopicsByCluster>;

/** PUT_KV_CONFIG (100). Source: `PutKVConfigRequestHeader`. */
export const PutKeyValue = header('PutKeyValue', {
  namespace: field('namespace', text),
  key: field('key', text),
  value: field('value', text),
});
export type PutKeyValue = HeaderOf<typeof PutKeyValue>;

/** GET_KV_CONFIG (101), DELETE_KV_CONFIG (102). Source: `GetKVConfigRequestHeader`. */
export const KeyOfNamespace = header('KeyOfNamespace', {
  namespace: field('namespace', text),
  key: field('key', text),
});
export type KeyOfNamespace = HeaderOf<typeof KeyOfNamespace>;

/** Answer to 101. Source: `GetKVConfigResponseHeader`. */
export const KeyValueResponse = header('KeyValueResponse', {
  value: field('value', optional(text)),
});
export type KeyValueResponse = HeaderOf<typeof KeyValueResponse>;

/** GET_KVLIST_BY_NAMESPACE (219). Source: `GetKVListByNamespaceRequestHeader`. */
export const Namespace = header('Namespace', { namespace: field('namespace', text) });
export type Namespace = HeaderOf<typeof Namespace>;
