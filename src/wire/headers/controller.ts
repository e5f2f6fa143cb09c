/** Controller: identities, sync-state sets and elections. Fields of ours carry JSON of `GroupViewBody` and `ReplicaReportBody`. */
import type { BrokerId, Epoch, PhysicalOffset } from '../../base/index.ts';
import { field, type HeaderOf, header } from '../schema/header.ts';
import { bool, int, long, optional, text } from '../schema/kinds.ts';

/** CONTROLLER_ALTER_SYNC_STATE_SET (1001). Source: `AlterSyncStateSetRequestHeader`. */
export const AlterSyncStateSet = header('AlterSyncStateSet', {
  brokerName: field('brokerName', text),
  masterBrokerId: field('masterBrokerId', long<BrokerId>()),
  masterEpoch: field('masterEpoch', int),
  invokeTime: field('invokeTime', optional(long())),
  /** Ours: why, for the history. */
  reason: field('reason', optional(text)),
});
export type AlterSyncStateSet = HeaderOf<typeof AlterSyncStateSet>;

/** Source: `AlterSyncStateSetResponseHeader`. */
export const AlterSyncStateSetResponse = header('AlterSyncStateSetResponse', {
  newSyncStateSetEpoch: field('newSyncStateSetEpoch', int),
  groupView: field('groupView', optional(text)),
});

/** CONTROLLER_ELECT_MASTER (1002). Source: `ElectMasterRequestHeader`. */
export const ElectMaster = header('ElectMaster', {
  clusterName: field('clusterName', optional(text)),
  brokerName: field('brokerName', text),
  /** -1: whoever is best. */
  brokerId: field('brokerId', optional(long<BrokerId>())),
  designateElect: field('designateElect', optional(bool)),
  invokeTime: field('invokeTime', optional(long())),
});
export type ElectMaster = HeaderOf<typeof ElectMaster>;

/** Source: `ElectMasterResponseHeader`. */
export const ElectMasterResponse = header('ElectMasterResponse', {
  masterBrokerId: field('masterBrokerId', optional(long<BrokerId>())),
  masterAddress: field('masterAddress', optional(text)),
  masterEpoch: field('masterEpoch', optional(int)),
  syncStateSetEpoch: field('syncStateSetEpoch', optional(int)),
});

/** CONTROLLER_REGISTER_BROKER (1003). Source: `RegisterBrokerToControllerRequestHeader`. */
export const RegisterReplica = header('RegisterReplica', {
  clusterName: field('clusterName', text),
  brokerName: field('brokerName', text),
  brokerId: field('brokerId', long<BrokerId>()),
  brokerAddress: field('brokerAddress', text),
  invokeTime: field('invokeTime', optional(long())),
  replicaReport: field('replicaReport', optional(text)),
  /** Of the application for the id: proves who got it, also to a controller that has lost its file. */
  checkCode: field('checkCode', optional(text)),
});
export type RegisterReplica = HeaderOf<typeof RegisterReplica>;

/** Source: `RegisterBrokerToControllerResponseHeader`. */
export const RegisterReplicaResponse = header('RegisterReplicaResponse', {
  clusterName: field('clusterName', text),
  brokerName: field('brokerName', text),
  masterBrokerId: field('masterBrokerId', optional(long<BrokerId>())),
  masterAddress: field('masterAddress', optional(text)),
  masterEpoch: field('masterEpoch', optional(int)),
  syncStateSetEpoch: field('syncStateSetEpoch', optional(int)),
  groupView: field('groupView', optional(text)),
});

/** CONTROLLER_GET_REPLICA_INFO (1004). Source: `GetReplicaInfoRequestHeader`. */
export const GetReplicaInfo = header('GetReplicaInfo', { brokerName: field('brokerName', text) });

/** Source: `GetReplicaInfoResponseHeader`. */
export const GetReplicaInfoResponse = header('GetReplicaInfoResponse', {
  masterBrokerId: field('masterBrokerId', optional(long<BrokerId>())),
  masterAddress: field('masterAddress', optional(text)),
  masterEpoch: field('masterEpoch', optional(int)),
  groupView: field('groupView', optional(text)),
});

/** Answer to CONTROLLER_GET_METADATA_INFO (1005). Source: `GetMetaDataResponseHeader`. */
export const ControllerMetadata = header('ControllerMetadata', {
  group: field('group', text),
  controllerLeaderId: field('controllerLeaderId', text),
  controllerLeaderAddress: field('controllerLeaderAddress', text),
  isLeader: field('isLeader', bool),
  peers: field('peers', text),
});

