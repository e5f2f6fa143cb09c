import { isSystemGroup, Table } from '../../views/metadata/index.ts';
import type { ClientSession, Consumers } from '../sessions/consumers.ts';
import type { Producers } from '../sessions/producers.ts';
import type { GroupStatistics } from '../statistics/group-statistics.ts';
import type { Statistics } from '../statistics/statistics.ts';
import {
  type KindStatistics,
  type MessageKind,
  messageKinds,
  sizeBounds,
  type TopicStatistics,
} from '../statistics/topic-statistics.ts';
import { dlqTopicPrefix, retryTopicPrefix } from '../topics.ts';
import { histogramSamples, type Labels, type Metric, type Sample } from './exposition.ts';
import { type LagOfQueues, type LagParts, Lags } from './lag.ts';

interface ApacheParts extends LagParts {
  readonly statistics: Statistics;
  readonly consumers: Consumers;
  readonly producers: Producers;
  readonly permission: () => number;
  readonly disk: () => Promise<{ readonly totalBytes: number; readonly freeBytes: number }>;
  readonly earliestTimestamp: () => Promise<number>;
}

/** Pools of threads that RocketMQ has. Here only sends wait, for their acknowledgement. */
const processors = [
  'send',
  'async_put',
  'pull',
  'ack',
  'query_message',
  'client_manager',
  'heartbeat',
  'lite_pull',
  'transaction',
  'consumer_manager',
  'admin',
  'reply',
];
const storage = { storage_type: 'local', storage_medium: 'disk' };

/**
 * Metrics under the names of RocketMQ 5.5 (`BrokerMetricsManager`, `DefaultStoreMetricsManager`) for what this broker
 * has. Messages count from the start of the process; topics and groups without any have no series.
 */
export function apacheMetrics(parts: ApacheParts): Metric[] {
  const { statistics, store } = parts;
  const lags = new Lags(parts);
  const ofKinds = (
    name: string,
    help: string,
    value: (kind: KindStatistics) => number,
  ): Metric => ({
    name,
    type: 'counter',
    help,
    *samples() {
      for (const [labels, kind] of kinds(statistics)) yield { labels, value: value(kind) };
    },
  });
  const ofGroups = (
    name: string,
    help: string,
    value: (group: GroupStatistics) => number,
  ): Metric => ({
    name,
    type: 'counter',
    help,
    *samples() {
      for (const [topic, group] of groups(statistics)) {
        const amount = value(group);
        if (amount > 0) yield { labels: groupLabels(topic, group.group), value: amount };
      }
    },
  });
  const lag = (name: string, help: string, value: (lag: LagOfQueues) => number): Metric => ({
    name,
    type: 'gauge',
    help,
    async *samples() {
      for (const one of await lags.read()) yield { labels: lagLabels(one), value: value(one) };
    },
  });
  return [
    ofKinds('rocketmq_messages_in_total', 'Messages stored.', ({ messages }) => messages),
    ofKinds('rocketmq_throughput_in_total', 'Bytes stored.', ({ bytes }) => bytes),
    {
      name: 'rocketmq_message_size',
      type: 'histogram',
      help: 'Bytes that one send stored.',
      *samples() {
        for (const [labels, { sizes, bytes }] of kinds(statistics)) {
          yield* histogramSamples(sizeBounds, sizes, bytes, labels);
        }
      },
    },
    ofGroups('rocketmq_messages_out_total', 'Messages delivered.', ({ gets }) => gets.value),
    ofGroups('rocketmq_throughput_out_total', 'Bytes delivered.', ({ getBytes }) => getBytes.value),
    ofGroups(
      'rocketmq_send_to_dlq_messages_total',
      'Messages that went to a dead-letter topic.',
      ({ rare }) => rare.deadLetters?.value ?? 0,
    ),
    lag('rocketmq_consumer_lag_messages', 'Messages not consumed yet.', ({ ready, inflight }) => {
      return ready + inflight;
    }),
    lag(
      'rocketmq_consumer_lag_latency_milliseconds',
      'Age of the oldest message that is not consumed.',
      ({ lagLatencyMs }) => lagLatencyMs,
    ),
    lag(
      'rocketmq_consumer_inflight_messages',
      'Messages delivered and not committed.',
      ({ inflight }) => inflight,
    ),
    lag(
      'rocketmq_consumer_queueing_latency_milliseconds',
      'Age of the oldest message that is not delivered.',
      ({ queueingLatencyMs }) => queueingLatencyMs,
    ),
    lag('rocketmq_consumer_ready_messages', 'Messages not delivered yet.', ({ ready }) => ready),
    {
      name: 'rocketmq_producer_connections',
      type: 'gauge',
      help: 'Connections of producers.',
      samples: () => producerConnections(parts.producers),
    },
    {
      name: 'rocketmq_consumer_connections',
      type: 'gauge',
      help: 'Connections of consumers.',
      samples: () => consumerConnections(parts.consumers),
    },
    {
      name: 'rocketmq_processor_watermark',
      type: 'gauge',
      help: 'Requests that wait.',
      *samples() {
        for (const processor of processors) {
          const value = processor === 'send' ? statistics.waitingSends : 0;
          yield { labels: { processor }, value };
        }
      },
    },
    gauge('rocketmq_broker_permission', '2 is write, 4 is read, 6 is both.', parts.permission),
    gauge('rocketmq_topic_number', 'Topics.', () => store.tables.applied.count(Table.topic)),
    gauge('rocketmq_consumer_group_number', 'Groups.', () => {
      return store.tables.applied.count(Table.subscriptionGroup);
    }),
    {
      name: 'rocketmq_storage_size_bytes',
      type: 'gauge',
      help: 'Bytes in use on the disk of the store.',
      async *samples() {
        const { totalBytes, freeBytes } = await parts.disk();
        yield { labels: storage, value: totalBytes - freeBytes };
      },
    },
    gauge(
      'rocketmq_storage_flush_behind_bytes',
      'Bytes written and not fsynced.',
      () => store.log.end - store.log.synced,
      storage,
    ),
    gauge('rocketmq_storage_dispatch_behind_bytes', 'Bytes not in the queues.', () => 0, storage),
    {
      name: 'rocketmq_storage_message_reserve_time_milliseconds',
      type: 'gauge',
      help: 'Age of the oldest record.',
      async *samples() {
        const earliest = await parts.earliestTimestamp();
        if (earliest >= 0) yield { labels: storage, value: parts.clock.now() - earliest };
      },
    },
  ];
}

