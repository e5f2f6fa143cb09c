import {
  type Clock,
  type Disk,
  describeError,
  Failure,
  isFailure,
  type Logger,
  type PhysicalOffset,
  type TimestampMs,
} from '../base/index.ts';
import { checkRecord } from '../wire/index.ts';
import { folderOf, parentOf } from './atomic-replace.ts';
import type { Durability } from './durability.ts';
import { type EpochEntry, EpochList, epochBegunBy, isSameEpoch, readEpochFile } from './epochs.ts';
import {
  damage,
  Examination,
  type ExaminationOptions,
  type Found,
  type UncheckedBlocks,
  type WalkedSegment,
} from './examination.ts';
import type { Segment } from './segment.ts';
import { createSegment } from './segment-list.ts';
import type { SyncedMark } from './synced-mark.ts';
import { walkRecords } from './walk.ts';

/** What opening a log found and did, for the log line at start. */
export interface RecoveryReport {
  readonly begin: PhysicalOffset;
  readonly end: PhysicalOffset;
  /** Position up to which the log was known to have been synced. */
  readonly mark: PhysicalOffset;
  /** Where something that was no record followed the end and was cut away; absent when nothing did. */
  readonly cutAt?: PhysicalOffset;
  /** From there to the last byte that was not zero. */
  readonly cutBytes: number;
  /** Bytes whose records were checked. */
  readonly scannedBytes: number;
  /** Bytes below the mark that were compared with their checksums. */
  readonly verifiedBytes: number;
  readonly elapsedMs: number;
}

export interface RecoveredLog {
  readonly segments: Segment[];
  readonly active: Segment;
  /** Everything below it is synced. */
  readonly end: PhysicalOffset;
  readonly lastStoreTimestamp: TimestampMs;
  readonly epochs: EpochList;
  readonly mark: SyncedMark;
  readonly unchecked: UncheckedBlocks | undefined;
  readonly report: RecoveryReport;
}

/**
 * Opens the files of a log: examines them without changing anything, then repairs what a crash may have left above the
 * synced mark. Fails `corrupt` when something below the mark is damaged.
 */
export async function recover(
  options: ExaminationOptions,
  durability: Durability,
  ports: { readonly disk: Disk; readonly clock: Clock; readonly logger: Logger },
): Promise<RecoveredLog> {
  const { disk, clock, logger } = ports;
  const startedAt = clock.monotonicMs();
  await disk.makeFolder(options.places.segments);
  await disk.makeFolder(options.places.checksums);
  const examination = new Examination(options, ports);
  let found: Found;
  let epochs: EpochList;
  let active: Segment;
  try {
    found = await examination.run();
    epochs = await recoverEpochs(found, options, disk, logger);
    active = await repair(found, options, durability, disk);
  } catch (error) {
    for (const segment of examination.segments) await segment.close();
    throw error;
  }
  const { begin, end, cutBytes, scannedBytes, verifiedBytes } = found;
  return {
    segments: found.segments,
    active,
    end,
    lastStoreTimestamp: found.lastStoreTimestamp,
    epochs,
    mark: found.mark,
    unchecked: found.unchecked,
    report: {
      begin,
      end,
      mark: found.trusted.position,
      ...(cutBytes > 0 ? { cutAt: end } : {}),
      cutBytes,
      scannedBytes,
      verifiedBytes,
      elapsedMs: Math.round(clock.monotonicMs() - startedAt),
    },
  };
}

/**
 * Leaves a log that ends at `found.end`, synced, with nothing behind it; returns the segment that goes on there.
 * Whole segments behind the end go first, the newest of them first, each durably: so a crash leaves no gap, and the
 * next start finds the same end, since what ended the log is cut last.
 */
async function repair(
  found: Found,
  options: ExaminationOptions,
  durability: Durability,
  disk: Disk,
): Promise<Segment> {
  const { places } = options;
  const { segments, end } = found;
  if (segments.length === 0) await makeDurableAbove(places.root, disk, durability);
  await durability.sync(folderOf(disk, places.root));
  for (let last = segments.at(-1); last !== undefined && last.base > end; last = segments.at(-1)) {
    await last.close();
    await disk.remove(last.path);
    await durability.sync(folderOf(disk, places.segments));
    segments.pop();
  }
  for (const walked of found.walked) {
    await settle(walked, found.trusted.position, options, durability);
  }
  for (const path of found.strayChecksums) await disk.remove(path);
  if (found.strayChecksums.length > 0) await durability.sync(folderOf(disk, places.checksums));
  const last = segments.at(-1);
  if (last !== undefined && last.end > end) return last;
  const segment = await createSegment(disk, places, end, options, durability);
  segments.push(segment);
  return segment;
}

