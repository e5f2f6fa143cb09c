import { Failure, type KeyValue, type Mutation } from '../../base/index.ts';

/** Rows of the `queues` database: `06 <queue id 4>`, and the next offset (8). */
const kind = 6;
const keyBytes = 5;
const valueBytes = 8;

/** What is new and below a position, for the batch that brings the `queues` database there. */
export interface DelayProgressBatch {
  readonly mutations: readonly Mutation[];
  done(): void;
}

/** A delivered copy in the log, and the first offset that was not delivered with it. */
interface Delivery {
  readonly position: number;
  readonly next: number;
}

interface Level {
  /** What the database has. */
  persisted: number;
  /** What it lacks, by rising position. */
  readonly deliveries: Delivery[];
}

/**
 * The first offset of each schedule queue that was not delivered. A view of the log: a copy is noted together with its
 * record or by replay, cut with it, and persisted up to what this node has synced. So nothing is delivered twice or
 * skipped by a crash, whatever of the log it leaves.
 *
 * Copies lie behind what they are copies of, and retention takes the oldest first: rebuilt from a log that begins
 * anywhere, this is complete for all messages that are left.
 */
export class DelayProgress {
  /** By queue id, with holes. */
  readonly #levels: (Level | undefined)[] = [];

  /** Fails `corrupt`. */
  static async load(keyValue: KeyValue): Promise<DelayProgress> {
    const progress = new DelayProgress();
    for await (const [key, value] of keyValue.scan({
      from: Uint8Array.of(kind),
      to: Uint8Array.of(kind + 1),
    })) {
      if (key.length !== keyBytes || value.length !== valueBytes) {
        throw new Failure(
          'corrupt',
          `delay progress ${Buffer.from(key).toString('hex')}: ${value.length} bytes`,
        );
      }
      const next = viewOf(value).getBigUint64(0);
      progress.#level(viewOf(key).getUint32(1)).persisted = Number(next);
    }
    return progress;
  }

  next(queueId: number): number {
    const level = this.#levels[queueId];
    return level === undefined ? 0 : (level.deliveries.at(-1)?.next ?? level.persisted);
  }

  /** The record at `position` is the delivered copy of the message at this offset. */
  delivered(queueId: number, offset: number, position: number): void {
    if (offset < this.next(queueId)) return;
    this.#level(queueId).deliveries.push({ position, next: offset + 1 });
  }

  /** Takes back the copies at or above `position`. None of them is in the database or on its way. */
  cut(position: number): void {
    for (const level of this.#levels) {
      const deliveries = level?.deliveries ?? [];
      while ((deliveries.at(-1)?.position ?? -1) >= position) deliveries.pop();
    }
  }

  /** What copies below `position` say, and the database lacks. Until `done`, the next batch has it again. */
  takeBatch(position: number): DelayProgressBatch {
    const mutations: Mutation[] = [];
    const settled: (readonly [Level, number])[] = [];
    this.#levels.forEach((level, queueId) => {
      if (level === undefined) return;
      let count = level.deliveries.length;
      while (count > 0 && (level.deliveries[count - 1] as Delivery).position >= position) count--;
      const newest = level.deliveries[count - 1];
      if (newest === undefined) return;
      mutations.push(rowOf(queueId, newest.next));
      settled.push([level, count]);
    });
    return {
      mutations,
      done() {
        for (const [level, count] of settled) {
          level.persisted = level.deliveries.splice(0, count).at(-1)?.next ?? level.persisted;
        }
      },
    };
  }

  #level(queueId: number): Level {
    let level = this.#levels[queueId];
    if (level === undefined) {
      level = { persisted: 0, deliveries: [] };
      this.#levels[queueId] = level;
    }
    return level;
  }
}

function rowOf(queueId: number, next: number): Mutation {
  const key = new Uint8Array(keyBytes);
  key[0] = kind;
  viewOf(key).setUint32(1, queueId);
  const value = new Uint8Array(valueBytes);
  viewOf(value).setBigUint64(0, BigInt(next));
  return { type: 'put', key, value };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
