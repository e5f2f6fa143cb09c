import type { Clock, Logger, Timer } from '../../base/index.ts';
import type { RemotingConnection } from '../../remoting/index.ts';
import {
  ConsumerGroup,
  ConsumerListByGroup,
  HeartbeatData,
  HeartbeatResponse,
  type IncomingCommand,
  RequestCode,
  ResponseCode,
  UnregisterClient,
} from '../../wire/index.ts';
import type { Groups } from '../groups.ts';
import type { Statistics } from '../statistics/statistics.ts';
import type { Topics } from '../topics.ts';
import type { ClientSession, Consumers } from './consumers.ts';
import type { OnlineClients } from './online-clients.ts';
import type { Producers } from './producers.ts';

export interface SessionsOptions {
  /** A client without a heartbeat for so long is forgotten and its connection closed. */
  readonly sessionTimeoutMs: number;
  readonly notifyConsumerChanges: boolean;
}

const scanIntervalMs = 10_000;

/**
 * HEART_BEAT (34), UNREGISTER_CLIENT (35), GET_CONSUMER_LIST_BY_GROUP (38), and who must rebalance. A replica only notes
 * who is online; groups and retry topics are made, members told and the silent forgotten by the master.
 */
export class Sessions {
  readonly #online: OnlineClients;
  readonly #options: SessionsOptions;
  readonly #groups: Groups;
  readonly #topics: Topics;
  readonly #statistics: Statistics;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #timer: Timer | undefined;
  #leads = false;

  constructor(
    options: SessionsOptions,
    parts: {
      readonly online: OnlineClients;
      readonly groups: Groups;
      readonly topics: Topics;
      readonly statistics: Statistics;
      readonly clock: Clock;
      readonly logger: Logger;
    },
  ) {
    this.#options = options;
    this.#online = parts.online;
    this.#groups = parts.groups;
    this.#topics = parts.topics;
    this.#statistics = parts.statistics;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
  }

  get consumers(): Consumers {
    return this.#online.consumers;
  }

  get producers(): Producers {
    return this.#online.producers;
  }

  /** The node leads from now on. */
  start(): void {
    this.#leads = true;
    // What a replica noted of a group that there is not, and may not be, would be skipped here.
    for (const { group } of [...this.consumers.groups()]) {
      if (this.#groups.findOrCreate(group) === undefined) this.consumers.forget(group);
    }
    this.#scan();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #scan(): void {
    this.#timer = this.#clock.setTimer(scanIntervalMs, () => {
      this.#expire();
      this.#scan();
    });
  }

  /**
   * An entry of an unknown group that may not be created is skipped; the answer is 0 all the same, as in RocketMQ. In the
   * second form of heartbeats (`useHeartbeatV2`) a client leaves out what it named before; it names all of it again when
   * the answer says that subscriptions changed, as it does to a client that has not named them on this connection.
   */
  heartbeat(connection: RemotingConnection, request: IncomingCommand): void {
    const data = HeartbeatData.decode(request.body);
    const client: ClientSession = {
      connection,
      clientId: data.clientID,
      language: request.language,
      version: request.version,
      lastHeartbeatMs: this.#clock.monotonicMs(),
      fingerprint: data.heartbeatFingerprint,
    };
    const isShort = data.heartbeatFingerprint !== 0 && data.withoutSub;
    let mustNameAll = data.heartbeatFingerprint === 0;
    const { consumerRegisterTime, producerRegisterTime } = this.#statistics;
    for (const consumer of data.consumerDataSet) {
      const beganMs = this.#clock.monotonicMs();
      if (this.#leads) {
        const group = this.#groups.findOrCreate(consumer.groupName);
        if (group === undefined) continue;
        this.#topics.ensureRetry(consumer.groupName, group.retryQueueNums, consumer.unitMode);
      }
      const { groupName } = consumer;
      if (isShort && !this.consumers.knows(groupName, connection, data.heartbeatFingerprint)) {
        mustNameAll = true;
      }
      const changed = this.consumers.register(client, consumer, isShort);
      if (changed && consumer.messageModel !== 'BROADCASTING') this.#notify(consumer.groupName);
      consumerRegisterTime.add(Math.round(this.#clock.monotonicMs() - beganMs), 1);
    }
    for (const producer of data.producerDataSet) {
      const beganMs = this.#clock.monotonicMs();
      this.producers.register(producer.groupName, client);
      producerRegisterTime.add(Math.round(this.#clock.monotonicMs() - beganMs), 1);
    }
    connection.answer(request, {
      code: ResponseCode.SUCCESS,
      header: [HeartbeatResponse, { supportsV2: true, subscriptionChanged: mustNameAll }],
    });
  }

  unregister(connection: RemotingConnection, request: IncomingCommand): void {
    const { producerGroup, consumerGroup } = UnregisterClient.decode(request);
    if (producerGroup !== undefined) this.producers.unregister(connection, producerGroup);
    if (consumerGroup !== undefined) {
      for (const group of this.consumers.unregister(connection, consumerGroup)) {
        this.#notify(group);
      }
    }
    connection.answer(request, { code: ResponseCode.SUCCESS });
  }

  consumerList(connection: RemotingConnection, request: IncomingCommand): void {
    const { consumerGroup } = ConsumerGroup.decode(request);
    const consumerIdList = this.consumers.clientIds(consumerGroup);
    if (consumerIdList.length === 0) {
      connection.answer(request, {
        code: ResponseCode.SYSTEM_ERROR,
        remark: `no consumer for this group, ${consumerGroup}`,
      });
      return;
    }
    connection.answer(request, {
      code: ResponseCode.SUCCESS,
      body: ConsumerListByGroup.encode({ consumerIdList }),
    });
  }

  /** The connection is gone, and with it its members. */
  closed(connection: RemotingConnection): void {
    for (const group of this.#online.closed(connection)) this.#notify(group);
  }

  /** NOTIFY_CONSUMER_IDS_CHANGED (40): members rebalance at once instead of at their next round. */
  #notify(group: string): void {
    if (!this.#leads || !this.#options.notifyConsumerChanges) return;
    if (this.#groups.find(group)?.notifyConsumerIdsChangedEnable === false) return;
    for (const { connection } of this.consumers.group(group)?.clients.values() ?? []) {
      connection.oneway({
        code: RequestCode.NOTIFY_CONSUMER_IDS_CHANGED,
        header: [ConsumerGroup, { consumerGroup: group }],
      });
    }
  }

  #expire(): void {
    const beforeMs = this.#clock.monotonicMs() - this.#options.sessionTimeoutMs;
    const expired = new Set([
      ...this.consumers.expired(beforeMs),
      ...this.producers.expired(beforeMs),
    ]);
    for (const connection of expired) {
      this.#logger.info('a client is forgotten: no heartbeat', { remote: connection.remote });
      connection.close('no heartbeat');
    }
  }
}
