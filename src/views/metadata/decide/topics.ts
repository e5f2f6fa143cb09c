import {
  Permission,
  ResponseCode,
  type TopicConfig as TopicConfigBody,
  TopicSysFlag,
} from '../../../wire/index.ts';
import { Table } from '../catalogue.ts';
import { keyTextOfName } from '../key-text.ts';
import type { MetadataReader } from '../reader.ts';
import type { Entry } from '../record.ts';
import {
  encodeTopicConfig,
  type TopicConfig,
  topicDefaults,
  topicFilterTypes,
} from '../tables/topic.ts';
import { alterAttributes, topicAttributes } from './attributes.ts';
import {
  type Decision,
  decisionOf,
  deleteEntry,
  deleteTopicRowsEntry,
  type MetadataSettings,
  putEntry,
  type Refusal,
  refuse,
} from './decision.ts';
import {
  deadLetterTopicOf,
  invalid,
  popRetryTopicOf,
  refuseSystemTopic,
  refuseTopicName,
  retryTopicOf,
} from './names.ts';
import { deleteRequestModesOfTopic } from './request-modes.ts';

/** The template of auto-created topics. */
export const templateTopic = 'TBW102';

const readWrite = Permission.READ | Permission.WRITE;
/** INHERIT, WRITE, READ and PRIORITY. Java takes any number, which no client could use. */
const largestPermission = 15;
const largestInt = 2 ** 31 - 1;

/**
 * UPDATE_AND_CREATE_TOPIC (17) and its list form (18). `config.attributes` is a change set (`+key`, `-key`); attributes
 * that it does not name stay as they are. Source: `AdminBrokerProcessor.updateAndCreateTopic`, `TopicConfigManager`.
 */
export function createOrUpdateTopic(
  state: MetadataReader,
  config: TopicConfigBody,
  settings: MetadataSettings,
): Decision {
  const name = config.topicName ?? '';
  const refused =
    refuseTopicName(name) ?? refuseSystemTopic(name, settings) ?? refuseNumbers(config, settings);
  if (refused !== undefined) return { refused };
  if (config.attributes.get('+message.type') === 'MIXED' && !settings.mixedMessageType) {
    return { refused: invalid('MIXED message type is not supported.') };
  }
  const current = state.topic(name);
  const altered = alterAttributes(topicAttributes, current?.attributes, config.attributes);
  if ('refused' in altered) return altered;
  return decisionOf(
    putTopic(state, { ...config, topicName: name, attributes: altered.attributes }),
  );
}

/** Several topics in one record: all or none. */
export function createOrUpdateTopics(
  state: MetadataReader,
  configs: readonly TopicConfigBody[],
  settings: MetadataSettings,
): Decision {
  const entries: Entry[] = [];
  const names = new Set<string>();
  for (const config of configs) {
    const name = config.topicName ?? '';
    if (names.has(name)) return { refused: invalid(`The topic[${name}] is named twice.`) };
    names.add(name);
    const decision = createOrUpdateTopic(state, config, settings);
    if ('refused' in decision) return decision;
    if ('entries' in decision) entries.push(...decision.entries);
  }
  return decisionOf(entries);
}

/**
 * DELETE_TOPIC_IN_BROKER (215): the topic, every group's offsets and pending resets on it, and the topics where what
 * groups popped from it is retried, with theirs. An unknown topic is no error. Source:
 * `AdminBrokerProcessor.deleteTopic`.
 */
export function deleteTopic(
  state: MetadataReader,
  name: string,
  settings: MetadataSettings,
): Decision {
  if (name.trim() === '') return { refused: invalid('The specified topic is blank.') };
  const refused = refuseSystemTopic(name, settings);
  if (refused !== undefined) return { refused };
  const topics = [name, ...popRetryTopics(state, name)];
  return decisionOf(topics.flatMap((topic) => deleteTopicEntries(state, topic)));
}

function deleteTopicEntries(state: MetadataReader, topic: string): readonly Entry[] {
  const key = keyTextOfName(topic);
  return [
    ...deleteEntry(state, Table.topic, key),
    ...deleteTopicRowsEntry(state, Table.consumerOffset, key),
    ...deleteTopicRowsEntry(state, Table.resetOffset, key),
    ...deleteRequestModesOfTopic(state, topic),
  ];
}

/**
 * Existing pop retry topics of any group on this topic. The older form of the name is ambiguous: `%RETRY%a_b` is also
 * where the group `a_b` retries, and then it stays.
 */
function popRetryTopics(state: MetadataReader, topic: string): readonly string[] {
  const groups = new Set<string>();
  for (const { groupName } of state.groups()) groups.add(groupName);
  for (const { group } of state.offsetsOfTopic(topic)) groups.add(group);
  const found = new Set<string>();
  for (const group of groups) {
    const current = popRetryTopicOf(group, topic, 'v2');
    if (state.topicRow(current) !== undefined) found.add(current);
    const older = popRetryTopicOf(group, topic, 'v1');
    const isOfAGroup = groups.has(`${group}_${topic}`);
    if (!isOfAGroup && state.topicRow(older) !== undefined) found.add(older);
  }
  return [...found];
}

