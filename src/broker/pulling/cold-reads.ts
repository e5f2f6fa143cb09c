import { physicalOffset } from '../../base/index.ts';
import type { Store } from '../../views/index.ts';

/** Never more than half of the thread pool, so that reads of old data cannot starve fsync. */
const maxConcurrentReads = 4;
/** Records of one queue lie among those of others; up to this span one read fetches them all. */
const maxSpanBytes = 1024 * 1024;
/** ... unless too little of the span is wanted. */
const maxWaste = 8;
/** Whoever reads old messages reads those behind them next, and other queues those between them. */
const defaultBlockBytes = 256 * 1024;
const defaultMaxBlocks = 64;

export interface ColdReadLimits {
  readonly concurrent?: number;
  readonly blockBytes?: number;
  /** 0: nothing is kept. */
  readonly maxBlocks?: number;
}

/** A part of the log as it lies in its file. What is committed never changes. */
interface Block {
  readonly start: number;
  readonly bytes: Uint8Array;
  /** The one before it was here too: somebody reads one after the other. */
  readonly isNext: boolean;
  isFollowed: boolean;
  /** When it was used last, as a count of uses. */
  usedAt: number;
}

/** Reads of records that are no longer in the tail of the log, a few at a time. Parts that were read stay for a while. */
export class ColdReads {
  readonly #log: Store['log'];
  readonly #maxConcurrent: number;
  readonly #blockBytes: number;
  readonly #maxBlocks: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  /** By position. */
  readonly #blocks = new Map<number, Block>();
  #uses = 0;
  readonly #loading = new Map<number, Promise<Block>>();
  /** Of blocks that went: new memory for each would keep the garbage collector busy. */
  readonly #free: Uint8Array[] = [];

  constructor(log: Store['log'], limits: ColdReadLimits = {}) {
    this.#log = log;
    this.#maxConcurrent = limits.concurrent ?? maxConcurrentReads;
    this.#blockBytes = limits.blockBytes ?? defaultBlockBytes;
    this.#maxBlocks = limits.maxBlocks ?? defaultMaxBlocks;
  }

  /** The records, positions rising, if all of them are in memory: views, valid until the turn ends. */
  inMemory(positions: readonly number[], sizes: readonly number[]): Uint8Array[] | undefined {
    const records: Uint8Array[] = [];
    for (const [index, position] of positions.entries()) {
      const size = sizes[index] as number;
      const record =
        this.#kept(position, size) ?? this.#log.readTail(physicalOffset(position), size);
      if (record === undefined) return undefined;
      records.push(record);
    }
    return records;
  }

  /** The first `count` records, positions rising. Views, valid until the turn ends in which this resolves. */
  async read(
    positions: readonly number[],
    sizes: readonly number[],
    count: number,
  ): Promise<Uint8Array[]> {
    await this.#enter();
    try {
      /** Of records that are not in blocks; by index. */
      const apart = new Map<number, Uint8Array>();
      let from = 0;
      while (from < count) {
        const start = positions[from] as number;
        const until = spanEnd(positions, sizes, from, count, this.#segmentEnd(start));
        const end = (positions[until - 1] as number) + (sizes[until - 1] as number);
        const isKept = until - from > 1 && (await this.#loadAll(start, end));
        if (!isKept) {
          const bytes = await this.#log.read(physicalOffset(start), end - start);
          for (let index = from; index < until; index++) {
            const at = (positions[index] as number) - start;
            apart.set(index, bytes.subarray(at, at + (sizes[index] as number)));
          }
        }
        from = until;
      }
      return await this.#collect(positions, sizes, count, apart);
    } finally {
      this.#leave();
    }
  }

  async #collect(
    positions: readonly number[],
    sizes: readonly number[],
    count: number,
    apart: Map<number, Uint8Array>,
  ): Promise<Uint8Array[]> {
    for (;;) {
      const records: Uint8Array[] = [];
      for (let index = 0; index < count; index++) {
        const record =
          apart.get(index) ?? this.#kept(positions[index] as number, sizes[index] as number);
        if (record === undefined) break;
        records.push(record);
      }
      const missing = records.length;
      if (missing === count) return records;
      // Its block went while others were read.
      const position = physicalOffset(positions[missing] as number);
      apart.set(missing, await this.#log.read(position, sizes[missing] as number));
    }
  }

  /** Out of the blocks that are here; a copy where it lies in two of them. */
  #kept(position: number, size: number): Uint8Array | undefined {
    const first = this.#use(position);
    if (first === undefined) return undefined;
    const at = position - first.start;
    if (at + size <= first.bytes.length) return first.bytes.subarray(at, at + size);
    const record = new Uint8Array(size);
    let block: Block | undefined = first;
    for (let done = 0; done < size; ) {
      if (block === undefined) return undefined;
      const from = position + done - block.start;
      const piece = block.bytes.subarray(from, from + size - done);
      record.set(piece, done);
      done += piece.length;
      block = done < size ? this.#use(position + done) : undefined;
    }
    return record;
  }

  #use(position: number): Block | undefined {
    const start = this.#blockStart(position);
    const block = this.#blocks.get(start);
    if (block === undefined) return undefined;
    // An order kept by setting it anew for each record would be an endless chain of tables for the garbage collector.
    block.usedAt = ++this.#uses;
    if (block.isNext && !block.isFollowed) {
      block.isFollowed = true;
      // What cannot be read is told to whoever wants it.
      this.#load(block.start + block.bytes.length)?.catch(() => {});
    }
    return block;
  }

