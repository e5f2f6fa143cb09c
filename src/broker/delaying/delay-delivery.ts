import {
  type Clock,
  type Failure,
  isFailure,
  type Logger,
  physicalOffset,
  type QueueOffset,
  queueOffset,
  type Timer,
} from '../../base/index.ts';
import type { Answer } from '../../remoting/index.ts';
import { delaySourceProperty, type Store } from '../../views/index.ts';
import type { Queue, QueueEntries, TopicQueues } from '../../views/queues/index.ts';
import { SCHEDULE_TOPIC } from '../../views/schedule/index.ts';
import {
  DelayOffsetSerializeWrapper,
  decodeStoredMessage,
  PropertyName,
  ResponseCode,
  type StoredMessage,
} from '../../wire/index.ts';
import { copyOfMessage } from '../message-copy.ts';
import { ColdReads } from '../pulling/cold-reads.ts';
import type { TopicState, Topics } from '../topics.ts';

interface DelayDeliveryParts {
  readonly store: Store;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onDamage: (failure: Failure) => void;
}

/** Of one level in one turn. */
const maxDeliveries = 64;
const maxDeliveryBytes = 1024 * 1024;
/** Beside those of consumers. */
const maxConcurrentReads = 1;
/** The wall clock may jump: it is looked at so often at least while a message waits. */
const longestWaitMs = 1000;
const retryMs = 1000;
/** The next segment of the log is not there yet, or too much waits to be committed: a matter of moments. */
const busyRetryMs = 20;
const damagedRetryMs = 10_000;
/** Until the delete of a topic is durable. */
const pendingDeleteMs = 50;

/** One queue of the schedule topic. */
interface Level {
  readonly queue: Queue;
  /** Entries or records are being read from disk. */
  isBusy: boolean;
  timer: Timer | undefined;
  /** Below this offset everything is delivered, or will never be. Skipping leaves no record: a restart skips again. */
  skippedTo: number;
}

/**
 * Puts delayed messages into the queues they were sent to, when they are due: per level in the order of their queue, as
 * copies that name what they are copies of. Messages of a topic that was deleted meanwhile are dropped, also when there
 * is another one of its name. Source: `ScheduleMessageService`.
 */
export class DelayDelivery {
  readonly #options: { readonly delayLevelsMs: readonly number[] };
  readonly #parts: DelayDeliveryParts;
  readonly #coldReads: ColdReads;
  readonly #levels = new Map<Queue, Level>();
  #isRunning = false;
  #hasNew = false;

