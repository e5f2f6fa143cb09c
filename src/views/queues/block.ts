import { strict as assert } from 'node:assert';
import { crc32 } from 'node:zlib';
import {
  Failure,
  type PhysicalOffset,
  type QueueOffset,
  type TimestampMs,
} from '../../base/index.ts';
import { type BatchBytes, writeInt } from './keys.ts';
import type { Queue } from './queue.ts';

/**
 * An entry, big-endian: position (8), size (4), tags code (8, signed), store timestamp (8). In memory and on disk alike.
 * 64-bit numbers are two 32-bit halves, since a BigInt per field costs more than the rest of an append.
 */
export const entryBytes = 28;
export const maxBlockEntries = 256;

const sizeAt = 8;
const tagsCodeAt = 12;
const storeTimestampAt = 20;
const high = 2 ** 32;

/** Entries that follow each other in one queue; one value in the database. */
export class Block {
  readonly queue: Queue;
  readonly first: QueueOffset;
  bytes: Uint8Array;
  /** Over the buffer of `bytes`, from its beginning. */
  view: DataView;
  /** Where the block begins in `bytes`, which it may share with others. */
  at: number;
  capacity: number;
  count = 0;
  /** How many of the entries the database has. */
  persisted = 0;
  /** Links of the order of use; only of blocks that may be evicted. */
  older: Block | undefined = undefined;
  newer: Block | undefined = undefined;
  listed = false;

  constructor(
    queue: Queue,
    first: QueueOffset,
    memory: { readonly bytes: Uint8Array; readonly view: DataView },
    at: number,
    capacity: number,
  ) {
    this.queue = queue;
    this.first = first;
    this.bytes = memory.bytes;
    this.view = memory.view;
    this.at = at;
    this.capacity = capacity;
  }

  /** The offset after the last entry. */
  get end(): number {
    return this.first + this.count;
  }

  add(position: number, size: number, tagsCode: number, storeTimestamp: number): void {
    const { view } = this;
    const at = this.at + this.count * entryBytes;
    view.setUint32(at, position / high);
    view.setUint32(at + 4, position);
    view.setUint32(at + sizeAt, size);
    view.setInt32(at + tagsCodeAt, Math.floor(tagsCode / high));
    view.setUint32(at + tagsCodeAt + 4, tagsCode);
    view.setUint32(at + storeTimestampAt, storeTimestamp / high);
    view.setUint32(at + storeTimestampAt + 4, storeTimestamp);
    this.count++;
  }

  position(index: number): number {
    return longAt(this.view, this.at + index * entryBytes);
  }

  /** Where the record ends in the log. */
  recordEnd(index: number): number {
    const at = this.at + index * entryBytes;
    return longAt(this.view, at) + this.view.getUint32(at + sizeAt);
  }

  storeTimestamp(index: number): number {
    return longAt(this.view, this.at + index * entryBytes + storeTimestampAt);
  }

  /** How many of the first entries end at or below `limit`. */
  countBelow(limit: number): number {
    if (this.count === 0 || this.recordEnd(this.count - 1) <= limit) return this.count;
    return firstIndex(0, this.count - 1, (index) => this.recordEnd(index) > limit);
  }

  /** The value that the database gets for the first `count` entries. */
  image(count: number, memory: BatchBytes): Uint8Array {
    const length = count * entryBytes;
    const image = memory.take(length + 4);
    const entries = this.bytes.subarray(this.at, this.at + length);
    image.set(entries);
    writeInt(image, length, crc32(entries));
    return image;
  }
}

/** The block that `image` holds; it keeps the bytes. Fails `corrupt`. */
export function blockFromImage(queue: Queue, first: QueueOffset, image: Uint8Array): Block {
  const length = image.length - 4;
  const count = length / entryBytes;
  if (!Number.isInteger(count) || count < 1 || count > maxBlockEntries) {
    throw damaged(queue, first, `it has ${image.length} bytes`);
  }
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  if (view.getUint32(length) !== crc32(image.subarray(0, length))) {
    throw damaged(queue, first, 'its checksum differs');
  }
  const block = new Block(queue, first, { bytes: image, view }, 0, count);
  block.count = count;
  block.persisted = count;
  return block;
}

