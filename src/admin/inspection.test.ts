import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FakeRequest, type FakeServer, fakeAdmin } from '../../test/admin/fake-cluster.ts';
import {
  bodyCrc,
  encodeHost,
  encodeProperties,
  encodeStoredMessage,
  RequestCode,
  ResponseCode,
  storedMessageSize,
} from '../wire/index.ts';
import { getBrokerConfig, setBrokerConfig } from './broker-config.ts';
import { listClients, versionText } from './clients.ts';
import { findMessages } from './finding.ts';
import { groupLag } from './groups.ts';
import { copyOffsets, resetOffsets, setOffset } from './offset-changes.ts';
import { showOffsets } from './offsets.ts';
import { topicRoute } from './topics.ts';

const clusterInfo =
  '{"brokerAddrTable":{"a":{"brokerAddrs":{0:"a:1",1:"a2:1"},"brokerName":"a","cluster":"c"}}}';
const route =
  '{"brokerDatas":[{"brokerAddrs":{0:"a:1",1:"a2:1"},"brokerName":"a","cluster":"c"}],' +
  '"queueDatas":[{"brokerName":"a","perm":6,"readQueueNums":2,"writeQueueNums":2}]}';

const nameServer: FakeServer = ({ code, ext }) => {
  if (code === RequestCode.GET_BROKER_CLUSTER_INFO) return { body: clusterInfo };
  if (code !== RequestCode.GET_ROUTEINFO_BY_TOPIC) return {};
  return ext['topic'] === 'T' ? { body: route } : { code: ResponseCode.TOPIC_NOT_EXIST };
};

