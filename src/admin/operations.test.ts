import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FakeServer, fakeAdmin } from '../../test/admin/fake-cluster.ts';
import { isFailure, physicalOffset } from '../base/index.ts';
import {
  bodyCrc,
  encodeHost,
  encodeOffsetMessageId,
  encodeProperties,
  encodeStoredMessage,
  RequestCode,
  ResponseCode,
  storedMessageSize,
} from '../wire/index.ts';
import { brokerInfo, listBrokers } from './brokers.ts';
import { operations } from './catalogue.ts';
import { getMessage } from './finding.ts';
import { createGroup, deleteGroup, editGroup } from './group-changes.ts';
import { groupInfo, listGroups } from './groups.ts';
import { tailTopic } from './reading.ts';
import { Refusal } from './refusal.ts';
import { sendMessage } from './sending.ts';
import { createTopic, deleteTopic, editTopic } from './topic-changes.ts';
import { listTopics, topicInfo } from './topics.ts';

const clusterInfo =
  '{"brokerAddrTable":{"a":{"brokerAddrs":{0:"a:1",1:"a2:1"},"brokerName":"a","cluster":"c"},' +
  '"b":{"brokerAddrs":{0:"b:1"},"brokerName":"b","cluster":"c"}},"clusterAddrTable":{"c":["a","b"]}}';
const route =
  '{"brokerDatas":[{"brokerAddrs":{0:"a:1"},"brokerName":"a","cluster":"c"}],"filterServerTable":{},' +
  '"queueDatas":[{"brokerName":"a","perm":6,"readQueueNums":2,"topicSysFlag":0,"writeQueueNums":2}]}';
const notFound = { code: ResponseCode.TOPIC_NOT_EXIST, remark: 'no such topic' };

const nameServer: FakeServer = ({ code, ext }) => {
  switch (code) {
    case RequestCode.GET_BROKER_CLUSTER_INFO:
      return { body: clusterInfo };
    case RequestCode.GET_ROUTEINFO_BY_TOPIC:
      return ext['topic'] === 'T' || ext['topic'] === 'TBW102' ? { body: route } : notFound;
    case RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER:
      return { body: '{"topicList":["T","%RETRY%g","TBW102","c","a","rmq_sys_x"]}' };
    default:
      return {};
  }
};

/** A broker with the topic T and the group g, that answers what tools ask for. */
function broker(more: FakeServer = () => undefined): FakeServer {
  const topics = new Map([['T', { topicName: 'T', readQueueNums: 2, writeQueueNums: 2, perm: 6 }]]);
  const groups = new Map<string, object>([['g', { groupName: 'g', retryMaxTimes: 5, future: 1 }]]);
  return (request) => {
    const own = more(request);
    if (own !== undefined) return own;
    const { code, ext, body } = request;
    const topic = ext['topic'] ?? '';
    switch (code) {
      case RequestCode.GET_TOPIC_CONFIG: {
        const config = topics.get(topic);
        return config === undefined ? notFound : { body: JSON.stringify(config) };
      }
      case RequestCode.UPDATE_AND_CREATE_TOPIC:
        topics.set(topic, {
          topicName: topic,
          readQueueNums: Number(ext['readQueueNums']),
          writeQueueNums: Number(ext['writeQueueNums']),
          perm: Number(ext['perm']),
        });
        return {};
      case RequestCode.DELETE_TOPIC_IN_BROKER:
        topics.delete(topic);
        return {};
      case RequestCode.GET_ALL_TOPIC_CONFIG:
        return { body: JSON.stringify({ topicConfigTable: Object.fromEntries(topics) }) };
      case RequestCode.GET_TOPIC_STATS_INFO:
        return {
          body:
            '{"offsetTable":{{"brokerName":"a","queueId":1,"topic":"T"}:{"lastUpdateTimestamp":5,"maxOffset":9,"minOffset":2},' +
            '{"brokerName":"a","queueId":0,"topic":"T"}:{"lastUpdateTimestamp":0,"maxOffset":0,"minOffset":0}}}',
        };
      case RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG:
        return { body: JSON.stringify({ subscriptionGroupTable: Object.fromEntries(groups) }) };
      case RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP: {
        const config = JSON.parse(new TextDecoder().decode(body));
        groups.set(config.groupName, config);
        return {};
      }
      case RequestCode.DELETE_SUBSCRIPTIONGROUP:
        assert.equal(ext['cleanOffset'], 'true');
        groups.delete(ext['groupName'] ?? '');
        return {};
      case RequestCode.GET_CONSUMER_CONNECTION_LIST:
        return { code: ResponseCode.CONSUMER_NOT_ONLINE };
      case RequestCode.GET_CONSUME_STATS:
        return {
          body: '{"consumeTps":0.0,"offsetTable":{{"brokerName":"a","queueId":0,"topic":"T"}:{"brokerOffset":9,"consumerOffset":4,"lastTimestamp":3}}}',
        };
      default:
        return { code: ResponseCode.REQUEST_CODE_NOT_SUPPORTED, remark: 'no' };
    }
  };
}

