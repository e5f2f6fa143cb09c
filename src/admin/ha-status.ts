import {
  type Address,
  describeError,
  Failure,
  formatAddress,
  isFailure,
  parseAddress,
} from '../base/index.ts';
import { ReplicaStatus, RequestCode } from '../wire/index.ts';
import type { Admin } from './admin.ts';
import { type BrokerReplica, replicasOf } from './cluster.ts';
import {
  type ControlledGroup,
  controlledGroup,
  controllerField,
  controllersOf,
} from './controllers.ts';
import { fields } from './field-types.ts';
import { operation, optional } from './operation.ts';
import { isRefusal } from './refusal.ts';
import * as shape from './shape.ts';

const Replica = shape.record({
  /** In its group; absent where only a name server knows the replica. */
  id: shape.maybe(shape.integer),
  role: shape.text,
  address: shape.maybe(shape.text),
  reachable: shape.flag,
  epoch: shape.maybe(shape.integer),
  end: shape.maybe(shape.long),
  synced: shape.maybe(shape.long),
  commitPoint: shape.maybe(shape.long),
  durablePoint: shape.maybe(shape.long),
  applied: shape.maybe(shape.long),
  /** Of its newest metadata record; at equal ones the digests are equal. */
  sequence: shape.maybe(shape.long),
  digest: shape.maybe(shape.text),
  /** Bytes that the end of its log is behind that of the master. */
  lag: shape.maybe(shape.long),
  inSet: shape.flag,
  /** Why it is not in the set, or what is wrong with it all the same. */
  why: shape.maybe(shape.text),
});
export type ReplicaRow = shape.ShapeOf<typeof Replica>;

const ReplicaGroup = shape.record({
  cluster: shape.text,
  group: shape.text,
  /** Absent in a group without one. */
  controller: shape.maybe(shape.text),
  epoch: shape.integer,
  setEpoch: shape.integer,
  set: shape.list(shape.integer),
  /** What a person should look at. */
  problems: shape.list(shape.text),
  replicas: shape.list(Replica),
});
export type ReplicaGroup = shape.ShapeOf<typeof ReplicaGroup>;

/** What `observeGroup` and `groupNames` ask. */
export const observingRequests = [
  'GET_BROKER_CLUSTER_INFO',
  'GET_REPLICA_STATUS',
  'GET_BROKER_CONFIG',
  'CONTROLLER_GET_REPLICA_INFO',
  'CONTROLLER_GET_SYNC_STATE_DATA',
] as const;

export const haStatus = operation({
  name: 'ha status',
  summary: 'Show the replicas of broker groups: how far each is, and which count.',
  effect: 'read',
  requests: observingRequests,
  fields: {
    group: optional(fields.text, 'Only this broker group.', { positional: true, names: 'broker' }),
    controller: controllerField,
  },
  output: shape.list(ReplicaGroup),
  async run(admin, { group, controller }) {
    const names = await groupNames(admin, group, controller !== undefined);
    const found = await Promise.all(names.map((name) => observeGroup(admin, name, controller)));
    return found.map(describeGroup);
  },
});

/** Those that are registered; one that only its controller knows must be named. */
export async function groupNames(
  admin: Admin,
  wanted: string | undefined,
  isControllerGiven: boolean,
): Promise<readonly string[]> {
  if (wanted !== undefined && isControllerGiven) return [wanted];
  const names = [...new Set((await replicasOf(admin)).map(({ name }) => name))];
  if (wanted === undefined) return names;
  if (names.includes(wanted)) return [wanted];
  const known = names.length === 0 ? 'none' : names.join(', ');
  throw new Failure(
    'invalid',
    `no broker group ${wanted} is registered (${known} is); where none of its brokers serves, its controller knows it: --controller`,
  );
}

/** All that can be known of a group, from name server, controller and each replica. */
export interface ObservedGroup {
  readonly cluster: string;
  readonly name: string;
  readonly controlled: ControlledGroup | undefined;
  /** Why the controller does not tell, where there is one. */
  readonly controllerFailure: string | undefined;
  readonly replicas: readonly ObservedReplica[];
  /** The one that leads in the highest epoch. */
  readonly master: ObservedReplica | undefined;
}

export interface ObservedReplica {
  readonly id: number | undefined;
  readonly address: Address | undefined;
  readonly status: ReplicaStatus | undefined;
  /** Why there is no status. */
  readonly failure: string | undefined;
}

