import {
  type Clock,
  type Failure,
  type Logger,
  physicalOffset,
  type QueueOffset,
  queueOffset,
  timestampMs,
} from '../../base/index.ts';
import type { Answer, RemotingConnection } from '../../remoting/index.ts';
import type { Store } from '../../views/index.ts';
import { type MetadataReader, Table } from '../../views/metadata/index.ts';
import type { Queue } from '../../views/queues/index.ts';
import {
  ConsumerOffsetSerializeWrapper,
  GetMaxOffset,
  type IncomingCommand,
  OffsetResponse,
  QueryConsumerOffset,
  QueueOfTopic,
  ResponseCode,
  SearchOffset,
  TimestampResponse,
  UpdateConsumerOffset,
} from '../../wire/index.ts';
import type { Groups } from '../groups.ts';
import type { OffsetCommits } from '../offset-commits.ts';
import { refusalOf } from '../refusals.ts';
import type { Topics } from '../topics.ts';

interface OffsetsParts {
  readonly store: Store;
  readonly topics: Topics;
  readonly groups: Groups;
  readonly commits: OffsetCommits;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A client that commits beyond the end may do so often; one line tells of it. */
const clampLogIntervalMs = 10_000;

/**
 * Offsets of consumers and queues: QUERY_CONSUMER_OFFSET (14), UPDATE_CONSUMER_OFFSET (15),
 * SEARCH_OFFSET_BY_TIMESTAMP (29), GET_MAX_OFFSET (30), GET_MIN_OFFSET (31), GET_EARLIEST_MSG_STORETIME (32),
 * GET_ALL_CONSUMER_OFFSET (43).
 */
export class Offsets {
  readonly #parts: OffsetsParts;
  #nextClampLogMs = 0;

  constructor(parts: OffsetsParts) {
    this.#parts = parts;
  }

