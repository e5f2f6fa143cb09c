import { type Logger, queueOffset, timestampMs } from '../../base/index.ts';
import type { Answer } from '../../remoting/index.ts';
import type { Store } from '../../views/index.ts';
import type { Queue } from '../../views/queues/index.ts';
import {
  type IncomingCommand,
  type MessageQueue,
  RequestCode,
  ResetOffset,
  ResetOffsetBody,
  ResetOffsetBodyForC,
  ResponseCode,
} from '../../wire/index.ts';
import type { OffsetCommits } from '../offset-commits.ts';
import { refusalOf } from '../refusals.ts';
import type { Consumers } from '../sessions/consumers.ts';
import type { Topics } from '../topics.ts';

interface ConsumerResetsParts {
  readonly store: Store;
  readonly topics: Topics;
  readonly commits: OffsetCommits;
  readonly consumers: Consumers;
  readonly logger: Logger;
}

/** To the ends of the queues. */
const toEnd = -1;

/**
 * INVOKE_BROKER_TO_RESET_OFFSET (222) where consumers reset themselves (`useServerSideResetOffset=false`): the broker
 * computes where to, and tells each consumer of the group (RESET_CONSUMER_CLIENT_OFFSET, 220), which goes on there and
 * commits that; the broker changes nothing itself. Source: `Broker2Client.resetOffset`.
 */
export class ConsumerResets {
  readonly #brokerName: string;
  readonly #parts: ConsumerResetsParts;

  constructor(options: { readonly brokerName: string }, parts: ConsumerResetsParts) {
    this.#brokerName = options.brokerName;
    this.#parts = parts;
  }

  async reset(request: IncomingCommand): Promise<Answer> {
    try {
      return await this.#reset(request);
    } catch (error) {
      return refusalOf(error, 'definition');
    }
  }

  async #reset(request: IncomingCommand): Promise<Answer> {
    const { topic, group, timestamp, isForce } = ResetOffset.decode(request);
    const { topics, commits } = this.#parts;
    const state = topics.find(topic);
    if (state === undefined) {
      const remark = `[reset-offset] reset offset failed, no topic in this broker. topic=${topic}`;
      return { code: ResponseCode.SYSTEM_ERROR, remark };
    }
    const { writeQueueNums } = state.config;
    const ids = Array.from({ length: writeQueueNums }, (_, id) => id);
    const committed = await commits.committed((tables) =>
      ids.map((queueId) => tables.offset(group, topic, queueId)),
    );
    const offsetTable = new Map<MessageQueue, ReturnType<typeof queueOffset>>();
    for (const queueId of ids) {
      const current = committed[queueId];
      if (current === undefined) {
        const remark = `THe consumer group <${group}> not exist`; // Java's spelling.
        return { code: ResponseCode.SYSTEM_ERROR, remark };
      }
      const wanted = await this.#offsetAt(state.queues.queue(queueId), timestamp);
      const offset = isForce === true || wanted < current ? wanted : current;
      offsetTable.set({ brokerName: this.#brokerName, queueId, topic }, queueOffset(offset));
    }
    if (!this.#tell(request, { topic, group, timestamp }, offsetTable)) {
      const remark = `Consumer not online, so can not reset offset, Group: ${group} Topic: ${topic} Timestamp: ${timestamp}`;
      return { code: ResponseCode.CONSUMER_NOT_ONLINE, remark };
    }
    return { code: ResponseCode.SUCCESS, body: ResetOffsetBody.encode({ offsetTable }) };
  }

  async #offsetAt(queue: Queue, timestamp: number): Promise<number> {
    const { store } = this.#parts;
    if (timestamp === toEnd) return queue.readable(store.commitPoint);
    if (timestamp < 0) return queue.min;
    const at = timestampMs(timestamp);
    return await store.queues.searchByTimestamp(queue, at, 'lower', store.commitPoint);
  }

  /** In the form for C++ if the tool asks for that. False when no consumer is online. */
  #tell(
    request: IncomingCommand,
    what: { readonly topic: string; readonly group: string; readonly timestamp: number },
    offsetTable: ResetOffsetBody['offsetTable'],
  ): boolean {
    const { consumers, logger } = this.#parts;
    const clients = [...(consumers.group(what.group)?.clients.values() ?? [])];
    const body =
      request.language === 'CPP'
        ? ResetOffsetBodyForC.encode({
            offsetTable: [...offsetTable].map(([queue, offset]) => ({ ...queue, offset })),
          })
        : ResetOffsetBody.encode({ offsetTable });
    for (const { connection, clientId } of clients) {
      connection.oneway({
        code: RequestCode.RESET_CONSUMER_CLIENT_OFFSET,
        header: [ResetOffset, { ...what, queueId: -1, isForce: false }],
        body,
      });
      logger.info('a consumer is told to reset its offsets', { client: clientId, ...what });
    }
    return clients.length > 0;
  }
}
