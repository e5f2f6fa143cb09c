import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { queueOffset, timestampMs } from '../../base/index.ts';
import {
  ConsumerOffsetSerializeWrapper,
  OffsetResponse,
  QueueOfTopic,
  RequestCode,
  ResetOffset,
  ResetOffsetBody,
  SearchOffset,
  TimestampResponse,
} from '../../wire/index.ts';
import { commitRequest, pullRequest, TestBroker, type TestClient } from '../test-broker.ts';

/** A broker with the group `g` and the topic `t`, and so many messages in its queue 0. */
async function brokerWith(messages = 0): Promise<TestBroker> {
  const broker = await TestBroker.start();
  const client = broker.client();
  await client.createTopic('t', 2);
  await client.createGroup('g');
  for (let count = 0; count < messages; count++) await client.send('t', `${count}`);
  return broker;
}

function reset(
  client: TestClient,
  more: Partial<ResetOffset> = {},
): Promise<{ code: string; remark: string | undefined }> {
  return client.answer(resetRequest(more));
}

function resetRequest(more: Partial<ResetOffset>) {
  const header = { topic: 't', group: 'g', timestamp: -1, ...more };
  return {
    code: RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
    header: [ResetOffset, header],
  } as const;
}

test('an offset that was committed is found, also after a restart, and may be lowered by a client', async () => {
  const broker = await brokerWith(5);
  const client = broker.client();
  assert.equal(await client.committed('g', 't'), 'QUERY_NOT_FOUND');
  assert.equal((await client.commit('g', 't', 0, 3)).code, 'SUCCESS');
  assert.equal(await client.committed('g', 't'), 3);
  assert.equal((await client.commit('g', 't', 0, 1)).code, 'SUCCESS');
  assert.equal(await client.committed('g', 't'), 1);
  await broker.crash({ powerLoss: false });
  assert.equal(await client.committed('g', 't'), 1);
});

test('all offsets are told, by topic and group, with what waits to be recorded', async () => {
  const broker = await brokerWith(5);
  const client = broker.client();
  await client.commit('g', 't', 0, 3);
  await client.oneway(commitRequest('g', 't', 1, 0));
  const { body } = await client.ask({ code: RequestCode.GET_ALL_CONSUMER_OFFSET });
  const { offsetTable } = ConsumerOffsetSerializeWrapper.decode(body);
  assert.deepEqual([...offsetTable.keys()], ['t@g']);
  assert.deepEqual(Object.fromEntries(offsetTable.get('t@g') ?? []), { 0: 3, 1: 0 });
});

test('commits and queries of what does not exist are refused', async () => {
  const client = (await brokerWith()).client();
  assert.equal((await client.commit('nobody', 't', 0, 0)).code, 'SUBSCRIPTION_GROUP_NOT_EXIST');
  assert.equal((await client.commit('g', 'nothing', 0, 0)).code, 'TOPIC_NOT_EXIST');
  assert.equal(await client.committed('nobody', 't'), 'SUBSCRIPTION_GROUP_NOT_EXIST');
  for (const name of ['', 'g\u0000t', '\u0000']) {
    assert.equal((await client.commit(name, 't', 0, 0)).code, 'SUBSCRIPTION_GROUP_NOT_EXIST');
    assert.equal((await client.commit('g', name, 0, 0)).code, 'TOPIC_NOT_EXIST');
    assert.equal(await client.committed('g', name), 'QUERY_NOT_FOUND');
  }
});

test('an offset beyond the end of its queue is the end, never 0', async () => {
  const broker = await brokerWith(2);
  const client = broker.client();
  await client.commit('g', 't', 0, Number.MAX_SAFE_INTEGER);
  assert.equal(await client.committed('g', 't'), 2);
  await client.pull({ offset: 2, commit: 1_000_000 });
  await client.send('t', 'not consumed yet');
  assert.equal(await client.committed('g', 't'), 2);
});

test('odd queue ids and offsets are taken as the client sends them', async () => {
  const broker = await brokerWith(1);
  const client = broker.client();
  for (const queueId of [-1, -(2 ** 31), 2 ** 31 - 1, 65_536]) {
    assert.equal((await client.commit('g', 't', queueId, 7)).code, 'SUCCESS');
    assert.equal(await client.committed('g', 't', queueId), 7);
  }
  for (const offset of [-1, -Number.MAX_SAFE_INTEGER]) {
    await client.commit('g', 't', 0, offset);
    assert.equal(await client.committed('g', 't'), offset);
  }
  await broker.crash({ powerLoss: false });
  assert.equal(await client.committed('g', 't', 2 ** 31 - 1), 7);
});

