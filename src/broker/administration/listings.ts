import type { RemotingConnection } from '../../remoting/index.ts';
import type { Store } from '../../views/index.ts';
import { isSystemTopic, type MetadataSettings, Table } from '../../views/metadata/index.ts';
import {
  GetAllSubscriptionGroups,
  GetAllTopicConfig,
  GetTopic,
  GroupName,
  type IncomingCommand,
  ResponseCode,
  SubscriptionGroupConfig,
  SubscriptionGroupWrapper,
  TopicConfig,
  TopicConfigSerializeWrapper,
  TopicList,
} from '../../wire/index.ts';
import { isHiddenTopic } from '../topics.ts';

/** A page that the 5.x tools ask for when they do not say. */
const defaultPage = 2000;

/**
 * What tools and slaves read of the applied tables: GET_ALL_TOPIC_CONFIG (21), GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201),
 * GET_TOPIC_CONFIG (351), GET_SUBSCRIPTIONGROUP_CONFIG (352), GET_SYSTEM_TOPIC_LIST_FROM_BROKER (305).
 */
export class Listings {
  readonly #store: Store;
  readonly #settings: MetadataSettings;

  constructor(store: Store, settings: MetadataSettings) {
    this.#store = store;
    this.#settings = settings;
  }

  allTopics(connection: RemotingConnection, request: IncomingCommand): void {
    const { topicSeq, maxTopicNum } = GetAllTopicConfig.decode(request);
    const topics = [...this.#store.tables.applied.topics()].filter(
      ({ topicName }) => !isHiddenTopic(topicName),
    );
    const page = pageOf(topics, topicSeq, maxTopicNum);
    connection.answer(request, {
      code: ResponseCode.SUCCESS,
      extFields: { totalTopicNum: String(topics.length) },
      body: TopicConfigSerializeWrapper.encode({
        dataVersion: this.#store.tables.dataVersion(Table.topic),
        topicConfigTable: new Map(page.map((topic) => [topic.topicName, topic])),
      }),
    });
  }

  allGroups(connection: RemotingConnection, request: IncomingCommand): void {
    const { groupSeq, maxGroupNum } = GetAllSubscriptionGroups.decode(request);
    const groups = [...this.#store.tables.applied.groups()];
    const page = pageOf(groups, groupSeq, maxGroupNum);
    connection.answer(request, {
      code: ResponseCode.SUCCESS,
      extFields: { totalGroupNum: String(groups.length) },
      body: SubscriptionGroupWrapper.encode({
        dataVersion: this.#store.tables.dataVersion(Table.subscriptionGroup),
        forbiddenTable: new Map(),
        subscriptionGroupTable: new Map(page.map((group) => [group.groupName, group])),
      }),
    });
  }

  topic(connection: RemotingConnection, request: IncomingCommand): void {
    const { topic } = GetTopic.decode(request);
    const config = isHiddenTopic(topic) ? undefined : this.#store.tables.applied.topic(topic);
    if (config === undefined) {
      connection.answer(request, {
        code: ResponseCode.TOPIC_NOT_EXIST,
        remark: `No topic in this broker. topic: ${topic}`,
      });
      return;
    }
    connection.answer(request, { code: ResponseCode.SUCCESS, body: TopicConfig.encode(config) });
  }

  group(connection: RemotingConnection, request: IncomingCommand): void {
    const { group } = GroupName.decode(request);
    const config = this.#store.tables.applied.group(group);
    if (config === undefined) {
      connection.answer(request, {
        code: ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
        remark: `No group in this broker. group: ${group}`,
      });
      return;
    }
    connection.answer(request, {
      code: ResponseCode.SUCCESS,
      body: SubscriptionGroupConfig.encode(config),
    });
  }

  systemTopics(connection: RemotingConnection, request: IncomingCommand): void {
    const topicList = [...this.#store.tables.applied.topics()]
      .map(({ topicName }) => topicName)
      .filter((name) => !isHiddenTopic(name) && isSystemTopic(name, this.#settings));
    connection.answer(request, {
      code: ResponseCode.SUCCESS,
      body: TopicList.encode({ topicList }),
    });
  }
}

/** Without paging fields everything is listed, as old tools expect. */
function pageOf<T>(
  all: readonly T[],
  from: number | undefined,
  count: number | undefined,
): readonly T[] {
  if (from === undefined && count === undefined) return all;
  return all.slice(from ?? 0, (from ?? 0) + (count ?? defaultPage));
}
