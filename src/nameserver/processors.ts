import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type Clock, formatAddress, type Logger } from '../base/index.ts';
import {
  type Answer,
  handleAsync,
  type Processor,
  type RemotingConnection,
  type RequestTable,
} from '../remoting/index.ts';
import {
  AddWritePermResponse,
  BrokerHeartbeat,
  BrokerIdentity,
  BrokerMemberGroupResponse,
  BrokerName,
  ClusterInfo,
  DataVersion,
  DeleteTopicInNameServer,
  decodeRegistrationBody,
  GetBrokerMemberGroup,
  GetRouteInfo,
  GetTopicsByCluster,
  type IncomingCommand,
  KeyOfNamespace,
  KeyValueResponse,
  KVTable,
  Namespace,
  PutKeyValue,
  QueryDataVersionResponse,
  RegisterBroker,
  RegisterBrokerResponse,
  RegisterTopic,
  RequestCode,
  ResponseCode,
  TopicList,
  TopicRouteData,
  Version,
  WipeWritePermResponse,
} from '../wire/index.ts';
import type { Configuration } from './configuration.ts';
import type { KvConfig } from './kv-config.ts';
import type { NameServerOptions } from './options.ts';
import { type RegistrationRefusal, sameVersion } from './registration.ts';
import { brokerAddrs, brokerData, encodeRoute, RouteCache, routeOfZone } from './route-encoding.ts';
import type { RouteTable } from './route-table.ts';
import { encodeText } from './text.ts';

