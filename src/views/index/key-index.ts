import { strict as assert } from 'node:assert';
import {
  type KeyValue,
  type Mutation,
  type PhysicalOffset,
  physicalOffset,
  type TimestampMs,
} from '../../base/index.ts';
import { Entries } from './entries.ts';
import { runKey } from './keys.ts';
import { encodePage } from './page.ts';
import { type Run, runOf } from './run.ts';
import { StoredIndex } from './stored-index.ts';

/** Entries of one run at most, a record's worth more if its keys would not fit: what sorting takes bounds it. */
const maxRunEntries = 32768;

/** A run with fewer takes the entries of the next batch too, or a slow broker would have one per batch. */
const openRunEntries = 4096;

/** What waits to be written, in the same atomic write as the batch of the queues, which has the position. */
export interface IndexBatch {
  readonly batch: readonly Mutation[];
  readonly position: PhysicalOffset;
  done(): void;
  failed(): void;
}

interface Segment {
  readonly base: number;
  readonly end: number;
}

/** A run that takes more entries, which are kept for that. */
interface OpenRun {
  readonly first: number;
  readonly entries: Entries;
}

/**
 * Which positions may hold a message with some key. A view of the log like the queues, and persisted with them:
 *
 *   add -> pending, in memory -> run, one per batch -> buckets, once the segment is sealed
 *
 * Only `maintain` writes to the database by itself: buckets instead of runs, which does not change what there is.
 */
export class KeyIndex {
  readonly #stored: StoredIndex;
  /** In the order of their positions; those of a batch in flight are the first. */
  readonly #pending = new Entries(1024);
  /** Sealed segments that still have to be merged, by position. No run goes beyond the end of one. */
  #sealed: Segment[] = [];
  #open: OpenRun | undefined;
  #inFlight: { readonly position: PhysicalOffset; readonly runs: readonly Run[] } | undefined;
  /** All entries below are in runs or buckets. */
  #persisted = physicalOffset(0);
  #begin = physicalOffset(0);
  #maintenance: Promise<void> | undefined;

  /** Reads nothing yet: the first query or `maintain` does. */
  static async open(keyValue: KeyValue): Promise<KeyIndex> {
    return new KeyIndex(new StoredIndex(keyValue));
  }

  private constructor(stored: StoredIndex) {
    this.#stored = stored;
  }

  /**
   * A record at `position`, not below that of the record before, has a key with this hash. Records that the database
   * contains (below the persisted position of the queues) are not added again.
   */
  add(hash: number, position: PhysicalOffset, storeTimestamp: TimestampMs): void {
    const { length } = this.#pending;
    assert(
      length === 0 ? position >= this.#persisted : position >= this.#pending.position(length - 1),
      'index entries come in the order of the log',
    );
    this.#pending.add(hash, position, storeTimestamp);
  }

