import { timestampMs } from '../base/index.ts';
import { GetConsumeStats, RequestCode, ResponseCode } from '../wire/index.ts';
import type { Admin } from './admin.ts';
import { consumersOn } from './clients.ts';
import { type Master, mastersOf, skipUnreachable } from './cluster.ts';
import { fields } from './field-types.ts';
import { JsonReader, readQueueKey } from './json-reader.ts';
import { flag, many, one, operation, optional } from './operation.ts';
import { isRefusal, Refusal } from './refusal.ts';
import * as shape from './shape.ts';
import { isUserGroup } from './system-names.ts';

export const GroupOnBroker = shape.record({
  broker: shape.text,
  consumeEnable: shape.flag,
  broadcastEnable: shape.flag,
  orderly: shape.flag,
  retryQueues: shape.integer,
  retryMaxTimes: shape.integer,
  fromMinEnable: shape.flag,
  consumeTimeoutMinutes: shape.integer,
  notifyChanges: shape.flag,
  attributes: shape.dictionary,
});
export type GroupOnBroker = shape.ShapeOf<typeof GroupOnBroker>;

const groupField = one(fields.text, 'Name of the group.', { positional: true, names: 'group' });

const GroupSummary = shape.record({
  group: shape.text,
  brokers: shape.list(shape.text),
  consumeEnable: shape.flag,
  orderly: shape.flag,
  retryMaxTimes: shape.integer,
});
export type GroupSummary = shape.ShapeOf<typeof GroupSummary>;

export const listGroups = operation({
  name: 'group ls',
  summary: 'List consumer groups.',
  effect: 'read',
  requests: ['GET_BROKER_CLUSTER_INFO', 'GET_ALL_SUBSCRIPTIONGROUP_CONFIG'],
  fields: { all: flag('Also groups of the system.') },
  output: shape.list(GroupSummary),
  async run(admin, { all }) {
    const groups = new Map<string, GroupOnBroker[]>();
    for (const master of await mastersOf(admin, {})) {
      for (const [group, config] of await groupTableOn(admin, master).catch(skipUnreachable)) {
        if (!all && !isUserGroup(group)) continue;
        groups.set(group, [...(groups.get(group) ?? []), readGroup(config, master.name)]);
      }
    }
    return [...groups.entries()].sort().map(([group, found]) => ({
      group,
      brokers: found.map(({ broker }) => broker),
      consumeEnable: found.every(({ consumeEnable }) => consumeEnable),
      orderly: found.some(({ orderly }) => orderly),
      retryMaxTimes: Math.max(...found.map(({ retryMaxTimes }) => retryMaxTimes)),
    }));
  },
});

const Consumer = shape.record({
  clientId: shape.text,
  address: shape.text,
  language: shape.text,
  version: shape.text,
});
export type Consumer = shape.ShapeOf<typeof Consumer>;

const GroupProgress = shape.record({
  topic: shape.text,
  broker: shape.text,
  queueId: shape.integer,
  brokerOffset: shape.long,
  consumerOffset: shape.long,
  /** Messages not consumed yet. */
  lag: shape.long,
  /** Store time of the newest consumed message; 0 when there is none. */
  lastTimestamp: shape.timestamp,
});
export type GroupProgress = shape.ShapeOf<typeof GroupProgress>;

const GroupDetails = shape.record({
  group: shape.text,
  brokers: shape.list(GroupOnBroker),
  consumers: shape.list(Consumer),
  queues: shape.list(GroupProgress),
});
export type GroupDetails = shape.ShapeOf<typeof GroupDetails>;

