import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { brokerId, physicalOffset } from '../../base/index.ts';
import {
  CleanBrokerData,
  ElectMaster,
  RecoverGroup,
  RegisterReplica,
  ReplicaReportBody,
  RequestCode,
  ResponseCode,
} from '../../wire/index.ts';
import { testOptions } from '../test-broker.ts';
import { TestGroup, type TestReplica } from './test-group.ts';

const { brokerName, clusterName } = testOptions();
const topics = ['a', 'b', 'c'];

/** A group of two with three topics, and a third node that was never started. */
async function founded(seed: string) {
  const group = new TestGroup(seed);
  const all = await group.controlled(['one', 'two', 'three']);
  const [one, two, three] = all as [TestReplica, TestReplica, TestReplica];
  for (const replica of [one, two]) await replica.start();
  const master = await group.master([one, two]);
  await group.runFor(5000);
  for (const topic of topics) {
    assert.equal((await master.client.createTopic(topic, 1)).code, 'SUCCESS');
  }
  assert.equal((await master.status()).syncStateSet.length, 2);
  return { group, master, other: master === one ? two : one, three };
}

const recover = (group: TestGroup, electBrokerId?: number) =>
  group.askController({
    code: RequestCode.CONTROLLER_RECOVER_GROUP,
    header: [
      RecoverGroup,
      {
        brokerName,
        electBrokerId: electBrokerId === undefined ? undefined : brokerId(electBrokerId),
      },
    ],
  });

const clean = (group: TestGroup, id: number, isCleanLivingBroker = false) =>
  group.askController({
    code: RequestCode.CLEAN_BROKER_DATA,
    header: [
      CleanBrokerData,
      { brokerName, brokerControllerIdsToClean: String(id), isCleanLivingBroker },
    ],
  });

async function loseController(group: TestGroup): Promise<void> {
  group.crashController({ powerLoss: false });
  await group.loseControllerFile();
  await group.startController();
}

test('the controller loses its file: the master goes on, the group is frozen until it is recovered', async () => {
  const { group, master, other } = await founded('running');
  await loseController(group);
  await group.runFor(15_000);
  assert.match(group.controller?.group(brokerName)?.frozen ?? '', /knows epoch/);
  assert.equal(master.role, 'master');
  assert.equal((await master.client.createTopic('meanwhile', 1)).code, 'SUCCESS');
  const answer = await recover(group);
  assert.equal(answer.code, ResponseCode.SUCCESS, answer.remark);
  await group.runFor(1000);
  const next = await group.master([master, other]);
  await group.runFor(8000);
  for (const topic of [...topics, 'meanwhile']) assert(await next.client.hasTopic(topic));
  assert.equal((await next.status()).syncStateSet.length, 2);
  assert.deepEqual(
    group.controller?.group(brokerName)?.replicas.filter(({ lossy }) => lossy),
    [],
    'what each of them has was compared',
  );
});

test('all were down, the file is lost, and one of the set is missing: only an operator may go on without it', async () => {
  const { group, master, other } = await founded('missing');
  const [masterId, otherId] = [master.id, other.id];
  for (const replica of [master, other]) replica.crash({ powerLoss: false });
  await loseController(group);
  void other.starting();
  await group.runFor(15_000);
  assert.notEqual(other.role, 'master');
  const refused = await recover(group);
  assert.match(refused.remark ?? '', /the replica that led epoch 1 is not there/);
  assert.notEqual(masterId, otherId);
  const forced = await recover(group, otherId);
  assert.equal(forced.code, ResponseCode.SUCCESS, forced.remark);
  const next = await group.master([other]);
  for (const topic of topics) assert(await next.client.hasTopic(topic));
});

test('all were down, the file is lost, an empty broker is first: it does not lead, and the others do in the end', async () => {
  const { group, master, other, three } = await founded('empty first');
  for (const replica of [master, other]) replica.crash({ powerLoss: false });
  await loseController(group);
  void three.starting();
  await group.runFor(4000);
  assert.notEqual(three.role, 'master');
  assert.deepEqual(
    group.controller?.group(brokerName)?.replicas.map(({ id }) => id),
    [1],
    'the controller knows of no other one',
  );
  // Whoever had that id is not it.
  for (const replica of [master, other]) void replica.starting();
  await group.runFor(20_000);
  for (const { role } of [three, master, other]) assert.notEqual(role, 'master');
  assert.notEqual((await recover(group)).code, ResponseCode.SUCCESS);
  // What the refusal asks for.
  const said = group.lines.find((line) => JSON.stringify(line).includes('was given to another'));
  assert.match(JSON.stringify(said), /remove its store, and have the controller forget it/);
  three.crash({ powerLoss: false });
  await three.wipe();
  await group.runFor(1000);
  assert.equal((await clean(group, 1)).code, ResponseCode.SUCCESS);
  await group.runFor(3000);
  const answer = await recover(group);
  assert.equal(answer.code, ResponseCode.SUCCESS, answer.remark);
  const next = await group.master([master, other]);
  await group.runFor(8000);
  for (const topic of topics) assert(await next.client.hasTopic(topic));
  await three.start();
  await group.runFor(8000);
  assert.equal(three.id, 3);
  assert.equal((await next.status()).syncStateSet.length, 3);
});

