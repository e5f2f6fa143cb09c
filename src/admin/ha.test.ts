import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FakeServer, fakeAdmin } from '../../test/admin/fake-cluster.ts';
import {
  type BrokerId,
  brokerId,
  type PhysicalOffset,
  physicalOffset,
  timestampMs,
} from '../base/index.ts';
import {
  GroupHistory,
  GroupViewBody,
  ReplicaStatus,
  RequestCode,
  ResponseCode,
  SyncStateData,
} from '../wire/index.ts';
import { recoverGroup } from './controller-recover.ts';
import { haHistory } from './ha-history.ts';
import { promoteReplica } from './ha-promote.ts';
import { haStatus } from './ha-status.ts';
import { switchOver } from './ha-switchover.ts';

const at = (position: number): PhysicalOffset => physicalOffset(position);
const ids = (...numbers: number[]): BrokerId[] => numbers.map((number) => brokerId(number));

type Progress = ReplicaStatus['replicas'][number];

const progress = (id: number, more: Partial<Progress> = {}): Progress => ({
  ...{ brokerId: brokerId(id), connected: true, inSync: true, digest: 'equal' },
  ...{ written: at(100), synced: at(100), applied: at(100), why: undefined },
  ...more,
});

function status(id: number, more: Partial<ReplicaStatus> = {}): ReplicaStatus {
  return {
    ...{ clusterName: 'c', brokerName: 'g', brokerId: brokerId(id), role: 'slave', epoch: 3 },
    ...{ setEpoch: 7, syncStateSet: ids(1, 2), begin: at(0), end: at(100), synced: at(100) },
    ...{ commitPoint: at(100), durablePoint: at(100), applied: at(100), sequence: 5 },
    ...{ digest: 'aa00', master: undefined, damage: undefined, replicas: [] },
    ...{ lossless: true, following: true, groupReplicas: 2, metadataMinimum: 1 },
    ...more,
  };
}

const master = (more: Partial<ReplicaStatus> = {}): ReplicaStatus =>
  status(1, { role: 'master', replicas: [progress(2)], ...more });

type View = Parameters<typeof GroupViewBody.encode>[0];

const view: View = {
  ...{ epoch: 3, setEpoch: 7, set: ids(1, 2), dead: [], lossy: [], replicas: 2 },
  master: { broker: brokerId(1), incarnation: 'i', address: 'a:1', haAddress: 'a:2' },
};

interface Fakes {
  /** Status by address; an address that is not here cannot be reached. */
  readonly brokers: Readonly<Record<string, ReplicaStatus>>;
  readonly registered?: string;
  readonly isStatic?: boolean;
  readonly view?: View;
  readonly alive?: readonly number[];
  readonly answers?: FakeServer;
}

/** A group `g` of brokers 1 at a:1 and 2 at b:1, with a controller at k:1. */
function cluster(fakes: Fakes) {
  const { registered = '0:"a:1",2:"b:1"', isStatic = false, alive = [1, 2] } = fakes;
  const nameServer: FakeServer = () => ({
    body: `{"brokerAddrTable":{"g":{"brokerAddrs":{${registered}},"brokerName":"g","cluster":"c"}}}`,
  });
  const brokers = Object.entries(fakes.brokers).map(([address, told]) => {
    const server: FakeServer = (request) => {
      if (request.code === RequestCode.GET_REPLICA_STATUS) {
        return { body: ReplicaStatus.encode(told) };
      }
      if (request.code === RequestCode.GET_BROKER_CONFIG) {
        return { body: `enableControllerMode=${!isStatic}\ncontrollerAddr=dead:1;k:1\n` };
      }
      return fakes.answers?.(request) ?? { code: ResponseCode.REQUEST_CODE_NOT_SUPPORTED };
    };
    return [address, server] as const;
  });
  const identity = (id: number) => ({
    ...{ brokerName: 'g', brokerId: brokerId(id), alive: alive.includes(id) },
    brokerAddress: id === 1 ? 'a:1' : 'b:1',
  });
  const controller: FakeServer = (request) => {
    const { code, ext } = request;
    const own = fakes.answers?.(request);
    if (own !== undefined) return own;
    if (code === RequestCode.CONTROLLER_GET_SYNC_STATE_DATA) {
      const info = {
        ...{ masterBrokerId: brokerId(1), masterAddress: 'a:1', masterEpoch: 3 },
        ...{ syncStateSetEpoch: 7, inSyncReplicas: [identity(1), identity(2)] },
        notInSyncReplicas: [],
      };
      return { body: SyncStateData.encode({ replicasInfoTable: new Map([['g', info]]) }) };
    }
    if (ext['brokerName'] !== 'g') {
      return { code: ResponseCode.CONTROLLER_BROKER_METADATA_NOT_EXIST, remark: 'no such group' };
    }
    const groupView = new TextDecoder().decode(GroupViewBody.encode(fakes.view ?? view));
    return { ext: { groupView } };
  };
  const servers = { 'ns:9876': nameServer, 'k:1': controller, ...Object.fromEntries(brokers) };
  return fakeAdmin(servers);
}