test('a oneway commit is shown at once, and never goes back after it was shown', async () => {
  const broker = await brokerWith(5);
  const client = broker.client();
  await client.oneway(commitRequest('g', 't', 0, 4));
  assert.equal(await client.committed('g', 't'), 4);
  await broker.crash({ powerLoss: false });
  assert.equal(await client.committed('g', 't'), 4);
});

test('oneway commits are gathered: the last of a queue counts', async () => {
  const broker = await brokerWith(5);
  const client = broker.client();
  for (const offset of [1, 2, 3]) await client.oneway(commitRequest('g', 't', 0, offset));
  await broker.runFor(1000);
  assert.equal(await client.committed('g', 't'), 3);
});

test('a pull commits by the way, before it waits', async () => {
  const broker = await brokerWith(3);
  const consumer = broker.client('consumer');
  const waiting = consumer.pulling({ offset: 3, commit: 2, suspendMs: 5000 });
  await broker.runFor(500);
  assert.equal(await broker.client().committed('g', 't'), 2);
  await broker.complete(waiting);
});

test('an offset of which nothing is known is 0 only while the first message is in memory', async () => {
  const broker = await brokerWith(1);
  const client = broker.client();
  const ask = async (queueId: number): Promise<number | undefined> => {
    const request = { ...pullRequest(), code: RequestCode.QUERY_CONSUMER_OFFSET };
    const [schema, value] = request.header;
    const response = await client.ask({
      code: request.code,
      header: [schema, { ...value, queueId }],
    });
    return response.code === 0 ? OffsetResponse.decode(response).offset : undefined;
  };
  assert.equal(await ask(0), 0);
  assert.equal(await ask(1), undefined, 'an empty queue');
  await broker.crash({ powerLoss: false });
  assert.equal(await ask(0), undefined, 'no longer in memory');
});

test('a delete of a group or a topic takes its offsets along, also those on their way', async () => {
  const broker = await brokerWith(5);
  const client = broker.client();
  await client.commit('g', 't', 0, 3);
  await client.oneway(commitRequest('g', 't', 0, 4));
  await client.deleteGroup('g');
  assert.equal(await client.committed('g', 't'), 'SUBSCRIPTION_GROUP_NOT_EXIST');
  await client.createGroup('g');
  assert.equal(await client.committed('g', 't'), 'QUERY_NOT_FOUND');
  await client.oneway(commitRequest('g', 't', 0, 2));
  await client.deleteTopic('t');
  await client.createTopic('t', 2);
  await broker.runFor(1000);
  assert.equal(await client.committed('g', 't'), 'QUERY_NOT_FOUND');
});

test('a commit and a delete of its group in one turn leave nothing behind', async () => {
  const broker = await brokerWith(5);
  const client = broker.client();
  const commit = client.asking(commitRequest('g', 't', 0, 3));
  const deleted = client.deleteGroup('g');
  await deleted;
  await broker.complete(commit);
  await client.createGroup('g');
  await broker.runFor(1000);
  assert.equal(await client.committed('g', 't'), 'QUERY_NOT_FOUND');
});

test('a reset is told to the consumer by its next pull, once, and counts from then on', async () => {
  const broker = await brokerWith(5);
  const client = broker.client();
  await client.commit('g', 't', 0, 4);
  assert.equal((await reset(client, { queueId: 0, offset: queueOffset(1) })).code, 'SUCCESS');
  assert.equal(await client.committed('g', 't'), 1);
  assert.equal((await client.commit('g', 't', 0, 5)).code, 'SUCCESS');
  assert.equal(await client.committed('g', 't'), 1, 'commits are ignored until it is seen');
  const told = await client.pull({ offset: 4, commit: 4 });
  assert.deepEqual([told.code, told.next], ['PULL_OFFSET_MOVED', 1]);
  assert.deepEqual((await client.pull({ offset: 1, count: 1 })).bodies, ['1']);
  assert.equal(await client.committed('g', 't'), 1);
  await client.commit('g', 't', 0, 2);
  assert.equal(await client.committed('g', 't'), 2);
});

test('a one-way commit that waits to be recorded is not shown when a reset will drop it', async () => {
  const broker = await brokerWith(5);
  const client = broker.client();
  await reset(client, { queueId: 0, offset: queueOffset(1) });
  await client.oneway(commitRequest('g', 't', 0, 5));
  assert.equal(await client.committed('g', 't'), 1);
  await broker.runFor(1000);
  assert.equal(await client.committed('g', 't'), 1);
});