function cluster(a: FakeServer = broker(), b: FakeServer = broker()) {
  return fakeAdmin({ 'ns:9876': nameServer, 'a:1': a, 'a2:1': a, 'b:1': b });
}

const creation = {
  readQueues: undefined,
  writeQueues: undefined,
  perm: undefined,
  order: undefined,
  attribute: [],
  cluster: undefined,
  broker: undefined,
};

const edit = { ...creation, removeAttribute: [] };

test('a new topic has the usual settings, on each master, and is read back', async () => {
  const { admin, calls } = cluster();
  const { brokers } = await createTopic.run(admin, { ...creation, topic: 'New', perm: 4 });
  assert.deepEqual(
    brokers.map(({ broker: name, readQueues, writeQueues, perm }) => [
      name,
      readQueues,
      writeQueues,
      perm,
    ]),
    [
      ['a', 8, 8, 4],
      ['b', 8, 8, 4],
    ],
  );
  assert.ok(!calls.some((call) => call.startsWith('a2:')), 'slaves are not asked');
});

test('settings of a topic that are not given stay as they are', async () => {
  const { admin } = cluster();
  const input = { ...edit, topic: 'T', perm: 4 };
  const changes = await editTopic.preview?.(admin, input);
  assert.deepEqual(changes, [
    { where: 'a', what: 'topic T perm', before: 'rw', after: 'r' },
    { where: 'b', what: 'topic T perm', before: 'rw', after: 'r' },
  ]);
  const { brokers } = await editTopic.run(admin, input);
  assert.deepEqual(
    brokers.map(({ readQueues, perm }) => [readQueues, perm]),
    [
      [2, 4],
      [2, 4],
    ],
  );
});

test('a topic that exists is created again only with the settings that it has', async () => {
  const { admin, calls } = cluster();
  const same = await createTopic.run(admin, { ...creation, topic: 'T', readQueues: 2 });
  assert.equal(same.brokers.length, 2);
  await assert.rejects(createTopic.run(admin, { ...creation, topic: 'T', readQueues: 3 }), {
    message: 'TOPIC_EXIST_ALREADY (18): a: topic T readQueues is 2, not 3; use topic edit',
  });
  assert.ok(!calls.includes(`a:1 ${RequestCode.UPDATE_AND_CREATE_TOPIC}`));
});

test('a topic that nobody has is not edited', async () => {
  const { admin } = cluster();
  await assert.rejects(editTopic.run(admin, { ...edit, topic: 'Nope' }), {
    message: 'TOPIC_NOT_EXIST (17): no topic Nope; use topic create',
  });
});

