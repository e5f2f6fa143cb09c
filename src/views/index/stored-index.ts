import { Failure, type KeyValue, type Mutation } from '../../base/index.ts';
import { afterBuckets, afterRuns, bucketKey, bucketOf, positionOf, runKey } from './keys.ts';
import { mergeRuns } from './merge.ts';
import { type Bounds, Page } from './page.ts';
import { type Run, runFromPage, runName } from './run.ts';

/** A sealed segment whose runs were merged; `first` is its base. */
interface MergedSegment extends Bounds {
  readonly bits: number;
}

interface Wanted {
  readonly hash: number;
  readonly begin: number;
  readonly end: number;
  /** Positions: inclusive, exclusive. */
  readonly from: number;
  readonly to: number;
}

/** Runs that one read of the database brings: they are up to half a mebibyte each. */
const runsPerRead = 4;
/** Pages that a query reads at a time. */
const pagesPerRead = 16;
const queryAttempts = 5;

/**
 * Runs and buckets in the database, and what memory knows about them. A segment is merged if it has its bucket 0, which
 * is written last, in the batch that deletes the runs: buckets without it are left of a merge that a crash ended.
 */
export class StoredIndex {
  readonly #keyValue: KeyValue;
  /** By first position. Without those of earlier processes until `#load` ran. */
  #runs: Run[] = [];
  #segments: MergedSegment[] = [];
  #loading: Promise<void> | undefined;
  /** Counts the times that runs or buckets went away. */
  #changes = 0;
  /** A merge or a drop that is under way; one at a time. */
  #changing: Promise<void> | undefined;
  #dropped = 0;

  constructor(keyValue: KeyValue) {
    this.#keyValue = keyValue;
  }

  /** A run was written; it replaces the one with the same key. */
  addRun(run: Run): void {
    const index = this.#runs.findLastIndex(({ first }) => first <= run.first);
    const replaces = this.#runs[index]?.first === run.first;
    if (replaces) this.#runs[index] = run;
    else this.#runs.splice(index + 1, 0, run);
  }

