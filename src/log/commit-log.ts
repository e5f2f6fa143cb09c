import { strict as assert } from 'node:assert';
import {
  type Clock,
  type Disk,
  Failure,
  isFailure,
  type Logger,
  type PhysicalOffset,
  physicalOffset,
  type TimestampMs,
} from '../base/index.ts';
import { blankHeaderBytes, writeBlankRecord } from '../wire/index.ts';
import { Durability } from './durability.ts';
import type { EpochEntry, EpochList } from './epochs.ts';
import { damage } from './examination.ts';
import { MarkKeeper } from './mark-keeper.ts';
import { type LogRange, wholeRecords, whyNoRecords } from './range.ts';
import { type RecoveredLog, type RecoveryReport, recover } from './recovery.ts';
import { placesIn, type Segment } from './segment.ts';
import { SegmentList } from './segment-list.ts';
import { verifyBlocks } from './sidecar.ts';
import { Chunk, Tail } from './tail.ts';
import { type VisitedRecord, Window, walkRecords } from './walk.ts';

export interface CommitLogOptions {
  /** The store's root: segments are in `commitlog` below it. */
  readonly folder: string;
  /** Size of a segment. A log keeps the size that it was begun with. */
  readonly segmentBytes?: number;
  /** The largest record, or batch of records, that is appended at once. */
  readonly maxRecordBytes?: number;
  /** How much of the end of the log is kept in memory. */
  readonly tailBytes?: number;
  /** The tail is made of such chunks, and files are read in such pieces. At least `maxRecordBytes`. */
  readonly chunkBytes?: number;
  /** Checksums are over blocks of this size. */
  readonly blockBytes?: number;
  readonly syncedMarkIntervalMs?: number;
  /** Of what is below the synced mark, this much is read again by a start in the same run of the operating system. */
  readonly checkedBytes?: number;
}

export const defaultSegmentBytes = 2 ** 30;

const defaults = {
  segmentBytes: defaultSegmentBytes,
  maxRecordBytes: 4 * 2 ** 20 + 64 * 1024,
  tailBytes: 64 * 2 ** 20,
  chunkBytes: 8 * 2 ** 20,
  blockBytes: 64 * 1024,
  syncedMarkIntervalMs: 1000,
  checkedBytes: 64 * 2 ** 20,
};

export interface CommitLogPorts {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A segment as retention sees it. */
export interface SegmentInfo {
  readonly base: PhysicalOffset;
  readonly endExclusive: PhysicalOffset;
  /** Full; another one follows. */
  readonly sealed: boolean;
  /** Room that it takes; the file of the newest one is sparse. */
  readonly bytesOnDisk: number;
  /** Of its newest record; 0 when it has none. */
  readonly lastStoreTimestamp: TimestampMs;
}

/**
 * The log of a node: docs/protocol.md, "Positions". Appending is synchronous (`reserve`, fill `target`, `publish`) and
 * goes to the tail in memory; `write` hands it to the operating system; `sync` makes it durable.
 *
 * Invariants: begin <= synced <= written <= end, each at a record border; a failed write leaves files and positions as
 * they were; after a failed fsync nothing is written any more; what was cut away is durably gone before anything is
 * appended in its place.
 */
export class CommitLog implements AsyncDisposable {
  /** What opening found and did. */
  readonly recovery: RecoveryReport;
  /** Believed at the start. */
  #unchecked: RecoveredLog['unchecked'];
  /** Told at each roll which segment is full: its views are at its end then. Once more if a failed write took it back. */
  onSealed: ((segment: { base: PhysicalOffset; end: PhysicalOffset }) => void) | undefined;

  // Set by `reserve`.
  /** Where the reserved bytes lie in the log. */
  position: PhysicalOffset;
  /** Where to put them, from `targetAt` on. `targetView` is a view of the same bytes. */
  target: Uint8Array;
  targetView: DataView;
  targetAt = 0;

