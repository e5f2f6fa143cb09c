import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queueOffset } from '../../../base/index.ts';
import { ResponseCode } from '../../../wire/index.ts';
import {
  autoCreateGroup,
  autoCreateTopic,
  commitOffsets,
  createDlqTopic,
  createOrUpdateGroup,
  createOrUpdateGroups,
  createOrUpdateTopic,
  createOrUpdateTopics,
  createRetryTopic,
  type Decision,
  defaultGroup,
  deleteGroup,
  deleteTopic,
  ensureSystemTopics,
  type Refusal,
  refuseCommit,
  resetOffsets,
  systemTopicNames,
  takeReset,
} from '../index.ts';
import { decodeOffsetKey } from '../tables/consumer-offset.ts';
import { settings, TestLog, topicConfig } from '../test-tables.ts';
import { putTopic } from './topics.ts';

function checkRefused(decision: Decision, code: number, remark: string): void {
  assert.deepEqual(decision, { refused: { code, remark } satisfies Refusal });
}

function checkUnchanged(decision: Decision): void {
  assert.deepEqual(decision, { unchanged: true });
}

const invalid = ResponseCode.INVALID_PARAMETER;
const illegal = 'contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$';
const offset = (group: string, topic: string, queueId: number, value: number) => ({
  group,
  topic,
  queueId,
  offset: queueOffset(value),
});

/** Tables with topics and groups of these names. */
function tablesWith(topics: readonly string[], groups: readonly string[] = []): TestLog {
  const log = new TestLog();
  // As they stand: names of pop retry topics hold a `+`, which no user may use.
  log.append(topics.flatMap((name) => putTopic(log.tables.appended, topicConfig(name))));
  for (const name of groups) log.run(createOrUpdateGroup(log.tables.appended, defaultGroup(name)));
  return log;
}

const state = (log: TestLog) => log.tables.appended;

/** Operation, table and readable key of each entry. */
function entriesOf(decision: Decision): readonly string[] {
  assert.ok('entries' in decision, JSON.stringify(decision));
  return decision.entries.map(({ operation, table, key }) => {
    const text = Buffer.from(key).toString('latin1');
    if (table < 3 || (operation !== 'put' && operation !== 'delete'))
      return `${operation} ${table} ${text}`;
    const { group, topic, queueId } = decodeOffsetKey(text);
    return `${operation} ${table} ${group} ${topic} ${queueId}`;
  });
}

test('names of topics follow the rules of the Java broker', () => {
  const log = new TestLog();
  const create = (name: string) => createOrUpdateTopic(state(log), topicConfig(name), settings);
  const tooLong = 'x'.repeat(128);
  const retry = `%RETRY%${'x'.repeat(249)}`;
  checkRefused(create(''), invalid, 'The specified topic is blank.');
  checkRefused(create(' \t'), invalid, 'The specified topic is blank.');
  checkRefused(create('a.b'), invalid, `The specified topic: a.b, ${illegal}`);
  checkRefused(create('é'), invalid, `The specified topic: é, ${illegal}`);
  checkRefused(create('a\0b'), invalid, `The specified topic: a\0b, ${illegal}`);
  checkRefused(create('a\n'), invalid, `The specified topic: a\n, ${illegal}`);
  checkRefused(
    create(tooLong),
    invalid,
    `The specified topic: ${tooLong}, is longer than topic max length: 127`,
  );
  checkRefused(
    create(retry),
    invalid,
    `The specified topic is DLQ or Retry topic: ${retry}, and it's longer than topic max length: 255`,
  );
  for (const name of ['a', 'ok-_%|9', 'x'.repeat(127), `%RETRY%${'x'.repeat(248)}`]) {
    assert.ok('entries' in create(name), name);
  }
});

test('a system topic is neither defined nor deleted', () => {
  const log = new TestLog();
  for (const name of ['TBW102', 'lab', 'b1', 'rmq_sys_x', 'lab_REPLY_TOPIC', 'SELF_TEST_TOPIC']) {
    const remark = `The topic[${name}] is conflict with system topic.`;
    checkRefused(createOrUpdateTopic(state(log), topicConfig(name), settings), invalid, remark);
    checkRefused(deleteTopic(state(log), name, settings), invalid, remark);
  }
  assert.ok(!systemTopicNames(settings).has('TopicTest'));
});

