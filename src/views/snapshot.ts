import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import {
  type Disk,
  type DiskFile,
  describeError,
  epoch,
  Failure,
  isFailure,
  type Logger,
  metadataSequence,
  type PhysicalOffset,
  physicalOffset,
  type QueueOffset,
  queueOffset,
  type TimestampMs,
  timestampMs,
} from '../base/index.ts';
import { type EpochEntry, incarnationBytes } from '../log/index.ts';
import {
  type DataVersion,
  type Digest,
  digestBytes,
  digestFromBytes,
  digestToBytes,
  isTableNumber,
  makeRow,
  type Row,
  RowDigest,
  type TableNumber,
  type TablesContent,
} from './metadata/index.ts';

/** All metadata tables, the next offset of each queue, and the epochs, at one position of the log. */
export interface SnapshotContent extends TablesContent {
  readonly createdAt: TimestampMs;
  readonly nextOffsets: Iterable<NextQueueOffset>;
  /** Those that start below the position. */
  readonly epochs: readonly EpochEntry[];
}

export interface NextQueueOffset {
  readonly topic: string;
  readonly incarnation: PhysicalOffset;
  readonly queueId: number;
  readonly next: QueueOffset;
}

/** A snapshot that was read, and found whole and true to its digest. */
export interface Snapshot extends SnapshotContent {
  readonly path: string;
  readonly nextOffsets: readonly NextQueueOffset[];
}

const magic = Buffer.from('HFSNAP01', 'latin1');
const format = 2;
const largestChunk = 65_536;
const chunkPrefix = 8;
const sha256Bytes = 32;
const snapshotsKept = 2;
const endOfRows = 0;
const nextOffsetMark = 1;
const endOfNextOffsets = 0;
/** Largest file that is read: what one buffer can hold. */
export const maxSnapshotBytes = 2 ** 31 - 1;
const namePattern = /^(\d{20})\.snapshot$/;
/** Of a snapshot that is being received, whose position is not known yet. */
export const incomingSnapshot = `${'0'.repeat(20)}.snapshot.tmp`;
const leftoverPattern = /^\d{20}\.snapshot\.tmp$/;

/**
 * Writes `<folder>/<position, 20 digits>.snapshot`, durable once it returns, and leaves it and the newest other one. A
 * crash leaves it whole or not at all; returns its path. Others run between the chunks. Fails as the disk does; fails as
 * a bug when the rows do not have the digest that `content` states.
 *
 *     "HFSNAP01"  chunk...  empty chunk  sha256 of all chunks
 *     chunk: length (4)  CRC-32 (4)  bytes (64 KiB at most)
 *
 * The chunks joined (big-endian; text is UTF-8):
 *
 *     format 2 (1)  position (8)  epoch (4)  sequence (8)  created at (8)
 *     tables (1), each: table (1)  counter (8)  timestamp (8)  state version (4)
 *     rows, each: table (1)  key length (2)  key  version (8)  createdAt (8)  value length (4)  value; then 0 (1)
 *     next offsets, each: 1 (1)  topic length (1)  topic  incarnation (8)  queue id (4)  next (8); then 0 (1)
 *     epochs (4), each: epoch (4)  incarnation (8)  start (8)
 *     total digest (16)
 */
export async function writeSnapshot(
  disk: Disk,
  folder: string,
  content: SnapshotContent,
  logger: Logger,
): Promise<string> {
  const path = `${folder}/${String(content.position).padStart(20, '0')}.snapshot`;
  const temporary = `${path}.tmp`;
  await disk.makeFolder(folder);
  await disk.syncFolder(folder.slice(0, folder.lastIndexOf('/')));
  let size: number;
  {
    await using file = await disk.open(temporary, 'createOrWrite');
    await file.truncate(0); // What an earlier attempt may have left.
    const chunks = new ChunkWriter(file);
    await writeContent(chunks, content);
    size = await chunks.end();
    await file.sync();
  }
  await disk.rename(temporary, path);
  await disk.syncFolder(folder);
  await dropOld(disk, folder);
  logger.info('wrote a snapshot', { path, bytes: size, position: content.position });
  return path;
}