export const groupInfo = operation({
  name: 'group info',
  summary: 'Show the settings, members and progress of a consumer group.',
  effect: 'read',
  requests: [
    'GET_BROKER_CLUSTER_INFO',
    'GET_ALL_SUBSCRIPTIONGROUP_CONFIG',
    'GET_CONSUMER_CONNECTION_LIST',
    'GET_CONSUME_STATS',
  ],
  fields: { group: groupField },
  output: GroupDetails,
  async run(admin, { group }) {
    const brokers: GroupOnBroker[] = [];
    const consumers = new Map<string, Consumer>();
    const queues: GroupProgress[] = [];
    for (const master of await mastersOf(admin, {})) {
      const config = await groupConfigOn(admin, master, group);
      if (config === undefined) continue;
      brokers.push(readGroup(config, master.name));
      for (const { clientId, address, language, version } of await consumersOn(
        admin,
        master,
        group,
      )) {
        consumers.set(clientId, { clientId, address, language, version });
      }
      queues.push(...(await progressOn(admin, master, group, { mustTell: false })).queues);
    }
    if (brokers.length === 0) await requireGroup(admin, [], group);
    return { group, brokers, consumers: [...consumers.values()], queues };
  },
});

const GroupLag = shape.record({
  group: shape.text,
  topic: shape.text,
  queues: shape.integer,
  /** Messages not consumed yet. */
  lag: shape.long,
  /** Store time of the newest consumed message of the queue that is furthest behind in time; absent when none is. */
  behindSince: shape.maybe(shape.timestamp),
  consumers: shape.integer,
  /** Messages a second, of all topics of the group. */
  consumeTps: shape.text,
});
export type GroupLag = shape.ShapeOf<typeof GroupLag>;

export const groupLag = operation({
  name: 'group lag',
  summary: 'Show how far consumer groups are behind, topic by topic.',
  effect: 'read',
  requests: [
    'GET_BROKER_CLUSTER_INFO',
    'GET_ALL_SUBSCRIPTIONGROUP_CONFIG',
    'GET_CONSUMER_CONNECTION_LIST',
    'GET_CONSUME_STATS',
  ],
  fields: {
    group: many(fields.text, 'Groups (default: all).', { positional: true, names: 'group' }),
    topic: optional(fields.text, 'Only this topic.', { valueName: 'name', names: 'topic' }),
  },
  output: shape.list(GroupLag),
  async run(admin, { group: wanted, topic }) {
    const masters = await mastersOf(admin, {});
    const groups = wanted.length > 0 ? wanted : await userGroups(admin, masters);
    const found = await Promise.all(
      groups.map((group) => lagOf(admin, masters, group, { mustTell: wanted.length > 0 })),
    );
    for (const [index, group] of wanted.entries()) {
      if (found[index]?.length === 0) await requireGroup(admin, masters, group);
    }
    return found
      .flat()
      .filter((one) => topic === undefined || one.topic === topic)
      .sort((a, b) => b.lag - a.lag || compareTexts(a.group, b.group));
  },
});

/** Fails with a `Refusal` SUBSCRIPTION_GROUP_NOT_EXIST. */
export async function requireGroup(
  admin: Admin,
  masters: readonly Master[],
  group: string,
): Promise<void> {
  for (const master of masters) {
    if ((await groupConfigOn(admin, master, group)) !== undefined) return;
  }
  throw new Refusal(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, `no group ${group}`);
}

async function userGroups(admin: Admin, masters: readonly Master[]): Promise<readonly string[]> {
  const groups = new Set<string>();
  for (const master of masters) {
    for (const [group] of await groupTableOn(admin, master).catch(skipUnreachable)) {
      if (isUserGroup(group)) groups.add(group);
    }
  }
  return [...groups];
}

