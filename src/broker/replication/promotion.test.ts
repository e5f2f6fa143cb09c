import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { physicalOffset } from '../../base/index.ts';
import { PromoteReplica, PromoteReplicaResponse, RequestCode } from '../../wire/index.ts';
import { TestGroup, TestReplica } from './test-group.ts';

const request = (end: number) =>
  ({
    code: RequestCode.PROMOTE_REPLICA,
    header: [PromoteReplica, { end: physicalOffset(end) }],
  }) as const;

async function started(seed: string) {
  const group = new TestGroup(seed);
  const [one, two] = group.staticPair();
  await one.start();
  await two.start();
  await group.runFor(2000);
  for (let i = 0; i < 5; i++) assert.equal((await one.client.createTopic(`t${i}`)).code, 'SUCCESS');
  assert.equal((await one.client.send('t0', 'hello')).code, 'SUCCESS');
  await group.runFor(1000);
  return { group, one, two };
}

test('a slave whose master is lost is promoted, holds all that was acknowledged, and stays master', async () => {
  const { group, one, two } = await started('promoted');
  one.crash({ powerLoss: true });
  await group.runFor(5000);
  const { end } = await two.status();
  const response = await two.client.ask(request(end));
  assert.equal(response.code, 0, response.remark);
  const { masterEpoch } = PromoteReplicaResponse.decode(response);
  assert.equal(masterEpoch, 1001);
  assert.equal(two.role, 'master');
  for (let i = 0; i < 5; i++) assert(await two.client.hasTopic(`t${i}`));
  const { bodies } = await two.client.pull({ topic: 't0', group: 'g', offset: 0 });
  assert.deepEqual(bodies, ['hello']);
  assert.equal((await two.client.createTopic('after')).code, 'SUCCESS');

  two.crash({ powerLoss: true });
  await two.start();
  assert.equal(two.role, 'master', 'after a start too');
  assert(await two.client.hasTopic('after'));
  assert.equal((await two.status()).epoch, 1002);
});

test('the former master comes back as a slave, and holds the same', async () => {
  const { group, one, two } = await started('back');
  // What only the master has, and nobody was told of.
  group.world.network.partition(['one'], ['two']);
  const sending = one.client.sending('t0', 'never acknowledged').then(
    () => 'answered',
    () => 'lost',
  );
  await group.runFor(1000);
  const tail = (await one.status()).end;
  one.crash({ powerLoss: false });
  // What was on its way is given up before the network heals.
  await group.runFor(5000);
  group.world.network.heal();
  await group.runFor(5000);
  assert.equal(await sending, 'lost');
  const { end } = await two.status();
  assert(end < tail);
  assert.equal((await two.client.answer(request(end))).code, 'SUCCESS');
  assert.equal((await two.client.createTopic('after')).code, 'SUCCESS');
  const haMasterAddress = `two:${two.options.listenPort + 1}`;
  const changes = { brokerRole: 'SLAVE', brokerId: 2, haMasterAddress } as const;
  const back = new TestReplica(group.world, 'one', changes);
  await back.start();
  await group.runFor(5000);
  const [leader, follower] = [await two.status(), await back.status()];
  assert.deepEqual(leader.syncStateSet, [1, 2]);
  assert.equal(follower.end, leader.end);
  assert.equal(follower.digest, leader.digest);
  assert(await back.client.hasTopic('after'));
  assert.equal(await two.client.maxOffset('t0'), 1);
});

test('what a stop took from a slave, or whoever removed its store, is said until it is made good', async () => {
  for (const isEmptied of [false, true]) {
    const { group, one, two } = await started(`made good ${isEmptied}`);
    assert((await two.status()).lossless);
    two.crash({ powerLoss: true });
    if (isEmptied) await two.wipe();
    group.world.network.partition(['one'], ['two']);
    await two.start();
    await group.runFor(3000);
    assert(!(await two.status()).lossless, 'it does not know what its master has');
    group.world.network.heal();
    await group.runFor(3000);
    assert((await two.status()).lossless, 'it has all that is committed');
    one.crash({ powerLoss: false });
    await group.runFor(5000);
    assert((await two.status()).lossless, 'though its master is gone');
    two.crash({ powerLoss: false });
    await two.start();
    assert((await two.status()).lossless, 'and after its next start');
  }
});

test('nobody is promoted beside a master, without a look at it, or where a controller decides', async () => {
  const { group, one, two } = await started('refused');
  const { end } = await two.status();
  const cases: [TestReplica, number, RegExp][] = [
    [two, end, /its master at one:10912 is there/],
    [one, end, /leads already/],
  ];
  for (const [replica, position, why] of cases) {
    const { code, remark } = await replica.client.answer(request(position));
    assert.equal(code, 'SYSTEM_ERROR');
    assert.match(remark ?? '', why);
  }
  one.crash({ powerLoss: false });
  await group.runFor(5000);
  const asked = await two.client.answer(request(end - 1));
  assert.match(asked.remark ?? '', /its log ends at \d+ now, not at/);
  assert.equal(two.role, 'slave');

  const other = new TestGroup('controlled');
  const [first] = await other.controlled(['one']);
  await first?.start();
  const refused = await first?.client.answer(request(0));
  assert.match(refused?.remark ?? '', /leads already|a controller elects/);
});
