import { type Clock, formatAddress, timestampMs } from '../../base/index.ts';
import type { Answer, RemotingConnection } from '../../remoting/index.ts';
import {
  CheckClientConfig,
  type ClientConnection,
  ConsumerConnection,
  ConsumerGroup,
  type IncomingCommand,
  ProducerConnection,
  ProducerGroup,
  ProducerTableInfo,
  ResponseCode,
} from '../../wire/index.ts';
import type { ClientSession, Consumers } from './consumers.ts';
import type { Producers } from './producers.ts';

/**
 * Who is online, for tools: GET_CONSUMER_CONNECTION_LIST (203), GET_PRODUCER_CONNECTION_LIST (204),
 * GET_ALL_PRODUCER_INFO (328); and CHECK_CLIENT_CONFIG (46). Source: `AdminBrokerProcessor`, `ClientManageProcessor`.
 */
export class ClientLists {
  readonly #consumers: Consumers;
  readonly #producers: Producers;
  readonly #clock: Clock;

  constructor(
    online: { readonly consumers: Consumers; readonly producers: Producers },
    clock: Clock,
  ) {
    this.#consumers = online.consumers;
    this.#producers = online.producers;
    this.#clock = clock;
  }

  consumers(connection: RemotingConnection, request: IncomingCommand): void {
    const { consumerGroup } = ConsumerGroup.decode(request);
    connection.answer(request, this.#consumersOf(consumerGroup));
  }

  producers(connection: RemotingConnection, request: IncomingCommand): void {
    const { producerGroup } = ProducerGroup.decode(request);
    const clients = this.#producers.group(producerGroup);
    if (clients === undefined) {
      connection.answer(request, {
        code: ResponseCode.SYSTEM_ERROR,
        remark: `the producer group[${producerGroup}] not exist`,
      });
      return;
    }
    const connectionSet = [...clients.values()].map(describe);
    connection.answer(request, {
      code: ResponseCode.SUCCESS,
      body: ProducerConnection.encode({ connectionSet }),
    });
  }

  allProducers(connection: RemotingConnection, request: IncomingCommand): void {
    // A heartbeat is noted by the monotonic clock; people and tools expect the time of day.
    const sinceEpochMs = this.#clock.now() - this.#clock.monotonicMs();
    const data = new Map(
      [...this.#producers.groups()].map(([group, clients]) => [
        group,
        [...clients.values()].map((client) => ({
          clientId: client.clientId,
          language: client.language,
          lastUpdateTimestamp: timestampMs(Math.round(sinceEpochMs + client.lastHeartbeatMs)),
          remoteIP: `/${formatAddress(client.connection.remote)}`,
          version: client.version,
        })),
      ]),
    );
    connection.answer(request, {
      code: ResponseCode.SUCCESS,
      body: ProducerTableInfo.encode({ data }),
    });
  }

  /** Java clients ask before they subscribe with anything but tags; only tags are supported. */
  checkConfig(connection: RemotingConnection, request: IncomingCommand): void {
    const type =
      request.bodyLength === 0
        ? undefined
        : CheckClientConfig.decode(request.body).subscriptionData?.expressionType;
    const isTag = type === undefined || type === '' || type === 'TAG';
    connection.answer(
      request,
      isTag
        ? { code: ResponseCode.SUCCESS }
        : {
            code: ResponseCode.SYSTEM_ERROR,
            remark: `The broker does not support consumer to filter message by ${type}`,
          },
    );
  }

  #consumersOf(consumerGroup: string): Answer {
    const group = this.#consumers.group(consumerGroup);
    if (group === undefined) {
      return {
        code: ResponseCode.CONSUMER_NOT_ONLINE,
        remark: `the consumer group[${consumerGroup}] not online`,
      };
    }
    return {
      code: ResponseCode.SUCCESS,
      body: ConsumerConnection.encode({
        connectionSet: [...group.clients.values()].map(describe),
        consumeFromWhere: group.consumeFromWhere,
        consumeType: group.consumeType,
        messageModel: group.messageModel,
        subscriptionTable: group.subscriptions,
      }),
    };
  }
}

function describe(client: ClientSession): ClientConnection {
  return {
    clientAddr: formatAddress(client.connection.remote),
    clientId: client.clientId,
    language: client.language,
    version: client.version,
  };
}
