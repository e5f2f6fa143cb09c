import type { GroupStatistics } from './group-statistics.ts';
import type { Statistics } from './statistics.ts';
import type { StatsItem } from './stats-item.ts';
import type { TopicStatistics } from './topic-statistics.ts';

type OfBroker = (all: Statistics) => StatsItem;
type OfTopic = (topic: TopicStatistics) => StatsItem;
type OfGroup = (group: GroupStatistics) => StatsItem | undefined;

/** Key: the name of the cluster. */
const ofBroker: Readonly<Record<string, OfBroker>> = {
  BROKER_PUT_NUMS: (all) => all.brokerPuts,
  BROKER_GET_NUMS: (all) => all.brokerGets,
  BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC: (all) => all.putsWithoutSystem,
  BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC: (all) => all.getsWithoutSystem,
  CONSUMER_REGISTER_TIME: (all) => all.consumerRegisterTime,
  PRODUCER_REGISTER_TIME: (all) => all.producerRegisterTime,
};

/** Key: `topic`. */
const ofTopic: Readonly<Record<string, OfTopic>> = {
  TOPIC_PUT_NUMS: (topic) => topic.puts,
  TOPIC_PUT_SIZE: (topic) => topic.putBytes,
};

/** Key: `topic@group`. */
const ofGroup: Readonly<Record<string, OfGroup>> = {
  GROUP_GET_NUMS: (group) => group.gets,
  GROUP_GET_SIZE: (group) => group.getBytes,
  GROUP_ACK_NUMS: ({ rare }) => rare.acks,
  GROUP_CK_NUMS: ({ rare }) => rare.checkpoints,
  GROUP_GET_FROM_DISK_NUMS: ({ rare }) => rare.fromDisk,
  GROUP_GET_FROM_DISK_SIZE: ({ rare }) => rare.fromDiskBytes,
  SNDBCK_PUT_NUMS: ({ rare }) => rare.sendBacks,
};

/**
 * What VIEW_BROKER_STATS_DATA (315) knows by a name of `BrokerStatsManager` and a key. Undefined for unknown names, and
 * for what never happened, as in RocketMQ.
 */
export function namedItem(
  all: Statistics,
  clusterName: string,
  name: string,
  key: string,
): StatsItem | undefined {
  const brokerItem = own(ofBroker, name);
  if (brokerItem !== undefined) return key === clusterName ? brokerItem(all) : undefined;
  const parts = key.split('@');
  const item = itemOf(all, name, parts);
  return item !== undefined && item.times > 0 ? item : undefined;
}

function itemOf(all: Statistics, name: string, parts: readonly string[]): StatsItem | undefined {
  const [first = '', second = '', third = ''] = parts;
  const topicItem = own(ofTopic, name);
  if (topicItem !== undefined) {
    const topic = parts.length === 1 ? all.find(first) : undefined;
    return topic && topicItem(topic);
  }
  const groupItem = own(ofGroup, name);
  if (groupItem !== undefined) {
    const group = parts.length === 2 ? all.find(first)?.findGroup(second) : undefined;
    return group && groupItem(group);
  }
  if (name === 'GROUP_GET_LATENCY' && parts.length === 3 && /^[0-9]{1,9}$/.test(first)) {
    return all.find(second)?.findGroup(third)?.latency(Number(first));
  }
  return undefined;
}

function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
