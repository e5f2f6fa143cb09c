/**
 * Counts of durations with a bounded relative error, as HDR histograms have it: each power of two is divided into
 * `steps` equal buckets. Recording is an array increment; the size does not depend on how many are recorded.
 */
export class Histogram {
  readonly #counts = new Float64Array(powers * steps);
  #count = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  get maxMs(): number {
    return this.#max / unitsPerMs;
  }

  record(durationMs: number): void {
    const units = Math.max(0, Math.min(largest, Math.round(durationMs * unitsPerMs)));
    const index = indexOf(units);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#count += 1;
    if (units > this.#max) this.#max = units;
  }

  /** The smallest duration that at least this share (0 to 1) of all does not exceed; at most 0.8 % above it. 0 when empty. */
  percentileMs(share: number): number {
    const wanted = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (let index = 0; index < this.#counts.length; index++) {
      seen += this.#counts[index] ?? 0;
      if (seen >= wanted) return Math.min(this.#max, upperEnd(index)) / unitsPerMs;
    }
    return 0;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#count = 0;
    this.#max = 0;
  }
}

/** Durations are kept in microseconds. */
const unitsPerMs = 1000;
const stepBits = 7;
const steps = 2 ** stepBits;
/** Up to 2^31 µs, 35 minutes. */
const largest = 2 ** 31 - 1;
const powers = 31 - stepBits + 1;

/** The first `2 * steps` values have a bucket each; from there on a bucket is twice as wide with each power of two. */
function indexOf(units: number): number {
  const shift = Math.max(0, 32 - Math.clz32(units) - stepBits - 1);
  return shift * steps + (units >>> shift);
}

function upperEnd(index: number): number {
  const shift = Math.max(0, Math.floor(index / steps) - 1);
  const within = index - shift * steps;
  return (within + 1) * 2 ** shift - 1;
}
