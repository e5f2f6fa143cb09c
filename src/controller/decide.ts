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
  | {
      readonly refused: number;
      readonly remark: string;
      /** What the refused request showed all the same. */
      readonly state?: GroupState;
    };

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

/** Who registers, and what it says of itself. */
export interface Registration {
  readonly id: BrokerId;
  readonly address: string;
  /** Of its application for the id; empty: not known. */
  readonly checkCode: string;
  readonly report: ReplicaReportBody;
}

/**
 * CONTROLLER_REGISTER_BROKER: a start of a replica. A lossy stop is remembered before it can matter (rule 2); a report
 * of a history that is not known here freezes the group (rule 12). A replica that was forgotten, by an operator or with
 * the file of the controller, comes back under its id. Whether an earlier stop of it lost something was forgotten too:
 * so it counts as lossy.
 */
export function registerReplica(
  group: GroupState,
  { id, address, checkCode, report }: Registration,
  now: TimestampMs,
): Decision {
  const { haAddress, incarnation } = report;
  const known = replicaOf(group, id);
  const isEmpty = report.lastEpoch === 0;
  if (known === undefined) {
    const lossy = group.epoch > 0 || !isEmpty;
    const replica = { id, checkCode, address, haAddress, incarnation, lossy };
    const nextBrokerId = Math.max(group.nextBrokerId, id + 1) as BrokerId;
    const replicas = [...group.replicas, replica].sort((a, b) => a.id - b.id);
    const state = { ...group, nextBrokerId, replicas };
    const how = 'it was not known here; what it has is compared with what the leader has';
    return {
      state: frozenBy(noted(state, 'registered', `broker ${id}: ${how}`, now), id, report, now),
    };
  }
  if (known.checkCode !== '' && checkCode !== '' && known.checkCode !== checkCode) {
    return takenBy(group, known, address, report, now);
  }
  const isNewStart = known.incarnation !== incarnation;
  // Before the first epoch there is nothing that an empty replica could have lost.
  const isFirst = group.epoch === 0 && isEmpty;
  const lossy = known.lossy || (isNewStart && !report.lossless && !isFirst);
  const replica: ReplicaRecord = {
    ...known,
    checkCode: known.checkCode === '' ? checkCode : known.checkCode,
    address,
    haAddress,
    incarnation,
    lossy,
  };
  const replicas = group.replicas.map((other) => (other.id === id ? replica : other));
  let state: GroupState = { ...group, replicas };
  if (isNewStart) {
    const lost = report.lossless ? 'nothing was lost at its last stop' : 'its last stop was lossy';
    state = noted(state, 'registered', `broker ${id}: ${isEmpty ? 'it is empty' : lost}`, now);
  }
  return { state: frozenBy(state, id, report, now) };
}

/** Two brokers have one id. The one that is not known here does not register, but what it knows counts. */
function takenBy(
  group: GroupState,
  known: ReplicaRecord,
  address: string,
  report: ReplicaReportBody,
  now: TimestampMs,
): Decision {
  const { id } = known;
  const remark =
    `broker id ${id} was given to another broker (${known.address}) than to the one at ${address}; ` +
    'stop the wrong one of them, remove its store, and have the controller forget it (cleanBrokerMetadata)';
  const code = ResponseCode.CONTROLLER_BROKER_ID_INVALID;
  const frozen = frozenBy(group, id, report, now, `the broker at ${address}`);
  return frozen === group ? refuse(code, remark) : { state: frozen, refused: code, remark };
}

/** The highest that it has heard of. */
const epochKnownTo = (
  report: Pick<ReplicaReportBody, 'promisedEpoch' | 'lastEpoch' | 'highestEpoch'>,
): number => Math.max(report.promisedEpoch, report.lastEpoch, report.highestEpoch);