/** A new log: its root folder, and folders above that, may have been made just now, or before a crash. */
async function makeDurableAbove(root: string, disk: Disk, durability: Durability): Promise<void> {
  const parent = parentOf(root);
  await durability.sync(folderOf(disk, parent));
  for (let path = parent; path !== parentOf(path); ) {
    path = parentOf(path);
    await disk.syncFolder(path).catch(() => {}); // Most likely older, and perhaps not ours to open.
  }
}

/**
 * Cuts what follows the content of a segment, and makes all of it durable. What lies above the mark is written once
 * more: after an fsync that failed, the operating system counts it as clean although it never reached the disk, so that
 * an fsync alone would prove nothing.
 */
async function settle(
  { segment, contentEnd }: WalkedSegment,
  mark: number,
  options: ExaminationOptions,
  durability: Durability,
): Promise<void> {
  const { file } = segment;
  await file.truncate(contentEnd - segment.base);
  await file.truncate(options.segmentBytes);
  for (let position = Math.max(mark, segment.base); position < contentEnd; ) {
    const bytes = options.window.bytes.subarray(0, contentEnd - position);
    const got = await file.read(bytes, position - segment.base);
    if (got < bytes.length)
      throw damage(segment, position + got, 'it ends there, and did not before');
    await file.write(bytes, position - segment.base);
    position += got;
  }
  await durability.sync(file);
}

/** The file `epochs` for what was not walked, if the log agrees with it; else the whole log is searched. */
async function recoverEpochs(
  found: Found,
  options: ExaminationOptions,
  disk: Disk,
  logger: Logger,
): Promise<EpochList> {
  const path = options.places.epochs;
  const { walkedFrom } = found;
  const unwalked = found.segments.filter(({ base }) => base < walkedFrom);
  let older: readonly EpochEntry[];
  try {
    const saved = await readEpochFile(disk, path);
    if (saved === undefined && unwalked.length > 0)
      throw new Failure('corrupt', `${path} is missing`);
    older = (saved ?? []).filter(({ start }) => start < walkedFrom);
    for (const entry of older) await checkEpoch(entry, unwalked, disk, options);
  } catch (error) {
    if (!isFailure(error, 'corrupt')) throw error;
    logger.warn('the epochs are looked for in the whole log', { why: describeError(error) });
    older = await searchEpochs(unwalked, walkedFrom, disk, options);
  }
  const list = new EpochList(path);
  for (const entry of older) list.note(entry);
  for (const entry of found.epochs) if (entry.start >= walkedFrom) list.note(entry);
  return list;
}

/** Compares an entry with the record at its position, unless retention took that. */
async function checkEpoch(
  entry: EpochEntry,
  segments: readonly Segment[],
  disk: Disk,
  { window }: ExaminationOptions,
): Promise<void> {
  const segment = segments.find(({ base, end }) => base <= entry.start && entry.start < end);
  if (segment === undefined) return;
  const file = await segment.openFile(disk);
  const bytes = window.bytes.subarray(0, segment.end - entry.start);
  const got = await file.read(bytes, entry.start - segment.base);
  const isRecord = checkRecord(bytes, 0, got, entry.start).type === 'record';
  const begun = isRecord ? epochBegunBy(bytes, 0, entry.start) : undefined;
  if (begun !== undefined && isSameEpoch(begun, entry)) return;
  throw damage(segment, entry.start, `no record of epoch ${entry.epoch}, which should begin there`);
}

async function searchEpochs(
  segments: readonly Segment[],
  below: number,
  disk: Disk,
  { window }: ExaminationOptions,
): Promise<EpochEntry[]> {
  const epochs: EpochEntry[] = [];
  for (const segment of segments) {
    const file = await segment.openFile(disk);
    const last = await walkRecords(
      { from: segment.base, to: Math.min(segment.end, below), segmentEnd: segment.end },
      async (into, position) => {
        into.fill(0, await file.read(into, position - segment.base));
      },
      window,
      {
        record: ({ bytes, at, position }) => {
          const begun = epochBegunBy(bytes, at, position);
          if (begun !== undefined) epochs.push(begun);
        },
      },
    );
    const isWhole = last.found === 'blank' || (last.found === 'to' && below < segment.end);
    if (!isWhole) throw damage(segment, last.position, last.why);
  }
  return epochs;
}
