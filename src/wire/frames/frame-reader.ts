import { Failure } from '../../base/index.ts';
import { readInt32 } from '../bytes.ts';
import { type IncomingCommand, readCommand } from './incoming-command.ts';

/** Largest frame, with its length word: what RocketMQ's server and clients accept by default. */
export const maxFrameBytes = 16_777_216;

const lengthBytes = 4;
/** What is set aside at least for a frame that announces more; then in steps, as its bytes arrive. */
const firstReservation = 4096;

/**
 * Cuts a byte stream into commands:
 *
 * ```
 * length 4 (of what follows) | serialize type 1 | header length 3 | header | body
 * ```
 *
 * A frame that lies in one chunk is parsed where it is; one that does not is copied once into a buffer of its own. After
 * a thrown failure the stream cannot be read on.
 */
export class FrameReader {
  readonly #maxFrameBytes: number;
  /** Begin of a frame whose rest has not arrived, with its length word. */
  #pending: Uint8Array | undefined = undefined;
  #pendingLength = 0;

  constructor(options: { maxFrameBytes?: number } = {}) {
    this.#maxFrameBytes = options.maxFrameBytes ?? maxFrameBytes;
  }

  /** Bytes of the frame that is not complete yet. */
  get pendingBytes(): number {
    return this.#pendingLength;
  }

  /** Memory that is set aside for it: at most some times what has arrived of it, whatever it announces. */
  get reservedBytes(): number {
    return this.#pending?.length ?? 0;
  }

  /**
   * Calls `onFrame` for each command that `chunk` completes; commands refer to the chunk. Throws `Failure('invalid')` for
   * what is not a frame.
   */
  push(chunk: Uint8Array, onFrame: (command: IncomingCommand) => void): void {
    let at = 0;
    if (this.#pending !== undefined) {
      at = this.#fillPending(this.#pending, chunk, onFrame);
    }
    const end = chunk.length;
    while (end - at >= lengthBytes) {
      const frameEnd = at + this.#frameLength(chunk, at);
      if (frameEnd > end) break;
      const start = at + lengthBytes;
      at = frameEnd;
      onFrame(readCommand(chunk, start, frameEnd));
    }
    if (at < end) this.#keep(chunk, at);
  }

  /** Adds to the pending frame from the chunk's begin; returns how much of the chunk was used. */
  #fillPending(
    pending: Uint8Array,
    chunk: Uint8Array,
    onFrame: (command: IncomingCommand) => void,
  ): number {
    let buffer = pending;
    let used = 0;
    if (this.#pendingLength < lengthBytes) {
      used = Math.min(lengthBytes - this.#pendingLength, chunk.length);
      buffer.set(chunk.subarray(0, used), this.#pendingLength);
      this.#pendingLength += used;
      if (this.#pendingLength < lengthBytes) return used;
    }
    const total = this.#frameLength(buffer, 0);
    const more = Math.min(total - this.#pendingLength, chunk.length - used);
    buffer = this.#room(buffer, this.#pendingLength + more, total);
    buffer.set(chunk.subarray(used, used + more), this.#pendingLength);
    this.#pendingLength += more;
    if (this.#pendingLength === total) {
      this.#pending = undefined;
      this.#pendingLength = 0;
      onFrame(readCommand(buffer, lengthBytes, total));
    }
    return used + more;
  }

  #keep(chunk: Uint8Array, at: number): void {
    const length = chunk.length - at;
    const total = length < lengthBytes ? lengthBytes : this.#frameLength(chunk, at);
    const reserved = Math.max(firstReservation, 2 * length);
    const buffer = new Uint8Array(Math.max(length, Math.min(total, reserved)));
    buffer.set(chunk.subarray(at));
    this.#pending = buffer;
    this.#pendingLength = length;
  }

  /** The buffer, or a larger one with its content. Doubles, so that a long frame is copied a bounded number of times. */
  #room(buffer: Uint8Array, needed: number, total: number): Uint8Array {
    if (needed <= buffer.length) return buffer;
    const capacity = Math.max(needed, 2 * buffer.length, firstReservation);
    const larger = new Uint8Array(Math.min(total, capacity));
    larger.set(buffer.subarray(0, this.#pendingLength));
    this.#pending = larger;
    return larger;
  }

  /** Bytes of the whole frame at `at`, with its length word. */
  #frameLength(bytes: Uint8Array, at: number): number {
    const length = readInt32(bytes, at);
    if (length < lengthBytes || length > this.#maxFrameBytes - lengthBytes) {
      throw new Failure(
        'invalid',
        `frame: length ${length} is not within ${lengthBytes} and ${this.#maxFrameBytes - lengthBytes}`,
      );
    }
    return length + lengthBytes;
  }
}