const everything = { group: undefined, controller: undefined };

async function statusOf(fakes: Fakes) {
  const [group, ...others] = await haStatus.run(cluster(fakes).admin, everything);
  assert.equal(others.length, 0);
  assert(group !== undefined);
  return group;
}

test('status has a row for each replica, with what it says and how far it is behind', async () => {
  const group = await statusOf({
    brokers: { 'a:1': master(), 'b:1': status(2, { end: at(60), applied: at(50) }) },
  });
  assert.deepEqual(
    [group.group, group.controller, group.epoch, group.setEpoch, group.set, group.problems],
    ['g', 'k:1', 3, 7, [1, 2], []],
  );
  assert.deepEqual(
    group.replicas.map(({ id, role, address, end, applied, lag, inSet, why }) => ({
      ...{ id, role, address, end, applied, lag, inSet, why },
    })),
    [
      {
        ...{ id: 1, role: 'master', address: 'a:1', end: 100, applied: 100, lag: 0, inSet: true },
        why: undefined,
      },
      {
        ...{ id: 2, role: 'slave', address: 'b:1', end: 60, applied: 50, lag: 40, inSet: true },
        why: undefined,
      },
    ],
  );
});

test('why a replica does not count is what its master says', async () => {
  const why = 'it installs a snapshot and the log';
  const replicas = [progress(2, { inSync: false, why })];
  const group = await statusOf({
    brokers: { 'a:1': master({ syncStateSet: ids(1), replicas }), 'b:1': status(2) },
  });
  assert.deepEqual([group.replicas[1]?.inSet, group.replicas[1]?.why], [false, why]);
  assert.match(group.problems.join(), /the master has no in-sync follower/);
});

test('that definitions are refused, and for how many replicas, is a problem', async () => {
  const few = { syncStateSet: ids(1), groupReplicas: 3, metadataMinimum: 2 };
  const group = await statusOf({ brokers: { 'a:1': master(few), 'b:1': status(2) } });
  assert(
    group.problems.includes(
      'definitions are refused: 1 of 3 replicas in sync, metadataMinInSyncReplicas asks for 2',
    ),
    group.problems.join(),
  );
});

test('a damaged replica is a problem, also when it leads', async () => {
  const damage = 'the metadata of this store are damaged';
  const group = await statusOf({ brokers: { 'a:1': master({ damage }), 'b:1': status(2) } });
  assert.deepEqual(group.problems, [`broker 1 is damaged: ${damage}`]);
  assert.equal(group.replicas[0]?.why, damage);
});

test('a replica that cannot be reached is a row, also one that only its controller remembers', async () => {
  const replicas = [progress(2, { connected: false })];
  const group = await statusOf({
    brokers: { 'a:1': master({ replicas }) },
    registered: '0:"a:1"',
    alive: [1],
  });
  const [, gone] = group.replicas;
  assert.deepEqual(
    [gone?.id, gone?.role, gone?.reachable, gone?.address, gone?.inSet, gone?.why],
    [2, 'dead', false, 'b:1', true, 'cannot be reached'],
  );
  assert.match(group.problems.join(), /no in-sync follower/);
});

test('a static group: only its master remembers a slave that is gone', async () => {
  const slave = progress(5, { inSync: false, connected: false, why: 'it is not connected' });
  const group = await statusOf({
    brokers: { 'a:1': master({ brokerId: brokerId(0), syncStateSet: ids(0), replicas: [slave] }) },
    registered: '0:"a:1"',
    isStatic: true,
  });
  assert.equal(group.controller, undefined);
  assert.deepEqual(
    group.replicas.map(({ id, role, address }) => [id, role, address]),
    [
      [0, 'master', 'a:1'],
      [5, 'unreachable', undefined],
    ],
  );
});