  /** False when not all of it lies in blocks that are written as a whole. */
  async #loadAll(start: number, end: number): Promise<boolean> {
    for (let at = start; at < end; ) {
      const block = this.#use(at) ?? (await this.#load(at));
      if (block === undefined) return false;
      at = block.start + block.bytes.length;
    }
    return true;
  }

  /** The block with this position, of which all must be written. */
  #load(position: number): Promise<Block> | undefined {
    const start = this.#blockStart(position);
    const end = Math.min(start + this.#blockBytes, this.#segmentEnd(start));
    const isThere = end <= this.#log.written && start >= this.#log.begin;
    if (!isThere || this.#maxBlocks === 0) return undefined;
    const known = this.#blocks.get(start);
    if (known !== undefined) return Promise.resolve(known);
    const loading = this.#loading.get(start) ?? this.#loadNew(start, end);
    this.#loading.set(start, loading);
    return loading;
  }

  async #loadNew(start: number, end: number): Promise<Block> {
    try {
      const bytes = this.#takeFree(end - start) ?? new Uint8Array(end - start);
      await this.#log.readInto(bytes, physicalOffset(start));
      const isNext = this.#blocks.has(this.#blockStart(start - 1));
      const block = { start, bytes, isNext, isFollowed: false, usedAt: ++this.#uses };
      this.#blocks.set(start, block);
      if (this.#blocks.size > this.#maxBlocks) this.#dropOldest();
      return block;
    } finally {
      this.#loading.delete(start);
    }
  }

  #dropOldest(): void {
    let oldest: Block | undefined;
    for (const block of this.#blocks.values()) {
      if (oldest === undefined || block.usedAt < oldest.usedAt) oldest = block;
    }
    if (oldest === undefined) return;
    this.#blocks.delete(oldest.start);
    this.#free.push(oldest.bytes);
  }

  #takeFree(size: number): Uint8Array | undefined {
    const free = this.#free.pop();
    return free !== undefined && free.length >= size ? free.subarray(0, size) : undefined;
  }

  /** Blocks begin anew with each segment. */
  #blockStart(position: number): number {
    const segmentStart = this.#segmentEnd(position) - this.#log.segmentBytes;
    return position - ((position - segmentStart) % this.#blockBytes);
  }

  /** One read stays within one segment. */
  #segmentEnd(position: number): number {
    const { begin, segmentBytes } = this.#log;
    return begin + (Math.floor((position - begin) / segmentBytes) + 1) * segmentBytes;
  }

  #enter(): Promise<void> | undefined {
    if (this.#running < this.#maxConcurrent) {
      this.#running++;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}

/** Index after the last record that is read together with the one at `from`. */
function spanEnd(
  positions: readonly number[],
  sizes: readonly number[],
  from: number,
  count: number,
  segmentEnd: number,
): number {
  const start = positions[from] as number;
  let wanted = sizes[from] as number;
  let until = from + 1;
  while (until < count) {
    const size = sizes[until] as number;
    const span = (positions[until] as number) + size - start;
    if (start + span > segmentEnd) break;
    if (span > maxSpanBytes || span > maxWaste * (wanted + size)) break;
    wanted += size;
    until++;
  }
  return until;
}