/** Rule 12: a replica knows of more than this controller. */
export function frozenBy(
  group: GroupState,
  id: BrokerId,
  report: Pick<
    ReplicaReportBody,
    'promisedEpoch' | 'lastEpoch' | 'highestEpoch' | 'highestSetEpoch'
  >,
  now: TimestampMs,
  who = `broker ${id}`,
): GroupState {
  if (group.frozen !== undefined) return group;
  const epoch = epochKnownTo(report);
  const knowsMore =
    epoch > group.epoch || (epoch === group.epoch && report.highestSetEpoch > group.setEpoch);
  if (!knowsMore) return group;
  const setEpoch = report.highestSetEpoch;
  const frozen =
    `${who} knows epoch ${epoch} and set epoch ${setEpoch}, this controller ` +
    `${group.epoch} and ${group.setEpoch}: its state may be an old copy`;
  return noted({ ...group, frozen, told: { epoch, setEpoch } }, 'frozen', frozen, now);
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
  if (!replica.lossy) return { state: group };
  const replicas = group.replicas.map((other) =>
    other.id === said.id ? { ...other, lossy: false } : other,
  );
  return { state: { ...group, replicas } };
}

/**
 * CLEAN_BROKER_DATA: forgets replicas, or with none left the group. Members of the set stay members, who are not there,
 * until a master removes them: it alone knows that nothing depends on them.
 */
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
  const state = { ...group, replicas, master, setEpoch: group.setEpoch + 1 };
  return { state: noted(state, 'removed', `broker ${ids.join(', ')} by an operator`, now) };
}

/**
 * An operator takes a group out of its freeze. Epochs go on above all that is known, so that nothing of an older copy is
 * ever confirmed. Where this controller knows less than the replicas, the set is what the leader of the newest epoch
 * had: only with all of its members there it is certain that none of them went on without the others. `force`: the
 * operator names who shall lead, and accepts what is lost.
 */
export function recoverGroup(
  group: GroupState,
  reports: ReadonlyMap<BrokerId, ReplicaReportBody>,
  force: boolean,
  now: TimestampMs,
): Decision {
  const code = ResponseCode.CONTROLLER_INVALID_REQUEST;
  const { told = { epoch: 0, setEpoch: 0 } } = group;
  const all = [...reports.values()];
  const known = Math.max(told.epoch, ...all.map(epochKnownTo));
  const epoch = Math.max(group.epoch, known) as Epoch;
  const highestSetEpoch = Math.max(told.setEpoch, ...all.map((report) => report.highestSetEpoch));
  const isOld = known > group.epoch || (known === group.epoch && highestSetEpoch > group.setEpoch);
  let { set } = group;
  if (isOld) {
    // The leader alone writes down the set, and in the epoch that it leads.
    const leaders = all.filter((report) => report.promisedEpoch === known && report.set.length > 0);
    const newest = leaders.sort((a, b) => b.highestSetEpoch - a.highestSetEpoch)[0];
    if (newest !== undefined) set = newest.set;
    const missing = set.filter((id) => !reports.has(id));
    if (!force && newest === undefined) {
      return refuse(code, `the replica that led epoch ${known} is not there; ${howToRecover}`);
    }
    if (!force && missing.length > 0) {
      const who = missing.map((id) => `broker ${id}`).join(', ');
      return refuse(code, `${who} of the set of epoch ${known} is not there; ${howToRecover}`);
    }
  }
  const setEpoch = Math.max(group.setEpoch, highestSetEpoch) + 1;
  // What an older state says of stops that lost something may be over, and others may have lost something since.
  const replicas = isOld
    ? group.replicas.map((each) => ({ ...each, lossy: true }))
    : group.replicas;
  const thawed = { ...group, replicas, frozen: undefined, told: undefined };
  const state = { ...thawed, epoch, set, setEpoch, master: undefined };
  return { state: noted({ ...state, masterIncarnation: '' }, 'recovered', 'by an operator', now) };
}

const howToRecover =
  'start it, or name the replica that shall lead, and lose what only others have';
