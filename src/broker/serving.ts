import {
  type Address,
  besides,
  type Clock,
  type Disk,
  Failure,
  formatAddress,
  type Logger,
  type Random,
} from '../base/index.ts';
import type { RemotingClient, RemotingServer, RequestTable } from '../remoting/index.ts';
import type { LocalStore } from '../views/index.ts';
import { ensureSystemTopics, type MetadataSettings } from '../views/metadata/index.ts';
import type { Configuration } from './administration/configuration.ts';
import { ConsumerResets } from './administration/consumer-resets.ts';
import { Consumption } from './administration/consumption.ts';
import { Definitions } from './administration/definitions.ts';
import { Listings } from './administration/listings.ts';
import { Messages } from './administration/messages.ts';
import { Offsets } from './administration/offsets.ts';
import { RuntimeInfo } from './administration/runtime-info.ts';
import { StatisticsReads } from './administration/statistics-reads.ts';
import { Upkeep } from './administration/upkeep.ts';
import { DelayDelivery } from './delaying/delay-delivery.ts';
import { Delays } from './delaying/delays.ts';
import { Groups } from './groups.ts';
import { MetadataWriter } from './metadata-writer.ts';
import type { StoreFigures } from './metrics/broker-metrics.ts';
import { OffsetCommits } from './offset-commits.ts';
import type { BrokerOptions } from './options.ts';
import { requestTable } from './processors.ts';
import { Puller, type ReadersMaster } from './pulling/puller.ts';
import { type RegisteredAs, Registration } from './registration.ts';
import type { InSync } from './replication/in-sync.ts';
import { SendBack } from './sending/send-back.ts';
import { Sender } from './sending/sender.ts';
import { SpecialMessages } from './sending/special-messages.ts';
import { Assignments } from './sessions/assignments.ts';
import { ClientLists } from './sessions/client-lists.ts';
import { ClientRelays } from './sessions/client-relays.ts';
import type { OnlineClients } from './sessions/online-clients.ts';
import { QueueLocks } from './sessions/queue-locks.ts';
import { Sessions } from './sessions/sessions.ts';
import { Statistics } from './statistics/statistics.ts';
import { Topics } from './topics.ts';

export interface ServingPorts {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly random: Random;
  readonly logger: Logger;
}

export interface ServingParts {
  readonly configuration: Configuration;
  readonly local: LocalStore;
  readonly inSync: InSync;
  readonly server: RemotingServer;
  readonly client: RemotingClient;
  readonly online: OnlineClients;
  /** Where clients reach this broker, and how records state it. */
  readonly address: Address;
  readonly storeHost: Uint8Array;
  /** What is answered whatever the role of the replica. */
  readonly anyRole: RequestTable;
  /** As what it registers at name servers. */
  readonly registered: () => RegisteredAs;
  /** A read of this store met it. */
  readonly onDamage: (failure: Failure) => void;
  /** A name server knows a master of the group. */
  readonly onMaster: (haAddress: Address, address: Address | undefined) => void;
  /** Of this replica, while it does not lead. */
  readonly master: ReadersMaster;
}

/**
 * Everything that answers clients from one opened store. It ends with that store: a node that opens its store again
 * makes another one.
 */
export class Serving {
  readonly table: RequestTable;
  readonly local: LocalStore;
  readonly registration: Registration;
  readonly #configuration: Configuration;
  readonly #settings: MetadataSettings;
  readonly #writer: MetadataWriter;
  readonly #commits: OffsetCommits;
  readonly #statistics: Statistics;
  readonly #topics: Topics;
  readonly #sessions: Sessions;
  readonly #puller: Puller;
  readonly #delayDelivery: DelayDelivery;
  readonly #runtimeInfo: RuntimeInfo;

