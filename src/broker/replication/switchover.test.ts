import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { brokerId } from '../../base/index.ts';
import { RequestCode, ResponseCode, SwitchOver, SwitchOverResponse } from '../../wire/index.ts';
import { answered } from '../test-broker.ts';
import { TestGroup, type TestReplica } from './test-group.ts';

interface Pair {
  readonly group: TestGroup;
  readonly master: TestReplica;
  readonly other: TestReplica;
  readonly target: number;
}

async function pair(seed: string): Promise<Pair> {
  const group = new TestGroup(seed);
  const replicas = await group.controlled(['one', 'two']);
  for (const replica of replicas) await replica.start();
  const master = await group.master(replicas);
  const other = replicas.find((replica) => replica !== master) as TestReplica;
  await group.runFor(5000);
  assert.equal((await master.status()).syncStateSet.length, 2, 'both are in the set');
  assert.equal((await master.client.createTopic('t', 1)).code, 'SUCCESS');
  return { group, master, other, target: (await other.status()).brokerId };
}

const request = (target: number) =>
  ({
    code: RequestCode.SWITCH_OVER,
    header: [SwitchOver, { brokerId: brokerId(target) }],
  }) as const;

test('the target leads, the former master hands on, and no send fails or is lost meanwhile', async () => {
  const { group, master, other, target } = await pair('planned');
  const switching = master.client.asking(request(target));
  const sends: ReturnType<typeof master.client.sending>[] = [];
  for (let i = 0; i < 60; i++) {
    group.world.schedule(i * 10, () => void sends.push(master.client.sending('t', `m${i}`)));
  }
  const response = await group.world.complete(switching, { forMs: 20_000 });
  assert.equal(response.code, ResponseCode.SUCCESS, response.remark);
  const { masterBrokerId, masterAddress, masterEpoch, stoppedMs } =
    SwitchOverResponse.decode(response);
  assert.deepEqual([masterBrokerId, masterAddress], [target, `${other.name}:10911`]);
  assert.equal(masterEpoch, 2);
  assert(stoppedMs < 1000, `${stoppedMs} ms`);
  await group.runFor(1000);
  assert.equal(sends.length, 60);
  for (const send of sends) assert.equal(answered(await send).code, 'SUCCESS');
  assert.deepEqual([master.role, other.role], ['slave', 'master']);
  const bodies: string[] = [];
  while (bodies.length < 60) {
    const pulled = await other.client.pull({ topic: 't', group: 'g', offset: bodies.length });
    assert(pulled.bodies.length > 0, `only ${bodies.length} are there`);
    bodies.push(...pulled.bodies);
  }
  assert.equal(await other.client.maxOffset('t'), 60);
  assert.deepEqual(
    bodies.sort(),
    Array.from({ length: 60 }, (_, i) => `m${i}`).sort(),
    'each once',
  );
  await group.runFor(2000);
  assert.equal((await other.status()).syncStateSet.length, 2);
  assert.equal((await master.status()).digest, (await other.status()).digest);
});

test('offsets that were committed without waiting for an answer are there after it', async () => {
  const { group, master, other, target } = await pair('offsets');
  for (let i = 0; i < 3; i++) await master.client.send('t', 'x');
  assert.equal((await master.client.createGroup('g')).code, 'SUCCESS');
  const committing = master.client.asking(request(target));
  assert.equal((await master.client.commit('g', 't', 0, 3)).code, 'SUCCESS');
  assert.equal((await group.world.complete(committing)).code, ResponseCode.SUCCESS);
  assert.equal(await other.client.committed('g', 't'), 3);
});

test('a target that is not there, or is not in the set, is refused, and the master goes on', async () => {
  const { group, master, other, target } = await pair('refused');
  const refusals: [number, RegExp][] = [
    [(await master.status()).brokerId, /leads already/],
    [77, /broker 77 is not connected/],
  ];
  for (const [id, why] of refusals) {
    const { code, remark } = await master.client.answer(request(id));
    assert.equal(code, 'SYSTEM_ERROR');
    assert.match(remark ?? '', why);
  }
  const asked = await other.client.answer(request(target));
  assert.match(asked.remark ?? '', /this broker does not lead/);
  other.crash({ powerLoss: true });
  await group.runFor(5000);
  assert.match((await master.client.answer(request(target))).remark ?? '', /not connected/);
  assert.equal(master.role, 'master');
  assert.equal((await master.client.send('t', 'still here')).code, 'SUCCESS');
});

test('a target that says nothing any more: writes wait, and are served by the old master', async () => {
  const { group, master, other, target } = await pair('silent');
  group.world.network.block(other.name, master.name);
  const sending = master.client.sending('t', 'on its way');
  const switching = master.client.asking(request(target));
  const response = await group.world.complete(switching, { forMs: 20_000 });
  assert.equal(response.code, ResponseCode.SYSTEM_ERROR);
  assert.match(
    response.remark ?? '',
    /broker \d did not sync and apply all in time; writes were stopped 1\d\d\d ms/,
  );
  assert.equal(master.role, 'master');
  const sent = await group.world.complete(sending, { forMs: 20_000 });
  assert.equal(answered(sent).code, 'SUCCESS');
  group.world.network.heal();
  await group.runFor(8000);
  assert.equal((await master.client.send('t', 'later')).code, 'SUCCESS');
});