  /** Takes back all entries at or above `position`, and the sealing of segments that end above it. */
  cut(position: PhysicalOffset): void {
    assert(
      position >= (this.#inFlight?.position ?? this.#persisted),
      `cut at ${position} below what the index has persisted`,
    );
    this.#pending.length = this.#pending.countBelow(position);
    this.#sealed = this.#sealed.filter(({ end }) => end <= position);
  }

  /**
   * The segment `base..end` takes no more records: `maintain` merges its runs. After a start, all sealed segments of the
   * log are named again; those without runs cost one look into memory.
   */
  sealSegment(base: PhysicalOffset, end: PhysicalOffset): void {
    assert(base < end, 'a sealed segment has records');
    if (this.#sealed.some((segment) => segment.base === base)) return;
    this.#sealed.push({ base, end });
    this.#sealed.sort((one, other) => one.base - other.base);
    if (this.#open !== undefined && this.#open.first < end) this.#open = undefined;
  }

  /** Entries below are not wanted any more; queries leave them out, `maintain` deletes them. */
  dropBelow(begin: PhysicalOffset): void {
    if (begin <= this.#begin) return;
    this.#begin = begin;
    this.#sealed = this.#sealed.filter(({ end }) => end > begin);
  }

  /**
   * The entries of records below `synced`, which is the position of the queues' batch that this one is joined with;
   * undefined when there are none. One batch at a time.
   */
  takeBatch(synced: PhysicalOffset): IndexBatch | undefined {
    assert(this.#inFlight === undefined, 'one batch of the index at a time');
    const count = this.#pending.countBelow(synced);
    const position = physicalOffset(Math.max(this.#persisted, synced));
    if (count === 0) {
      this.#persisted = position;
      return undefined;
    }
    const batch: Mutation[] = [];
    const runs: Run[] = [];
    let last: OpenRun | undefined;
    for (let from = 0; from < count; ) {
      const before = from === 0 ? this.#openFor(this.#pending.position(0)) : undefined;
      const to = this.#endOfRun(from, count, before?.entries.length ?? 0);
      const added = this.#pending.view(from, to);
      const entries = before?.entries.joined(added) ?? added;
      const run = runOf(entries);
      batch.push({ type: 'put', key: runKey(run.first), value: encodePage(entries, run, 0) });
      runs.push(run);
      const mayTakeMore = entries.length < openRunEntries;
      last = mayTakeMore
        ? { first: run.first, entries: entries.slice(0, entries.length) }
        : undefined;
      from = to;
    }
    this.#inFlight = { position, runs };
    return {
      batch,
      position,
      done: () => {
        this.#inFlight = undefined;
        this.#persisted = position;
        for (const run of runs) this.#stored.addRun(run);
        this.#pending.shift(count);
        this.#open = last !== undefined && !this.#isSealed(last) ? last : undefined;
      },
      failed: () => {
        this.#inFlight = undefined;
      },
    };
  }

  /**
   * Positions below `limit`, newest first, at most `max`, of records stored between `begin` and `end` (inclusive) that
   * may have the key. Some have another key with the same hash: look at the record. Fails `corrupt`, naming the page.
   */
  async query(
    hash: number,
    times: { readonly begin: number; readonly end: number },
    max: number,
    limit: PhysicalOffset,
  ): Promise<PhysicalOffset[]> {
    const positions = new Set<number>();
    const { begin, end } = times;
    for (const entries of [this.#pending, this.#open?.entries ?? new Entries(0)]) {
      for (let index = entries.length - 1; index >= 0; index--) {
        const timestamp = entries.timestamps[index] as number;
        if (entries.hashes[index] !== hash || timestamp < begin || timestamp > end) continue;
        const position = entries.position(index);
        if (position >= this.#begin && position < limit) positions.add(position);
      }
    }
    const wanted = { hash, begin, end, from: this.#begin, to: limit };
    if (positions.size < max) await this.#stored.find(wanted, max, positions);
    return [...positions]
      .sort((one, other) => other - one)
      .slice(0, max)
      .map(physicalOffset);
  }

  /**
   * Merges the runs of sealed segments that are persisted, oldest first, and deletes what `dropBelow` gave up. Reads and
   * writes in pieces, so that it never holds the loop up for more than a few milliseconds. To be called now and then;
   * a second call while it runs joins the first. Fails `corrupt` or as the database does, with nothing lost.
   */
  async maintain(): Promise<void> {
    this.#maintenance ??= this.#maintain().finally(() => {
      this.#maintenance = undefined;
    });
    await this.#maintenance;
  }

  async #maintain(): Promise<void> {
    await this.#stored.dropBelow(this.#begin);
    for (const segment of [...this.#sealed]) {
      const { base, end } = segment;
      const isBeingWritten = this.#inFlight?.runs.some(({ first }) => first < end) ?? false;
      if (this.#persisted < end || isBeingWritten) break;
      if (!this.#sealed.includes(segment)) continue;
      await this.#stored.merge(base, end);
      this.#sealed = this.#sealed.filter((sealed) => sealed !== segment);
    }
  }

  /** The open run, if the entry at `position` may join it. */
  #openFor(position: number): OpenRun | undefined {
    const open = this.#open;
    return open === undefined || this.#sealedBetween(open.first, position) ? undefined : open;
  }

  #isSealed(run: OpenRun): boolean {
    return this.#sealed.some(({ end }) => run.first < end);
  }

  #sealedBetween(first: number, position: number): boolean {
    return this.#sealed.some(({ end }) => first < end && end <= position);
  }

  /** Where the run ends that begins at the pending entry `from`: at the border of a record and of a segment. */
  #endOfRun(from: number, count: number, joined: number): number {
    const pending = this.#pending;
    const first = pending.position(from);
    let limit = count;
    for (const { end } of this.#sealed) {
      if (end > first) {
        limit = Math.min(count, pending.countBelow(end));
        break;
      }
    }
    const to = Math.min(limit, from + maxRunEntries - joined);
    if (to === limit) return to;
    const atRecord = pending.countBelow(pending.position(to));
    return atRecord > from ? atRecord : pending.countBelow(first + 1);
  }
}
