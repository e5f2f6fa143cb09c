import {
  type KeyValue,
  type PhysicalOffset,
  type QueueOffset,
  queueOffset,
  type TimestampMs,
} from '../../base/index.ts';
import {
  type Block,
  blockFromImage,
  damaged,
  entryBytes,
  firstIndex,
  maxBlockEntries,
  QueueEntries,
} from './block.ts';
import type { BlockCache } from './block-cache.ts';
import { blockKey, readLong } from './keys.ts';
import type { Queue } from './queue.ts';

/** Blocks after the wanted one that a read may load along, for queues whose blocks are small. */
const maxBlocksAhead = 64;
/** Whoever reads several entries reads those after them next: so many are loaded. */
const entriesAhead = 4096;

const noEntries = new DataView(new ArrayBuffer(0));

/** Reads entries: from memory where it has them, else from the database, whose blocks then stay in the cache. */
export class BlockReader {
  readonly #keyValue: KeyValue;
  readonly #cache: BlockCache;

  constructor(keyValue: KeyValue, cache: BlockCache) {
    this.#keyValue = keyValue;
    this.#cache = cache;
  }

  read(
    queue: Queue,
    offset: QueueOffset,
    maxEntries: number,
    limit: PhysicalOffset,
  ): QueueEntries | Promise<QueueEntries> {
    if (maxEntries < 1 || isOutside(queue, offset))
      return new QueueEntries(offset, 0, noEntries, 0);
    const block = queue.blockInMemory(offset);
    if (block !== undefined) return this.#collect(block, offset, maxEntries, limit);
    return this.#readStored(queue, offset, maxEntries, limit);
  }

