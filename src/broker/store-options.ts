import type { BrokerId } from '../base/index.ts';
import type { LocalStoreOptions } from '../views/index.ts';
import type { BrokerOptions } from './options.ts';

/** A record holds a message's body and up to 64 KiB of everything else, as in RocketMQ. */
const recordOverheadBytes = 64 * 1024;
const persistIntervalMs = 200;
const maxUncommittedBytes = 64 * 1024 * 1024;
const queueMemoryBytes = 32 * 1024 * 1024;
const syncedMarkIntervalMs = 1000;
/** Memory of the log is taken, and files are read, in such pieces; in smaller ones where segments are smaller. */
const largestChunkBytes = 8 * 1024 * 1024;

/** The largest record that the log takes until the next start. */
function largestRecordBytes(options: BrokerOptions): number {
  const piece = Math.min(largestChunkBytes, options.segmentBytes);
  return Math.max(options.maxMessageBytes + recordOverheadBytes, piece);
}

/** How far `maxMessageSize` may rise while the broker that started with these options runs. */
export const largestMessageBytes = (options: BrokerOptions): number =>
  largestRecordBytes(options) - recordOverheadBytes;

/** What may change while the broker runs is looked up in `options` each time. */
export function localStoreOptions(options: BrokerOptions, self: BrokerId): LocalStoreOptions {
  const maxRecordBytes = largestRecordBytes(options);
  return {
    folder: options.storePath,
    self,
    get syncFlush() {
      return options.flushDiskType === 'SYNC_FLUSH';
    },
    get flushIntervalMs() {
      return options.flushIntervalMs;
    },
    get keyIndex() {
      return options.keyIndex;
    },
    delayLevelsMs: options.delayLevelsMs,
    get inSyncReplicas() {
      return options.allAckInSyncStateSet ? 1 : options.inSyncReplicas;
    },
    maxUncommittedBytes,
    log: {
      segmentBytes: options.segmentBytes,
      maxRecordBytes,
      tailBytes: options.tailBytes,
      chunkBytes: maxRecordBytes,
      syncedMarkIntervalMs,
    },
    persistIntervalMs,
    queueMemoryBytes,
    get intervalMs() {
      return options.cleanIntervalMs;
    },
    get retainMs() {
      return options.reservedTimeMs;
    },
    get deleteHours() {
      return options.deleteHours;
    },
    get maxUsedRatio() {
      return options.diskMaxUsedRatio;
    },
    get maxLogBytes() {
      return options.maxStoreBytes;
    },
    get cleanForciblyRatio() {
      return options.cleanForcibly ? options.diskCleanRatio : 1;
    },
    get refuseWritesRatio() {
      return options.diskFullRatio;
    },
    get snapshotIntervalMs() {
      return options.snapshotIntervalMs;
    },
    get scrubIntervalMs() {
      return options.metadataScrubIntervalMs;
    },
    get databaseFlushIntervalMs() {
      return options.metadataFlushIntervalMs;
    },
  };
}