async function writeContent(chunks: ChunkWriter, content: SnapshotContent): Promise<void> {
  chunks.uint8(format);
  chunks.uint64(content.position);
  chunks.uint32(content.epoch);
  chunks.uint64(content.sequence);
  chunks.uint64(content.createdAt);
  chunks.uint8(content.dataVersions.size);
  for (const [table, { counter, timestamp, stateVersion }] of content.dataVersions) {
    chunks.uint8(table);
    chunks.uint64(counter);
    chunks.uint64(timestamp);
    chunks.uint32(stateVersion);
  }
  const digest = new RowDigest();
  for (const [table, key, { version, createdAt, value }] of content.rows) {
    digest.add(table, key, value);
    chunks.uint8(table);
    chunks.uint16(key.length);
    chunks.bytes(key);
    chunks.uint64(version);
    chunks.uint64(createdAt);
    chunks.uint32(value.length);
    chunks.bytes(value);
    if (chunks.isFull) await chunks.flush();
  }
  assert(
    digest.total() === content.digest,
    `the rows at ${content.position} have the digest ${digest.total()} and not ${content.digest}`,
  );
  chunks.uint8(endOfRows);
  for (const { topic, incarnation, queueId, next } of content.nextOffsets) {
    const name = Buffer.from(topic, 'utf8');
    chunks.uint8(nextOffsetMark);
    chunks.uint8(name.length);
    chunks.bytes(name);
    chunks.uint64(incarnation);
    chunks.uint32(queueId);
    chunks.uint64(next);
    if (chunks.isFull) await chunks.flush();
  }
  chunks.uint8(endOfNextOffsets);
  chunks.uint32(content.epochs.length);
  for (const { epoch, incarnation, start } of content.epochs) {
    chunks.uint32(epoch);
    chunks.bytes(Buffer.from(incarnation, 'hex'));
    chunks.uint64(start);
  }
  chunks.bytes(digestToBytes(content.digest));
}

/** What a crash left behind and all but the newest. The new one is durable already, so that the order does not matter. */
async function dropOld(disk: Disk, folder: string): Promise<void> {
  const entries = await disk.list(folder);
  const good = entries.filter(({ name }) => namePattern.test(name)).map(({ name }) => name);
  const leftovers = entries
    .filter(({ name }) => leftoverPattern.test(name))
    .map(({ name }) => name);
  const dropped = [...good.slice(0, -snapshotsKept), ...leftovers];
  for (const name of dropped) await disk.remove(`${folder}/${name}`);
  if (dropped.length > 0) await disk.syncFolder(folder);
}

/**
 * The newest good snapshot of the folder; undefined when there is none. A damaged one is named in the log and set aside
 * as `<name>.damaged`.
 */
export async function readNewestSnapshot(
  disk: Disk,
  folder: string,
  logger: Logger,
): Promise<Snapshot | undefined> {
  const names = (await disk.list(folder)).map(({ name }) => name);
  for (const name of names.filter((each) => namePattern.test(each)).reverse()) {
    const path = `${folder}/${name}`;
    try {
      return await readSnapshot(disk, path);
    } catch (error) {
      if (!isFailure(error, 'corrupt')) throw error;
      logger.error('a snapshot is damaged and set aside', {
        path,
        to: `${path}.damaged`,
        why: describeError(error),
      });
      await disk.rename(path, `${path}.damaged`);
      await disk.syncFolder(folder);
    }
  }
  return undefined;
}

/**
 * Fails `corrupt`, naming the file, unless every chunk, the whole file and the rows' digest are right, and its name
 * states its position, where it `hasName`.
 */
export async function readSnapshot(
  disk: Disk,
  path: string,
  { hasName } = { hasName: true },
): Promise<Snapshot> {
  await using file = await disk.open(path, 'read');
  const joined = await readChunks(file, path);
  const content = new ContentReader(joined, path);
  const snapshot = readContent(content, path);
  const name = path.slice(path.lastIndexOf('/') + 1);
  const named = hasName ? Number(namePattern.exec(name)?.[1] ?? Number.NaN) : snapshot.position;
  content.check(named === snapshot.position, 'name');
  return snapshot;
}

