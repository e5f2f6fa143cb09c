import { Failure, type KeyValue, type Mutation } from '../../base/index.ts';
import { Entries } from './entries.ts';
import { bucketKey, runKey } from './keys.ts';
import { type Bounds, encodePage, entriesPerMebibyte, Page } from './page.ts';
import { type Run, runName } from './run.ts';

const entriesPerBucket = 512;
const maxBits = 16;

/** Entries that are in memory at a time; more are merged in several passes over the runs. */
const maxEntriesPerPass = 32 * entriesPerMebibyte;

/** Entries of one write, and so of the time between two waits for the database. */
const entriesPerWrite = 8192;

export interface Merged {
  readonly segment: Bounds & { readonly bits: number };
  /** Runs that took the place of those which went on beyond the segment's end. */
  readonly rest: readonly Run[];
}

/**
 * Writes the entries of runs as the buckets of their segment, by the top bits of the hash. The last write puts bucket 0
 * and deletes the runs; a crash before it leaves the runs, and buckets that do not count.
 */
export async function mergeRuns(
  keyValue: KeyValue,
  runs: readonly Run[],
  base: number,
  end: number,
): Promise<Merged> {
  const total = runs.reduce((sum, run) => sum + run.count, 0);
  const bits = Math.min(maxBits, Math.max(0, Math.ceil(Math.log2(total / entriesPerBucket))));
  const buckets = 2 ** bits;
  const segment = {
    first: base,
    last: end - 1,
    begin: Math.min(...runs.map((run) => run.begin)),
    end: Math.max(...runs.map((run) => run.end)),
    bits,
  };
  await keyValue.write([
    { type: 'deleteRange', from: bucketKey(base, 0), to: bucketKey(base + 1, 0) },
  ]);

  const final: Mutation[] = [];
  let batch: Mutation[] = [];
  let batchEntries = 0;
  const entries = new Entries(entriesPerBucket * 2);
  const passes = Math.min(buckets, Math.ceil(total / maxEntriesPerPass));
  for (let pass = 0; pass < passes; pass++) {
    const from = Math.floor((buckets * pass) / passes);
    const to = Math.floor((buckets * (pass + 1)) / passes);
    const parts = await readParts(keyValue, runs, from * 2 ** (32 - bits), to * 2 ** (32 - bits));
    for (let bucket = from; bucket < to; bucket++) {
      takeBelow(parts, (bucket + 1) * 2 ** (32 - bits), end, entries);
      if (entries.length === 0 && bucket > 0) continue;
      const value = encodePage(entries, segment, bits);
      const put = { type: 'put', key: bucketKey(base, bucket), value } as const;
      if (bucket === 0) final.push(put);
      else batch.push(put);
      batchEntries += entries.length;
      if (batchEntries < entriesPerWrite) continue;
      await keyValue.write(batch);
      batch = [];
      batchEntries = 0;
    }
  }

  final.push({ type: 'deleteRange', from: runKey(base), to: runKey(end) });
  const rest: Run[] = [];
  for (const run of runs.filter(({ last }) => last >= end)) {
    const entries = await entriesFrom(keyValue, run, end);
    const kept = { ...run, first: entries.position(0), count: entries.length };
    final.push({ type: 'put', key: runKey(kept.first), value: encodePage(entries, kept, 0) });
    rest.push(kept);
  }
  await keyValue.write([...batch, ...final]);
  return { segment, rest };
}

/** The entries of a run whose hashes lie in some range, and how far they were taken. */
interface Part {
  readonly entries: Entries;
  taken: number;
}

/** The runs one after the other, so that only the wanted part of each stays in memory. */
async function readParts(
  keyValue: KeyValue,
  runs: readonly Run[],
  from: number,
  to: number,
): Promise<Part[]> {
  const parts: Part[] = [];
  for (const run of runs) {
    const page = await readRun(keyValue, run);
    const start = page.indexOf(from);
    const count = page.indexOf(to) - start;
    const entries = new Entries(count);
    for (let index = start; index < start + count; index++) addFrom(page, index, entries);
    parts.push({ entries, taken: 0 });
  }
  return parts;
}

/**
 * Fills `taken` with the next entries with hashes below `hash` and positions below `end`; of the same hash by position,
 * as the runs are.
 */
function takeBelow(parts: readonly Part[], hash: number, end: number, taken: Entries): void {
  taken.length = 0;
  for (const part of parts) {
    const { entries } = part;
    while (part.taken < entries.length && (entries.hashes[part.taken] as number) < hash) {
      const index = part.taken++;
      const position = entries.position(index);
      if (position < end) {
        taken.add(entries.hashes[index] as number, position, entries.timestamps[index] as number);
      }
    }
  }
}

/** The entries of a run at or above a position, in the order of positions. */
async function entriesFrom(keyValue: KeyValue, run: Run, position: number): Promise<Entries> {
  const page = await readRun(keyValue, run);
  const indexes: number[] = [];
  for (let index = 0; index < page.count; index++) {
    if (page.position(index) >= position) indexes.push(index);
  }
  indexes.sort((one, other) => page.position(one) - page.position(other));
  const entries = new Entries(indexes.length);
  for (const index of indexes) addFrom(page, index, entries);
  return entries;
}

function addFrom(page: Page, index: number, entries: Entries): void {
  entries.add(page.hash(index), page.position(index), page.timestamp(index));
}

async function readRun(keyValue: KeyValue, run: Run): Promise<Page> {
  const value = await keyValue.get(runKey(run.first));
  if (value === undefined) throw new Failure('corrupt', `${runName(run.first)} is not there`);
  return new Page(runName(run.first), value);
}
