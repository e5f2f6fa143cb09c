import { Failure } from '../../base/index.ts';
import { decodeFrame, type Frame, linkPreamble, maxFrameBytes } from './frames.ts';

const lengthBytes = 4;
/** Larger storage is not kept for the next frame. */
const keptBytes = 512 * 1024;

/**
 * Frames out of a stream of bytes. Its memory is bounded by twice what arrived of one frame, and written again for the
 * next one; what it hands out is valid until the handler returns.
 */
export class FrameInput {
  readonly #take: (frame: Frame) => void;
  /** The beginning of a frame that is not whole yet. */
  #storage = Buffer.alloc(0);
  #stored = 0;
  #isGreeted = false;

  constructor(take: (frame: Frame) => void) {
    this.#take = take;
  }

  /** Fails `invalid` when the peer does not speak this protocol or sends nonsense; the connection is of no use then. */
  add(bytes: Uint8Array): void {
    let at = 0;
    while (this.#stored > 0 && at < bytes.length) {
      const missing = this.#needed(this.#storage.subarray(0, this.#stored), 0) - this.#stored;
      const piece = bytes.subarray(at, at + missing);
      this.#store(piece);
      at += piece.length;
      if (piece.length < missing) return;
      this.#handStored();
    }
    at = this.#handWhole(bytes, at);
    if (at < bytes.length) this.#store(bytes.subarray(at));
  }

  /** Returns where the first frame begins that is not whole yet. */
  #handWhole(bytes: Uint8Array, from: number): number {
    let at = from;
    while (at < bytes.length) {
      const end = at + this.#needed(bytes, at);
      const isWhole = end <= bytes.length && this.#isUnit(bytes, at);
      if (!isWhole) break;
      this.#hand(bytes.subarray(at, end));
      at = end;
    }
    return at;
  }

  /** What is stored is as long as was needed: a frame, or its length, with which more is needed. */
  #handStored(): void {
    const stored = this.#storage.subarray(0, this.#stored);
    if (!this.#isUnit(stored, 0) || this.#needed(stored, 0) > this.#stored) return;
    this.#stored = 0;
    this.#hand(stored);
    if (this.#storage.length > keptBytes) this.#storage = Buffer.alloc(0);
  }

  /** Bytes of the unit that begins at `at`, as far as those tell that are there: fails `invalid` for what is none. */
  #needed(bytes: Uint8Array, at: number): number {
    const available = bytes.length - at;
    if (!this.#isGreeted) {
      checkGreeting(bytes.subarray(at, at + linkPreamble.length));
      return linkPreamble.length;
    }
    if (available < lengthBytes) return lengthBytes;
    const length = new DataView(bytes.buffer, bytes.byteOffset + at, lengthBytes).getUint32(0);
    if (length === 0 || length > maxFrameBytes) {
      throw new Failure('invalid', `a frame of ${length} bytes; at most ${maxFrameBytes}`);
    }
    return lengthBytes + length;
  }

  /** Enough is there to know how long it is. */
  #isUnit(bytes: Uint8Array, at: number): boolean {
    return !this.#isGreeted || bytes.length - at >= lengthBytes;
  }

  #hand(unit: Uint8Array): void {
    if (!this.#isGreeted) this.#isGreeted = true;
    else this.#take(decodeFrame(unit.subarray(lengthBytes)));
  }

  /** The bytes are lent for the call. */
  #store(bytes: Uint8Array): void {
    const end = this.#stored + bytes.length;
    if (end > this.#storage.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, 2 * this.#storage.length));
      this.#storage.copy(larger, 0, 0, this.#stored);
      this.#storage = larger;
    }
    this.#storage.set(bytes, this.#stored);
    this.#stored = end;
  }
}

function checkGreeting(bytes: Uint8Array): void {
  if (linkPreamble.subarray(0, bytes.length).equals(bytes)) return;
  const start = Buffer.from(bytes).toString('hex');
  throw new Failure(
    'invalid',
    `it does not speak Holdfast's replication (it began with ${start}); a RocketMQ replica cannot take part in this group`,
  );
}
