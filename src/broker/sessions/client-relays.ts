import { describeError, isFailure, type Logger, type PhysicalOffset } from '../../base/index.ts';
import type { Answer } from '../../remoting/index.ts';
import {
  ConsumeMessageDirectly,
  ConsumerStatus,
  decodeOffsetMessageId,
  GetConsumerRunningInfo,
  GetConsumerStatus,
  type IncomingCommand,
  RequestCode,
  ResponseCode,
} from '../../wire/index.ts';
import type { Groups } from '../groups.ts';
import type { Topics } from '../topics.ts';
import type { ClientSession, Consumers } from './consumers.ts';

interface ClientRelaysParts {
  readonly brokerName: string;
  readonly consumers: Consumers;
  readonly groups: Groups;
  readonly topics: Topics;
  /** The committed message at this position of the log, if there is one. */
  readonly messageAt: (position: PhysicalOffset) => Promise<Uint8Array | undefined>;
  readonly logger: Logger;
}

/** How long a client may take, as in RocketMQ's `Broker2Client`. */
const relayTimeoutMs = 10_000;
const statusTimeoutMs = 5_000;

/**
 * What tools ask of clients through their broker: GET_CONSUMER_RUNNING_INFO (307), CONSUME_MESSAGE_DIRECTLY (309),
 * INVOKE_BROKER_TO_GET_CONSUMER_STATUS (223). Source: `AdminBrokerProcessor`, `Broker2Client`.
 */
export class ClientRelays {
  readonly #parts: ClientRelaysParts;

  constructor(parts: ClientRelaysParts) {
    this.#parts = parts;
  }

  /** The client's answer is passed on as it is. */
  async runningInfo(request: IncomingCommand): Promise<Answer> {
    const { consumerGroup, clientId } = GetConsumerRunningInfo.decode(request);
    return await this.#relay(request, consumerGroup, clientId, {
      extFields: request.extFields(),
      body: request.body,
    });
  }

  /** Has one client consume one message again; its offsets stay as they are. */
  async consumeDirectly(request: IncomingCommand): Promise<Answer> {
    const { consumerGroup, clientId, msgId, topic } = ConsumeMessageDirectly.decode(request);
    const { brokerName, topics, groups } = this.#parts;
    const { physicalOffset } = decodeOffsetMessageId(msgId ?? '');
    const record = await this.#parts.messageAt(physicalOffset);
    if (record === undefined) {
      return {
        code: ResponseCode.SYSTEM_ERROR,
        remark: `can not find message by the offset, ${physicalOffset}`,
      };
    }
    const topicSysFlag = topic === undefined ? undefined : topics.find(topic)?.config.topicSysFlag;
    const groupSysFlag = groups.find(consumerGroup)?.groupSysFlag;
    return await this.#relay(request, consumerGroup, clientId ?? '', {
      extFields: {
        ...request.extFields(),
        brokerName,
        ...(topicSysFlag !== undefined && { topicSysFlag: String(topicSysFlag) }),
        ...(groupSysFlag !== undefined && { groupSysFlag: String(groupSysFlag) }),
      },
      body: record,
    });
  }

  /** Where each consumer of the group is, as far as it answers. All are asked at once. */
  async consumerStatus(request: IncomingCommand): Promise<Answer> {
    const { topic, group, clientAddr } = GetConsumerStatus.decode(request);
    const all = [...(this.#parts.consumers.group(group)?.clients.values() ?? [])];
    if (all.length === 0) {
      return {
        code: ResponseCode.SYSTEM_ERROR,
        remark: `No Any Consumer online in the consumer group: [${group}]`,
      };
    }
    const isWanted = (client: ClientSession): boolean =>
      clientAddr === undefined || clientAddr === '' || client.clientId === clientAddr;
    const asked = all.filter(isWanted).map(async (client) => {
      const status = await this.#statusOf(client, topic, group);
      return status === undefined ? [] : [[client.clientId, status] as const];
    });
    return {
      code: ResponseCode.SUCCESS,
      body: ConsumerStatus.encode({
        consumerTable: new Map((await Promise.all(asked)).flat()),
        messageQueueTable: new Map(),
      }),
    };
  }

  /** Undefined when the client does not say: one that fails does not keep the others from being shown. */
  async #statusOf(
    client: ClientSession,
    topic: string,
    group: string,
  ): Promise<ConsumerStatus['messageQueueTable'] | undefined> {
    try {
      const response = await client.connection.request(
        {
          code: RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT,
          header: [GetConsumerStatus, { topic, group }],
        },
        statusTimeoutMs,
      );
      if (response.code !== ResponseCode.SUCCESS || response.bodyLength === 0) return undefined;
      return ConsumerStatus.decode(response.body).messageQueueTable;
    } catch (error) {
      if (!isFailure(error)) throw error;
      this.#parts.logger.warn('a client does not say where it is', {
        client: client.clientId,
        group,
        reason: describeError(error),
      });
      return undefined;
    }
  }

  async #relay(
    request: IncomingCommand,
    group: string,
    clientId: string,
    content: { readonly extFields: Record<string, string>; readonly body: Uint8Array },
  ): Promise<Answer> {
    const client = this.#parts.consumers.client(group, clientId);
    if (client === undefined) {
      return {
        code: ResponseCode.SYSTEM_ERROR,
        remark: `The Consumer <${group}> <${clientId}> not online`,
      };
    }
    try {
      const response = await client.connection.request(
        { code: request.code, ...content },
        relayTimeoutMs,
      );
      const { code, remark, body } = response;
      return { code, remark, extFields: response.extFields(), body };
    } catch (error) {
      if (!isFailure(error, 'unavailable')) throw error;
      return error.reason === 'timeout'
        ? {
            code: ResponseCode.CONSUME_MSG_TIMEOUT,
            remark: `consumer <${group}> <${clientId}> Timeout: ${describeError(error)}`,
          }
        : {
            code: ResponseCode.SYSTEM_ERROR,
            remark: `invoke consumer <${group}> <${clientId}> Exception: ${describeError(error)}`,
          };
    }
  }
}
