import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isFailure, queueOffset, timestampMs } from '../../base/index.ts';
import { encodeCommand } from '../frames/encode.ts';
import { FrameReader } from '../frames/frame-reader.ts';
import type { Encoding, IncomingCommand } from '../frames/incoming-command.ts';
import { encodeProperties } from '../messages/properties.ts';
import { PullMessage } from './pull.ts';
import { decodeSendMessage, type SendMessage, SendMessageV1, SendMessageV2 } from './send.ts';
import { PullMessageView, SendMessageView } from './views.ts';

function read(bytes: Uint8Array): IncomingCommand {
  let found: IncomingCommand | undefined;
  new FrameReader().push(bytes, (command) => {
    found = command;
  });
  assert.ok(found);
  return found;
}

const name = fc.string({ minLength: 1, maxLength: 30 }).filter((text) => !/["\\]/.test(text));
const encoding = fc.constantFrom<Encoding>('json', 'rocketmq');
const anyProperties = fc
  .dictionary(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }),
    { minKeys: 1, maxKeys: 6 },
  )
  .map((map) => Buffer.from(encodeProperties(new Map(Object.entries(map)))).toString());

const anySend: fc.Arbitrary<SendMessage> = fc.record(
  {
    producerGroup: name,
    topic: name,
    defaultTopic: name,
    defaultTopicQueueNums: fc.integer(),
    queueId: fc.integer(),
    sysFlag: fc.integer(),
    bornTimestamp: fc.maxSafeInteger().map(timestampMs),
    flag: fc.integer(),
    properties: anyProperties,
    reconsumeTimes: fc.integer(),
    unitMode: fc.boolean(),
    maxReconsumeTimes: fc.integer(),
    batch: fc.boolean(),
  },
  {
    requiredKeys: [
      'producerGroup',
      'topic',
      'defaultTopic',
      'defaultTopicQueueNums',
      'queueId',
      'sysFlag',
      'bornTimestamp',
      'flag',
    ],
  },
);

test('a view of a send says what decoding says', () => {
  const view = new SendMessageView();
  const longNames = fc.boolean();
  fc.assert(
    fc.property(anySend, longNames, encoding, (header, longNames, encoding) => {
      const schema = longNames ? SendMessageV1 : SendMessageV2;
      const frame = encodeCommand({ code: 310, opaque: 1, header: [schema, header], encoding });
      const command = read(frame);
      const decoded = decodeSendMessage(command);
      assert.deepEqual({ ...decoded }, { ...header });
      assert.ok(view.read(command));
      assert.equal(view.topic, header.topic);
      assert.equal(view.producerGroup, header.producerGroup);
      assert.equal(view.defaultTopic, header.defaultTopic);
      assert.equal(view.defaultTopicQueueNums, header.defaultTopicQueueNums);
      assert.equal(view.queueId, header.queueId);
      assert.equal(view.sysFlag, header.sysFlag);
      assert.equal(view.bornTimestamp, header.bornTimestamp);
      assert.equal(view.flag, header.flag);
      assert.equal(view.reconsumeTimes, header.reconsumeTimes ?? 0);
      assert.equal(view.maxReconsumeTimes, header.maxReconsumeTimes ?? -1);
      assert.equal(view.unitMode, header.unitMode ?? false);
      assert.equal(view.batch, header.batch ?? false);
      const properties = new Uint8Array(view.propertiesLength + 2);
      assert.equal(view.copyProperties(properties, 1), view.propertiesLength + 1);
      assert.equal(properties.at(-1), 0);
      assert.equal(Buffer.from(properties.subarray(1, -1)).toString(), header.properties ?? '');
    }),
  );
});

