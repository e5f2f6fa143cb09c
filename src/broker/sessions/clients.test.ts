import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import type { Answer } from '../../remoting/index.ts';
import {
  CheckClientConfig,
  ConsumeMessageDirectly,
  ConsumerConnection,
  ConsumerGroup,
  ConsumerStatus,
  decodeStoredMessages,
  GetConsumerRunningInfo,
  GetConsumerStatus,
  type MessageQueue,
  ProducerConnection,
  ProducerGroup,
  ProducerTableInfo,
  RequestCode,
  ResponseCode,
  SubscriptionData,
} from '../../wire/index.ts';
import { answered, TestBroker } from '../test-broker.ts';

const encoder = new TextEncoder();
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const runningInfoOf = (clientId: string, consumerGroup = 'g') =>
  ({
    code: RequestCode.GET_CONSUMER_RUNNING_INFO,
    header: [GetConsumerRunningInfo, { consumerGroup, clientId, jstackEnable: true }],
  }) as const;

const statusOf = (group: string, clientAddr?: string) =>
  ({
    code: RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS,
    header: [
      GetConsumerStatus,
      { topic: 't', group, ...(clientAddr !== undefined && { clientAddr }) },
    ],
  }) as const;

/** A client's answer to where it is. */
function isAt(offset: number): () => Answer {
  const queue: MessageQueue = { brokerName: 'broker-a', queueId: 0, topic: 't' };
  const body = `{"messageQueueTable":{${JSON.stringify(queue)}:${offset}}}`;
  return () => ({ code: ResponseCode.SUCCESS, body: encoder.encode(body) });
}

test('tools see which consumers and producers are online, from where and with what', async () => {
  const broker = await TestBroker.start();
  const [a, b, tool] = ['a', 'b', 'tool'].map((name) => broker.client(name));
  assert(a && b && tool);
  await a.heartbeat({ consumers: { g: ['t'] }, producers: ['p'], tags: 'x || y' });
  await b.heartbeat({ consumers: { g: ['t'] }, tags: 'x || y' });

  const response = await tool.ask({
    code: RequestCode.GET_CONSUMER_CONNECTION_LIST,
    header: [ConsumerGroup, { consumerGroup: 'g' }],
  });
  const list = ConsumerConnection.decode(response.body);
  assert.deepEqual(list.connectionSet.map(({ clientId }) => clientId).sort(), ['a', 'b']);
  const [first] = list.connectionSet;
  assert.match(first?.clientAddr ?? '', /^[ab]:\d+$/);
  assert.equal(first?.version, 479);
  assert.equal(list.consumeType, 'CONSUME_PASSIVELY');
  assert.equal(list.messageModel, 'CLUSTERING');
  assert.equal(list.consumeFromWhere, 'CONSUME_FROM_LAST_OFFSET');
  assert.equal(list.subscriptionTable.get('t')?.subString, 'x || y');

  const producers = await tool.ask({
    code: RequestCode.GET_PRODUCER_CONNECTION_LIST,
    header: [ProducerGroup, { producerGroup: 'p' }],
  });
  const { connectionSet } = ProducerConnection.decode(producers.body);
  assert.deepEqual(
    connectionSet.map(({ clientId }) => clientId),
    ['a'],
  );

  const nowMs = broker.node.clock.now();
  const all = await tool.ask({ code: RequestCode.GET_ALL_PRODUCER_INFO });
  const infos = ProducerTableInfo.decode(all.body).data.get('p') ?? [];
  assert.equal(infos.length, 1);
  assert.match(infos[0]?.remoteIP ?? '', /^\/a:\d+$/);
  const sinceHeartbeatMs = nowMs - (infos[0]?.lastUpdateTimestamp ?? 0);
  assert(sinceHeartbeatMs >= 0 && sinceHeartbeatMs < 60_000, `${sinceHeartbeatMs} ms ago`);

  await a.close();
  await b.close();
  assert.deepEqual(
    await tool.answer({
      code: RequestCode.GET_CONSUMER_CONNECTION_LIST,
      header: [ConsumerGroup, { consumerGroup: 'g' }],
    }),
    { code: 'CONSUMER_NOT_ONLINE', remark: 'the consumer group[g] not online' },
  );
  assert.deepEqual(
    await tool.answer({
      code: RequestCode.GET_PRODUCER_CONNECTION_LIST,
      header: [ProducerGroup, { producerGroup: 'p' }],
    }),
    { code: 'SYSTEM_ERROR', remark: 'the producer group[p] not exist' },
  );
});

test('a question to a client is passed on as it came, and so is the answer', async () => {
  const broker = await TestBroker.start();
  const [consumer, tool] = [broker.client('c'), broker.client('tool')];
  await consumer.heartbeat({ consumers: { g: ['t'] } });
  let asked: Record<string, string> = {};
  consumer.answers.set(RequestCode.GET_CONSUMER_RUNNING_INFO, (request) => {
    asked = request.extFields();
    return {
      code: ResponseCode.SYSTEM_BUSY,
      remark: 'not now',
      extFields: { more: '1' },
      body: encoder.encode('{"jstack":"main"}'),
    };
  });
  const response = await tool.ask(runningInfoOf('c'));
  assert.deepEqual({ ...asked }, { consumerGroup: 'g', clientId: 'c', jstackEnable: 'true' });
  assert.deepEqual(answered(response), { code: 'SYSTEM_BUSY', remark: 'not now' });
  assert.equal(response.text('more'), '1');
  assert.equal(textOf(response.body), '{"jstack":"main"}');
});

