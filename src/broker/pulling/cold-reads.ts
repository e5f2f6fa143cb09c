import { physicalOffset } from '../../base/index.ts';
import type { Store } from '../../views/index.ts';

/** Never more than half of the thread pool, so that reads of old data cannot starve fsync. */
const maxConcurrentReads = 4;
/** Records of one queue lie among those of others; up to this span one read fetches them all. */
const maxSpanBytes = 1024 * 1024;
/** ... unless too little of the span is wanted. */
const maxWaste = 8;

/** Reads of records that are no longer in memory, a few at a time. */
export class ColdReads {
  readonly #log: Store['log'];
  readonly #maxConcurrent: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(log: Store['log'], maxConcurrent: number = maxConcurrentReads) {
    this.#log = log;
    this.#maxConcurrent = maxConcurrent;
  }

  /** The first `count` records, positions rising. */
  async read(
    positions: readonly number[],
    sizes: readonly number[],
    count: number,
  ): Promise<Uint8Array[]> {
    await this.#enter();
    try {
      const records: Uint8Array[] = [];
      let from = 0;
      while (from < count) {
        const start = positions[from] as number;
        const until = spanEnd(positions, sizes, from, count, this.#segmentEnd(start));
        const end = (positions[until - 1] as number) + (sizes[until - 1] as number);
        const bytes = await this.#log.read(physicalOffset(start), end - start);
        for (let index = from; index < until; index++) {
          const at = (positions[index] as number) - start;
          records.push(bytes.subarray(at, at + (sizes[index] as number)));
        }
        from = until;
      }
      return records;
    } finally {
      this.#leave();
    }
  }

  /** One read stays within one segment. */
  #segmentEnd(position: number): number {
    const segment = this.#log.segments().find(({ endExclusive }) => position < endExclusive);
    return segment?.endExclusive ?? position;
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