interface Sent {
  readonly code: number;
  readonly ext: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A broker with the topic T (queues 0 and 1, offsets 2 to 10), the group g at 5 in queue 0, and what a test adds. */
function cluster(more: FakeServer = () => undefined) {
  const offsets = new Map([['g T 0', 5]]);
  const sent: Sent[] = [];
  const broker: FakeServer = (request) => {
    const { code, ext, body } = request;
    sent.push({ code, ext, body: new TextDecoder().decode(body) });
    const own = more(request);
    if (own !== undefined) return own;
    return answer(request, offsets);
  };
  const { admin } = fakeAdmin({ 'ns:9876': nameServer, 'a:1': broker });
  return { admin, offsets, sentOf: (code: number) => sent.filter((one) => one.code === code) };
}

function answer({ code, ext }: FakeRequest, offsets: Map<string, number>) {
  const place = `${ext['consumerGroup'] ?? ext['group']} ${ext['topic']} ${ext['queueId']}`;
  switch (code) {
    case RequestCode.GET_MIN_OFFSET:
      return { ext: { offset: '2' } };
    case RequestCode.GET_MAX_OFFSET:
      return { ext: { offset: '10' } };
    case RequestCode.SEARCH_OFFSET_BY_TIMESTAMP:
      return { ext: { offset: '7' } };
    case RequestCode.QUERY_TOPICS_BY_CONSUMER:
      return { body: '{"topicList":["T","Gone"]}' };
    case RequestCode.QUERY_CONSUMER_OFFSET: {
      const offset = offsets.get(place);
      return offset === undefined
        ? { code: ResponseCode.QUERY_NOT_FOUND }
        : { ext: { offset: String(offset) } };
    }
    case RequestCode.UPDATE_CONSUMER_OFFSET:
      offsets.set(place, Number(ext['commitOffset']));
      return {};
    case RequestCode.INVOKE_BROKER_TO_RESET_OFFSET:
      if (ext['queueId'] !== undefined) offsets.set(place, Number(ext['offset']));
      else {
        const to = ext['timestamp'] === '-1' ? 10 : ext['timestamp'] === '0' ? 2 : 7;
        for (const queue of [0, 1]) offsets.set(`${ext['group']} T ${queue}`, to);
      }
      return { body: '{"offsetTable":{}}' };
    case RequestCode.CLONE_GROUP_OFFSET:
      for (const queue of [0, 1]) {
        const offset = offsets.get(`${ext['srcGroup']} ${ext['topic']} ${queue}`);
        if (offset !== undefined)
          offsets.set(`${ext['destGroup']} ${ext['topic']} ${queue}`, offset);
      }
      return {};
    case RequestCode.GET_BROKER_RUNTIME_INFO:
      return { body: '{"table":{"brokerVersionDesc":"V5_3_3"}}' };
    case RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG:
      return { body: '{"subscriptionGroupTable":{"g":{"groupName":"g"}}}' };
    default:
      return { code: ResponseCode.REQUEST_CODE_NOT_SUPPORTED };
  }
}

test('a route names queues and replicas', async () => {
  const { brokers, queues } = await topicRoute.run(cluster().admin, { topic: 'T' });
  assert.deepEqual(
    brokers.map(({ id, address }) => [id, address]),
    [
      [0, 'a:1'],
      [1, 'a2:1'],
    ],
  );
  assert.deepEqual(queues, [{ broker: 'a', readQueues: 2, writeQueues: 2, perm: 6 }]);
});

test('offsets are shown with what is not committed, and without topics that are gone', async () => {
  const queues = await showOffsets.run(cluster().admin, { group: 'g', topic: undefined });
  assert.deepEqual(
    queues.map(({ queueId, consumerOffset, lag }) => [queueId, consumerOffset, lag]),
    [
      [0, 5, 5],
      [1, undefined, 8],
    ],
  );
});

test('a group that nobody knows is a refusal, not an empty list', async () => {
  const { admin } = cluster();
  const expected = { message: 'SUBSCRIPTION_GROUP_NOT_EXIST (26): no group nope' };
  await assert.rejects(showOffsets.run(admin, { group: 'nope', topic: 'T' }), expected);
});

test('a reset is previewed queue by queue, done once a broker, and read back', async () => {
  for (const [to, target, timestamp] of [
    ['first', 2, '0'],
    ['last', 10, '-1'],
    [{ at: 1_700_000_000_000 }, 7, '1700000000000'],
    [{ agoMs: 1000 }, 7, '1799999999000'],
  ] as const) {
    const { admin, sentOf } = cluster();
    const input = { group: 'g', topic: 'T', to };
    assert.deepEqual(await resetOffsets.preview?.(admin, input), [
      { where: 'a', what: 'offset of g in T queue 0', before: '5', after: String(target) },
      { where: 'a', what: 'offset of g in T queue 1', before: undefined, after: String(target) },
    ]);
    assert.deepEqual(sentOf(RequestCode.INVOKE_BROKER_TO_RESET_OFFSET), []);
    const moved = await resetOffsets.run(admin, input);
    const [request, ...others] = sentOf(RequestCode.INVOKE_BROKER_TO_RESET_OFFSET);
    assert.equal(request?.ext['timestamp'], timestamp);
    assert.equal(others.length, 0);
    assert.deepEqual(
      moved.map(({ before, after }) => [before, after]),
      [
        [5, target],
        [undefined, target],
      ],
    );
  }
});

test('where only consumers can reset and none is there, the offsets are committed', async () => {
  const { admin, sentOf } = cluster(({ code }) =>
    code === RequestCode.INVOKE_BROKER_TO_RESET_OFFSET
      ? { code: ResponseCode.CONSUMER_NOT_ONLINE }
      : undefined,
  );
  const moved = await resetOffsets.run(admin, { group: 'g', topic: 'T', to: 'last' });
  assert.deepEqual(
    moved.map(({ after }) => after),
    [10, 10],
  );
  assert.equal(sentOf(RequestCode.UPDATE_CONSUMER_OFFSET).length, 2);
});

test('an offset is set in one queue; version 4 is not told what it would take for all queues', async () => {
  const input = { group: 'g', topic: 'T', queue: 1, offset: 4, broker: undefined };
  const now = cluster();
  assert.deepEqual(await setOffset.run(now.admin, input), {
    group: 'g',
    topic: 'T',
    broker: 'a',
    queueId: 1,
    before: undefined,
    after: 4,
  });
  assert.equal(now.sentOf(RequestCode.INVOKE_BROKER_TO_RESET_OFFSET).length, 1);
  const old = cluster(({ code }) =>
    code === RequestCode.GET_BROKER_RUNTIME_INFO
      ? { body: '{"table":{"brokerVersionDesc":"V4_9_8"}}' }
      : undefined,
  );
  assert.equal((await setOffset.run(old.admin, input)).after, 4);
  assert.deepEqual(old.sentOf(RequestCode.INVOKE_BROKER_TO_RESET_OFFSET), []);
});

test('a queue that a topic does not have is a mistake', async () => {
  const input = { group: 'g', topic: 'T', queue: 9, offset: 4, broker: undefined };
  await assert.rejects(setOffset.run(cluster().admin, input), {
    message: 'T has no queue 9 that can be read',
  });
});

test('offsets are copied where the first group has some', async () => {
  const { admin } = cluster();
  const input = { from: 'g', to: 'new', topic: 'T' };
  assert.deepEqual(await copyOffsets.preview?.(admin, input), [
    { where: 'a', what: 'offset of new in T queue 0', before: undefined, after: '5' },
  ]);
  const [moved, ...others] = await copyOffsets.run(admin, input);
  assert.deepEqual([moved?.queueId, moved?.after, others], [0, 5, []]);
  await assert.rejects(copyOffsets.run(admin, { ...input, from: 'nobody' }), {
    message: 'QUERY_NOT_FOUND (22): nobody has committed no offset in T',
  });
});

test('the lag of a group is summed by topic, with the consumers that are there', async () => {
  const key = (queueId: number) => `{"brokerName":"a","queueId":${queueId},"topic":"T"}`;
  const { admin } = cluster(({ code }) => {
    if (code === RequestCode.GET_CONSUMER_CONNECTION_LIST) {
      return {
        body: '{"connectionSet":[{"clientId":"x","clientAddr":"h:1","language":"GO","version":317}]}',
      };
    }
    if (code !== RequestCode.GET_CONSUME_STATS) return undefined;
    return {
      body:
        `{"consumeTps":1.5,"offsetTable":{${key(0)}:{"brokerOffset":10,"consumerOffset":4,"lastTimestamp":300},` +
        `${key(1)}:{"brokerOffset":10,"consumerOffset":10,"lastTimestamp":100}}}`,
    };
  });
  assert.deepEqual(await groupLag.run(admin, { group: [], topic: undefined }), [
    {
      group: 'g',
      topic: 'T',
      queues: 2,
      lag: 6,
      behindSince: 300,
      consumers: 1,
      consumeTps: '1.5',
    },
  ]);
});

test('clients are producers and consumers with what they subscribe to', async () => {
  const { admin } = cluster(({ code, ext }) => {
    if (code === RequestCode.GET_ALL_PRODUCER_INFO) {
      return {
        body: '{"data":{"pg":[{"clientId":"p@1","language":"JAVA","remoteIP":"h:2","version":479}]}}',
      };
    }
    if (code !== RequestCode.GET_CONSUMER_CONNECTION_LIST) return undefined;
    assert.equal(ext['consumerGroup'], 'g');
    return {
      body:
        '{"connectionSet":[{"clientId":"c@1","clientAddr":"h:1","language":"GO","version":317}],' +
        '"messageModel":"CLUSTERING","subscriptionTable":{"T":{"topic":"T","subString":"a || b"}}}',
    };
  });
  const [consumer, producer, ...others] = await listClients.run(admin, { group: [] });
  assert.deepEqual(consumer, {
    role: 'consumer',
    group: 'g',
    clientId: 'c@1',
    address: 'h:1',
    language: 'GO',
    version: '4.5.2',
    brokers: ['a'],
    messageModel: 'CLUSTERING',
    subscriptions: [{ topic: 'T', expression: 'a || b', expressionType: 'TAG' }],
  });
  assert.deepEqual(
    [producer?.role, producer?.group, producer?.version],
    ['producer', 'pg', '5.3.3'],
  );
  assert.deepEqual(others, []);
});

test('versions are told by their ordinal', () => {
  for (const [ordinal, text] of [
    [121, '3.x'],
    [213, '4.0.0'],
    [401, '4.9.4'],
    [409, '4.9.8'],
    [413, '5.0.0'],
    [512, '5.5.0-SNAPSHOT'],
    [513, '5.5.0'],
  ] as const) {
    assert.equal(versionText(ordinal), text);
  }
});

function configured(keeps: boolean) {
  let text = 'brokerName=a\nflushDiskType=ASYNC_FLUSH\n';
  return cluster(({ code, body }) => {
    if (code === RequestCode.GET_BROKER_CONFIG) return { body: text };
    if (code !== RequestCode.UPDATE_BROKER_CONFIG) return undefined;
    if (!keeps) text = text.replace(/flush.*\n/, new TextDecoder().decode(body));
    return {};
  });
}

test('the configuration of a broker is shown, changed and read back', async () => {
  const { admin, sentOf } = configured(false);
  const broker = undefined;
  const some = await getBrokerConfig.run(admin, { key: ['flushDiskType'], broker });
  assert.deepEqual(some.settings, { flushDiskType: 'ASYNC_FLUSH' });
  const change = { setting: [['flushDiskType', 'SYNC_FLUSH'] as const], broker };
  assert.deepEqual(await setBrokerConfig.preview?.(admin, change), [
    { where: 'a', what: 'flushDiskType', before: 'ASYNC_FLUSH', after: 'SYNC_FLUSH' },
  ]);
  assert.deepEqual((await setBrokerConfig.run(admin, change)).settings, {
    flushDiskType: 'SYNC_FLUSH',
  });
  const [update, ...others] = sentOf(RequestCode.UPDATE_BROKER_CONFIG);
  assert.deepEqual([update?.body, others], ['flushDiskType=SYNC_FLUSH\n', []]);
});

test('a setting that the broker does not have, or keeps as it is, is not a success', async () => {
  const { admin, sentOf } = configured(true);
  const set = (key: string) =>
    setBrokerConfig.run(admin, { setting: [[key, 'SYNC_FLUSH']], broker: undefined });
  await assert.rejects(set('flushDiskTyp'), {
    message: 'the broker has no setting flushDiskTyp (did you mean flushDiskType?)',
  });
  assert.deepEqual(sentOf(RequestCode.UPDATE_BROKER_CONFIG), []);
  await assert.rejects(set('flushDiskType'), {
    message:
      'INVALID_PARAMETER (29): accepted, but flushDiskType is still ASYNC_FLUSH when read back',
  });
});

function stored(storedAt: number, queueOffset: number, keys: string): Uint8Array {
  const bytes = new TextEncoder().encode(`m${queueOffset}`);
  const properties = encodeProperties(new Map([['KEYS', keys]]));
  const target = new Uint8Array(storedMessageSize(1, properties.length, bytes.length));
  const host = encodeHost({ host: '127.0.0.1', port: 10911 });
  const at = encodeStoredMessage(target, new DataView(target.buffer), 0, {
    queueId: 0,
    flag: 0,
    queueOffset,
    physicalOffset: queueOffset * 1000,
    sysFlag: 0,
    bornTimestamp: 1,
    bornHost: host,
    storeTimestamp: storedAt,
    storeHost: host,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    bodyCrc: bodyCrc(bytes),
    body: bytes,
    topic: new TextEncoder().encode('T'),
    propertiesLength: properties.length,
  });
  target.set(properties, at);
  return target;
}

const search = {
  topic: 'T',
  key: undefined,
  uniqueKey: undefined,
  from: undefined,
  to: undefined,
  count: 64,
};

test('messages are found by a key; others with the same hash are left out', async () => {
  const { admin, sentOf } = cluster(({ code }) =>
    code === RequestCode.QUERY_MESSAGE
      ? { body: Buffer.concat([stored(9, 1, 'k other'), stored(5, 2, 'k'), stored(6, 3, 'kk')]) }
      : undefined,
  );
  const found = await findMessages.run(admin, { ...search, key: 'k', from: { at: 3 } });
  assert.deepEqual(
    found.map(({ body, keys }) => [body, keys]),
    [
      ['m2', 'k'],
      ['m1', 'k other'],
    ],
  );
  const [query] = sentOf(RequestCode.QUERY_MESSAGE);
  assert.deepEqual([query?.ext['key'], query?.ext['beginTimestamp']], ['k', '3']);
});

test('messages are found by their time, and the search ends behind it', async () => {
  let pulls = 0;
  const { admin } = cluster(({ code, ext }) => {
    if (code !== RequestCode.PULL_MESSAGE) return undefined;
    pulls += 1;
    assert.equal(Number(ext['sysFlag']) & 2, 0, 'no pull waits for what comes');
    const next = { suggestWhichBrokerId: '0', minOffset: '2', maxOffset: '10' };
    if (ext['queueId'] === '1') {
      return { code: ResponseCode.PULL_NOT_FOUND, ext: { ...next, nextBeginOffset: '7' } };
    }
    return {
      ext: { ...next, nextBeginOffset: '10' },
      body: Buffer.concat([stored(100, 7, ''), stored(200, 8, ''), stored(301, 9, '')]),
    };
  });
  const found = await findMessages.run(admin, { ...search, from: { at: 150 }, to: { at: 300 } });
  assert.deepEqual(
    found.map(({ body }) => body),
    ['m8'],
  );
  assert.equal(pulls, 2);
});

test('a search without anything to search for, or with too much, is a mistake', async () => {
  const { admin } = cluster();
  for (const [input, message] of [
    [{}, 'give --key, --unique-key, --from or --to'],
    [{ key: 'k', uniqueKey: 'u' }, 'give --key or --unique-key, not both'],
    [{ from: { at: 5 }, to: { at: 4 } }, '--from is later than --to'],
  ] as const) {
    await assert.rejects(findMessages.run(admin, { ...search, ...input }), { message });
  }
});
