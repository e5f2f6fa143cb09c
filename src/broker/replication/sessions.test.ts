import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { brokerId } from '../../base/index.ts';
import {
  ConsumerGroup,
  ConsumerListByGroup,
  RequestCode,
  SwitchOver,
  UnregisterClient,
} from '../../wire/index.ts';
import { TestGroup, type TestReplica } from './test-group.ts';

/** Consumers tell every replica of themselves when they start, and again every 30 s only. */
async function consumed(seed: string) {
  const group = new TestGroup(seed);
  const replicas = await group.controlled(['one', 'two']);
  for (const replica of replicas) await replica.start();
  const master = await group.master(replicas);
  const other = replicas.find((replica) => replica !== master) as TestReplica;
  await group.runFor(5000);
  assert.equal((await master.client.createTopic('t', 1)).code, 'SUCCESS');
  assert.equal((await master.client.send('t', 'hello')).code, 'SUCCESS');
  for (const { client } of [master, other]) {
    assert.equal((await client.heartbeat({ consumers: { g: ['t'] } })).code, 'SUCCESS');
  }
  await group.runFor(1000);
  return { group, master, other, replicas };
}

async function expectPull({ client }: TestReplica): Promise<void> {
  const pulled = await client.pull({ topic: 't', group: 'g', offset: 0, tags: undefined });
  assert.deepEqual([pulled.code, pulled.bodies], ['SUCCESS', ['hello']], pulled.remark);
}

async function handOver(from: TestReplica, to: TestReplica): Promise<void> {
  const target = brokerId((await to.status()).brokerId);
  const header = [SwitchOver, { brokerId: target }] as const;
  const { code } = await from.client.answer({ code: RequestCode.SWITCH_OVER, header });
  assert.equal(code, 'SUCCESS');
}

test('a replica that is promoted knows the consumers: no pull is refused until their next heartbeat', async () => {
  const { group, master, other } = await consumed('killed');
  master.crash({ powerLoss: false });
  await group.master([other]);
  await expectPull(other);
  const { code, body } = await other.client.ask({
    code: RequestCode.GET_CONSUMER_LIST_BY_GROUP,
    header: [ConsumerGroup, { consumerGroup: 'g' }],
  });
  assert.equal(code, 0);
  assert.deepEqual(ConsumerListByGroup.decode(body).consumerIdList, [other.client.name]);
});

test('so it is after a planned change, and when the former master leads again', async () => {
  const { group, master, other } = await consumed('planned');
  await handOver(master, other);
  await expectPull(other);
  await group.runFor(5000);
  await handOver(other, master);
  await expectPull(master);
});

test('a replica makes nothing of a heartbeat, tells nobody to rebalance, and forgets who goes', async () => {
  const { group, master, other } = await consumed('noted');
  const before = await other.status();
  await other.client.heartbeat({ consumers: { another: ['t'] } });
  await group.runFor(500);
  assert.equal((await other.status()).sequence, before.sequence);
  assert.deepEqual(other.client.told, []);
  const leaving = await other.client.answer({
    code: RequestCode.UNREGISTER_CLIENT,
    header: [UnregisterClient, { clientId: other.client.name, consumerGroup: 'g' }],
  });
  assert.equal(leaving.code, 'SUCCESS');
  await handOver(master, other);
  const pulled = await other.client.pull({ topic: 't', group: 'g', offset: 0, tags: undefined });
  assert.equal(pulled.code, 'SUBSCRIPTION_NOT_EXIST');
});
