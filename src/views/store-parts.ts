import type { BrokerId, Clock, Disk, KeyValueStores, Logger, Random } from '../base/index.ts';
import type { CommitLog } from '../log/index.ts';
import type { KeyIndex } from './index/index.ts';
import type { MetadataTables } from './metadata/index.ts';
import type { Queues } from './queues/index.ts';
import type { DelayProgress } from './schedule/index.ts';

export interface StorePorts {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly keyValueStores: KeyValueStores;
  readonly random: Random;
  readonly logger: Logger;
  /** The present run of the operating system; undefined where it does not tell. */
  readonly bootId: string | undefined;
}

export interface StoreOptions {
  /** The store's root folder. */
  readonly folder: string;
  readonly self: BrokerId;
  /** SYNC_FLUSH: messages are acknowledged at D. Otherwise an fsync runs every `flushIntervalMs`. */
  readonly syncFlush: boolean;
  readonly flushIntervalMs: number;
  /** Messages can be found by key. */
  readonly keyIndex: boolean;
  /** How long messages of each delay level wait, by level - 1. */
  readonly delayLevelsMs: readonly number[];
  /** Messages that wait to be copied are answered when so many replicas have them, the leader included. */
  readonly inSyncReplicas: number;
  /** Bytes that may be appended and not yet committed; beyond it appends are refused as busy. */
  readonly maxUncommittedBytes: number;
}

/** The parts of an opened store; `openStore` makes them. */
export interface StoreParts {
  readonly log: CommitLog;
  /** Nobody else counts: all of the log is durable on the whole set. */
  readonly isSole: boolean;
  readonly tables: MetadataTables;
  readonly queues: Queues;
  readonly index: KeyIndex;
  readonly delayProgress: DelayProgress;
}
