/** What a name server knows. */
import type { BrokerId } from '../../base/index.ts';
import { type BodyOf, body, listOf, mapOf } from '../schema/body.ts';
import { bool, int, long, optional, text, withDefault } from '../schema/kinds.ts';

/** Source: `QueueData`. */
export const QueueData = body('QueueData', {
  brokerName: text,
  /** `Permission` bits. */
  perm: int,
  readQueueNums: int,
  topicSysFlag: withDefault(int, 0),
  writeQueueNums: int,
});
export type QueueData = BodyOf<typeof QueueData>;

/** Addresses of the members of one broker group, by broker id. Source: `BrokerData`. */
export const BrokerData = body('BrokerData', {
  brokerAddrs: mapOf(long<BrokerId>(), text),
  brokerName: text,
  cluster: optional(text),
  enableActingMaster: optional(bool),
  zoneName: optional(text),
});
export type BrokerData = BodyOf<typeof BrokerData>;

/** Static topics. Source: `TopicQueueMappingInfo`. */
export const TopicQueueMappingInfo = body('TopicQueueMappingInfo', {
  bname: optional(text),
  currIdMap: withDefault(mapOf(int, int), new Map()),
  dirty: withDefault(bool, false),
  epoch: withDefault(long(), 0),
  scope: optional(text),
  topic: optional(text),
  totalQueues: withDefault(int, 0),
});
export type TopicQueueMappingInfo = BodyOf<typeof TopicQueueMappingInfo>;

/** Answer to GET_ROUTEINFO_BY_TOPIC (105). Source: `TopicRouteData`. */
export const TopicRouteData = body('TopicRouteData', {
  brokerDatas: withDefault(listOf(BrokerData), []),
  filterServerTable: withDefault(mapOf(text, listOf(text)), new Map()),
  orderTopicConf: optional(text),
  queueDatas: withDefault(listOf(QueueData), []),
  /** Must be absent for ordinary topics: clients take a topic that has it for a static one. */
  topicQueueMappingByBroker: optional(mapOf(text, TopicQueueMappingInfo)),
});
export type TopicRouteData = BodyOf<typeof TopicRouteData>;

/** Answer to GET_BROKER_CLUSTER_INFO (106). Source: `ClusterInfo`. */
export const ClusterInfo = body('ClusterInfo', {
  brokerAddrTable: withDefault(mapOf(text, BrokerData), new Map()),
  clusterAddrTable: withDefault(mapOf(text, listOf(text)), new Map()),
});
export type ClusterInfo = BodyOf<typeof ClusterInfo>;

/** Source: `BrokerMemberGroup`. */
export const BrokerMemberGroup = body('BrokerMemberGroup', {
  brokerAddrs: withDefault(mapOf(long<BrokerId>(), text), new Map()),
  brokerName: optional(text),
  cluster: optional(text),
});
export type BrokerMemberGroup = BodyOf<typeof BrokerMemberGroup>;

/** Answer to GET_BROKER_MEMBER_GROUP (901). Source: `GetBrokerMemberGroupResponseBody`. */
export const BrokerMemberGroupResponse = body('BrokerMemberGroupResponse', {
  brokerMemberGroup: BrokerMemberGroup,
});
export type BrokerMemberGroupResponse = BodyOf<typeof BrokerMemberGroupResponse>;

/** Answer to 206, 224, 304, 305, 343 and others. Source: `TopicList`. */
export const TopicList = body('TopicList', {
  brokerAddr: optional(text),
  topicList: withDefault(listOf(text), []),
});
export type TopicList = BodyOf<typeof TopicList>;

/** Answer to REGISTER_BROKER (103), GET_KVLIST_BY_NAMESPACE (219), GET_BROKER_RUNTIME_INFO (28). Source: `KVTable`. */
export const KVTable = body('KVTable', { table: withDefault(mapOf(text, text), new Map()) });
export type KVTable = BodyOf<typeof KVTable>;
