import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import {
  type IncomingCommand,
  RequestCode,
  ResetOffset,
  ResetOffsetBody,
  ResponseCode,
} from '../../wire/index.ts';
import { TestBroker, type TestClient } from '../test-broker.ts';

const bodyText = (request: IncomingCommand): string => Buffer.from(request.body).toString();

function resetRequest(more: Partial<ResetOffset> = {}) {
  return {
    code: RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
    header: [ResetOffset, { topic: 't', group: 'g', timestamp: -1, ...more }],
  } as const;
}

/** Consumers `a` and `b` of `g`, which has consumed 3 of the 5 messages of queue 0 and none of queue 1. */
async function consuming() {
  const broker = await TestBroker.start({ serverSideReset: false });
  const [a, b, tool] = ['a', 'b', 'tool'].map((name) => broker.client(name));
  assert(a && b && tool);
  await tool.createTopic('t', 2);
  await tool.createGroup('g');
  for (let count = 0; count < 5; count++) await tool.send('t', `${count}`);
  for (const client of [a, b]) await client.heartbeat({ consumers: { g: ['t'] } });
  await tool.commit('g', 't', 0, 3);
  await tool.commit('g', 't', 1, 0);
  return { broker, a, b, tool };
}

/** What a client is told from now on. */
function heard(client: TestClient): { header: ResetOffset; body: string }[] {
  const all: { header: ResetOffset; body: string }[] = [];
  client.answers.set(RequestCode.RESET_CONSUMER_CLIENT_OFFSET, (request) => {
    assert(request.isOneway);
    all.push({ header: ResetOffset.decode(request), body: bodyText(request) });
    return { code: ResponseCode.SUCCESS };
  });
  return all;
}

test('each consumer of the group is told where to go on, and nothing is recorded', async () => {
  const { a, b, tool, broker } = await consuming();
  const told = [heard(a), heard(b)];
  const forced = await tool.ask(resetRequest({ isForce: true }));
  await broker.world.run({ forMs: 100 });
  const table =
    '{"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"t"}:5,{"brokerName":"broker-a","queueId":1,"topic":"t"}:0}}';
  assert.equal(forced.code, ResponseCode.SUCCESS);
  assert.equal(bodyText(forced), table);
  for (const each of told) {
    assert.deepEqual(
      each.map(({ body }) => body),
      [table],
    );
    assert.deepEqual(each[0]?.header, {
      topic: 't',
      group: 'g',
      queueId: -1,
      timestamp: -1,
      isForce: false,
    });
  }
  assert.equal(await tool.committed('g', 't'), 3);
});

test('offsets go forward only by force; back they go to the messages of the time', async () => {
  const { tool } = await consuming();
  const offsets = async (more: Partial<ResetOffset>): Promise<number[]> => {
    const { body } = await tool.ask(resetRequest(more));
    return [...ResetOffsetBody.decode(body).offsetTable.values()];
  };
  assert.deepEqual(await offsets({ timestamp: -1 }), [3, 0]);
  assert.deepEqual(await offsets({ timestamp: 0 }), [0, 0]);
  assert.deepEqual(await offsets({ timestamp: -7, isForce: true }), [0, 0]);
});

test('clients in C++ get a list', async () => {
  const { a, tool, broker } = await consuming();
  const told = heard(a);
  await tool.ask({ ...resetRequest(), language: 'CPP' });
  await broker.world.run({ forMs: 100 });
  assert.equal(
    told[0]?.body,
    '{"offsetTable":[{"brokerName":"broker-a","offset":3,"queueId":0,"topic":"t"},{"brokerName":"broker-a","offset":0,"queueId":1,"topic":"t"}]}',
  );
});

test('what cannot be reset is refused as RocketMQ does', async () => {
  const { a, b, tool } = await consuming();
  assert.deepEqual(await tool.answer(resetRequest({ topic: 'u' })), {
    code: 'SYSTEM_ERROR',
    remark: '[reset-offset] reset offset failed, no topic in this broker. topic=u',
  });
  assert.deepEqual(await tool.answer(resetRequest({ group: 'h' })), {
    code: 'SYSTEM_ERROR',
    remark: 'THe consumer group <h> not exist',
  });
  await a.close();
  await b.close();
  assert.deepEqual(await tool.answer(resetRequest()), {
    code: 'CONSUMER_NOT_ONLINE',
    remark: 'Consumer not online, so can not reset offset, Group: g Topic: t Timestamp: -1',
  });
});