test('numbers that no queue could follow from are refused', () => {
  const log = new TestLog();
  const create = (fields: object) =>
    createOrUpdateTopic(state(log), { ...topicConfig('t'), ...fields }, settings);
  checkRefused(
    create({ readQueueNums: -1 }),
    invalid,
    'readQueueNums must be from 0 to 1024, and is -1.',
  );
  checkRefused(
    create({ writeQueueNums: 1025 }),
    invalid,
    'writeQueueNums must be from 0 to 1024, and is 1025.',
  );
  checkRefused(
    create({ readQueueNums: 1.5 }),
    invalid,
    'readQueueNums must be from 0 to 1024, and is 1.5.',
  );
  checkRefused(create({ perm: 100 }), invalid, 'perm must be from 0 to 15, and is 100.');
  checkRefused(
    create({ topicSysFlag: -1 }),
    invalid,
    'topicSysFlag must be a number from 0, and is -1.',
  );
  checkRefused(
    create({ topicFilterType: 'NOPE' }),
    ResponseCode.SYSTEM_ERROR,
    'topicFilterType = [NOPE] value invalid',
  );
  assert.ok('entries' in create({ readQueueNums: 0, perm: 0 }));
});

test('MIXED as a message type has to be switched on', () => {
  const log = new TestLog();
  const config = topicConfig('t', { attributes: new Map([['+message.type', 'MIXED']]) });
  checkRefused(
    createOrUpdateTopic(state(log), config, settings),
    invalid,
    'MIXED message type is not supported.',
  );
  log.run(createOrUpdateTopic(state(log), config, { ...settings, mixedMessageType: true }));
  assert.equal(state(log).topic('t')?.attributes.get('message.type'), 'MIXED');
});

test('an update replaces the configuration and keeps attributes that it does not name', () => {
  const log = new TestLog();
  const attributes = new Map([
    ['+message.type', 'FIFO'],
    ['+queue.type', 'SimpleCQ'],
  ]);
  const create = topicConfig('t', { attributes });
  log.run(createOrUpdateTopic(state(log), create, settings));
  const stored = Buffer.from(state(log).topicRow('t')?.value ?? []).toString();
  assert.equal(
    stored,
    '{"attributes":{"message.type":"FIFO","queue.type":"SimpleCQ"},"order":false,"perm":6,"readQueueNums":4,' +
      '"topicFilterType":"SINGLE_TAG","topicName":"t","topicSysFlag":0,"writeQueueNums":4}',
  );
  checkUnchanged(createOrUpdateTopic(state(log), create, settings));
  checkUnchanged(createOrUpdateTopic(state(log), topicConfig('t'), settings));
  const update = topicConfig('t', { readQueueNums: 8, order: true, topicFilterType: 'MULTI_TAG' });
  log.run(createOrUpdateTopic(state(log), update, settings));
  const topic = state(log).topic('t');
  assert.equal(topic?.readQueueNums, 8);
  assert.equal(topic?.order, true);
  assert.equal(topic?.topicFilterType, 'MULTI_TAG');
  assert.equal(topic?.attributes.get('message.type'), 'FIFO');
  const removal = topicConfig('t', { attributes: new Map([['-message.type', '']]) });
  log.run(createOrUpdateTopic(state(log), removal, settings));
  assert.deepEqual([...(state(log).topic('t')?.attributes ?? [])], [['queue.type', 'SimpleCQ']]);
});

test('a wrong attribute change is refused as the Java broker does', () => {
  const log = new TestLog();
  const config = topicConfig('t', { attributes: new Map([['+nope', '1']]) });
  checkRefused(
    createOrUpdateTopic(state(log), config, settings),
    ResponseCode.SYSTEM_ERROR,
    'unsupported key: nope',
  );
});

