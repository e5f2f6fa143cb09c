import type { BrokerId, Epoch, TimestampMs } from '../base/index.ts';
import { type ReplicaReportBody, ResponseCode } from '../wire/index.ts';
import {
  type GroupState,
  isLive,
  type LiveReplicas,
  noted,
  type ReplicaRecord,
  replicaOf,
} from './state.ts';

/** What a request makes of a group, or RocketMQ's code for why it makes nothing. */
export type Decision =
  | { readonly state: GroupState }
  | { readonly refused: number; readonly remark: string };

const refuse = (refused: number, remark: string): Decision => ({ refused, remark });

/** CONTROLLER_APPLY_BROKER_ID. A repeated one with the same check code succeeds again. */
export function applyBrokerId(group: GroupState, id: BrokerId, checkCode: string): Decision {
  const known = replicaOf(group, id);
  if (known !== undefined) {
    if (known.checkCode === checkCode) return { state: group };
    return refuse(ResponseCode.CONTROLLER_BROKER_ID_INVALID, `broker id ${id} is taken`);
  }
  if (id !== group.nextBrokerId) {
    const remark = `broker id ${id} is not the next one, ${group.nextBrokerId}`;
    return refuse(ResponseCode.CONTROLLER_BROKER_ID_INVALID, remark);
  }
  const replica: ReplicaRecord = {
    ...{ id, checkCode, address: '', haAddress: '', incarnation: '', lossy: false },
  };
  const nextBrokerId = (id + 1) as BrokerId;
  return { state: { ...group, nextBrokerId, replicas: [...group.replicas, replica] } };
}

/**
 * CONTROLLER_REGISTER_BROKER: a start of a replica. A lossy stop is remembered before it can matter (rule 2); a report
 * of a history that is not known here freezes the group (rule 12).
 */
export function registerReplica(
  group: GroupState,
  id: BrokerId,
  address: string,
  report: ReplicaReportBody,
  now: TimestampMs,
): Decision {
  const known = replicaOf(group, id);
  if (known === undefined) {
    const remark = `broker ${id} of ${group.name} has no id here`;
    return refuse(ResponseCode.CONTROLLER_BROKER_NEED_TO_BE_REGISTERED, remark);
  }
  const isNewStart = known.incarnation !== report.incarnation;
  // Before the first epoch there is nothing that an empty replica could have lost.
  const isFirst = group.epoch === 0 && report.lastEpoch === 0;
  const lossy = known.lossy || (isNewStart && !report.lossless && !isFirst);
  const { haAddress } = report;
  const replica: ReplicaRecord = {
    ...known,
    address,
    haAddress,
    incarnation: report.incarnation,
    lossy,
  };
  const replicas = group.replicas.map((other) => (other.id === id ? replica : other));
  let state: GroupState = { ...group, replicas };
  if (isNewStart) {
    const how = report.lossless ? 'nothing was lost at its last stop' : 'its last stop was lossy';
    state = noted(state, 'registered', `broker ${id}: ${how}`, now);
  }
  return { state: frozenBy(state, id, report, now) };
}

/** Rule 12: a replica knows of more than this controller. */
export function frozenBy(
  group: GroupState,
  id: BrokerId,
  report: Pick<
    ReplicaReportBody,
    'promisedEpoch' | 'lastEpoch' | 'highestEpoch' | 'highestSetEpoch'
  >,
  now: TimestampMs,
): GroupState {
  if (group.frozen !== undefined) return group;
  const epoch = Math.max(report.promisedEpoch, report.lastEpoch, report.highestEpoch);
  const knowsMore =
    epoch > group.epoch || (epoch === group.epoch && report.highestSetEpoch > group.setEpoch);
  if (!knowsMore) return group;
  const frozen =
    `broker ${id} knows epoch ${epoch} and set epoch ${report.highestSetEpoch}, this controller ` +
    `${group.epoch} and ${group.setEpoch}: its state may be an old copy`;
  return noted({ ...group, frozen }, 'frozen', frozen, now);
}

export interface ElectionWish {
  /** Who asks; undefined: the controller itself. */
  readonly by?: BrokerId | undefined;
  /** Elect this one and nobody else. */
  readonly designate?: BrokerId | undefined;
  /** An operator accepts that acknowledged messages are lost. */
  readonly unclean?: boolean;
  readonly reason: string;
}

/**
 * Rule 3. The set stays as it is, so that nobody who may be needed is put out of it by somebody who has not led yet
 * (docs/model, T1): the elected node removes the dead once it has synced its log.
 */