test('attributes are sent as changes', async () => {
  let sent: string | undefined;
  const watch = broker(({ code, ext }) => {
    if (code === RequestCode.UPDATE_AND_CREATE_TOPIC) sent = ext['attributes'];
    if (code !== RequestCode.GET_TOPIC_CONFIG) return undefined;
    return { body: '{"topicName":"T","attributes":{"reserve.time":"5","kept":"1"}}' };
  });
  const { admin } = cluster(watch);
  await editTopic.run(admin, {
    ...edit,
    topic: 'T',
    attribute: [['message.type', 'FIFO']],
    removeAttribute: ['reserve.time'],
  });
  assert.equal(sent, '+message.type=FIFO,-reserve.time');
});

test('when one of several brokers refuses, the failure says where it was done', async () => {
  const refusing = broker(({ code }) =>
    code === RequestCode.UPDATE_AND_CREATE_TOPIC
      ? { code: ResponseCode.NO_PERMISSION, remark: 'not you' }
      : undefined,
  );
  const { admin } = cluster(refusing);
  await assert.rejects(createTopic.run(admin, { ...creation, topic: 'New' }), (error: Refusal) => {
    assert.equal(error.code, ResponseCode.NO_PERMISSION);
    assert.match(
      error.message,
      /^NO_PERMISSION \(16\): not you; a \(a:1\) failed; done on b only$/,
    );
    return true;
  });
});

test('topics are listed with their queues over all brokers, without those of the system', async () => {
  const { admin } = cluster();
  const topics = await listTopics.run(admin, { all: false });
  assert.deepEqual(
    topics.map(({ topic, brokers, readQueues }) => [topic, brokers, readQueues]),
    [['T', ['a', 'b'], 4]],
  );
  assert.equal((await listTopics.run(admin, { all: true })).length, 6);
});

test('a topic whose broker is down is still listed', async () => {
  const { admin } = fakeAdmin({ 'ns:9876': nameServer, 'b:1': broker(() => undefined) });
  const [topic] = await listTopics.run(admin, { all: false });
  assert.deepEqual([topic?.topic, topic?.brokers], ['T', ['b']]);
});

test('a topic is shown with the range of each queue, in order', async () => {
  const { admin } = cluster();
  const { queues } = await topicInfo.run(admin, { topic: 'T' });
  assert.deepEqual(
    queues.map(({ queueId, minOffset, maxOffset }) => [queueId, minOffset, maxOffset]),
    [
      [0, 0, 0],
      [1, 2, 9],
    ],
  );
  const json = topicInfo.output.toJson({ topic: 'T', brokers: [], queues });
  assert.match(JSON.stringify(json), /"maxOffset":"9"/, '64-bit numbers are strings');
});

test('a broker without statistics is asked for the range of each queue', async () => {
  const plain = broker(({ code, ext }) => {
    const queueId = Number(ext['queueId']);
    switch (code) {
      case RequestCode.GET_TOPIC_STATS_INFO:
        return { code: ResponseCode.REQUEST_CODE_NOT_SUPPORTED };
      case RequestCode.GET_MIN_OFFSET:
        return { ext: { offset: String(queueId) } };
      case RequestCode.GET_MAX_OFFSET:
        return { ext: { offset: String(queueId + 10) } };
      default:
        return undefined;
    }
  });
  const { queues } = await topicInfo.run(cluster(plain).admin, { topic: 'T' });
  assert.deepEqual(
    queues.map(({ queueId, minOffset, maxOffset }) => [queueId, minOffset, maxOffset]),
    [
      [0, 0, 10],
      [1, 1, 11],
    ],
  );
});

test('an unknown topic is a refusal with the name of the code', async () => {
  const { admin } = cluster();
  await assert.rejects(topicInfo.run(admin, { topic: 'Nope' }), {
    message: 'TOPIC_NOT_EXIST (17): no such topic',
  });
  await assert.rejects(deleteTopic.run(admin, { topic: 'Nope', cluster: undefined }), {
    message: 'TOPIC_NOT_EXIST (17): no topic Nope',
  });
});

