import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { LockBatchRequest, LockBatchResponse, RequestCode } from '../../wire/index.ts';
import { TestBroker, type TestClient } from '../test-broker.ts';

type Name = 'LOCK_BATCH_MQ' | 'UNLOCK_BATCH_MQ';

function request(name: Name, clientId: string, queueIds: readonly number[], group: string) {
  const mqSet = queueIds.map((queueId) => ({ brokerName: 'broker-a', topic: 't', queueId }));
  const body = { clientId, consumerGroup: group, mqSet, onlyThisBroker: false };
  return { code: RequestCode[name], body: LockBatchRequest.encode(body) };
}

async function lock(
  client: TestClient,
  queueIds: readonly number[],
  group = 'g',
): Promise<number[]> {
  const response = await client.ask(request('LOCK_BATCH_MQ', client.name, queueIds, group));
  return LockBatchResponse.decode(response.body).lockOKMQSet.map(({ queueId }) => queueId);
}

async function unlock(client: TestClient, queueIds: readonly number[]): Promise<void> {
  const { code } = await client.answer(request('UNLOCK_BATCH_MQ', client.name, queueIds, 'g'));
  assert.equal(code, 'SUCCESS');
}

test('a queue is locked by one member of a group at a time', async () => {
  const broker = await TestBroker.start();
  const [a, b] = [broker.client('a'), broker.client('b')];
  assert.deepEqual(await lock(a, [0, 1]), [0, 1]);
  assert.deepEqual(await lock(b, [1, 2]), [2]);
  assert.deepEqual(await lock(a, [0, 1, 2]), [0, 1]);
  assert.deepEqual(await lock(b, [0, 1], 'other group'), [0, 1]);
  assert.deepEqual(await lock(a, []), []);
});

test('who does not hold a lock cannot end it', async () => {
  const broker = await TestBroker.start();
  const [a, b] = [broker.client('a'), broker.client('b')];
  await lock(a, [0]);
  await unlock(b, [0, 7]);
  assert.deepEqual(await lock(b, [0]), []);
  await unlock(a, [0]);
  assert.deepEqual(await lock(b, [0]), [0]);
});

test('the lock of a member that died ends after a minute, and renewed ones stay', async () => {
  const broker = await TestBroker.start();
  const [a, b] = [broker.client('a'), broker.client('b')];
  await lock(a, [0, 1]);
  await broker.runFor(40_000);
  await lock(a, [1]);
  await a.close();
  assert.deepEqual(await lock(b, [0, 1]), []);
  await broker.runFor(21_000);
  assert.deepEqual(await lock(b, [0, 1]), [0]);
});

test('a request that is no JSON is refused, and the broker goes on', async () => {
  const broker = await TestBroker.start();
  const body = new TextEncoder().encode('{');
  const { code } = await broker.client().answer({ code: RequestCode.LOCK_BATCH_MQ, body });
  assert.notEqual(code, 'SUCCESS');
  assert.deepEqual(await lock(broker.client(), [0]), [0]);
});