test('a slave remembers the master that is gone', async () => {
  const slave = status(5, { syncStateSet: [], master: 'a:1' });
  const group = await statusOf({
    brokers: { 'b:1': slave },
    registered: '5:"b:1"',
    isStatic: true,
  });
  assert.deepEqual(
    group.replicas.map(({ id, role, address, why }) => [id, role, address, why]),
    [
      [undefined, 'unreachable', 'a:1', 'cannot be reached'],
      [5, 'slave', 'b:1', 'nobody leads'],
    ],
  );
});

test('a frozen group, a controller that is down, and metadata that differs are problems', async () => {
  const frozen = await statusOf({
    brokers: { 'a:1': status(1), 'b:1': status(2) },
    view: { ...view, master: undefined, frozen: 'an old copy' },
  });
  assert.deepEqual(frozen.problems, [
    'frozen: an old copy',
    'nobody leads: nothing can be written',
  ]);
  const differing = await statusOf({
    brokers: { 'a:1': master(), 'b:1': status(2, { digest: 'bb11' }) },
  });
  assert.deepEqual(differing.problems, ['broker 2 holds other metadata than the master']);
  const { admin } = cluster({ brokers: { 'a:1': master(), 'b:1': status(2) } });
  const controller = [{ host: 'gone', port: 1 }];
  const [alone] = await haStatus.run(admin, { group: 'g', controller });
  assert.match(alone?.problems.join() ?? '', /cannot reach the controller gone:1/);
  assert.equal(alone?.replicas.length, 2);
});

test('a broker of RocketMQ is a row that says that it does not tell', async () => {
  const { admin } = fakeAdmin({
    'ns:9876': () => ({
      body: '{"brokerAddrTable":{"g":{"brokerAddrs":{0:"a:1"},"brokerName":"g","cluster":"c"}}}',
    }),
    'a:1': () => ({ code: ResponseCode.REQUEST_CODE_NOT_SUPPORTED }),
  });
  const [group] = await haStatus.run(admin, everything);
  assert.match(group?.replicas[0]?.why ?? '', /does not tell: REQUEST_CODE_NOT_SUPPORTED/);
});

test('a group that nobody knows is a mistake, not an empty list', async () => {
  const { admin } = cluster({ brokers: { 'a:1': master() } });
  await assert.rejects(
    haStatus.run(admin, { group: 'x', controller: undefined }),
    /no broker group x is registered \(g is\)/,
  );
});

const entry = {
  ...{ time: timestampMs(1000), what: 'elected', epoch: 1, setEpoch: 1, set: ids(1) },
  ...{ master: brokerId(1), reason: 'the first master of the group' },
};

test('the history comes from the controllers that a broker is configured with', async () => {
  const { admin, calls } = cluster({
    brokers: { 'a:1': master() },
    answers: ({ code }) =>
      code === RequestCode.CONTROLLER_GET_HISTORY
        ? { body: GroupHistory.encode({ entries: [entry] }) }
        : undefined,
  });
  const entries = await haHistory.run(admin, everything);
  assert.deepEqual(entries, [{ group: 'g', ...entry }]);
  assert(calls.includes(`dead:1 ${RequestCode.CONTROLLER_GET_HISTORY}`), 'the first is not there');
  assert(calls.includes(`k:1 ${RequestCode.CONTROLLER_GET_HISTORY}`));
});

test('a group without a controller has no history', async () => {
  const { admin } = cluster({ brokers: { 'a:1': master() }, isStatic: true });
  await assert.rejects(haHistory.run(admin, everything), /nobody keeps a history/);
});

function handOver() {
  const asked: unknown[] = [];
  const fakes = cluster({
    brokers: { 'a:1': master(), 'b:1': status(2) },
    answers: ({ code, ext }) => {
      if (code !== RequestCode.SWITCH_OVER) return undefined;
      asked.push(ext['brokerId']);
      return {
        ext: { masterBrokerId: '2', masterAddress: 'b:1', masterEpoch: '4', stoppedMs: '120' },
      };
    },
  });
  return { ...fakes, asked };
}

test('a switch-over is asked of the master, for a target by its id or its address', async () => {
  for (const to of ['2', 'b:1']) {
    const { admin, asked } = handOver();
    const input = { group: 'g', to, controller: undefined };
    assert.deepEqual(await switchOver.preview?.(admin, input), [
      { where: 'g', what: 'master', before: '1 (a:1)', after: '2 (b:1)' },
    ]);
    assert.deepEqual(asked, [], 'a preview changes nothing');
    assert.deepEqual(await switchOver.run(admin, input), {
      ...{ group: 'g', from: 1, to: 2, address: 'b:1', epoch: 4, stoppedMs: 120 },
    });
    assert.deepEqual(asked, ['2']);
  }
});