async function readChunks(file: DiskFile, path: string): Promise<Buffer> {
  const size = await file.size();
  const damaged = (what: string, at: number): Failure =>
    new Failure('corrupt', `snapshot ${path}: ${what} at byte ${at}`);
  const smallest = magic.length + chunkPrefix + sha256Bytes;
  if (size < smallest || size > maxSnapshotBytes) throw damaged('impossible size', size);
  const joined = Buffer.allocUnsafeSlow(size);
  let joinedLength = 0;
  const buffer = Buffer.alloc(largestChunk);
  const read = async (length: number, at: number): Promise<Buffer> => {
    const into = buffer.subarray(0, length);
    if ((await file.read(into, at)) !== length) throw damaged('unexpected end', at);
    return into;
  };
  if (!(await read(magic.length, 0)).equals(magic)) throw damaged('no magic', 0);
  const sha256 = createHash('sha256');
  let at = magic.length;
  for (;;) {
    const prefix = await read(chunkPrefix, at);
    sha256.update(prefix);
    const length = prefix.readUInt32BE(0);
    const sum = prefix.readUInt32BE(4);
    if (length > largestChunk) throw damaged('too long a chunk', at);
    const bytes = await read(length, at + chunkPrefix);
    if (crc32(bytes) !== sum) throw damaged('wrong checksum of a chunk', at);
    sha256.update(bytes);
    at += chunkPrefix + length;
    if (length === 0) break;
    joinedLength += bytes.copy(joined, joinedLength);
  }
  if (!(await read(sha256Bytes, at)).equals(sha256.digest())) throw damaged('wrong sha256', at);
  if (at + sha256Bytes !== size) throw damaged('bytes after the end', at + sha256Bytes);
  return joined.subarray(0, joinedLength);
}

function readContent(content: ContentReader, path: string): Snapshot {
  content.check(content.uint8() === format, 'format');
  const position = physicalOffset(content.uint64());
  const lastEpoch = epoch(content.uint32());
  const sequence = content.uint64();
  const createdAt = timestampMs(content.uint64());
  const dataVersions = new Map<TableNumber, DataVersion>();
  for (let left = content.uint8(); left > 0; left--) {
    const table = content.table();
    const counter = content.uint64();
    const timestamp = timestampMs(content.uint64());
    dataVersions.set(table, { counter, timestamp, stateVersion: content.uint32() });
  }
  const digest = new RowDigest();
  const rows: (readonly [TableNumber, Uint8Array, Row])[] = [];
  while (content.peek() !== endOfRows) {
    const table = content.table();
    const key = content.bytes(content.uint16());
    const version = metadataSequence(content.uint64());
    const rowCreatedAt = physicalOffset(content.uint64());
    const value = content.bytes(content.uint32());
    digest.add(table, key, value);
    rows.push([table, key, makeRow(table, value, version, rowCreatedAt)]);
  }
  content.uint8();
  const nextOffsets: NextQueueOffset[] = [];
  while (content.peek() !== endOfNextOffsets) {
    content.check(content.uint8() === nextOffsetMark, 'mark of a next offset');
    nextOffsets.push({
      topic: content.bytes(content.uint8()).toString('utf8'),
      incarnation: physicalOffset(content.uint64()),
      queueId: content.uint32(),
      next: queueOffset(content.uint64()),
    });
  }
  content.uint8();
  const epochs: EpochEntry[] = [];
  for (let left = content.uint32(); left > 0; left--) {
    epochs.push({
      epoch: epoch(content.uint32()),
      incarnation: content.bytes(incarnationBytes).toString('hex'),
      start: physicalOffset(content.uint64()),
    });
  }
  const stated: Digest = digestFromBytes(content.bytes(digestBytes));
  content.check(digest.total() === stated, `digest (stated ${stated}, rows ${digest.total()})`);
  content.check(content.left === 0, 'length');
  return {
    path,
    position,
    epoch: lastEpoch,
    sequence,
    createdAt,
    dataVersions,
    rows,
    nextOffsets,
    epochs,
    digest: stated,
  };
}

