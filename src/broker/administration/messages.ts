import { type PhysicalOffset, physicalOffset, timestampMs } from '../../base/index.ts';
import type { Answer } from '../../remoting/index.ts';
import { hashKey } from '../../views/index/index.ts';
import { RecordProperties, type Store } from '../../views/index.ts';
import {
  checkRecord,
  type IncomingCommand,
  largestRecordBytes,
  propertiesRangeAt,
  QueryMessage,
  QueryMessageResponse,
  ResponseCode,
  recordSizeAt,
  smallestRecordBytes,
  storeTimestampAt,
  topicRangeAt,
  ViewMessage,
} from '../../wire/index.ts';
import { isHiddenTopic, type Topics } from '../topics.ts';

export interface MessagesOptions {
  /** What a unique-key query asks for, whatever it says. */
  readonly defaultQueryCount: number;
  readonly maxQueryCount: number;
}

/** Candidates looked at for one answer, as the index may name records that only share the hash. */
const maxCandidates = 512;
/** Bytes of records in one answer, far below the largest frame; a single larger message is given alone. */
const maxAnswerBytes = 8 * 1024 * 1024;
const encoder = new TextEncoder();

/** Single messages by position or key: VIEW_MESSAGE_BY_ID (33), QUERY_MESSAGE (12). */
export class Messages {
  readonly #options: MessagesOptions;
  readonly #store: Store;
  readonly #topics: Topics;
  readonly #known = new RecordProperties();

  constructor(options: MessagesOptions, store: Store, topics: Topics) {
    this.#options = options;
    this.#store = store;
    this.#topics = topics;
  }

  async view(request: IncomingCommand): Promise<Answer> {
    const { offset } = ViewMessage.decode(request);
    const record = await this.recordAt(offset);
    if (record === undefined) {
      return {
        code: ResponseCode.SYSTEM_ERROR,
        remark: `can not find message by the offset, ${offset}`,
      };
    }
    return { code: ResponseCode.SUCCESS, body: record };
  }

  async query(request: IncomingCommand): Promise<Answer> {
    const header = QueryMessage.decode(request);
    const { topic, key, maxNum, beginTimestamp, endTimestamp, isUniqueKey } = header;
    if (header.indexType === 'T') {
      const remark = 'messages are not indexed by their tags, only by keys and unique keys';
      return { code: ResponseCode.SYSTEM_ERROR, remark };
    }
    const wanted =
      isUniqueKey === true
        ? this.#options.defaultQueryCount
        : Math.max(1, Math.min(maxNum, this.#options.maxQueryCount));
    const state = this.#topics.find(topic);
    const keyBytes = encoder.encode(key);
    const found: { readonly position: PhysicalOffset; readonly record: Uint8Array }[] = [];
    let bytes = 0;
    let lastPosition = physicalOffset(0);
    let lastTimestamp = timestampMs(0);
    if (state !== undefined && !state.isHidden) {
      const hash = hashKey(state.bytes, keyBytes, 0, keyBytes.length);
      const times = { begin: beginTimestamp, end: endTimestamp };
      const { index, commitPoint } = this.#store;
      for (const position of await index.query(hash, times, maxCandidates, commitPoint)) {
        if (found.length >= wanted) break;
        if (position < state.row.createdAt) continue;
        const record = await this.recordAt(position);
        if (record === undefined || !this.#hasKey(record, topic, keyBytes)) continue;
        const storedAt = storeTimestampAt(record, 0);
        if (storedAt < beginTimestamp || storedAt > endTimestamp) continue;
        bytes += record.length;
        if (found.length > 0 && bytes > maxAnswerBytes) break;
        found.push({ position, record });
        lastPosition = physicalOffset(Math.max(lastPosition, position));
        lastTimestamp = timestampMs(Math.max(lastTimestamp, storedAt));
      }
    }
    const last = {
      indexLastUpdateTimestamp: lastTimestamp,
      indexLastUpdatePhysicalOffset: lastPosition,
    };
    if (found.length === 0) {
      return {
        code: ResponseCode.QUERY_NOT_FOUND,
        remark: 'can not find message, maybe time range not correct',
        header: [QueryMessageResponse, last],
      };
    }
    return {
      code: ResponseCode.SUCCESS,
      header: [QueryMessageResponse, last],
      // The newest are taken, and told in the order of the log. Source: `DefaultMessageStore.queryMessage`.
      body: found.sort((a, b) => a.position - b.position).map(({ record }) => record),
    };
  }

  /** A committed message at exactly this position; undefined for anything else. */
  async recordAt(position: PhysicalOffset): Promise<Uint8Array | undefined> {
    const { log, commitPoint } = this.#store;
    if (position < log.begin || position + smallestRecordBytes > commitPoint) return undefined;
    const head = await log.read(position, smallestRecordBytes);
    const size = recordSizeAt(head, 0);
    if (size < smallestRecordBytes || position + size > commitPoint) return undefined;
    if (size > largestRecordBytes) return undefined;
    const record = (await log.read(position, size)).slice();
    if (checkRecord(record, 0, size, position).type !== 'record') return undefined;
    const topic = topicRangeAt(record, 0);
    if (isHiddenTopic(Buffer.from(record.subarray(topic.start, topic.end)).toString())) {
      return undefined;
    }
    return record;
  }

  /** The index knows hashes only. */
  #hasKey(record: Uint8Array, topic: string, key: Uint8Array): boolean {
    const name = topicRangeAt(record, 0);
    if (Buffer.from(record.subarray(name.start, name.end)).toString() !== topic) return false;
    const { start, end } = propertiesRangeAt(record, 0);
    const known = this.#known;
    known.scan(record, start, end);
    const wanted = Buffer.from(key).toString();
    if (known.uniqueKeyStart >= 0) {
      const unique = Buffer.from(record.subarray(known.uniqueKeyStart, known.uniqueKeyEnd));
      if (unique.toString() === wanted) return true;
    }
    if (known.keysStart < 0) return false;
    const keys = Buffer.from(record.subarray(known.keysStart, known.keysEnd)).toString();
    return keys.split(' ').includes(wanted);
  }
}
