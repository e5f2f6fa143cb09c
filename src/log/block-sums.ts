import { strict as assert } from 'node:assert';
import { crc32 } from 'node:zlib';

const zeroes = new Uint8Array(64 * 1024);

/** CRC-32 of each block of a segment, built up as the segment's bytes become known, from its beginning on. */
export class BlockSums {
  /** By block; valid for the blocks that are complete. The last block of a segment may be shorter. */
  readonly sums: Uint32Array;
  readonly #segmentBytes: number;
  readonly #blockBytes: number;
  #added = 0;
  #openSum = 0;

  constructor(segmentBytes: number, blockBytes: number) {
    this.#segmentBytes = segmentBytes;
    this.#blockBytes = blockBytes;
    this.sums = new Uint32Array(Math.ceil(segmentBytes / blockBytes));
  }

  /** Bytes of the segment that are contained. */
  get added(): number {
    return this.#added;
  }

  /** CRC-32 of the bytes in the last, incomplete block; 0 when there are none. */
  get openSum(): number {
    return this.#openSum;
  }

  get isComplete(): boolean {
    return this.#added === this.#segmentBytes;
  }

  /** Blocks that lie wholly below this many bytes of the segment. */
  completeBlocks(bytes: number): number {
    return bytes >= this.#segmentBytes ? this.sums.length : Math.floor(bytes / this.#blockBytes);
  }

  /** Begins with what is known of the first `added` bytes: the sums of their blocks, and that of the open one. */
  resume(known: Uint32Array, added: number, openSum: number): void {
    assert(this.#added === 0 && known.length === this.completeBlocks(added), 'nothing is left out');
    this.sums.set(known);
    this.#added = added;
    this.#openSum = openSum;
  }

  add(bytes: Uint8Array): void {
    assert(this.#added + bytes.length <= this.#segmentBytes, 'a segment ends at its size');
    let at = 0;
    while (at < bytes.length) {
      const block = Math.floor(this.#added / this.#blockBytes);
      const blockEnd = Math.min((block + 1) * this.#blockBytes, this.#segmentBytes);
      const length = Math.min(bytes.length - at, blockEnd - this.#added);
      this.#openSum = crc32(bytes.subarray(at, at + length), this.#openSum);
      this.#added += length;
      at += length;
      if (this.#added === blockEnd) {
        this.sums[block] = this.#openSum;
        this.#openSum = 0;
      }
    }
  }

  /** The rest of the segment holds zeroes. */
  addZeroes(): void {
    while (!this.isComplete) {
      this.add(zeroes.subarray(0, this.#segmentBytes - this.#added));
    }
  }
}