test('a view of a pull says what decoding says', () => {
  const view = new PullMessageView();
  const anyPull = fc.record(
    {
      consumerGroup: name,
      topic: name,
      queueId: fc.integer(),
      queueOffset: fc.maxSafeInteger().map(queueOffset),
      maxMsgNums: fc.integer(),
      sysFlag: fc.integer(),
      commitOffset: fc.maxSafeInteger().map(queueOffset),
      suspendTimeoutMillis: fc.maxSafeInteger(),
      subscription: name,
      subVersion: fc.maxSafeInteger(),
      expressionType: fc.constantFrom('TAG', 'SQL92'),
    },
    {
      requiredKeys: [
        'consumerGroup',
        'topic',
        'queueId',
        'queueOffset',
        'maxMsgNums',
        'sysFlag',
        'commitOffset',
        'suspendTimeoutMillis',
        'subVersion',
      ],
    },
  );
  fc.assert(
    fc.property(anyPull, encoding, (header, encoding) => {
      const command = read(
        encodeCommand({ code: 11, opaque: 1, header: [PullMessage, header], encoding }),
      );
      assert.deepEqual({ ...PullMessage.decode(command) }, { ...header });
      assert.ok(view.read(command));
      for (const [property, value] of Object.entries(header)) {
        assert.equal(view[property as keyof typeof header], value, property);
      }
      if (header.subscription === undefined) assert.equal(view.subscription, undefined);
    }),
  );
});

const plainSend: Record<string, string> = {
  a: 'group',
  b: 'topic',
  c: 'TBW102',
  d: '8',
  e: '1',
  f: '0',
  g: '1700000000000',
  h: '0',
};

function checkSend(changes: Record<string, string | undefined>, expected: RegExp | 'read'): void {
  const extFields = { ...plainSend, ...changes };
  const command = read(encodeCommand({ code: 310, opaque: 1, extFields, encoding: 'json' }));
  const view = new SendMessageView();
  if (expected === 'read') {
    assert.ok(view.read(command));
    return;
  }
  assert.equal(view.read(command), false);
  assert.throws(
    () => decodeSendMessage(command),
    (error) => isFailure(error, 'invalid') && expected.test(error.message),
  );
}

test('a send that lacks something, or says nonsense, is refused by name', () => {
  checkSend({}, 'read');
  checkSend({ b: undefined }, /SendMessageV2: topic \(b\) is missing/);
  checkSend({ e: 'x' }, /queueId \(e\) is "x", expected int/);
  checkSend({ e: '2147483648' }, /queueId \(e\) is "2147483648", expected int/);
  checkSend({ e: '' }, /expected int/);
  checkSend({ g: '9007199254740993' }, /bornTimestamp \(g\) is .*expected long/);
  checkSend({ j: '1.5' }, /expected optional int/);
  checkSend({ a: undefined }, /SendMessageV1: producerGroup is missing/);
  checkSend({ k: 'TRUE', m: 'nonsense' }, 'read');
});

test('a header with escapes in a name is left to decoding', () => {
  const command = read(
    encodeCommand({
      code: 310,
      opaque: 1,
      extFields: { ...plainSend, b: 'a"b' },
      encoding: 'json',
    }),
  );
  assert.equal(new SendMessageView().read(command), false);
  assert.equal(decodeSendMessage(command).topic, 'a"b');
});

test('times and versions beyond 2^53 are rounded, not refused', () => {
  const extFields = {
    consumerGroup: 'g',
    topic: 't',
    queueId: '0',
    queueOffset: '0',
    maxMsgNums: '32',
    sysFlag: '6',
    commitOffset: '0',
    suspendTimeoutMillis: '15000',
    subVersion: '9223372036854775807',
  };
  const command = read(encodeCommand({ code: 11, opaque: 1, extFields, encoding: 'json' }));
  const view = new PullMessageView();
  assert.ok(view.read(command));
  assert.equal(view.subVersion, 2 ** 63);
  assert.equal(PullMessage.decode(command).subVersion, 2 ** 63);
});

test('names stay right when many of them share a cache', () => {
  const view = new SendMessageView();
  for (let i = 0; i < 2000; i++) {
    const extFields = { ...plainSend, b: `topic-${i % 700}` };
    view.read(read(encodeCommand({ code: 310, opaque: 1, extFields, encoding: 'json' })));
    assert.equal(view.topic, `topic-${i % 700}`);
  }
});
