import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import type { OutgoingRequest } from '../remoting/index.ts';
import { encodeBatch, RequestCode } from '../wire/index.ts';
import {
  createTopic,
  heartbeatRequest,
  pullRequest,
  sendRequest,
  TestBroker,
} from './test-broker.ts';

const text = (length: number): string => 'x'.repeat(length);
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);
const withFields = (code: number, extFields: Readonly<Record<string, string>>, body?: string) => ({
  code,
  extFields,
  ...(body !== undefined && { body: bytes(body) }),
});

/** Short names of SEND_MESSAGE_V2, all good. */
const sendFields = { a: 'p', b: 't', c: 'TBW102', d: '4', e: '0', f: '0', g: '0', h: '0' };
const pullFields = {
  ...{ consumerGroup: 'g', topic: 't', queueId: '0', queueOffset: '0', maxMsgNums: '32' },
  ...{ sysFlag: '0', commitOffset: '0', suspendTimeoutMillis: '0', subVersion: '0' },
};

/** What is asked, the code of the answer, and what its remark says. */
const refused: readonly (readonly [string, OutgoingRequest, string, RegExp])[] = [
  ['a code that nobody knows', { code: 31_999 }, 'REQUEST_CODE_NOT_SUPPORTED', / 31999 not supp/],
  ['a code below 0', { code: -7 }, 'REQUEST_CODE_NOT_SUPPORTED', / -7 not supported/],
  ['a send without fields', { code: RequestCode.SEND_MESSAGE_V2 }, 'SYSTEM_ERROR', /is missing/],
  [
    'a send to queue "first"',
    withFields(RequestCode.SEND_MESSAGE_V2, { ...sendFields, e: 'first' }),
    'SYSTEM_ERROR',
    /queueId \(e\) is "first", expected int/,
  ],
  [
    'a send to queue 2^31',
    withFields(RequestCode.SEND_MESSAGE_V2, { ...sendFields, e: '2147483648' }),
    'SYSTEM_ERROR',
    /queueId \(e\) is "2147483648", expected int/,
  ],
  [
    'a body over the limit',
    sendRequest('t', text(32 * 1024 + 1)),
    'MESSAGE_ILLEGAL',
    /32769 bytes/,
  ],
  ['no body at all', sendRequest('t', ''), 'MESSAGE_ILLEGAL', /./],
  ['a topic of 128 characters', sendRequest(text(128), 'b'), 'INVALID_PARAMETER', /topic/i],
  ['a topic with a blank', sendRequest('a topic', 'b'), 'INVALID_PARAMETER', /topic/i],
  [
    'properties over the limit',
    sendRequest('t', 'b', { properties: { KEYS: text(33_000) } }),
    'MESSAGE_ILLEGAL',
    /propert/i,
  ],
  [
    'a batch that is none',
    sendRequest('t', 'nonsense', { batch: true }),
    'MESSAGE_ILLEGAL',
    /batch/,
  ],
  [
    'a batch that is cut off',
    sendRequest(
      't',
      encodeBatch([{ flag: 0, body: bytes('b'), properties: bytes('') }]).subarray(0, 20),
      { batch: true },
    ),
    'MESSAGE_ILLEGAL',
    /batch/,
  ],
  ['a pull without fields', { code: RequestCode.PULL_MESSAGE }, 'SYSTEM_ERROR', /is missing/],
  [
    'a pull of the queue before the first',
    withFields(RequestCode.PULL_MESSAGE, { ...pullFields, queueId: '-1', sysFlag: '4' }),
    'INVALID_PARAMETER',
    /queueId/,
  ],
  [
    'a pull from an offset that is none',
    withFields(RequestCode.PULL_MESSAGE, { ...pullFields, queueOffset: '1e3' }),
    'SYSTEM_ERROR',
    /queueOffset/,
  ],
  ['a heartbeat without a body', { code: RequestCode.HEART_BEAT }, 'SYSTEM_ERROR', /./],
  [
    'a heartbeat that is a list',
    { code: RequestCode.HEART_BEAT, body: bytes('[]') },
    'SYSTEM_ERROR',
    /HeartbeatData/,
  ],
  [
    'a heartbeat nested without end',
    { code: RequestCode.HEART_BEAT, body: bytes('{a:'.repeat(100_000)) },
    'SYSTEM_ERROR',
    /JSON/,
  ],
  ['a topic without a name', createTopic(''), 'INVALID_PARAMETER', /topic/i],
  ['a topic with a name of 128', createTopic(text(128)), 'INVALID_PARAMETER', /topic/i],
  ['a topic with no such name', createTopic('a/b'), 'INVALID_PARAMETER', /topic/i],
  [
    'an offset above what exists exactly',
    withFields(RequestCode.UPDATE_CONSUMER_OFFSET, {
      ...{ consumerGroup: 'g', topic: 't', queueId: '0' },
      commitOffset: '9223372036854775807',
    }),
    'SYSTEM_ERROR',
    /commitOffset/,
  ],
];

test('bad requests are refused with a code and a reason, and change nothing', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  await client.createTopic('t');
  await client.createGroup('g');
  await client.send('t', 'first');
  const state = async () => {
    const topics = await client.ask({ code: RequestCode.GET_ALL_TOPIC_CONFIG });
    const groups = await client.ask({ code: RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG });
    return [new TextDecoder().decode(topics.body), new TextDecoder().decode(groups.body)];
  };
  const before = await state();
  const wrong: unknown[] = [];
  for (const [what, request, code, remark] of refused) {
    const answer = await client.answer(request);
    if (answer.code !== code || !remark.test(answer.remark ?? '')) wrong.push([what, answer]);
  }
  assert.deepEqual(wrong, []);
  assert.deepEqual(await state(), before);
  assert.deepEqual((await client.send('t', 'second')).offset, 1, 'none of them was stored');
  assert.equal(broker.failed, undefined);
});

test('good requests between bad ones on one connection are served', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  await client.createTopic('t');
  const asked = refused.flatMap(([, request], n) => [
    client.asking(request),
    client.asking(sendRequest('t', `message ${n}`)),
  ]);
  const answers = await broker.complete(Promise.all(asked));
  assert.deepEqual(
    [...new Set(answers.filter((_, n) => n % 2 === 1).map(({ code }) => code))],
    [0],
  );
  const { bodies } = await client.pull({ count: 64 });
  assert.deepEqual(
    bodies,
    refused.map((_, n) => `message ${n}`),
  );
  assert.equal((await client.answer(heartbeatRequest('c', { producers: ['p'] }))).code, 'SUCCESS');
  assert.equal((await client.answer(pullRequest({ topic: 'none' }))).code, 'TOPIC_NOT_EXIST');
});