test('a topic is removed on the brokers that have it, then at the name servers', async () => {
  const { admin, calls } = cluster();
  const { brokers } = await deleteTopic.run(admin, { topic: 'T', cluster: undefined });
  assert.deepEqual(brokers, ['a', 'b']);
  assert.deepEqual(
    calls.filter((call) => /(215|216)$/.test(call)),
    ['a:1 215', 'b:1 215', 'ns:9876 216'],
  );
});

const groupCreation = {
  consume: undefined,
  broadcast: undefined,
  orderly: undefined,
  retryQueues: undefined,
  retryMaxTimes: undefined,
  fromMin: undefined,
  consumeTimeout: undefined,
  notifyChanges: undefined,
  attribute: [],
  cluster: undefined,
  broker: undefined,
};

test('fields of a group that are not given are sent as they are, also unknown ones', async () => {
  let sent: unknown;
  const watch = broker(({ code, body }) => {
    if (code === RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP) {
      sent = JSON.parse(new TextDecoder().decode(body));
    }
    return undefined;
  });
  const { admin } = cluster(watch);
  const input = { ...groupCreation, removeAttribute: [], group: 'g', orderly: true };
  assert.deepEqual((await editGroup.preview?.(admin, input))?.[0], {
    where: 'a',
    what: 'group g consumeMessageOrderly',
    before: 'false',
    after: 'true',
  });
  assert.equal(sent, undefined, 'a preview changes nothing');
  const { brokers } = await editGroup.run(admin, input);
  assert.deepEqual(sent, {
    groupName: 'g',
    retryMaxTimes: 5,
    future: 1,
    attributes: {},
    consumeMessageOrderly: true,
  });
  assert.deepEqual(
    brokers.map(({ orderly, retryMaxTimes }) => [orderly, retryMaxTimes]),
    [
      [true, 5],
      [true, 5],
    ],
  );
});

test('a group that exists is created again only with the settings that it has', async () => {
  const { admin, calls } = cluster();
  await createGroup.run(admin, { ...groupCreation, group: 'g', retryMaxTimes: 5 });
  const other = createGroup.run(admin, { ...groupCreation, group: 'g', retryMaxTimes: 6 });
  await assert.rejects(other, {
    message: 'INVALID_PARAMETER (29): a: group g retryMaxTimes is 5, not 6; use group edit',
  });
  assert.ok(!calls.includes(`a:1 ${RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP}`));
});

test('no question about a group makes a Java broker create it', async () => {
  const { admin, calls } = cluster();
  await assert.rejects(groupInfo.run(admin, { group: 'nope' }), Refusal);
  await assert.rejects(deleteGroup.run(admin, { group: 'nope', cluster: undefined }), Refusal);
  const creating = `${RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG}`;
  assert.ok(!calls.some((call) => call.endsWith(` ${creating}`)), calls.join('\n'));
});

test('a group is shown with its lag, whether or not members are connected', async () => {
  const { admin } = cluster();
  const { consumers, queues } = await groupInfo.run(admin, { group: 'g' });
  assert.deepEqual(consumers, []);
  assert.deepEqual(
    queues.map(({ broker: name, lag }) => [name, lag]),
    [
      ['a', 5],
      ['b', 5],
    ],
  );
});

test('groups are listed once over all brokers', async () => {
  const { admin } = cluster();
  const groups = await listGroups.run(admin, { all: false });
  assert.deepEqual(
    groups.map(({ group, brokers }) => [group, brokers]),
    [['g', ['a', 'b']]],
  );
});

const message = {
  tags: undefined,
  keys: [],
  property: [],
  broker: undefined,
  queue: undefined,
  group: 'p',
} as const;