/** A replica that does not answer must not hold up the others for long. */
const statusTimeoutMs = 2000;

export async function observeGroup(
  admin: Admin,
  name: string,
  givenControllers: readonly Address[] | undefined,
): Promise<ObservedGroup> {
  const registered = await registeredIn(admin, name, givenControllers !== undefined);
  const controllers = givenControllers ?? (await controllersOf(admin, registered));
  const { controlled, controllerFailure } = await askControllers(admin, controllers, name);
  const addresses = new Map<string, number | undefined>();
  for (const { address } of registered) addresses.set(formatAddress(address), undefined);
  for (const { id, address } of controlled?.replicas ?? []) {
    if (parseAddress(address) !== undefined) addresses.set(address, id);
  }
  const ask = (list: Iterable<readonly [string, number | undefined]>) =>
    Promise.all([...list].map(([address, id]) => observe(admin, address, id)));
  const first = await ask(addresses);
  // Where a master is gone, name servers forget it; its followers do not.
  const followed = new Set(first.flatMap(({ status }) => status?.master ?? []));
  const others = [...followed].filter((address) => !addresses.has(address));
  const readable = others.filter((address) => parseAddress(address) !== undefined);
  const asked = [...first, ...(await ask(readable.map((address) => [address, undefined])))];
  const master = asked
    .filter(({ status }) => status?.role === 'master')
    .sort((a, b) => (b.status?.epoch ?? 0) - (a.status?.epoch ?? 0))[0];
  const known = new Set(asked.map(({ id }) => id));
  // Nobody but the master remembers a slave of a static group that is down.
  const silent = (master?.status?.replicas ?? []).filter(({ brokerId }) => !known.has(brokerId));
  const failure = 'cannot be reached';
  const gone = silent.map(({ brokerId: id }) => {
    return { id, address: undefined, status: undefined, failure };
  });
  const replicas = [...asked, ...gone].sort((a, b) => (a.id ?? -1) - (b.id ?? -1));
  const cluster = registered[0]?.cluster ?? master?.status?.clusterName ?? '';
  return { cluster, name, controlled, controllerFailure, replicas, master };
}

async function registeredIn(
  admin: Admin,
  name: string,
  mayLackNameServer: boolean,
): Promise<readonly BrokerReplica[]> {
  try {
    return (await replicasOf(admin)).filter((replica) => replica.name === name);
  } catch (error) {
    if (!mayLackNameServer || !isFailure(error, 'unavailable')) throw error;
    return [];
  }
}

async function askControllers(
  admin: Admin,
  controllers: readonly Address[],
  name: string,
): Promise<Pick<ObservedGroup, 'controlled' | 'controllerFailure'>> {
  if (controllers.length === 0) return { controlled: undefined, controllerFailure: undefined };
  try {
    const controlled = await controlledGroup(admin, controllers, name);
    const controllerFailure =
      controlled === undefined ? `the controller does not know ${name}` : undefined;
    return { controlled, controllerFailure };
  } catch (error) {
    if (!isFailure(error)) throw error;
    return { controlled: undefined, controllerFailure: describeError(error) };
  }
}

async function observe(
  admin: Admin,
  addressText: string,
  id: number | undefined,
): Promise<ObservedReplica> {
  const address = parseAddress(addressText) as Address; // Formatted from one, or checked before.
  try {
    const request = { code: RequestCode.GET_REPLICA_STATUS };
    const response = await admin.call(address, request, { timeoutMs: statusTimeoutMs });
    const status = ReplicaStatus.decode(response.body);
    return { id: status.brokerId, address, status, failure: undefined };
  } catch (error) {
    if (!isFailure(error)) throw error;
    const failure = isRefusal(error)
      ? `does not tell: ${error.message}`
      : isFailure(error, 'unavailable')
        ? 'cannot be reached'
        : describeError(error);
    return { id, address, status: undefined, failure };
  }
}

function describeGroup(group: ObservedGroup): ReplicaGroup {
  const { controlled, master, replicas, name, cluster } = group;
  const set = setOf(group);
  const rows = replicas.map((replica) => rowOf(replica, group, set));
  return {
    cluster,
    group: name,
    controller: controlled && formatAddress(controlled.controller),
    epoch: master?.status?.epoch ?? controlled?.view.epoch ?? highest(replicas, 'epoch'),
    setEpoch:
      master?.status?.setEpoch ?? controlled?.view.setEpoch ?? highest(replicas, 'setEpoch'),
    set,
    problems: problemsOf(group, set),
    replicas: rows,
  };
}