  constructor(options: BrokerOptions, parts: ServingParts, ports: ServingPorts) {
    const { clock, disk, random, logger } = ports;
    const { local, address, storeHost } = parts;
    this.local = local;
    this.#configuration = parts.configuration;
    const { store } = local;
    store.storeHost = storeHost;

    const settings: MetadataSettings = besides(options, {
      mixedMessageType: false,
      maxTopicQueues,
    });
    this.#settings = settings;
    const { inSync } = parts;
    const writer = new MetadataWriter(options, store, inSync, {
      clock,
      logger: logger.child('metadata'),
    });
    const commits = new OffsetCommits({ coalesceMs: options.offsetCoalesceMs }, store, {
      clock,
      logger: logger.child('offsets'),
    });
    const statistics = new Statistics(settings, clock);
    const topics = new Topics(settings, store, writer, statistics);
    const groups = new Groups(settings, store, writer);
    const sessions = new Sessions(options, {
      online: parts.online,
      groups,
      topics,
      statistics,
      clock,
      logger: logger.child('sessions'),
    });
    const puller = new Puller(besides(options, { maxSuspendedPulls }), {
      store,
      master: parts.master,
      topics,
      groups,
      consumers: sessions.consumers,
      commits,
      statistics,
      clock,
      logger: logger.child('pull'),
      onDamage: parts.onDamage,
    });
    const delayDelivery = new DelayDelivery(options, {
      store,
      topics,
      clock,
      logger: logger.child('delay'),
      onDamage: parts.onDamage,
    });
    const delays = new Delays(options, { topics, clock });
    const queueLocks = new QueueLocks(clock);
    const specialMessages = new SpecialMessages({ topics, groups, queueLocks, delays, random });
    const onWaiting = () => delayDelivery.noteWaiting();
    const registration = new Registration(
      options,
      {
        store,
        client: parts.client,
        clock,
        logger: logger.child('registration'),
        registered: parts.registered,
        onMaster: parts.onMaster,
      },
      address,
    );
    this.#writer = writer;
    this.#commits = commits;
    this.#sessions = sessions;
    this.#statistics = statistics;
    this.#topics = topics;
    this.#puller = puller;
    this.#delayDelivery = delayDelivery;
    this.registration = registration;
    const messages = new Messages(options, store, topics);
    const announced = () => registration.announced();
    const suspendedPulls = () => puller.suspendedPulls;
    const runtimeInfo = new RuntimeInfo(options, {
      store,
      inSync,
      statistics,
      disk,
      clock,
      suspendedPulls,
      delayPositions: () => delayDelivery.positions(),
    });
    this.#runtimeInfo = runtimeInfo;
    const table = requestTable({
      configuration: parts.configuration,
      sender: new Sender(besides(options, { storeHost }), {
        store,
        topics,
        statistics,
        inSync,
        random,
        clock,
        announced,
        specialMessages,
        onWaiting,
      }),
      puller,
      sessions,
      sendBack: new SendBack(options, {
        store,
        topics,
        groups,
        delays,
        random,
        recordAt: (position) => messages.recordAt(position),
        onWaiting,
      }),
      delayDelivery,
      queueLocks,
      clientLists: new ClientLists(sessions, clock),
      assignments: new Assignments(options, {
        client: parts.client,
        consumers: sessions.consumers,
        clock,
        logger: logger.child('sessions'),
      }),
      clientRelays: new ClientRelays({
        brokerName: options.brokerName,
        consumers: sessions.consumers,
        groups,
        topics,
        messageAt: (position) => messages.recordAt(position),
        logger: logger.child('sessions'),
      }),
      offsets: new Offsets({
        store,
        topics,
        groups,
        commits,
        clock,
        logger: logger.child('offsets'),
      }),
      messages,
      definitions: new Definitions({
        writer,
        commits,
        store,
        topics,
        settings,
        announced,
      }),
      consumerResets: new ConsumerResets(options, {
        store,
        topics,
        commits,
        consumers: sessions.consumers,
        logger: logger.child('offsets'),
      }),
      resetsHere: () => options.serverSideReset,
      listings: new Listings(store, settings),
      runtimeInfo,
      statisticsReads: new StatisticsReads(options, { store, statistics, topics }),
      upkeep: new Upkeep({
        writer,
        commits,
        consumers: sessions.consumers,
        settings,
        deleteExpired: () => local.maintenance.deleteExpired(),
      }),
      consumption: new Consumption(options, {
        store,
        statistics,
        topics,
        commits,
        consumers: sessions.consumers,
        clock,
        brokerAddress: formatAddress(address),
      }),
    });
    this.table = new Map([...table, ...parts.anyRole]);
    const cut = store.onCut;
    store.onCut = () => {
      cut();
      delayDelivery.cut();
    };
    store.onCommitted = () => {
      statistics.settle();
      puller.committed();
      delayDelivery.committed();
      parts.server.flush();
    };
    store.onApplied = (changes) => {
      registration.changed(changes);
      puller.forgetDeletedTopics(changes);
      statistics.forgetDeleted(changes, store.tables.appended);
    };
  }

  get sessions(): Sessions {
    return this.#sessions;
  }

  /** What the serving master does by itself; the store leads already. */
  async lead(): Promise<void> {
    const { store } = this.local;
    const settings = this.#settings;
    const { registration } = this;
    const writer = this.#writer;
    const refused = writer.imply('system topics', (state) => ensureSystemTopics(state, settings));
    if (refused !== undefined) throw new Failure('invalid', refused.remark);
    await store.durably(store.log.end);
    this.#configuration.onChange = async (changes) => {
      const keys = new Set(changes.map(({ key }) => key));
      if (keys.has('brokerPermission')) registration.permissionChanged();
      if (keys.has('namesrvAddr')) await registration.nameServersChanged();
      if (keys.has('autoCreateTopicEnable') || keys.has('defaultTopicQueueNums')) {
        // The options have changed already: what follows from them is no definition of its own.
        const cause = 'UPDATE_BROKER_CONFIG';
        const refused = await writer.follow(cause, (state) => ensureSystemTopics(state, settings));
        if (refused !== 'done') throw new Failure('invalid', refused.refused.remark);
      }
    };
    this.#sessions.start();
    this.#delayDelivery.start();
    this.#statistics.start();
  }

  /** For metrics. */
  get figures(): StoreFigures {
    return {
      store: this.local.store,
      statistics: this.#statistics,
      topics: this.#topics,
      sessions: this.#sessions,
      suspendedPulls: () => this.#puller.suspendedPulls,
      earliestTimestamp: () => this.#runtimeInfo.earliestTimestamp(),
    };
  }

  /** Does nothing by itself any more; answers what waits. */
  stop(): void {
    this.#sessions.stop();
    this.#statistics.stop();
    this.#puller.stop();
    this.#delayDelivery.stop();
  }

  /** What clients committed and nobody waits for becomes part of the log. */
  appendCommits(): void {
    this.#commits.appendAll();
  }
}

/** As RocketMQ has no limit of its own; more queues than this are a slip of the finger. */
const maxTopicQueues = 65_536;
const maxSuspendedPulls = 100_000;
