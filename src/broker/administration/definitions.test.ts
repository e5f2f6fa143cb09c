import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import {
  GetAllTopicConfig,
  GetTopic,
  RequestCode,
  SubscriptionGroupConfig,
  SubscriptionGroupList,
  SubscriptionGroupWrapper,
  TopicConfig,
  TopicConfigList,
  TopicConfigSerializeWrapper,
  TopicList,
} from '../../wire/index.ts';
import {
  createTopic,
  deleteTopic,
  sendRequest,
  TestBroker,
  type TestClient,
} from '../test-broker.ts';

async function topicOf(client: TestClient, topic: string): Promise<TopicConfig | undefined> {
  const { code, body } = await client.ask({
    code: RequestCode.GET_TOPIC_CONFIG,
    header: [GetTopic, { topic }],
  });
  return code === 0 ? TopicConfig.decode(body) : undefined;
}

test('a topic is what was asked for, before and after a power loss', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  const more = { perm: 4, order: true, attributes: '+message.type=FIFO' };
  assert.equal((await client.createTopic('t', 3, more)).code, 'SUCCESS');
  const check = async () => {
    const topic = await topicOf(client, 't');
    assert(topic !== undefined);
    const { topicName, readQueueNums, writeQueueNums, perm, order, attributes } = topic;
    assert.deepEqual([topicName, readQueueNums, writeQueueNums, perm, order], ['t', 3, 3, 4, true]);
    assert.deepEqual([...attributes], [['message.type', 'FIFO']]);
  };
  await check();
  await broker.crash({ powerLoss: true });
  await check();
});

test('a repeated definition is a success and changes nothing', async () => {
  const client = (await TestBroker.start()).client();
  await client.createTopic('t', 2);
  assert.equal((await client.createTopic('t', 2)).code, 'SUCCESS');
  await client.createGroup('g');
  assert.equal((await client.createGroup('g')).code, 'SUCCESS');
  for (let count = 0; count < 2; count++) {
    assert.equal((await client.deleteTopic('t')).code, 'SUCCESS');
    assert.equal((await client.deleteGroup('g')).code, 'SUCCESS');
  }
  assert.equal(await client.hasTopic('t'), false);
});

test('an update keeps the messages of a topic, and fewer queues hide without losing them', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  await client.createTopic('t', 4);
  await client.send('t', 'a', { queueId: 3 });
  await client.createTopic('t', 2);
  assert.equal((await client.pull({ queueId: 3 })).code, 'INVALID_PARAMETER');
  assert.equal((await client.send('t', 'b', { queueId: 3 })).code, 'INVALID_PARAMETER');
  await client.createTopic('t', 4);
  assert.deepEqual((await client.pull({ queueId: 3 })).bodies, ['a']);
  assert.equal((await client.send('t', 'b', { queueId: 3 })).offset, 1);
});

test('definitions that no broker could follow are refused', async () => {
  const client = (await TestBroker.start()).client();
  const code = async (
    topic: string,
    queues = 1,
    more: Partial<Parameters<typeof client.createTopic>[2]> = {},
  ) => (await client.createTopic(topic, queues, more)).code;
  for (const name of ['', ' ', 'a b', 'a\u0000', '主题', 'x'.repeat(128), 'TBW102', 'rmq_sys_x']) {
    assert.equal(await code(name), 'INVALID_PARAMETER', name);
  }
  for (const queues of [-1, 65_537, 2 ** 31 - 1]) {
    assert.equal(await code('t', queues), 'INVALID_PARAMETER');
  }
  assert.equal(await code('t', 1, { perm: 16 }), 'INVALID_PARAMETER');
  assert.notEqual(await code('t', 1, { attributes: '+unknown=1' }), 'SUCCESS');
  assert.notEqual(await code('t', 1, { attributes: 'nonsense' }), 'SUCCESS');
  assert.equal(await client.hasTopic('t'), false);
  assert.equal((await client.deleteTopic('TBW102')).code, 'INVALID_PARAMETER');
  assert.equal((await client.deleteTopic('rmq_sys_metadata')).code, 'INVALID_PARAMETER');
  assert.equal((await client.deleteTopic(' ')).code, 'INVALID_PARAMETER');
  for (const name of ['', 'a b', 'x'.repeat(121)]) {
    assert.equal((await client.createGroup(name)).code, 'INVALID_PARAMETER');
  }
});

test('topics of no queue and of the most queues are kept', async () => {
  const client = (await TestBroker.start()).client();
  assert.equal((await client.createTopic('none', 0)).code, 'SUCCESS');
  assert.equal((await client.createTopic('most', 65_536)).code, 'SUCCESS');
  assert.equal((await client.send('most', 'x', { queueId: 65_535 })).code, 'SUCCESS');
  assert.deepEqual((await client.pull({ topic: 'most', queueId: 65_535 })).bodies, ['x']);
});

