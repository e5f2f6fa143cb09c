/**
 * The truth of a node: its commit log. Owns the segments, their checksums, the synced mark and the epoch list: append,
 * fsync, recovery, deletion of segments. Knows no topic but that of epoch records.
 */
export {
  atomicReplace,
  changesFile,
  makeDurableFolder,
  readChecksummed,
  replaceChecksummed,
} from './atomic-replace.ts';
export {
  CommitLog,
  type CommitLogOptions,
  type CommitLogPorts,
  defaultSegmentBytes,
  type SegmentInfo,
} from './commit-log.ts';
export { createLog, removeLog } from './create.ts';
export { cutLog } from './cut.ts';
export { Durability } from './durability.ts';
export {
  decodeEpochRecordBody,
  EPOCH_TOPIC,
  type EpochEntry,
  type EpochRecord,
  encodeEpochRecordBody,
  epochBegunBy,
  incarnationBytes,
  isSameEpoch,
} from './epochs.ts';
export { type LogRange, whyNoRecords } from './range.ts';
export type { RecoveryReport } from './recovery.ts';
export { placesIn } from './segment.ts';
export type { VisitedRecord } from './walk.ts';
