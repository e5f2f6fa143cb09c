/** Index entries as parallel columns: hash, position, store timestamp. */
export class Entries {
  hashes: Uint32Array;
  positions: Float64Array;
  timestamps: Float64Array;
  length = 0;

  constructor(capacity: number) {
    this.hashes = new Uint32Array(capacity);
    this.positions = new Float64Array(capacity);
    this.timestamps = new Float64Array(capacity);
  }

  add(hash: number, position: number, timestamp: number): void {
    if (this.length === this.hashes.length) this.#grow();
    this.hashes[this.length] = hash;
    this.positions[this.length] = position;
    this.timestamps[this.length] = timestamp;
    this.length++;
  }

  position(index: number): number {
    return this.positions[index] as number;
  }

  /** How many entries, which are in the order of their positions, lie below one. */
  countBelow(position: number): number {
    let low = 0;
    let end = this.length;
    while (low < end) {
      const middle = (low + end) >>> 1;
      if (this.position(middle) < position) low = middle + 1;
      else end = middle;
    }
    return low;
  }

  /** A copy of some. */
  slice(from: number, to: number): Entries {
    const copy = new Entries(0);
    copy.hashes = this.hashes.slice(from, to);
    copy.positions = this.positions.slice(from, to);
    copy.timestamps = this.timestamps.slice(from, to);
    copy.length = to - from;
    return copy;
  }

  /** Some, where they are: valid until others are added or forgotten. */
  view(from: number, to: number): Entries {
    const view = new Entries(0);
    view.hashes = this.hashes.subarray(from, to);
    view.positions = this.positions.subarray(from, to);
    view.timestamps = this.timestamps.subarray(from, to);
    view.length = to - from;
    return view;
  }

  /** A copy of these and, behind them, the others. */
  joined(others: Entries): Entries {
    const all = new Entries(this.length + others.length);
    for (const [entries, at] of [
      [this.view(0, this.length), 0],
      [others.view(0, others.length), this.length],
    ] as const) {
      all.hashes.set(entries.hashes, at);
      all.positions.set(entries.positions, at);
      all.timestamps.set(entries.timestamps, at);
    }
    all.length = this.length + others.length;
    return all;
  }

  /** Forgets the first `count`. */
  shift(count: number): void {
    for (const column of [this.hashes, this.positions, this.timestamps]) {
      column.copyWithin(0, count, this.length);
    }
    this.length -= count;
  }

  #grow(): void {
    const grown = new Entries(Math.max(1024, this.hashes.length * 2));
    grown.hashes.set(this.hashes);
    grown.positions.set(this.positions);
    grown.timestamps.set(this.timestamps);
    this.hashes = grown.hashes;
    this.positions = grown.positions;
    this.timestamps = grown.timestamps;
  }
}