test('a reset survives a power loss until it is told', async () => {
  const broker = await brokerWith(5);
  await reset(broker.client(), { queueId: 0, offset: queueOffset(2) });
  await broker.crash({ powerLoss: true });
  const told = await broker.client().pull({ offset: 5 });
  assert.deepEqual([told.code, told.next], ['PULL_OFFSET_MOVED', 2]);
});

test('a reset by time finds the first message since then in every queue', async () => {
  const broker = await brokerWith(2);
  const client = broker.client();
  await broker.runFor(10_000);
  const since = broker.node.clock.now();
  await broker.runFor(10);
  for (const body of ['late', 'later']) await client.send('t', body);
  const response = await client.ask(resetRequest({ timestamp: since }));
  const { offsetTable } = ResetOffsetBody.decode(response.body);
  const offsets = [...offsetTable].map(([{ queueId }, offset]) => [queueId, offset]);
  assert.deepEqual(offsets.sort(), [
    [0, 2],
    [1, 0],
  ]);
  const toEnd = await client.ask(resetRequest({ timestamp: -1, queueId: 0 }));
  const [[, end] = []] = [...ResetOffsetBody.decode(toEnd.body).offsetTable];
  assert.equal(end, 4);
});

test('a reset of what does not exist, or to where nothing is, is refused', async () => {
  const client = (await brokerWith(2)).client();
  const code = async (more: Partial<ResetOffset>): Promise<string> =>
    (await reset(client, more)).code;
  assert.equal(await code({ topic: 'nothing' }), 'TOPIC_NOT_EXIST');
  assert.equal(await code({ group: 'nobody' }), 'SUBSCRIPTION_GROUP_NOT_EXIST');
  assert.equal(await code({ queueId: 2, offset: queueOffset(0) }), 'SYSTEM_ERROR');
  assert.equal(await code({ queueId: 0, offset: queueOffset(4) }), 'SYSTEM_ERROR');
  assert.equal(await code({ queueId: 0, offset: queueOffset(3) }), 'SUCCESS');
});

test('a reset on a full disk is refused as a definition is', async () => {
  const broker = await brokerWith(2);
  broker.node.drive.setFreeBytes(0);
  await broker.runFor(20_000);
  assert.equal((await reset(broker.client(), { queueId: 0 })).code, 'SYSTEM_ERROR');
});

test('offsets are found by time', async () => {
  const broker = await brokerWith(0);
  const client = broker.client();
  const times: number[] = [];
  for (const body of ['a', 'b', 'c']) {
    await client.send('t', body);
    await broker.runFor(1000);
    times.push(broker.node.clock.now());
    await broker.runFor(1); // The next one is later, however fast its send is.
  }
  const search = async (timestamp: number, boundaryType?: 'lower' | 'upper', topic = 't') => {
    const header = {
      topic,
      queueId: 0,
      timestamp: timestampMs(timestamp),
      ...(boundaryType && { boundaryType }),
    };
    const code = RequestCode.SEARCH_OFFSET_BY_TIMESTAMP;
    return OffsetResponse.decode(await client.ask({ code, header: [SearchOffset, header] })).offset;
  };
  assert.equal(await search(0), 0);
  assert.equal(await search(times[0] ?? 0), 1);
  assert.equal(await search(times[2] ?? 0), 3);
  assert.equal(await search(times[0] ?? 0, 'upper'), 0);
  assert.equal(await search(times[1] ?? 0, 'upper'), 1);
  assert.equal(await search(Number.MAX_SAFE_INTEGER, 'upper'), 2);
  assert.equal(await search(-5), 0);
  assert.equal(await search(0, 'lower', 'nothing'), 0);
});

test('ends of queues and the time of the first message are told; of what does not exist, 0 and -1', async () => {
  const broker = await brokerWith(2);
  const client = broker.client();
  assert.deepEqual([await client.minOffset('t'), await client.maxOffset('t')], [0, 2]);
  for (const queueId of [1, 2, -1, 2 ** 31 - 1])
    assert.equal(await client.maxOffset('t', queueId), 0);
  assert.equal(await client.maxOffset('nothing'), 0);
  const earliest = async (queueId: number): Promise<number> => {
    const code = RequestCode.GET_EARLIEST_MSG_STORETIME;
    const response = await client.ask({ code, header: [QueueOfTopic, { topic: 't', queueId }] });
    return TimestampResponse.decode(response).timestamp;
  };
  assert(Math.abs((await earliest(0)) - broker.node.clock.now()) < 60_000);
  assert.equal(await earliest(1), -1);
});
