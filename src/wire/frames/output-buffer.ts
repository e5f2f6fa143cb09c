/** A piece of storage is twice as large as the one before it, within these bounds: idle connections hold little. */
const smallestStorage = 2_048;
const largestStorage = 65_536;

/**
 * Collects what is to be sent on one connection. Writers reserve room, write into `bytes` from `end`, and move `end`.
 * What `take` returned is not written again before `reuse`: it may wait in a socket.
 */
export class OutputBuffer {
  bytes: Uint8Array;
  /** Where the next byte goes. */
  end = 0;
  #start = 0;

  constructor() {
    this.bytes = new Uint8Array(0);
  }

  /** Bytes written and not yet taken. */
  get length(): number {
    return this.end - this.#start;
  }

  /** Makes room for `count` bytes from `end` and returns `end`. May replace `bytes`. */
  reserve(count: number): number {
    if (this.bytes.length - this.end < count) this.#grow(count);
    return this.end;
  }

  /** Appends a copy of `source`. */
  append(source: Uint8Array): void {
    const at = this.reserve(source.length);
    this.bytes.set(source, at);
    this.end = at + source.length;
  }

  /** What was written since the last time; empty when nothing was. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(this.#start, this.end);
    this.#start = this.end;
    return taken;
  }

  /** All that was taken is done with: its storage is written again. Does nothing while something waits to be taken. */
  reuse(): void {
    if (this.#start !== this.end) return;
    if (this.bytes.length > largestStorage) this.bytes = new Uint8Array(0);
    this.#start = 0;
    this.end = 0;
  }

  #grow(count: number): void {
    const length = this.length;
    const usual = Math.min(largestStorage, Math.max(smallestStorage, 2 * this.bytes.length));
    const larger = new Uint8Array(Math.max(usual, length + count, 2 * length));
    larger.set(this.bytes.subarray(this.#start, this.end));
    this.bytes = larger;
    this.#start = 0;
    this.end = length;
  }
}
