import { physicalOffset } from '../../base/index.ts';
import type { Store } from '../../views/index.ts';
import type { QueueEntries } from '../../views/queues/index.ts';
import type { TagFilter } from './tag-filter.ts';

/** Entries looked at for one pull at most, when a filter drops most of them. */
const maxExaminedEntries = 4096;
const entriesPerRead = 256;

/** What one pull asks for. */
interface PullLimits {
  /** Where to begin. */
  readonly offset: number;
  readonly filter: TagFilter;
  readonly maxMessages: number;
}

/** Collects the entries of one pull up to its limits. */
export class PullReader {
  readonly positions: number[] = [];
  readonly sizes: number[] = [];
  nextOffset: number;
  #bytes = 0;
  #examined = 0;
  #isFull = false;
  readonly #end: number;
  readonly #filter: TagFilter;
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  readonly #offsets: number[] = [];

  /** `end` is how far the queue may be read. */
  constructor(plan: PullLimits, maxBytes: number, end: number) {
    this.nextOffset = plan.offset;
    this.#end = end;
    this.#filter = plan.filter;
    this.#maxMessages = plan.maxMessages;
    this.#maxBytes = maxBytes;
  }

  get count(): number {
    return this.positions.length;
  }

  /** Of the records that it keeps. */
  get bytes(): number {
    return this.#bytes;
  }

  get isAtEnd(): boolean {
    return this.nextOffset === this.#end;
  }

  get wantsMore(): boolean {
    return !this.#isFull && this.nextOffset < this.#end && this.#examined < maxExaminedEntries;
  }

  /** A filter may drop most of those that are read; without one it is known how many there can be. */
  get entriesWanted(): number {
    // One more: whether it is full shows at the first that it does not take.
    const wanted = this.#maxMessages - this.count + 1;
    return this.#filter.all ? Math.min(wanted, entriesPerRead) : entriesPerRead;
  }

  take(entries: QueueEntries): void {
    const { all, codes } = this.#filter;
    for (let index = 0; index < entries.count; index++) {
      if (all || codes.has(entries.tagsCode(index))) {
        const size = entries.size(index);
        const full =
          this.count >= this.#maxMessages ||
          (this.count > 0 && this.#bytes + size > this.#maxBytes);
        if (full) {
          this.#isFull = true;
          return;
        }
        this.positions.push(entries.position(index));
        this.sizes.push(size);
        this.#offsets.push(this.nextOffset);
        this.#bytes += size;
      }
      this.nextOffset++;
      this.#examined++;
    }
    if (entries.count === 0) this.#isFull = true;
  }

  isInTail(log: Store['log']): boolean {
    return (
      log.readTail(physicalOffset(this.positions[0] as number), this.sizes[0] as number) !==
      undefined
    );
  }

  tailRecords(log: Store['log']): Uint8Array[] {
    return this.positions.map(
      (position, index) =>
        log.readTail(physicalOffset(position), this.sizes[index] as number) as Uint8Array,
    );
  }

  /** Old data is read in smaller portions; a single larger message still goes alone. */
  limitTo(maxMessages: number, maxBytes: number): void {
    let keep = 0;
    let bytes = 0;
    while (keep < this.count && keep < maxMessages) {
      bytes += this.sizes[keep] as number;
      if (keep > 0 && bytes > maxBytes) break;
      keep++;
    }
    if (keep === this.count) return;
    this.nextOffset = this.#offsets[keep] as number;
    for (let index = keep; index < this.count; index++) this.#bytes -= this.sizes[index] as number;
    this.positions.length = keep;
    this.sizes.length = keep;
  }
}
