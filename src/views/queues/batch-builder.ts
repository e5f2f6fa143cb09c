import type { Mutation, PhysicalOffset } from '../../base/index.ts';
import { type Block, maxBlockEntries } from './block.ts';
import { encodeHeads } from './heads.ts';
import {
  BatchBytes,
  blockKey,
  encodeLong,
  headsKey,
  positionKey,
  type TopicName,
  topicBlocks,
} from './keys.ts';
import type { Queue, TopicQueues } from './queue.ts';

/**
 * A block that has so many entries when it is written takes no more: to write it again for each few entries of a slow
 * queue would cost more than some blocks more.
 */
const closedBlockEntries = 32;

/** Puts together what a batch writes of records below a position, and remembers what it took. */
export class BatchBuilder {
  readonly mutations: Mutation[] = [];
  /** The blocks with new entries, and how many entries of each the database has with the batch. */
  readonly blocks: Block[] = [];
  readonly counts: number[] = [];
  /** Queues whose heads moved by themselves. */
  readonly moved: Queue[] = [];
  /** Topics whose heads changed. */
  readonly topics = new Set<TopicQueues>();
  readonly #position: PhysicalOffset;
  readonly #memory = new BatchBytes();

  constructor(position: PhysicalOffset) {
    this.#position = position;
  }

  drop(topic: TopicName): void {
    this.mutations.push({ type: 'delete', key: headsKey(topic) });
    this.mutations.push({ type: 'deleteRange', ...topicBlocks(topic) });
  }

  /** Adds what lies below the position; returns whether something of the queue remains for another batch. */
  take(queue: Queue): boolean {
    const { topicQueues, blocks } = queue;
    for (let at = blocks.length - 1; at >= 0; at--) {
      const block = blocks[at] as Block;
      if (block.persisted === block.count) break;
      this.#takeBlock(queue, block);
    }
    const next = this.#nextBelow(queue);
    if (queue.headDirty) {
      queue.headDirty = false;
      this.moved.push(queue);
      this.topics.add(topicQueues);
      // A block that begins so far below the minimum ends at or below it; where nothing is left, all go.
      const to = queue.min >= next ? next : Math.max(0, queue.min - (maxBlockEntries - 1));
      if (to > 0) {
        this.mutations.push({
          type: 'deleteRange',
          from: blockKey(queue, 0),
          to: blockKey(queue, to),
        });
      }
    }
    return next < queue.next;
  }

  /** Ends the batch: heads, and the position. `known` says what holds of a queue that a replay has not reached. */
  finish(known: (queue: Queue) => number | undefined): void {
    for (const topic of this.topics) {
      const heads = [...topic].map((queue) => {
        const next = known(queue) ?? this.#nextBelow(queue);
        return { queueId: queue.queueId, min: Math.min(queue.min, next), next };
      });
      const value = encodeHeads(heads, this.#memory);
      this.mutations.push({ type: 'put', key: headsKey(topic, this.#memory), value });
    }
    this.mutations.push({ type: 'put', key: positionKey, value: encodeLong(this.#position) });
  }

  #takeBlock(queue: Queue, block: Block): void {
    const count = block.countBelow(this.#position);
    if (count === block.persisted) return;
    if (count === block.count && count >= closedBlockEntries && queue.tail === block) {
      queue.tail = undefined;
    }
    this.mutations.push({
      type: 'put',
      key: blockKey(queue, block.first, this.#memory),
      value: block.image(count, this.#memory),
    });
    this.blocks.push(block);
    this.counts.push(count);
    this.topics.add(queue.topicQueues);
  }

  /** The next offset of the queue when the log ended at the position. */
  #nextBelow(queue: Queue): number {
    let next: number = queue.next;
    for (let at = queue.blocks.length - 1; at >= 0; at--) {
      const block = queue.blocks[at] as Block;
      if (block.persisted === block.count) break;
      const count = block.countBelow(this.#position);
      if (count < block.count) next = block.first + count;
      if (count > 0) break;
    }
    return next;
  }
}
