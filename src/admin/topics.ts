import { formatAddress, isFailure, timestampMs } from '../base/index.ts';
import {
  GetMaxOffset,
  GetTopic,
  OffsetResponse,
  QueueOfTopic,
  RequestCode,
  ResponseCode,
} from '../wire/index.ts';
import type { Admin } from './admin.ts';
import { type Master, masterOf, replicasOf, routeOf } from './cluster.ts';
import { fields } from './field-types.ts';
import { JsonReader, readQueueKey } from './json-reader.ts';
import { flag, one, operation } from './operation.ts';
import { isRefusal } from './refusal.ts';
import * as shape from './shape.ts';
import { isUserTopic } from './system-names.ts';

export const TopicOnBroker = shape.record({
  broker: shape.text,
  readQueues: shape.integer,
  writeQueues: shape.integer,
  /** 4 read, 2 write. */
  perm: shape.integer,
  order: shape.flag,
  attributes: shape.dictionary,
});
export type TopicOnBroker = shape.ShapeOf<typeof TopicOnBroker>;

const topicField = one(fields.text, 'Name of the topic.', { positional: true, names: 'topic' });

const TopicSummary = shape.record({
  topic: shape.text,
  /** Broker groups that have it; none when none of those could be asked. */
  brokers: shape.list(shape.text),
  /** Of all brokers together. */
  readQueues: shape.maybe(shape.integer),
  writeQueues: shape.maybe(shape.integer),
  perm: shape.maybe(shape.integer),
  messageType: shape.maybe(shape.text),
});
export type TopicSummary = shape.ShapeOf<typeof TopicSummary>;

export const listTopics = operation({
  name: 'topic ls',
  summary: 'List topics.',
  effect: 'read',
  requests: [
    'GET_ALL_TOPIC_LIST_FROM_NAMESERVER',
    'GET_BROKER_CLUSTER_INFO',
    'GET_ALL_TOPIC_CONFIG',
  ],
  fields: { all: flag('Also retry, dead-letter and system topics.') },
  output: shape.list(TopicSummary),
  async run(admin, { all }) {
    const names = await topicNames(admin);
    const replicas = await replicasOf(admin);
    const reserved = new Set(replicas.flatMap(({ cluster, name }) => [cluster, name]));
    const masters = replicas.filter(({ id }) => id === 0);
    const tables = await Promise.all(masters.map((master) => tableOf(admin, master)));
    return names
      .filter((name) => all || (isUserTopic(name) && !reserved.has(name)))
      .map((topic) =>
        summarize(
          topic,
          tables.flatMap((table) => table.get(topic) ?? []),
        ),
      );
  },
});

function summarize(topic: string, found: readonly TopicOnBroker[]): TopicSummary {
  const [first] = found;
  if (first === undefined) {
    const unknown = { readQueues: undefined, writeQueues: undefined, perm: undefined };
    return { topic, brokers: [], ...unknown, messageType: undefined };
  }
  const sum = (count: (one: TopicOnBroker) => number) =>
    found.reduce((total, one) => total + count(one), 0);
  return {
    topic,
    brokers: found.map(({ broker }) => broker),
    readQueues: sum(({ readQueues }) => readQueues),
    writeQueues: sum(({ writeQueues }) => writeQueues),
    perm: first.perm,
    messageType: first.attributes['message.type'] ?? 'NORMAL',
  };
}

const QueueRange = shape.record({
  broker: shape.text,
  queueId: shape.integer,
  minOffset: shape.long,
  maxOffset: shape.long,
  /** Of the newest message; 0 when there is none, absent when the broker cannot tell. */
  lastUpdateTimestamp: shape.maybe(shape.timestamp),
});
export type QueueRange = shape.ShapeOf<typeof QueueRange>;

const TopicDetails = shape.record({
  topic: shape.text,
  brokers: shape.list(TopicOnBroker),
  queues: shape.list(QueueRange),
});
export type TopicDetails = shape.ShapeOf<typeof TopicDetails>;

export const topicInfo = operation({
  name: 'topic info',
  summary: 'Show the settings and queues of a topic.',
  effect: 'read',
  requests: [
    'GET_ROUTEINFO_BY_TOPIC',
    'GET_TOPIC_CONFIG',
    'GET_TOPIC_STATS_INFO',
    'GET_MIN_OFFSET',
    'GET_MAX_OFFSET',
  ],
  fields: { topic: topicField },
  output: TopicDetails,
  async run(admin, { topic }) {
    const route = await routeOf(admin, topic);
    const brokers: TopicOnBroker[] = [];
    const queues: QueueRange[] = [];
    for (const { broker } of route.queues) {
      const master = { name: broker, address: masterOf(route, broker) };
      const config = await configOn(admin, master, topic);
      if (config === undefined) continue; // Removed since the name server heard of it.
      brokers.push(config);
      queues.push(...(await rangesOn(admin, master, config, topic)));
    }
    return { topic, brokers, queues };
  },
});

