/** What tools read of replicas. */
import type { BrokerId, PhysicalOffset, TimestampMs } from '../../base/index.ts';
import { type BodyOf, body, listOf, mapOf } from '../schema/body.ts';
import { bool, int, long, optional, text, withDefault } from '../schema/kinds.ts';

/** One follower, as its leader sees it. Source: `HARuntimeInfo.HAConnectionRuntimeInfo`. */
export const HaConnectionRuntimeInfo = body('HaConnectionRuntimeInfo', {
  addr: text,
  slaveAckOffset: long<PhysicalOffset>(),
  diff: long(),
  inSync: bool,
  transferredByteInSecond: withDefault(long(), 0),
  transferFromWhere: long<PhysicalOffset>(),
});

/** A follower, as it sees itself. Source: `HARuntimeInfo.HAClientRuntimeInfo`. */
export const HaClientRuntimeInfo = body('HaClientRuntimeInfo', {
  masterAddr: optional(text),
  transferredByteInSecond: withDefault(long(), 0),
  maxOffset: long<PhysicalOffset>(),
  lastReadTimestamp: withDefault(long(), 0),
  lastWriteTimestamp: withDefault(long(), 0),
  masterFlushOffset: withDefault(long(), 0),
  isActivated: withDefault(bool, false),
});

/** Answer to GET_BROKER_HA_STATUS (907). Source: `HARuntimeInfo`. */
export const HaRuntimeInfo = body('HaRuntimeInfo', {
  master: bool,
  masterCommitLogMaxOffset: long<PhysicalOffset>(),
  inSyncSlaveNums: int,
  haConnectionInfo: withDefault(listOf(HaConnectionRuntimeInfo), []),
  haClientRuntimeInfo: HaClientRuntimeInfo,
});
export type HaRuntimeInfo = BodyOf<typeof HaRuntimeInfo>;

/** Source: `EpochEntry`. */
export const EpochEntryInfo = body('EpochEntryInfo', {
  epoch: int,
  startOffset: long<PhysicalOffset>(),
  endOffset: long<PhysicalOffset>(),
});

/** Answer to GET_BROKER_EPOCH_CACHE (1007). Source: `EpochEntryCache`. */
export const EpochEntryCache = body('EpochEntryCache', {
  clusterName: text,
  brokerName: text,
  brokerId: long(),
  epochList: listOf(EpochEntryInfo),
  maxOffset: long<PhysicalOffset>(),
});

/** One replica in `ReplicaStatus`, as the leader knows it. */
export const ReplicaProgress = body('ReplicaProgress', {
  brokerId: long<BrokerId>(),
  connected: bool,
  inSync: bool,
  /** Why it is not in the set; absent when it is. */
  why: optional(text),
  written: long<PhysicalOffset>(),
  synced: long<PhysicalOffset>(),
  applied: long<PhysicalOffset>(),
  digest: text,
});

/** Answer to our own GET_REPLICA_STATUS: where a replica is, and how its followers do. */
export const ReplicaStatus = body('ReplicaStatus', {
  clusterName: text,
  brokerName: text,
  brokerId: long<BrokerId>(),
  role: text,
  epoch: int,
  setEpoch: int,
  syncStateSet: listOf(long<BrokerId>()),
  begin: long<PhysicalOffset>(),
  end: long<PhysicalOffset>(),
  synced: long<PhysicalOffset>(),
  commitPoint: long<PhysicalOffset>(),
  durablePoint: long<PhysicalOffset>(),
  applied: long<PhysicalOffset>(),
  /** Of the newest metadata record, and the digest of the tables behind it in hexadecimal. */
  sequence: long(),
  digest: text,
  master: optional(text),
  /** Why it cannot take part; absent while it can. */
  damage: optional(text),
  /** Its last stop lost nothing that it had written, or that was made good. */
  lossless: withDefault(bool, false),
  /** It is connected to its leader. */
  following: withDefault(bool, false),
  /** How many the group has, as the master counts them; 0 elsewhere, as the next one. */
  groupReplicas: withDefault(int, 0),
  /** Definitions are refused while fewer are in sync. */
  metadataMinimum: withDefault(int, 0),
  replicas: listOf(ReplicaProgress),
});
export type ReplicaStatus = BodyOf<typeof ReplicaStatus>;