test('a delete of a group that was never there takes nothing of another', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  await client.createTopic('t');
  await client.createGroup('g');
  for (let count = 0; count < 3; count++) await client.send('t', 'x');
  await client.commit('g', 't', 0, 2);
  // A zero byte ends a name in the keys of offsets.
  await client.deleteGroup('g\u0000t');
  assert.equal(await client.committed('g', 't'), 2);
});

test('creates, deletes and sends of one turn are done in their order', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  const answers = [
    client.asking(createTopic('t')),
    client.asking(sendRequest('t', 'old')),
    client.asking(deleteTopic('t')),
    client.asking(createTopic('t', 2)),
    client.asking(sendRequest('t', 'new', { queueId: 1 })),
  ];
  const codes = (await broker.complete(Promise.all(answers))).map(({ code }) => code);
  assert.deepEqual(codes, [0, 0, 0, 0, 0]);
  assert.deepEqual((await client.pull()).bodies, []);
  assert.deepEqual((await client.pull({ queueId: 1 })).bodies, ['new']);
  await broker.crash({ powerLoss: false });
  assert.deepEqual((await client.pull()).bodies, []);
  assert.deepEqual((await client.pull({ queueId: 1 })).bodies, ['new']);
});

test('a topic that is deleted while sends to it are under way ends with it', async () => {
  const broker = await TestBroker.start({ flushDiskType: 'SYNC_FLUSH', autoCreateTopics: false });
  const client = broker.client();
  await client.createTopic('t');
  const sends = Array.from({ length: 20 }, (_, count) => client.sending('t', `${count}`));
  const deleted = client.asking(deleteTopic('t'));
  const later = client.sending('t', 'later');
  const codes = (await broker.complete(Promise.all(sends))).map(({ code }) => code);
  assert.deepEqual(new Set(codes), new Set([0]));
  assert.equal((await broker.complete(deleted)).code, 0);
  assert.equal((await broker.complete(later)).code, 17);
  await client.createTopic('t');
  assert.deepEqual((await client.pull()).bodies, []);
});

test('a group keeps what it was told, and a delete forgets it', async () => {
  const broker = await TestBroker.start({ autoCreateGroups: false });
  const client = broker.client();
  await client.createGroup('g', { retryMaxTimes: 3, consumeEnable: false });
  await broker.crash({ powerLoss: true });
  const all = await client.ask({ code: RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG });
  const { subscriptionGroupTable } = SubscriptionGroupWrapper.decode(all.body);
  const group = subscriptionGroupTable.get('g') as SubscriptionGroupConfig;
  assert.deepEqual([group.retryMaxTimes, group.consumeEnable], [3, false]);
  await client.createTopic('t');
  assert.equal((await client.pull()).code, 'NO_PERMISSION');
  await client.deleteGroup('g');
  assert.equal((await client.pull()).code, 'SUBSCRIPTION_GROUP_NOT_EXIST');
});

test('lists leave out our own topics, and can be asked for page by page', async () => {
  const client = (await TestBroker.start()).client();
  for (const name of ['a', 'b', 'c']) await client.createTopic(name);
  const list = async (more: Partial<GetAllTopicConfig>): Promise<string[]> => {
    const code = RequestCode.GET_ALL_TOPIC_CONFIG;
    const { body } = await client.ask({ code, header: [GetAllTopicConfig, more] });
    return [...TopicConfigSerializeWrapper.decode(body).topicConfigTable.keys()];
  };
  const all = await list({});
  assert(['a', 'b', 'c', 'TBW102', 'SELF_TEST_TOPIC'].every((name) => all.includes(name)));
  assert(!all.includes('rmq_sys_metadata') && !all.includes('rmq_sys_epoch'));
  const pages: string[] = [];
  for (let topicSeq = 0; topicSeq < all.length; topicSeq += 4) {
    pages.push(...(await list({ topicSeq, maxTopicNum: 4 })));
  }
  assert.deepEqual(pages, all);
  for (const odd of [
    { topicSeq: -1 },
    { topicSeq: 1e6 },
    { maxTopicNum: 0 },
    { maxTopicNum: -3 },
  ]) {
    assert((await list(odd)).length <= all.length);
  }
  const system = await client.ask({ code: RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER });
  const { topicList } = TopicList.decode(system.body);
  assert(topicList.includes('TBW102') && !topicList.includes('a'));
});

