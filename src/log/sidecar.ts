import { crc32 } from 'node:zlib';
import { type Disk, Failure, type TimestampMs, timestampMs } from '../base/index.ts';
import { readWhole } from './atomic-replace.ts';
import { BlockSums } from './block-sums.ts';
import type { Durability } from './durability.ts';
import type { SegmentShape } from './segment.ts';

/**
 * `checksums/<base>`, big-endian:
 *
 *     header   magic 8 | version 4 | block bytes 4 | base 8 | CRC-32 of these 4 | 0 4
 *     entries  CRC-32 of each block, 4 bytes each
 *     footer   last store timestamp of the segment 8 | CRC-32 of all before 4
 *
 * An entry is fsynced before the synced mark passes its block, the footer before the mark passes the segment. So a
 * footer also tells that the whole segment was synced.
 */
const magic = 0x48464253; // HFBS
const magicTail = 0x554d3031; // UM01
const version = 1;
const headerBytes = 32;
const footerBytes = 12;

export interface SidecarShape extends SegmentShape {
  readonly base: number;
}

export interface Sidecar {
  /** Of the first blocks; may be fewer or more than what is below the synced mark. */
  readonly sums: Uint32Array;
  /** From the footer; undefined until the segment is sealed and synced. */
  readonly sealed: { readonly lastStoreTimestamp: TimestampMs } | undefined;
}

/** Undefined when there is none, or its header is not that of this segment: then it can only be computed anew. */
export async function readSidecar(
  disk: Disk,
  path: string,
  shape: SidecarShape,
): Promise<Sidecar | undefined> {
  const bytes = await readWhole(disk, path);
  if (bytes === undefined || bytes.length < headerBytes) return undefined;
  if (Buffer.compare(bytes.subarray(0, headerBytes), encodeHeader(shape)) !== 0) return undefined;
  const blocks = Math.ceil(shape.segmentBytes / shape.blockBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = Math.min(blocks, Math.floor((bytes.length - headerBytes) / 4));
  const sums = new Uint32Array(count);
  for (let i = 0; i < count; i++) sums[i] = view.getUint32(headerBytes + 4 * i);
  const footerAt = headerBytes + 4 * blocks;
  const isSealed =
    bytes.length >= footerAt + footerBytes &&
    view.getUint32(footerAt + 8) === crc32(bytes.subarray(0, footerAt + 8));
  const lastStoreTimestamp = isSealed ? Number(view.getBigUint64(footerAt)) : 0;
  return {
    sums,
    sealed: isSealed ? { lastStoreTimestamp: timestampMs(lastStoreTimestamp) } : undefined,
  };
}

/** Makes the entries `from <= i < to` durable and, with `seal`, the footer. */
export async function writeSidecar(
  disk: Disk,
  path: string,
  shape: SidecarShape,
  { sums }: BlockSums,
  change: { from: number; to: number; seal?: { lastStoreTimestamp: number } },
  durability: Durability,
): Promise<void> {
  await using file = await disk.open(path, 'createOrWrite');
  const { from, to, seal } = change;
  if (from === 0) await file.write(encodeHeader(shape), 0);
  await file.write(encodeSums(sums.subarray(from, to)), headerBytes + 4 * from);
  if (seal !== undefined) {
    const all = encodeSums(sums);
    const footer = Buffer.alloc(footerBytes);
    footer.writeBigUInt64BE(BigInt(seal.lastStoreTimestamp));
    const sumOfAll = [encodeHeader(shape), all, footer.subarray(0, 8)].reduce(
      (sum, part) => crc32(part, sum),
      0,
    );
    footer.writeUInt32BE(sumOfAll, 8);
    await file.write(footer, headerBytes + all.length);
  }
  await durability.sync(file);
}

/**
 * Reads a whole segment, or its first blocks, and compares it with its sidecar. Fails `corrupt` at the first block that
 * differs, and `unavailable`/`busy` when the sidecar is not complete.
 */
export async function verifyBlocks(
  disk: Disk,
  segment: { readonly path: string; readonly sidecarPath: string },
  shape: SidecarShape,
  read: (into: Uint8Array, position: number) => Promise<void>,
  buffer: Uint8Array,
  firstBlocks?: number,
): Promise<{ readonly verifiedBytes: number }> {
  const { base, segmentBytes, blockBytes } = shape;
  const sidecar = await readSidecar(disk, segment.sidecarPath, shape);
  const isThere =
    firstBlocks === undefined
      ? sidecar?.sealed !== undefined
      : (sidecar?.sums.length ?? 0) >= firstBlocks;
  if (sidecar === undefined || !isThere) {
    const why = `${segment.sidecarPath} does not hold all checksums yet`;
    throw new Failure('unavailable', why, { reason: 'busy' });
  }
  const sums = new BlockSums(segmentBytes, blockBytes);
  const end = Math.min(segmentBytes, (firstBlocks ?? sums.sums.length) * blockBytes);
  let compared = 0;
  while (sums.added < end) {
    const bytes = buffer.subarray(0, end - sums.added);
    await read(bytes, base + sums.added);
    sums.add(bytes);
    for (const blocks = sums.completeBlocks(sums.added); compared < blocks; compared++) {
      if (sums.sums[compared] === sidecar.sums[compared]) continue;
      const at = base + compared * blockBytes;
      const what = `the block there has another checksum than ${segment.sidecarPath}`;
      throw new Failure('corrupt', `${segment.path} is damaged at position ${at}: ${what}`);
    }
  }
  return { verifiedBytes: sums.added };
}

function encodeHeader(shape: SidecarShape): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32BE(magic, 0);
  header.writeUInt32BE(magicTail, 4);
  header.writeUInt32BE(version, 8);
  header.writeUInt32BE(shape.blockBytes, 12);
  header.writeBigUInt64BE(BigInt(shape.base), 16);
  header.writeUInt32BE(crc32(header.subarray(0, 24)), 24);
  return header;
}

function encodeSums(sums: Uint32Array): Buffer {
  const bytes = Buffer.alloc(4 * sums.length);
  sums.forEach((sum, index) => {
    bytes.writeUInt32BE(sum, 4 * index);
  });
  return bytes;
}
