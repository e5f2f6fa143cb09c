import {
  type Address,
  type Clock,
  describeError,
  formatAddress,
  isFailure,
  type Logger,
} from '../../base/index.ts';
import type { Answer, RemotingClient } from '../../remoting/index.ts';
import {
  GetRouteInfo,
  type IncomingCommand,
  type MessageQueue,
  Permission,
  QueryAssignment,
  QueryAssignmentResponse,
  RequestCode,
  ResponseCode,
  TopicRouteData,
} from '../../wire/index.ts';
import type { Consumers } from './consumers.ts';

interface AssignmentsParts {
  readonly client: RemotingClient;
  readonly consumers: Consumers;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface CachedQueues {
  readonly untilMs: number;
  readonly queues: Promise<readonly MessageQueue[] | undefined>;
}

const routeTimeoutMs = 3000;
/** The members of a group ask at the same moment, and again each 20 s. */
const cacheMs = 1000;
const cachedTopics = 1000;

/**
 * QUERY_ASSIGNMENT (400): the queues of a consumer that leaves the rebalance to its broker (`clientRebalance=false`).
 * Only PULL: no group has another mode. The queues are those of the whole cluster, as a name server knows them; every
 * broker computes the same from the same members. An answer without a list leaves the consumer with what it has.
 * Source: `QueryAssignmentProcessor`.
 */
export class Assignments {
  readonly #nameServers: () => readonly Address[];
  readonly #parts: AssignmentsParts;
  readonly #cache = new Map<string, CachedQueues>();

  constructor(options: { readonly nameServers: readonly Address[] }, parts: AssignmentsParts) {
    this.#nameServers = () => options.nameServers;
    this.#parts = parts;
  }

  async query(request: IncomingCommand): Promise<Answer> {
    const { topic, consumerGroup, clientId, messageModel, strategyName } = QueryAssignment.decode(
      request.body,
    );
    const queues = await this.#queuesOf(topic);
    let assigned = queues;
    if (queues !== undefined && messageModel === 'CLUSTERING') {
      const members = this.#parts.consumers.clientIds(consumerGroup);
      assigned = allocate(strategyName, clientId, queues, members);
    }
    return {
      code: ResponseCode.SUCCESS,
      body: QueryAssignmentResponse.encode({
        messageQueueAssignments: assigned?.map((messageQueue) => ({ messageQueue, mode: 'PULL' })),
      }),
    };
  }

  /** The queues of a topic that can be read, sorted; undefined where no name server tells. */
  #queuesOf(topic: string): Promise<readonly MessageQueue[] | undefined> {
    const now = this.#parts.clock.monotonicMs();
    const known = this.#cache.get(topic);
    if (known !== undefined && known.untilMs > now) return known.queues;
    if (this.#cache.size >= cachedTopics) this.#cache.clear();
    const queues = this.#askForQueues(topic);
    this.#cache.set(topic, { untilMs: now + cacheMs, queues });
    return queues;
  }

  async #askForQueues(topic: string): Promise<readonly MessageQueue[] | undefined> {
    const { client, logger } = this.#parts;
    for (const nameServer of this.#nameServers()) {
      try {
        const response = await client.request(
          nameServer,
          { code: RequestCode.GET_ROUTEINFO_BY_TOPIC, header: [GetRouteInfo, { topic }] },
          { timeoutMs: routeTimeoutMs },
        );
        if (response.code !== ResponseCode.SUCCESS) return undefined;
        return queuesOf(topic, TopicRouteData.decode(response.body));
      } catch (error) {
        if (!isFailure(error)) throw error;
        logger.warn('a name server does not tell a route, which an assignment needs', {
          nameServer: formatAddress(nameServer),
          topic,
          reason: describeError(error),
        });
      }
    }
    return undefined;
  }
}

function queuesOf(topic: string, { queueDatas }: TopicRouteData): readonly MessageQueue[] {
  return queueDatas
    .filter(({ perm }) => (perm & Permission.READ) !== 0)
    .flatMap(({ brokerName, readQueueNums }) =>
      Array.from({ length: readQueueNums }, (_, queueId) => ({ brokerName, queueId, topic })),
    )
    .sort((a, b) => compareText(a.brokerName, b.brokerName) || a.queueId - b.queueId);
}

/** As Java compares strings. */
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * What falls to one member; undefined without members, or for a strategy that RocketMQ's brokers do not know either.
 * Source: `AllocateMessageQueueAveragely`, `AllocateMessageQueueAveragelyByCircle`.
 */
export function allocate(
  strategy: string,
  clientId: string,
  queues: readonly MessageQueue[],
  clientIds: readonly string[],
): readonly MessageQueue[] | undefined {
  if (queues.length === 0 || clientIds.length === 0) return undefined;
  const members = [...clientIds].sort(compareText);
  const index = members.indexOf(clientId);
  if (strategy === 'AVG_BY_CIRCLE') {
    return index < 0 ? [] : queues.filter((_, place) => place % members.length === index);
  }
  if (strategy !== 'AVG') return undefined;
  if (index < 0) return [];
  const rest = queues.length % members.length;
  const share = Math.floor(queues.length / members.length);
  const from = index * share + Math.min(index, rest);
  return queues.slice(from, from + share + (index < rest ? 1 : 0));
}
