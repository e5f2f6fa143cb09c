import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import {
  decodeOffsetMessageId,
  decodeStoredMessages,
  encodeBatch,
  encodeProperties,
  maxPropertiesBytes,
  PropertyName,
  RequestCode,
  SendMessageResponse,
  SendMessageV1,
  ViewMessage,
} from '../../wire/index.ts';
import type { BrokerOptions } from '../options.ts';
import { pullRequest, type SendOptions, sendRequest, TestBroker } from '../test-broker.ts';

async function brokerWithTopic(options: Partial<BrokerOptions> = {}): Promise<TestBroker> {
  const broker = await TestBroker.start(options);
  await broker.client().createTopic('t', 4);
  return broker;
}

const propertiesOf = (entries: Readonly<Record<string, string>>): Uint8Array =>
  encodeProperties(new Map(Object.entries(entries)));

test('a message is stored as it was sent, with what the broker adds', async () => {
  const broker = await brokerWithTopic();
  const client = broker.client();
  const more = { flag: -7, sysFlag: 1, reconsumeTimes: 3 };
  const properties = { TAGS: '标签', KEYS: 'k1 k2', mine: 'yes' };
  const sent = await client.send('t', 'body', { queueId: 2, properties, more });
  assert.deepEqual([sent.code, sent.queueId, sent.offset], ['SUCCESS', 2, 0]);
  const [message] = decodeStoredMessages((await client.ask(pullRequest({ queueId: 2 }))).body);
  assert(message !== undefined);
  assert.equal(message.physicalOffset, decodeOffsetMessageId(sent.id).physicalOffset);
  const { flag, sysFlag, reconsumeTimes, topic, queueId, bornTimestamp } = message;
  assert.deepEqual([flag, sysFlag, reconsumeTimes, topic, queueId], [-7, 1, 3, 't', 2]);
  assert.equal(bornTimestamp, 1_700_000_000_000);
  const { UNIQ_KEY, ...others } = Object.fromEntries(message.properties);
  assert.match(UNIQ_KEY ?? '', /^[0-9A-F]{32}$/);
  const { regionId, clusterName } = broker.options;
  const added = { MSG_REGION: regionId, TRACE_ON: 'true', CLUSTER: clusterName };
  assert.deepEqual(others, { ...properties, ...added });
});

test('the answer repeats the unique key of the client', async () => {
  const client = (await brokerWithTopic()).client();
  const idOf = async (UNIQ_KEY: string): Promise<string | undefined> => {
    const response = await client.ask(sendRequest('t', 'x', { properties: { UNIQ_KEY } }));
    return SendMessageResponse.decode(response).transactionId;
  };
  const key = '7F00000100002A9F0000000000001234';
  assert.equal(await idOf(key), key);
  assert.equal(await idOf('订单-1'), '订单-1');
  // It would end the text in the answer: left out rather than an answer that nobody can read.
  for (const odd of ['a"b', 'a\\b', 'a\nb']) assert.equal(await idOf(odd), undefined);
});

test('both forms of the header are understood, whatever the request code', async () => {
  const broker = await brokerWithTopic();
  const client = broker.client();
  const { header } = sendRequest('t', 'x');
  for (const code of [RequestCode.SEND_MESSAGE, RequestCode.SEND_MESSAGE_V2]) {
    const body = new TextEncoder().encode('x');
    assert.equal((await client.answer({ code, header, body })).code, 'SUCCESS');
    const v1 = { code, header: [SendMessageV1, header[1]], body } as const;
    assert.equal((await client.answer(v1)).code, 'SUCCESS');
  }
  assert.equal(await client.maxOffset('t'), 4);
});

test('a queue below 0 lets the broker choose among those that can be written', async () => {
  const broker = await brokerWithTopic();
  const client = broker.client();
  await client.createTopic('narrow', 8, { writeQueueNums: 2 });
  const chosen = new Set<number>();
  for (let count = 0; count < 40; count++) {
    chosen.add((await client.send('narrow', 'x', { queueId: -1 })).queueId);
  }
  assert.deepEqual([...chosen].sort(), [0, 1]);
  await client.createTopic('readOnly', 8, { writeQueueNums: 0 });
  assert.equal((await client.send('readOnly', 'x', { queueId: -1 })).code, 'INVALID_PARAMETER');
  await client.createTopic('none', 0);
  assert.equal((await client.send('none', 'x', { queueId: -1 })).code, 'INVALID_PARAMETER');
});