/** NOTIFY_BROKER_ROLE_CHANGED (1008). Source: `NotifyBrokerRoleChangedRequestHeader`. */
export const NotifyRoleChanged = header('NotifyRoleChanged', {
  masterAddress: field('masterAddress', optional(text)),
  masterEpoch: field('masterEpoch', optional(int)),
  syncStateSetEpoch: field('syncStateSetEpoch', optional(int)),
  masterBrokerId: field('masterBrokerId', optional(long<BrokerId>())),
  groupView: field('groupView', optional(text)),
});

/** CLEAN_BROKER_DATA (1011). Source: `CleanControllerBrokerDataRequestHeader`. */
export const CleanBrokerData = header('CleanBrokerData', {
  clusterName: field('clusterName', optional(text)),
  brokerName: field('brokerName', text),
  /** `;` between them; all when absent. */
  brokerControllerIdsToClean: field('brokerControllerIdsToClean', optional(text)),
  isCleanLivingBroker: field('isCleanLivingBroker', optional(bool)),
  invokeTime: field('invokeTime', optional(long())),
});
export type CleanBrokerData = HeaderOf<typeof CleanBrokerData>;

/** CONTROLLER_GET_NEXT_BROKER_ID (1012). Source: `GetNextBrokerIdRequestHeader`. */
export const GetNextBrokerId = header('GetNextBrokerId', {
  clusterName: field('clusterName', text),
  brokerName: field('brokerName', text),
});

/** Source: `GetNextBrokerIdResponseHeader`. */
export const GetNextBrokerIdResponse = header('GetNextBrokerIdResponse', {
  clusterName: field('clusterName', text),
  brokerName: field('brokerName', text),
  nextBrokerId: field('nextBrokerId', long<BrokerId>()),
});

/** CONTROLLER_APPLY_BROKER_ID (1013). Source: `ApplyBrokerIdRequestHeader`. */
export const ApplyBrokerId = header('ApplyBrokerId', {
  clusterName: field('clusterName', text),
  brokerName: field('brokerName', text),
  appliedBrokerId: field('appliedBrokerId', long<BrokerId>()),
  registerCheckCode: field('registerCheckCode', text),
});
export type ApplyBrokerId = HeaderOf<typeof ApplyBrokerId>;

/** Ours: what the last stop of a member lost does not matter any more. */
export const ClearLossy = header('ClearLossy', {
  brokerName: field('brokerName', text),
  masterBrokerId: field('masterBrokerId', long<BrokerId>()),
  masterEpoch: field('masterEpoch', long<Epoch>()),
  brokerId: field('brokerId', long<BrokerId>()),
  incarnation: field('incarnation', text),
});
export type ClearLossy = HeaderOf<typeof ClearLossy>;

/** Ours: an operator takes a group out of its freeze, or accepts the loss of messages. */
export const RecoverGroup = header('RecoverGroup', {
  brokerName: field('brokerName', text),
  /** Elect this replica although it is not known to hold all. */
  electBrokerId: field('electBrokerId', optional(long<BrokerId>())),
});
export type RecoverGroup = HeaderOf<typeof RecoverGroup>;

/** Ours: the master shall hand its group over to this replica. */
export const SwitchOver = header('SwitchOver', {
  brokerId: field('brokerId', long<BrokerId>()),
});
export type SwitchOver = HeaderOf<typeof SwitchOver>;

/** Who serves now, and how long nothing was written. */
export const SwitchOverResponse = header('SwitchOverResponse', {
  masterBrokerId: field('masterBrokerId', long<BrokerId>()),
  masterAddress: field('masterAddress', text),
  masterEpoch: field('masterEpoch', int),
  stoppedMs: field('stoppedMs', int),
});

/** Ours: an operator lets a slave of a group without a controller lead. */
export const PromoteReplica = header('PromoteReplica', {
  /** Of its log, as the operator saw it: another one was not judged. */
  end: field('end', long<PhysicalOffset>()),
});
export type PromoteReplica = HeaderOf<typeof PromoteReplica>;

export const PromoteReplicaResponse = header('PromoteReplicaResponse', {
  masterEpoch: field('masterEpoch', int),
});

/** Ours, GET_METADATA_DIGESTS (40007). */
export const GetMetadataDigests = header('GetMetadataDigests', {
  /** Behind this record; absent: behind the newest. */
  sequence: field('sequence', optional(long())),
  /** The replica shall check its database first. */
  check: field('check', optional(bool)),
});

/** Ours, GET_METADATA_ROWS (40008). */
export const GetMetadataRows = header('GetMetadataRows', {
  table: field('table', text),
  /** Key, in hexadecimal, behind which they begin. */
  after: field('after', optional(text)),
});
