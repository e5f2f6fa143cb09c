import { Permission } from '../../../wire/index.ts';
import type { MetadataReader } from '../reader.ts';
import { defaultGroup } from '../tables/subscription-group.ts';
import { topicDefaults } from '../tables/topic.ts';
import { type Decision, decisionOf, type MetadataSettings } from './decision.ts';
import { putGroup } from './groups.ts';
import { builtInGroups, memberTopicOf, replyTopicOf, reviveTopicOf, timerTopic } from './names.ts';
import { putTopic, templateTopic } from './topics.ts';

const readWrite = Permission.READ | Permission.WRITE;

/**
 * The system topics and built-in groups that are missing, in one record. Those that exist are left alone, but for
 * the template of auto-created topics: a restart must not undo a change. Source: `TopicConfigManager.init`, `SubscriptionGroupManager.init`.
 */
export function ensureSystemTopics(state: MetadataReader, settings: MetadataSettings): Decision {
  const topics = systemTopics(settings).filter(({ name, queues }) => {
    const present = state.topic(name);
    // Nobody but the option defines the template, so that a change of the option is heard.
    return present === undefined || (name === templateTopic && present.writeQueueNums !== queues);
  });
  const groups = builtInGroups.filter((name) => state.groupRow(name) === undefined);
  return decisionOf([
    ...topics.flatMap(({ name, queues, perm }) =>
      putTopic(state, {
        ...topicDefaults,
        topicName: name,
        readQueueNums: queues,
        writeQueueNums: queues,
        perm,
      }),
    ),
    ...groups.flatMap((groupName) => putGroup(state, defaultGroup(groupName))),
  ]);
}

interface SystemTopic {
  readonly name: string;
  readonly queues: number;
  readonly perm: number;
}

function systemTopics(settings: MetadataSettings): readonly SystemTopic[] {
  const { clusterName, brokerName } = settings;
  /** Topics of the cluster and the broker always exist; others may be created from them only if they are enabled. */
  const inherit = (enabled: boolean): number => Permission.INHERIT | (enabled ? readWrite : 0);
  return [
    topic('SELF_TEST_TOPIC', 1),
    ...(settings.autoCreateTopics
      ? [topic(templateTopic, settings.defaultTopicQueues, inherit(true))]
      : []),
    topic('BenchmarkTest', 1024),
    topic(clusterName, 16, inherit(settings.clusterTopic)),
    topic(brokerName, 1, inherit(settings.brokerTopic)),
    topic('OFFSET_MOVED_EVENT', 1),
    topic('SCHEDULE_TOPIC_XXXX', 18),
    ...(settings.traceTopic ? [topic(settings.traceTopicName, 1)] : []),
    topic(replyTopicOf(clusterName), 1),
    topic(reviveTopicOf(clusterName), 8),
    topic(memberTopicOf(brokerName), 1, Permission.INHERIT),
    topic('RMQ_SYS_TRANS_HALF_TOPIC', 1),
    topic('RMQ_SYS_TRANS_OP_HALF_TOPIC', 1),
    topic(timerTopic, 1),
  ];
}

function topic(name: string, queues: number, perm: number = readWrite): SystemTopic {
  return { name, queues, perm };
}
