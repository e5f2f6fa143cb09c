import { AssertionError } from 'node:assert';
import { Failure, type PhysicalOffset, physicalOffset, queueOffset } from '../base/index.ts';
import { decodeEpochRecordBody, EPOCH_TOPIC, type EpochEntry } from '../log/index.ts';
import {
  bodyRangeAt,
  propertiesRangeAt,
  queueIdAt,
  queueOffsetAt,
  SysFlag,
  storeTimestampAt,
  sysFlagAt,
  topicRangeAt,
} from '../wire/index.ts';
import type { KeyIndex } from './index/index.ts';
import { indexMessage } from './index-message.ts';
import { decodeMetadataRecord, METADATA_TOPIC, type MetadataTables } from './metadata/index.ts';
import type { Queue, Queues } from './queues/index.ts';
import { RecordProperties } from './record-properties.ts';
import { topicAt } from './record-topic.ts';
import { type DelayProgress, dueAt, SCHEDULE_TOPIC } from './schedule/index.ts';

export interface FedViews {
  readonly tables: MetadataTables;
  readonly queues: Queues;
  readonly index: KeyIndex;
  readonly delayProgress: DelayProgress;
}

export interface FeedOptions {
  readonly keyIndex: boolean;
  readonly delayLevelsMs: readonly number[];
}

/** What a record was. */
export type FedRecord = 'metadata' | 'message' | EpochEntry;

/**
 * Feeds the views with records that stand in the log, one after the other: at a start, and on a follower. What a leader
 * appends goes to its views by the same methods, but without being read again.
 */
export class RecordFeed {
  /** A message entered this queue. Called for each one: must be quick. */
  onQueued: (queue: Queue) => void = () => {};
  readonly #views: FedViews;
  readonly #options: FeedOptions;
  readonly #known = new RecordProperties();

  constructor(views: FedViews, options: FeedOptions) {
    this.#views = views;
    this.#options = options;
  }

  /**
   * `wants` says which views lack the record. It was checked. Fails `corrupt` when it does not fit to them: the tables and
   * the log say different things (rule 5, promise P6), so that one of the two is damaged, here or where it came from.
   */
  feed(
    bytes: Uint8Array,
    at: number,
    size: number,
    position: PhysicalOffset,
    wants: { readonly metadata: boolean; readonly messages: boolean } = all,
  ): FedRecord {
    try {
      return this.#feed(bytes, at, size, position, wants);
    } catch (error) {
      if (!(error instanceof AssertionError)) throw error;
      const message = `the record at ${position} does not fit: ${error.message}`;
      throw new Failure('corrupt', message, { cause: error });
    }
  }

  #feed(
    bytes: Uint8Array,
    at: number,
    size: number,
    position: PhysicalOffset,
    wants: { readonly metadata: boolean; readonly messages: boolean },
  ): FedRecord {
    const topic = topicAt(bytes, at);
    if (topic === METADATA_TOPIC) {
      if (wants.metadata) this.#metadata(bytes, at, size, position);
      return 'metadata';
    }
    if (topic === EPOCH_TOPIC) return this.#epoch(bytes, at, position, wants.metadata);
    if (wants.messages) this.#message(topic, bytes, at, size, position);
    return 'message';
  }

  #metadata(bytes: Uint8Array, at: number, size: number, position: PhysicalOffset): void {
    const body = bodyRangeAt(bytes, at);
    // The entries outlive the bytes, which are only lent.
    const record = decodeMetadataRecord(Uint8Array.from(bytes.subarray(body.start, body.end)));
    const end = physicalOffset(position + size);
    this.#views.tables.append({ ...record, timestamp: storeTimestampAt(bytes, at) }, position, end);
  }

  #epoch(bytes: Uint8Array, at: number, position: PhysicalOffset, isWanted: boolean): EpochEntry {
    const body = bodyRangeAt(bytes, at);
    const { epoch, incarnation } = decodeEpochRecordBody(bytes.subarray(body.start, body.end));
    if (isWanted) this.#views.tables.noteEpoch(epoch, storeTimestampAt(bytes, at), position);
    return { epoch, incarnation, start: position };
  }

  /** A record belongs to the topic of that name iff it lies above the topic's create record. */
  #message(
    topic: string,
    bytes: Uint8Array,
    at: number,
    size: number,
    position: PhysicalOffset,
  ): void {
    const { tables, queues, index, delayProgress } = this.#views;
    const properties = propertiesRangeAt(bytes, at);
    this.#known.scan(bytes, properties.start, properties.end);
    // Also when the topic of the copy was deleted since.
    const source = this.#known.delaySource(bytes);
    if (source !== undefined) delayProgress.delivered(source.queueId, source.offset, position);
    const row = tables.appended.topicRow(topic);
    if (row === undefined || row.createdAt > position) return;
    if (!entersQueue(sysFlagAt(bytes, at))) return;
    const timestamp = storeTimestampAt(bytes, at);
    const queueId = queueIdAt(bytes, at);
    const queue = queues.topic(topic, row.createdAt).queue(queueId);
    const offset = queueOffset(queueOffsetAt(bytes, at));
    const tagsCode =
      topic === SCHEDULE_TOPIC
        ? dueAt(timestamp, queueId, this.#options.delayLevelsMs)
        : this.#known.tagsCode(bytes);
    queues.restore(queue, offset, position, size, tagsCode, timestamp);
    this.onQueued(queue);
    if (!this.#options.keyIndex) return;
    const name = topicRangeAt(bytes, at);
    const topicBytes = bytes.subarray(name.start, name.end);
    indexMessage(index, topicBytes, bytes, this.#known, position, timestamp);
  }
}

const all = { metadata: true, messages: true };

/** Half messages and rollback marks of transactions have no place in a queue. */
function entersQueue(sysFlag: number): boolean {
  const type = sysFlag & SysFlag.TRANSACTION_TYPE;
  return type === 0 || type === SysFlag.TRANSACTION_COMMIT;
}