test('no controller answers: after 3 s the old master goes on, and nothing that waited failed', async () => {
  const { group, master, target } = await pair('no controller');
  group.world.network.partition(
    ['controller'],
    [master.name, `client-of-${master.name}`, 'two', 'one'],
  );
  const switching = master.client.asking(request(target));
  await group.runFor(100);
  const beganMs = group.world.nowMs;
  const sending = master.client.sending('t', 'waits');
  const sent = await group.world.complete(sending, { forMs: 20_000 });
  assert.equal(answered(sent).code, 'SUCCESS');
  const waitedMs = group.world.nowMs - beganMs;
  assert(waitedMs > 2000 && waitedMs <= 3100, `${waitedMs} ms`);
  const response = await group.world.complete(switching, { forMs: 20_000 });
  assert.match(response.remark ?? '', /no controller answered/);
  assert.equal(master.role, 'master');
});

test('a group without a controller says that it has none', async () => {
  const group = new TestGroup();
  const [one, two] = group.staticPair();
  await one.start();
  await two.start();
  await group.runFor(2000);
  const { code, remark } = await one.client.answer(request(1));
  assert.equal(code, 'SYSTEM_ERROR');
  assert.match(remark ?? '', /no controller/);
});

for (const isBack of [false, true]) {
  const where = isBack ? 'and back again' : 'and on to a third';
  test(`who knows of no change of the master is handed on to the next ${where}, without a failure`, async () => {
    const group = new TestGroup(`chain ${isBack}`);
    const replicas = await group.controlled(['one', 'two', 'three']);
    for (const replica of replicas) await replica.start();
    const first = await group.master(replicas);
    await group.runFor(8000);
    const [second, third] = replicas.filter((replica) => replica !== first) as [
      TestReplica,
      TestReplica,
    ];
    const last = isBack ? first : third;
    assert.equal((await first.status()).syncStateSet.length, 3);
    assert.equal((await first.client.createTopic('t', 1)).code, 'SUCCESS');
    const sends: ReturnType<typeof first.client.sending>[] = [];
    for (let i = 0; i < 200; i++) {
      group.world.schedule(i * 10, () => void sends.push(first.client.sending('t', `m${i}`)));
    }
    for (const [from, to] of [
      [first, second],
      [second, last],
    ] as const) {
      const asked = await from.client.answer(request((await to.status()).brokerId));
      assert.equal(asked.code, 'SUCCESS', asked.remark);
    }
    await group.runFor(3000);
    assert.equal(last.role, 'master');
    for (const send of sends) assert.equal(answered(await send).code, 'SUCCESS');
    assert.equal(await last.client.maxOffset('t'), 200);
  });
}

test('a master that meets a damaged block of its queues hands over, rebuilds them, and can lead again', async () => {
  const group = new TestGroup('mended');
  const replicas = await group.controlled(['one', 'two']);
  for (const replica of replicas) await replica.start();
  await group.runFor(12_000);
  const first = await group.master(replicas);
  assert.equal((await first.client.createTopic('t', 1)).code, 'SUCCESS');
  for (let i = 0; i < 5; i++) await first.client.send('t', `m${i}`);
  for (const replica of replicas) await replica.stop(); // Later, what is in the queues is read from the database.
  for (const { client } of replicas) client.reconnect();
  const starting = Promise.all(replicas.map((replica) => replica.starting()));
  await group.world.complete(starting, { forMs: 60_000 });
  const master = await group.master(replicas);
  const other = replicas.find((replica) => replica !== master) as TestReplica;
  await group.runFor(5000);
  other.crash({ powerLoss: false });
  await group.runFor(5000);
  master.node.keyValueStores.damageReads(`${master.options.storePath}/queues`);
  const read = { topic: 't', group: 'g', offset: 0 };
  const refused = await master.client.pull(read);
  assert.notEqual(refused.code, 'SUCCESS');
  await group.runFor(5000);
  assert.equal(master.role, 'master', 'nobody else can lead');
  await other.start();
  await group.runFor(5000);
  assert.equal(other.role, 'master');
  assert.deepEqual((await other.client.pull(read)).bodies, ['m0', 'm1', 'm2', 'm3', 'm4']);
  await group.runFor(20_000);
  assert.equal((await other.status()).syncStateSet.length, 2);
  const back = (await master.status()).brokerId;
  assert.equal((await other.client.answer(request(back))).code, 'SUCCESS');
  assert.deepEqual((await master.client.pull(read)).bodies, ['m0', 'm1', 'm2', 'm3', 'm4']);
});

test('a master that stops waits for its followers a moment, and not for one that is gone', async () => {
  for (const isCut of [false, true]) {
    const { group, master, other } = await pair(`stopped ${isCut}`);
    // What followers sync by themselves, a while later.
    for (let i = 0; i < 5; i++) assert.equal((await master.client.send('t', 'x')).code, 'SUCCESS');
    if (isCut) group.world.network.partition([master.name], [other.name]);
    const beganMs = group.world.nowMs;
    await master.stop();
    assert(group.world.nowMs - beganMs < 5000, `${group.world.nowMs - beganMs} ms`);
    if (isCut) group.world.network.heal();
    await group.runFor(15_000);
    assert.equal(other.role, 'master');
    assert.equal(await other.client.maxOffset('t'), 5);
  }
});