const highest = (replicas: readonly ObservedReplica[], what: 'epoch' | 'setEpoch'): number =>
  Math.max(0, ...replicas.map(({ status }) => status?.[what] ?? 0));

/** As the master says, which counts with it; without one as was decided, or was last known to any. */
function setOf({ master, controlled, replicas }: ObservedGroup): readonly number[] {
  if (master?.status !== undefined) return master.status.syncStateSet;
  if (controlled !== undefined) return controlled.view.set;
  const newest = highest(replicas, 'setEpoch');
  return replicas.find(({ status }) => status?.setEpoch === newest)?.status?.syncStateSet ?? [];
}

function rowOf(
  { id, address, status, failure }: ObservedReplica,
  { master, controlled }: ObservedGroup,
  set: readonly number[],
): ReplicaRow {
  const inSet = id !== undefined && set.includes(id);
  const end = master?.status?.end;
  const decided = controlled?.replicas.find((replica) => replica.id === id);
  const absent = decided?.alive === false ? 'dead' : 'unreachable';
  return {
    id,
    role: status === undefined ? absent : status.role,
    address: address && formatAddress(address),
    reachable: status !== undefined,
    epoch: status?.epoch,
    end: status?.end,
    synced: status?.synced,
    commitPoint: status?.commitPoint,
    durablePoint: status?.durablePoint,
    applied: status?.applied,
    sequence: status?.sequence,
    digest: status?.digest,
    // Asked one after the other, a follower can be ahead of what the master said.
    lag: end === undefined || status === undefined ? undefined : Math.max(0, end - status.end),
    inSet,
    why: failure ?? status?.damage ?? whyNotCounted(id, master, inSet),
  };
}

function whyNotCounted(
  id: number | undefined,
  master: ObservedReplica | undefined,
  inSet: boolean,
): string | undefined {
  if (id === undefined || id === master?.id) return undefined;
  if (master?.status === undefined) return inSet ? undefined : 'nobody leads';
  const progress = master.status.replicas.find(({ brokerId }) => brokerId === id);
  if (progress === undefined) {
    return inSet ? undefined : 'it has not connected to the master in this epoch';
  }
  if (inSet) return progress.connected ? undefined : 'it is not connected to the master';
  return progress.why;
}

function problemsOf(group: ObservedGroup, set: readonly number[]): readonly string[] {
  const { master, controlled, controllerFailure, replicas } = group;
  const problems: string[] = [];
  if (controlled?.view.frozen !== undefined) problems.push(`frozen: ${controlled.view.frozen}`);
  if (controllerFailure !== undefined) problems.push(controllerFailure);
  if (master === undefined) problems.push('nobody leads: nothing can be written');
  else if (replicas.length > 1 && !hasFollower(group, set)) {
    problems.push('the master has no in-sync follower: what it acknowledges is on this node only');
  }
  const { groupReplicas = 0, metadataMinimum = 0 } = master?.status ?? {};
  if (master !== undefined && set.length < metadataMinimum) {
    problems.push(
      `definitions are refused: ${set.length} of ${groupReplicas} replicas in sync, ` +
        `metadataMinInSyncReplicas asks for ${metadataMinimum}`,
    );
  }
  const leading = replicas.filter(({ status }) => status?.role === 'master');
  if (leading.length > 1) {
    problems.push(`brokers ${leading.map(({ id }) => id).join(' and ')} both say that they lead`);
  }
  for (const { id, status } of replicas) {
    if (status?.damage !== undefined) problems.push(`broker ${id} is damaged: ${status.damage}`);
    const own = master?.status;
    const differs =
      status !== undefined &&
      own !== undefined &&
      status.sequence === own.sequence &&
      status.digest !== own.digest;
    if (differs) problems.push(`broker ${id} holds other metadata than the master`);
  }
  return problems;
}

function hasFollower({ master }: ObservedGroup, set: readonly number[]): boolean {
  const followers = master?.status?.replicas ?? [];
  return followers.some(({ brokerId, connected }) => connected && set.includes(brokerId));
}