test('a target that is not there is named before anything is asked', async () => {
  const { admin, asked } = handOver();
  const input = { group: 'g', to: '7', controller: undefined };
  await assert.rejects(switchOver.run(admin, input), /no replica 7 in g; there are 1 \(a:1\), 2/);
  const alone = cluster({ brokers: { 'a:1': master() } });
  await assert.rejects(
    switchOver.run(alone.admin, { ...input, to: '2' }),
    /broker 2 \(b:1\) cannot be reached/,
  );
  assert.deepEqual(asked, []);
});

const controller = [{ host: 'k', port: 1 }];

test('recovering shows what it does, and is only for what is frozen or told who leads', async () => {
  const input = { group: 'g', controller, elect: undefined };
  const healthy = cluster({ brokers: {} });
  await assert.rejects(recoverGroup.run(healthy.admin, input), /g is not frozen; broker 1 leads/);
  const frozen = cluster({
    brokers: {},
    view: { ...view, master: undefined, frozen: 'an old copy' },
    alive: [2],
  });
  assert.deepEqual(await recoverGroup.preview?.(frozen.admin, input), [
    { where: 'g', what: 'frozen', before: 'an old copy', after: undefined },
    {
      ...{ where: 'g', what: 'epoch', before: '3' },
      after: 'above what is known to the 1 of 2 replicas that are there',
    },
    {
      ...{ where: 'g', what: 'master', before: 'nobody' },
      after: 'a member that holds all, of 2',
    },
  ]);
  const forced = await recoverGroup.preview?.(frozen.admin, { ...input, elect: brokerId(2) });
  assert.equal(forced?.at(-1)?.after, 'broker 2, without what only 1 may hold');
  await assert.rejects(
    recoverGroup.run(frozen.admin, { ...input, elect: brokerId(9) }),
    /no broker 9 in g; there are 1, 2/,
  );
  assert(!frozen.calls.includes(`k:1 ${RequestCode.CONTROLLER_RECOVER_GROUP}`));
});

test('what a recovery gave is read back', async () => {
  const asked: unknown[] = [];
  const { admin } = cluster({
    brokers: {},
    answers: ({ code, ext }) => {
      if (code !== RequestCode.CONTROLLER_RECOVER_GROUP) return undefined;
      asked.push(ext['electBrokerId']);
      return {};
    },
  });
  const result = await recoverGroup.run(admin, { group: 'g', controller, elect: brokerId(2) });
  assert.deepEqual(asked, ['2']);
  assert.deepEqual(result, {
    ...{ group: 'g', controller: 'k:1', epoch: 3, setEpoch: 7, set: [1, 2] },
    ...{ master: 1, masterAddress: 'a:1', frozen: undefined },
  });
});

test('a promotion says what it can and cannot prove, and is for the log that was looked at', async () => {
  const asked: unknown[] = [];
  const { admin } = cluster({
    brokers: {
      'b:1': status(2, { end: at(120), commitPoint: at(110), following: false, master: 'a:1' }),
    },
    answers: ({ code, ext }) => {
      if (code !== RequestCode.PROMOTE_REPLICA) return undefined;
      asked.push(ext['end']);
      return { ext: { masterEpoch: '1004' } };
    },
  });
  const input = { broker: [{ host: 'b', port: 1 }] };
  const changes = await promoteReplica.preview?.(admin, input);
  assert.deepEqual(asked, [], 'a preview changes nothing');
  assert.deepEqual(changes?.[0], {
    ...{ where: 'g', what: 'leads', before: 'slave', after: 'broker 2, alone' },
  });
  const result = await promoteReplica.run(admin, input);
  assert.deepEqual(asked, ['120']);
  assert.deepEqual(result, {
    ...{ group: 'g', id: 2, address: 'b:1', epoch: 1004 },
    proven: [
      'its log ends at 120 (100 on disk), in epoch 3',
      'its last stop lost nothing, or that was made good',
      'it holds all that it knew as committed: 110',
      'its metadata is that of record 5, aa00',
    ],
    notProven: [
      'that it was in the in-sync set',
      'that nothing above 120 was acknowledged',
      'that the master at a:1 is dead, and stays so',
    ],
  });
  assert.deepEqual(
    changes?.slice(1).map(({ what, after }) => `${what}: ${after}`),
    [
      ...result.proven.map((fact) => `proven: ${fact}`),
      ...result.notProven.map((fact) => `not proven: ${fact}`),
    ],
  );
});
