import type { Clock } from '../base/index.ts';

/** A part of the log in memory: bytes `start <= position < end` of one segment, from the beginning of `bytes` on. */
export class Chunk {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  start = -1;
  end = -1;
  /** The last turn in which somebody was given a view of it. */
  readInTurn = -2;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }
}

/**
 * The newest part of the log, in memory: what is appended goes here first, and is read and replicated from here. Chunks
 * are made when they are needed and used again once they are written and the tail is longer than it should be.
 */
export class Tail {
  readonly #chunkBytes: number;
  readonly #maxChunks: number;
  readonly #clock: Clock;
  /** Oldest first. Between two chunks only the rest of a segment, behind its blank record, may be missing. */
  readonly #chunks: Chunk[] = [];
  readonly #free: Chunk[] = [];
  #turn = 0;
  #turnEndsKnown = false;

  constructor(options: { readonly chunkBytes: number; readonly tailBytes: number }, clock: Clock) {
    this.#chunkBytes = options.chunkBytes;
    this.#maxChunks = Math.max(2, Math.ceil(options.tailBytes / options.chunkBytes));
    this.#clock = clock;
  }

  get newest(): Chunk | undefined {
    return this.#chunks.at(-1);
  }

  /** Position of the first byte that is still here; undefined when nothing is. */
  get start(): number | undefined {
    return this.#chunks[0]?.start;
  }

  /** Where the first chunk above `position` begins. */
  startAbove(position: number): number | undefined {
    return this.#chunks.find(({ start }) => start > position)?.start;
  }

  /** An empty chunk that begins at `position`. Chunks that end at or below `written` may be given up for it. */
  open(position: number, written: number): Chunk {
    for (let oldest = this.#chunks[0]; oldest !== undefined; oldest = this.#chunks[0]) {
      if (this.#chunks.length < this.#maxChunks || oldest.end > written) break;
      if (!this.#isUnseen(oldest)) break;
      this.#chunks.shift();
      this.#free.push(oldest);
    }
    const chunk = this.#takeFree() ?? new Chunk(this.#chunkBytes);
    chunk.start = position;
    chunk.end = position;
    this.#chunks.push(chunk);
    return chunk;
  }

  /** A view, valid until the turn ends; undefined unless one chunk holds all of it. */
  view(position: number, size: number): Uint8Array | undefined {
    for (let i = this.#chunks.length - 1; i >= 0; i--) {
      const chunk = this.#chunks[i]!;
      if (position < chunk.start) continue;
      if (position + size > chunk.end) return undefined;
      chunk.readInTurn = this.#turn;
      this.#noticeTurnEnd();
      return chunk.bytes.subarray(position - chunk.start, position - chunk.start + size);
    }
    return undefined;
  }

  /** A view of what follows `position` in its chunk, at most `maxBytes`; as `view`. Undefined when it is not here. */
  viewFrom(position: number, maxBytes: number): Uint8Array | undefined {
    const chunk = this.#chunks.findLast(({ start, end }) => start <= position && position < end);
    return chunk && this.view(position, Math.min(maxBytes, chunk.end - position));
  }

  /** What lies at `from <= position < to`, chunk by chunk. */
  *pieces(
    from: number,
    to: number,
  ): Generator<{ readonly position: number; readonly bytes: Uint8Array }> {
    for (const chunk of this.#chunks) {
      const start = Math.max(from, chunk.start);
      const end = Math.min(to, chunk.end);
      if (start >= end) continue;
      yield {
        position: start,
        bytes: chunk.bytes.subarray(start - chunk.start, end - chunk.start),
      };
    }
  }

  /** Forgets what lies at or above `position`. */
  cut(position: number): void {
    for (
      let chunk = this.newest;
      chunk !== undefined && chunk.end > position;
      chunk = this.newest
    ) {
      if (chunk.start < position) {
        chunk.end = position;
        return;
      }
      this.#chunks.pop();
      this.#free.push(chunk);
    }
  }

  #takeFree(): Chunk | undefined {
    const index = this.#free.findIndex((chunk) => this.#isUnseen(chunk));
    const [chunk] = index < 0 ? [] : this.#free.splice(index, 1);
    const surplus = this.#chunks.length + this.#free.length + 1 - this.#maxChunks;
    if (surplus > 0) this.#free.splice(0, surplus);
    return chunk;
  }

  /** Nobody holds a view of it: two ends of turns passed since the last was given, so one whole turn. */
  #isUnseen(chunk: Chunk): boolean {
    return this.#turn - chunk.readInTurn >= 2;
  }

  /** Counts ends of turns, until two have passed without a view having been given. */
  #noticeTurnEnd(): void {
    if (this.#turnEndsKnown) return;
    this.#turnEndsKnown = true;
    this.#clock.afterTurn(this.#turnEnds);
  }

  readonly #turnEnds = (): void => {
    const wasRead =
      this.#chunks.some(({ readInTurn }) => readInTurn >= this.#turn - 1) ||
      this.#free.some(({ readInTurn }) => readInTurn >= this.#turn - 1);
    this.#turn++;
    if (wasRead) this.#clock.afterTurn(this.#turnEnds);
    else this.#turnEndsKnown = false;
  };
}
