import type { MetadataReader } from '../../../src/views/metadata/index.ts';
import {
  GetTopic,
  GroupName,
  type IncomingCommand,
  RequestCode,
  ResponseCode,
  SubscriptionGroupConfig,
  TopicConfig,
} from '../../../src/wire/index.ts';
import { Violation } from '../broker/violation.ts';
import type { Value } from './expectations.ts';

export const readTopic = (topic: string) =>
  ({ code: RequestCode.GET_TOPIC_CONFIG, header: [GetTopic, { topic }] }) as const;

export const readGroup = (group: string) =>
  ({ code: RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG, header: [GroupName, { group }] }) as const;

/** What a tool was told. */
export function topicIn(response: IncomingCommand, topic: string): Value {
  if (response.code === ResponseCode.SUCCESS) return valueIn(TopicConfig.decode(response.body));
  if (response.code === ResponseCode.TOPIC_NOT_EXIST) return 'absent';
  throw new Violation('liveness', `topic ${topic} cannot be read: ${response.remark}`);
}

export function groupIn(response: IncomingCommand, group: string): Value {
  if (response.code !== ResponseCode.SUCCESS) return 'absent';
  const { groupName } = SubscriptionGroupConfig.decode(response.body);
  return groupName === group ? '1' : 'absent';
}

/** What is in the tables of a node. */
export const appliedTopic = (tables: MetadataReader, topic: string): Value => {
  const config = tables.topic(topic);
  return config === undefined ? 'absent' : valueIn(config);
};

export const appliedGroup = (tables: MetadataReader, group: string): Value =>
  tables.group(group) === undefined ? 'absent' : '1';

const valueIn = ({ writeQueueNums, attributes }: TopicConfig): Value =>
  [writeQueueNums, ...[...attributes].map(([key, value]) => `${key}=${value}`)].join(' ');