test('what cannot be stored is refused with the code of the Java broker, and nothing is stored', async () => {
  const broker = await brokerWithTopic();
  const client = broker.client();
  const { maxMessageBytes } = broker.options;
  const check = async (
    code: string,
    topic: string,
    body: string | Uint8Array,
    o: SendOptions = {},
  ) =>
    assert.equal((await client.send(topic, body, o)).code, code, `${topic} ${JSON.stringify(o)}`);
  for (const queueId of [4, 65_536, 2 ** 31 - 1]) {
    await check('INVALID_PARAMETER', 't', 'x', { queueId });
  }
  for (const name of ['', ' ', 'a/b', 'a\u0000b', '主题', 'x'.repeat(128)]) {
    await check('INVALID_PARAMETER', name, 'x');
  }
  await check('TOPIC_NOT_EXIST', 'unknown', 'x', { defaultTopic: 'no such template' });
  await check('TOPIC_NOT_EXIST', 'unknown', 'x', { defaultTopic: 't' });
  await check('SUBSCRIPTION_GROUP_NOT_EXIST', '%RETRY%nobody', 'x');
  await check('NO_PERMISSION', 'SCHEDULE_TOPIC_XXXX', 'x');
  await check('NO_PERMISSION', 'SELF_TEST_TOPIC', 'x');
  await check('INVALID_PARAMETER', 'rmq_sys_metadata', 'x');
  await check('INVALID_PARAMETER', 'rmq_sys_epoch', 'x');
  await check('MESSAGE_ILLEGAL', 't', '');
  await check('MESSAGE_ILLEGAL', 't', new Uint8Array(maxMessageBytes + 1));
  await check('MESSAGE_ILLEGAL', 't', 'x', { properties: { a: 'x'.repeat(maxPropertiesBytes) } });
  await check('MESSAGE_ILLEGAL', 't', 'x', { properties: { TRAN_MSG: 'true' } });
  await check('MESSAGE_ILLEGAL', 't', 'x', { properties: { TIMER_DELAY_MS: '1000' } });
  for (let queueId = 0; queueId < 4; queueId++)
    assert.equal(await client.maxOffset('t', queueId), 0);
  assert.equal(await client.hasTopic('unknown'), false);
  await check('SUCCESS', 't', new Uint8Array(maxMessageBytes));
});

test('properties are accepted up to the limit, and what was stored is read after a restart', async () => {
  for (const advertisedHost of ['127.0.0.1', '2001:db8::7']) {
    const broker = await brokerWithTopic({ advertisedHost, segmentBytes: 2 ** 20 });
    const client = broker.client();
    let stored = 0;
    let refused = 0;
    for (let length = maxPropertiesBytes - 260; length <= maxPropertiesBytes - 90; length++) {
      const more = { properties: `a\u0001${'x'.repeat(length)}` };
      const { code } = await client.send('t', 'x', { more });
      assert(code === 'SUCCESS' || code === 'MESSAGE_ILLEGAL', code);
      if (code === 'SUCCESS') stored++;
      else refused++;
    }
    assert(stored > 0 && refused > 0, 'the limit is met');
    await broker.crash({ powerLoss: false });
    assert.equal(await client.maxOffset('t'), stored);
  }
});

test('a batch is stored as messages of their own, in order', async () => {
  const broker = await brokerWithTopic();
  const client = broker.client();
  const bodies = ['a', 'b', 'c'];
  const batch = encodeBatch(
    bodies.map((text, flag) => ({
      flag,
      body: Buffer.from(text),
      properties: propertiesOf({ UNIQ_KEY: `key-${text}`, TAGS: text }),
    })),
  );
  const sent = await client.send('t', batch, { queueId: 1, batch: true });
  assert.deepEqual([sent.code, sent.queueId, sent.offset], ['SUCCESS', 1, 0]);
  assert.equal(sent.id.split(',').length, 3);
  const pulled = await client.ask(pullRequest({ queueId: 1, tags: 'b||c' }));
  const messages = decodeStoredMessages(pulled.body);
  assert.deepEqual(
    messages.map(({ flag, queueOffset, properties }) => [
      flag,
      queueOffset,
      properties.get(PropertyName.UNIQ_KEY),
    ]),
    [
      [1, 1, 'key-b'],
      [2, 2, 'key-c'],
    ],
  );
  const ids = sent.id.split(',').map((id) => decodeOffsetMessageId(id).physicalOffset);
  for (const offset of ids) {
    const viewed = await client.ask({
      code: RequestCode.VIEW_MESSAGE_BY_ID,
      header: [ViewMessage, { offset }],
    });
    assert.equal(decodeStoredMessages(viewed.body)[0]?.physicalOffset, offset);
  }
});

