import { crc32 } from 'node:zlib';
import {
  type Disk,
  type DiskFile,
  Failure,
  type PhysicalOffset,
  physicalOffset,
  type TimestampMs,
  timestampMs,
} from '../base/index.ts';
import { folderOf, parentOf, readWhole } from './atomic-replace.ts';
import type { Durability } from './durability.ts';

/** A position up to which the log was synced. */
export interface Mark {
  readonly position: PhysicalOffset;
  /** CRC-32 of the bytes from the beginning of the block that `position` lies in up to there; 0 when there are none. */
  readonly openSum: number;
  /** No record below has a newer one. */
  readonly lastStoreTimestamp: TimestampMs;
}

export const noMark: Mark = {
  position: physicalOffset(0),
  openSum: 0,
  lastStoreTimestamp: timestampMs(0),
};

/**
 * The file `synced-mark`: two slots of 64 bytes, big-endian, written in turns:
 *
 *     magic 8 | counter 8 | position 8 | last store timestamp 8 | open sum 4 | CRC-32 of these 4 | 0 24
 *
 * A slot is fsynced before the other one is written, so that a crash can tear at most one.
 */
const magic = Buffer.from('HFMARK02');
const slotBytes = 64;
const usedBytes = 36;

export class SyncedMark {
  readonly path: string;
  readonly #disk: Disk;
  #file: DiskFile | undefined;
  #counter: number;
  #mark: Mark;

  private constructor(disk: Disk, path: string, counter: number, mark: Mark) {
    this.#disk = disk;
    this.path = path;
    this.#counter = counter;
    this.#mark = mark;
  }

  /** Reads only. Without a file the mark is 0. Fails `corrupt` when both slots were written and neither is valid. */
  static async read(disk: Disk, path: string): Promise<SyncedMark> {
    const bytes = (await readWhole(disk, path)) ?? new Uint8Array(0);
    const slots = [decodeSlot(bytes, 0), decodeSlot(bytes, 1)];
    const valid = slots.filter((slot) => typeof slot === 'object');
    valid.sort((a, b) => b.counter - a.counter);
    const [newest] = valid;
    if (newest === undefined && !slots.includes('empty')) {
      throw new Failure('corrupt', `${path} is damaged: neither of its slots has a valid checksum`);
    }
    return new SyncedMark(disk, path, newest?.counter ?? 0, newest?.mark ?? noMark);
  }

  get mark(): Mark {
    return this.#mark;
  }

  async write(mark: Mark, durability: Durability): Promise<void> {
    if (this.#file === undefined) {
      this.#file = await this.#disk.open(this.path, 'createOrWrite');
      await durability.sync(this.#file); // The slot that was read may be all there is, and not be durable yet.
      await durability.sync(folderOf(this.#disk, parentOf(this.path)));
    }
    const counter = this.#counter + 1;
    await this.#file.write(encodeSlot(counter, mark), (counter % 2) * slotBytes);
    await durability.sync(this.#file);
    this.#counter = counter;
    this.#mark = mark;
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }
}

function encodeSlot(counter: number, mark: Mark): Uint8Array {
  const slot = Buffer.alloc(slotBytes);
  magic.copy(slot);
  slot.writeBigUInt64BE(BigInt(counter), 8);
  slot.writeBigUInt64BE(BigInt(mark.position), 16);
  slot.writeBigUInt64BE(BigInt(mark.lastStoreTimestamp), 24);
  slot.writeUInt32BE(mark.openSum, 32);
  slot.writeUInt32BE(crc32(slot.subarray(0, usedBytes)), usedBytes);
  return slot;
}

function decodeSlot(
  bytes: Uint8Array,
  index: number,
): { readonly counter: number; readonly mark: Mark } | 'empty' | 'damaged' {
  const slot = Buffer.alloc(slotBytes);
  slot.set(bytes.subarray(index * slotBytes, (index + 1) * slotBytes));
  if (slot.every((byte) => byte === 0)) return 'empty';
  if (slot.readUInt32BE(usedBytes) !== crc32(slot.subarray(0, usedBytes))) return 'damaged';
  if (Buffer.compare(slot.subarray(0, magic.length), magic) !== 0) return 'damaged';
  return {
    counter: Number(slot.readBigUInt64BE(8)),
    mark: {
      position: physicalOffset(Number(slot.readBigUInt64BE(16))),
      openSum: slot.readUInt32BE(32),
      lastStoreTimestamp: timestampMs(Number(slot.readBigUInt64BE(24))),
    },
  };
}
