import { ResponseCode } from '../../../wire/index.ts';
import type { MetadataSettings, Refusal } from './decision.ts';

/** Rules and texts are those of the Java class `TopicValidator`, 5.5.0. */
const legalName = /^[%|a-zA-Z0-9_-]+$/;
export const legalNamePattern = legalName.source;
const longestTopic = 127;
const longestGroup = 120;
const longestRetryTopic = 255;

export const retryPrefix = '%RETRY%';
export const deadLetterPrefix = '%DLQ%';

export const retryTopicOf = (group: string): string => retryPrefix + group;
export const deadLetterTopicOf = (group: string): string => deadLetterPrefix + group;

/** Where messages that a group popped from a topic are retried: since 5.3 (`v2`) and before. */
export const popRetryTopicOf = (group: string, topic: string, version: 'v1' | 'v2'): string =>
  `${retryPrefix}${group}${version === 'v2' ? '+' : '_'}${topic}`;

/** Why `name` cannot be the name of a topic; undefined when it can. */
export function refuseTopicName(name: string): Refusal | undefined {
  const isRetry = name.startsWith(retryPrefix) || name.startsWith(deadLetterPrefix);
  if (isRetry && name.length > longestRetryTopic) {
    return invalid(
      `The specified topic is DLQ or Retry topic: ${name}, and it's longer than topic max length: ` +
        `${longestRetryTopic}`,
    );
  }
  return refuseName('topic', name, isRetry ? longestRetryTopic : longestTopic);
}

/** Why `name` cannot be the name of a group; undefined when it can. */
export function refuseGroupName(name: string): Refusal | undefined {
  return refuseName('group', name, longestGroup);
}

function refuseName(what: string, name: string, longest: number): Refusal | undefined {
  if (name.trim() === '') return invalid(`The specified ${what} is blank.`);
  if (!legalName.test(name)) {
    return invalid(
      `The specified ${what}: ${name}, contains illegal characters, allowing only ${legalNamePattern}`,
    );
  }
  if (name.length > longest) {
    return invalid(`The specified ${what}: ${name}, is longer than ${what} max length: ${longest}`);
  }
  return undefined;
}

/** Topics that nobody may define or delete, whatever the broker is called. Source: `TopicValidator`. */
const fixedSystemTopics = [
  'TBW102',
  'SCHEDULE_TOPIC_XXXX',
  'BenchmarkTest',
  'RMQ_SYS_TRANS_HALF_TOPIC',
  'RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC',
  'RMQ_SYS_TRACE_TOPIC',
  'RMQ_SYS_TRANS_OP_HALF_TOPIC',
  'RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC',
  'TRANS_CHECK_MAX_TIME_TOPIC',
  'SELF_TEST_TOPIC',
  'OFFSET_MOVED_EVENT',
  'CHECKPOINT_TOPIC',
] as const;
const systemPrefix = 'rmq_sys_';

export const replyTopicOf = (clusterName: string): string => `${clusterName}_REPLY_TOPIC`;
export const reviveTopicOf = (clusterName: string): string =>
  `${systemPrefix}REVIVE_LOG_${clusterName}`;
export const memberTopicOf = (brokerName: string): string =>
  `${systemPrefix}SYNC_BROKER_MEMBER_${brokerName}`;
export const timerTopic = `${systemPrefix}wheel_timer`;

/** All system topics that have a name of their own; GET_SYSTEM_TOPIC_LIST_FROM_BROKER answers them. */
export function systemTopicNames(settings: MetadataSettings): ReadonlySet<string> {
  const known = namesOfSettings.get(settings);
  if (known !== undefined) return known;
  const { clusterName, brokerName } = settings;
  const names = new Set([
    ...fixedSystemTopics,
    clusterName,
    brokerName,
    replyTopicOf(clusterName),
    reviveTopicOf(clusterName),
    memberTopicOf(brokerName),
    timerTopic,
    ...(settings.traceTopic ? [settings.traceTopicName] : []),
  ]);
  namesOfSettings.set(settings, names);
  return names;
}

/** Computed once: sends ask, too. */
const namesOfSettings = new WeakMap<MetadataSettings, ReadonlySet<string>>();

export function isSystemTopic(name: string, settings: MetadataSettings): boolean {
  return name.startsWith(systemPrefix) || systemTopicNames(settings).has(name);
}

export function refuseSystemTopic(name: string, settings: MetadataSettings): Refusal | undefined {
  return isSystemTopic(name, settings)
    ? invalid(`The topic[${name}] is conflict with system topic.`)
    : undefined;
}

/** Groups that every broker has. Source: `SubscriptionGroupManager.init`. */
export const builtInGroups = [
  'TOOLS_CONSUMER',
  'FILTERSRV_CONSUMER',
  'SELF_TEST_C_GROUP',
  'CID_ONS-HTTP-PROXY',
  'CID_ONSAPI_PULL',
  'CID_ONSAPI_PERMISSION',
  'CID_ONSAPI_OWNER',
  'CID_RMQ_SYS_TRANS',
] as const;

/** Groups that come into being even when groups are not created by their use. */
export const isSystemGroup = (group: string): boolean => group.startsWith('CID_RMQ_SYS_');

export function invalid(remark: string): Refusal {
  return { code: ResponseCode.INVALID_PARAMETER, remark };
}