test('a message goes to a queue that can be written, with a unique key', async () => {
  let ext: Readonly<Record<string, string>> = {};
  const watch = broker((request) => {
    if (request.code !== RequestCode.SEND_MESSAGE_V2) return undefined;
    ext = request.ext;
    return { ext: { msgId: 'OFFSETID', queueId: '1', queueOffset: '9007199254740991' } };
  });
  const { admin } = cluster(watch);
  const body = new TextEncoder().encode('hi');
  const sent = await sendMessage.run(admin, {
    ...message,
    topic: 'T',
    body,
    queue: 1,
    tags: 'x',
    keys: ['k1', 'k2'],
  });
  assert.deepEqual([ext['b'], ext['e'], ext['n']], ['T', '1', 'a']);
  const properties = ext['i'] ?? '';
  assert.ok(properties.includes('TAGS\u0001x\u0002'));
  assert.ok(properties.includes('KEYS\u0001k1 k2\u0002'));
  assert.ok(properties.includes(`UNIQ_KEY\u0001${sent.messageId}`));
  assert.match(sent.messageId, /^[0-9A-F]{32}$/);
  assert.match(
    JSON.stringify(sendMessage.output.toJson(sent)),
    /"broker":"a","queueId":1,"queueOffset":"9007199254740991","status":"SEND_OK"/,
  );
});

test('a new topic is sent to through the topic of templates', async () => {
  const accept = broker(({ code }) =>
    code === RequestCode.SEND_MESSAGE_V2
      ? { ext: { msgId: 'X', queueId: '0', queueOffset: '0' } }
      : undefined,
  );
  const { admin, calls } = cluster(accept);
  await sendMessage.run(admin, { ...message, topic: 'New', body: new Uint8Array(1) });
  assert.ok(calls.includes('a:1 310'));
});

test('a queue that is not there is refused before anything is sent', async () => {
  const { admin, calls } = cluster();
  const sending = sendMessage.run(admin, {
    ...message,
    topic: 'T',
    body: new Uint8Array(1),
    queue: 7,
  });
  await assert.rejects(sending, /T has no queue 7 that can be written to/);
  assert.ok(!calls.includes('a:1 310'));
});

test('stored, but late: no failure, and the status says so', async () => {
  const late = broker(({ code }) =>
    code === RequestCode.SEND_MESSAGE_V2
      ? {
          code: ResponseCode.FLUSH_DISK_TIMEOUT,
          ext: { msgId: 'X', queueId: '0', queueOffset: '0' },
        }
      : undefined,
  );
  const { admin } = cluster(late);
  const sent = await sendMessage.run(admin, { ...message, topic: 'T', body: new Uint8Array(1) });
  assert.equal(sent.status, 'FLUSH_DISK_TIMEOUT');
});

/** Addresses of stored messages are numbers. */
const storeHost = { host: '10.0.0.1', port: 10911 };

function stored(
  queueOffset: number,
  body: string,
  tags: string,
  key = `KEY${queueOffset}`,
): Uint8Array {
  const topic = new TextEncoder().encode('T');
  const properties = encodeProperties(
    new Map([
      ['TAGS', tags],
      ['UNIQ_KEY', key],
    ]),
  );
  const bytes = new TextEncoder().encode(body);
  const target = new Uint8Array(storedMessageSize(topic.length, properties.length, bytes.length));
  const at = encodeStoredMessage(target, new DataView(target.buffer), 0, {
    queueId: 0,
    flag: 0,
    queueOffset,
    physicalOffset: 1000 + queueOffset,
    sysFlag: 0,
    bornTimestamp: 1,
    bornHost: encodeHost(storeHost),
    storeTimestamp: 2,
    storeHost: encodeHost(storeHost),
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    bodyCrc: bodyCrc(bytes),
    body: bytes,
    topic,
    propertiesLength: properties.length,
  });
  target.set(properties, at);
  return target;
}

const pullHeader = (nextBeginOffset: number) => ({
  suggestWhichBrokerId: '0',
  nextBeginOffset: String(nextBeginOffset),
  minOffset: '0',
  maxOffset: '3',
});

