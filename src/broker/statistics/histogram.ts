/** Counts of values by their size, and their sum. */
export class Histogram {
  /** Upper bounds of the classes but the last, ascending. */
  readonly bounds: readonly number[];
  /** One more than bounds: the last class has none. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  add(value: number): void {
    const { bounds, counts } = this;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] as number)) at++;
    // In range: the last class has no bound.
    (counts[at] as number)++;
    this.sum += value;
  }
}
