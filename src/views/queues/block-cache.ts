import { strict as assert } from 'node:assert';
import { type PhysicalOffset, physicalOffset } from '../../base/index.ts';
import { type Block, entryBytes } from './block.ts';
import { noBlocks } from './queue.ts';

/** What a block costs apart from its entries: the object, its links and its place in the queue's list. */
const blockOverheadBytes = 160;

/**
 * The blocks in memory: how many bytes they take, and the order in which those that the database has were used.
 * Blocks with entries that the database lacks are never in that order.
 */
export class BlockCache {
  #bytes = 0;
  #oldest: Block | undefined;
  #newest: Block | undefined;
  #leftMemory: PhysicalOffset;

  constructor(persisted: PhysicalOffset) {
    this.#leftMemory = persisted;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Records of entries that are not in memory end at or below this position. */
  get leftMemory(): PhysicalOffset {
    return this.#leftMemory;
  }

  /** Puts a block into its queue's list. */
  insert(block: Block): void {
    const { queue } = block;
    if (queue.blocks === noBlocks) queue.blocks = [block];
    else queue.blocks.splice(queue.indexAfter(block.first), 0, block);
    this.#bytes += blockBytes(block);
    if (block.persisted === block.count && block.count > 0) this.use(block);
  }

  remove(block: Block): void {
    const { queue } = block;
    const index = queue.indexAfter(block.first) - 1;
    assert(queue.blocks[index] === block, 'a block in memory is in the list of its queue');
    if (queue.blocks.length === 1) queue.blocks = noBlocks;
    else queue.blocks.splice(index, 1);
    if (queue.tail === block) queue.tail = undefined;
    this.#bytes -= blockBytes(block);
    this.#unlist(block);
  }

  /** A block got more memory. */
  grew(addedEntries: number): void {
    this.#bytes += addedEntries * entryBytes;
  }

  /** Marks a block as the one that was used last, if the database has all of it. */
  use(block: Block): void {
    if (block === this.#newest || block.persisted < block.count) return;
    this.#unlist(block);
    block.listed = true;
    block.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = block;
    else this.#newest.newer = block;
    this.#newest = block;
  }

  /** Lets blocks go, those not used for longest first, as far as the database has them and `committed` covers them. */
  evict(maxBytes: number, committed: PhysicalOffset): void {
    let block = this.#oldest;
    while (block !== undefined && this.#bytes > maxBytes) {
      const { newer } = block;
      if (block.persisted < block.count) {
        this.#unlist(block);
      } else {
        const end = block.recordEnd(block.count - 1);
        if (end <= committed) {
          this.remove(block);
          this.#leftMemory = physicalOffset(Math.max(this.#leftMemory, end));
        }
      }
      block = newer;
    }
  }

  #unlist(block: Block): void {
    if (!block.listed) return;
    if (block.older === undefined) this.#oldest = block.newer;
    else block.older.newer = block.newer;
    if (block.newer === undefined) this.#newest = block.older;
    else block.newer.older = block.older;
    block.older = undefined;
    block.newer = undefined;
    block.listed = false;
  }
}

function blockBytes(block: Block): number {
  return block.capacity * entryBytes + blockOverheadBytes;
}
