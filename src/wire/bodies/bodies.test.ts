import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { brokerId, isFailure, queueOffset } from '../../base/index.ts';
import { Version } from '../codes.ts';
import type { Body } from '../schema/body.ts';
import { ConsumerConnection, HeartbeatData, LockBatchRequest } from './clients.ts';
import { GroupRetryPolicy, SubscriptionGroupConfig } from './groups.ts';
import { ConsumerOffsetSerializeWrapper, ResetOffsetBody } from './offsets.ts';
import { encodeCompressedRegisterBroker } from './register-broker.ts';
import { decodeRegistrationBody } from './registration-content.ts';
import { BrokerMemberGroupResponse, TopicRouteData } from './routes.ts';
import { type TopicConfig, TopicStatsTable } from './topics.ts';

const toText = (bytes: Uint8Array) => Buffer.from(bytes).toString();

function checkRefused(body: Body, json: string, message: RegExp): void {
  assert.throws(
    () => body.decode(json),
    (error) => isFailure(error, 'invalid') && message.test(error.message),
  );
}

test('a route is read in both forms and written in both', () => {
  const fastjson =
    '{"brokerDatas":[{"brokerAddrs":{0:"a:1",1:"b:2"},"brokerName":"b","cluster":"c"}],"filterServerTable":{},"queueDatas":[{"brokerName":"b","perm":6,"readQueueNums":8,"topicSysFlag":0,"writeQueueNums":8}]}';
  const standard = fastjson.replace('{0:', '{"0":').replace(',1:', ',"1":');
  const route = TopicRouteData.decode(fastjson);
  assert.deepEqual(TopicRouteData.decode(standard), route);
  assert.equal(route.brokerDatas[0]?.brokerAddrs.get(brokerId(1)), 'b:2');
  assert.equal(toText(TopicRouteData.encode(route)), fastjson);
  assert.equal(toText(TopicRouteData.encode(route, 'standard')), standard);
});

test('maps by queue are read with objects and with their text as keys', () => {
  const expected = new Map([[{ brokerName: 'b', queueId: 1, topic: 't' }, queueOffset(7)]]);
  for (const json of [
    '{"offsetTable":{{"brokerName":"b","queueId":1,"topic":"t"}:7}}',
    '{offsetTable:{{topic:"t",queueId:"1",brokerName:"b"}:7}}',
    '{"offsetTable":{"{\\"brokerName\\":\\"b\\",\\"queueId\\":1,\\"topic\\":\\"t\\"}":7}}',
  ]) {
    assert.deepEqual(ResetOffsetBody.decode(json).offsetTable, expected, json);
  }
  assert.equal(
    toText(ResetOffsetBody.encode({ offsetTable: expected })),
    '{"offsetTable":{{"brokerName":"b","queueId":1,"topic":"t"}:7}}',
  );
});

test('a heartbeat of the Go client is read', () => {
  const heartbeat = HeartbeatData.decode(
    '{"clientID":"c","consumerDataSet":[{"groupName":"g","consumeType":"CONSUME_PASSIVELY","messageModel":"Clustering","consumeFromWhere":4,"subscriptionDataSet":[{"classFilterMode":false,"topic":"t","subString":"*","tagsSet":[],"codeSet":["97"],"subVersion":1764082800123456789,"expressionType":"TAG"}],"unitMode":false}],"producerDataSet":null,"whatever":{"x":[1]}}',
  );
  const [consumer] = heartbeat.consumerDataSet;
  assert.equal(consumer?.messageModel, 'CLUSTERING');
  assert.equal(consumer?.consumeFromWhere, 'CONSUME_FROM_FIRST_OFFSET');
  assert.deepEqual(consumer?.subscriptionDataSet[0]?.codeSet, [97]);
  assert.equal(consumer?.subscriptionDataSet[0]?.subVersion, Number('1764082800123456789'));
  assert.deepEqual(heartbeat.producerDataSet, []);
});