test('a list of topics is one record, all or none', () => {
  const log = new TestLog();
  const all = createOrUpdateTopics(state(log), [topicConfig('a'), topicConfig('b')], settings);
  assert.deepEqual(entriesOf(all), ['put 1 a', 'put 1 b']);
  log.run(all);
  const one = createOrUpdateTopics(
    state(log),
    [topicConfig('a'), topicConfig('b', { perm: 4 })],
    settings,
  );
  assert.deepEqual(entriesOf(one), ['put 1 b']);
  const bad = createOrUpdateTopics(state(log), [topicConfig('c'), topicConfig('a.b')], settings);
  assert.ok('refused' in bad);
  const twice = createOrUpdateTopics(state(log), [topicConfig('c'), topicConfig('c')], settings);
  checkRefused(twice, invalid, 'The topic[c] is named twice.');
});

test('a deleted topic takes along the offsets and resets of every group, by name', () => {
  const log = tablesWith(['t', 'other'], ['g', 'h']);
  const commits = [
    offset('g', 't', 0, 5),
    offset('g', 't', 1, 6),
    offset('h', 't', 0, 7),
    offset('g', 'other', 0, 8),
  ];
  log.run(commitOffsets(state(log), commits));
  log.run(
    resetOffsets(state(log), {
      group: 'h',
      topic: 't',
      targets: [{ queueId: 0, offset: queueOffset(1) }],
    }),
  );
  const decision = deleteTopic(state(log), 't', settings);
  assert.deepEqual(entriesOf(decision), ['delete 1 t', 'deleteTopic 3 t', 'deleteTopic 4 t']);
  log.run(decision);
  assert.deepEqual(state(log).resetsOfTopic('t'), []);
  assert.deepEqual(state(log).offsetsOfTopic('t'), []);
  assert.equal(state(log).offset('g', 'other', 0), 8);
});

test('a deleted topic takes along its pop retry topics, but no retry topic of another group', () => {
  const names = ['t', '%RETRY%g+t', '%RETRY%g_t', '%RETRY%h_t', '%RETRY%g', '%RETRY%x+t'];
  // `%RETRY%h_t` is where the group `h_t` retries; nobody knows a group `x`.
  const log = tablesWith(names, ['g', 'h', 'h_t']);
  log.run(commitOffsets(state(log), [offset('g', '%RETRY%g+t', 0, 3)]));
  assert.deepEqual(entriesOf(deleteTopic(state(log), 't', settings)).toSorted(), [
    'delete 1 %RETRY%g+t',
    'delete 1 %RETRY%g_t',
    'delete 1 t',
    'deleteTopic 3 %RETRY%g+t',
  ]);
});

test('deleting what does not exist changes nothing, and a blank name is refused', () => {
  const log = new TestLog();
  checkUnchanged(deleteTopic(state(log), 'nosuch', settings));
  checkUnchanged(deleteTopic(state(log), 'a b', settings));
  checkUnchanged(deleteGroup(state(log), 'nosuch'));
  checkRefused(deleteTopic(state(log), '', settings), invalid, 'The specified topic is blank.');
  checkRefused(deleteGroup(state(log), ' '), invalid, 'The specified group is blank.');
});

test('offsets that outlived their topic are deleted by deleting it again', () => {
  const log = tablesWith(['t'], ['g']);
  log.run(commitOffsets(state(log), [offset('g', 't', 0, 5)]));
  const row = log.tables.appended.topicRow('t');
  assert.ok(row !== undefined);
  log.append([{ operation: 'delete', table: 1, key: Buffer.from('t'), expected: row.version }]);
  assert.deepEqual(entriesOf(deleteTopic(state(log), 't', settings)), ['deleteTopic 3 t']);
});

test('names of groups follow the rules of the Java broker', () => {
  const log = new TestLog();
  const create = (name: string) => createOrUpdateGroup(state(log), defaultGroup(name));
  const tooLong = 'y'.repeat(121);
  checkRefused(create(''), invalid, 'The specified group is blank.');
  checkRefused(create('a.b'), invalid, `The specified group: a.b, ${illegal}`);
  checkRefused(
    create(tooLong),
    invalid,
    `The specified group: ${tooLong}, is longer than group max length: 120`,
  );
  for (const name of ['TOOLS_CONSUMER', 'CID_RMQ_SYS_X', 'y'.repeat(120)]) {
    assert.ok('entries' in create(name), name);
  }
});