export function electMaster(
  group: GroupState,
  live: LiveReplicas,
  wish: ElectionWish,
  now: TimestampMs,
): Decision {
  if (group.frozen !== undefined) {
    return refuse(ResponseCode.CONTROLLER_ELECT_MASTER_FAILED, `frozen: ${group.frozen}`);
  }
  const { master } = group;
  const isMasterLive =
    master !== undefined &&
    isLive(group, live, master) &&
    live.get(master)?.incarnation === group.masterIncarnation;
  if (isMasterLive && wish.designate === undefined) {
    return refuse(ResponseCode.CONTROLLER_MASTER_STILL_EXIST, `broker ${master} leads`);
  }
  if (isMasterLive && wish.designate === master) {
    return refuse(ResponseCode.CONTROLLER_MASTER_STILL_EXIST, `broker ${master} leads already`);
  }
  const candidates = candidatesOf(group, live, wish);
  const chosen =
    wish.designate === undefined ? candidates[0] : candidates.find((id) => id === wish.designate);
  if (chosen === undefined) return refuse(codeForNobody(wish), whyNobody(group, live, wish));
  const elected = replicaOf(group, chosen) as ReplicaRecord;
  const isFirst = group.set.length === 0;
  const outside = !group.set.includes(chosen);
  const state: GroupState = {
    ...group,
    // What it has now is what there is: those who follow it are compared with that.
    replicas: group.replicas.map((replica) =>
      replica.id === chosen ? { ...replica, lossy: false } : replica,
    ),
    master: chosen,
    masterIncarnation: elected.incarnation,
    epoch: (group.epoch + 1) as Epoch,
    // Only a first election, and one that an operator forced, make a set.
    set: isFirst || outside ? [chosen] : group.set,
    setEpoch: group.setEpoch + 1,
  };
  return { state: noted(state, 'elected', wish.reason, now) };
}

/** Best first. */
function candidatesOf(
  group: GroupState,
  live: LiveReplicas,
  { unclean }: ElectionWish,
): readonly BrokerId[] {
  const able = group.replicas.filter(({ id }) => {
    const said = live.get(id);
    // Whoever was in a set has the record of an epoch: one that has none lost its log, and says nothing of it.
    const isEmpty = group.epoch > 0 && said?.lastEpoch === 0;
    return isLive(group, live, id) && said?.complete === true && !isEmpty;
  });
  if (group.epoch === 0) return able.map(({ id }) => id);
  const members = able.filter(({ id }) => group.set.includes(id));
  const lossless = members.filter(({ lossy }) => !lossy);
  if (lossless.length > 0) return best(lossless, live);
  // Each of them synced all that was acknowledged as durable; the greatest of all has the most messages.
  const isSetThere = group.set.length > 0 && members.length === group.set.length;
  if (isSetThere) return best(members, live);
  return unclean === true ? best(able, live) : [];
}

function best(replicas: readonly ReplicaRecord[], live: LiveReplicas): readonly BrokerId[] {
  const order = (id: BrokerId) => live.get(id) ?? { lastEpoch: -1, end: -1 };
  return replicas
    .map(({ id }) => id)
    .sort(
      (a, b) => order(b).lastEpoch - order(a).lastEpoch || order(b).end - order(a).end || a - b,
    );
}

const codeForNobody = ({ by }: ElectionWish): number =>
  by === undefined
    ? ResponseCode.CONTROLLER_MASTER_NOT_AVAILABLE
    : ResponseCode.CONTROLLER_ELECT_MASTER_FAILED;

/** For the operator: who is missing, and why the others may not lead. */
function whyNobody(group: GroupState, live: LiveReplicas, { designate }: ElectionWish): string {
  const states = group.replicas.map((replica) => {
    const { id, lossy } = replica;
    if (!group.set.includes(id)) return `broker ${id} is not in the in-sync set`;
    if (!isLive(group, live, id)) return `broker ${id} is not there`;
    if (live.get(id)?.complete !== true) return `the files of broker ${id} are not whole`;
    if (live.get(id)?.lastEpoch === 0) return `broker ${id} is empty`;
    if (lossy) return `the last stop of broker ${id} was lossy, and not all of the set are there`;
    return `broker ${id} could lead`;
  });
  const who = designate === undefined ? 'nobody' : `broker ${designate}`;
  return `${who} may lead ${group.name} now: ${states.join('; ')}`;
}

export interface SetChange {
  readonly master: BrokerId;
  readonly epoch: number;
  readonly setEpoch: number;
  readonly set: readonly BrokerId[];
  readonly reason: string;
}