test('defaults are those of the Java classes', () => {
  assert.deepEqual(SubscriptionGroupConfig.decode('{"groupName":"g"}'), {
    attributes: new Map(),
    brokerId: 0,
    consumeBroadcastEnable: true,
    consumeEnable: true,
    consumeFromMinEnable: true,
    consumeMessageOrderly: false,
    consumeTimeoutMinute: 15,
    groupName: 'g',
    groupRetryPolicy: { type: 'CUSTOMIZED' },
    groupSysFlag: 0,
    notifyConsumerIdsChangedEnable: true,
    retryMaxTimes: 16,
    retryQueueNums: 1,
    whichBrokerWhenConsumeSlowly: 1,
  });
  assert.deepEqual(GroupRetryPolicy.decode('{"type":"EXPONENTIAL","exponentialRetryPolicy":{}}'), {
    exponentialRetryPolicy: { initial: 5000, max: 7200000, multiplier: 2 },
    type: 'EXPONENTIAL',
  });
});

test('nested tables keep their keys', () => {
  const json = '{"offsetTable":{"t@g":{0:12,1:7}}}';
  const table = ConsumerOffsetSerializeWrapper.decode(json);
  assert.equal(table.offsetTable.get('t@g')?.get(1), 7);
  assert.equal(toText(ConsumerOffsetSerializeWrapper.encode(table)), json);
  const member = BrokerMemberGroupResponse.decode(
    '{"brokerMemberGroup":{"brokerAddrs":{0:"a:1"},"brokerName":"b","cluster":"c"}}',
  );
  assert.equal(member.brokerMemberGroup.brokerAddrs.get(brokerId(0)), 'a:1');
});

test('a bad body is refused with the path of the bad field', () => {
  checkRefused(HeartbeatData, '{}', /HeartbeatData\.clientID is missing, expected text/);
  checkRefused(HeartbeatData, '[]', /HeartbeatData is an array, expected HeartbeatData/);
  checkRefused(
    HeartbeatData,
    '{"clientID":"c","consumerDataSet":[{"groupName":"g"},{"groupName":"g","messageModel":"x"}]}',
    /consumerDataSet\[1\]\.messageModel is "x", expected one of BROADCASTING, CLUSTERING/,
  );
  checkRefused(
    HeartbeatData,
    '{"clientID":"c","consumerDataSet":{}}',
    /is an object, expected a list/,
  );
  checkRefused(
    TopicRouteData,
    '{"brokerDatas":[{"brokerAddrs":{"x":"a"},"brokerName":"b"}]}',
    /\[x\]/,
  );
  checkRefused(ResetOffsetBody, '{"offsetTable":{"t":1}}', /JSON/);
  checkRefused(ResetOffsetBody, '{"offsetTable":{{"topic":"t"}:1}}', /brokerName is missing/);
  checkRefused(
    ConsumerOffsetSerializeWrapper,
    '{"offsetTable":{"a":{0:9007199254740993}}}',
    /\[0\] is 9007199254740993, expected long/,
  );
  checkRefused(
    LockBatchRequest,
    '{"clientId":{},"consumerGroup":"g"}',
    /is an object, expected text/,
  );
  checkRefused(TopicStatsTable, '{"topicPutTps":"x"}', /topicPutTps is "x", expected double/);
  checkRefused(
    TopicStatsTable,
    '{"topicPutTps":1e999}',
    /topicPutTps is Infinity, expected double/,
  );
  checkRefused(TopicStatsTable, '{topicPutTps:1e999}', /JSON: number is too large/);
  checkRefused(ConsumerConnection, '{"connectionSet":[1]}', /connectionSet\[0\] is 1/);
});