const elect = (group: TestGroup, designated: number) =>
  group.askController({
    code: RequestCode.CONTROLLER_ELECT_MASTER,
    header: [
      ElectMaster,
      {
        ...{ clusterName, brokerName, brokerId: brokerId(designated) },
        ...{ designateElect: designated > 0, invokeTime: undefined },
      },
    ],
  });

test('an operator who asks for an election does not make an empty broker the first one of a forgotten group', async () => {
  const { group, master, other, three } = await founded('asked early');
  for (const replica of [master, other]) replica.crash({ powerLoss: false });
  await loseController(group);
  void three.starting();
  await group.runFor(3000);
  for (const designated of [1, -1]) {
    const { code, remark } = await elect(group, designated);
    assert.equal(code, ResponseCode.CONTROLLER_ELECT_MASTER_FAILED);
    assert.match(remark ?? '', /it waits [67] s more for replicas of broker-a whose history/);
  }
  void other.starting();
  await group.runFor(20_000);
  for (const { role } of [three, other]) assert.notEqual(role, 'master');
  assert.match(group.controller?.group(brokerName)?.frozen ?? '', /knows epoch/);
});

test('an operator who asks for a master of a new group gets one when the controller has waited, or by force', async () => {
  for (const isForced of [false, true]) {
    const group = new TestGroup(`asked by force ${isForced}`);
    const [one] = await group.controlled(['one']);
    assert(one !== undefined);
    await loseController(group);
    void one.starting();
    await group.runFor(1000);
    const refused = await elect(group, 1);
    assert.match(refused.remark ?? '', /it waits \d+ s more/);
    assert.notEqual(one.role, 'master');
    if (isForced) {
      const { code, remark } = await recover(group, 1);
      assert.equal(code, ResponseCode.SUCCESS, remark);
    }
    await group.master([one], isForced ? 1000 : 12_000);
  }
});

test('a replica that was removed while it was down comes back under its id, and counts again', async () => {
  const { group, master, other } = await founded('removed');
  const { id } = other;
  assert(id !== undefined);
  other.crash({ powerLoss: false });
  await group.runFor(15_000);
  assert.deepEqual((await master.status()).syncStateSet, [master.id]);
  assert.equal((await clean(group, id)).code, ResponseCode.SUCCESS);
  assert.equal((await master.client.createTopic('meanwhile', 1)).code, 'SUCCESS');
  await other.start();
  await group.runFor(8000);
  assert.equal(other.id, id);
  assert.equal((await master.status()).syncStateSet.length, 2);
  master.crash({ powerLoss: true });
  const next = await group.master([other]);
  for (const topic of [...topics, 'meanwhile']) assert(await next.client.hasTopic(topic));
});

test('a replica that was removed while it lives registers again, and its mark is cleared where it follows', async () => {
  const { group, master, other } = await founded('removed alive');
  const { id } = other;
  assert(id !== undefined);
  assert.equal((await clean(group, id, true)).code, ResponseCode.SUCCESS);
  await group.runFor(5000);
  const known = group.controller?.group(brokerName);
  assert.deepEqual(
    known?.replicas.map((replica) => [replica.id, replica.lossy]),
    [
      [1, false],
      [2, false],
    ],
  );
  assert.equal((await master.status()).syncStateSet.length, 2);
});

/** A broker that nobody knows, with the history of another group, registers once and is gone. */
async function strayRegisters(group: TestGroup): Promise<void> {
  const body = ReplicaReportBody.encode({
    ...{ incarnation: 'f'.repeat(16), lossless: true, complete: true, haAddress: 'stray:1' },
    ...{ lastEpoch: 50, promisedEpoch: 50, highestEpoch: 50, highestSetEpoch: 60 },
    ...{ end: physicalOffset(1000), set: [] },
  });
  const header = {
    ...{ clusterName, brokerName, brokerId: brokerId(9), brokerAddress: 'stray:2' },
    ...{ checkCode: 'stray', replicaReport: new TextDecoder().decode(body) },
  };
  const request = { code: RequestCode.CONTROLLER_REGISTER_BROKER };
  await group.askController({ ...request, header: [RegisterReplica, header] });
  await group.runFor(3000);
}

test('a master that stops because its group is frozen says what it holds, and leads again when it is named', async () => {
  for (const isAlone of [false, true]) {
    const { group, master, other } = await founded(`stray ${isAlone}`);
    if (isAlone) {
      other.crash({ powerLoss: false });
      await group.runFor(5000);
    }
    const { id } = master;
    assert(id !== undefined);
    await strayRegisters(group);
    assert.match(group.controller?.group(brokerName)?.frozen ?? '', /broker 9 knows epoch 50/);
    assert.notEqual(master.role, 'master');
    assert.equal((await recover(group)).code, ResponseCode.CONTROLLER_INVALID_REQUEST);
    // Who cannot lead is refused, and nothing has changed by that.
    assert.notEqual((await recover(group, 77)).code, ResponseCode.SUCCESS);
    assert(group.controller?.group(brokerName)?.frozen !== undefined);
    const answer = await recover(group, id);
    assert.equal(answer.code, ResponseCode.SUCCESS, answer.remark);
    assert.equal(await group.master([master]), master);
    for (const topic of topics) assert(await master.client.hasTopic(topic));
  }
});
