import { handleAsync, type Processor, type RequestTable } from '../remoting/index.ts';
import { RequestCode } from '../wire/index.ts';
import type { Configuration } from './administration/configuration.ts';
import type { ConsumerResets } from './administration/consumer-resets.ts';
import type { Consumption } from './administration/consumption.ts';
import type { Definitions } from './administration/definitions.ts';
import type { Listings } from './administration/listings.ts';
import type { Messages } from './administration/messages.ts';
import type { Offsets } from './administration/offsets.ts';
import type { RuntimeInfo } from './administration/runtime-info.ts';
import type { StatisticsReads } from './administration/statistics-reads.ts';
import type { Upkeep } from './administration/upkeep.ts';
import type { DelayDelivery } from './delaying/delay-delivery.ts';
import type { Puller } from './pulling/puller.ts';
import type { SendBack } from './sending/send-back.ts';
import type { Sender } from './sending/sender.ts';
import type { Assignments } from './sessions/assignments.ts';
import type { ClientLists } from './sessions/client-lists.ts';
import type { ClientRelays } from './sessions/client-relays.ts';
import type { QueueLocks } from './sessions/queue-locks.ts';
import type { Sessions } from './sessions/sessions.ts';

export interface BrokerProcessors {
  readonly sender: Sender;
  readonly sendBack: SendBack;
  readonly delayDelivery: DelayDelivery;
  readonly puller: Puller;
  readonly sessions: Sessions;
  readonly clientLists: ClientLists;
  readonly clientRelays: ClientRelays;
  readonly assignments: Assignments;
  readonly queueLocks: QueueLocks;
  readonly offsets: Offsets;
  readonly messages: Messages;
  readonly configuration: Configuration;
  readonly definitions: Definitions;
  readonly consumerResets: ConsumerResets;
  /** Offsets are reset by the broker, not by the consumers themselves. */
  readonly resetsHere: () => boolean;
  readonly listings: Listings;
  readonly runtimeInfo: RuntimeInfo;
  readonly statisticsReads: StatisticsReads;
  readonly consumption: Consumption;
  readonly upkeep: Upkeep;
}