const anyTopic: fc.Arbitrary<TopicConfig & { readonly topicName: string }> = fc.record(
  {
    attributes: fc
      .dictionary(fc.string({ minLength: 1 }), fc.string(), { maxKeys: 3, noNullPrototype: true })
      .map((map) => new Map(Object.entries(map))),
    order: fc.constant(false),
    perm: fc.nat(7),
    readQueueNums: fc.nat(1024),
    topicFilterType: fc.constant('SINGLE_TAG'),
    topicName: fc.string({ minLength: 1 }).map((name) => name.replaceAll(' ', '_')),
    topicSysFlag: fc.constant(0),
    writeQueueNums: fc.nat(1024),
  },
  { noNullPrototype: true },
);

test('a compressed registration is read back', () => {
  fc.assert(
    fc.property(fc.array(anyTopic), fc.array(fc.string()), (topics, filterServerList) => {
      const registration = {
        filterServerList,
        topicConfigSerializeWrapper: {
          dataVersion: { counter: 3, stateVersion: 1, timestamp: 1_700_000_000_000 },
          topicConfigTable: new Map(topics.map((topic) => [topic.topicName, topic])),
        },
      };
      const back = decodeRegistrationBody(
        encodeCompressedRegisterBroker(registration),
        Version.V5_3_3,
      );
      assert.deepEqual(back.dataVersion, registration.topicConfigSerializeWrapper.dataVersion);
      assert.deepEqual(back.filterServers, filterServerList);
      const queues = topics.map(({ topicName, readQueueNums, writeQueueNums, perm }) => {
        return [topicName, { readQueueNums, writeQueueNums, perm, topicSysFlag: 0 }] as const;
      });
      assert.deepEqual(back.topics, new Map(queues));
    }),
  );
});

test('a body in JSON proper and in the dialect of fastjson says the same', () => {
  const json = '{"clientID":"c","producerDataSet":[{"groupName":"a"},{"groupName":"b"}],"n":1e3}';
  const dialect = json.replaceAll('"', "'").replace('{', '{/* */');
  assert.deepEqual(HeartbeatData.decode(dialect), HeartbeatData.decode(json));
  const repeated =
    '{"clientID":"c","producerDataSet":[{"groupName":"a"},{"$ref":"$.producerDataSet[0]"}]}';
  assert.deepEqual(HeartbeatData.decode(repeated).producerDataSet, [
    { groupName: 'a' },
    { groupName: 'a' },
  ]);
});

test('names of object members are not fields, and keys like them are keys', () => {
  checkRefused(HeartbeatData, '{"__proto__":{"clientID":"c"}}', /clientID is missing/);
  const table = ConsumerOffsetSerializeWrapper.decode('{"offsetTable":{"__proto__":{"0":1}}}');
  assert.equal(table.offsetTable.get('__proto__')?.get(0), 1);
});

test('unknown fields may be nested deep, and are not followed', () => {
  const deep = '['.repeat(1_000_000) + ']'.repeat(1_000_000);
  try {
    assert.equal(HeartbeatData.decode(`{"clientID":"c","x":${deep}}`).clientID, 'c');
  } catch (error) {
    assert.ok(isFailure(error, 'invalid'), String(error));
  }
});

test('any change of a body leaves it readable or refused', () => {
  const bytes = HeartbeatData.encode({
    clientID: 'c',
    consumerDataSet: [
      {
        groupName: 'g',
        consumeType: 'CONSUME_PASSIVELY',
        messageModel: 'CLUSTERING',
        consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
        subscriptionDataSet: [],
        unitMode: false,
      },
    ],
    heartbeatFingerprint: 0,
    producerDataSet: [{ groupName: 'p' }],
    withoutSub: false,
  });
  const change = fc.tuple(fc.nat(bytes.length - 1), fc.constantFrom(...'{}[]:,"\'0a\\$ '));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const changed = bytes.slice();
      for (const [at, character] of changes) changed[at] = character.charCodeAt(0);
      try {
        HeartbeatData.decode(changed);
      } catch (error) {
        if (!isFailure(error, 'invalid')) throw error;
      }
    }),
    { numRuns: 1000 },
  );
});
