/**
 * What reading and answering one hot request costs, in ns and as a ratio to `JSON.parse` of the same header.
 *
 * usage: node build/bench/micro/wire.js
 */
import { performance } from 'node:perf_hooks';
import {
  bodyCrc,
  encodeCommand,
  encodeHost,
  encodeStoredMessage,
  FrameReader,
  OutputBuffer,
  PullMessage,
  PullMessageView,
  SendMessageV1,
  SendMessageV2,
  SendMessageView,
  storedMessageSize,
  storeHostPrefix,
  writeSendResponse,
} from '../../src/wire/index.ts';

/** Calls in one slice, and slices of each case. */
const calls = 1_500;
const slices = 300;

const cases: { name: string; run: () => void; times: number[] }[] = [];

function measure(name: string, run: () => void): void {
  cases.push({ name, run, times: [] });
}

/**
 * Slices of all cases take turns, so that what else the machine does hits all alike. The minimum is what the code costs,
 * the median what it cost here and now.
 */
function report(): void {
  for (const { run } of cases) for (let i = 0; i < 20 * calls; i++) run();
  for (let slice = 0; slice < slices; slice++) {
    for (const { run, times } of cases) {
      const start = performance.now();
      for (let i = 0; i < calls; i++) run();
      times.push(((performance.now() - start) * 1e6) / calls);
    }
  }
  for (const { times } of cases) times.sort((a, b) => a - b);
  const reference = cases[0]!.times;
  console.log(`${''.padEnd(50)}  min ns  median  of JSON.parse`);
  for (const { name, times } of cases) {
    const [min, median] = [times[0]!, times[slices >> 1]!];
    const figures = [min.toFixed(0), median.toFixed(0), (min / reference[0]!).toFixed(2)];
    console.log(`${name.padEnd(50)}${figures.map((figure) => figure.padStart(8)).join('')}`);
  }
}

const send = {
  producerGroup: 'loadgen',
  topic: 'loadgen',
  defaultTopic: 'TBW102',
  defaultTopicQueueNums: 8,
  queueId: 3,
  sysFlag: 0,
  bornTimestamp: 1_764_082_800_123 as never,
  flag: 0,
  properties: 'UNIQ_KEY\u00017F0000010000ABCD0000000000000001\u0002WAIT\u0001true\u0002',
  reconsumeTimes: 0,
  unitMode: false,
  batch: false,
};
const body = new Uint8Array(1024).fill(97);
const pull = {
  consumerGroup: 'loadgen',
  topic: 'loadgen',
  queueId: 3,
  queueOffset: 123_456 as never,
  maxMsgNums: 32,
  sysFlag: 6,
  commitOffset: 0 as never,
  suspendTimeoutMillis: 15_000,
  subscription: '*',
  subVersion: 1_764_082_800_123,
  expressionType: 'TAG',
};

const opaque = 123_456_789;
const frames = {
  v2: encodeCommand({ code: 310, opaque, encoding: 'json', header: [SendMessageV2, send], body }),
  v2Binary: encodeCommand({
    code: 310,
    opaque,
    encoding: 'rocketmq',
    header: [SendMessageV2, send],
    body,
  }),
  v1: encodeCommand({ code: 10, opaque, encoding: 'json', header: [SendMessageV1, send], body }),
  pull: encodeCommand({ code: 11, opaque, encoding: 'json', header: [PullMessage, pull] }),
};

const headerText = (frame: Uint8Array) =>
  new TextDecoder().decode(frame.subarray(8, 8 + ((frame[6]! << 8) | frame[7]!)));

/** Kept so that nothing measured can be left out. */
let sink = 0;
const reader = new FrameReader();
const target = new Uint8Array(4096);
const targetView = new DataView(target.buffer);

const headerBytes = new TextEncoder().encode(headerText(frames.v2));
console.log(`header of SEND_MESSAGE_V2: ${headerBytes.length} bytes`);
const utf8 = new TextDecoder();
measure('JSON.parse of the header (with UTF-8 decoding)', () => {
  sink += JSON.parse(utf8.decode(headerBytes)).opaque;
});

measure('frame only', () => {
  reader.push(frames.v2, (command) => {
    sink += command.opaque;
  });
});

const sendView = new SendMessageView();
function readSend(name: string, frame: Uint8Array): void {
  measure(name, () => {
    reader.push(frame, (command) => {
      if (!sendView.read(command)) throw new Error('not plain');
      sink += sendView.queueId + sendView.topic.length + sendView.copyProperties(target, 0);
    });
  });
}
readSend('SEND_MESSAGE_V2, JSON: frame, view, properties', frames.v2);
readSend('SEND_MESSAGE, JSON: frame, view, properties', frames.v1);
readSend('SEND_MESSAGE_V2, binary: frame, view, properties', frames.v2Binary);

measure('SEND_MESSAGE_V2, JSON: frame, full decoding', () => {
  reader.push(frames.v2, (command) => {
    sink += SendMessageV2.decode(command).queueId;
  });
});

const pullView = new PullMessageView();
measure('PULL_MESSAGE, JSON: frame and view', () => {
  reader.push(frames.pull, (command) => {
    if (!pullView.read(command)) throw new Error('not plain');
    sink += pullView.queueId + pullView.topic.length + (pullView.subscription?.length ?? 0);
  });
});

const host = encodeHost({ host: '127.0.0.1', port: 10911 });
const out = new OutputBuffer();
const answer = {
  code: 0,
  queueId: 3,
  queueOffset: 123_456,
  storeHost: storeHostPrefix(host),
  physicalOffset: 987_654_321_012,
  transactionId: undefined,
  regionId: 'DefaultRegion',
  traceOn: true,
};
for (const encoding of ['json', 'rocketmq'] as const) {
  measure(`answer to a SEND, ${encoding}`, () => {
    writeSendResponse(out, opaque, encoding, answer);
    if (out.length > 16_384) sink += out.take().length;
  });
}

const topic = new TextEncoder().encode('loadgen');
const properties = new TextEncoder().encode(send.properties);
const record = {
  queueId: 3,
  flag: 0,
  queueOffset: 123_456,
  physicalOffset: 987_654_321_012,
  sysFlag: 0,
  bornTimestamp: 1_764_082_800_123,
  bornHost: host,
  storeTimestamp: 1_764_082_800_124,
  storeHost: host,
  reconsumeTimes: 0,
  preparedTransactionOffset: 0,
  body,
  bodyCrc: 0,
  topic,
  properties,
  propertiesLength: properties.length,
};
measure('checksum of a body of 1 KB', () => {
  sink += bodyCrc(body);
});
measure('record of 1 KB, without checksum', () => {
  sink += storedMessageSize(topic.length, properties.length, body.length);
  sink += encodeStoredMessage(target, targetView, 0, record);
});
report();
if (sink === 0) console.log('nothing was measured');
