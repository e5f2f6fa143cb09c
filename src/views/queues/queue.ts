import { strict as assert } from 'node:assert';
import { Failure, type PhysicalOffset, type QueueOffset, queueOffset } from '../../base/index.ts';
import { type Block, firstIndex } from './block.ts';
import type { BlockCache } from './block-cache.ts';
import { maxTopicBytes, topicByteLength } from './keys.ts';

/** The queues of one incarnation of a topic. */
export class TopicQueues {
  readonly topic: string;
  /** Log position of the topic's create record. */
  readonly incarnation: PhysicalOffset;
  readonly cache: BlockCache;
  /** The topic was deleted: nothing is appended to its queues, and reads find nothing. */
  dropped = false;
  /** By queue id, with holes. */
  readonly #queues: (Queue | undefined)[] = [];

  constructor(topic: string, incarnation: PhysicalOffset, cache: BlockCache) {
    const length = topicByteLength(topic);
    assert(length > 0 && length <= maxTopicBytes, 'a topic has a name that fits into a key');
    this.topic = topic;
    this.incarnation = incarnation;
    this.cache = cache;
  }

  /** Gets or creates. */
  queue(queueId: number): Queue {
    let queue = this.#queues[queueId];
    if (queue === undefined) {
      assert(Number.isInteger(queueId) && queueId >= 0 && queueId < 2 ** 31, 'a queue id');
      queue = new Queue(this, queueId);
      this.#queues[queueId] = queue;
    }
    return queue;
  }

  find(queueId: number): Queue | undefined {
    return this.#queues[queueId];
  }

  /** Those that exist, by id. */
  *[Symbol.iterator](): Generator<Queue> {
    for (const queue of this.#queues) if (queue !== undefined) yield queue;
  }
}

/**
 * One consume queue. There may be hundreds of thousands, so that it has few fields and no block until it is used.
 *
 * Invariants: the entries of `min..next` are in `blocks`, in the database, or both; entries that the database lacks are
 * in `blocks`. Only `Queues` and what it is made of write the fields.
 */
export class Queue {
  readonly topicQueues: TopicQueues;
  readonly queueId: number;
  /** The smallest offset that can be read. */
  min = queueOffset(0);
  /** The offset that the next message gets. */
  next = queueOffset(0);
  /** The block that takes the next entry; undefined when it is to begin a new one. */
  tail: Block | undefined = undefined;
  /** What is in memory, by first offset, disjoint, with gaps where only the database has the entries. */
  blocks: Block[] = noBlocks;
  /** In the list of queues that the next batch looks at. */
  dirty = false;
  /** `min` or `next` moved in another way than by an entry. */
  headDirty = false;
  /** In the list that `Queues.touched` hands out. */
  touched = false;

  constructor(topicQueues: TopicQueues, queueId: number) {
    this.topicQueues = topicQueues;
    this.queueId = queueId;
  }

  get topic(): string {
    return this.topicQueues.topic;
  }

  get incarnation(): PhysicalOffset {
    return this.topicQueues.incarnation;
  }

  /**
   * The first offset whose record does not end at or below `limit`, which is the commit point. Fails `unavailable` when
   * the limit is so low that it lies among entries which only the database has: a replica that has not yet heard how
   * far the group committed.
   */
  readable(limit: PhysicalOffset): QueueOffset {
    let end: number = this.next;
    for (let at = this.blocks.length - 1; at >= 0; at--) {
      const block = this.blocks[at] as Block;
      if (block.end !== end) break;
      const count = block.countBelow(limit);
      if (count > 0) return queueOffset(block.first + count);
      end = block.first;
    }
    if (end > this.min && limit < this.topicQueues.cache.leftMemory) {
      throw new Failure(
        'unavailable',
        `the commit point ${limit} is not yet known to cover queue ${this.topic}/${this.queueId}`,
      );
    }
    return queueOffset(Math.max(end, this.min));
  }

  /** The block in memory that has the entry. */
  blockInMemory(offset: number): Block | undefined {
    const { blocks } = this;
    const last = blocks[blocks.length - 1];
    if (last === undefined) return undefined;
    const block = offset >= last.first ? last : blocks[this.indexAfter(offset) - 1];
    return block !== undefined && offset < block.end ? block : undefined;
  }

  /** The index in `blocks` of the first that begins above `offset`. */
  indexAfter(offset: number): number {
    return firstIndex(
      0,
      this.blocks.length,
      (index) => (this.blocks[index] as Block).first > offset,
    );
  }
}

/** Shared by all queues that have no block in memory; never changed. */
export const noBlocks: Block[] = [];