test('a list of topics is defined as a whole or not at all', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  const define = (names: readonly string[]) =>
    client.answer({
      code: RequestCode.UPDATE_AND_CREATE_TOPIC_LIST,
      body: TopicConfigList.encode({
        topicConfigList: names.map((topicName) => TopicConfig.fromJson({ topicName, perm: 6 }, '')),
      }),
    });
  const refused = await define(['a', 'not a name', 'b']);
  assert.equal(refused.code, 'INVALID_PARAMETER');
  assert.match(refused.remark ?? '', /not a name/);
  assert.equal(await client.hasTopic('a'), false);
  assert.equal((await define(['a', 'a'])).code, 'INVALID_PARAMETER');
  assert.equal((await define([])).code, 'SUCCESS');
  assert.equal((await define(['a', 'b'])).code, 'SUCCESS');
  await broker.crash({ powerLoss: true });
  assert.deepEqual([await client.hasTopic('a'), await client.hasTopic('b')], [true, true]);
});

test('a list of groups is defined as a whole or not at all', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  const define = (names: readonly string[]) =>
    client.answer({
      code: RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST,
      body: SubscriptionGroupList.encode({
        groupConfigList: names.map((groupName) =>
          SubscriptionGroupConfig.fromJson({ groupName, retryMaxTimes: 3 }, ''),
        ),
      }),
    });
  const has = async (name: string) => {
    const { body } = await client.ask({ code: RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG });
    return SubscriptionGroupWrapper.decode(body).subscriptionGroupTable.has(name);
  };
  const refused = await define(['a', 'not a name']);
  assert.equal(refused.code, 'INVALID_PARAMETER');
  assert.match(refused.remark ?? '', /not a name/);
  assert.equal(await has('a'), false);
  assert.equal((await define(['a', 'b'])).code, 'SUCCESS');
  await broker.crash({ powerLoss: true });
  assert.deepEqual([await has('a'), await has('b')], [true, true]);
});

test('who changed what is logged, with each row before and after', async () => {
  const broker = await TestBroker.start({ autoCreateTopics: true });
  const client = broker.client('admin');
  const logged = async (work: () => Promise<unknown>): Promise<Record<string, unknown>[]> => {
    broker.lines.length = 0;
    await work();
    return broker.lines
      .filter(({ component }) => component === 'metadata')
      .map(({ level, message, fields }) => ({ level, message, ...fields }));
  };
  const [created, ...others] = await logged(() => client.createTopic('t', 3));
  assert.deepEqual(others, []);
  const { table, key, level, message, cause, before, after, position } = created ?? {};
  assert.match(String(cause), /^UPDATE_AND_CREATE_TOPIC t by admin:\d+$/);
  assert.equal(typeof position, 'number');
  assert.equal(before, undefined);
  assert.match(String(after), /"readQueueNums":3/);
  assert.deepEqual(
    { table, key, level, message },
    { table: 'topic', key: 't', level: 'info', message: 'a definition changed' },
  );

  await client.createGroup('g');
  await client.commit('g', 't', 0, 0);
  const changed = await logged(() => client.createTopic('t', 4));
  assert.match(String(changed[0]?.['before']), /"readQueueNums":3/);
  assert.match(String(changed[0]?.['after']), /"readQueueNums":4/);
  assert.deepEqual(await logged(() => client.createTopic('t', 4)), [], 'nothing changes');

  const deleted = await logged(() => client.deleteTopic('t'));
  assert.deepEqual(
    deleted.map((line) => [line['table'], line['key'], typeof line['before'], line['after']]),
    [
      ['topic', 't', 'string', undefined],
      ['consumerOffset', '* t *', 'string', undefined],
    ],
  );
  const implied = await logged(() => client.send('by-itself', 'x'));
  assert.deepEqual(
    implied.map((line) => [line['message'], line['rows']]),
    [['definitions came by themselves', 'topic by-itself']],
  );
});

test('a large change is logged in a few lines', async () => {
  const broker = await TestBroker.start();
  const client = broker.client('admin');
  const configs = Array.from({ length: 200 }, (_, index) => ({ topicName: `t${index}` }));
  broker.lines.length = 0;
  await client.ask({
    code: RequestCode.UPDATE_AND_CREATE_TOPIC_LIST,
    body: TopicConfigList.encode({
      topicConfigList: configs.map((config) => TopicConfig.fromJson(config, '')),
    }),
  });
  const lines = broker.lines.filter(({ component }) => component === 'metadata');
  assert.equal(lines.length, 21);
  assert.equal(lines.at(-1)?.fields?.rowsNotLogged, 180);
  assert(JSON.stringify(lines).length < 40_000);
});