  readonly #options: Required<CommitLogOptions>;
  readonly #disk: Disk;
  readonly #segments: SegmentList;
  readonly #epochs: EpochList;
  readonly #keeper: MarkKeeper;
  readonly #durability: Durability;
  readonly #tail: Tail;
  /** Written or cut since their last fsync began. */
  readonly #unsynced = new Set<Segment>();
  readonly #largestAppend: number;
  #lastStoreTimestamp: TimestampMs;
  #end: PhysicalOffset;
  #written: PhysicalOffset;
  #synced: PhysicalOffset;
  /** The chunk that is appended to. */
  #chunk = new Chunk(0);
  /** Up to here a reservation needs nothing new; 0 when that has to be looked into. */
  #limit = 0;
  #reserved = 0;
  #syncing: Promise<PhysicalOffset> | undefined;
  #nextSync: Promise<PhysicalOffset> | undefined;
  /** How many times something was cut from files, and how many of these times are durable. */
  #cuts = 0;
  #syncedCuts = 0;
  #isDeleting = false;
  #isStopping = false;
  #isClosed = false;
  #closing: Promise<void> | undefined;

  private constructor(
    options: Required<CommitLogOptions>,
    recovered: RecoveredLog,
    durability: Durability,
    ports: CommitLogPorts,
  ) {
    const { segmentBytes, blockBytes, maxRecordBytes, chunkBytes, folder } = options;
    const places = placesIn(folder);
    this.#options = options;
    this.#disk = ports.disk;
    this.recovery = recovered.report;
    this.#unchecked = recovered.unchecked;
    this.#durability = durability;
    this.#segments = new SegmentList(
      recovered,
      { places, segmentBytes, blockBytes },
      durability,
      ports,
    );
    this.#epochs = recovered.epochs;
    this.#tail = new Tail(
      { chunkBytes: Math.min(chunkBytes, segmentBytes), tailBytes: options.tailBytes },
      ports.clock,
    );
    this.#keeper = new MarkKeeper(
      { places, segmentBytes, blockBytes, intervalMs: options.syncedMarkIntervalMs },
      { mark: recovered.mark, segments: this.#segments, epochs: recovered.epochs, durability },
      ports,
    );
    this.#largestAppend = Math.min(maxRecordBytes, segmentBytes - blankHeaderBytes);
    this.#lastStoreTimestamp = recovered.lastStoreTimestamp;
    this.#end = recovered.end;
    this.#written = recovered.end;
    this.#synced = recovered.end;
    this.position = recovered.end;
    this.target = this.#chunk.bytes;
    this.targetView = this.#chunk.view;
    this.#segments.createSpare();
    this.#keeper.note({
      position: this.#synced,
      openSum: this.#segments.active.openSum,
      lastStoreTimestamp: this.#lastStoreTimestamp,
    });
  }

  /**
   * Opens the log, or begins one. Fails `corrupt`, having changed nothing, when synced bytes are damaged or missing.
   * `trustsSystem`: the operating system has run on since the log was written, so that most of what it holds of it need
   * not be read now.
   */
  static async open(
    options: CommitLogOptions,
    ports: CommitLogPorts,
    trustsSystem = false,
  ): Promise<CommitLog> {
    const all = { ...defaults, ...options };
    const { folder, segmentBytes, blockBytes, maxRecordBytes, chunkBytes } = all;
    if (chunkBytes < maxRecordBytes) {
      throw new Failure(
        'invalid',
        `chunks of ${chunkBytes} bytes hold no record of ${maxRecordBytes}`,
      );
    }
    const durability = new Durability();
    const recovered = await recover(
      {
        places: placesIn(folder),
        segmentBytes,
        blockBytes,
        window: new Window(chunkBytes),
        trustsSystem,
        checkedBytes: all.checkedBytes,
      },
      durability,
      ports,
    );
    return new CommitLog(all, recovered, durability, ports);
  }

  get begin(): PhysicalOffset {
    return this.#segments.oldest.base;
  }

  get end(): PhysicalOffset {
    return this.#end;
  }

  get written(): PhysicalOffset {
    return this.#written;
  }

  get synced(): PhysicalOffset {
    return this.#synced;
  }

  get segmentBytes(): number {
    return this.#options.segmentBytes;
  }

  /** Of the newest record; that of a record that was cut stays. 0 in a log that never had any. */
  get lastStoreTimestamp(): TimestampMs {
    return this.#lastStoreTimestamp;
  }

  /** The epochs of the log, oldest first; may begin before the log does. */
  get epochs(): readonly EpochEntry[] {
    return this.#epochs.entries;
  }

  // Appending.

  /**
   * Makes room for a record, or for several that follow each other: sets `position`, `target`, `targetView` and
   * `targetAt`. Nothing is appended before `publish`. Fails `unavailable` (`diskFull`, `busy`: the next segment is not
   * there yet, or a cut is not durable yet), `invalid`/`tooLarge`, or `closed`.
   */
  reserve(size: number): void {
    if (size > this.#largestAppend || this.#end + size > this.#limit) this.#makeRoom(size);
    this.position = this.#end;
    this.targetAt = this.#end - this.#chunk.start;
    this.#reserved = size;
  }

  /** Bytes that can be reserved at once. */
  get largestAppend(): number {
    return this.#largestAppend;
  }

  /** The reserved bytes are part of the log from now on. `storeTimestamp` is the newest of the records in them. */
  publish(storeTimestamp: TimestampMs): void {
    assert(this.#reserved > 0, 'published what was reserved');
    const end = physicalOffset(this.#end + this.#reserved);
    this.#reserved = 0;
    this.#end = end;
    this.#chunk.end = end;
    this.#lastStoreTimestamp = storeTimestamp;
  }

  /** An epoch record was appended at `entry.start`. */
  noteEpoch(entry: EpochEntry): void {
    assert(entry.start < this.#end, 'the epoch record was published');
    this.#epochs.note(entry);
  }

  #makeRoom(size: number): void {
    this.#checkUsable();
    if (this.#isStopping) throw new Failure('closed', 'the log is closing');
    if (size > this.#largestAppend) {
      const most = `at most ${this.#largestAppend} are appended at once`;
      throw new Failure('invalid', `record of ${size} bytes; ${most}`, { reason: 'tooLarge' });
    }
    if (this.#syncedCuts < this.#cuts) {
      const why = `what was cut from the log at ${this.#written} is not durably gone yet`;
      throw new Failure('unavailable', why, { reason: 'busy' });
    }
    if (this.#end + size + blankHeaderBytes > this.#segments.active.end) this.#roll();
    this.#openRoom(size);
  }

  /**
   * As the leader did here: the rest of the segment, `size` bytes, is a blank record. Fails `corrupt` when that is not
   * what is left, and `unavailable` as `reserve`.
   */
  rollOver(size: number): void {
    this.#checkUsable();
    const left = this.#segments.active.end - this.#end;
    if (size !== left) {
      throw new Failure('corrupt', `blank record of ${size} bytes at ${this.#end}, ${left} left`);
    }
    this.#roll();
  }

  /** Fills the rest of the segment with a blank record. */
  #roll(): void {
    const sealed = this.#segments.active;
    this.#segments.requireNext();
    this.#openRoom(blankHeaderBytes);
    writeBlankRecord(this.targetView, this.#end - this.#chunk.start, sealed.end - this.#end);
    this.#chunk.end = this.#end + blankHeaderBytes;
    sealed.lastStoreTimestamp = this.#lastStoreTimestamp;
    this.#end = sealed.end;
    this.#limit = 0;
    this.#segments.roll();
    this.onSealed?.({ base: sealed.base, end: sealed.end });
  }

  /** Has `#chunk` take so many bytes at the end of the log. */
  #openRoom(size: number): void {
    const { active } = this.#segments;
    const chunk = this.#chunk;
    const goesOn = chunk.end === this.#end && chunk.start >= active.base;
    if (!goesOn || this.#end + size > chunk.start + chunk.bytes.length) {
      this.#chunk = this.#tail.open(this.#end, this.#written);
      this.target = this.#chunk.bytes;
      this.targetView = this.#chunk.view;
    }
    this.#limit = Math.min(
      this.#chunk.start + this.#chunk.bytes.length,
      active.end - blankHeaderBytes,
    );
  }

  /** Forgets what was appended at or above `position`, which is a record border and was not written. */
  cut(position: PhysicalOffset): void {
    assert(position >= this.#written && position <= this.#end, 'only what is unwritten is cut');
    this.#reserved = 0;
    if (position === this.#end) return;
    this.#end = position;
    this.#limit = 0;
    this.#tail.cut(position);
    this.#chunk = this.#tail.newest ?? new Chunk(0);
    this.target = this.#chunk.bytes;
    this.targetView = this.#chunk.view;
    this.#segments.unroll(position);
    this.#epochs.cut(position);
  }

  // Writing.

  /**
   * Hands everything to the operating system. When that fails, cuts the files back, forgets what was not written
   * before (`end` is `written` then), and throws the failure: `unavailable`, or `corrupt` if the files could not be cut
   * back, or if the log had failed before.
   */
  write(): void {
    this.#checkUsable();
    assert(this.#reserved === 0, 'what is reserved is published or cut before it is written');
    if (this.#written === this.#end) return;
    const from = this.#written;
    for (const { position, bytes } of this.#tail.pieces(from, this.#end)) {
      const segment = this.#segmentAt(position);
      try {
        this.#unsynced.add(segment);
        segment.extendIfShort();
        segment.file.writeNow(bytes, position - segment.base);
      } catch (error) {
        if (!isFailure(error)) throw error; // A bug.
        throw this.#cutFiles(segment, error);
      }
    }
    for (const { position, bytes } of this.#tail.pieces(from, this.#end)) {
      this.#segmentAt(position).sums?.add(bytes);
    }
    const { active } = this.#segments;
    for (let segment = this.#segmentAt(from); segment !== active; ) {
      segment.sums?.addZeroes();
      segment = this.#segmentAt(segment.end);
    }
    this.#written = this.#end;
  }

  /** The write failed in `segment`. Returns what to throw. */
  #cutFiles(segment: Segment, cause: Failure): Failure {
    const { written } = this;
    const what = `write to ${segment.path}, cut back to position ${written}`;
    try {
      for (let last = segment; last.end > written; ) {
        last.cutNow(Math.max(written, last.base));
        if (last.base <= written) break;
        last = this.#segmentAt(last.base - 1);
      }
    } catch (error) {
      const why = `${what}, which failed too`;
      return this.#durability.fail(why, new AggregateError([cause, error], `${cause}; ${error}`));
    }
    this.cut(written);
    this.#cuts++;
    // A later write must not meet what a power loss brings back. When this fails, so does everything that follows.
    this.sync().catch(() => {});
    return new Failure('unavailable', what, {
      ...(cause.reason && { reason: cause.reason }),
      cause,
    });
  }

  /**
   * Makes durable what was written before the call; resolves with `synced`. One fsync is under way at a time, and it
   * covers what was written when it began. A failure is final: every later `sync` and `write` fails with it, `corrupt`.
   */
  sync(): Promise<PhysicalOffset> {
    if (this.#nextSync !== undefined) return this.#nextSync;
    if (this.#syncing === undefined) return this.#startSync();
    this.#nextSync = this.#syncing.then(() => {
      this.#nextSync = undefined;
      return this.#startSync();
    });
    return this.#nextSync;
  }

  #startSync(): Promise<PhysicalOffset> {
    this.#syncing = this.#syncOnce().finally(() => {
      this.#syncing = undefined;
    });
    return this.#syncing;
  }

  async #syncOnce(): Promise<PhysicalOffset> {
    this.#checkUsable();
    const position = this.#written;
    const cuts = this.#cuts;
    const { openSum } = this.#segmentAt(position);
    const lastStoreTimestamp = this.#lastStoreTimestamp;
    const segments = [...this.#unsynced].sort((a, b) => a.base - b.base);
    this.#unsynced.clear();
    for (const segment of segments) await this.#durability.sync(segment.file);
    this.#synced = position;
    this.#syncedCuts = cuts;
    this.#keeper.note({ position, openSum, lastStoreTimestamp });
    return position;
  }

  // Reading.

  /** A view into memory, valid until the turn ends; undefined when it is not there in one piece. */
  readTail(position: PhysicalOffset, size: number): Uint8Array | undefined {
    return this.#tail.view(position, size);
  }

  /** A copy of bytes of one segment. Fails `unavailable`/`notFound` below `begin`. */
  async read(position: PhysicalOffset, size: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(size);
    await this.readInto(bytes, position);
    return bytes;
  }

  /** As `read`, into all of `bytes`. */
  async readInto(bytes: Uint8Array, position: PhysicalOffset): Promise<void> {
    const end = position + bytes.length;
    const segment = this.#readable(position, end);
    const inFile = Math.max(0, Math.min(end, this.#tail.start ?? end) - position);
    for (const piece of this.#tail.pieces(position, end)) {
      bytes.set(piece.bytes, piece.position - position);
    }
    if (inFile > 0) await this.#readFile(segment, bytes.subarray(0, inFile), position);
  }

  /** A border of records some megabytes above `position` at most, if one is known that is not far away. */
  borderAbove(position: PhysicalOffset): PhysicalOffset | undefined {
    return this.#tail.startAbove(position) as PhysicalOffset | undefined;
  }

  /**
   * What a follower is sent next: whole records of one segment and one epoch from `position` on, which is below
   * `written`; about `maxBytes`, and at least one record. From memory as a view, valid until the turn ends.
   */
  rangeAt(position: PhysicalOffset, maxBytes: number): LogRange | Promise<LogRange> {
    const segment = this.#readable(position, position + 1);
    const nextEpoch = this.epochs.find(({ start }) => start > position)?.start ?? this.#written;
    const limit = Math.min(segment.end, this.#written, nextEpoch);
    const view = this.#tail.viewFrom(position, limit - position);
    const inView = view && wholeRecords(view, maxBytes, segment.end - position);
    if (inView !== undefined) return { ...inView, end: physicalOffset(position + inView.length) };
    return this.#readRange(segment, position, limit, maxBytes);
  }

  async #readRange(
    segment: Segment,
    position: PhysicalOffset,
    limit: number,
    maxBytes: number,
  ): Promise<LogRange> {
    for (let wanted = maxBytes; ; wanted = this.#largestAppend + blankHeaderBytes) {
      const bytes = new Uint8Array(Math.min(wanted, limit - position));
      await this.#readFile(segment, bytes, position);
      const found = wholeRecords(bytes, maxBytes, segment.end - position);
      if (found !== undefined) {
        // Here it can still be told whose file is damaged.
        const damaged = whyNoRecords(found.bytes, position, true);
        if (damaged !== undefined) throw damage(segment, damaged.at, damaged.why);
        return { ...found, end: physicalOffset(position + found.length) };
      }
      if (wanted > maxBytes) throw damage(segment, position, 'no record begins there');
    }
  }

  /**
   * Visits the records at `from <= position < to`, both record borders, in order; `to` is at most `written`. The record
   * that is visited is valid until the visitor returns or its promise settles. Fails `corrupt` at a bad record.
   */
  async scan(
    from: PhysicalOffset,
    to: PhysicalOffset,
    visit: (record: VisitedRecord) => void | Promise<void>,
  ): Promise<void> {
    assert(to <= this.#written, 'only what is written is scanned');
    const window = new Window(this.#options.chunkBytes);
    for (let position = from; position < to; ) {
      const segment = this.#readable(position, position + 1);
      const range = { from: position, to: Math.min(to, segment.end), segmentEnd: segment.end };
      const read = (into: Uint8Array, at: number): Promise<void> =>
        this.#readFile(segment, into, at);
      const end = await walkRecords(range, read, window, { record: visit });
      if (end.found === 'to') position = end.position;
      else if (end.found === 'blank') position = segment.end;
      else throw damage(segment, end.position, end.why);
    }
  }

  /** Reads what opening the log believed; fails `corrupt` where a block is damaged. Does nothing the next time. */
  async verifyUnchecked(): Promise<void> {
    const unchecked = this.#unchecked;
    if (unchecked === undefined) return;
    this.#unchecked = undefined;
    await this.#verify(unchecked.segment, unchecked.blocks);
  }

  /** Reads a segment that is sealed and below the synced mark; fails `corrupt` where a block is damaged. */
  async verifySegment(base: PhysicalOffset): Promise<{ readonly verifiedBytes: number }> {
    return await this.#verify(this.#readable(base, base + 1));
  }

  async #verify(
    segment: Segment,
    firstBlocks?: number,
  ): Promise<{ readonly verifiedBytes: number }> {
    const { segmentBytes, blockBytes, chunkBytes } = this.#options;
    const read = (into: Uint8Array, at: number): Promise<void> => this.#readFile(segment, into, at);
    const shape = { base: segment.base, segmentBytes, blockBytes };
    const buffer = new Uint8Array(chunkBytes);
    return await verifyBlocks(this.#disk, segment, shape, read, buffer, firstBlocks);
  }

  // Segments.

  /** Oldest first; the last one is the one that is appended to. */
  segments(): readonly SegmentInfo[] {
    return this.#segments.inUse().map((segment) => {
      const sealed = this.#segments.isSealed(segment);
      return {
        base: segment.base,
        endExclusive: segment.end,
        sealed,
        bytesOnDisk: (sealed ? segment.end : this.#written) - segment.base,
        lastStoreTimestamp: sealed ? segment.lastStoreTimestamp : this.#lastStoreTimestamp,
      };
    });
  }

  /** Removes the oldest segment, which must be sealed and synced; `begin` moves. Durable once it returns. */
  async deleteOldestSegment(): Promise<void> {
    this.#checkUsable();
    const { oldest } = this.#segments;
    if (!this.#segments.isSealed(oldest) || oldest.end > this.#synced) {
      throw new Failure('invalid', `${oldest.path} is not sealed and synced, and so cannot go`);
    }
    assert(!this.#isDeleting, 'segments are deleted one after the other');
    this.#isDeleting = true;
    try {
      if (this.#keeper.position < oldest.end) await this.#keeper.flush();
      await this.#segments.removeOldest();
    } finally {
      this.#isDeleting = false;
    }
  }

  // The end.

  /** With `clean`, writes and syncs everything, and the mark; without, only lets go of the files. */
  async close(options: { readonly clean: boolean }): Promise<void> {
    this.#closing ??= this.#close(options.clean);
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close({ clean: this.#durability.failure === undefined });
  }

  async #close(clean: boolean): Promise<void> {
    this.#isStopping = true;
    this.#limit = 0;
    try {
      if (clean) {
        this.write();
        await this.sync();
        await this.#keeper.flush();
      }
    } finally {
      this.#isClosed = true;
      await this.#syncing?.catch(() => {}); // Whoever asked for it was told.
      await this.#keeper.close();
      await this.#segments.close();
    }
  }

  #checkUsable(): void {
    this.#durability.check();
    if (this.#isClosed) throw new Failure('closed', 'the log is closed');
  }

  /** A position of the log that is known to be valid. */
  #segmentAt(position: number): Segment {
    const segment = this.#segments.at(position);
    assert(segment !== undefined, `position ${position} is in the log`);
    return segment;
  }

  #readable(from: number, to: number): Segment {
    const segment = this.#segments.at(from);
    if (segment !== undefined && to <= segment.end && to <= this.#end) return segment;
    if (from < this.begin) throw this.#gone(from);
    throw new Failure(
      'invalid',
      `positions ${from} to ${to} are not in one segment of the log, which ends at ${this.#end}`,
    );
  }

  async #readFile(segment: Segment, into: Uint8Array, position: number): Promise<void> {
    let got: number;
    try {
      const file = await segment.openFile(this.#disk);
      got = await file.read(into, position - segment.base);
    } catch (error) {
      if (position < this.begin) throw this.#gone(position, error);
      throw error;
    }
    if (got < into.length) throw damage(segment, position + got, 'the file ends there');
  }

  /** Retention took it, perhaps while it was being read. */
  #gone(position: number, cause?: unknown): Failure {
    const what = `position ${position} is below the begin of the log, ${this.begin}`;
    return new Failure('unavailable', what, { reason: 'notFound', cause });
  }
}