test('an update of a group replaces everything but the attributes', () => {
  const log = new TestLog();
  const attributes = new Map([['+priority.factor', '50']]);
  const config = { ...defaultGroup('g'), retryMaxTimes: 3, attributes };
  log.run(createOrUpdateGroup(state(log), config));
  checkUnchanged(createOrUpdateGroup(state(log), config));
  assert.equal(state(log).group('g')?.retryMaxTimes, 3);
  log.run(createOrUpdateGroup(state(log), defaultGroup('g')));
  assert.equal(state(log).group('g')?.retryMaxTimes, 16);
  assert.deepEqual([...(state(log).group('g')?.attributes ?? [])], [['priority.factor', '50']]);
  assert.equal(
    Buffer.from(state(log).groupRow('g')?.value ?? []).toString(),
    '{"attributes":{"priority.factor":"50"},"brokerId":0,"consumeBroadcastEnable":true,"consumeEnable":true,' +
      '"consumeFromMinEnable":true,"consumeMessageOrderly":false,"consumeTimeoutMinute":15,"groupName":"g",' +
      '"groupRetryPolicy":{"type":"CUSTOMIZED"},"groupSysFlag":0,"notifyConsumerIdsChangedEnable":true,' +
      '"retryMaxTimes":16,"retryQueueNums":1,"whichBrokerWhenConsumeSlowly":1}',
  );
  const bad = { ...defaultGroup('g'), attributes: new Map([['+priority.factor', '101']]) };
  checkRefused(
    createOrUpdateGroup(state(log), bad),
    ResponseCode.SYSTEM_ERROR,
    'value is not in range(0, 100)',
  );
});

test('a list of groups is one record, all or none', () => {
  const log = new TestLog();
  const all = createOrUpdateGroups(state(log), [defaultGroup('a'), defaultGroup('b')]);
  assert.deepEqual(entriesOf(all), ['put 2 a', 'put 2 b']);
  assert.ok('refused' in createOrUpdateGroups(state(log), [defaultGroup('a'), defaultGroup('')]));
  checkRefused(
    createOrUpdateGroups(state(log), [defaultGroup('a'), defaultGroup('a')]),
    invalid,
    'The group[a] is named twice.',
  );
});

test('a deleted group that comes again starts as a new one', () => {
  const log = tablesWith(['t'], ['g', 'gg']);
  log.run(commitOffsets(state(log), [offset('g', 't', 0, 5), offset('gg', 't', 0, 6)]));
  log.run(
    resetOffsets(state(log), {
      group: 'g',
      topic: 't',
      targets: [{ queueId: 1, offset: queueOffset(1) }],
    }),
  );
  const decision = deleteGroup(state(log), 'g');
  assert.deepEqual(entriesOf(decision), ['delete 2 g', 'deletePrefix 3 g\0', 'deletePrefix 4 g\0']);
  log.run(decision);
  log.run(createOrUpdateGroup(state(log), defaultGroup('g')));
  assert.deepEqual(state(log).offsetsOfGroup('g'), []);
  assert.deepEqual(state(log).resetsOfGroup('g'), []);
  assert.equal(state(log).offset('gg', 't', 0), 6);
});

