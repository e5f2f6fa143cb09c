import { type Clock, type Disk, isFailure, type Logger, type Timer } from '../base/index.ts';
import { folderOf } from './atomic-replace.ts';
import type { Durability } from './durability.ts';
import type { EpochList } from './epochs.ts';
import type { LogPlaces, Segment } from './segment.ts';
import type { SegmentList } from './segment-list.ts';
import { writeSidecar } from './sidecar.ts';
import type { Mark, SyncedMark } from './synced-mark.ts';

export interface MarkKeeperOptions {
  readonly places: LogPlaces;
  readonly segmentBytes: number;
  readonly blockBytes: number;
  readonly intervalMs: number;
}

/**
 * Writes down, now and then, how far the log is synced: first the epochs and checksums below that position, then the
 * mark, each fsynced before the next. So whatever the mark covers can be verified after any crash.
 */
export class MarkKeeper {
  readonly #options: MarkKeeperOptions;
  readonly #mark: SyncedMark;
  readonly #segments: SegmentList;
  readonly #epochs: EpochList;
  readonly #durability: Durability;
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #noted: Mark;
  #writing: Promise<void> | undefined;
  #timer: Timer | undefined;
  #nextAtMs: number;
  #closed = false;

  constructor(
    options: MarkKeeperOptions,
    parts: {
      readonly mark: SyncedMark;
      readonly segments: SegmentList;
      readonly epochs: EpochList;
      readonly durability: Durability;
    },
    ports: { readonly disk: Disk; readonly clock: Clock; readonly logger: Logger },
  ) {
    this.#options = options;
    this.#mark = parts.mark;
    this.#segments = parts.segments;
    this.#epochs = parts.epochs;
    this.#durability = parts.durability;
    this.#disk = ports.disk;
    this.#clock = ports.clock;
    this.#logger = ports.logger;
    this.#noted = parts.mark.mark;
    this.#nextAtMs = ports.clock.monotonicMs();
  }

  /** Position up to which the mark is durable. */
  get position(): number {
    return this.#mark.mark.position;
  }

  /** The log is synced up to `mark`; it is written down within the interval. */
  note(mark: Mark): void {
    this.#noted = mark;
    this.#schedule();
  }

  /** Writes down what was noted before the call. Fails when that is not possible. */
  async flush(): Promise<void> {
    const { position } = this.#noted;
    while (this.#writing !== undefined) await this.#writing;
    if (position > this.position) await this.#start();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#writing;
    await this.#mark.close();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#closed) return;
    const delayMs = Math.max(0, this.#nextAtMs - this.#clock.monotonicMs());
    this.#timer = this.#clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      if (this.#writing === undefined) void this.#startOrTryAgain();
    });
  }

  async #startOrTryAgain(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      if (!isFailure(error)) throw error;
      if (this.#durability.failure !== undefined) return; // The log throws it at its next use.
      this.#logger.warn('the synced mark could not be written; it is tried again', { error });
      this.#schedule();
    }
  }

  /** One write at a time. */
  #start(): Promise<void> {
    const write = this.#write();
    const done = (): void => {
      this.#writing = undefined;
      this.#nextAtMs = this.#clock.monotonicMs() + this.#options.intervalMs;
      if (this.#noted.position > this.position) this.#schedule();
    };
    this.#writing = write.then(done, done);
    return write;
  }

  async #write(): Promise<void> {
    const mark = this.#noted;
    // Before the checksums: those of a whole segment tell recovery as much as the mark, and it trusts the file then.
    await this.#epochs.save(this.#disk, mark.position, this.#durability);
    for (const segment of this.#segments.inUse()) {
      if (segment.sums !== undefined && segment.base < mark.position) {
        await this.#writeChecksums(segment, mark.position);
      }
    }
    if (mark.position > this.position) await this.#mark.write(mark, this.#durability);
  }

  async #writeChecksums(segment: Segment, synced: number): Promise<void> {
    const { sums } = segment;
    if (sums === undefined) return;
    const { segmentBytes, blockBytes, places } = this.#options;
    const from = segment.sidecarBlocks;
    const to = sums.completeBlocks(synced - segment.base);
    const isSealed = synced >= segment.end;
    if (to === from && !isSealed) return;
    await writeSidecar(
      this.#disk,
      segment.sidecarPath,
      { base: segment.base, segmentBytes, blockBytes },
      sums,
      {
        from,
        to,
        ...(isSealed ? { seal: { lastStoreTimestamp: segment.lastStoreTimestamp } } : {}),
      },
      this.#durability,
    );
    if (from === 0) await this.#durability.sync(folderOf(this.#disk, places.checksums));
    segment.sidecarBlocks = to;
    if (isSealed) segment.sums = undefined;
  }
}
