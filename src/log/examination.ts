import {
  type Disk,
  Failure,
  type Logger,
  type PhysicalOffset,
  physicalOffset,
  type TimestampMs,
  timestampMs,
} from '../base/index.ts';
import { blankHeaderBytes, storeTimestampAt } from '../wire/index.ts';
import { BlockSums } from './block-sums.ts';
import { type EpochEntry, epochBegunBy } from './epochs.ts';
import { baseOf, type LogPlaces, nameOf, Segment, type SegmentShape } from './segment.ts';
import { readSidecar, type Sidecar } from './sidecar.ts';
import { type Mark, noMark, SyncedMark } from './synced-mark.ts';
import { isTorn } from './tear.ts';
import {
  type VisitedRecord,
  type WalkEnd,
  type WalkVisitor,
  type Window,
  walkRecords,
} from './walk.ts';

export interface ExaminationOptions extends SegmentShape {
  readonly places: LogPlaces;
  readonly window: Window;
  /**
   * The operating system has run on since the log was written: it has every byte that it was handed. Then only the
   * newest `checkedBytes` below the mark are compared with their checksums, and no records below it are walked.
   */
  readonly trustsSystem: boolean;
  readonly checkedBytes: number;
}

type WalkChecks = Pick<WalkVisitor, 'refuse' | 'verifiesBodies'>;

/** A segment whose records were walked, from the segment of the mark on up to that of the end. */
export interface WalkedSegment {
  readonly segment: Segment;
  /** End of its records and of the header of its blank record. */
  readonly contentEnd: number;
}

export interface UncheckedBlocks {
  readonly segment: Segment;
  readonly blocks: number;
}

/** What the files of a log hold. */
export interface Found {
  readonly begin: PhysicalOffset;
  readonly end: PhysicalOffset;
  readonly mark: SyncedMark;
  /** The mark, or more if the sidecars tell more. */
  readonly trusted: Mark;
  readonly segments: Segment[];
  readonly walked: readonly WalkedSegment[];
  /** Sidecars of segments that are not there. */
  readonly strayChecksums: readonly string[];
  readonly lastStoreTimestamp: TimestampMs;
  /** That begin in segments that were walked. */
  readonly epochs: readonly EpochEntry[];
  /** Records below it, in segments that were walked or not, were not looked at. */
  readonly walkedFrom: number;
  /** The first blocks of the segment of the mark, if they were not compared with their checksums. */
  readonly unchecked: UncheckedBlocks | undefined;
  /** From the end to the last byte that is not zero. */
  readonly cutBytes: number;
  readonly scannedBytes: number;
  readonly verifiedBytes: number;
}

/**
 * The part of recovery that only reads. Fails `corrupt`, with file and position, when something below the synced mark
 * is missing or does not agree with its checksum; above it, the first bad record is the end of the log.
 */
export class Examination {
  /** Found so far; whoever examines closes them. */
  readonly segments: Segment[] = [];
  readonly #options: ExaminationOptions;
  readonly #disk: Disk;
  readonly #logger: Logger;
  readonly #sizes = new Map<Segment, number>();
  readonly #walked: WalkedSegment[] = [];
  readonly #epochs: EpochEntry[] = [];
  #walkedFrom: number | undefined;
  #unchecked: UncheckedBlocks | undefined;
  #lastStoreTimestamp = timestampMs(0);
  #scannedBytes = 0;
  #verifiedBytes = 0;

  constructor(
    options: ExaminationOptions,
    ports: { readonly disk: Disk; readonly logger: Logger },
  ) {
    this.#options = options;
    this.#disk = ports.disk;
    this.#logger = ports.logger;
  }