const TopicRouteDetails = shape.record({
  topic: shape.text,
  queues: shape.list(
    shape.record({
      broker: shape.text,
      readQueues: shape.integer,
      writeQueues: shape.integer,
      /** 4 read, 2 write. */
      perm: shape.integer,
    }),
  ),
  brokers: shape.list(
    shape.record({
      cluster: shape.text,
      broker: shape.text,
      /** 0 is the master. */
      id: shape.integer,
      address: shape.text,
    }),
  ),
});
export type TopicRouteDetails = shape.ShapeOf<typeof TopicRouteDetails>;

export const topicRoute = operation({
  name: 'topic route',
  summary: 'Show where clients find a topic, as the name server tells them.',
  effect: 'read',
  requests: ['GET_ROUTEINFO_BY_TOPIC'],
  fields: { topic: topicField },
  output: TopicRouteDetails,
  async run(admin, { topic }) {
    const { queues, replicas } = await routeOf(admin, topic);
    const brokers = replicas.map(({ cluster, name, id, address }) => ({
      cluster,
      broker: name,
      id,
      address: formatAddress(address),
    }));
    return { topic, queues, brokers };
  },
});

/** Of all topics that a name server knows, sorted. */
export async function topicNames(admin: Admin): Promise<readonly string[]> {
  const response = await admin.callNameServer({
    code: RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER,
  });
  const names = JsonReader.parse(response.body, 'TopicList').at('topicList').items();
  return names.map((name) => name.text()).sort();
}

type Place = Pick<Master, 'name' | 'address'>;

export async function configOn(
  admin: Admin,
  { name, address }: Place,
  topic: string,
): Promise<TopicOnBroker | undefined> {
  try {
    const response = await admin.call(address, {
      code: RequestCode.GET_TOPIC_CONFIG,
      header: [GetTopic, { topic }],
    });
    return readConfig(JsonReader.parse(response.body, 'TopicConfig'), name);
  } catch (error) {
    if (isRefusal(error, ResponseCode.TOPIC_NOT_EXIST)) return undefined;
    throw error;
  }
}

/** All topics of a broker; empty when it cannot be reached, so that one dead broker does not hide the others. */
async function tableOf(admin: Admin, master: Master): Promise<ReadonlyMap<string, TopicOnBroker>> {
  try {
    const response = await admin.call(master.address, { code: RequestCode.GET_ALL_TOPIC_CONFIG });
    const table = JsonReader.parse(response.body, 'TopicConfigs').at('topicConfigTable');
    return new Map(
      table.entries().map(([topic, config]) => [topic, readConfig(config, master.name)]),
    );
  } catch (error) {
    if (isFailure(error, 'unavailable')) return new Map();
    throw error;
  }
}

function readConfig(config: JsonReader, broker: string): TopicOnBroker {
  return {
    broker,
    readQueues: config.at('readQueueNums').number(16),
    writeQueues: config.at('writeQueueNums').number(16),
    perm: config.at('perm').number(6),
    order: config.at('order').boolean(false),
    attributes: config.at('attributes').texts(),
  };
}

async function rangesOn(
  admin: Admin,
  place: Place,
  { readQueues, writeQueues }: TopicOnBroker,
  topic: string,
): Promise<readonly QueueRange[]> {
  const { name, address } = place;
  try {
    const response = await admin.call(address, {
      code: RequestCode.GET_TOPIC_STATS_INFO,
      header: [GetTopic, { topic }],
    });
    const table = JsonReader.parse(response.body, 'TopicStatsTable').at('offsetTable');
    return table
      .entries()
      .map(([key, range]) => ({
        broker: name,
        queueId: readQueueKey(key).queueId,
        minOffset: range.at('minOffset').number(),
        maxOffset: range.at('maxOffset').number(),
        lastUpdateTimestamp: timestampMs(range.at('lastUpdateTimestamp').number()),
      }))
      .sort((a, b) => a.queueId - b.queueId);
  } catch (error) {
    if (!isRefusal(error, ResponseCode.REQUEST_CODE_NOT_SUPPORTED)) throw error;
    const count = Math.max(readQueues, writeQueues);
    const queueIds = Array.from({ length: count }, (_, queueId) => queueId);
    return await Promise.all(queueIds.map((queueId) => rangeOf(admin, place, topic, queueId)));
  }
}

/** For brokers without statistics. */
async function rangeOf(
  admin: Admin,
  { name, address }: Place,
  topic: string,
  queueId: number,
): Promise<QueueRange> {
  const [smallest, largest] = await Promise.all([
    admin.call(address, {
      code: RequestCode.GET_MIN_OFFSET,
      header: [QueueOfTopic, { topic, queueId }],
    }),
    admin.call(address, {
      code: RequestCode.GET_MAX_OFFSET,
      header: [GetMaxOffset, { topic, queueId }],
    }),
  ]);
  return {
    broker: name,
    queueId,
    minOffset: OffsetResponse.decode(smallest).offset,
    maxOffset: OffsetResponse.decode(largest).offset,
    lastUpdateTimestamp: undefined,
  };
}
