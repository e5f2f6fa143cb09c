import type { BrokerId, PhysicalOffset } from '../../base/index.ts';
import type { Answer, Processor, RequestTable } from '../../remoting/index.ts';
import {
  EpochEntryCache,
  HaRuntimeInfo,
  ReplicaStatus,
  RequestCode,
  ResponseCode,
} from '../../wire/index.ts';
import type { InSync } from './in-sync.ts';
import type { FollowerState } from './membership.ts';
import type { Replica } from './replica.ts';

const none = 0 as PhysicalOffset;

/** What tools ask of a replica in any role: GET_BROKER_HA_STATUS, GET_BROKER_EPOCH_CACHE and our GET_REPLICA_STATUS. */
export class ReplicaRequests {
  readonly #options: { readonly clusterName: string; readonly brokerName: string };
  readonly #self: BrokerId;
  readonly #replica: Replica;
  readonly #inSync: InSync;
  readonly #masterAddress: () => string | undefined;
  readonly #isServing: () => boolean;

  constructor(
    options: { readonly clusterName: string; readonly brokerName: string },
    parts: {
      readonly self: BrokerId;
      readonly replica: Replica;
      readonly inSync: InSync;
      readonly masterAddress: () => string | undefined;
      /** It serves its clients as the master, whether name servers know already or not. */
      readonly isServing: () => boolean;
    },
  ) {
    this.#options = options;
    this.#self = parts.self;
    this.#replica = parts.replica;
    this.#inSync = parts.inSync;
    this.#masterAddress = parts.masterAddress;
    this.#isServing = parts.isServing;
  }

  table(): RequestTable {
    const answering =
      (answer: () => Answer): Processor =>
      (connection, request) =>
        connection.answer(request, answer());
    return new Map<number, Processor>([
      [RequestCode.GET_BROKER_HA_STATUS, answering(() => this.#haStatus())],
      [RequestCode.GET_BROKER_EPOCH_CACHE, answering(() => this.#epochs())],
      [RequestCode.GET_REPLICA_STATUS, answering(() => this.#status())],
    ]);
  }

  /** Source: `DefaultHAService.getRuntimeInfo`. */
  #haStatus(): Answer {
    const store = this.#replica.local?.store;
    const isMaster = this.#replica.role === 'master';
    const end = store?.log.end ?? none;
    const followers = [...this.#replica.leader.followers.values()].filter(
      ({ isConnected }) => isConnected,
    );
    const set = isMaster ? (store?.positions.confirmed ?? []) : [];
    const body = HaRuntimeInfo.encode({
      master: isMaster,
      masterCommitLogMaxOffset: isMaster ? end : none,
      inSyncSlaveNums: isMaster ? set.length - 1 : 0,
      haConnectionInfo: followers.map((follower) => ({
        addr: this.#replica.leader.remoteOf(follower.broker) ?? String(follower.broker),
        slaveAckOffset: follower.written,
        diff: end - follower.written,
        inSync: set.includes(follower.broker),
        transferredByteInSecond: 0,
        transferFromWhere: follower.written,
      })),
      haClientRuntimeInfo: {
        masterAddr: isMaster ? undefined : this.#replica.masterHaAddress,
        transferredByteInSecond: 0,
        maxOffset: isMaster ? none : end,
        lastReadTimestamp: 0,
        lastWriteTimestamp: 0,
        masterFlushOffset: 0,
        isActivated: this.#replica.isFollowing,
      },
    });
    return { code: ResponseCode.SUCCESS, body };
  }

  #epochs(): Answer {
    const log = this.#replica.local?.store.log;
    const { clusterName, brokerName } = this.#options;
    const epochs = log?.epochs ?? [];
    const end = log?.end ?? none;
    const body = EpochEntryCache.encode({
      clusterName,
      brokerName,
      brokerId: this.#self,
      epochList: epochs.map(({ epoch, start }, index) => ({
        epoch,
        startOffset: start,
        endOffset: epochs[index + 1]?.start ?? end,
      })),
      maxOffset: end,
    });
    return { code: ResponseCode.SUCCESS, body };
  }

  #status(): Answer {
    const { clusterName, brokerName } = this.#options;
    const replica = this.#replica;
    const { local } = replica;
    const store = local?.store;
    const isMaster = store?.role === 'leader';
    const set = isMaster ? (store?.positions.confirmed ?? []) : (local?.group.members ?? []);
    const setEpoch = isMaster ? (store?.positions.setEpoch ?? 0) : (local?.group.setEpoch ?? 0);
    const newest = store?.tables.newestDigest;
    const body = ReplicaStatus.encode({
      clusterName,
      brokerName,
      brokerId: this.#self,
      role: this.#isServing() ? 'master' : replica.role,
      epoch: store?.log.epochs.at(-1)?.epoch ?? 0,
      setEpoch,
      syncStateSet: set,
      begin: store?.log.begin ?? none,
      end: store?.log.end ?? none,
      synced: store?.log.synced ?? none,
      commitPoint: store?.commitPoint ?? none,
      durablePoint: store?.durablePoint ?? none,
      applied: store?.tables.appliedPosition ?? none,
      sequence: newest?.sequence ?? 0,
      digest: newest?.digest ?? '',
      master: this.#masterAddress(),
      damage: replica.damage?.message,
      lossless: replica.isUnscathed,
      following: replica.isFollowing,
      groupReplicas: isMaster ? this.#inSync.replicas : 0,
      metadataMinimum: isMaster ? this.#inSync.metadataMinimum : 0,
      replicas: isMaster ? this.#followers(set) : [],
    });
    return { code: ResponseCode.SUCCESS, body };
  }

  #followers(set: readonly BrokerId[]) {
    const { followers } = this.#replica.leader;
    const known = [...followers.values()];
    const silent = set.filter((member) => member !== this.#self && !followers.has(member));
    return [
      ...known.map((follower) => {
        const inSync = set.includes(follower.broker);
        return {
          brokerId: follower.broker,
          connected: follower.isConnected,
          inSync,
          why: inSync ? undefined : whyNotCounted(follower),
          written: follower.written,
          synced: follower.synced,
          applied: follower.applied,
          digest: follower.digest,
        };
      }),
      ...silent.map((member) => ({
        brokerId: member,
        connected: false,
        inSync: true,
        why: 'it has not reported in this epoch',
        written: none,
        synced: none,
        applied: none,
        digest: 'unknown',
      })),
    ];
  }
}

/** Why the leader does not count a follower. */
export function whyNotCounted(follower: FollowerState): string {
  // It connects again and again.
  if (follower.fullUntil !== undefined) return 'its disk is full';
  if (!follower.isConnected) return 'it is not connected';
  if (!follower.isComplete) return 'it installs a snapshot and the log';
  if (follower.digest === 'different' || follower.digest === 'suspect') {
    return 'its metadata differs at an equal position';
  }
  if (follower.isLossy) return 'what its last stop lost is not made good yet';
  return 'it has not caught up';
}