export interface ProcessorContext {
  readonly configuration: Configuration;
  readonly options: NameServerOptions;
  readonly routes: RouteTable;
  readonly kvConfig: KvConfig;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Where order configurations are, by topic. Source: `NamesrvUtil`. */
const orderTopicNamespace = 'ORDER_TOPIC_CONFIG';

const defaultHeartbeatTimeoutMs = 120_000;

const ok: Answer = { code: ResponseCode.SUCCESS };

/** What a name server answers. Source: `DefaultRequestProcessor`, `ClientRequestProcessor`. */
export function nameServerProcessors(context: ProcessorContext): RequestTable {
  const { options, routes, kvConfig } = context;
  const answering =
    (answer: (request: IncomingCommand, connection: RemotingConnection) => Answer): Processor =>
    (connection, request) =>
      connection.answer(request, answer(request, connection));
  const eventually =
    (
      answer: (request: IncomingCommand, connection: RemotingConnection) => Promise<Answer>,
    ): Processor =>
    (connection, request) =>
      handleAsync(connection, request, () => answer(request, connection));
  const topicList = (topics: (request: IncomingCommand) => Iterable<string>) =>
    answering((request) => (options.enableTopicList ? listAnswer(topics(request)) : disabled));

  return new Map<number, Processor>([
    [RequestCode.GET_ROUTEINFO_BY_TOPIC, routeProcessor(context)],
    [RequestCode.REGISTER_BROKER, answering((request, from) => register(context, request, from))],
    [RequestCode.UNREGISTER_BROKER, answering((request) => unregister(context, request))],
    [RequestCode.QUERY_DATA_VERSION, answering((request) => queryDataVersion(context, request))],
    [RequestCode.BROKER_HEARTBEAT, answering((request) => heartbeat(context, request))],
    [RequestCode.GET_BROKER_MEMBER_GROUP, answering((request) => memberGroup(context, request))],
    [RequestCode.GET_BROKER_CLUSTER_INFO, clusterInfoProcessor(routes)],
    [RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, allTopicsProcessor(context)],
    [
      RequestCode.GET_TOPICS_BY_CLUSTER,
      topicList((request) => routes.topicsOfCluster(GetTopicsByCluster.decode(request).cluster)),
    ],
    [RequestCode.GET_UNIT_TOPIC_LIST, topicList(() => routes.unitTopics('unit'))],
    [RequestCode.GET_HAS_UNIT_SUB_TOPIC_LIST, topicList(() => routes.unitTopics('unitSub'))],
    [
      RequestCode.GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST,
      topicList(() => routes.unitTopics('unitSubWithoutUnit')),
    ],
    [RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS, answering(() => systemTopics(routes))],
    [
      RequestCode.WIPE_WRITE_PERM_OF_BROKER,
      answering((request, from) => wipeWritePerm(context, request, from)),
    ],
    [
      RequestCode.ADD_WRITE_PERM_OF_BROKER,
      answering((request, from) => addWritePerm(context, request, from)),
    ],
    [RequestCode.DELETE_TOPIC_IN_NAMESRV, answering((request) => deleteTopic(routes, request))],
    [RequestCode.REGISTER_TOPIC_IN_NAMESRV, answering((request) => registerTopic(routes, request))],
    [
      RequestCode.PUT_KV_CONFIG,
      eventually((request, from) => {
        const { namespace, key, value } = PutKeyValue.decode(request);
        return changeKeyValue(context, from, { namespace, key, value });
      }),
    ],
    [
      RequestCode.DELETE_KV_CONFIG,
      eventually((request, from) => {
        const { namespace, key } = KeyOfNamespace.decode(request);
        return changeKeyValue(context, from, { namespace, key });
      }),
    ],
    [RequestCode.GET_KV_CONFIG, answering((request) => getKeyValue(kvConfig, request))],
    [RequestCode.GET_KVLIST_BY_NAMESPACE, answering((request) => listNamespace(kvConfig, request))],
    [
      RequestCode.GET_NAMESRV_CONFIG,
      answering(() => success(encodeText(context.configuration.text()))),
    ],
    [
      RequestCode.UPDATE_NAMESRV_CONFIG,
      eventually((request, from) => context.configuration.update(from, request)),
    ],
  ]);
}

function routeProcessor(context: ProcessorContext): Processor {
  const { options, routes, kvConfig, clock } = context;
  const cache = new RouteCache(routes);
  const serveFromMs = options.needWaitForService
    ? clock.monotonicMs() + options.waitForServiceMs
    : Number.NEGATIVE_INFINITY;
  return (connection, request) => {
    const { topic, acceptStandardJsonOnly } = GetRouteInfo.decode(request);
    if (clock.monotonicMs() < serveFromMs) {
      return connection.answer(request, {
        code: ResponseCode.SYSTEM_ERROR,
        remark: 'name server not ready',
      });
    }
    const route = routes.topic(topic);
    if (route === undefined) {
      return connection.answer(request, {
        code: ResponseCode.TOPIC_NOT_EXIST,
        remark: `No topic route info in name server for the topic: ${topic}${helpPage}`,
      });
    }
    const order = options.orderMessageEnable ? kvConfig.get(orderTopicNamespace, topic) : undefined;
    const zone = zoneOf(request);
    const dialect =
      acceptStandardJsonOnly || request.version >= Version.V4_9_4 ? 'standard' : 'fastjson';
    connection.answer(request, {
      code: ResponseCode.SUCCESS,
      body:
        zone === undefined
          ? cache.encoded(route, order, dialect)
          : encodeRoute(routeOfZone(routes.describe(route), zone), order, 'fastjson'),
    });
  };
}

/** Source: `FAQUrl`. */
const helpPage = '\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.';

/** The zone that a client wants brokers of, if it wants only those. */
function zoneOf(request: IncomingCommand): string | undefined {
  if (request.text('__ZONE_MODE')?.toLowerCase() !== 'true') return undefined;
  const zone = request.text('__ZONE_NAME');
  return zone === undefined || zone.trim() === '' ? undefined : zone;
}

/**
 * Fields beside RocketMQ's: `epoch` of the master, and `baseDataVersion`, the version of the topic table that a
 * registration of single topics continues.
 */
function register(
  context: ProcessorContext,
  request: IncomingCommand,
  connection: RemotingConnection,
): Answer {
  const { options, routes, kvConfig, clock, logger } = context;
  const header = RegisterBroker.decode(request);
  const { body } = request;
  const expected = header.bodyCrc32 ?? 0;
  if (expected !== 0 && rocketmqCrc32(body) !== expected) {
    return { code: ResponseCode.SYSTEM_ERROR, remark: 'crc32 not match' };
  }
  const base = header.baseDataVersion;
  const result = routes.register(
    {
      cluster: header.clusterName,
      brokerName: header.brokerName,
      brokerId: header.brokerId,
      address: header.brokerAddr,
      haAddress: header.haServerAddr,
      zoneName: header.zoneName,
      heartbeatTimeoutMs: header.heartbeatTimeoutMillis ?? defaultHeartbeatTimeoutMs,
      enableActingMaster: header.enableActingMaster,
      epoch: header.epoch,
      baseVersion: base === undefined ? undefined : DataVersion.decode(base),
      fingerprint: createHash('sha256').update(body).digest('base64'),
      content: () => decodeRegistrationBody(body, request.version),
      owner: connection,
    },
    clock.monotonicMs(),
  );
  if ('refused' in result) {
    const remark = refusalText(result.refused);
    logger.warn('registration refused', {
      broker: header.brokerName,
      id: header.brokerId,
      address: header.brokerAddr,
      reason: remark,
    });
    return { code: ResponseCode.SYSTEM_ERROR, remark };
  }
  if (result.isNew) {
    logger.info('broker registered', {
      cluster: header.clusterName,
      broker: header.brokerName,
      id: header.brokerId,
      address: header.brokerAddr,
    });
  }
  const order = options.returnOrderTopicConfigToBroker
    ? kvConfig.namespace(orderTopicNamespace)
    : undefined;
  return {
    code: ResponseCode.SUCCESS,
    header: [
      RegisterBrokerResponse,
      { haServerAddr: result.masterHaAddress, masterAddr: result.masterAddress },
    ],
    body: order === undefined ? undefined : KVTable.encode({ table: order }),
  };
}

function refusalText(refusal: RegistrationRefusal): string {
  switch (refusal.type) {
    case 'partFirst':
      return 'register broker failed';
    case 'staleEpoch':
      return `registration refused: ${refusal.holder} is registered with the newer epoch ${refusal.epoch}`;
  }
}

/** Java clears the sign bit, so that the value fits its `int`. Source: `UtilAll.crc32`. */
function rocketmqCrc32(bytes: Uint8Array): number {
  return crc32(bytes) & 0x7fff_ffff;
}

function unregister({ routes, logger }: ProcessorContext, request: IncomingCommand): Answer {
  const { clusterName, brokerName, brokerAddr, brokerId } = BrokerIdentity.decode(request);
  if (routes.unregister(clusterName, brokerName, brokerAddr)) {
    logger.info('broker unregistered', { broker: brokerName, id: brokerId, address: brokerAddr });
  }
  return ok;
}

function queryDataVersion({ routes, clock }: ProcessorContext, request: IncomingCommand): Answer {
  const { clusterName, brokerAddr } = BrokerIdentity.decode(request);
  const asked = DataVersion.decode(request.body);
  const known = routes.dataVersionOf(clusterName, brokerAddr);
  routes.heartbeat(clusterName, brokerAddr, undefined, clock.monotonicMs());
  const changed = known === undefined || !sameVersion(known, asked);
  return {
    code: ResponseCode.SUCCESS,
    header: [QueryDataVersionResponse, { changed }],
    body: known === undefined ? undefined : DataVersion.encode(known),
  };
}

function heartbeat({ routes, clock }: ProcessorContext, request: IncomingCommand): Answer {
  const { clusterName, brokerAddr, epoch } = BrokerHeartbeat.decode(request);
  routes.heartbeat(clusterName, brokerAddr, epoch, clock.monotonicMs());
  return ok;
}

function memberGroup({ routes }: ProcessorContext, request: IncomingCommand): Answer {
  const { clusterName, brokerName } = GetBrokerMemberGroup.decode(request);
  const addresses = brokerAddrs(routes.group(brokerName));
  return success(
    BrokerMemberGroupResponse.encode({
      brokerMemberGroup: { brokerAddrs: addresses, brokerName, cluster: clusterName },
    }),
  );
}

/** Encoded again only after a change. */
function clusterInfoProcessor(routes: RouteTable): Processor {
  let encodedAt = -1;
  let body: Uint8Array = new Uint8Array();
  return (connection, request) => {
    if (encodedAt !== routes.groupsRevision) {
      encodedAt = routes.groupsRevision;
      const brokers = routes
        .brokers()
        .map((broker) => [broker.brokerName, brokerData(broker)] as const);
      const clusters = [...routes.clusters()].map(([name, names]) => [name, [...names]] as const);
      body = ClusterInfo.encode({
        brokerAddrTable: new Map(brokers),
        clusterAddrTable: new Map(clusters),
      });
    }
    connection.answer(request, { code: ResponseCode.SUCCESS, body });
  };
}

function allTopicsProcessor({ options, routes }: ProcessorContext): Processor {
  let encodedAt = -1;
  let body: Uint8Array = new Uint8Array();
  return (connection, request) => {
    if (!options.enableAllTopicList) return connection.answer(request, disabled);
    if (encodedAt !== routes.topicSetRevision) {
      encodedAt = routes.topicSetRevision;
      body = TopicList.encode({ topicList: [...routes.topicNames()] });
    }
    connection.answer(request, { code: ResponseCode.SUCCESS, body });
  };
}

const disabled: Answer = { code: ResponseCode.SYSTEM_ERROR, remark: 'disable' };

function listAnswer(topics: Iterable<string>): Answer {
  return success(TopicList.encode({ topicList: [...topics] }));
}

/** Names of clusters and broker groups, which are topics on each broker. */
function systemTopics(routes: RouteTable): Answer {
  const names = new Set<string>();
  for (const [cluster, brokerNames] of routes.clusters()) {
    names.add(cluster);
    for (const name of brokerNames) names.add(name);
  }
  const [firstBroker] = routes.brokers();
  const [brokerAddr] = firstBroker?.addresses.values() ?? [];
  return success(TopicList.encode({ brokerAddr, topicList: [...names] }));
}

function wipeWritePerm(
  { routes, logger }: ProcessorContext,
  request: IncomingCommand,
  from: RemotingConnection,
): Answer {
  const by = formatAddress(from.remote);
  const { brokerName } = BrokerName.decode(request);
  const wipeTopicCount = routes.setWritable(brokerName, false);
  logger.info('broker made read-only', { broker: brokerName, topics: wipeTopicCount, by });
  return { code: ResponseCode.SUCCESS, header: [WipeWritePermResponse, { wipeTopicCount }] };
}

function addWritePerm(
  { routes, logger }: ProcessorContext,
  request: IncomingCommand,
  from: RemotingConnection,
): Answer {
  const by = formatAddress(from.remote);
  const { brokerName } = BrokerName.decode(request);
  const addTopicCount = routes.setWritable(brokerName, true);
  logger.info('broker made writable', { broker: brokerName, topics: addTopicCount, by });
  return { code: ResponseCode.SUCCESS, header: [AddWritePermResponse, { addTopicCount }] };
}

function deleteTopic(routes: RouteTable, request: IncomingCommand): Answer {
  const { topic, clusterName } = DeleteTopicInNameServer.decode(request);
  routes.deleteTopic(topic, clusterName === '' ? undefined : clusterName);
  return ok;
}

/** RocketMQ drops the queues of unknown brokers without a word. */
function registerTopic(routes: RouteTable, request: IncomingCommand): Answer {
  const { topic } = RegisterTopic.decode(request);
  const unknown = routes.registerTopic(topic, TopicRouteData.decode(request.body).queueDatas);
  if (unknown.length === 0) return ok;
  const remark = `brokers that are not registered: ${unknown.join(', ')}`;
  return { code: ResponseCode.SYSTEM_ERROR, remark };
}

/** Longest value that is logged. */
const loggedCharacters = 1000;

async function changeKeyValue(
  { kvConfig, logger }: ProcessorContext,
  from: RemotingConnection,
  change: { readonly namespace: string; readonly key: string; readonly value?: string },
): Promise<Answer> {
  const { namespace, key, value } = change;
  const before = kvConfig.get(namespace, key);
  if (value === undefined) await kvConfig.delete(namespace, key);
  else await kvConfig.put(namespace, key, value);
  if (value !== before) {
    logger.info('a key was changed', {
      namespace,
      key,
      before: before?.slice(0, loggedCharacters),
      after: value?.slice(0, loggedCharacters),
      by: formatAddress(from.remote),
    });
  }
  return ok;
}

function getKeyValue(kvConfig: KvConfig, request: IncomingCommand): Answer {
  const { namespace, key } = KeyOfNamespace.decode(request);
  const value = kvConfig.get(namespace, key);
  if (value !== undefined) {
    return { code: ResponseCode.SUCCESS, header: [KeyValueResponse, { value }] };
  }
  const remark = `No config item, Namespace: ${namespace} Key: ${key}`;
  return { code: ResponseCode.QUERY_NOT_FOUND, remark };
}

function listNamespace(kvConfig: KvConfig, request: IncomingCommand): Answer {
  const { namespace } = Namespace.decode(request);
  const table = kvConfig.namespace(namespace);
  if (table !== undefined) return success(KVTable.encode({ table }));
  const remark = `No config item, Namespace: ${namespace}`;
  return { code: ResponseCode.QUERY_NOT_FOUND, remark };
}

function success(body: Uint8Array): Answer {
  return { code: ResponseCode.SUCCESS, body };
}