test('a batch of which one message is bad is refused whole', async () => {
  const broker = await brokerWithTopic();
  const client = broker.client();
  const good = { flag: 0, body: Buffer.from('x'), properties: propertiesOf({}) };
  const check = async (code: string, batch: Uint8Array) => {
    assert.equal((await client.send('t', batch, { batch: true })).code, code);
  };
  const long = propertiesOf({ a: 'x'.repeat(maxPropertiesBytes - 40) });
  await check('MESSAGE_ILLEGAL', encodeBatch([good, { ...good, properties: long }]));
  const delayed = propertiesOf({ DELAY: '1' });
  await check('MESSAGE_ILLEGAL', encodeBatch([good, { ...good, properties: delayed }]));
  await check('MESSAGE_ILLEGAL', encodeBatch([good]).subarray(0, 20));
  await check('MESSAGE_ILLEGAL', new Uint8Array(0));
  // What the records add makes it larger than anything that is appended at once.
  await check('MESSAGE_ILLEGAL', encodeBatch(new Array(1200).fill(good)));
  assert.equal(await client.maxOffset('t'), 0);
  await check('SUCCESS', encodeBatch([good, good]));
  assert.equal(await client.maxOffset('t'), 2);
});

test('a batch does not cross the end of a segment, nor does it leave a gap', async () => {
  const broker = await brokerWithTopic();
  const client = broker.client();
  const body = new Uint8Array(900);
  const batch = encodeBatch(new Array(20).fill({ flag: 0, body, properties: propertiesOf({}) }));
  for (let count = 0; count < 12; count++) {
    const { code, offset } = await client.send('t', batch, { batch: true });
    assert.deepEqual([code, offset], ['SUCCESS', 20 * count]);
    if (count % 4 === 3) await broker.crash({ powerLoss: count % 8 === 3 });
    if (count % 4 === 3) break;
  }
  const end = await client.maxOffset('t');
  let seen = 0;
  for (let offset = 0; offset < Number(end); ) {
    const { next, bodies } = await client.pull({ offset });
    seen += bodies.length;
    offset = next;
  }
  assert.equal(seen, end);
});

test('a oneway send is stored and never answered, nor is one that is refused', async () => {
  const broker = await brokerWithTopic();
  const client = broker.client();
  await client.oneway(sendRequest('t', 'x'));
  await client.oneway(sendRequest('t', ''));
  await client.oneway(sendRequest('a/b', 'x'));
  assert.deepEqual((await client.pull()).bodies, ['x']);
});

test('an unknown topic is created from its template, as large as both sides allow', async () => {
  const broker = await TestBroker.start({ defaultTopicQueues: 3 });
  const client = broker.client();
  assert.equal((await client.send('few', 'x', { queues: 2, queueId: 1 })).code, 'SUCCESS');
  assert.equal((await client.send('few', 'x', { queueId: 2 })).code, 'INVALID_PARAMETER');
  assert.equal((await client.send('many', 'x', { queues: 100, queueId: 2 })).code, 'SUCCESS');
  assert.equal((await client.send('many', 'x', { queueId: 3 })).code, 'INVALID_PARAMETER');
  assert.equal((await client.send('least', 'x', { queues: -4 })).code, 'SUCCESS');
  await client.createGroup('g');
  assert.equal((await client.send('%RETRY%g', 'x')).code, 'SUCCESS');
  const closed = await TestBroker.start({ autoCreateTopics: false });
  assert.equal((await closed.client().send('few', 'x')).code, 'TOPIC_NOT_EXIST');
});

test('sends are refused until the time at which the broker is told to take them', async () => {
  const broker = await brokerWithTopic({ acceptSendsFrom: 2 ** 52 });
  assert.equal((await broker.client().send('t', 'x')).code, 'SYSTEM_ERROR');
});

test('an auto-created topic whose record a refused write cut away is created anew', async () => {
  const broker = await brokerWithTopic();
  const client = broker.client();
  broker.node.drive.setFreeBytes(0);
  const refused = Promise.all([
    client.sending('fresh', new Uint8Array(20_000), { queueId: 1 }),
    client.sending('fresh', new Uint8Array(20_000), { queueId: 1 }),
    client.sending('other', new Uint8Array(20_000)),
  ]);
  const codes = (await broker.complete(refused)).map(({ code }) => code);
  assert.deepEqual(codes, [14, 14, 14]);
  assert.equal(await client.hasTopic('fresh'), false);
  broker.node.drive.setFreeBytes(2 ** 30);
  assert.equal((await client.send('other', 'o')).offset, 0);
  const sent = await client.send('fresh', 'f', { queueId: 1 });
  assert.deepEqual([sent.code, sent.offset], ['SUCCESS', 0]);
  assert.deepEqual((await client.pull({ topic: 'fresh', queueId: 1 })).bodies, ['f']);
  await broker.crash({ powerLoss: false });
  assert.deepEqual((await client.pull({ topic: 'fresh', queueId: 1 })).bodies, ['f']);
  assert.deepEqual((await client.pull({ topic: 'other' })).bodies, ['o']);
});