  async #readStored(
    queue: Queue,
    offset: QueueOffset,
    maxEntries: number,
    limit: PhysicalOffset,
  ): Promise<QueueEntries> {
    const block = await this.#load(queue, offset, maxEntries);
    return block === undefined
      ? new QueueEntries(offset, 0, noEntries, 0)
      : this.#collect(block, offset, maxEntries, limit);
  }

  searchByTimestamp(
    queue: Queue,
    timestamp: TimestampMs,
    boundary: 'lower' | 'upper',
    limit: PhysicalOffset,
  ): QueueOffset | Promise<QueueOffset> {
    const { min } = queue;
    const end = Math.max(min, queue.readable(limit));
    if (boundary === 'lower') return this.#firstNotBefore(queue, timestamp, min, end);
    const after = this.#firstNotBefore(queue, timestamp + 1, min, end);
    const last = (found: number): QueueOffset =>
      queueOffset(found > min || min === end ? Math.max(found - 1, 0) : 0);
    return typeof after === 'number' ? last(after) : after.then(last);
  }

  /** The first offset in `from..to` whose store timestamp is at or above `timestamp`, else `to`. */
  #firstNotBefore(
    queue: Queue,
    timestamp: number,
    from: number,
    to: number,
  ): QueueOffset | Promise<QueueOffset> {
    let low = from;
    let end = to;
    while (low < end) {
      const middle = queueOffset(Math.floor((low + end) / 2));
      const block = queue.blockInMemory(middle);
      if (block === undefined)
        return this.#firstNotBeforeStored(queue, timestamp, low, end, middle);
      [low, end] = narrow(block, timestamp, low, end);
    }
    return queueOffset(low);
  }

  async #firstNotBeforeStored(
    queue: Queue,
    timestamp: number,
    low: number,
    end: number,
    middle: QueueOffset,
  ): Promise<QueueOffset> {
    const block = await this.#load(queue, middle, 1);
    // Without a block the smallest offset moved past it meanwhile, or the topic was deleted.
    const [nextLow, nextEnd] =
      block === undefined
        ? [Math.max(middle + 1, queue.min), end]
        : narrow(block, timestamp, low, end);
    return await this.#firstNotBefore(queue, timestamp, nextLow, Math.max(nextLow, nextEnd));
  }

  /** Entries of a block and, as far as they are in memory, of those after it. At least one if one is readable. */
  #collect(
    block: Block,
    offset: QueueOffset,
    maxEntries: number,
    limit: PhysicalOffset,
  ): QueueEntries {
    this.#cache.use(block);
    const index = offset - block.first;
    const available = block.countBelow(limit) - index;
    const next =
      available === block.count - index ? block.queue.blockInMemory(block.end) : undefined;
    if (available >= maxEntries || next === undefined) {
      const count = Math.max(0, Math.min(available, maxEntries));
      return new QueueEntries(offset, count, block.view, block.at + index * entryBytes);
    }
    return this.#join(block, offset, maxEntries, limit);
  }

  #join(
    block: Block,
    offset: QueueOffset,
    maxEntries: number,
    limit: PhysicalOffset,
  ): QueueEntries {
    // Of the platform's pool: a piece of memory of its own for each read would keep the garbage collector busy.
    const joined = Buffer.allocUnsafe(maxEntries * entryBytes);
    let count = 0;
    let source: Block | undefined = block;
    while (source !== undefined && count < maxEntries) {
      this.#cache.use(source);
      const index = offset + count - source.first;
      const readable = source.countBelow(limit);
      const taken = Math.min(readable - index, maxEntries - count);
      if (taken <= 0) break;
      const from = source.at + index * entryBytes;
      joined.set(source.bytes.subarray(from, from + taken * entryBytes), count * entryBytes);
      count += taken;
      source = readable < source.count ? undefined : source.queue.blockInMemory(source.end);
    }
    return new QueueEntries(offset, count, new DataView(joined.buffer), joined.byteOffset);
  }

  /**
   * Brings the block with this entry into memory and returns it, and blocks after it with what is read next. Undefined
   * when the entry went away meanwhile. Fails `corrupt`.
   */
  async #load(queue: Queue, offset: QueueOffset, wanted: number): Promise<Block | undefined> {
    const lowest = Math.max(0, offset - (maxBlockEntries - 1));
    const upTo = { from: blockKey(queue, lowest), to: blockKey(queue, offset + 1) };
    const [found] = await this.#scan(queue, { ...upTo, reverse: true, limit: 1 });
    if (isOutside(queue, offset)) return undefined;
    if (found === undefined || found.end <= offset) {
      // A batch in flight or a cut cannot be the reason: what the database lacks is in memory.
      const inMemory = queue.blockInMemory(offset);
      if (inMemory !== undefined) return inMemory;
      throw damaged(queue, found?.first ?? lowest, `offset ${offset} is in no block`);
    }
    const block = this.#keep(found);
    const ahead = wanted > 1 ? entriesAhead : 1;
    const end = Math.min(offset + ahead, queue.next);
    if (block.end < end && queue.blockInMemory(block.end) === undefined) {
      const range = { from: blockKey(queue, block.end), to: blockKey(queue, end) };
      for (const next of await this.#scan(queue, { ...range, limit: maxBlocksAhead })) {
        if (!isOutside(queue, next.first)) this.#keep(next);
      }
    }
    return isOutside(queue, offset) ? undefined : block;
  }

  async #scan(
    queue: Queue,
    range: { from: Uint8Array; to: Uint8Array; reverse?: boolean; limit: number },
  ): Promise<Block[]> {
    const blocks: Block[] = [];
    for await (const [key, value] of this.#keyValue.scan(range)) {
      const first = queueOffset(readLong(key, key.length - 8));
      blocks.push(blockFromImage(queue, first, value));
    }
    return blocks;
  }

  /** The block in memory is as new or newer, unless it too was loaded, before more entries were added to it. */
  #keep(block: Block): Block {
    const inMemory = block.queue.blockInMemory(block.first);
    if (inMemory !== undefined) {
      if (inMemory.end >= block.end) return inMemory;
      this.#cache.remove(inMemory);
    }
    this.#cache.insert(block);
    return block;
  }
}

function isOutside(queue: Queue, offset: number): boolean {
  return queue.topicQueues.dropped || offset < queue.min || offset >= queue.next;
}

/** What remains of `low..end` in a search, after looking at a block with an entry in it. */
function narrow(block: Block, timestamp: number, low: number, end: number): [number, number] {
  const from = Math.max(low, block.first);
  const to = Math.min(end, block.end);
  const reached = (offset: number): boolean =>
    block.storeTimestamp(offset - block.first) >= timestamp;
  if (reached(from)) return [low, from];
  if (!reached(to - 1)) return [to, end];
  const found = firstIndex(from, to, reached);
  return [found, found];
}