/** Queue 0 holds three messages; queue 1 none, its pulls wait. */
const pullable = broker(({ code, ext }) => {
  if (code === RequestCode.GET_MIN_OFFSET || code === RequestCode.GET_MAX_OFFSET) {
    return { ext: { offset: code === RequestCode.GET_MIN_OFFSET ? '0' : '3' } };
  }
  if (code !== RequestCode.PULL_MESSAGE || ext['queueId'] !== '0') return undefined;
  const offset = Number(ext['queueOffset']);
  if (offset > 3) return { code: ResponseCode.PULL_OFFSET_MOVED, ext: pullHeader(1) };
  if (offset === 1) return { code: ResponseCode.PULL_RETRY_IMMEDIATELY, ext: pullHeader(2) };
  const body = stored(offset, `body ${offset}`, offset === 0 ? 'x' : 'y');
  return { ext: pullHeader(offset + 1), body };
});

async function tail(from: 'first' | 'last' | number, count: number, tags = '*') {
  const hanging: FakeServer = (request) =>
    request.code === RequestCode.PULL_MESSAGE && request.ext['queueId'] === '1'
      ? undefined
      : pullable(request);
  const { admin, calls } = fakeAdmin({ 'ns:9876': nameServer, 'a:1': hanging });
  const offsets: number[] = [];
  const input = { topic: 'T', from, count, queue: undefined, tags };
  for await (const { queueOffset } of tailTopic.run(admin, input, new AbortController().signal)) {
    offsets.push(queueOffset);
  }
  return { offsets, calls };
}

test('a tail begins where it is told, follows the offsets of the broker, and ends by count', async () => {
  assert.deepEqual((await tail('first', 3)).offsets, [0, 2, 3]);
  assert.deepEqual((await tail('last', 1)).offsets, [3]);
  assert.deepEqual((await tail(99, 1)).offsets, [2], 'an offset out of range is moved');
});

test('a tail commits nothing', async () => {
  const { calls } = await tail('first', 2);
  assert.ok(!calls.some((call) => call.endsWith(` ${RequestCode.UPDATE_CONSUMER_OFFSET}`)));
});

test('a tail leaves out messages whose tag only has the same hash', async () => {
  assert.deepEqual((await tail('first', 1, 'z || y')).offsets, [2]);
});

test('a tail ends when it is stopped while pulls wait', async () => {
  const { admin } = cluster(
    broker(({ code }) =>
      code === RequestCode.GET_MAX_OFFSET ? { ext: { offset: '0' } } : undefined,
    ),
  );
  const stop = new AbortController();
  stop.abort();
  const input = {
    topic: 'T',
    from: 'last',
    count: undefined,
    queue: undefined,
    tags: '*',
  } as const;
  for await (const item of tailTopic.run(admin, input, stop.signal)) assert.fail(item.messageId);
});

const idCluster =
  '{"brokerAddrTable":{"a":{"brokerAddrs":{0:"10.0.0.1:10911"},"brokerName":"a","cluster":"c"}}}';

function idServers(more: FakeServer) {
  const names: FakeServer = (request) =>
    request.code === RequestCode.GET_BROKER_CLUSTER_INFO
      ? { body: idCluster }
      : nameServer(request);
  return fakeAdmin({ 'ns:9876': names, '10.0.0.1:10911': more });
}

test('a message is found by its offset id at the broker that the id names', async () => {
  const { admin } = idServers(({ code, ext }) =>
    code === RequestCode.VIEW_MESSAGE_BY_ID && ext['offset'] === '1002'
      ? { body: stored(2, 'found', 'x') }
      : { code: ResponseCode.SYSTEM_ERROR },
  );
  const id = encodeOffsetMessageId(encodeHost(storeHost), physicalOffset(1002));
  const found = await getMessage.run(admin, { id, topic: undefined });
  assert.deepEqual([found.body, found.messageId, found.offsetMessageId], ['found', 'KEY2', id]);
});

