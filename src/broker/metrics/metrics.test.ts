import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { Failure, isFailure } from '../../base/index.ts';
import type { BrokerOptions } from '../options.ts';
import { TestBroker } from '../test-broker.ts';
import { ofPages, Pages } from './test-pages.ts';

async function brokerWithMetrics(
  changes: Partial<BrokerOptions> = {},
): Promise<{ broker: TestBroker; pages: Pages; read: () => Promise<Map<string, number>> }> {
  const pages = new Pages();
  const broker = new TestBroker({ ...ofPages, ...changes });
  broker.http = pages.http;
  await broker.start();
  return { broker, pages, read: () => broker.complete(pages.metrics()) };
}

test('messages in and out are told by topic, kind and group', async () => {
  const { broker, read } = await brokerWithMetrics();
  const client = broker.client();
  await client.createTopic('t');
  await client.createGroup('g');
  for (let count = 0; count < 3; count++) await client.send('t', 'x'.repeat(count * 1000 + 1));
  await client.pull({ group: 'g', topic: 't', count: 2 });
  const metrics = await read();
  const kind = 'topic="t",message_type="normal",is_system="false"';
  assert.equal(metrics.get(`rocketmq_messages_in_total{${kind}}`), 3);
  const bytes = metrics.get(`rocketmq_throughput_in_total{${kind}}`) ?? 0;
  assert(bytes > 3000);
  assert.equal(metrics.get(`rocketmq_message_size_bucket{${kind},le="1024"}`), 1);
  assert.equal(metrics.get(`rocketmq_message_size_bucket{${kind},le="+Inf"}`), 3);
  assert.equal(metrics.get(`rocketmq_message_size_sum{${kind}}`), bytes);
  const group = 'topic="t",consumer_group="g",is_system="false"';
  assert.equal(metrics.get(`rocketmq_messages_out_total{${group}}`), 2);
});

test('retry and dead-letter topics are not counted as new messages', async () => {
  const { broker, read } = await brokerWithMetrics();
  const client = broker.client();
  await client.createGroup('g');
  await client.heartbeat({ consumers: { g: ['t'] } });
  assert.equal((await client.send('%RETRY%g', 'x')).code, 'SUCCESS');
  const names = [...(await read()).keys()];
  assert.deepEqual(
    names.filter((name) => name.startsWith('rocketmq_messages_in_total')),
    [],
  );
});

test('the lag of a group is what it did not commit, and what was not delivered', async () => {
  const { broker, read } = await brokerWithMetrics();
  const client = broker.client();
  await client.createTopic('t');
  await client.createGroup('g');
  for (let count = 0; count < 5; count++) await client.send('t', 'x');
  await client.commit('g', 't', 0, 1);
  await client.pull({ group: 'g', topic: 't', offset: 3 });
  await broker.runFor(3000);
  const labels = '{consumer_group="g",topic="t",is_retry="false",is_system="false"}';
  const metrics = await read();
  assert.equal(metrics.get(`rocketmq_consumer_lag_messages${labels}`), 4);
  assert.equal(metrics.get(`rocketmq_consumer_inflight_messages${labels}`), 2);
  assert.equal(metrics.get(`rocketmq_consumer_ready_messages${labels}`), 2);
  assert((metrics.get(`rocketmq_consumer_lag_latency_milliseconds${labels}`) ?? 0) >= 3000);
  await client.commit('g', 't', 0, 5);
  await broker.runFor(6000);
  const later = await read();
  assert.equal(later.get(`rocketmq_consumer_lag_messages${labels}`), 0);
  assert.equal(later.get(`rocketmq_consumer_lag_latency_milliseconds${labels}`), 0);
});

test('the positions that keep messages safe, fsyncs and clients are told', async () => {
  const { broker, read } = await brokerWithMetrics();
  const client = broker.client();
  await client.createTopic('t');
  await client.heartbeat({ consumers: { g: ['t'] }, producers: ['p'] });
  await broker.runFor(2000);
  const metrics = await read();
  const end = metrics.get('holdfast_log_end_position') ?? 0;
  assert(end > 0);
  for (const name of ['commit_point', 'durable_point', 'applied_position']) {
    assert.equal(metrics.get(`holdfast_${name}`), end, name);
  }
  assert.equal(metrics.get('holdfast_persisted_position{view="metadata"}'), end);
  assert((metrics.get('holdfast_fsync_seconds_count') ?? 0) > 0);
  assert.equal(metrics.get('holdfast_connections'), 1);
  assert.equal(metrics.get('holdfast_writes_refused'), 0);
  const consumers = [...metrics.keys()].filter((name) => name.includes('consumer_connections'));
  assert.match(consumers[0] ?? '', /consumer_group="g",.*consume_mode="push"/);
  assert.equal(metrics.get('rocketmq_broker_permission'), 6);
  const topics = metrics.get('rocketmq_topic_number') ?? 0;
  await client.createTopic('another');
  assert.equal((await read()).get('rocketmq_topic_number'), topics + 1);
});

test('where the metrics are is told, and who asks for too much at once is refused', async () => {
  const { broker, pages } = await brokerWithMetrics();
  assert.deepEqual([pages.answer('/x').status, pages.answer('/-/healthy').status], [404, 200]);
  const readers = [1, 2, 3, 4].map(() => pages.answer('/metrics').body);
  const started = readers.map((body) => {
    assert(Symbol.asyncIterator in body);
    const iterator = body[Symbol.asyncIterator]();
    void iterator.next();
    return iterator;
  });
  assert.equal(pages.answer('/').status, 503);
  for (const iterator of started) await broker.complete(Promise.resolve(iterator.return?.()));
  assert.equal(pages.answer('/').status, 200);
});

test('metrics are off until they are asked for, and end with the broker', async () => {
  const off = await brokerWithMetrics({ metricsExporter: 'DISABLE' });
  assert.equal(off.pages.at, undefined);
  const on = await brokerWithMetrics({ metricsHost: '10.0.0.1', metricsPort: 1234 });
  assert.deepEqual(on.pages.at, { host: '10.0.0.1', port: 1234 });
  await on.broker.stop();
  assert.equal(on.pages.closed, true);
});

test('a port that is in use is told, and the broker does not start', async () => {
  const pages = new Pages();
  pages.fails = new Failure('unavailable', 'in use', { reason: 'addressInUse' });
  const broker = new TestBroker({ metricsExporter: 'PROM' });
  broker.http = pages.http;
  await assert.rejects(broker.start(), (error) => isFailure(error, 'unavailable', 'addressInUse'));
});
