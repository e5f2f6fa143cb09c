import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FakeServer, fakeAdmin } from '../../../test/admin/fake-cluster.ts';
import { UsageMistake } from '../exit-codes.ts';
import { runMqadmin } from './index.ts';
import { missingOptions, readToolOptions, usageOf, value } from './options.ts';

const clusterInfo =
  '{"brokerAddrTable":{"jb":{"brokerAddrs":{0:"b:1"},"brokerName":"jb","cluster":"lab"}},' +
  '"clusterAddrTable":{"lab":["jb"]}}';
const route =
  '{"brokerDatas":[{"brokerAddrs":{"0":"b:1"},"brokerName":"jb","cluster":"lab"}],' +
  '"queueDatas":[{"brokerName":"jb","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":8}]}';
const queue = (id: number) => `{"brokerName":"jb","queueId":${id},"topic":"orders"}`;

const nameServer: FakeServer = ({ code, ext }) => {
  switch (code) {
    case 106:
      return { body: clusterInfo };
    case 105:
      return ext['topic'] === 'Nope'
        ? { code: 17, remark: 'No topic route info' }
        : { body: route };
    case 206:
      return { body: '{"topicList":["orders","%RETRY%jc"]}' };
    default:
      return {};
  }
};

/** As a broker of version 5.5.0 answers. */
const broker: FakeServer = ({ code }) => {
  switch (code) {
    case 28:
      return {
        body: '{"table":{"brokerVersionDesc":"V5_5_0","putTps":"1.2 0.0 0.0","getTransferredTps":"0.0 0.0 0.0","brokerActive":"true","commitLogDiskRatio":"0.18","earliestMessageTimeStamp":"1799999568000","msgPutTotalTodayNow":"13","msgGetTotalTodayNow":"114"}}',
      };
    case 202:
      return {
        body: `{"offsetTable":{${queue(1)}:{"lastUpdateTimestamp":7,"maxOffset":27,"minOffset":0},${queue(0)}:{"lastUpdateTimestamp":0,"maxOffset":0,"minOffset":0}},"topicPutTps":0.0}`,
      };
    case 203:
      return {
        body: '{"connectionSet":[{"clientId":"192.0.2.2@7","clientAddr":"h:1","language":"JAVA","version":513}],"consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING"}',
      };
    case 208:
      return {
        body: `{"consumeTps":1.5,"offsetTable":{${queue(0)}:{"brokerOffset":28,"consumerOffset":20,"lastTimestamp":9,"pullOffset":22}}}`,
      };
    case 222:
      return { body: `{"offsetTable":{${queue(3)}:30}}` };
    case 300:
      return { body: '{"groupList":["g1","jc"]}' };
    case 307:
      return { body: `{"mqTable":{${queue(0)}:{}}}` };
    default:
      return {};
  }
};

async function run(...words: readonly string[]) {
  let output = '';
  let errors = '';
  const { admin, calls } = fakeAdmin({ 'ns:9876': nameServer, 'b:1': broker });
  const failure = await runMqadmin(words, {
    terminal: {
      write: (text) => {
        output += text;
      },
      writeError: (text) => {
        errors += text;
      },
      columns: undefined,
      rows: undefined,
      colors: false,
      interactive: false,
      ask: async () => '',
      readInput: async () => new Uint8Array(),
      localTime: () => '2026-11-25 19:13:35.233',
      environment: {},
    },
    stopSignal: () => new AbortController().signal,
    connect: async () => ({ admin, async [Symbol.asyncDispose]() {} }),
  }).then(
    () => undefined,
    (error: unknown) => error,
  );
  return { output, errors, calls, failure };
}

/** The lines below were written by RocketMQ's own tool, 5.5.0. */
async function shows(line: string, ...expected: readonly string[]): Promise<void> {
  const { output, failure } = await run(...line.split(' '));
  assert.equal(failure, undefined, line);
  assert.deepEqual(output.split('\n').slice(0, -1), expected, line);
}

