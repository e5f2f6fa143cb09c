import { strict as assert } from 'node:assert';
import { type Disk, Failure, isFailure, type Logger, type PhysicalOffset } from '../base/index.ts';
import { folderOf } from './atomic-replace.ts';
import { BlockSums } from './block-sums.ts';
import type { Durability } from './durability.ts';
import { type LogPlaces, Segment, type SegmentShape } from './segment.ts';

/**
 * The segments of a log, without gaps: sealed ones, the active one, and spares that were created ahead. A file gets its
 * size and its durable name before anything is written to it, and is created or removed only at the ends of the list,
 * one durable step after the other, so that no crash leaves a gap.
 */
export class SegmentList {
  readonly #disk: Disk;
  readonly #logger: Logger;
  readonly #places: LogPlaces;
  readonly #shape: SegmentShape;
  readonly #durability: Durability;
  readonly #segments: Segment[];
  #activeIndex: number;
  #creating: Promise<void> | undefined;
  #creationFailure: Failure | undefined;
  #closed = false;

  constructor(
    parts: { readonly segments: Segment[]; readonly active: Segment },
    options: { readonly places: LogPlaces } & SegmentShape,
    durability: Durability,
    ports: { readonly disk: Disk; readonly logger: Logger },
  ) {
    this.#segments = parts.segments;
    this.#activeIndex = parts.segments.indexOf(parts.active);
    this.#places = options.places;
    this.#shape = options;
    this.#durability = durability;
    this.#disk = ports.disk;
    this.#logger = ports.logger;
  }

  get oldest(): Segment {
    return this.#segments[0]!; // There is always an active one.
  }

  get active(): Segment {
    return this.#segments[this.#activeIndex]!;
  }

  /** Sealed ones, oldest first, then the active one. */
  inUse(): readonly Segment[] {
    return this.#segments.slice(0, this.#activeIndex + 1);
  }

  isSealed(segment: Segment): boolean {
    return segment.base < this.active.base;
  }

  /** The segment in use that holds this position; undefined outside of the log. */
  at(position: number): Segment | undefined {
    const index = Math.floor((position - this.oldest.base) / this.#shape.segmentBytes);
    return index <= this.#activeIndex ? this.#segments[index] : undefined;
  }

  /** Fails `unavailable` when the next segment is not there yet, and has it created. */
  requireNext(): void {
    if (this.#segments[this.#activeIndex + 1] !== undefined) return;
    const failure = this.#creationFailure;
    this.createSpare();
    throw new Failure('unavailable', `the segment after ${this.active.path} is not there yet`, {
      reason: failure?.reason ?? 'busy',
      cause: failure,
    });
  }

  /** Makes the next segment, which must be there, the active one. */
  roll(): void {
    this.requireNext();
    this.#activeIndex++;
    this.createSpare();
  }

  /** Makes the segment that holds this position the active one again; those behind it become spares. */
  unroll(position: PhysicalOffset): void {
    const segment = this.at(position);
    assert(segment !== undefined, 'a cut ends in a segment in use');
    this.#activeIndex = this.#segments.indexOf(segment);
  }

  /** Has the segment behind the active one created, unless it is there or under way. */
  createSpare(): void {
    const last = this.#segments.at(-1)!; // There is always an active one.
    if (last !== this.active || this.#creating !== undefined || this.#closed) return;
    this.#creationFailure = undefined;
    this.#creating = createSegment(
      this.#disk,
      this.#places,
      last.end,
      this.#shape,
      this.#durability,
    )
      .then(
        (segment) => {
          this.#segments.push(segment);
        },
        (error: unknown) => {
          if (!isFailure(error)) throw error;
          this.#creationFailure = error;
          this.#logger.warn(
            'the next segment could not be created; it is tried again when it is needed',
            {
              error,
            },
          );
        },
      )
      .finally(() => {
        this.#creating = undefined;
      });
  }

  /** Removes the oldest segment, which must not be the active one. */
  async removeOldest(): Promise<void> {
    const { oldest } = this;
    assert(oldest !== this.active, 'the active segment stays');
    await this.#disk.remove(oldest.path);
    this.#segments.shift();
    this.#activeIndex--;
    await this.#durability.sync(folderOf(this.#disk, this.#places.segments));
    await oldest.close();
    await this.#disk.remove(oldest.sidecarPath);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#creating;
    for (const segment of this.#segments) await segment.close();
  }
}

/** Creates a segment, with what an interrupted creation left in its place. It is durable once it returns. */
export async function createSegment(
  disk: Disk,
  places: LogPlaces,
  base: number,
  { segmentBytes, blockBytes }: SegmentShape,
  durability: Durability,
): Promise<Segment> {
  const segment = new Segment(places, base, segmentBytes);
  const file = await disk.open(segment.path, 'createOrWrite');
  try {
    await file.truncate(0);
    await file.truncate(segmentBytes);
    await durability.sync(file);
    await durability.sync(folderOf(disk, places.segments));
  } catch (error) {
    await file.close();
    throw error;
  }
  segment.file = file;
  segment.sums = new BlockSums(segmentBytes, blockBytes);
  return segment;
}
