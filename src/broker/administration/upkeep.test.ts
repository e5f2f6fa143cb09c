import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { CloneGroupOffset, RequestCode } from '../../wire/index.ts';
import { TestBroker, type TestClient } from '../test-broker.ts';

async function brokerWith(...changes: Parameters<typeof TestBroker.start>): Promise<TestBroker> {
  const broker = await TestBroker.start(...changes);
  const client = broker.client();
  await client.createTopic('t', 2);
  await client.createTopic('u', 1);
  await client.createGroup('from');
  await client.createGroup('to');
  for (let count = 0; count < 5; count++) {
    await client.send('t', 'x');
    await client.send('u', 'x');
  }
  return broker;
}

function clone(client: TestClient, header: Partial<CloneGroupOffset> = {}) {
  return client.answer({
    code: RequestCode.CLONE_GROUP_OFFSET,
    header: [CloneGroupOffset, { srcGroup: 'from', destGroup: 'to', topic: 't', ...header }],
  });
}

test('cloned offsets are those of the source, and survive a loss of power', async () => {
  const broker = await brokerWith();
  const client = broker.client();
  await client.commit('from', 't', 0, 3);
  await client.commit('to', 't', 0, 1);
  await client.commit('to', 't', 1, 0);
  await client.commit('to', 'u', 0, 2);
  assert.equal((await clone(client)).code, 'SUCCESS');
  await broker.crash({ powerLoss: true });
  assert.equal(await client.committed('to', 't', 0), 3);
  assert.equal(await client.committed('to', 't', 1), 'QUERY_NOT_FOUND');
  assert.equal(await client.committed('to', 'u', 0), 2);
  assert.equal(await client.committed('from', 't', 0), 3);
});

test('commits of the source that wait to be recorded are cloned too', async () => {
  const client = (await brokerWith()).client();
  await client.pull({ group: 'from', topic: 't', commit: 4 });
  assert.equal((await clone(client)).code, 'SUCCESS');
  assert.equal(await client.committed('to', 't', 0), 4);
});

test('without a topic all topics are cloned, and nothing of a source that has none', async () => {
  const client = (await brokerWith()).client();
  await client.commit('from', 't', 0, 3);
  await client.commit('from', 'u', 0, 5);
  for (const header of [{ srcGroup: 'nobody' }, { topic: 'nothing' }, { destGroup: 'from' }]) {
    assert.equal((await clone(client, header)).code, 'SUCCESS');
  }
  assert.equal(await client.committed('to', 't'), 'QUERY_NOT_FOUND');
  assert.equal((await clone(client, { topic: '' })).code, 'SUCCESS');
  assert.equal(await client.committed('to', 't'), 3);
  assert.equal(await client.committed('to', 'u'), 5);
});

test('a topic that the online source does not subscribe to is cloned only on demand', async () => {
  const client = (await brokerWith()).client();
  await client.commit('from', 't', 0, 3);
  await client.heartbeat({ consumers: { from: ['u'] } });
  assert.equal((await clone(client)).code, 'SUCCESS');
  assert.equal(await client.committed('to', 't'), 'QUERY_NOT_FOUND');
  assert.equal((await clone(client, { offline: true })).code, 'SUCCESS');
  assert.equal(await client.committed('to', 't'), 3);
});

test('a destination that does not exist comes by itself, or is refused where groups do not', async () => {
  for (const autoCreateGroups of [true, false]) {
    const client = (await brokerWith({ autoCreateGroups })).client();
    await client.commit('from', 't', 0, 3);
    const { code } = await clone(client, { destGroup: 'new' });
    assert.equal(code, autoCreateGroups ? 'SUCCESS' : 'SUBSCRIPTION_GROUP_NOT_EXIST');
    assert.equal(
      await client.committed('new', 't'),
      autoCreateGroups ? 3 : 'SUBSCRIPTION_GROUP_NOT_EXIST',
    );
  }
});

test('what expired goes at once when somebody asks, at any hour', async () => {
  const broker = await brokerWith({ deleteHours: [], reservedTimeMs: 60_000 });
  const client = broker.client();
  const body = 'x'.repeat(8000);
  for (let count = 0; count < 30; count++) await client.send('t', body);
  await broker.runFor(120_000);
  assert.equal(await client.minOffset('t'), 0);
  for (const code of [RequestCode.CLEAN_UNUSED_TOPIC, RequestCode.DELETE_EXPIRED_COMMITLOG]) {
    assert.equal((await client.answer({ code })).code, 'SUCCESS');
  }
  const min = await client.minOffset('t');
  assert(typeof min === 'number' && min > 0, `min is ${min}`);
  assert.equal(
    (await client.answer({ code: RequestCode.CLEAN_EXPIRED_CONSUMEQUEUE })).code,
    'SUCCESS',
  );
});