/** Rule 11, in the order of RocketMQ's checks; whoever has asked for the set that is there already gets it. */
export function alterSet(
  group: GroupState,
  live: LiveReplicas,
  change: SetChange,
  now: TimestampMs,
): Decision {
  const { master, epoch, setEpoch, set } = change;
  if (group.frozen !== undefined) {
    return refuse(ResponseCode.CONTROLLER_ALTER_SYNC_STATE_SET_FAILED, `frozen: ${group.frozen}`);
  }
  if (group.master !== master) {
    const remark = `broker ${master} is not the master, which is ${group.master ?? 'nobody'}`;
    return refuse(ResponseCode.CONTROLLER_INVALID_MASTER, remark);
  }
  if (group.epoch !== epoch) {
    const remark = `epoch ${epoch} is over, it is ${group.epoch}`;
    return refuse(ResponseCode.CONTROLLER_FENCED_MASTER_EPOCH, remark);
  }
  if (group.setEpoch !== setEpoch) {
    const remark = `set epoch ${setEpoch} is over, it is ${group.setEpoch}`;
    return refuse(ResponseCode.CONTROLLER_FENCED_SYNC_STATE_SET_EPOCH, remark);
  }
  for (const id of set) {
    const replica = replicaOf(group, id);
    if (replica === undefined) {
      return refuse(ResponseCode.CONTROLLER_INVALID_REPLICAS, `broker ${id} is not registered`);
    }
    if (group.set.includes(id)) continue;
    if (!isLive(group, live, id)) {
      return refuse(ResponseCode.CONTROLLER_BROKER_NOT_ALIVE, `broker ${id} is not alive`);
    }
    if (replica.lossy) {
      const remark = `what the last stop of broker ${id} lost is not made good`;
      return refuse(ResponseCode.CONTROLLER_ALTER_SYNC_STATE_SET_FAILED, remark);
    }
  }
  if (!set.includes(master)) {
    const remark = 'the master is not in the set that it asks for';
    return refuse(ResponseCode.CONTROLLER_ALTER_SYNC_STATE_SET_FAILED, remark);
  }
  const state = { ...group, set, setEpoch: setEpoch + 1 };
  return { state: noted(state, 'set', change.reason, now) };
}

/** The leader says that a start of a replica has all that is committed (rule 2). */
export function clearLossy(
  group: GroupState,
  said: {
    readonly master: BrokerId;
    readonly epoch: number;
    readonly id: BrokerId;
    readonly incarnation: string;
  },
): Decision {
  if (group.master !== said.master || group.epoch !== said.epoch) {
    return refuse(ResponseCode.CONTROLLER_FENCED_MASTER_EPOCH, `epoch ${said.epoch} is over`);
  }
  const replica = replicaOf(group, said.id);
  if (replica?.incarnation !== said.incarnation) {
    const remark = `broker ${said.id} has started again since`;
    return refuse(ResponseCode.CONTROLLER_INVALID_REPLICAS, remark);
  }
  const replicas = group.replicas.map((other) =>
    other.id === said.id ? { ...other, lossy: false } : other,
  );
  return { state: { ...group, replicas } };
}

/** CLEAN_BROKER_DATA: forgets replicas, or with none left the group. */
export function cleanReplicas(
  group: GroupState,
  live: LiveReplicas,
  ids: readonly BrokerId[],
  alsoLive: boolean,
  now: TimestampMs,
): Decision {
  for (const id of ids) {
    if (!alsoLive && isLive(group, live, id)) {
      const remark = `broker ${id} of ${group.name} lives`;
      return refuse(ResponseCode.CONTROLLER_INVALID_CLEAN_BROKER_METADATA, remark);
    }
  }
  const replicas = group.replicas.filter(({ id }) => !ids.includes(id));
  const master = ids.some((id) => id === group.master) ? undefined : group.master;
  const state = {
    ...group,
    replicas,
    master,
    set: group.set.filter((id) => !ids.includes(id)),
    setEpoch: group.setEpoch + 1,
  };
  return { state: noted(state, 'removed', `broker ${ids.join(', ')} by an operator`, now) };
}

/**
 * An operator takes a group out of its freeze. All that is there has told what it knows; epochs go on above it, so that
 * nothing of an older copy is ever confirmed.
 */
export function recoverGroup(
  group: GroupState,
  highest: { readonly epoch: number; readonly setEpoch: number },
  now: TimestampMs,
): GroupState {
  const epoch = Math.max(group.epoch, highest.epoch) as Epoch;
  const setEpoch = Math.max(group.setEpoch, highest.setEpoch) + 1;
  const state = { ...group, frozen: undefined, epoch, setEpoch, master: undefined };
  return noted({ ...state, masterIncarnation: '' }, 'recovered', 'by an operator', now);
}
