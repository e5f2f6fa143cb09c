import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { Admin, type VerifiedGroup, verifyMetadata } from '../../src/admin/index.ts';
import { brokerId, type Clock, type PhysicalOffset } from '../../src/base/index.ts';
import { TestGroup, type TestReplica } from '../../src/broker/replication/test-group.ts';
import { createTopic } from '../../src/broker/test-broker.ts';
import { RemotingClient } from '../../src/remoting/index.ts';
import { MetadataDigests, MetadataRows, ReplicaStatus, RequestCode } from '../../src/wire/index.ts';
import { type FakeServer, fakeAdmin } from './fake-cluster.ts';

const controller = [{ host: 'controller', port: 9878 }];
const quiet = { metadataScrubIntervalMs: 3_600_000 };

async function started(names: readonly string[]) {
  const group = new TestGroup();
  const replicas = await group.controlled(names, quiet);
  for (const replica of replicas) await replica.start();
  const master = await group.master(replicas);
  await group.runFor(5000);
  for (const topic of ['a', 'b']) {
    assert.equal((await master.client.createTopic(topic, 4)).code, 'SUCCESS');
  }
  await group.runFor(1000);
  const others = replicas.filter((replica) => replica !== master);
  return { group, master, others };
}

async function verify(group: TestGroup): Promise<VerifiedGroup> {
  const { clock, network, logger, random } = group.world.node('operator');
  const remoting = new RemotingClient({}, { clock, network, logger });
  const unused = (): never => {
    throw new Error('nothing else is used');
  };
  const ports = { remoting, clock, random, open: unused, cpuMs: () => 0 };
  const admin = new Admin({ nameServers: [] }, ports);
  const input = { group: group.controller?.groups()[0]?.name, controller };
  const [verified] = await group.world.complete(verifyMetadata.run(admin, input), {
    forMs: 120_000,
  });
  await group.world.complete(remoting.close());
  assert(verified !== undefined);
  return verified;
}

test('all replicas of a group are compared behind one record, while it is written to', async () => {
  const { group, master } = await started(['one', 'two', 'three']);
  let isDone = false;
  const write = async (): Promise<number> => {
    let written = 0;
    while (!isDone) {
      assert.equal((await master.client.asking(createTopic(`t${written}`))).code, 0);
      written++;
    }
    return written;
  };
  const writing = write();
  const verified = await verify(group);
  isDone = true;
  assert((await group.world.complete(writing)) > 0);
  assert.equal(verified.equal, true);
  assert.equal(verified.replicas.length, 3);
  assert.equal(new Set(verified.replicas.map(({ digest }) => digest)).size, 1);
  assert((verified.sequence ?? 0) > 2);
  assert(verified.tables.every(({ equal, digests }) => equal && digests.length === 3));
  assert.deepEqual(
    verified.tables.map(({ table }) => table),
    ['topic', 'subscriptionGroup', 'consumerOffset', 'resetOffset', 'messageRequestMode'],
  );
  assert.equal(verifyMetadata.verdict?.([verified]), undefined);
});

test('a replica that cannot be reached was not compared: the group is not known to be equal', async () => {
  const { group, others } = await started(['one', 'two']);
  others[0]?.crash({ powerLoss: false });
  const verified = await verify(group);
  assert.equal(verified.equal, false);
  assert.equal(verified.replicas.filter(({ why }) => why !== undefined).length, 1);
  assert.match(
    verifyMetadata.verdict?.([verified]) ?? '',
    /not all replicas are known to be equal/,
  );
});

async function tamper(group: TestGroup, replica: TestReplica): Promise<void> {
  const database = replica.databases.get('/store/metadata');
  assert(database !== undefined);
  const key = Buffer.from('\x01b', 'latin1');
  const change = async (): Promise<void> => {
    const row = Buffer.from((await database.get(key)) ?? []).toString('latin1');
    const value = Buffer.from(row.replaceAll('Nums":4', 'Nums":9'), 'latin1');
    await database.write([{ type: 'put', key, value }]);
  };
  await group.world.complete(change());
}

for (const who of ['master', 'slave'] as const) {
  test(`a row that was changed in the database of the ${who} is named, and repaired`, async () => {
    const { group, master, others } = await started(['one', 'two']);
    const [other] = others as [TestReplica];
    const damaged = who === 'master' ? master : other;
    await tamper(group, damaged);
    const verified = await verify(group);
    assert.equal(verified.equal, false);
    const row = verified.replicas.find(({ id }) => id === damaged.id);
    assert.match(row?.why ?? '', /damaged: table topic .*1 rows: topic b.*evidence is in/);
    assert.equal(verified.replicas.filter(({ why }) => why !== undefined).length, 1);
    await group.runFor(12_000);
    assert.equal((who === 'master' ? other : master).role, 'master');
    assert.equal((await verify(group)).equal, true);
  });
}

const position = (value: number): PhysicalOffset => value as PhysicalOffset;

interface Fake {
  readonly newest: number;
  /** By sequence, of the table `topic`. */
  readonly digests: Readonly<Record<number, string>>;
  readonly rows: Readonly<Record<string, string>>;
}