test('a send to an unknown topic creates it from the template', () => {
  const log = new TestLog();
  const command = { topic: 't', defaultTopic: 'TBW102', queues: 4, unitMode: false };
  const missing = 'topic[t] not exist, apply first please!';
  const notExist = ResponseCode.TOPIC_NOT_EXIST;
  checkRefused(autoCreateTopic(state(log), command, settings), notExist, missing);
  log.run(ensureSystemTopics(state(log), settings));
  checkRefused(
    autoCreateTopic(state(log), command, { ...settings, autoCreateTopics: false }),
    notExist,
    missing,
  );
  checkRefused(
    autoCreateTopic(state(log), { ...command, defaultTopic: 'BenchmarkTest' }, settings),
    notExist,
    missing,
  );
  const create = (fields: object) =>
    autoCreateTopic(state(log), { ...command, ...fields }, settings);
  checkRefused(create({ topic: 'a.b' }), invalid, `The specified topic: a.b, ${illegal}`);
  checkRefused(
    create({ topic: 'TRANS_CHECK_MAX_TIME_TOPIC' }),
    invalid,
    'The topic[TRANS_CHECK_MAX_TIME_TOPIC] is conflict with system topic.',
  );
  log.run(create({ topic: 'RMQ_SYS_TRACE_TOPIC' }), 'impliedDefinition');
  log.run(create({}), 'impliedDefinition');
  assert.deepEqual(state(log).topic('t'), topicConfig('t'));
  checkUnchanged(create({}));
  log.run(create({ topic: 'u', queues: 100, unitMode: true }));
  assert.deepEqual(
    state(log).topic('u'),
    topicConfig('u', { readQueueNums: 8, writeQueueNums: 8, topicSysFlag: 1 }),
  );
  log.run(create({ topic: 'v', queues: 0 }));
  assert.equal(state(log).topic('v')?.writeQueueNums, 1);
  log.run(create({ topic: 'w', defaultTopic: 'b1' }));
  assert.equal(state(log).topic('w')?.writeQueueNums, 1);
});

test('retry and dead letter topics are made when they are missing', () => {
  const log = new TestLog();
  log.run(createRetryTopic(state(log), { group: 'g', queues: 2, unitMode: true }));
  log.run(createDlqTopic(state(log), { group: 'g' }));
  const fields = { readQueueNums: 2, writeQueueNums: 2, topicSysFlag: 2 };
  assert.deepEqual(state(log).topic('%RETRY%g'), topicConfig('%RETRY%g', fields));
  const one = { readQueueNums: 1, writeQueueNums: 1 };
  assert.deepEqual(state(log).topic('%DLQ%g'), topicConfig('%DLQ%g', one));
  checkUnchanged(createRetryTopic(state(log), { group: 'g', queues: 5 }));
  checkUnchanged(createDlqTopic(state(log), { group: 'g' }));
  const bad = createRetryTopic(state(log), { group: 'a b', queues: 1 });
  checkRefused(bad, invalid, `The specified topic: %RETRY%a b, ${illegal}`);
});

test('a consumer of an unknown group creates it, if it may', () => {
  const log = new TestLog();
  const off = { ...settings, autoCreateGroups: false };
  checkRefused(
    autoCreateGroup(state(log), 'g', off),
    ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
    'Group g not exist!',
  );
  checkRefused(
    autoCreateGroup(state(log), 'a.b', settings),
    invalid,
    `The specified group: a.b, ${illegal}`,
  );
  log.run(autoCreateGroup(state(log), 'g', settings));
  log.run(autoCreateGroup(state(log), 'CID_RMQ_SYS_X', off));
  assert.deepEqual(state(log).group('g'), defaultGroup('g'));
  checkUnchanged(autoCreateGroup(state(log), 'g', off));
});

test('system topics and groups are made once, and later changes to them stay', () => {
  const log = new TestLog();
  const all = { ...settings, traceTopic: true, brokerTopic: false };
  log.run(ensureSystemTopics(state(log), all));
  const topics = Object.fromEntries(
    Array.from(state(log).topics(), (topic) => [
      topic.topicName,
      `${topic.readQueueNums}/${topic.writeQueueNums} ${topic.perm}`,
    ]),
  );
  assert.deepEqual(topics, {
    SELF_TEST_TOPIC: '1/1 6',
    TBW102: '8/8 7',
    BenchmarkTest: '1024/1024 6',
    lab: '16/16 7',
    b1: '1/1 1',
    OFFSET_MOVED_EVENT: '1/1 6',
    SCHEDULE_TOPIC_XXXX: '18/18 6',
    RMQ_SYS_TRACE_TOPIC: '1/1 6',
    lab_REPLY_TOPIC: '1/1 6',
    rmq_sys_REVIVE_LOG_lab: '8/8 6',
    rmq_sys_SYNC_BROKER_MEMBER_b1: '1/1 1',
    RMQ_SYS_TRANS_HALF_TOPIC: '1/1 6',
    RMQ_SYS_TRANS_OP_HALF_TOPIC: '1/1 6',
    rmq_sys_wheel_timer: '1/1 6',
  });
  assert.equal([...state(log).groups()].length, 8);
  checkUnchanged(ensureSystemTopics(state(log), all));
  log.run(createOrUpdateGroup(state(log), { ...defaultGroup('TOOLS_CONSUMER'), retryMaxTimes: 1 }));
  checkUnchanged(ensureSystemTopics(state(log), all));
});

