/** Upper bounds of the classes that RocketMQ counts, in milliseconds; the first is for 0, the last has none. */
const classes: readonly (readonly [below: number, label: string])[] = [
  [1, '[<=0ms]'],
  [10, '[0~10ms]'],
  [50, '[10~50ms]'],
  [100, '[50~100ms]'],
  [200, '[100~200ms]'],
  [500, '[200~500ms]'],
  [1000, '[500ms~1s]'],
  [2000, '[1~2s]'],
  [3000, '[2~3s]'],
  [4000, '[3~4s]'],
  [5000, '[4~5s]'],
  [10_000, '[5~10s]'],
  [Number.POSITIVE_INFINITY, '[10s~]'],
];

/** Milliseconds that are counted one by one; longer times count as this. */
const exactMs = 10_000;
/** How long times are counted before the counts begin anew. Source: `StoreStatsService.printTps`. */
const periodSeconds = 60;

/**
 * How long messages took from their arrival to their acknowledgement, in whole milliseconds: the classes since the last
 * full minute, percentiles of the last full minute.
 */
export class PutTimes {
  /** Since the start. */
  longestMs = 0;
  #counts = new Uint32Array(exactMs + 1);
  #total = 0;
  #seconds = 0;
  #percentile99 = 0;
  #percentile999 = 0;

  add(elapsedMs: number): void {
    const ms = elapsedMs < 0 ? 0 : elapsedMs > exactMs ? exactMs : elapsedMs | 0;
    // In range: from 0 to exactMs.
    (this.#counts[ms] as number)++;
    this.#total++;
    if (elapsedMs > this.longestMs) this.longestMs = elapsedMs;
  }

  /** To be called each second. */
  second(): void {
    this.#seconds = (this.#seconds + 1) % periodSeconds;
    if (this.#seconds > 0) return;
    this.#percentile99 = this.#percentile(0.99);
    this.#percentile999 = this.#percentile(0.999);
    this.#counts.fill(0);
    this.#total = 0;
  }

  get percentile99(): number {
    return this.#percentile99;
  }

  get percentile999(): number {
    return this.#percentile999;
  }

  /** As the runtime information words it. */
  distribution(): string {
    let text = '';
    let at = 0;
    for (const [below, label] of classes) {
      let count = 0;
      for (; at < below && at <= exactMs; at++) count += this.#counts[at] as number;
      text += `${label}:${count} `;
    }
    return text;
  }

  #percentile(share: number): number {
    let left = Math.ceil(this.#total * share);
    if (left === 0) return 0;
    let at = 0;
    for (; at < exactMs; at++) {
      left -= this.#counts[at] as number;
      if (left <= 0) break;
    }
    return at;
  }
}