/** Body of CONTROLLER_ALTER_SYNC_STATE_SET and of answers. Source: `SyncStateSet`. */
export const SyncStateSetBody = body('SyncStateSetBody', {
  syncStateSet: listOf(long<BrokerId>()),
  syncStateSetEpoch: int,
});

/** One replica in `SyncStateData`. Source: `BrokerReplicasInfo.ReplicaIdentity`. */
export const ReplicaIdentity = body('ReplicaIdentity', {
  brokerName: text,
  brokerId: long<BrokerId>(),
  brokerAddress: text,
  alive: bool,
});

export const ReplicasInfo = body('ReplicasInfo', {
  masterBrokerId: long<BrokerId>(),
  masterAddress: optional(text),
  masterEpoch: int,
  syncStateSetEpoch: int,
  inSyncReplicas: listOf(ReplicaIdentity),
  notInSyncReplicas: listOf(ReplicaIdentity),
});

/** Answer to CONTROLLER_GET_SYNC_STATE_DATA (1006). Source: `BrokerReplicasInfo`. */
export const SyncStateData = body('SyncStateData', {
  replicasInfoTable: mapOf(text, ReplicasInfo),
});

/** Answer to CONTROLLER_ELECT_MASTER (1002). Source: `RoleChangeNotifyEntry`'s parts, `ElectMasterResponseBody`. */
export const ElectMasterBody = body('ElectMasterBody', {
  brokerMemberGroup: optional(
    body('ElectedMembers', {
      cluster: text,
      brokerName: text,
      // Text: Java reads it with a class that lacks this field, and cannot skip keys without quotes.
      brokerAddrs: mapOf(text, text),
    }),
  ),
  syncStateSet: listOf(long<BrokerId>()),
});

/** Ours: who leads a group and who counts. */
export const GroupViewBody = body('GroupViewBody', {
  epoch: int,
  setEpoch: int,
  set: listOf(long<BrokerId>()),
  dead: withDefault(listOf(long<BrokerId>()), []),
  /** Whose last stop lost something that was not made good yet. */
  lossy: withDefault(listOf(long<BrokerId>()), []),
  /** How many the group has, dead ones too. */
  replicas: withDefault(int, 0),
  master: optional(
    body('GroupMaster', {
      broker: long<BrokerId>(),
      incarnation: text,
      address: text,
      haAddress: text,
    }),
  ),
  frozen: optional(text),
});
export type GroupViewBody = BodyOf<typeof GroupViewBody>;

/** Ours: what a replica says of itself. */
export const ReplicaReportBody = body('ReplicaReportBody', {
  incarnation: text,
  lossless: bool,
  complete: bool,
  lastEpoch: int,
  end: long<PhysicalOffset>(),
  promisedEpoch: int,
  highestEpoch: int,
  highestSetEpoch: int,
  /** Of the leader of the promised epoch: all that it may have acknowledged with. */
  set: listOf(long<BrokerId>()),
  haAddress: text,
});
export type ReplicaReportBody = BodyOf<typeof ReplicaReportBody>;

/** Ours: elections and changes of the set, oldest first. */
export const GroupHistory = body('GroupHistory', {
  entries: listOf(
    body('GroupHistoryEntry', {
      time: long<TimestampMs>(),
      what: text,
      epoch: int,
      setEpoch: int,
      master: optional(long<BrokerId>()),
      set: listOf(long<BrokerId>()),
      reason: text,
    }),
  ),
});
export type GroupHistory = BodyOf<typeof GroupHistory>;