test('a commit is recorded as it is, also a lower one, and once', () => {
  const log = tablesWith(['t'], ['g']);
  const commit = (...values: number[]) =>
    commitOffsets(
      state(log),
      values.map((value) => offset('g', 't', 0, value)),
    );
  log.run(commit(5), 'progress');
  checkUnchanged(commit(5));
  checkUnchanged(commit());
  log.run(commit(9, 3), 'progress');
  assert.equal(state(log).offset('g', 't', 0), 3);
  log.run(commitOffsets(state(log), [offset('g', 't', -1, -5)]), 'progress');
  assert.equal(state(log).offset('g', 't', -1), -5);
});

test('a commit for a group or topic that is gone is not recorded', () => {
  const log = tablesWith(['t'], ['g']);
  checkUnchanged(commitOffsets(state(log), [offset('g', 'x', 0, 1), offset('x', 't', 0, 1)]));
  assert.equal(refuseCommit(state(log), offset('g', 't', 0, 1)), undefined);
  assert.deepEqual(refuseCommit(state(log), { group: 'x', topic: 't' }), {
    code: ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
    remark: 'Group x not exist!',
  });
  assert.deepEqual(refuseCommit(state(log), { group: 'g', topic: 'x' }), {
    code: ResponseCode.TOPIC_NOT_EXIST,
    remark: 'Topic x not exist!',
  });
});

test('a reset moves the offset, holds commits back until its consumer has seen it, and ends then', () => {
  const log = tablesWith(['t'], ['g']);
  log.run(commitOffsets(state(log), [offset('g', 't', 0, 9)]));
  const target = { queueId: 0, offset: queueOffset(2) };
  const reset = () => resetOffsets(state(log), { group: 'g', topic: 't', targets: [target] });
  log.run(reset());
  checkUnchanged(reset());
  assert.equal(state(log).offset('g', 't', 0), 2);
  assert.equal(state(log).reset('g', 't', 0), 2);
  assert.equal(state(log).reset('g', 't', 1), undefined);
  checkUnchanged(commitOffsets(state(log), [offset('g', 't', 0, 10)]));
  log.run(takeReset(state(log), { group: 'g', topic: 't', queueId: 0 }));
  assert.equal(state(log).reset('g', 't', 0), undefined);
  assert.equal(state(log).offset('g', 't', 0), 2);
  checkUnchanged(takeReset(state(log), { group: 'g', topic: 't', queueId: 0 }));
  log.run(commitOffsets(state(log), [offset('g', 't', 0, 10)]));
  assert.equal(state(log).offset('g', 't', 0), 10);
});

test('a reset that cannot be is refused', () => {
  const log = tablesWith(['t'], ['g']);
  const range = { min: queueOffset(3), max: queueOffset(7) };
  const reset = (value: number, group = 'g', topic = 't') =>
    resetOffsets(state(log), {
      group,
      topic,
      targets: [{ queueId: 0, offset: queueOffset(value), range }],
    });
  checkRefused(reset(5, 'g', 'x'), ResponseCode.TOPIC_NOT_EXIST, 'Topic x does not exist');
  checkRefused(reset(5, 'x'), ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, 'Group x does not exist');
  for (const value of [2, 9]) {
    checkRefused(
      reset(value),
      ResponseCode.SYSTEM_ERROR,
      `Target offset ${value} not in consume queue range [3-7]`,
    );
  }
  for (const value of [3, 8]) assert.ok('entries' in reset(value));
  checkRefused(
    resetOffsets(state(log), { group: 'g', topic: 't', targets: [] }),
    ResponseCode.SYSTEM_ERROR,
    'No queues to reset.',
  );
  const targets = [1, 2].map((value) => ({ queueId: 0, offset: queueOffset(value) }));
  assert.throws(
    () => resetOffsets(state(log), { group: 'g', topic: 't', targets }),
    /a queue is reset once/,
  );
});