export function damaged(queue: Queue, offset: number, what: string): Failure {
  return new Failure(
    'corrupt',
    `block ${offset} of queue ${queue.topic}/${queue.queueId} (incarnation ${queue.incarnation}): ${what}`,
  );
}

/** The first number in `from..to` (exclusive) for which `holds`, which stays true once it is; `to` when none. */
export function firstIndex(from: number, to: number, holds: (index: number) => boolean): number {
  let low = from;
  let end = to;
  while (low < end) {
    const middle = Math.floor((low + end) / 2);
    if (holds(middle)) end = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Memory for blocks that are being appended to. Small ones share a slab, so that a queue with one message costs little
 * more than its entry; a slab lives as long as any of its blocks, and no part of it is used twice: who reads keeps it.
 */
export class BlockMemory {
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #used = 0;

  begin(queue: Queue, first: QueueOffset): Block {
    this.#reserve(smallestCapacity);
    const block = new Block(
      queue,
      first,
      { bytes: this.#bytes, view: this.#view },
      this.#used,
      smallestCapacity,
    );
    this.#used += smallestCapacity * entryBytes;
    return block;
  }

  /** Moves a full block to a larger place. */
  grow(block: Block): void {
    assert(block.capacity < maxBlockEntries, 'a block that has its final size does not grow');
    const capacity = block.capacity * 4;
    const length = capacity * entryBytes;
    const filled = block.bytes.subarray(block.at, block.at + block.count * entryBytes);
    if (length > slabBytes / 8) {
      block.bytes = new Uint8Array(length);
      block.view = new DataView(block.bytes.buffer);
      block.at = 0;
    } else {
      this.#reserve(capacity);
      block.bytes = this.#bytes;
      block.view = this.#view;
      block.at = this.#used;
      this.#used += length;
    }
    block.bytes.set(filled, block.at);
    block.capacity = capacity;
  }

  #reserve(capacity: number): void {
    if (this.#used + capacity * entryBytes <= this.#bytes.length) return;
    this.#bytes = new Uint8Array(slabBytes);
    this.#view = new DataView(this.#bytes.buffer);
    this.#used = 0;
  }
}

/** Capacities are 4, 16, 64 and 256. */
const smallestCapacity = 4;
const slabBytes = 16 * 1024;

/**
 * Entries in the order of the queue, from offset `first` on. Access by index; no object per entry. What it shows does
 * not change later.
 */
export class QueueEntries {
  readonly first: QueueOffset;
  readonly count: number;
  readonly #view: DataView;
  readonly #at: number;

  constructor(first: QueueOffset, count: number, view: DataView, at: number) {
    this.first = first;
    this.count = count;
    this.#view = view;
    this.#at = at;
  }

  position(index: number): PhysicalOffset {
    return longAt(this.#view, this.#entry(index)) as PhysicalOffset;
  }

  size(index: number): number {
    return this.#view.getUint32(this.#entry(index) + sizeAt);
  }

  tagsCode(index: number): number {
    const at = this.#entry(index) + tagsCodeAt;
    return this.#view.getInt32(at) * high + this.#view.getUint32(at + 4);
  }

  storeTimestamp(index: number): TimestampMs {
    return longAt(this.#view, this.#entry(index) + storeTimestampAt) as TimestampMs;
  }

  #entry(index: number): number {
    assert(index >= 0 && index < this.count, 'an entry that was read');
    return this.#at + index * entryBytes;
  }
}

function longAt(view: DataView, at: number): number {
  return view.getUint32(at) * high + view.getUint32(at + 4);
}