test('a message is found by its unique key, in the topic or in all', async () => {
  const { admin, calls } = idServers(({ code, ext }) => {
    if (code !== RequestCode.QUERY_MESSAGE) return { code: ResponseCode.SYSTEM_ERROR };
    assert.equal(ext['_UNIQUE_KEY_QUERY'], 'true');
    return ext['topic'] === 'T' ? { body: stored(2, 'found', 'x', ext['key']) } : notFound;
  });
  // It decodes as an address, but of no broker of the cluster.
  const id = '7F0000010000AAAA0000000000000001';
  assert.equal((await getMessage.run(admin, { id, topic: undefined })).body, 'found');
  assert.ok(!calls.some((call) => call.startsWith('127.')), 'nobody unknown is connected to');
  await assert.rejects(getMessage.run(admin, { id, topic: 'Other' }), /QUERY_NOT_FOUND \(22\)/);
});

test('brokers that do not answer are listed as such', async () => {
  const up = broker(({ code }) =>
    code === RequestCode.GET_BROKER_RUNTIME_INFO
      ? { body: '{"table":{"brokerVersionDesc":"V5_5_0","putTps":"1.25 2.0 3.0"}}' }
      : undefined,
  );
  const { admin } = fakeAdmin({ 'ns:9876': nameServer, 'a:1': up });
  const brokers = await listBrokers.run(admin, {});
  assert.deepEqual(
    brokers.map(({ broker: name, id, reachable, putTps }) => [name, id, reachable, putTps]),
    [
      ['a', 0, true, '1.3'],
      ['a', 1, false, undefined],
      ['b', 0, false, undefined],
    ],
  );
});

test('the figures of a broker are shown by name or address, and of the only one without', async () => {
  const up = broker(({ code }) =>
    code === RequestCode.GET_BROKER_RUNTIME_INFO ? { body: '{"table":{"epoch":"3"}}' } : undefined,
  );
  const { admin } = fakeAdmin({ 'ns:9876': nameServer, 'a:1': up, 'a:2': up, 'b:1': up });
  const named = await brokerInfo.run(admin, { broker: 'a' });
  assert.deepEqual([named.id, named.runtime], [0, { epoch: '3' }]);
  const { address } = named;
  assert.equal((await brokerInfo.run(admin, { broker: address })).broker, 'a');
  const run = (name: string | undefined) => brokerInfo.run(admin, { broker: name });
  await assert.rejects(run(undefined), /name one of the brokers: a, b/);
  await assert.rejects(run('nobody'), /no broker nobody; registered: a, b/);
});

test('the next name server is asked when one is down, and all are named when none answers', async () => {
  const nameServers = ['down:1', 'ns:9876'];
  const { admin } = fakeAdmin({ 'ns:9876': nameServer }, { nameServers });
  assert.equal((await listBrokers.run(admin, {})).length, 3);
  const none = fakeAdmin({}, { nameServers });
  await assert.rejects(listBrokers.run(none.admin, {}), (error) => {
    assert.ok(isFailure(error, 'unavailable'));
    assert.match(error.message, /cannot reach any of 2 name servers/);
    return true;
  });
});

test('an answer that is not as expected names the place', async () => {
  const { admin } = fakeAdmin({ 'ns:9876': () => ({ body: '{"brokerAddrTable":[1]}' }) });
  await assert.rejects(listBrokers.run(admin, {}), /ClusterInfo\.brokerAddrTable is not an object/);
});

test('each operation of the catalogue names requests that exist, and its name is its own', () => {
  const names = operations.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { name, requests, fields } of operations) {
    assert.match(name, /^[a-z]+ [a-z0-9]+(?: [a-z]+)?$/);
    for (const request of requests) assert.ok(request in RequestCode, `${name}: ${request}`);
    for (const [field, { description }] of Object.entries(fields)) {
      assert.match(description, /\.$/, `${name} ${field}`);
    }
  }
});