/** A metric of one sample. */
export function gauge(name: string, help: string, value: () => number, labels?: Labels): Metric {
  return {
    name,
    type: 'gauge',
    help,
    samples: () => [{ value: value(), ...(labels && { labels }) }],
  };
}

/** Messages that are sent again, and those that nobody can consume, are not new. */
function* kinds(statistics: Statistics): Generator<[Labels, KindStatistics]> {
  for (const topic of statistics.topics()) {
    const { name } = topic;
    if (name.startsWith(retryTopicPrefix) || name.startsWith(dlqTopicPrefix)) continue;
    for (const kind of messageKinds) {
      const ofKind = topic.kinds[kind];
      if (ofKind !== undefined) yield [kindLabels(topic, kind), ofKind];
    }
  }
}

function* groups(statistics: Statistics): Generator<[TopicStatistics, GroupStatistics]> {
  for (const topic of statistics.topics()) {
    for (const group of topic.groups()) yield [topic, group];
  }
}

const kindLabels = ({ name, isSystem }: TopicStatistics, kind: MessageKind): Labels => ({
  topic: name,
  message_type: kind,
  is_system: String(isSystem),
});

const groupLabels = (topic: TopicStatistics, group: string): Labels => ({
  topic: topic.name,
  consumer_group: group,
  is_system: String(topic.isSystem || isSystemGroup(group)),
});

const lagLabels = ({ group, topic }: LagOfQueues): Labels => ({
  consumer_group: group,
  topic,
  is_retry: String(topic.startsWith(retryTopicPrefix)),
  is_system: String(isSystemGroup(group)),
});

function* producerConnections(producers: Producers): Generator<Sample> {
  const sessions = new Map<unknown, ClientSession>();
  for (const clients of producers.groups().values()) {
    for (const [connection, session] of clients) sessions.set(connection, session);
  }
  yield* counted(sessions.values(), clientLabels);
}

function* consumerConnections(consumers: Consumers): Generator<Sample> {
  for (const { group, clients, consumeType } of consumers.groups()) {
    const mode = { CONSUME_ACTIVELY: 'pull', CONSUME_PASSIVELY: 'push', CONSUME_POP: 'pop' };
    yield* counted(clients.values(), (session) => ({
      consumer_group: group,
      ...clientLabels(session),
      consume_mode: mode[consumeType],
      is_system: String(isSystemGroup(group)),
    }));
  }
}

const clientLabels = ({ language, version }: ClientSession): Labels => ({
  language: language.toLowerCase(),
  version: String(version),
  protocol_type: 'remoting',
});

/** How many sessions have the same labels. */
function* counted(
  sessions: Iterable<ClientSession>,
  labelsOf: (session: ClientSession) => Labels,
): Generator<Sample> {
  const counts = new Map<string, { labels: Labels; value: number }>();
  for (const session of sessions) {
    const labels = labelsOf(session);
    const key = `${session.language} ${session.version}`;
    const known = counts.get(key);
    if (known === undefined) counts.set(key, { labels, value: 1 });
    else known.value++;
  }
  yield* counts.values();
}
