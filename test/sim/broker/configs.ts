import { SubscriptionGroupConfig, TopicConfig } from '../../../src/wire/index.ts';
import type { GroupValue, TopicValue } from './model.ts';
import { type Impossible, impossible } from './register.ts';

/** A configuration as text that is equal iff all fields are. */
export function textOf(config: object): string {
  return JSON.stringify(config, (_key, value: unknown) => {
    if (value instanceof Map) return [...value].sort();
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
      return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
    }
    return value;
  });
}

/** What a topic is after UPDATE_AND_CREATE_TOPIC with this configuration. */
export function alteredTopic(
  before: TopicValue | undefined,
  config: TopicConfig,
  birth: number,
): TopicValue | Impossible {
  const attributes = altered(before?.attributes, config.attributes);
  if (attributes === impossible) return impossible;
  return topicValue({ ...config, attributes }, before?.birth ?? birth);
}

export function topicValue(config: TopicConfig, birth: number): TopicValue {
  const { attributes, readQueueNums: queues } = config;
  return { text: textOf(config), queues, attributes, birth };
}

/** What a send makes of a topic that does not exist. */
export function autoCreatedTopic(topicName: string, queues: number, birth: number): TopicValue {
  return topicValue(
    { ...topicDefaults, topicName, readQueueNums: queues, writeQueueNums: queues, perm: 6 },
    birth,
  );
}

export const topicDefaults: TopicConfig = TopicConfig.decode('{}');

export function alteredGroup(
  before: GroupValue | undefined,
  config: SubscriptionGroupConfig,
): GroupValue | Impossible {
  const attributes = altered(before?.attributes, config.attributes);
  if (attributes === impossible) return impossible;
  return { text: textOf({ ...config, attributes }), attributes };
}

/** What a pull makes of a group that does not exist. */
export function autoCreatedGroup(groupName: string): GroupValue {
  const config = SubscriptionGroupConfig.decode(JSON.stringify({ groupName }));
  return { text: textOf(config), attributes: config.attributes };
}

function altered(
  before: ReadonlyMap<string, string> | undefined,
  changes: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> | Impossible {
  const attributes = new Map(before);
  for (const [change, value] of changes) {
    const key = change.slice(1);
    if (change.startsWith('+')) attributes.set(key, value);
    else if (!attributes.delete(key)) return impossible;
  }
  return attributes;
}
