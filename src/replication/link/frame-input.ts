import { Failure } from '../../base/index.ts';
import { decodeFrame, type Frame, linkPreamble, maxFrameBytes } from './frames.ts';

const lengthBytes = 4;

/**
 * Frames out of a stream of bytes. Its memory is bounded by one frame and what arrived with it; what it hands out is
 * valid until the handler returns.
 */
export class FrameInput {
  readonly #take: (frame: Frame) => void;
  #chunks: Uint8Array[] = [];
  #size = 0;
  /** Nothing can be done with fewer bytes. */
  #needed = linkPreamble.length;
  #isGreeted = false;

  constructor(take: (frame: Frame) => void) {
    this.#take = take;
  }

  /** Fails `invalid` when the peer does not speak this protocol or sends nonsense; the connection is of no use then. */
  add(bytes: Uint8Array): void {
    this.#size += bytes.length;
    if (this.#size < this.#needed) {
      // The bytes are lent for the call.
      this.#chunks.push(Uint8Array.from(bytes));
      if (!this.#isGreeted) checkGreeting(Buffer.concat(this.#chunks));
      return;
    }
    const all = this.#chunks.length === 0 ? bytes : Buffer.concat([...this.#chunks, bytes]);
    let at = 0;
    if (!this.#isGreeted) {
      checkGreeting(all);
      this.#isGreeted = true;
      at = linkPreamble.length;
    }
    at = this.#takeFrames(all, at);
    this.#chunks = at < all.length ? [Uint8Array.from(all.subarray(at))] : [];
    this.#size = all.length - at;
  }

  /** Returns where the first frame begins that is not whole yet. */
  #takeFrames(all: Uint8Array, from: number): number {
    const view = new DataView(all.buffer, all.byteOffset, all.length);
    let at = from;
    this.#needed = lengthBytes;
    while (all.length - at >= lengthBytes) {
      const length = view.getUint32(at);
      if (length === 0 || length > maxFrameBytes) {
        throw new Failure('invalid', `a frame of ${length} bytes; at most ${maxFrameBytes}`);
      }
      const end = at + lengthBytes + length;
      if (end > all.length) {
        this.#needed = end - at;
        break;
      }
      this.#take(decodeFrame(all.subarray(at + lengthBytes, end)));
      at = end;
    }
    return at;
  }
}

function checkGreeting(bytes: Uint8Array): void {
  const known = Math.min(bytes.length, linkPreamble.length);
  if (linkPreamble.subarray(0, known).equals(bytes.subarray(0, known))) return;
  const start = Buffer.from(bytes.subarray(0, linkPreamble.length)).toString('hex');
  throw new Failure(
    'invalid',
    `it does not speak Holdfast's replication (it began with ${start}); a RocketMQ replica cannot take part in this group`,
  );
}