  /** "No offset" (22) is said only of an offset that does not exist; clients then begin where their settings say. */
  query(connection: RemotingConnection, request: IncomingCommand): void {
    const { consumerGroup, topic, queueId, setZeroIfNotFound } =
      QueryConsumerOffset.decode(request);
    const { groups, commits, store } = this.#parts;
    const leads = store.role === 'leader';
    const group = leads ? groups.find(consumerGroup) : groups.findOrPresume(consumerGroup);
    if (group === undefined) {
      connection.answer(request, groupUnknown(consumerGroup));
      return;
    }
    commits.query(consumerGroup, topic, queueId, {
      found: (offset) => {
        if (offset !== undefined) {
          connection.answer(request, offsetAnswer(this.#clamped(topic, queueId, offset)));
        } else if (setZeroIfNotFound !== false && this.#beginsAtZero(topic, queueId)) {
          connection.answer(request, offsetAnswer(0));
        } else {
          connection.answer(request, {
            code: ResponseCode.QUERY_NOT_FOUND,
            remark: 'Not found, maybe this group consumer boot first',
          });
        }
      },
      failed: (why) => connection.answer(request, refusalOf(why, 'definition')),
    });
  }

  update(connection: RemotingConnection, request: IncomingCommand): void {
    const { consumerGroup, topic, queueId, commitOffset } = UpdateConsumerOffset.decode(request);
    const { groups, topics, commits } = this.#parts;
    if (groups.find(consumerGroup) === undefined) {
      connection.answer(request, groupUnknown(consumerGroup));
      return;
    }
    if (topics.find(topic) === undefined) {
      connection.answer(request, topicUnknown(topic));
      return;
    }
    const offset = queueOffset(this.#clamped(topic, queueId, commitOffset));
    const commit = { group: consumerGroup, topic, queueId, offset };
    if (request.isOneway) {
      commits.note(commit);
      return;
    }
    commits.await(commit, {
      reached: () => connection.answer(request, { code: ResponseCode.SUCCESS }),
      gaveUp: (_outcome: string, why: Failure) =>
        connection.answer(request, refusalOf(why, 'definition')),
    });
  }

  /** Offsets of all groups that are there. */
  async all(): Promise<Answer> {
    const { commits, store } = this.#parts;
    const offsetTable = await commits.committed(offsetsByTopicAndGroup);
    const dataVersion = store.tables.dataVersion(Table.consumerOffset);
    return {
      code: ResponseCode.SUCCESS,
      body: ConsumerOffsetSerializeWrapper.encode({ dataVersion, offsetTable }),
    };
  }

  max(connection: RemotingConnection, request: IncomingCommand): void {
    const { topic, queueId } = GetMaxOffset.decode(request);
    const queue = this.#queue(topic, queueId);
    const { commitPoint } = this.#parts.store;
    connection.answer(request, offsetAnswer(queue?.readable(commitPoint) ?? 0));
  }

  min(connection: RemotingConnection, request: IncomingCommand): void {
    const { topic, queueId } = QueueOfTopic.decode(request);
    connection.answer(request, offsetAnswer(this.#queue(topic, queueId)?.min ?? 0));
  }

  async search(request: IncomingCommand): Promise<Answer> {
    const { topic, queueId, timestamp, boundaryType } = SearchOffset.decode(request);
    const queue = this.#queue(topic, queueId);
    if (queue === undefined) return offsetAnswer(0);
    const { store } = this.#parts;
    const boundary = boundaryType ?? 'lower';
    const found = store.queues.searchByTimestamp(queue, timestamp, boundary, store.commitPoint);
    return offsetAnswer(await found);
  }

  async earliestStoreTime(request: IncomingCommand): Promise<Answer> {
    const { topic, queueId } = QueueOfTopic.decode(request);
    const queue = this.#queue(topic, queueId);
    const { store } = this.#parts;
    let timestamp = -1;
    if (queue !== undefined && queue.readable(store.commitPoint) > queue.min) {
      const entries = await store.queues.read(queue, queue.min, 1, store.commitPoint);
      if (entries.count > 0) timestamp = entries.storeTimestamp(0);
    }
    return {
      code: ResponseCode.SUCCESS,
      header: [TimestampResponse, { timestamp: timestampMs(timestamp) }],
    };
  }

  #queue(topic: string, queueId: number): Queue | undefined {
    const state = this.#parts.topics.find(topic);
    if (state === undefined || queueId < 0) return undefined;
    const { readQueueNums, writeQueueNums } = state.config;
    if (queueId >= Math.max(readQueueNums, writeQueueNums)) return undefined;
    return state.queues.queue(queueId);
  }

  /** P5: an offset above the end of its queue is the end, never 0. */
  #clamped(topic: string, queueId: number, offset: number): number {
    const queue = this.#queue(topic, queueId);
    if (queue === undefined || offset <= queue.next) return offset;
    const now = this.#parts.clock.monotonicMs();
    if (now >= this.#nextClampLogMs) {
      this.#nextClampLogMs = now + clampLogIntervalMs;
      const { logger } = this.#parts;
      logger.warn('an offset above the end of its queue counts as the end', {
        topic,
        queueId,
        offset,
        end: queue.next,
      });
    }
    return queue.next;
  }

  #beginsAtZero(topic: string, queueId: number): boolean {
    const queue = this.#queue(topic, queueId);
    if (queue === undefined || queue.min > 0 || queue.next === 0) return false;
    const block = queue.blockInMemory(0);
    if (block === undefined) return false;
    const { log } = this.#parts.store;
    return log.readTail(physicalOffset(block.position(0)), 1) !== undefined;
  }
}

function offsetsByTopicAndGroup(state: MetadataReader): Map<string, Map<number, QueueOffset>> {
  const table = new Map<string, Map<number, QueueOffset>>();
  for (const { groupName } of state.groups()) {
    for (const { topic, group, queueId, offset } of state.offsetsOfGroup(groupName)) {
      const key = `${topic}@${group}`;
      let queues = table.get(key);
      if (queues === undefined) {
        queues = new Map();
        table.set(key, queues);
      }
      queues.set(queueId, offset);
    }
  }
  return table;
}

function offsetAnswer(offset: number) {
  return {
    code: ResponseCode.SUCCESS,
    header: [OffsetResponse, { offset: queueOffset(offset) }],
  } as const;
}

function groupUnknown(group: string) {
  return {
    code: ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
    remark: `Group ${group} not exist!`,
  };
}

function topicUnknown(topic: string) {
  return { code: ResponseCode.TOPIC_NOT_EXIST, remark: `Topic ${topic} not exist!` };
}