/** Which request code is served by what. A code that is not here is refused as not supported. */
export function requestTable(broker: BrokerProcessors): RequestTable {
  const { sender, puller, sessions, offsets, messages, definitions, listings, runtimeInfo } =
    broker;
  const { clientLists, clientRelays, statisticsReads, consumption, upkeep } = broker;
  const send: Processor = (connection, request) => sender.handle(connection, request);
  const pull: Processor = (connection, request) => puller.handle(connection, request);
  return new Map<number, Processor>([
    [RequestCode.SEND_MESSAGE, send],
    [RequestCode.SEND_MESSAGE_V2, send],
    [RequestCode.SEND_BATCH_MESSAGE, send],
    [
      RequestCode.CONSUMER_SEND_MSG_BACK,
      (c, r) => handleAsync(c, r, () => broker.sendBack.answer(r)),
    ],
    [RequestCode.GET_ALL_DELAY_OFFSET, (c, r) => c.answer(r, broker.delayDelivery.allOffsets())],
    [RequestCode.PULL_MESSAGE, pull],
    [RequestCode.LITE_PULL_MESSAGE, pull],
    [RequestCode.HEART_BEAT, (c, r) => sessions.heartbeat(c, r)],
    [RequestCode.UNREGISTER_CLIENT, (c, r) => sessions.unregister(c, r)],
    [RequestCode.LOCK_BATCH_MQ, (c, r) => broker.queueLocks.lock(c, r)],
    [RequestCode.UNLOCK_BATCH_MQ, (c, r) => broker.queueLocks.unlock(c, r)],
    [RequestCode.GET_CONSUMER_LIST_BY_GROUP, (c, r) => sessions.consumerList(c, r)],
    [RequestCode.GET_CONSUMER_CONNECTION_LIST, (c, r) => clientLists.consumers(c, r)],
    [RequestCode.GET_PRODUCER_CONNECTION_LIST, (c, r) => clientLists.producers(c, r)],
    [RequestCode.GET_ALL_PRODUCER_INFO, (c, r) => clientLists.allProducers(c, r)],
    [RequestCode.CHECK_CLIENT_CONFIG, (c, r) => clientLists.checkConfig(c, r)],
    [
      RequestCode.GET_CONSUMER_RUNNING_INFO,
      (c, r) => handleAsync(c, r, () => clientRelays.runningInfo(r)),
    ],
    [
      RequestCode.CONSUME_MESSAGE_DIRECTLY,
      (c, r) => handleAsync(c, r, () => clientRelays.consumeDirectly(r)),
    ],
    [
      RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS,
      (c, r) => handleAsync(c, r, () => clientRelays.consumerStatus(r)),
    ],
    [RequestCode.QUERY_CONSUMER_OFFSET, (c, r) => offsets.query(c, r)],
    [RequestCode.UPDATE_CONSUMER_OFFSET, (c, r) => offsets.update(c, r)],
    [RequestCode.GET_ALL_CONSUMER_OFFSET, (c, r) => handleAsync(c, r, () => offsets.all())],
    [RequestCode.GET_MAX_OFFSET, (c, r) => offsets.max(c, r)],
    [RequestCode.GET_MIN_OFFSET, (c, r) => offsets.min(c, r)],
    [RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, (c, r) => handleAsync(c, r, () => offsets.search(r))],
    [
      RequestCode.GET_EARLIEST_MSG_STORETIME,
      (c, r) => handleAsync(c, r, () => offsets.earliestStoreTime(r)),
    ],
    [RequestCode.VIEW_MESSAGE_BY_ID, (c, r) => handleAsync(c, r, () => messages.view(r))],
    [RequestCode.QUERY_MESSAGE, (c, r) => handleAsync(c, r, () => messages.query(r))],
    [RequestCode.UPDATE_BROKER_CONFIG, (c, r) => broker.configuration.update(c, r)],
    [RequestCode.GET_BROKER_CONFIG, (c, r) => broker.configuration.get(c, r)],
    [RequestCode.UPDATE_AND_CREATE_TOPIC, (c, r) => definitions.createTopic(c, r)],
    [RequestCode.UPDATE_AND_CREATE_TOPIC_LIST, (c, r) => definitions.createTopics(c, r)],
    [
      RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST,
      (c, r) => definitions.createGroups(c, r),
    ],
    [RequestCode.DELETE_TOPIC_IN_BROKER, (c, r) => definitions.deleteTopic(c, r)],
    [RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, (c, r) => definitions.createGroup(c, r)],
    [RequestCode.DELETE_SUBSCRIPTIONGROUP, (c, r) => definitions.deleteGroup(c, r)],
    [RequestCode.QUERY_ASSIGNMENT, (c, r) => handleAsync(c, r, () => broker.assignments.query(r))],
    [RequestCode.SET_MESSAGE_REQUEST_MODE, (c, r) => definitions.setRequestMode(c, r)],
    [
      RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
      (c, r) =>
        broker.resetsHere()
          ? definitions.resetOffsets(c, r)
          : handleAsync(c, r, () => broker.consumerResets.reset(r)),
    ],
    [RequestCode.GET_ALL_TOPIC_CONFIG, (c, r) => listings.allTopics(c, r)],
    [RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG, (c, r) => listings.allGroups(c, r)],
    [RequestCode.GET_TOPIC_CONFIG, (c, r) => listings.topic(c, r)],
    [RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG, (c, r) => listings.group(c, r)],
    [RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER, (c, r) => listings.systemTopics(c, r)],
    [RequestCode.GET_BROKER_RUNTIME_INFO, (c, r) => handleAsync(c, r, () => runtimeInfo.answer())],
    [
      RequestCode.GET_TOPIC_STATS_INFO,
      (c, r) => handleAsync(c, r, () => statisticsReads.topicStats(r)),
    ],
    [
      RequestCode.CLEAN_EXPIRED_CONSUMEQUEUE,
      (c, r) => handleAsync(c, r, () => upkeep.deleteExpired()),
    ],
    [
      RequestCode.DELETE_EXPIRED_COMMITLOG,
      (c, r) => handleAsync(c, r, () => upkeep.deleteExpired()),
    ],
    [RequestCode.CLEAN_UNUSED_TOPIC, (c, r) => c.answer(r, upkeep.cleanUnusedTopics())],
    [RequestCode.CLONE_GROUP_OFFSET, (c, r) => handleAsync(c, r, () => upkeep.cloneOffsets(r))],
    [RequestCode.VIEW_BROKER_STATS_DATA, (c, r) => c.answer(r, statisticsReads.view(r))],
    [RequestCode.GET_CONSUME_STATS, (c, r) => handleAsync(c, r, () => consumption.ofGroup(r))],
    [
      RequestCode.GET_BROKER_CONSUME_STATS,
      (c, r) => handleAsync(c, r, () => consumption.ofBroker(r)),
    ],
    [RequestCode.QUERY_TOPIC_CONSUME_BY_WHO, (c, r) => c.answer(r, consumption.groupsOfTopic(r))],
    [RequestCode.QUERY_TOPICS_BY_CONSUMER, (c, r) => c.answer(r, consumption.topicsOfGroup(r))],
    [
      RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER,
      (c, r) => c.answer(r, consumption.subscription(r)),
    ],
    [
      RequestCode.QUERY_CONSUME_TIME_SPAN,
      (c, r) => handleAsync(c, r, () => consumption.timeSpans(r)),
    ],
    [RequestCode.QUERY_CONSUME_QUEUE, (c, r) => handleAsync(c, r, () => consumption.queue(r))],
    [
      RequestCode.QUERY_CORRECTION_OFFSET,
      (c, r) => handleAsync(c, r, () => consumption.correctionOffsets(r)),
    ],
  ]);
}
