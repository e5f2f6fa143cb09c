import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { RemotingServer } from '../../remoting/index.ts';
import {
  type MessageQueue,
  QueryAssignment,
  QueryAssignmentResponse,
  RequestCode,
  ResponseCode,
} from '../../wire/index.ts';
import { TestBroker } from '../test-broker.ts';
import { allocate } from './assignments.ts';

const queuesOf = (count: number): MessageQueue[] =>
  Array.from({ length: count }, (_, queueId) => ({ brokerName: 'b', queueId, topic: 't' }));
const ids = (queues: readonly MessageQueue[] | undefined) => queues?.map(({ queueId }) => queueId);

test('each queue falls to one member, the first ones have one more', () => {
  const share = (strategy: string, clientId: string) =>
    ids(allocate(strategy, clientId, queuesOf(8), ['c', 'a', 'b']));
  assert.deepEqual(
    [share('AVG', 'a'), share('AVG', 'b'), share('AVG', 'c')],
    [
      [0, 1, 2],
      [3, 4, 5],
      [6, 7],
    ],
  );
  assert.deepEqual(
    [share('AVG_BY_CIRCLE', 'a'), share('AVG_BY_CIRCLE', 'b'), share('AVG_BY_CIRCLE', 'c')],
    [
      [0, 3, 6],
      [1, 4, 7],
      [2, 5],
    ],
  );
  assert.deepEqual(ids(allocate('AVG', 'c', queuesOf(2), ['a', 'b', 'c'])), []);
});

test('who is no member gets nothing; nobody knows without members, queues or strategy', () => {
  assert.deepEqual(ids(allocate('AVG', 'x', queuesOf(2), ['a'])), []);
  assert.equal(allocate('AVG', 'a', queuesOf(2), []), undefined);
  assert.equal(allocate('AVG', 'a', [], ['a']), undefined);
  assert.equal(allocate('MACHINE_ROOM_NEARBY', 'a', queuesOf(2), ['a']), undefined);
});

test('all members together have every queue once', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('AVG', 'AVG_BY_CIRCLE'),
      fc.integer({ min: 1, max: 40 }),
      fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 12 }),
      (strategy, count, members) => {
        const all = members.flatMap((id) => ids(allocate(strategy, id, queuesOf(count), members)));
        assert.deepEqual(
          all.toSorted((a, b) => Number(a) - Number(b)),
          queuesOf(count).map(({ queueId }) => queueId),
        );
      },
    ),
  );
});

const nameServers = [{ host: 'names', port: 9876 }];

function assignmentOf(clientId: string, more: Partial<QueryAssignment> = {}) {
  const asked = { clientId, consumerGroup: 'g', topic: 't', strategyName: 'AVG', ...more };
  return {
    code: RequestCode.QUERY_ASSIGNMENT,
    body: QueryAssignment.encode(QueryAssignment.fromJson(asked, '')),
  };
}

test('the queues of all brokers that can be read are shared among the members of a group', async () => {
  const broker = new TestBroker({ nameServers });
  const queue = (brokerName: string, perm: number) => ({
    ...{ brokerName, perm, readQueueNums: 2, writeQueueNums: 2, topicSysFlag: 0 },
  });
  const queueDatas = [queue('b', 6), queue('a', 4), queue('c', 2)];
  const names = RemotingServer.listen({ at: nameServers[0]! }, broker.world.node('names'), {
    handle(connection, request) {
      const isAsked = request.code === RequestCode.GET_ROUTEINFO_BY_TOPIC;
      const isKnown = isAsked && request.text('topic') === 't';
      connection.answer(request, {
        code: isAsked && !isKnown ? ResponseCode.TOPIC_NOT_EXIST : ResponseCode.SUCCESS,
        ...(isKnown && { body: Buffer.from(JSON.stringify({ brokerDatas: [], queueDatas })) }),
      });
    },
    closed() {},
  });
  await broker.complete(names);
  await broker.start();
  const [x, y] = [broker.client('x'), broker.client('y')];
  await x.createGroup('g');
  const assigned = async (...asked: Parameters<typeof assignmentOf>) => {
    const response = await x.ask(assignmentOf(...asked));
    assert.equal(response.code, ResponseCode.SUCCESS);
    const { messageQueueAssignments } = QueryAssignmentResponse.decode(response.body);
    return messageQueueAssignments?.map(({ messageQueue, mode }) => {
      assert.equal(mode, 'PULL');
      return `${messageQueue.brokerName} ${messageQueue.queueId}`;
    });
  };
  assert.equal(await assigned('x'), undefined, 'nobody is a member');
  for (const client of [y, x]) await client.heartbeat({ consumers: { g: ['t'] } });
  assert.deepEqual(await assigned('x'), ['a 0', 'a 1']);
  assert.deepEqual(await assigned('y'), ['b 0', 'b 1']);
  const all = ['a 0', 'a 1', 'b 0', 'b 1'];
  assert.deepEqual(await assigned('y', { messageModel: 'BROADCASTING' }), all);
  assert.deepEqual(await assigned('z'), []);
  assert.equal(await assigned('x', { topic: 'unknown' }), undefined);
  assert.equal(await assigned('x', { strategyName: 'OWN' }), undefined);
});

test('without a name server that answers, a consumer is left with what it has', async () => {
  for (const known of [[], nameServers]) {
    const broker = await TestBroker.start({ nameServers: known });
    const client = broker.client('x');
    await client.heartbeat({ consumers: { g: ['t'] } });
    const response = await client.ask(assignmentOf('x'));
    assert.equal(response.code, ResponseCode.SUCCESS);
    assert.equal(Buffer.from(response.body).toString(), '{}');
  }
});