async function lagOf(
  admin: Admin,
  masters: readonly Master[],
  group: string,
  options: { readonly mustTell: boolean },
): Promise<readonly GroupLag[]> {
  const topics = new Map<string, GroupProgress[]>();
  const consumers = new Set<string>();
  let consumeTps = 0;
  for (const master of masters) {
    try {
      const progress = await progressOn(admin, master, group, options);
      consumeTps += progress.consumeTps;
      for (const queue of progress.queues) {
        topics.set(queue.topic, [...(topics.get(queue.topic) ?? []), queue]);
      }
      for (const { clientId } of await consumersOn(admin, master, group)) consumers.add(clientId);
    } catch (error) {
      skipUnreachable(error);
    }
  }
  return [...topics.entries()].map(([topic, queues]) => {
    const behind = queues.filter(({ lag }) => lag > 0).map(({ lastTimestamp }) => lastTimestamp);
    return {
      group,
      topic,
      queues: queues.length,
      lag: queues.reduce((sum, { lag }) => sum + lag, 0),
      behindSince: behind.length === 0 ? undefined : timestampMs(Math.min(...behind)),
      consumers: consumers.size,
      consumeTps: consumeTps.toFixed(1),
    };
  });
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * From the table of all groups: a Java broker that creates groups by itself creates the one that is asked for (seen on 5.5.0).
 */
export async function groupConfigOn(
  admin: Admin,
  master: Master,
  group: string,
): Promise<JsonReader | undefined> {
  return (await groupTableOn(admin, master)).find(([name]) => name === group)?.[1];
}

export async function groupTableOn(
  admin: Admin,
  master: Master,
): Promise<readonly (readonly [group: string, config: JsonReader])[]> {
  const response = await admin.call(master.address, {
    code: RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG,
  });
  return JsonReader.parse(response.body, 'SubscriptionGroups')
    .at('subscriptionGroupTable')
    .entries();
}

export function readGroup(config: JsonReader, broker: string): GroupOnBroker {
  return {
    broker,
    consumeEnable: config.at('consumeEnable').boolean(true),
    broadcastEnable: config.at('consumeBroadcastEnable').boolean(true),
    orderly: config.at('consumeMessageOrderly').boolean(false),
    retryQueues: config.at('retryQueueNums').number(1),
    retryMaxTimes: config.at('retryMaxTimes').number(16),
    fromMinEnable: config.at('consumeFromMinEnable').boolean(true),
    consumeTimeoutMinutes: config.at('consumeTimeoutMinute').number(15),
    notifyChanges: config.at('notifyConsumerIdsChangedEnable').boolean(true),
    attributes: config.at('attributes').texts(),
  };
}

export interface Progress {
  readonly consumeTps: number;
  readonly queues: readonly GroupProgress[];
}

/** Of one group on one broker. Unless it must tell, a broker that cannot does not keep the rest from being shown. */
export async function progressOn(
  admin: Admin,
  { name, address }: Master,
  group: string,
  { topic = '', mustTell }: { readonly topic?: string; readonly mustTell: boolean },
): Promise<Progress> {
  try {
    const response = await admin.call(address, {
      code: RequestCode.GET_CONSUME_STATS,
      header: [GetConsumeStats, { consumerGroup: group, topic }],
    });
    const stats = JsonReader.parse(response.body, 'ConsumeStats');
    const queues = stats
      .at('offsetTable')
      .entries()
      .map(([key, progress]) => readProgress(key, progress, name))
      .sort((a, b) => compareTexts(a.topic, b.topic) || a.queueId - b.queueId);
    return { consumeTps: stats.at('consumeTps').number(), queues };
  } catch (error) {
    if (!mustTell && isRefusal(error, ResponseCode.REQUEST_CODE_NOT_SUPPORTED)) {
      return { consumeTps: 0, queues: [] };
    }
    throw error;
  }
}

function readProgress(key: string, progress: JsonReader, broker: string): GroupProgress {
  const { topic, queueId } = readQueueKey(key);
  const brokerOffset = progress.at('brokerOffset').number();
  const consumerOffset = progress.at('consumerOffset').number();
  return {
    topic,
    broker,
    queueId,
    brokerOffset,
    consumerOffset,
    lag: Math.max(0, brokerOffset - consumerOffset),
    lastTimestamp: timestampMs(progress.at('lastTimestamp').number()),
  };
}