test('topics', async () => {
  await shows(
    'updateTopic -c lab -t MT -r 2 -w 2 -a +message.type=NORMAL',
    'create topic to b:1 success.',
    'TopicConfig [topicName=MT, readQueueNums=2, writeQueueNums=2, perm=RW-, topicFilterType=SINGLE_TAG, topicSysFlag=0, order=false, attributes={+message.type=NORMAL}]',
  );
  await shows(
    'deleteTopic -c lab -t MT',
    'delete topic [MT] from cluster [lab] success.',
    'delete topic [MT] from NameServer success.',
  );
  await shows('topicList', 'orders', '%RETRY%jc');
  await shows(
    'topicList -c',
    '#Cluster Name         #Topic                                            #Consumer Group                                 ',
    'lab                   orders                                                            g1                                                              ',
    'lab                   orders                                                            jc                                                              ',
  );
  await shows(
    'topicStatus -t orders',
    '#Broker Name                      #QID  #Min Offset           #Max Offset             #Last Updated',
    'jb                                0     0                     0                       ',
    'jb                                1     0                     27                      2026-11-25 19:13:35,233',
    '',
    'Topic Put TPS: 0.0',
  );
});

test('routes, as JSON of fastjson and as a list', async () => {
  const { output } = await run('topicRoute', '-t', 'orders');
  assert.match(
    output,
    /^\{\n\t"brokerDatas":\[\n\t\t\{\n\t\t\t"brokerAddrs":\{\n\t\t\t\t0:"b:1"\n\t\t\t\},\n\t\t\t"brokerName":"jb",\n\t\t\t"cluster":"lab",\n\t\t\t"enableActingMaster":false\n/,
  );
  assert.match(output, /\n\t"filterServerTable":\{\},\n\t"queueDatas":\[\n/);
  await shows(
    'topicRoute -t orders -l',
    '#ClusterName                                  #BrokerName                      #BrokerAddrs                                       #ReadQueue #WriteQueue #Perm',
    'lab                                           jb                               {0=b:1}                                            4          8           6    ',
    '-'.repeat(158),
    'Total:                                        1                                                                                   4          8                ',
  );
});

test('clusters', async () => {
  await shows(
    'clusterList',
    '#Cluster Name           #Broker Name            #BID  #Addr                  #Version              #InTPS(LOAD)                   #OutTPS(LOAD)  #Timer(Progress)        #PCWait(ms)  #Hour         #SPACE    #ACTIVATED',
    'lab                     jb                      0     b:1                    V5_5_0                 1.20(0,0ms)               0.00(0,0ms|0,0ms)  0-0(0.0w, 0.0, 0.0)               0  0.12          0.1800          true',
  );
  await shows(
    'clusterList -m',
    '#Cluster Name     #Broker Name                       #InTotalYest  #OutTotalYest  #InTotalToday #OutTotalToday',
    'lab               jb                                            0              0             13            114',
  );
});

test('groups', async () => {
  await shows(
    'updateSubGroup -c lab -g MG -r 3',
    'create subscription group to b:1 success.',
    'SubscriptionGroupConfig{groupName=MG, consumeEnable=true, consumeFromMinEnable=false, consumeBroadcastEnable=false, consumeMessageOrderly=false, retryQueueNums=1, retryMaxTimes=3, groupRetryPolicy=GroupRetryPolicy{type=CUSTOMIZED, exponentialRetryPolicy=null, customizedRetryPolicy=null}, brokerId=0, whichBrokerWhenConsumeSlowly=1, notifyConsumerIdsChangedEnable=true, groupSysFlag=0, consumeTimeoutMinute=15, subscriptionDataSet=null, attributes={}}',
  );
  await shows(
    'deleteSubGroup -b b:1 -g g2 -r true',
    'delete subscription group [g2] from broker [b:1] success.',
  );
  await shows(
    'consumerProgress',
    '#Group                                                            #Count  #Version                 #Type  #Model          #TPS     #Diff Total',
    'jc                                                                1       V5_5_0                   PUSH   CLUSTERING      1        8',
  );
  await shows(
    'consumerProgress -g jc',
    '#Topic                                                            #Broker Name                      #QID  #Broker Offset        #Consumer Offset      #Diff                #Inflight           #LastTime',
    'orders                                                            jb                                0     28                    20                    8                    2                    2026-11-25 19:13:35',
    '',
    'Consume TPS: 1.50',
    'Consume Diff Total: 8',
    'Consume Inflight Total: 2',
  );
  const clients = await run('consumerProgress', '-g', 'jc', '-s', 'true');
  assert.match(clients.output, /#Consumer Offset {6}#Client IP {11}#Diff/);
  assert.match(clients.output, / 192\.0\.2\.2 {12}8 /);
});

test('offsets by time, which may begin with a dash', async () => {
  await shows(
    'resetOffsetByTime -g g1 -t orders -s -1',
    'start reset consumer offset by specified, group[g1], topic[orders], force[true], timestamp(string)[-1], timestamp(long)[-1]',
    '#brokerName                               #queueId                                  #offset                                 ',
    'jb                                        3                                         30                                      ',
  );
  const one = await run('resetOffsetByTime', ...'-g g1 -t orders -s 0 -b b:1 -q 0 -o 5'.split(' '));
  assert.match(one.output, /\nreset consumer offset to 5\n$/);
  assert.deepEqual(one.calls, ['b:1 15', 'b:1 222']);
});

test('what is missing is told with the usage, before anything is sent', async () => {
  const { output, errors, calls, failure } = await run('updateTopic', '-r', '4');
  assert.ok(failure instanceof UsageMistake);
  assert.deepEqual([output, calls], ['', []]);
  assert.deepEqual(errors.split('\n').slice(0, 4), [
    'Missing required options: [-b create topic to which broker, -c create topic to which cluster], t',
    'usage: mqadmin updateTopic [-a <arg>] -b <arg> | -c <arg>  [-h] [-n <arg>] [-o <arg>] [-p <arg>] [-r <arg>]',
    '       [-s <arg>] -t <arg> [-u <arg>] [-w <arg>]',
    ' -a,--attributes <arg>       attribute(+a=b,+c=d,-e)',
  ]);
});

test('wrong words and values are mistakes; a refusal is one', async () => {
  for (const line of [
    'nosuch',
    'topicList -x',
    'topicRoute -t',
    'deleteSubGroup -g g',
    'updateSubGroup -g g',
    'topicList -n here',
  ]) {
    const { failure, calls } = await run(...line.split(' '));
    assert.ok(failure instanceof UsageMistake, line);
    assert.deepEqual(calls, [], line);
  }
  for (const line of [
    'topicRoute -t Nope',
    'updateTopic -c nope -t T',
    'updateTopic -b nowhere -t T',
    'updateTopic -c lab -t T -r many',
    'updateTopic -c lab -t T -a message.type=FIFO',
    'resetOffsetByTime -g g -t orders -s bad',
  ]) {
    const { failure } = await run(...line.split(' '));
    assert.ok(failure instanceof Error && !(failure instanceof UsageMistake), line);
  }
});

test('help needs nothing else', async () => {
  const { output, failure } = await run('topicRoute', '-h');
  assert.equal(failure, undefined);
  assert.match(output, /^usage: mqadmin topicRoute \[-h\] \[-l\] \[-n <arg>\] -t <arg>\n/);
  assert.match((await run()).output, /updateTopic {8}Update or create topic\n/);
});

test('options are read in all of their spellings', () => {
  const options = [value('t', 'topic', 'x', { isRequired: true }), value('q', 'queue', 'y')];
  for (const words of [
    ['-t', 'T'],
    ['--topic', 'T'],
    ['--topic=T'],
    ['-t=T'],
    ['-tT'],
    ['x', '-t', 'T'],
  ]) {
    assert.deepEqual([...readToolOptions(words, options)], [['topic', 'T']], words.join(' '));
  }
  assert.throws(() => readToolOptions(['-t', '-q', '1'], options), UsageMistake);
  assert.equal(missingOptions(new Map(), options), 'Missing required option: t');
  assert.match(usageOf('x', options), /^usage: mqadmin x \[-q <arg>\] -t <arg>\n/);
});