  /** Adds what matches to `positions`, newest pages first, until it has `max`. */
  async find(wanted: Wanted, max: number, positions: Set<number>): Promise<void> {
    await this.#load();
    for (let attempt = 0; attempt < queryAttempts; attempt++) {
      const changes = this.#changes;
      const missing = await this.#search(wanted, max, positions);
      if (missing === undefined) return;
      // A write that deletes runs takes effect a little before it returns.
      if (changes === this.#changes) await this.#changing?.catch(() => {}); // Who changes is told.
      if (changes === this.#changes) throw new Failure('corrupt', `${missing} is not there`);
    }
    throw new Failure('unavailable', 'the index changed all the time of a query', {
      reason: 'busy',
    });
  }

  /** Deletes what lies below; a run or segment that reaches above stays. */
  async dropBelow(begin: number): Promise<void> {
    if (begin <= this.#dropped) return;
    await this.#load();
    const batch: Mutation[] = [
      { type: 'deleteRange', from: bucketKey(0, 0), to: bucketKey(begin, 0) },
    ];
    for (const run of this.#runs) {
      if (run.last < begin) batch.push({ type: 'delete', key: runKey(run.first) });
    }
    await this.#change(async () => {
      await this.#keyValue.write(batch);
      this.#dropped = begin;
      this.#segments = this.#segments.filter(({ first }) => first >= begin);
      this.#runs = this.#runs.filter(({ last }) => last >= begin);
    });
  }

  /** Replaces the runs that begin in a segment by its buckets. No such run is being written. */
  async merge(base: number, end: number): Promise<void> {
    await this.#load();
    const runs = this.#runs.filter(({ first }) => base <= first && first < end);
    if (runs.length === 0 || this.#segments.some(({ first }) => first === base)) return;
    await this.#change(async () => {
      const { segment, rest } = await mergeRuns(this.#keyValue, runs, base, end);
      const merged = new Set(runs);
      this.#runs = [...this.#runs.filter((run) => !merged.has(run)), ...rest].sort(byFirst);
      this.#segments = [...this.#segments, segment].sort(byFirst);
    });
  }

  async #change(action: () => Promise<void>): Promise<void> {
    this.#changing = action().finally(() => {
      this.#changing = undefined;
      this.#changes++;
    });
    await this.#changing;
  }

  /** Returns the name of a page that should be there and is not. */
  async #search(wanted: Wanted, max: number, positions: Set<number>): Promise<string | undefined> {
    const sources = [...this.#runs, ...this.#segments]
      .filter((source) => mayMatch(source, wanted))
      .sort((one, other) => other.first - one.first);
    for (let from = 0; from < sources.length && positions.size < max; from += pagesPerRead) {
      const some = sources.slice(from, from + pagesPerRead);
      const keys = some.map((source) =>
        'filter' in source
          ? runKey(source.first)
          : bucketKey(source.first, bucketIn(source, wanted)),
      );
      const values = await this.#keyValue.getMany(keys);
      for (const [index, source] of some.entries()) {
        const value = values[index];
        const name = 'filter' in source ? runName(source.first) : bucketName(source, wanted);
        if (value !== undefined) collect(new Page(name, value), wanted, positions);
        // Empty buckets are not written, apart from the first.
        else if ('filter' in source || bucketIn(source, wanted) === 0) return name;
      }
    }
    return undefined;
  }

  #load(): Promise<void> {
    this.#loading ??= Promise.all([this.#loadRuns(), this.#loadSegments()]).then(
      () => {},
      (error: unknown) => {
        this.#loading = undefined; // The next who needs it tries again.
        throw error;
      },
    );
    return this.#loading;
  }

  /** The runs of earlier processes; their values are read to know what is in them. */
  async #loadRuns(): Promise<void> {
    const loaded: Run[] = [];
    for (let from = runKey(0); ; ) {
      let read = 0;
      let last = 0;
      const range = { from, to: afterRuns, limit: runsPerRead };
      for await (const [key, value] of this.#keyValue.scan(range)) {
        read++;
        last = positionOf(key);
        loaded.push(runFromPage(new Page(runName(last), value)));
      }
      if (read < runsPerRead) break;
      from = runKey(last + 1);
    }
    const known = new Set(this.#runs.map(({ first }) => first));
    this.#runs = [...this.#runs, ...loaded.filter(({ first }) => !known.has(first))].sort(byFirst);
  }

  async #loadSegments(): Promise<void> {
    const segments: MergedSegment[] = [];
    for (let from: Uint8Array | undefined = bucketKey(0, 0); from !== undefined; ) {
      const range = { from, to: afterBuckets, limit: 1 };
      from = undefined;
      for await (const [key, value] of this.#keyValue.scan(range)) {
        const base = positionOf(key);
        if (bucketOf(key) === 0) {
          const page = new Page(`bucket 0 of the index of segment ${base}`, value);
          segments.push({ ...page.bounds, bits: page.bits });
        }
        from = bucketKey(base + 1, 0);
      }
    }
    this.#segments = segments.sort(byFirst);
  }
}

function mayMatch(source: Run | MergedSegment, wanted: Wanted): boolean {
  if (source.last < wanted.from || source.first >= wanted.to) return false;
  if (source.end < wanted.begin || source.begin > wanted.end) return false;
  return !('filter' in source) || source.filter.mayHave(wanted.hash);
}

function collect(page: Page, wanted: Wanted, positions: Set<number>): void {
  const { hash, begin, end, from, to } = wanted;
  for (let index = page.indexOf(hash); index < page.count && page.hash(index) === hash; index++) {
    const position = page.position(index);
    if (position >= from && position < to && page.isWithin(index, begin, end)) {
      positions.add(position);
    }
  }
}

function bucketIn(segment: MergedSegment, wanted: Wanted): number {
  return segment.bits === 0 ? 0 : wanted.hash >>> (32 - segment.bits);
}

function bucketName(segment: MergedSegment, wanted: Wanted): string {
  return `bucket ${bucketIn(segment, wanted)} of the index of segment ${segment.first}`;
}

function byFirst(one: Bounds, other: Bounds): number {
  return one.first - other.first;
}