/** Two replicas of a group without a controller, as they answer in round after round. */
async function verifyFakes(...rounds: readonly (readonly [Fake, Fake])[]): Promise<VerifiedGroup> {
  let round = 0;
  const server = (at: 0 | 1): FakeServer => {
    return ({ code, ext }) => {
      const fake = (rounds[Math.min(round, rounds.length - 1)] as readonly [Fake, Fake])[at];
      const own = { clusterName: 'c', brokerName: 'g', brokerId: brokerId(at) };
      const none = position(0);
      if (code === RequestCode.GET_REPLICA_STATUS) {
        const positions = { begin: none, end: none, synced: none, commitPoint: none };
        const body = ReplicaStatus.encode({
          ...{ ...own, ...positions, durablePoint: none, applied: none, epoch: 1, setEpoch: 1 },
          ...{ role: at === 0 ? 'master' : 'slave', syncStateSet: [], sequence: 0, digest: '' },
          ...{ master: undefined, damage: undefined, lossless: true, following: at === 1 },
          ...{ groupReplicas: 2, metadataMinimum: 1, replicas: [] },
        });
        return { body };
      }
      if (code === RequestCode.GET_METADATA_DIGESTS) {
        const sequence = Number(ext['sequence'] ?? fake.newest);
        const digest = fake.digests[sequence];
        const tables = digest === undefined ? [] : [{ table: 'topic', digest }];
        const { brokerId: id } = own;
        const body = MetadataDigests.encode({
          ...{ brokerId: id, newest: fake.newest, applied: none, sequence, digest, tables },
          damage: undefined,
        });
        return { body };
      }
      if (code === RequestCode.GET_METADATA_ROWS) {
        const keys = Object.keys(fake.rows).sort();
        const found = keys.filter((key) => ext['after'] === undefined || key > ext['after']);
        const rows = found.slice(0, 2).map((key) => {
          const value = fake.rows[key] as string;
          return { key, name: `topic ${key}`, version: 1, value, hash: value };
        });
        return { body: MetadataRows.encode({ rows, more: found.length > 2 }) };
      }
      return { body: 'enableControllerMode=false\n' };
    };
  };
  const nameServer: FakeServer = () => ({
    body: '{"brokerAddrTable":{"g":{"brokerAddrs":{0:"a:1",1:"b:1"},"brokerName":"g","cluster":"c"}}}',
  });
  const clock = {
    sleep: async () => {
      round++;
    },
  } as unknown as Clock;
  const servers = { 'ns:9876': nameServer, 'a:1': server(0), 'b:1': server(1) };
  const { admin } = fakeAdmin(servers, { clock });
  const [verified] = await verifyMetadata.run(admin, { group: undefined, controller: undefined });
  assert(verified !== undefined);
  return verified;
}

const same = { '01': 'v', '02': 'v', '03': 'v', '04': 'v', '05': 'v' };

test('one that is behind is compared where it is', async () => {
  const ahead = { newest: 9, digests: { 7: 'aa', 9: 'bb' }, rows: same };
  const verified = await verifyFakes([ahead, { newest: 7, digests: { 7: 'aa' }, rows: same }]);
  assert.deepEqual([verified.equal, verified.sequence], [true, 7]);
});

test('one whose position the others have forgotten is waited for, and else was not compared', async () => {
  const ahead = { newest: 90, digests: { 90: 'bb' }, rows: same };
  const behind = { newest: 7, digests: { 7: 'aa' }, rows: same };
  const late = await verifyFakes([ahead, behind]);
  assert.equal(late.equal, false);
  assert.match(late.replicas[0]?.why ?? '', /does not come to one position/);
  const caughtUp = await verifyFakes([ahead, behind], [ahead, behind], [ahead, ahead]);
  assert.deepEqual([caughtUp.equal, caughtUp.sequence], [true, 90]);
});

test('what differs for a moment, as where a log is cut, is no difference', async () => {
  const [one, two] = [
    { newest: 9, digests: { 9: 'aa' }, rows: same },
    { newest: 9, digests: { 9: 'bb' }, rows: same },
  ];
  assert.equal((await verifyFakes([one, two], [one, one])).equal, true);
});

test('the keys that differ are named, but not those that change while they are read', async () => {
  const fake = (digest: string, changes: Record<string, string | undefined>): Fake => {
    const rows: Record<string, string> = { ...same };
    for (const [key, value] of Object.entries(changes)) {
      if (value === undefined) delete rows[key];
      else rows[key] = value;
    }
    return { newest: 9, digests: { 9: digest }, rows };
  };
  const one = fake('aa', { '05': 'busy' });
  const later = fake('aa', { '05': 'busier' });
  const two = fake('bb', { '02': 'other', '04': undefined });
  const verified = await verifyFakes([one, two], [one, two], [one, two], [later, two]);
  assert.equal(verified.equal, false);
  assert.deepEqual(
    verified.tables.map(({ table, equal }) => [table, equal]),
    [['topic', false]],
  );
  assert.deepEqual(
    verified.differences.map(({ key, values }) => [key, values.map(({ value }) => value)]),
    [
      ['topic 02', ['v', 'other']],
      ['topic 04', ['v', undefined]],
    ],
  );
});