export interface AutoCreateTopic {
  readonly topic: string;
  /** Whose configuration is taken over; clients send TBW102. */
  readonly defaultTopic: string;
  /** What the client asks for. */
  readonly queues: number;
  readonly unitMode: boolean;
}

/**
 * A send to an unknown topic. Source: `SendMessageProcessor`, `TopicConfigManager.createTopicInSendMessageMethod`; of
 * the system topics only that of traces is made this way: tracing clients rely on it where `traceTopicEnable=false`.
 */
export function autoCreateTopic(
  state: MetadataReader,
  command: AutoCreateTopic,
  settings: MetadataSettings,
): Decision {
  const { topic, defaultTopic } = command;
  if (state.topicRow(topic) !== undefined) return { unchanged: true };
  const isTraceTopic = topic === settings.traceTopicName;
  const refused =
    refuseTopicName(topic) ?? (isTraceTopic ? undefined : refuseSystemTopic(topic, settings));
  if (refused !== undefined) return { refused };
  const template = state.topic(defaultTopic);
  const inherits =
    template !== undefined &&
    (template.perm & Permission.INHERIT) !== 0 &&
    (defaultTopic !== templateTopic || settings.autoCreateTopics);
  if (!inherits) return { refused: topicNotExist(topic) };
  const queues = Math.max(1, Math.min(command.queues, template.writeQueueNums));
  return decisionOf(
    putTopic(state, {
      ...topicDefaults,
      topicName: topic,
      readQueueNums: queues,
      writeQueueNums: queues,
      perm: template.perm & ~Permission.INHERIT,
      topicFilterType: template.topicFilterType,
      topicSysFlag: command.unitMode ? TopicSysFlag.UNIT : 0,
    }),
  );
}

export function topicNotExist(topic: string): Refusal {
  return {
    code: ResponseCode.TOPIC_NOT_EXIST,
    remark: `topic[${topic}] not exist, apply first please!`,
  };
}

/** `%RETRY%group`, when it is missing. Source: `TopicConfigManager.createTopicInSendMessageBackMethod`. */
export function createRetryTopic(
  state: MetadataReader,
  command: { readonly group: string; readonly queues: number; readonly unitMode?: boolean },
): Decision {
  return createHelperTopic(state, retryTopicOf(command.group), {
    queues: command.queues,
    topicSysFlag: command.unitMode === true ? TopicSysFlag.UNIT_SUB : 0,
  });
}

/** `%DLQ%group`, when it is missing. */
export function createDlqTopic(
  state: MetadataReader,
  command: { readonly group: string; readonly queues?: number },
): Decision {
  return createHelperTopic(state, deadLetterTopicOf(command.group), {
    queues: command.queues ?? 1,
    topicSysFlag: 0,
  });
}

function createHelperTopic(
  state: MetadataReader,
  topicName: string,
  { queues, topicSysFlag }: { readonly queues: number; readonly topicSysFlag: number },
): Decision {
  if (state.topicRow(topicName) !== undefined) return { unchanged: true };
  const refused = refuseTopicName(topicName);
  if (refused !== undefined) return { refused };
  const nums = Math.max(1, queues);
  return decisionOf(
    putTopic(state, {
      ...topicDefaults,
      topicName,
      readQueueNums: nums,
      writeQueueNums: nums,
      perm: readWrite,
      topicSysFlag,
    }),
  );
}

/** A `put` of the whole configuration unless it is what is stored. */
export function putTopic(state: MetadataReader, config: TopicConfig): readonly Entry[] {
  return putEntry(state, Table.topic, keyTextOfName(config.topicName), encodeTopicConfig(config));
}

/** Java stores any numbers, also negative ones; here what no queue could follow from is refused. */
function refuseNumbers(config: TopicConfigBody, settings: MetadataSettings): Refusal | undefined {
  const { readQueueNums, writeQueueNums, perm, topicSysFlag, topicFilterType } = config;
  const { maxTopicQueues } = settings;
  for (const [what, value] of Object.entries({ readQueueNums, writeQueueNums })) {
    if (!Number.isInteger(value) || value < 0 || value > maxTopicQueues) {
      return invalid(`${what} must be from 0 to ${maxTopicQueues}, and is ${value}.`);
    }
  }
  if (!Number.isInteger(perm) || perm < 0 || perm > largestPermission) {
    return invalid(`perm must be from 0 to ${largestPermission}, and is ${perm}.`);
  }
  if (!Number.isInteger(topicSysFlag) || topicSysFlag < 0 || topicSysFlag > largestInt) {
    return invalid(`topicSysFlag must be a number from 0, and is ${topicSysFlag}.`);
  }
  if (!topicFilterTypes.includes(topicFilterType)) {
    return refuse(ResponseCode.SYSTEM_ERROR, `topicFilterType = [${topicFilterType}] value invalid`)
      .refused;
  }
  return undefined;
}