  async run(): Promise<Found> {
    const mark = await SyncedMark.read(this.#disk, this.#options.places.mark);
    await this.#listSegments();
    const { segments } = this;
    const begin = segments[0]?.base ?? physicalOffset(0);
    const { sidecars, strayChecksums } = await this.#readSidecars(segments);
    const trusted = this.#trustedMark(mark.mark, begin, sidecars);
    const sealed = segments.filter(({ end }) => end <= trusted.position);
    if (sealed.length === segments.length && trusted.position > 0) {
      throw this.#missing(segments.at(-1)?.end, trusted);
    }
    for (const segment of sealed) await this.#checkSealed(segment, sidecars.get(segment.base));

    let end = begin;
    let isEnd = false;
    for (const segment of segments.slice(sealed.length)) {
      ({ end, isEnd } = await this.#walk(segment, trusted, sidecars.get(segment.base)));
      if (isEnd) break;
    }
    return {
      begin,
      end,
      mark,
      trusted,
      segments,
      walked: this.#walked,
      strayChecksums,
      lastStoreTimestamp: this.#lastStoreTimestamp,
      epochs: this.#epochs,
      walkedFrom: this.#walkedFrom ?? this.#walked[0]?.segment.base ?? end,
      unchecked: this.#unchecked,
      cutBytes: isEnd ? await this.#bytesBehind(end, segments) : 0,
      scannedBytes: this.#scannedBytes,
      verifiedBytes: this.#verifiedBytes,
    };
  }

  async #listSegments(): Promise<void> {
    const { places, segmentBytes } = this.#options;
    const { segments } = this;
    for (const { name, isFolder, size } of await this.#disk.list(places.segments)) {
      const path = `${places.segments}/${name}`;
      const base = isFolder ? undefined : baseOf(name);
      if (base === undefined) {
        this.#logger.warn('not a segment of the log; it is left alone', { path });
        continue;
      }
      const previous = segments.at(-1);
      if (size > segmentBytes || (previous !== undefined && base < previous.end)) {
        throw new Failure(
          'invalid',
          `${size > segmentBytes ? path : previous?.path} was written with another segment size than ${segmentBytes}`,
        );
      }
      if (previous !== undefined && base > previous.end) {
        const missing = `${places.segments}/${nameOf(previous.end)}`;
        throw new Failure('corrupt', `${missing} is missing, and so is what leads to ${path}`);
      }
      const segment = new Segment(places, base, segmentBytes);
      segments.push(segment);
      this.#sizes.set(segment, size);
    }
  }

  async #readSidecars(
    segments: readonly Segment[],
  ): Promise<{ sidecars: Map<number, Sidecar>; strayChecksums: string[] }> {
    const { places } = this.#options;
    const sidecars = new Map<number, Sidecar>();
    const strayChecksums: string[] = [];
    for (const { name } of await this.#disk.list(places.checksums)) {
      const path = `${places.checksums}/${name}`;
      const base = baseOf(name);
      if (base === undefined) continue;
      if (!segments.some((segment) => segment.base === base)) {
        strayChecksums.push(path);
        if (base < (segments[0]?.base ?? 0)) this.#warnOfGone(`${places.segments}/${name}`);
      }
      const sidecar = await readSidecar(this.#disk, path, { base, ...this.#options });
      if (sidecar !== undefined) sidecars.set(base, sidecar);
    }
    return { sidecars, strayChecksums };
  }

  /** Retention removes the segment before its checksums; a person who removes it leaves them there as well. */
  #warnOfGone(path: string): void {
    this.#logger.warn(
      'the oldest segment is gone: a stop came while it expired, or it was removed by hand, and then its messages are lost',
      { path },
    );
  }

  /** A segment whose sidecar is sealed was synced whole, whatever became of the mark. Retention may have passed it. */
  #trustedMark(mark: Mark, begin: PhysicalOffset, sidecars: ReadonlyMap<number, Sidecar>): Mark {
    let trusted = mark.position < begin ? { ...noMark, position: begin } : mark;
    for (const [base, { sealed }] of sidecars) {
      const end = physicalOffset(base + this.#options.segmentBytes);
      if (sealed !== undefined && end > trusted.position) trusted = { ...noMark, position: end };
    }
    return trusted;
  }

  #missing(base: number | undefined, { position }: Mark): Failure {
    const { places, segmentBytes } = this.#options;
    const name = nameOf(base ?? Math.floor(position / segmentBytes) * segmentBytes);
    return new Failure(
      'corrupt',
      `${places.segments}/${name} is missing: the log was synced up to position ${position}`,
    );
  }

  /** Of segments wholly below the mark only the shape is checked: reading them all would take too long. */
  async #checkSealed(segment: Segment, sidecar: Sidecar | undefined): Promise<void> {
    this.#checkSize(segment, segment.end);
    if (sidecar?.sealed === undefined) {
      this.#logger.warn('checksums are missing; the segment is read and they are computed anew', {
        path: segment.sidecarPath,
      });
      await this.#walkBelow(segment, segment.end, this.#newSums(segment));
      segment.lastStoreTimestamp = this.#lastStoreTimestamp;
    } else {
      segment.lastStoreTimestamp = sidecar.sealed.lastStoreTimestamp;
      this.#noteTimestamp(segment.lastStoreTimestamp);
    }
  }

  #checkSize(segment: Segment, mark: number): void {
    const end = segment.base + (this.#sizes.get(segment) ?? 0);
    const needed = Math.min(mark, segment.end);
    if (end < needed) throw damage(segment, end, `it ends there, and was synced up to ${needed}`);
  }

  /**
   * Checks the records of a segment from its beginning, and its checksums below the mark; or, where that is enough, its
   * newest blocks below the mark and the records above.
   */
  async #walk(
    segment: Segment,
    mark: Mark,
    sidecar: Sidecar | undefined,
  ): Promise<{ end: PhysicalOffset; isEnd: boolean }> {
    this.#checkSize(segment, mark.position);
    const sums = this.#newSums(segment);
    const synced = Math.max(segment.base, mark.position);
    if (synced > segment.base) {
      const blocks = Math.floor((synced - segment.base) / this.#options.blockBytes);
      const areKnown = sidecar !== undefined && sidecar.sums.length >= blocks;
      if (areKnown && this.#options.trustsSystem) {
        await this.#readNewest(segment, synced, sums, sidecar);
        this.#walkedFrom = synced;
        this.#noteTimestamp(mark.lastStoreTimestamp);
      } else {
        await this.#walkBelow(segment, synced, sums, { verifiesBodies: !areKnown });
      }
      this.#compare(segment, sums, mark, sidecar);
    }
    const last = await this.#walkRange(segment, synced, segment.end, sums, {
      refuse: (bytes, at, position) =>
        isTorn(bytes, at, position - segment.base) ? 'the record was written in part' : undefined,
    });
    const isEnd = last.position < segment.end && last.found !== 'blank';
    if (last.found === 'blank') sums.addZeroes(); // Recovery cuts what may be there.
    segment.lastStoreTimestamp = this.#lastStoreTimestamp;
    const contentEnd = last.position + (last.found === 'blank' ? blankHeaderBytes : 0);
    this.#walked.push({ segment, contentEnd });
    return { end: isEnd ? last.position : segment.end, isEnd };
  }

  /** Believes the checksums of the first blocks, and computes those of the newest bytes up to `synced`. */
  async #readNewest(
    segment: Segment,
    synced: number,
    sums: BlockSums,
    sidecar: Sidecar,
  ): Promise<void> {
    const { blockBytes, checkedBytes, window } = this.#options;
    const bytes = synced - segment.base;
    const blocks = Math.max(0, Math.floor((bytes - checkedBytes) / blockBytes));
    sums.resume(sidecar.sums.subarray(0, blocks), blocks * blockBytes, 0);
    if (blocks > 0) this.#unchecked = { segment, blocks };
    this.#verifiedBytes -= sums.added; // Which `#compare` counts with all that is below the mark.
    const file = await segment.openFile(this.#disk, 'write');
    while (sums.added < bytes) {
      const into = window.bytes.subarray(0, bytes - sums.added);
      const got = await file.read(into, sums.added);
      if (got < into.length)
        throw damage(segment, segment.base + sums.added + got, 'it ends there');
      sums.add(into);
    }
  }

  #newSums(segment: Segment): BlockSums {
    const sums = new BlockSums(this.#options.segmentBytes, this.#options.blockBytes);
    segment.sums = sums;
    return sums;
  }

  /** Walks from the beginning of a segment up to `synced`, where every record must be good. */
  async #walkBelow(
    segment: Segment,
    synced: number,
    sums: BlockSums,
    checks: WalkChecks = {},
  ): Promise<void> {
    const last = await this.#walkRange(segment, segment.base, synced, sums, checks);
    const isWhole = last.found === 'to' || (last.found === 'blank' && synced === segment.end);
    if (!isWhole) throw damage(segment, last.position, last.why);
    if (last.found === 'blank') await this.#passRest(segment, sums);
  }

  async #walkRange(
    segment: Segment,
    from: number,
    to: number,
    sums: BlockSums,
    checks: WalkChecks,
  ): Promise<WalkEnd> {
    const file = await segment.openFile(this.#disk, 'write');
    const end = await walkRecords(
      { from, to, segmentEnd: segment.end },
      async (into, position) => {
        const got = await file.read(into, position - segment.base);
        into.fill(0, got); // A file that is too short: above the mark that is no damage.
      },
      this.#options.window,
      {
        record: (record) => this.#visit(record),
        ...checks,
        passed: (bytes) => sums.add(bytes),
      },
    );
    this.#scannedBytes += end.position - from;
    return end;
  }

  #visit({ bytes, at, position }: VisitedRecord): void {
    this.#noteTimestamp(storeTimestampAt(bytes, at));
    const begun = epochBegunBy(bytes, at, position);
    if (begun !== undefined) this.#epochs.push(begun);
  }

  #noteTimestamp(timestamp: TimestampMs): void {
    if (timestamp > this.#lastStoreTimestamp) this.#lastStoreTimestamp = timestamp;
  }

  /** What follows a blank record below the mark is covered by the checksums too. */
  async #passRest(segment: Segment, sums: BlockSums): Promise<void> {
    const { window, segmentBytes } = this.#options;
    while (!sums.isComplete) {
      const into = window.bytes.subarray(0, segmentBytes - sums.added);
      into.fill(0, await segment.file.read(into, sums.added));
      sums.add(into);
    }
  }

  /** Compares what was walked up to the mark, which lies in this segment, with what was known of it. */
  #compare(segment: Segment, sums: BlockSums, mark: Mark, sidecar: Sidecar | undefined): void {
    const { blockBytes, places } = this.#options;
    const blocks = sums.completeBlocks(mark.position - segment.base);
    const known = Math.min(blocks, sidecar?.sums.length ?? 0);
    for (let block = 0; block < known; block++) {
      if (sums.sums[block] !== sidecar?.sums[block]) {
        const at = segment.base + block * blockBytes;
        throw damage(
          segment,
          at,
          `the block there has another checksum than ${segment.sidecarPath}`,
        );
      }
    }
    if (sums.openSum !== mark.openSum) {
      const at = segment.base + blocks * blockBytes;
      throw damage(
        segment,
        at,
        `the bytes up to ${mark.position} have another checksum than ${places.mark}`,
      );
    }
    if (known < blocks) {
      this.#logger.warn('checksums are missing; they are computed anew', {
        path: segment.sidecarPath,
      });
    }
    segment.sidecarBlocks = known;
    this.#verifiedBytes += mark.position - segment.base - (blocks - known) * blockBytes;
  }

  /** How far something that is not zero reaches behind the end. Stops looking where a whole window is zero. */
  async #bytesBehind(end: PhysicalOffset, segments: readonly Segment[]): Promise<number> {
    let last: number = end;
    for (const segment of segments) {
      if (segment.end <= end) continue;
      const file = await segment.openFile(this.#disk, 'write');
      let position: number = Math.max(segment.base, end);
      while (position < segment.end) {
        const into = this.#options.window.bytes.subarray(0, segment.end - position);
        const got = await file.read(into, position - segment.base);
        const used = usedLength(into.subarray(0, got));
        if (used === 0) break;
        last = position + used;
        position += got;
      }
    }
    return last - end;
  }
}

const zeroes = new Uint8Array(64 * 1024);

/** Up to the last byte that is not zero; whole blocks of zeroes, most of what is looked at, are compared natively. */
function usedLength(bytes: Uint8Array): number {
  let used = bytes.length;
  while (used >= zeroes.length) {
    if (Buffer.compare(bytes.subarray(used - zeroes.length, used), zeroes) !== 0) break;
    used -= zeroes.length;
  }
  while (used > 0 && bytes[used - 1] === 0) used--;
  return used;
}

export function damage(segment: Segment, position: number, why: string): Failure {
  return new Failure('corrupt', `${segment.path} is damaged at position ${position}: ${why}`);
}
