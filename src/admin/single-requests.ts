import { type Address, isFailure, queueOffset, timestampMs } from '../base/index.ts';
import {
  ConsumerGroup,
  CreateTopic,
  DeleteSubscriptionGroup,
  DeleteTopic,
  DeleteTopicInNameServer,
  GetConsumerRunningInfo,
  GetConsumeStats,
  GetRouteInfo,
  GetTopic,
  GetTopicsByCluster,
  type JsonObject,
  KeyOfNamespace,
  KeyValueResponse,
  OffsetResponse,
  PutKeyValue,
  RequestCode,
  ResetOffset,
  ResponseCode,
  SearchOffset,
  UpdateConsumerOffset,
  type Writable,
  writeFastjson,
} from '../wire/index.ts';
import type { Admin } from './admin.ts';
import { runtimeOf } from './brokers.ts';
import { JsonReader, readQueueKey } from './json-reader.ts';
import { isRefusal } from './refusal.ts';

/** A queue as tools name it. */
export interface NamedQueue {
  readonly topic: string;
  readonly broker: string;
  readonly queueId: number;
}

export interface QueueStatistics extends NamedQueue {
  readonly minOffset: number;
  readonly maxOffset: number;
  readonly lastUpdateTimestamp: number;
}

export interface QueueConsumption extends NamedQueue {
  readonly brokerOffset: number;
  readonly consumerOffset: number;
  readonly pullOffset: number;
  readonly lastTimestamp: number;
}

export interface GroupConnections {
  readonly clients: readonly {
    readonly clientId: string;
    readonly address: string;
    readonly version: number;
  }[];
  readonly consumeType: string;
  readonly messageModel: string;
}

/**
 * One function for one request, as RocketMQ's own tool sends it: for faces that must do exactly what it does, with
 * nothing checked before and nothing read back. Addresses are those that a person gave, or the cluster's.
 */
