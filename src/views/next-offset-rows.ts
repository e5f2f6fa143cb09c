import {
  type KeyValue,
  type Mutation,
  type PhysicalOffset,
  physicalOffset,
  type QueueOffset,
  queueOffset,
} from '../base/index.ts';
import { decodeQueueKey, encodeQueueKey, type Queue, type Queues } from './queues/index.ts';

/** `00 02 <segment base 8> <queue key>`, and `00 03 <segment base 8>` once they are all there: docs/state.md. */
const rowPrefix = Uint8Array.of(0, 2);
const markPrefix = Uint8Array.of(0, 3);
const segmentKeyLength = 2 + 8;

export interface Row {
  readonly topic: string;
  readonly incarnation: PhysicalOffset;
  readonly queueId: number;
  readonly next: QueueOffset;
}

interface SegmentRows {
  /** Position at which the segment ends and the offsets hold. */
  readonly end: PhysicalOffset;
  readonly rows: Row[];
}

/**
 * The next offset of each queue at the end of each segment that it was touched in. They outlive the messages: a queue
 * whose messages have all expired goes on where it was. They also tell the smallest offset of a queue when a segment
 * goes: what was next at the segment's end is the first that is left.
 */
export class NextOffsetRows {
  /** By segment base; complete, and in RocksDB. */
  readonly #persisted = new Map<number, SegmentRows>();
  /** Complete, and not yet written. */
  readonly #pending = new Map<number, SegmentRows>();

  static async load(keyValue: KeyValue): Promise<NextOffsetRows> {
    const rows = new NextOffsetRows();
    for await (const [key, value] of keyValue.scan({ from: markPrefix, to: Uint8Array.of(0, 4) })) {
      rows.#persisted.set(segmentBaseOf(key), {
        end: physicalOffset(Number(viewOf(value).getBigUint64(0))),
        rows: [],
      });
    }
    for await (const [key, value] of keyValue.scan({ from: rowPrefix, to: markPrefix })) {
      rows.#persisted.get(segmentBaseOf(key))?.rows.push({
        ...decodeQueueKey(key.subarray(segmentKeyLength)),
        next: queueOffset(Number(viewOf(value).getBigUint64(0))),
      });
    }
    return rows;
  }

  /** After opening: queues go on at least where the rows say, and begin after segments that are gone. */
  restore(queues: Queues, begin: PhysicalOffset): void {
    for (const { end, rows } of this.#persisted.values()) {
      for (const row of rows) {
        queues.raiseNext(row.topic, row.incarnation, row.queueId, row.next);
        if (end <= begin) raiseMinimum(queues, row);
      }
    }
  }

  /** All queues that a segment was the home of, as they are at its end. */
  add(base: PhysicalOffset, end: PhysicalOffset, rows: Row[]): void {
    this.#pending.set(base, { end, rows });
  }

  /** A refused write took back the roll of segments that end above `position`. */
  cut(position: PhysicalOffset): void {
    for (const [base, { end }] of this.#pending) if (end > position) this.#pending.delete(base);
  }

  /** Rows of sealed segments that end at or below `synced`, to be written to the metadata database. */
  takeBatch(
    synced: PhysicalOffset,
  ): { readonly batch: readonly Mutation[]; done(): void } | undefined {
    const ready = [...this.#pending].filter(([, { end }]) => end <= synced);
    if (ready.length === 0) return undefined;
    const batch: Mutation[] = [];
    for (const [base, { end, rows }] of ready) {
      for (const row of rows) {
        batch.push({ type: 'put', key: rowKey(base, row), value: encode8(row.next) });
      }
      batch.push({ type: 'put', key: segmentKey(markPrefix, base), value: encode8(end) });
    }
    return {
      batch,
      done: () => {
        for (const [base, segment] of ready) {
          this.#persisted.set(base, segment);
          this.#pending.delete(base);
        }
      },
    };
  }

  /** Whether the rows of a segment are in the database, or on their way there. */
  has(base: PhysicalOffset): boolean {
    return this.#persisted.has(base) || this.#pending.has(base);
  }

  /**
   * The segments that ended at `begin` or below are gone: the queues they held begin later. Returns the mutations that drop rows of
   * segments that are gone, unless they still say the last word about their queue.
   */
  segmentDeleted(begin: PhysicalOffset, queues: Queues): Mutation[] {
    const mutations: Mutation[] = [];
    for (const [base, { end, rows }] of this.#persisted) {
      if (end > begin) continue;
      const kept: Row[] = [];
      for (const row of rows) {
        const queue = raiseMinimum(queues, row);
        if (queue !== undefined && queue.next === row.next) kept.push(row);
        else mutations.push({ type: 'delete', key: rowKey(base, row) });
      }
      if (kept.length === rows.length && kept.length > 0) continue;
      if (kept.length === 0) {
        this.#persisted.delete(base);
        mutations.push({ type: 'delete', key: segmentKey(markPrefix, base) });
      } else {
        this.#persisted.set(base, { end, rows: kept });
      }
    }
    return mutations;
  }
}

function raiseMinimum(queues: Queues, row: Row): Queue | undefined {
  const queue = queues.find(row.topic, row.incarnation)?.find(row.queueId);
  if (queue !== undefined && queue.min < row.next) queues.setMinimum(queue, row.next);
  return queue;
}

function segmentKey(prefix: Uint8Array, base: number): Uint8Array {
  const key = new Uint8Array(segmentKeyLength);
  key.set(prefix);
  viewOf(key).setBigUint64(prefix.length, BigInt(base));
  return key;
}

function segmentBaseOf(key: Uint8Array): number {
  return Number(viewOf(key).getBigUint64(rowPrefix.length));
}

function rowKey(base: number, row: Row): Uint8Array {
  const queueKey = encodeQueueKey(row.topic, row.incarnation, row.queueId);
  const key = new Uint8Array(segmentKeyLength + queueKey.length);
  key.set(segmentKey(rowPrefix, base));
  key.set(queueKey, segmentKeyLength);
  return key;
}

function encode8(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setBigUint64(0, BigInt(value));
  return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
