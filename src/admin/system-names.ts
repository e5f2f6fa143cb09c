/** Topics that every broker makes for itself. Source: `TopicValidator`, `TopicConfigManager`. */
const systemTopics: ReadonlySet<string> = new Set([
  'BenchmarkTest',
  'CHECKPOINT_TOPIC',
  'DefaultHeartBeatSyncerTopic',
  'OFFSET_MOVED_EVENT',
  'RMQ_SYS_TRACE_TOPIC',
  'RMQ_SYS_TRANS_HALF_TOPIC',
  'RMQ_SYS_TRANS_OP_HALF_TOPIC',
  'SCHEDULE_TOPIC_XXXX',
  'SELF_TEST_TOPIC',
  'TBW102',
  'TRANS_CHECK_MAX_TIME_TOPIC',
]);

/** Neither of the system nor of a group. Topics with the names of the cluster and its brokers cannot be told by name. */
export function isUserTopic(topic: string): boolean {
  return (
    !systemTopics.has(topic) &&
    !/^(?:rmq_sys_|%RETRY%|%DLQ%|%LMQ%)/i.test(topic) &&
    !topic.endsWith('_REPLY_TOPIC')
  );
}

/** Groups that every broker makes for itself. Source: `MixAll`, `SubscriptionGroupManager`. */
const systemGroups: ReadonlySet<string> = new Set([
  'CID_ONS-HTTP-PROXY',
  'CID_ONSAPI_OWNER',
  'CID_ONSAPI_PERMISSION',
  'CID_ONSAPI_PULL',
  'FILTERSRV_CONSUMER',
  'SELF_TEST_C_GROUP',
  'SELF_TEST_CONSUMER_GROUP',
  'TOOLS_CONSUMER',
]);

export function isUserGroup(group: string): boolean {
  return (
    !systemGroups.has(group) && !group.startsWith('CID_RMQ_SYS_') && !group.startsWith('CID_SYS_')
  );
}