export const singleRequests = {
  async createTopic(
    admin: Admin,
    broker: Address,
    topic: {
      readonly topic: string;
      readonly readQueueNums: number;
      readonly writeQueueNums: number;
      readonly perm: number;
      readonly topicSysFlag: number;
      readonly order: boolean;
      readonly attributes: string;
    },
  ): Promise<void> {
    await admin.call(broker, {
      code: RequestCode.UPDATE_AND_CREATE_TOPIC,
      header: [CreateTopic, { ...topic, defaultTopic: 'TBW102', topicFilterType: 'SINGLE_TAG' }],
    });
  },

  async deleteTopic(admin: Admin, broker: Address, topic: string): Promise<void> {
    await admin.call(broker, {
      code: RequestCode.DELETE_TOPIC_IN_BROKER,
      header: [DeleteTopic, { topic }],
    });
  },

  async forgetTopic(
    admin: Admin,
    nameServer: Address,
    topic: string,
    clusterName: string,
  ): Promise<void> {
    await admin.call(nameServer, {
      code: RequestCode.DELETE_TOPIC_IN_NAMESRV,
      header: [DeleteTopicInNameServer, { topic, clusterName }],
    });
  },

  async createGroup(
    admin: Admin,
    broker: Address,
    config: Readonly<Record<string, Writable>>,
  ): Promise<void> {
    await admin.call(broker, {
      code: RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
      body: new TextEncoder().encode(writeFastjson(config)),
    });
  },

  async deleteGroup(
    admin: Admin,
    broker: Address,
    groupName: string,
    cleanOffset: boolean,
  ): Promise<void> {
    await admin.call(broker, {
      code: RequestCode.DELETE_SUBSCRIPTIONGROUP,
      header: [DeleteSubscriptionGroup, { groupName, cleanOffset }],
    });
  },

  /** Undefined when there is no such key. */
  async keyValue(admin: Admin, namespace: string, key: string): Promise<string | undefined> {
    try {
      const response = await admin.callNameServer({
        code: RequestCode.GET_KV_CONFIG,
        header: [KeyOfNamespace, { namespace, key }],
      });
      return KeyValueResponse.decode(response).value;
    } catch (error) {
      if (isRefusal(error, ResponseCode.QUERY_NOT_FOUND)) return undefined;
      throw error;
    }
  },

  /** At each name server. */
  async putKeyValue(admin: Admin, namespace: string, key: string, value: string): Promise<void> {
    for (const nameServer of admin.nameServers) {
      await admin.call(nameServer, {
        code: RequestCode.PUT_KV_CONFIG,
        header: [PutKeyValue, { namespace, key, value }],
      });
    }
  },

  async clusterInfo(admin: Admin): Promise<{
    readonly clusters: ReadonlyMap<string, readonly string[]>;
    /** By broker group and broker id. */
    readonly addresses: ReadonlyMap<string, ReadonlyMap<number, string>>;
  }> {
    const response = await admin.callNameServer({ code: RequestCode.GET_BROKER_CLUSTER_INFO });
    const info = JsonReader.parse(response.body, 'ClusterInfo');
    const clusters = new Map<string, readonly string[]>();
    for (const [cluster, names] of info.at('clusterAddrTable').entries()) {
      clusters.set(
        cluster,
        names.items().map((name) => name.text()),
      );
    }
    const addresses = new Map<string, ReadonlyMap<number, string>>();
    for (const [name, data] of info.at('brokerAddrTable').entries()) {
      const byId = data.at('brokerAddrs').entries();
      addresses.set(name, new Map(byId.map(([id, address]) => [Number(id), address.text()])));
    }
    return { clusters, addresses };
  },

  async topicsOfCluster(admin: Admin, cluster: string): Promise<readonly string[]> {
    const response = await admin.callNameServer({
      code: RequestCode.GET_TOPICS_BY_CLUSTER,
      header: [GetTopicsByCluster, { cluster }],
    });
    const names = JsonReader.parse(response.body, 'TopicList').at('topicList').items();
    return names.map((name) => name.text());
  },

  /** In the order of the name server. */
  async topics(admin: Admin): Promise<readonly string[]> {
    const response = await admin.callNameServer({
      code: RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER,
    });
    const names = JsonReader.parse(response.body, 'TopicList').at('topicList').items();
    return names.map((name) => name.text());
  },

  async route(admin: Admin, topic: string): Promise<JsonObject> {
    const response = await admin.callNameServer({
      code: RequestCode.GET_ROUTEINFO_BY_TOPIC,
      header: [GetRouteInfo, { topic, acceptStandardJsonOnly: true }],
    });
    return JsonReader.parse(response.body, 'TopicRouteData').raw();
  },

  async groupsOfTopic(admin: Admin, broker: Address, topic: string): Promise<readonly string[]> {
    const response = await admin.call(broker, {
      code: RequestCode.QUERY_TOPIC_CONSUME_BY_WHO,
      header: [GetTopic, { topic }],
    });
    const names = JsonReader.parse(response.body, 'GroupList').at('groupList').items();
    return names.map((name) => name.text());
  },

  async topicStatistics(
    admin: Admin,
    broker: Address,
    topic: string,
  ): Promise<{ readonly queues: readonly QueueStatistics[]; readonly putTps: number }> {
    const response = await admin.call(broker, {
      code: RequestCode.GET_TOPIC_STATS_INFO,
      header: [GetTopic, { topic }],
    });
    const table = JsonReader.parse(response.body, 'TopicStatsTable');
    const queues = table
      .at('offsetTable')
      .entries()
      .map(([key, range]) => ({
        ...readQueueKey(key),
        minOffset: range.at('minOffset').number(),
        maxOffset: range.at('maxOffset').number(),
        lastUpdateTimestamp: range.at('lastUpdateTimestamp').number(),
      }));
    return { queues, putTps: table.at('topicPutTps').number() };
  },

  async runtime(admin: Admin, broker: Address): Promise<Readonly<Record<string, string>>> {
    return await runtimeOf(admin, { address: broker });
  },

  async consumption(
    admin: Admin,
    broker: Address,
    group: string,
    topic: string,
  ): Promise<{ readonly queues: readonly QueueConsumption[]; readonly tps: number }> {
    const response = await admin.call(broker, {
      code: RequestCode.GET_CONSUME_STATS,
      header: [GetConsumeStats, { consumerGroup: group, topic }],
    });
    const stats = JsonReader.parse(response.body, 'ConsumeStats');
    const queues = stats
      .at('offsetTable')
      .entries()
      .map(([key, progress]) => ({
        ...readQueueKey(key),
        brokerOffset: progress.at('brokerOffset').number(),
        consumerOffset: progress.at('consumerOffset').number(),
        pullOffset: progress.at('pullOffset').number(),
        lastTimestamp: progress.at('lastTimestamp').number(),
      }));
    return { queues, tps: stats.at('consumeTps').number() };
  },

  /** Undefined when no consumer of the group is connected. */
  async connections(
    admin: Admin,
    broker: Address,
    group: string,
  ): Promise<GroupConnections | undefined> {
    try {
      const response = await admin.call(broker, {
        code: RequestCode.GET_CONSUMER_CONNECTION_LIST,
        header: [ConsumerGroup, { consumerGroup: group }],
      });
      const connection = JsonReader.parse(response.body, 'ConsumerConnection');
      const clients = connection.at('connectionSet').items();
      return {
        clients: clients.map((client) => ({
          clientId: client.at('clientId').text(),
          address: client.at('clientAddr').text(),
          version: client.at('version').number(),
        })),
        consumeType: connection.at('consumeType').text(),
        messageModel: connection.at('messageModel').text(),
      };
    } catch (error) {
      if (isRefusal(error, ResponseCode.CONSUMER_NOT_ONLINE)) return undefined;
      throw error;
    }
  },

  /** The queues that a consumer has now, as it tells; none when it does not. */
  async queuesOfClient(
    admin: Admin,
    broker: Address,
    consumerGroup: string,
    clientId: string,
  ): Promise<readonly NamedQueue[]> {
    try {
      const response = await admin.call(broker, {
        code: RequestCode.GET_CONSUMER_RUNNING_INFO,
        header: [GetConsumerRunningInfo, { consumerGroup, clientId, jstackEnable: false }],
      });
      const info = JsonReader.parse(response.body, 'ConsumerRunningInfo');
      return info
        .at('mqTable')
        .entries()
        .map(([key]) => readQueueKey(key));
    } catch (error) {
      if (isRefusal(error) || isFailure(error, 'unavailable')) return [];
      throw error;
    }
  },

  /** Below 0 the time is the end of each queue. Gives the new offsets. */
  async resetOffsets(
    admin: Admin,
    broker: Address,
    request: {
      readonly topic: string;
      readonly group: string;
      readonly timestamp: number;
      readonly isForce: boolean;
    },
  ): Promise<readonly (NamedQueue & { readonly offset: number })[]> {
    const response = await admin.call(broker, {
      code: RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
      header: [ResetOffset, request],
    });
    const table = JsonReader.parse(response.body, 'ResetOffsetBody').at('offsetTable');
    return table
      .entries()
      .map(([key, offset]) => ({ ...readQueueKey(key), offset: offset.number() }));
  },

  /** Of one queue, from version 5 on. */
  async resetOffset(
    admin: Admin,
    broker: Address,
    request: {
      readonly topic: string;
      readonly group: string;
      readonly queueId: number;
      readonly offset: number;
    },
  ): Promise<void> {
    const offset = queueOffset(request.offset);
    await admin.call(broker, {
      code: RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
      header: [ResetOffset, { ...request, offset, timestamp: 0, isForce: true }],
    });
  },

  async commitOffset(
    admin: Admin,
    broker: Address,
    commit: {
      readonly group: string;
      readonly topic: string;
      readonly queueId: number;
      readonly offset: number;
    },
  ): Promise<void> {
    const { group, topic, queueId, offset } = commit;
    await admin.call(broker, {
      code: RequestCode.UPDATE_CONSUMER_OFFSET,
      header: [
        UpdateConsumerOffset,
        { consumerGroup: group, topic, queueId, commitOffset: queueOffset(offset) },
      ],
    });
  },

  async offsetByTime(
    admin: Admin,
    broker: Address,
    topic: string,
    queueId: number,
    timestamp: number,
  ): Promise<number> {
    const response = await admin.call(broker, {
      code: RequestCode.SEARCH_OFFSET_BY_TIMESTAMP,
      header: [SearchOffset, { topic, queueId, timestamp: timestampMs(timestamp) }],
    });
    return OffsetResponse.decode(response).offset;
  },
} as const;