test('a client that is not there, does not answer or goes away is an error and not a silence', async () => {
  const broker = await TestBroker.start();
  const [consumer, tool] = [broker.client('c'), broker.client('tool')];
  assert.deepEqual(await tool.answer(runningInfoOf('c')), {
    code: 'SYSTEM_ERROR',
    remark: 'The Consumer <g> <c> not online',
  });
  await consumer.heartbeat({ consumers: { g: ['t'] } });
  const silent = await tool.answer(runningInfoOf('c'));
  assert.equal(silent.code, 'CONSUME_MSG_TIMEOUT');
  assert.match(silent.remark ?? '', /^consumer <g> <c> Timeout: .*within 10000 ms/);
  const asking = tool.asking(runningInfoOf('c'));
  await broker.runFor(100);
  await consumer.close();
  const gone = answered(await broker.complete(asking));
  assert.equal(gone.code, 'SYSTEM_ERROR');
  assert.match(gone.remark ?? '', /^invoke consumer <g> <c> Exception: connection to .* closed/);
});

test('one client consumes one stored message again', async () => {
  const broker = await TestBroker.start();
  const [consumer, tool] = [broker.client('c'), broker.client('tool')];
  await tool.createTopic('t');
  const { id } = await tool.send('t', 'hello');
  await consumer.heartbeat({ consumers: { g: ['t'] } });
  const result =
    '{"autoCommit":true,"consumeResult":"CR_SUCCESS","order":false,"spentTimeMills":1}';
  let asked: { readonly body: Uint8Array; readonly fields: Record<string, string> } | undefined;
  consumer.answers.set(RequestCode.CONSUME_MESSAGE_DIRECTLY, (request) => {
    asked = { body: Uint8Array.from(request.body), fields: request.extFields() };
    return { code: ResponseCode.SUCCESS, body: encoder.encode(result) };
  });
  const consume = (msgId: string) =>
    tool.ask({
      code: RequestCode.CONSUME_MESSAGE_DIRECTLY,
      header: [ConsumeMessageDirectly, { consumerGroup: 'g', clientId: 'c', msgId, topic: 't' }],
    });
  const response = await consume(id);
  assert.equal(textOf(response.body), result);
  assert(asked);
  const [message] = decodeStoredMessages(asked.body);
  assert.equal(textOf(message?.body ?? new Uint8Array()), 'hello');
  assert.deepEqual(
    ['brokerName', 'topicSysFlag', 'groupSysFlag'].map((key) => asked?.fields[key]),
    ['broker-a', '0', '0'],
  );
  const beyond = `${id.slice(0, -8)}00FFFFFF`;
  assert.match(answered(await consume(beyond)).remark ?? '', /can not find message by the offset/);
  const illegal = answered(await consume('x'));
  assert.equal(illegal.code, 'SYSTEM_ERROR');
  assert.match(illegal.remark ?? '', /offset message id/);
});

test('where consumers are is asked of all of them, or of one; one that fails hides no other', async () => {
  const broker = await TestBroker.start();
  const [a, b, c, tool] = ['a', 'b', 'c', 'tool'].map((name) => broker.client(name));
  assert(a && b && c && tool);
  assert.deepEqual(await tool.answer(statusOf('g')), {
    code: 'SYSTEM_ERROR',
    remark: 'No Any Consumer online in the consumer group: [g]',
  });
  for (const client of [a, b, c]) await client.heartbeat({ consumers: { g: ['t'] } });
  a.answers.set(RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT, isAt(7));
  b.answers.set(RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT, isAt(9));
  c.answers.set(RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT, () => ({
    code: ResponseCode.SUCCESS,
    body: encoder.encode('{nonsense'),
  }));
  const positions = async (clientAddr?: string) => {
    const response = await tool.ask(statusOf('g', clientAddr));
    const { consumerTable } = ConsumerStatus.decode(response.body);
    return [...consumerTable].map(([client, table]) => [client, [...table.values()]]).sort();
  };
  assert.deepEqual(await positions(), [
    ['a', [7]],
    ['b', [9]],
  ]);
  assert.deepEqual(await positions('b'), [['b', [9]]]);
});

test('a client may ask whether its subscription will be understood', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  const check = (expressionType?: string) =>
    client.answer({
      code: RequestCode.CHECK_CLIENT_CONFIG,
      body: CheckClientConfig.encode({
        clientId: 'c',
        group: 'g',
        subscriptionData: SubscriptionData.fromJson(
          { topic: 't', subString: 'a > 1', ...(expressionType && { expressionType }) },
          '',
        ),
      }),
    });
  assert.equal((await check()).code, 'SUCCESS');
  assert.equal((await check('TAG')).code, 'SUCCESS');
  assert.equal((await client.answer({ code: RequestCode.CHECK_CLIENT_CONFIG })).code, 'SUCCESS');
  assert.deepEqual(await check('SQL92'), {
    code: 'SYSTEM_ERROR',
    remark: 'The broker does not support consumer to filter message by SQL92',
  });
});
