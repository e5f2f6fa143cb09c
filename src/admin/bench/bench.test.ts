import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FakeServer, fakeAdmin } from '../../../test/admin/fake-cluster.ts';
import { type Clock, timestampMs } from '../../base/index.ts';
import { RequestCode, ResponseCode } from '../../wire/index.ts';
import { benchConsume } from './consume.ts';
import { benchMetadata } from './metadata.ts';
import { benchProduce, Pace } from './produce.ts';
import type { BenchReport } from './report.ts';

/** Time goes on by itself: a tenth of a millisecond whenever somebody looks, and as far as somebody sleeps. */
function movingClock(): Clock {
  let nowMs = 0;
  return {
    now: () => timestampMs(1_800_000_000_000 + Math.round(nowMs)),
    monotonicMs: () => {
      nowMs += 0.1;
      return nowMs;
    },
    setTimer: () => ({ cancel() {} }),
    sleep: (delayMs) =>
      new Promise((resolve) => {
        setImmediate(() => {
          nowMs += delayMs;
          resolve();
        });
      }),
    afterTurn: (action) => action(),
  };
}

const route =
  '{"brokerDatas":[{"brokerAddrs":{0:"a:1"},"brokerName":"a","cluster":"c"}],' +
  '"queueDatas":[{"brokerName":"a","perm":6,"readQueueNums":2,"writeQueueNums":2}]}';

function cluster(broker: FakeServer) {
  const nameServer: FakeServer = ({ code }) => {
    if (code === RequestCode.GET_ROUTEINFO_BY_TOPIC) return { body: route };
    if (code !== RequestCode.GET_BROKER_CLUSTER_INFO) return {};
    return {
      body: '{"brokerAddrTable":{"a":{"brokerAddrs":{0:"a:1"},"brokerName":"a","cluster":"c"}}}',
    };
  };
  return fakeAdmin({ 'ns:9876': nameServer, 'a:1': broker }, { clock: movingClock() });
}

const load = { connections: 2, inFlight: 3, seconds: undefined, count: 100, warmUp: undefined };
const production = {
  ...load,
  topic: 'T',
  size: 10,
  rate: undefined,
  tags: undefined,
  broker: undefined,
};
const never = new AbortController().signal;

async function all(reports: AsyncIterable<BenchReport>): Promise<BenchReport> {
  let last: BenchReport | undefined;
  for await (const report of reports) {
    assert.notEqual(last?.kind, 'result', 'the result is the last');
    last = report;
  }
  assert.ok(last !== undefined && last.kind === 'result');
  return last;
}

const accepting: FakeServer = ({ code }) =>
  code === RequestCode.SEND_MESSAGE_V2
    ? { ext: { msgId: 'x', queueId: '0', queueOffset: '0' } }
    : undefined;

test('exactly the count is sent, to all queues, each with a key of its own', async () => {
  const keys = new Set<string>();
  const queues = new Set<string>();
  let sent = 0;
  const { admin } = cluster((request) => {
    sent += 1;
    queues.add(request.ext['e'] ?? '');
    keys.add(/UNIQ_KEY.([0-9A-F]{32}).WAIT/.exec(request.ext['i'] ?? '')?.[1] ?? '');
    return accepting(request);
  });
  const result = await all(benchProduce.run(admin, production, never));
  assert.deepEqual([result.count, result.failed, sent, keys.size], [100, 0, 100, 100]);
  assert.deepEqual([...queues].sort(), ['0', '1']);
  assert.ok(result.latencyMs.p50 > 0 && result.latencyMs.p50 <= result.latencyMs.max);
  assert.ok(Math.abs(result.perSecond * result.seconds - 100) < 1e-6);
});

test('only what is acknowledged counts; failures are told by the name of their code', async () => {
  let sent = 0;
  const { admin } = cluster((request) => {
    sent += 1;
    return sent <= 10 ? { code: ResponseCode.SYSTEM_BUSY, remark: 'later' } : accepting(request);
  });
  const result = await all(benchProduce.run(admin, production, never));
  assert.deepEqual([result.count, result.failures], [100, [{ reason: 'SYSTEM_BUSY', count: 10 }]]);
});

test('when nothing succeeds the first failure is the outcome', async () => {
  const { admin } = cluster(() => ({ code: ResponseCode.NO_PERMISSION, remark: 'not you' }));
  const run = all(benchProduce.run(admin, { ...production, count: undefined, seconds: 2 }, never));
  await assert.rejects(run, { message: 'NO_PERMISSION (16): not you' });
});

test('time ends it too, and who stops it gets the result so far', async () => {
  const timed = cluster(accepting);
  const input = { ...production, count: undefined, seconds: 3, warmUp: 1 };
  const result = await all(benchProduce.run(timed.admin, input, never));
  assert.ok(result.count > 0 && result.seconds >= 3, `${result.seconds}`);
  const stop = new AbortController();
  const endless = { ...production, count: 1_000_000_000 };
  let last: BenchReport | undefined;
  for await (const report of benchProduce.run(cluster(accepting).admin, endless, stop.signal)) {
    last = report;
    stop.abort();
  }
  assert.equal(last?.kind, 'result');
});

test('a rate spreads the starts, and what is late counts from when it was due', async () => {
  const { admin } = cluster(accepting);
  const pace = new Pace(admin, 100);
  const first = await pace.next(never);
  const second = await pace.next(never);
  assert.ok(second - first >= 9 && second - first <= 11, `${second - first}`);
  await admin.clock.sleep(1_000);
  const late = await pace.next(never);
  assert.ok(late < second + 21, 'it was due long ago');
});

test('a topic is read again and again, or once', async () => {
  const { admin } = cluster(({ code }) => {
    if (code === RequestCode.GET_MIN_OFFSET) return { ext: { offset: '0' } };
    if (code === RequestCode.GET_MAX_OFFSET) return { ext: { offset: '0' } };
    return undefined;
  });
  const input = { ...load, topic: 'T', batch: 32, once: true };
  await assert.rejects(all(benchConsume.run(admin, input, never)), {
    message: 'T has no messages',
  });
});

test('what was created is removed, also when it is stopped or a creation fails', async () => {
  for (const kind of ['topic', 'group', 'offset'] as const) {
    const there = new Set<string>();
    let created = 0;
    const { admin } = cluster(({ code, ext, body }) => {
      switch (code) {
        case RequestCode.UPDATE_AND_CREATE_TOPIC:
          created += 1;
          there.add(`topic ${ext['topic']}`);
          return created === 7 ? { code: ResponseCode.SYSTEM_BUSY } : {};
        case RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP:
          there.add(`group ${JSON.parse(new TextDecoder().decode(body)).groupName}`);
          return {};
        case RequestCode.DELETE_TOPIC_IN_BROKER:
          there.delete(`topic ${ext['topic']}`);
          return {};
        case RequestCode.DELETE_SUBSCRIPTIONGROUP:
          there.delete(`group ${ext['groupName']}`);
          return {};
        default:
          return {};
      }
    });
    const input = { ...load, count: 20, kind, broker: undefined };
    const result = await all(benchMetadata.run(admin, input, never));
    assert.equal(result.count, kind === 'topic' ? 19 : 20);
    assert.deepEqual([...there], []);
  }
});