  constructor(options: { readonly delayLevelsMs: readonly number[] }, parts: DelayDeliveryParts) {
    this.#options = options;
    this.#parts = parts;
    this.#coldReads = new ColdReads(parts.store.log, {
      concurrent: maxConcurrentReads,
      maxBlocks: 0,
    });
  }

  /** Once the node leads: what became due while it did not is delivered at once. */
  start(): void {
    this.#isRunning = true;
    for (const queue of this.#queues()) this.#run(this.#level(queue));
  }

  stop(): void {
    this.#isRunning = false;
    for (const { timer } of this.#levels.values()) timer?.cancel();
  }

  /** A message that waits was appended. */
  noteWaiting(): void {
    this.#hasNew = true;
  }

  /** Appended records were cut away. What came before a message that was skipped may have to be delivered again. */
  cut(): void {
    for (const level of this.#levels.values()) level.skippedTo = 0;
    this.#hasNew = true;
  }

  /** C moved. */
  committed(): void {
    if (!this.#hasNew || !this.#isRunning) return;
    this.#hasNew = false;
    // What waits for its time, or for another try, is not hurried by what comes behind it.
    for (const queue of this.#queues()) {
      const level = this.#level(queue);
      if (level.timer === undefined) this.#run(level);
    }
  }

  /** Of each level that ever had a message: what is delivered next, and the end of its queue. */
  *positions(): Generator<{ readonly level: number; readonly next: number; readonly end: number }> {
    for (const queue of this.#queues()) {
      const end = queue.readable(this.#parts.store.commitPoint);
      yield { level: queue.queueId + 1, next: this.#next(this.#level(queue)), end };
    }
  }

  /** GET_ALL_DELAY_OFFSET (45): from where on each level delivers. */
  allOffsets(): Answer {
    const offsetTable = new Map<number, QueueOffset>();
    for (const { level, next } of this.positions()) offsetTable.set(level, queueOffset(next));
    return {
      code: ResponseCode.SUCCESS,
      body: DelayOffsetSerializeWrapper.encode({ dataVersion: undefined, offsetTable }),
    };
  }

  #queues(): TopicQueues | readonly Queue[] {
    return this.#parts.topics.find(SCHEDULE_TOPIC)?.queues ?? [];
  }

  #level(queue: Queue): Level {
    let level = this.#levels.get(queue);
    if (level === undefined) {
      level = { queue, isBusy: false, timer: undefined, skippedTo: 0 };
      this.#levels.set(queue, level);
    }
    return level;
  }

  #next(level: Level): number {
    const { queue, skippedTo } = level;
    const next = this.#parts.store.delayProgress.next(queue.queueId);
    return Math.max(next, skippedTo, queue.min);
  }

  #run(level: Level): void {
    if (level.isBusy || !this.#isRunning) return;
    level.timer?.cancel();
    level.timer = undefined;
    const { store } = this.#parts;
    const { queue } = level;
    const from = this.#next(level);
    const end = queue.readable(store.commitPoint);
    if (from >= end) {
      if (queue.next > end) this.#hasNew = true;
      return;
    }
    const entries = store.queues.read(queue, queueOffset(from), maxDeliveries, store.commitPoint);
    if (entries instanceof Promise)
      this.#wait(level, entries, (read) => this.#take(level, from, read));
    else this.#take(level, from, entries);
  }

  /** Goes on when the disk has answered. */
  #wait<T>(level: Level, reading: Promise<T>, then: (read: T) => void): void {
    level.isBusy = true;
    reading
      .then((read) => {
        level.isBusy = false;
        if (this.#isRunning) then(read);
      })
      .catch((error: unknown) => {
        level.isBusy = false;
        this.#readFailed(level, error);
      });
  }

  /** Delivers those of these entries, from offset `from` on, that are due. */
  #take(level: Level, from: number, entries: QueueEntries): void {
    const now = this.#parts.clock.now();
    const positions: number[] = [];
    const sizes: number[] = [];
    let bytes = 0;
    let waitMs = 0;
    for (let index = 0; index < entries.count && bytes < maxDeliveryBytes; index++) {
      waitMs = this.#waitMs(level, entries.tagsCode(index), now);
      if (waitMs > 0) break;
      positions.push(entries.position(index));
      sizes.push(entries.size(index));
      bytes += entries.size(index);
    }
    if (positions.length === 0) {
      this.#runLater(level, entries.count === 0 ? retryMs : Math.min(waitMs, longestWaitMs));
      return;
    }
    const { log } = this.#parts.store;
    const records: Uint8Array[] = [];
    for (const [index, position] of positions.entries()) {
      const record = log.readTail(physicalOffset(position), sizes[index] as number);
      if (record === undefined) break;
      records.push(record);
    }
    if (records.length === positions.length) this.#deliver(level, from, records);
    else {
      this.#wait(level, this.#coldReads.read(positions, sizes, positions.length), (read) =>
        this.#deliver(level, from, read),
      );
    }
  }

  /** One that is due later than its level says was stored before the clock was set back, and goes at once. */
  #waitMs({ queue }: Level, dueAt: number, now: number): number {
    const waitMs = dueAt - now;
    const delayMs = this.#options.delayLevelsMs[queue.queueId] ?? 0;
    return waitMs > delayMs ? 0 : waitMs;
  }

  #deliver(level: Level, from: number, records: readonly Uint8Array[]): void {
    const { store } = this.#parts;
    for (const [index, record] of records.entries()) {
      // A cut, or retention, may have moved it while the disk was read.
      if (this.#next(level) !== from + index) break;
      const laterMs = this.#deliverOne(level, from + index, record);
      if (laterMs !== undefined) {
        this.#runLater(level, laterMs);
        return;
      }
    }
    this.#hasNew = true;
    store.wantTurnEnd();
  }

  /** Returns when to try it again; undefined when this message is done with. */
  #deliverOne(level: Level, offset: number, record: Uint8Array): number | undefined {
    const { logger } = this.#parts;
    const about = { level: level.queue.queueId + 1, offset };
    try {
      const message = decodeStoredMessage(record);
      const topic = this.#topicOf(message);
      if (topic === 'deletePending') return pendingDeleteMs;
      if (topic === undefined) level.skippedTo = offset + 1;
      else this.#append(topic, message);
      return undefined;
    } catch (error) {
      if (isFailure(error, 'unavailable', 'busy')) return busyRetryMs;
      if (isFailure(error, 'unavailable') || isFailure(error, 'closed')) return retryMs;
      if (!isFailure(error)) throw error;
      logger.error('a delayed message cannot be delivered', { ...about, error });
      level.skippedTo = offset + 1;
      return undefined;
    }
  }

  /** The topic that the message was sent to; undefined when it was deleted since, and that is durable. */
  #topicOf({ properties, physicalOffset: position }: StoredMessage) {
    const name = properties.get(PropertyName.REAL_TOPIC) ?? '';
    const topic = this.#parts.topics.find(name);
    if (topic !== undefined && topic.row.createdAt <= position) return topic;
    const applied = this.#parts.store.tables.applied.topicRow(name);
    return applied !== undefined && applied.createdAt <= position ? 'deletePending' : undefined;
  }

  #append(topic: TopicState, waiting: StoredMessage): void {
    const { store } = this.#parts;
    // DELAY stays, as users of RocketMQ see it; nobody acts on it here.
    const properties = new Map(waiting.properties);
    properties.set(delaySourceProperty, `${waiting.queueId}:${waiting.queueOffset}`);
    const queueId = Number(properties.get(PropertyName.REAL_QID));
    const isQueueId = Number.isInteger(queueId) && queueId >= 0;
    store.append(copyOfMessage(waiting, { topic, queueId: isQueueId ? queueId : 0 }, properties));
    topic.statistics.put(1, store.appendedEnd - store.appendedAt, 'delay');
  }

  #runLater(level: Level, delayMs: number): void {
    level.timer?.cancel();
    level.timer = this.#parts.clock.setTimer(delayMs, () => {
      level.timer = undefined;
      this.#run(level);
    });
  }

  #readFailed(level: Level, error: unknown): void {
    const { logger, onDamage } = this.#parts;
    if (!isFailure(error)) throw error;
    if (!this.#isRunning) return;
    if (error.kind === 'corrupt') onDamage(error);
    // Retention was faster, and the queue begins behind it in a moment.
    const isGone = isFailure(error, 'unavailable', 'notFound');
    if (!isGone) {
      logger.error('delayed messages cannot be read', { level: level.queue.queueId + 1, error });
    }
    this.#runLater(level, isGone ? retryMs : damagedRetryMs);
  }
}
