/** The commands of mqadmin for replicated groups, against `holdfast cluster`. */
import { strict as assert } from 'node:assert';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type ClusterNode, LocalCluster } from '../../process/local-cluster.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/locations.ts';
import { eventually } from '../support/waiting.ts';
import { buildMqadmin, Mqadmin } from './mqadmin.ts';

const startLimitMs = 300_000;
const testLimitMs = 120_000;
const waitMs = 30_000;
const group = 'broker-a';
const cluster = 'DefaultCluster';

let folder: TemporaryFolder;
let mqadmin: Mqadmin;
let local: LocalCluster;

before(
  async () => {
    folder = await temporaryFolder('mqadmin-controller');
    const own = join(folder.path, 'commands');
    await mkdir(own);
    mqadmin = new Mqadmin(await buildMqadmin(folder.path), own);
    local = await LocalCluster.start(['--replicas', '2']);
  },
  { timeout: startLimitMs },
);

after(async () => {
  await local?.[Symbol.asyncDispose]();
  await mqadmin?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

async function addressOf(kind: ClusterNode['kind']): Promise<string> {
  const node = (await local.nodes()).find((each) => each.kind === kind);
  assert(node !== undefined, `there is a ${kind}`);
  return node.address;
}

async function run(...args: readonly string[]): Promise<string> {
  const { out, err } = await mqadmin.run(args);
  return `${out}\n${err}`;
}

const atController = async (...args: readonly string[]): Promise<string> =>
  await run(...args, '-a', await addressOf('controller'));

const syncStateSet = (): Promise<string> => atController('getSyncStateSet', '-b', group);

test('the controller says who it is, how it is set, and who is in the set', {
  timeout: testLimitMs,
}, async () => {
  const address = await addressOf('controller');
  const metadata = await atController('getControllerMetaData');
  assert.match(metadata, new RegExp(`#ControllerLeaderAddress\\s+${address}`));
  assert.match(await atController('getControllerConfig'), /enableElectUncleanMaster\s+=\s+false/);
  const master = await local.broker('master');
  const set = await syncStateSet();
  assert.match(set, new RegExp(`#MasterAddr\\s+${master.address}`));
  assert.match(set, /#SyncStateSetNums\s+2/);
  assert.equal(set.match(/InSyncReplica:.*alive=true/g)?.length, 2);
});

test('epochs and positions of the replicas are told by the brokers', {
  timeout: testLimitMs,
}, async () => {
  const nameServer = await addressOf('nameserver');
  const epochs = await run('getBrokerEpoch', '-n', nameServer, '-b', group);
  assert.equal(epochs.match(/EpochEntry\{epoch=1, startOffset=0, endOffset=\d+\}/g)?.length, 2);
  const status = await run('haStatus', '-n', nameServer, '-c', cluster);
  assert.match(status, /#SlaveNum\s+1/);
  assert.match(status, /#InSyncSlaveNum\s+1/);
});

test('an operator lets the other one lead', { timeout: testLimitMs }, async () => {
  const slave = await local.broker('slave');
  const before = await syncStateSet();
  const id = new RegExp(`brokerId=(\\d+), brokerAddress='${slave.address}'`).exec(before)?.[1];
  assert(id !== undefined, before);
  const elected = await atController('electMaster', '-b', id, '-bn', group, '-c', cluster);
  assert.match(elected, new RegExp(`#BrokerMasterAddr\\s+${slave.address}`));
  assert.match(elected, /#MasterEpoch\s+2/);
  await local.inSync();
  assert.equal((await local.broker('master')).address, slave.address);
});

test('a replica is forgotten when it is dead, and comes back under its id', {
  timeout: testLimitMs,
}, async () => {
  const slave = await local.broker('slave');
  const id = new RegExp(`brokerId=(\\d+), brokerAddress='${slave.address}'`).exec(
    await syncStateSet(),
  )?.[1];
  assert(id !== undefined);
  const clean = (): Promise<string> =>
    atController('cleanBrokerMetadata', '-b', id, '-bn', group, '-c', cluster);
  assert.match(await clean(), new RegExp(`CODE: 2009  DESC: broker ${id} of ${group} lives`));
  await local.stopNode(slave);
  await eventually(waitMs, 'a set of one', async () =>
    /#SyncStateSetNums\s+1/.test(await syncStateSet()) ? true : undefined,
  );
  assert.match(await clean(), /success/);
  assert.doesNotMatch(await syncStateSet(), new RegExp(`brokerId=${id},`));
  await local.startNode(slave);
  await local.inSync();
  assert.match(await syncStateSet(), new RegExp(`InSyncReplica:.*brokerId=${id},`));
});