/** Collects content, and writes it in chunks. */
class ChunkWriter {
  readonly #file: DiskFile;
  readonly #sha256 = createHash('sha256');
  #buffer = Buffer.alloc(2 * largestChunk);
  #length = 0;
  #at = magic.length;

  constructor(file: DiskFile) {
    this.#file = file;
  }

  /** Whether a whole chunk waits to be written. */
  get isFull(): boolean {
    return this.#length >= largestChunk;
  }

  uint8(value: number): void {
    this.#buffer.writeUInt8(value, this.#take(1));
  }

  uint16(value: number): void {
    this.#buffer.writeUInt16BE(value, this.#take(2));
  }

  uint32(value: number): void {
    this.#buffer.writeUInt32BE(value, this.#take(4));
  }

  uint64(value: number): void {
    this.#buffer.writeBigUInt64BE(BigInt(value), this.#take(8));
  }

  bytes(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#take(bytes.length));
  }

  /** Writes the whole chunks; what is left waits for more. */
  async flush(): Promise<void> {
    let start = 0;
    for (; this.#length - start >= largestChunk; start += largestChunk) {
      await this.#writeChunk(this.#buffer.subarray(start, start + largestChunk));
    }
    this.#buffer.copyWithin(0, start, this.#length);
    this.#length -= start;
  }

  /** Writes all that is left, the empty chunk and the checksum; returns the size of the file. */
  async end(): Promise<number> {
    await this.flush();
    if (this.#length > 0) await this.#writeChunk(this.#buffer.subarray(0, this.#length));
    await this.#writeChunk(Buffer.alloc(0));
    await this.#write(this.#sha256.digest());
    await this.#file.write(magic, 0); // Last, so that what is not complete does not even look like a snapshot.
    return this.#at;
  }

  async #writeChunk(bytes: Buffer): Promise<void> {
    const chunk = Buffer.alloc(chunkPrefix + bytes.length);
    chunk.writeUInt32BE(bytes.length, 0);
    chunk.writeUInt32BE(crc32(bytes), 4);
    bytes.copy(chunk, chunkPrefix);
    this.#sha256.update(chunk);
    await this.#write(chunk);
  }

  async #write(bytes: Buffer): Promise<void> {
    await this.#file.write(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Makes room for so many bytes and returns where they go. */
  #take(length: number): number {
    const at = this.#length;
    this.#length += length;
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.alloc(this.#length * 2);
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    return at;
  }
}

/** Reads joined chunks. Fails `corrupt`, naming the file and the byte of the content. */
class ContentReader {
  readonly #bytes: Buffer;
  readonly #path: string;
  #at = 0;

  constructor(bytes: Buffer, path: string) {
    this.#bytes = bytes;
    this.#path = path;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  check(holds: boolean, what: string): void {
    if (holds) return;
    throw new Failure(
      'corrupt',
      `snapshot ${this.#path}: bad ${what} before byte ${this.#at} of the content`,
    );
  }

  peek(): number {
    this.check(this.left > 0, 'length');
    return this.#bytes[this.#at] as number;
  }

  bytes(length: number): Buffer {
    this.check(length <= this.left, 'length');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  uint8(): number {
    return this.bytes(1).readUInt8();
  }

  uint16(): number {
    return this.bytes(2).readUInt16BE();
  }

  uint32(): number {
    return this.bytes(4).readUInt32BE();
  }

  uint64(): number {
    const value = Number(this.bytes(8).readBigUInt64BE());
    this.check(Number.isSafeInteger(value), 'number');
    return value;
  }

  table(): TableNumber {
    const table = this.uint8();
    if (isTableNumber(table)) return table;
    throw new Failure('corrupt', `snapshot ${this.#path}: unknown table ${table}`);
  }
}
