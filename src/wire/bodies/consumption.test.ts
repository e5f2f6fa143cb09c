import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import type { Body } from '../schema/body.ts';
import {
  ConsumeQueueEntries,
  ConsumeStatsList,
  ConsumeTimeSpans,
  CorrectionOffsets,
  SubscriptionOfGroup,
} from './consumption.ts';
import { ConsumeStats } from './offsets.ts';
import { BrokerStatsData, TopicStatsTable } from './topics.ts';

/** Answers of a RocketMQ 5.5.0 broker, as they came. */
const answers: readonly (readonly [name: string, body: Body, text: string])[] = [
  [
    'GET_TOPIC_STATS_INFO',
    TopicStatsTable,
    '{"offsetTable":{{"brokerName":"b1","queueId":2,"topic":"T1"}:{"lastUpdateTimestamp":1795631808455,"maxOffset":45,"minOffset":0},{"brokerName":"b1","queueId":3,"topic":"T1"}:{"lastUpdateTimestamp":1795631808969,"maxOffset":45,"minOffset":0}},"topicPutTps":4.375}',
  ],
  [
    'GET_CONSUME_STATS',
    ConsumeStats,
    '{"consumeTps":4.375,"offsetTable":{{"brokerName":"b1","queueId":2,"topic":"T1"}:{"brokerOffset":45,"consumerOffset":45,"lastTimestamp":1795631808455,"pullOffset":45}}}',
  ],
  ['GET_CONSUME_STATS of nobody', ConsumeStats, '{"consumeTps":0.0,"offsetTable":{}}'],
  [
    'GET_BROKER_CONSUME_STATS',
    ConsumeStatsList,
    '{"brokerAddr":"127.0.0.1:31911","consumeStatsList":[{"SELF_TEST_C_GROUP":[]},{"G1":[{"consumeTps":4.375,"offsetTable":{{"brokerName":"b1","queueId":3,"topic":"T1"}:{"brokerOffset":45,"consumerOffset":44,"lastTimestamp":1795631806938,"pullOffset":0}}}]}],"totalDiff":2,"totalInflightDiff":-178}',
  ],
  [
    'QUERY_SUBSCRIPTION_BY_CONSUMER',
    SubscriptionOfGroup,
    '{"group":"G1","subscriptionData":{"classFilterMode":false,"codeSet":[],"expressionType":"TAG","subString":"*","subVersion":1795631769553,"tagsSet":[],"topic":"T1"},"topic":"T1"}',
  ],
  [
    'QUERY_SUBSCRIPTION_BY_CONSUMER of nobody',
    SubscriptionOfGroup,
    '{"group":"nope","topic":"T1"}',
  ],
  [
    'QUERY_CONSUME_TIME_SPAN',
    ConsumeTimeSpans,
    '{"consumeTimeSpanSet":[{"consumeTimeStamp":1795631807445,"consumeTimeStampStr":"2026-11-25#18:36:47:445","delayTime":112,"maxTimeStamp":1795631809473,"maxTimeStampStr":"2026-11-25#18:36:49:473","messageQueue":{"brokerName":"b1","queueId":0,"topic":"T1"},"minTimeStamp":1795631767873,"minTimeStampStr":"2026-11-25#18:36:07:873"}]}',
  ],
  [
    'QUERY_CONSUME_QUEUE',
    ConsumeQueueEntries,
    '{"filterData":"nope@T1 is not online!","maxQueueIndex":45,"minQueueIndex":0,"queueData":[{"eval":false,"physicOffset":735,"physicSize":245,"tagsCode":2598919},{"eval":false,"physicOffset":1715,"physicSize":245,"tagsCode":2598919}]}',
  ],
  ['QUERY_CORRECTION_OFFSET', CorrectionOffsets, '{"correctionOffsets":{0:44,1:45,2:45,3:44}}'],
  [
    'VIEW_BROKER_STATS_DATA',
    BrokerStatsData,
    '{"statsDay":{"avgpt":0.0,"sum":0,"tps":0.0},"statsHour":{"avgpt":0.0,"sum":0,"tps":0.0},"statsMinute":{"avgpt":245.11428571428573,"sum":42895,"tps":1072.401810045251}}',
  ],
];

for (const [name, body, text] of answers) {
  test(`an answer of a Java broker to ${name} is read, and written again to the same text`, () => {
    assert.equal(new TextDecoder().decode(body.encode(body.decode(text))), text);
  });
}

test('an offset beyond all is the largest number that Java has', () => {
  const correctionOffsets = new Map([[0, Number.POSITIVE_INFINITY]]);
  const text = new TextDecoder().decode(CorrectionOffsets.encode({ correctionOffsets }));
  assert.equal(text, '{"correctionOffsets":{0:9223372036854775807}}');
});
