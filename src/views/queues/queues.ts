import { strict as assert } from 'node:assert';
import {
  type KeyValue,
  type Mutation,
  type PhysicalOffset,
  physicalOffset,
  type QueueOffset,
  queueOffset,
  type TimestampMs,
} from '../../base/index.ts';
import { BatchBuilder } from './batch-builder.ts';
import { type Block, BlockMemory, maxBlockEntries, type QueueEntries } from './block.ts';
import { BlockCache } from './block-cache.ts';
import { BlockReader } from './block-reader.ts';
import { corruptHead, decodeHeads } from './heads.ts';
import { decodeHeadsKey, headsRange, positionKey, type QueueName, readLong } from './keys.ts';
import { type Queue, TopicQueues } from './queue.ts';

/** What changed and this node has synced, for one atomic write. Call `done` or `failed` when it returned. */
export interface QueuesBatch {
  readonly batch: Mutation[];
  /** With the batch, the database contains everything below. */
  readonly position: PhysicalOffset;
  done(): void;
  failed(): void;
}

export interface NextOffset extends QueueName {
  readonly next: QueueOffset;
}

/** A queue whose next offset was stated by something else than its entries, until the log was replayed. */
interface Raised {
  /** What the entries say. */
  readonly before: number;
  next: number;
  /** A record of the queue was replayed since. */
  restored: boolean;
}

/**
 * The consume queues of all topics: offset to position in the log. A view of the log: entries are appended together
 * with their records or by replay, readable up to the commit point, and persisted up to what this node has synced.
 *
 * Nothing here calls back or waits, except reads of what only the database has.
 */
export class Queues {
  readonly #cache: BlockCache;
  readonly #reader: BlockReader;
  readonly #memory = new BlockMemory();
  /** By topic; incarnations of the same topic, of which all but the newest are about to be dropped, in one list. */
  readonly #topics = new Map<string, TopicQueues | TopicQueues[]>();
  #persisted: PhysicalOffset;
  #dirty: Queue[] = [];
  #touched: Queue[] = [];
  #drops: TopicQueues[] = [];
  #inFlight: PhysicalOffset | undefined;
  #raised: Map<Queue, Raised> | undefined;

  /** Loads all heads. Fails `corrupt`. */
  static async open(keyValue: KeyValue): Promise<Queues> {
    const position = await keyValue.get(positionKey);
    if (position !== undefined && position.length !== 8) throw corruptHead(positionKey, position);
    const queues = new Queues(
      keyValue,
      physicalOffset(position === undefined ? 0 : readLong(position, 0)),
    );
    await queues.#loadHeads(keyValue);
    return queues;
  }

  private constructor(keyValue: KeyValue, persisted: PhysicalOffset) {
    this.#persisted = persisted;
    this.#cache = new BlockCache(persisted);
    this.#reader = new BlockReader(keyValue, this.#cache);
  }

  /** Everything below is contained in the database. */
  get persistedPosition(): PhysicalOffset {
    return this.#persisted;
  }

  get memoryBytes(): number {
    return this.#cache.bytes;
  }

