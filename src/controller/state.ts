import type { BrokerId, Epoch, TimestampMs } from '../base/index.ts';

/** One replica of a group, as the controller remembers it. */
export interface ReplicaRecord {
  readonly id: BrokerId;
  /** For clients; empty before it registered. */
  readonly address: string;
  /** For followers. */
  readonly haAddress: string;
  /** Proves that whoever asks for the id again is who got it. */
  readonly checkCode: string;
  /** Of the start that registered last; empty before. */
  readonly incarnation: string;
  /** Its last stop may have lost what it had acknowledged (protocol rule 2). */
  readonly lossy: boolean;
}

export interface HistoryEntry {
  readonly time: TimestampMs;
  readonly what: 'elected' | 'set' | 'frozen' | 'recovered' | 'registered' | 'removed';
  readonly epoch: Epoch;
  readonly setEpoch: number;
  readonly master: BrokerId | undefined;
  readonly set: readonly BrokerId[];
  readonly reason: string;
}

/** What a controller decides about one broker group. */
export interface GroupState {
  readonly cluster: string;
  readonly name: string;
  readonly nextBrokerId: BrokerId;
  readonly replicas: readonly ReplicaRecord[];
  readonly master: BrokerId | undefined;
  /** The start to which the epoch was granted (rule 1). */
  readonly masterIncarnation: string;
  readonly epoch: Epoch;
  readonly set: readonly BrokerId[];
  readonly setEpoch: number;
  /** Why nothing is decided until an operator has looked (rule 12). */
  readonly frozen: string | undefined;
  /** The most that anybody was found to know beyond this state, while it is frozen. */
  readonly told?: { readonly epoch: number; readonly setEpoch: number } | undefined;
  /** Newest last; of bounded length. */
  readonly history: readonly HistoryEntry[];
}

/** What a live replica said of itself last. Not remembered: a controller that starts asks anew. */
export interface LiveReplica {
  readonly incarnation: string;
  readonly complete: boolean;
  readonly lastEpoch: number;
  readonly end: number;
}

/** Live replicas by id; only those whose incarnation is the registered one count. */
export type LiveReplicas = ReadonlyMap<BrokerId, LiveReplica>;

const keptHistory = 100;

export function emptyGroup(cluster: string, name: string): GroupState {
  return {
    cluster,
    name,
    nextBrokerId: 1 as BrokerId,
    replicas: [],
    master: undefined,
    masterIncarnation: '',
    epoch: 0 as Epoch,
    set: [],
    setEpoch: 0,
    frozen: undefined,
    history: [],
  };
}

export const replicaOf = (group: GroupState, id: BrokerId): ReplicaRecord | undefined =>
  group.replicas.find((replica) => replica.id === id);

/**
 * How many replicas a group has, dead ones too. Who only got an id may never come; who lost its files came again at the
 * same address with another id.
 */
export function replicasOf({ replicas }: GroupState): number {
  const registered = replicas.filter(({ incarnation }) => incarnation !== '');
  return new Set(registered.map(({ address }) => address)).size;
}

/** The replica lives, and is the start that registered. */
export function isLive(group: GroupState, live: LiveReplicas, id: BrokerId): boolean {
  const said = live.get(id);
  return said !== undefined && said.incarnation === replicaOf(group, id)?.incarnation;
}

export function noted(
  group: GroupState,
  what: HistoryEntry['what'],
  reason: string,
  time: TimestampMs,
): GroupState {
  const { epoch, setEpoch, master, set } = group;
  const entry = { time, what, epoch, setEpoch, master, set, reason };
  return { ...group, history: [...group.history, entry].slice(-keptHistory) };
}
