import type { Disk, DiskFile, PhysicalOffset, TimestampMs } from '../base/index.ts';
import { Failure, physicalOffset, timestampMs } from '../base/index.ts';
import type { BlockSums } from './block-sums.ts';

/** Where the parts of a log lie below the store's root. */
export interface LogPlaces {
  readonly root: string;
  readonly segments: string;
  readonly checksums: string;
  readonly mark: string;
  readonly epochs: string;
}

export function placesIn(root: string): LogPlaces {
  return {
    root,
    segments: `${root}/commitlog`,
    checksums: `${root}/checksums`,
    mark: `${root}/synced-mark`,
    epochs: `${root}/epochs`,
  };
}

export const nameOf = (base: number): string => String(base).padStart(20, '0');

/** The base that a file's name states; undefined when it is no such name. */
export function baseOf(name: string): number | undefined {
  const base = Number(name);
  return /^\d{20}$/.test(name) && Number.isSafeInteger(base) ? base : undefined;
}

export interface SegmentShape {
  readonly segmentBytes: number;
  readonly blockBytes: number;
}

/**
 * One file of the log: `commitlog/<base>`, sparse and of full size. Records do not cross its end; a blank record fills
 * what is left when the next one does not fit.
 */
export class Segment {
  readonly base: PhysicalOffset;
  /** Exclusive. */
  readonly end: PhysicalOffset;
  readonly path: string;
  readonly sidecarPath: string;
  /** Of its newest record; final once the segment is sealed. */
  lastStoreTimestamp: TimestampMs = timestampMs(0);
  /** Checksums of what is written; undefined once the sidecar holds all of them, sealed. */
  sums: BlockSums | undefined;
  /** How many entries of the sidecar are durable. */
  sidecarBlocks = 0;
  /** A failed write was cut away; the file gets its full size back before the next one. */
  isShort = false;
  #file: DiskFile | undefined;
  #opening: Promise<DiskFile> | undefined;

  constructor(places: LogPlaces, base: number, segmentBytes: number) {
    this.base = physicalOffset(base);
    this.end = physicalOffset(base + segmentBytes);
    this.path = `${places.segments}/${nameOf(base)}`;
    this.sidecarPath = `${places.checksums}/${nameOf(base)}`;
  }

  /** The file, opened for writing: of the segment that is written to, and of those behind it. */
  get file(): DiskFile {
    if (this.#file === undefined) throw new Failure('closed', `${this.path} is not open`);
    return this.#file;
  }

  set file(file: DiskFile) {
    this.#file = file;
  }

  /** The file for reading; it then stays open. */
  async openFile(disk: Disk, mode: 'read' | 'write' = 'read'): Promise<DiskFile> {
    if (this.#file !== undefined) return this.#file;
    this.#opening ??= disk.open(this.path, mode).then(
      (file) => {
        this.#file = file;
        return file;
      },
      (error: unknown) => {
        this.#opening = undefined;
        throw error;
      },
    );
    return await this.#opening;
  }

  /** Checksum of the incomplete last block of what is written. */
  get openSum(): number {
    return this.sums?.openSum ?? 0;
  }

  /** Takes away what lies at or above `position`. */
  cutNow(position: number): void {
    this.isShort = true;
    this.file.truncateNow(position - this.base);
  }

  extendIfShort(): void {
    if (!this.isShort) return;
    this.file.truncateNow(this.end - this.base);
    this.isShort = false;
  }

  async close(): Promise<void> {
    const file = this.#file ?? (await this.#opening?.catch(() => undefined));
    await file?.close();
  }
}