  /** Gets or creates. `incarnation` is the log position of the topic's create record. */
  topic(topic: string, incarnation: PhysicalOffset): TopicQueues {
    const found = this.#topics.get(topic);
    if (found instanceof TopicQueues && found.incarnation === incarnation) return found;
    const known = toList(found);
    const same = known.find((queues) => queues.incarnation === incarnation);
    if (same !== undefined) return same;
    const created = new TopicQueues(topic, incarnation, this.#cache);
    this.#topics.set(topic, known.length === 0 ? created : [...known, created]);
    return created;
  }

  /** The topic's queues if there are any; asking makes none. */
  find(topic: string, incarnation: PhysicalOffset): TopicQueues | undefined {
    return toList(this.#topics.get(topic)).find((queues) => queues.incarnation === incarnation);
  }

  /** All incarnations of all topics, in no order. */
  *[Symbol.iterator](): Generator<TopicQueues> {
    for (const found of this.#topics.values()) yield* toList(found);
  }

  /** The topic was deleted: its queues are gone at once, and from the database with the next batch. */
  dropTopic(topic: string, incarnation: PhysicalOffset): void {
    const known = toList(this.#topics.get(topic));
    const dropped = known.find((queues) => queues.incarnation === incarnation);
    if (dropped === undefined) return;
    const kept = known.filter((queues) => queues !== dropped);
    if (kept.length === 0) this.#topics.delete(topic);
    else this.#topics.set(topic, kept.length === 1 ? (kept[0] as TopicQueues) : kept);
    for (const queue of dropped) {
      for (const block of [...queue.blocks]) this.#cache.remove(block);
      this.#raised?.delete(queue);
    }
    dropped.dropped = true;
    this.#drops.push(dropped);
  }

  /** Adds the message at offset `queue.next`. `position` is above those of all entries of the queue. */
  append(
    queue: Queue,
    position: PhysicalOffset,
    size: number,
    tagsCode: number,
    storeTimestamp: TimestampMs,
  ): void {
    if (this.#raised !== undefined) this.endReplay();
    this.#add(queue, position, size, tagsCode, storeTimestamp);
  }

  /**
   * As `append`, for a record that states its offset. Records that the database contains are ignored. The first of a
   * queue without entries states where the queue begins; any other must be the next.
   */
  restore(
    queue: Queue,
    offset: QueueOffset,
    position: PhysicalOffset,
    size: number,
    tagsCode: number,
    storeTimestamp: TimestampMs,
  ): void {
    if (position < this.#persisted) return;
    const raised = this.#unsettled(queue);
    if (raised !== undefined) this.#beginRaised(queue, raised, offset);
    else if (queue.next === 0) startAt(queue, offset);
    if (offset !== queue.next) throw gap(queue, offset, position);
    this.#add(queue, position, size, tagsCode, storeTimestamp);
  }

  /**
   * The next offset is at least `next`, says a snapshot or a local row: messages up to there existed. Before the
   * replay, which still decides where the entries begin.
   */
  raiseNext(topic: string, incarnation: PhysicalOffset, queueId: number, next: QueueOffset): void {
    const queue = this.topic(topic, incarnation).queue(queueId);
    if (next <= queue.next) return;
    this.#raised ??= new Map();
    const raised = this.#raised.get(queue);
    if (raised === undefined || raised.restored) {
      this.#raised.set(queue, { before: queue.next, next, restored: false });
    } else {
      raised.next = next;
    }
    if (queue.min === queue.next) queue.min = next;
    queue.next = next;
  }

  /** The whole log was replayed. The first append says so too; queues that are only read need this call. */
  endReplay(): void {
    const raised = this.#raised;
    this.#raised = undefined;
    for (const [queue, { before, next, restored }] of raised ?? []) {
      assert(
        queue.next >= next,
        `queue ${queueName(queue)} is known to have had offset ${next - 1}, but its log ends at ${queue.next - 1}`,
      );
      // The log no longer has the records between, so that it has none of those before them either.
      if (!restored && queue.min < before) this.#startAfresh(queue, next);
      this.#headMoved(queue);
    }
  }

  /** Takes back all entries of records at or above `position`. None of them is in the database or on its way. */
  cut(position: PhysicalOffset): void {
    assert(
      position >= (this.#inFlight ?? this.#persisted),
      `cut at ${position} below what the queues database contains`,
    );
    for (const queue of this.#dirty) {
      for (let at = queue.blocks.length - 1; at >= 0; at--) {
        const block = queue.blocks[at] as Block;
        while (block.count > block.persisted && block.position(block.count - 1) >= position) {
          block.count--;
          queue.next--;
        }
        if (block.count > 0) {
          this.#cache.use(block);
          break;
        }
        this.#cache.remove(block);
      }
    }
  }

  /**
   * What waits to be written, of records that end at or below `synced`; `contained` is up to where records were added.
   * Undefined when there is nothing. One batch at a time; what comes meanwhile belongs to the next. With `pieceEnd`, a
   * border of records, it is no more than what lies below, unless topics are dropped: that must contain their deletes.
   */
  takeBatch(
    synced: PhysicalOffset,
    contained: PhysicalOffset,
    pieceEnd: PhysicalOffset = synced,
  ): QueuesBatch | undefined {
    assert(this.#inFlight === undefined, 'one batch of the queues at a time');
    const end = this.#drops.length > 0 ? synced : Math.min(synced, pieceEnd);
    const position = physicalOffset(Math.max(this.#persisted, Math.min(end, contained)));
    const drops = this.#drops;
    this.#drops = [];
    const builder = new BatchBuilder(position);
    for (const topic of drops) builder.drop(topic);
    this.#dirty = this.#dirty.filter((queue) => {
      const isLive = !queue.topicQueues.dropped;
      queue.dirty = isLive && (this.#unsettled(queue) !== undefined || builder.take(queue));
      return queue.dirty;
    });
    const isEmpty = builder.mutations.length === 0 && builder.topics.size === 0;
    if (isEmpty && position === this.#persisted) return undefined;
    builder.finish((queue) => this.#unsettled(queue)?.before);
    this.#inFlight = position;
    return {
      batch: builder.mutations,
      position,
      done: () => {
        this.#inFlight = undefined;
        this.#persisted = position;
        for (const [index, block] of builder.blocks.entries()) {
          if (block.queue.blockInMemory(block.first) !== block) continue;
          block.persisted = builder.counts[index] as number;
          this.#cache.use(block);
        }
      },
      failed: () => {
        this.#inFlight = undefined;
        this.#drops = [...drops, ...this.#drops];
        for (const block of builder.blocks) this.#markDirty(block.queue);
        for (const queue of builder.moved) this.#headMoved(queue);
      },
    };
  }

  /**
   * Lets blocks go until at most `maxBytes` are in memory, those not read for longest first; only such as the database
   * has and as end at or below `committed`, so that `readable` still finds the commit point.
   */
  evict(maxBytes: number, committed: PhysicalOffset = this.#persisted): void {
    this.#cache.evict(maxBytes, committed);
  }

  /** The queues that got entries since this was last asked. */
  touched(): readonly Queue[] {
    const touched = this.#touched.filter((queue) => !queue.topicQueues.dropped);
    for (const queue of this.#touched) queue.touched = false;
    this.#touched = [];
    return touched;
  }

  /** Entries below `min` are gone, because their records are. At most `queue.next`; a lower value changes nothing. */
  setMinimum(queue: Queue, min: QueueOffset): void {
    assert(
      min <= queue.next,
      `minimum ${min} of queue ${queueName(queue)} above its next ${queue.next}`,
    );
    if (min <= queue.min) return;
    queue.min = min;
    while (queue.blocks.length > 0 && (queue.blocks[0] as Block).end <= min) {
      this.#cache.remove(queue.blocks[0] as Block);
    }
    this.#headMoved(queue);
  }

  /**
   * Entries from `offset` on whose records end at or below `limit`; fewer than `maxEntries` where a block ends whose
   * successor is not in memory, but at least one if one is readable. Fails `corrupt`, naming the block.
   */
  read(
    queue: Queue,
    offset: QueueOffset,
    maxEntries: number,
    limit: PhysicalOffset,
  ): QueueEntries | Promise<QueueEntries> {
    return this.#reader.read(queue, offset, maxEntries, limit);
  }

  /**
   * SEARCH_OFFSET_BY_TIMESTAMP (29), among entries below `limit`. `lower`: the first offset stored at or after
   * `timestamp`; the readable end when all are older. `upper`: the last stored at or before it; 0 when all are newer.
   */
  searchByTimestamp(
    queue: Queue,
    timestamp: TimestampMs,
    boundary: 'lower' | 'upper',
    limit: PhysicalOffset,
  ): QueueOffset | Promise<QueueOffset> {
    return this.#reader.searchByTimestamp(queue, timestamp, boundary, limit);
  }

  /** What was the next offset of each queue when the log ended at `position`. Fails as `Queue.readable`. */
  nextOffsetsAt(position: PhysicalOffset): NextOffset[] {
    const offsets: NextOffset[] = [];
    for (const topicQueues of this) {
      for (const queue of topicQueues) {
        const next = queue.readable(position);
        const { topic, incarnation, queueId } = queue;
        if (next > 0) offsets.push({ topic, incarnation, queueId, next });
      }
    }
    return offsets;
  }

  #add(
    queue: Queue,
    position: number,
    size: number,
    tagsCode: number,
    storeTimestamp: number,
  ): void {
    let block = queue.tail;
    if (block === undefined || block.count === maxBlockEntries) {
      block = this.#beginBlock(queue, position);
    } else if (position <= block.position(block.count - 1)) {
      throw outOfOrder(queue, position);
    }
    if (block.count === block.capacity) {
      const before = block.capacity;
      this.#memory.grow(block);
      this.#cache.grew(block.capacity - before);
    }
    block.add(position, size, tagsCode, storeTimestamp);
    queue.next++;
    if (!queue.dirty) this.#markDirty(queue);
    if (!queue.touched) {
      queue.touched = true;
      this.#touched.push(queue);
    }
  }

  #beginBlock(queue: Queue, position: number): Block {
    if (queue.topicQueues.dropped) {
      assert.fail(`an entry for queue ${queueName(queue)} of a deleted topic`);
    }
    const last = queue.blocks[queue.blocks.length - 1];
    if (position < this.#persisted || (last && position <= last.position(last.count - 1))) {
      throw outOfOrder(queue, position);
    }
    const block = this.#memory.begin(queue, queue.next);
    this.#cache.insert(block);
    queue.tail = block;
    return block;
  }

  /** What was known of a queue whose records the replay may still bring. */
  #unsettled(queue: Queue): Raised | undefined {
    const raised = this.#raised?.get(queue);
    return raised === undefined || raised.restored ? undefined : raised;
  }

  /** The first record of a queue in this replay, of which a next offset was known before. */
  #beginRaised(queue: Queue, raised: Raised, offset: QueueOffset): void {
    raised.restored = true;
    const { before, next } = raised;
    const hadEntries = queue.min < before;
    if (hadEntries && offset === before) {
      queue.next = offset;
    } else if (offset <= next && (!hadEntries || offset > before)) {
      // Where there are entries and not the records after them, retention took those, and so all before.
      this.#startAfresh(queue, offset);
    }
  }

  #startAfresh(queue: Queue, offset: number): void {
    for (const block of [...queue.blocks]) this.#cache.remove(block);
    startAt(queue, offset);
    this.#headMoved(queue);
  }

  #headMoved(queue: Queue): void {
    if (queue.topicQueues.dropped) return;
    queue.headDirty = true;
    this.#markDirty(queue);
  }

  #markDirty(queue: Queue): void {
    if (queue.dirty || queue.topicQueues.dropped) return;
    queue.dirty = true;
    this.#dirty.push(queue);
  }

  async #loadHeads(keyValue: KeyValue): Promise<void> {
    for await (const [key, value] of keyValue.scan(headsRange)) {
      const { topic, incarnation } = decodeHeadsKey(key);
      const queues = this.topic(topic, incarnation);
      for (const { queueId, min, next } of decodeHeads(key, value)) {
        const queue = queues.queue(queueId);
        queue.min = queueOffset(min);
        queue.next = queueOffset(next);
      }
    }
  }
}

function startAt(queue: Queue, offset: number): void {
  queue.min = queueOffset(offset);
  queue.next = queueOffset(offset);
}

function toList(queues: TopicQueues | TopicQueues[] | undefined): TopicQueues[] {
  if (queues === undefined) return [];
  return queues instanceof TopicQueues ? [queues] : queues;
}

function queueName(queue: Queue): string {
  return `${queue.topic}/${queue.queueId} (incarnation ${queue.incarnation})`;
}

function gap(queue: Queue, offset: number, position: number): Error {
  return new assert.AssertionError({
    message: `the record at ${position} states offset ${offset} of queue ${queueName(queue)}, whose next is ${queue.next}`,
    actual: offset,
    expected: queue.next,
    operator: 'strictEqual',
  });
}

function outOfOrder(queue: Queue, position: number): Error {
  return new assert.AssertionError({
    message: `position ${position} for queue ${queueName(queue)} is not above those it has`,
  });
}
