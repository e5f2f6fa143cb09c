import { strict as assert } from 'node:assert';
import {
  epoch,
  Failure,
  type KeyValue,
  type Mutation,
  metadataSequence,
  type PhysicalOffset,
  physicalOffset,
  timestampMs,
} from '../../base/index.ts';
import { isTableNumber, type TableNumber, tableNumbers, tableSlots } from './catalogue.ts';
import { tableName } from './described-change.ts';
import {
  addRow,
  type Digest,
  type DigestSum,
  type DigestSums,
  digestBytes,
  digestOf,
  digestToBytes,
  emptySums,
  sumFromBytes,
} from './digest.ts';
import { bufferOf, type KeyText, keyBytes, keyText } from './key-text.ts';
import { readUint64, writeUint64 } from './record.ts';
import { makeRow, type Row } from './row.ts';
import type { TableMaps } from './row-map.ts';
import { type DataVersion, emptyState, type TablesState } from './state.ts';

/** The state header among the local rows (docs/state.md). */
const headerKey = Uint8Array.of(0, 1);
const headerFormat = 1;
const headerFixedBytes = 1 + 8 + 8 + 4 + 1;
const headerTableBytes = 1 + 8 + 8 + 4 + digestBytes;
/** Version and createdAt, before the value. */
const rowPrefixBytes = 16;
/** Rows that a scrub reads before it lets others run. */
const scrubSliceRows = 1000;
/** More than that says no more. */
const toldDifferences = 100;

export interface ImageHeader {
  readonly state: TablesState;
  readonly position: PhysicalOffset;
}

export interface ImageBatch {
  readonly batch: readonly Mutation[];
  /** The applied position that the database has with it. */
  readonly position: PhysicalOffset;
  /** Written. */
  done(): void;
  /** Not written: its rows come with the next batch. */
  failed(): void;
}

/** One row that is not the same in memory and in the database: each as the database would hold it. */
export interface RowDifference {
  readonly table: TableNumber;
  readonly key: KeyText;
  readonly memory: Uint8Array | undefined;
  readonly database: Uint8Array | undefined;
}

export interface ScrubReport {
  readonly rows: number;
  /** Position that the header states. */
  readonly position: PhysicalOffset;
  /** What is wrong, in words; empty when every table is what it should be. */
  readonly problems: readonly string[];
  /** The first of them. */
  readonly differences: readonly RowDifference[];
  readonly perTable: ReadonlyMap<
    TableNumber,
    { readonly expected: Digest; readonly found: Digest }
  >;
}

/** What the database holds of the applied tables: which rows it lacks, and its header. */
export class TablesImage {
  /** Database keys (table number, key) whose rows changed since the last batch was taken, with what the database has. */
  #dirty = new Map<string, Row | undefined>();
  #header: ImageHeader = { state: emptyState, position: physicalOffset(0) };
  #hasHeader = false;
  /** Resolves when the batch in flight is done or failed. */
  #inFlight: Promise<void> | undefined;
  #scrubbing = false;

  get position(): PhysicalOffset {
    return this.#header.position;
  }

  changed(table: TableNumber, key: KeyText, before: Row | undefined): void {
    const databaseKey = String.fromCharCode(table) + key;
    if (!this.#dirty.has(databaseKey)) this.#dirty.set(databaseKey, before);
  }

  /** The database was loaded and holds this. */
  restored(header: ImageHeader): void {
    this.#header = header;
    this.#hasHeader = true;
  }

  takeBatch(
    rows: TableMaps<Row>,
    state: TablesState,
    position: PhysicalOffset,
  ): ImageBatch | undefined {
    if (this.#inFlight !== undefined || this.#scrubbing) return undefined;
    if (this.#dirty.size === 0 && this.#hasHeader && position === this.position) return undefined;
    const taken = this.#dirty;
    this.#dirty = new Map();
    const batch: Mutation[] = [];
    for (const databaseKey of taken.keys()) {
      const row = rowAt(rows, databaseKey);
      const key = keyBytes(databaseKey);
      if (row === undefined) batch.push({ type: 'delete', key });
      else batch.push({ type: 'put', key, value: encodeRow(row) });
    }
    batch.push({ type: 'put', key: headerKey, value: encodeHeader({ state, position }) });
    let ended = (): void => {};
    this.#inFlight = new Promise((resolve) => {
      ended = resolve;
    });
    const end = (): void => {
      assert(this.#inFlight !== undefined, 'a batch ends once');
      this.#inFlight = undefined;
      ended();
    };
    return {
      batch,
      position,
      done: () => {
        end();
        this.restored({ state, position });
      },
      failed: () => {
        end();
        // The database has what it had before both of them.
        for (const [key, before] of taken) this.#dirty.set(key, before);
      },
    };
  }

  /** `wrongTotals` is told what the rows in memory add up to, by table. */
  async scrub(
    keyValue: KeyValue,
    rows: TableMaps<Row>,
    wrongTotals: (made: DigestSums) => readonly string[],
  ): Promise<ScrubReport> {
    assert(!this.#scrubbing, 'one scrub at a time');
    this.#scrubbing = true;
    try {
      await this.#inFlight;
      const wrong = wrongTotals(this.#sumsOf(rows));
      const memory = new MemoryRows(rows, (databaseKey) => this.#dirty.has(databaseKey));
      const header = this.#hasHeader ? this.#header : undefined;
      const report = await scrubImage(keyValue, header, memory);
      return { ...report, problems: [...report.problems, ...wrong] };
    } finally {
      this.#scrubbing = false;
    }
  }

  /** By what was written, which is compared with all rows, and what changed since: nobody waits for millions of hashes. */
  #sumsOf(rows: TableMaps<Row>): DigestSums {
    const sums = this.#header.state.sums.map((sum) => sum.slice());
    for (const [databaseKey, before] of this.#dirty) {
      const table = databaseKey.charCodeAt(0) as TableNumber;
      addChange(sums, table, databaseKey.slice(1), before, rowAt(rows, databaseKey));
    }
    return sums;
  }
}

const rowAt = (rows: TableMaps<Row>, databaseKey: string): Row | undefined =>
  rows.of(databaseKey.charCodeAt(0) as TableNumber).get(databaseKey.slice(1));

/** `sums` are changed in place. */
export function addChange(
  sums: DigestSums,
  table: TableNumber,
  key: KeyText,
  before: Row | undefined,
  after: Row | undefined,
): void {
  const sum = sums[table] as DigestSum;
  if (before !== undefined) addRow(sum, -1, table, key, before.value);
  if (after !== undefined) addRow(sum, 1, table, key, after.value);
}

/** Fills `rows` from the database. Fails `corrupt` when they are not those of the header. */
export async function loadImage(
  keyValue: KeyValue,
  rows: TableMaps<Row>,
): Promise<ImageHeader | undefined> {
  const bytes = await keyValue.get(headerKey);
  const header = bytes === undefined ? undefined : decodeHeader(bytes);
  const sums = emptySums();
  const slab = new Slab();
  let count = 0;
  for await (const [databaseKey, bytes] of keyValue.scan(allRows)) {
    const { table, key, row } = decodeRow(databaseKey, bytes, slab);
    addRow(sums[table] as DigestSum, 1, table, key, row.value);
    rows.of(table).set(key, row);
    count++;
  }
  if (header === undefined) {
    if (count === 0) return undefined;
    throw new Failure('corrupt', `the metadata database holds ${count} rows and no header`);
  }
  const problems = differences(header.state.sums, sums, 'the header');
  if (problems.length > 0) throw new Failure('corrupt', `the metadata database: ${problems[0]}`);
  return header;
}

/** A row of the database, with the part of its key behind the table number. */
export interface PersistedRow {
  readonly key: Uint8Array;
  readonly row: Row;
  /** As it is stored. */
  readonly bytes: Uint8Array;
}

/** Fails `corrupt` when one cannot be read. */
export async function readRows(
  keyValue: KeyValue,
  table: TableNumber,
  { after, limit }: { readonly after: Uint8Array | undefined; readonly limit: number },
): Promise<readonly PersistedRow[]> {
  const first = Uint8Array.of(table);
  const from = after === undefined ? first : Buffer.concat([first, after, Uint8Array.of(0)]);
  const found: PersistedRow[] = [];
  const slab = new Slab();
  for await (const [databaseKey, lent] of keyValue.scan({
    from,
    to: Uint8Array.of(table + 1),
    limit,
  })) {
    const bytes = Uint8Array.from(lent);
    const { row } = decodeRow(databaseKey, bytes, slab);
    found.push({ key: Uint8Array.from(databaseKey.subarray(1)), row, bytes });
  }
  return found;
}

const allRows = { from: Uint8Array.of(1), to: Uint8Array.of(0xff) };

/**
 * The rows in memory, as they should be in the database. What changed since the last batch is left out: it need not be
 * there yet.
 */
class MemoryRows {
  readonly differences: RowDifference[] = [];
  readonly #rows: TableMaps<Row>;
  readonly #isDirty: (databaseKey: string) => boolean;

  constructor(rows: TableMaps<Row>, isDirty: (databaseKey: string) => boolean) {
    this.#rows = rows;
    this.#isDirty = isDirty;
  }

  compare(table: TableNumber, key: KeyText, database: Uint8Array | undefined): void {
    if (this.#isDirty(String.fromCharCode(table) + key)) return;
    const row = this.#rows.of(table).get(key);
    const memory = row && encodeRow(row);
    const isEqual =
      memory === undefined || database === undefined
        ? memory === database
        : Buffer.compare(memory, database) === 0;
    if (isEqual || this.differences.length >= toldDifferences) return;
    this.differences.push({ table, key, memory, database: database && Uint8Array.from(database) });
  }

  /** Finds rows of a table that the database lacks. */
  async compareAll(table: TableNumber, keyValue: KeyValue): Promise<void> {
    const keys = Array.from(this.#rows.of(table).entries(''), ([key]) => key);
    for (let at = 0; at < keys.length; at += scrubSliceRows) {
      const slice = keys.slice(at, at + scrubSliceRows);
      const found = await keyValue.getMany(
        slice.map((key) => keyBytes(String.fromCharCode(table) + key)),
      );
      slice.forEach((key, index) => {
        if (found[index] === undefined) this.compare(table, key, undefined);
      });
    }
  }
}

async function scrubImage(
  keyValue: KeyValue,
  expected: ImageHeader | undefined,
  memory: MemoryRows,
): Promise<ScrubReport> {
  const problems: string[] = [];
  const sums = emptySums();
  const slab = new Slab();
  let count = 0;
  let from: Uint8Array = allRows.from;
  for (let more = true; more; ) {
    // A scan per slice: each waits for the database, so that the event loop goes round in between.
    more = false;
    for await (const [databaseKey, bytes] of keyValue.scan({
      ...allRows,
      from,
      limit: scrubSliceRows,
    })) {
      more = true;
      count++;
      from = Buffer.concat([databaseKey, Uint8Array.of(0)]);
      try {
        const { table, key, row } = decodeRow(databaseKey, bytes, slab);
        addRow(sums[table] as DigestSum, 1, table, key, row.value);
        memory.compare(table, key, bytes);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        problems.push(error.message);
      }
    }
  }
  const bytes = await keyValue.get(headerKey);
  const state = expected?.state ?? emptyState;
  if ((bytes === undefined) !== (expected === undefined)) {
    problems.push(bytes === undefined ? 'the header is missing' : 'there is an unknown header');
  } else if (expected !== undefined && bytes !== undefined) {
    if (Buffer.compare(bytes, encodeHeader(expected)) !== 0) {
      problems.push('the header is not the one that was written');
    }
  }
  problems.push(...differences(state.sums, sums, 'what was written'));
  for (const table of tableNumbers) {
    if (isOther(state.sums, sums, table)) await memory.compareAll(table, keyValue);
  }
  if (problems.length === 0 && memory.differences.length > 0) {
    problems.push('rows in memory are not those that were written');
  }
  return {
    rows: count,
    position: expected?.position ?? physicalOffset(0),
    problems,
    differences: memory.differences,
    perTable: new Map(
      tableNumbers.map((table) => [
        table,
        {
          expected: digestOf(state.sums[table] as DigestSum),
          found: digestOf(sums[table] as DigestSum),
        },
      ]),
    ),
  };
}

/** In words: tables whose rows add up to something else than `source` says. */
export function differences(said: DigestSums, found: DigestSums, source: string): string[] {
  return tableNumbers
    .filter((table) => isOther(said, found, table))
    .map(
      (table) =>
        `table ${tableName(table)} has the digest ${digestOf(found[table] as DigestSum)}, and ${source} says ` +
        `${digestOf(said[table] as DigestSum)}`,
    );
}

const isOther = (said: DigestSums, found: DigestSums, table: TableNumber): boolean =>
  digestOf(found[table] as DigestSum) !== digestOf(said[table] as DigestSum);

/** Version 8, createdAt 8, value. */
export function encodeRow(row: Row): Uint8Array {
  const { value } = row;
  const bytes = Buffer.allocUnsafe(rowPrefixBytes + value.length);
  writeUint64(bytes, row.version, 0);
  writeUint64(bytes, row.createdAt, 8);
  bytes.set(value, rowPrefixBytes);
  return bytes;
}

function decodeRow(
  databaseKey: Uint8Array,
  bytes: Uint8Array,
  slab: Slab,
): { readonly table: TableNumber; readonly key: KeyText; readonly row: Row } {
  const table = databaseKey[0] as number;
  if (!isTableNumber(table)) {
    throw new Failure('corrupt', `the metadata database holds a row of unknown table ${table}`);
  }
  const key = keyText(databaseKey.subarray(1));
  if (bytes.length < rowPrefixBytes || key.length === 0) {
    throw new Failure('corrupt', `row ${JSON.stringify(key)} of table ${table} is too short`);
  }
  const buffer = bufferOf(bytes);
  const version = metadataSequence(readUint64(buffer, 0));
  const createdAt = physicalOffset(readUint64(buffer, 8));
  const value = slab.copy(bytes.subarray(rowPrefixBytes));
  return { table, key, row: makeRow(table, value, version, createdAt) };
}

/**
 * Position 8, sequence 8, epoch 4, then per table: number 1, counter 8, timestamp 8, state version 4, digest 16.
 * RocksDB checksums its blocks; the digests check the rows.
 */
function encodeHeader({ state, position }: ImageHeader): Uint8Array {
  const bytes = Buffer.alloc(headerFixedBytes + tableNumbers.length * headerTableBytes);
  let at = bytes.writeUInt8(headerFormat, 0);
  at = writeUint64(bytes, position, at);
  at = writeUint64(bytes, state.sequence, at);
  at = bytes.writeUInt32BE(state.epoch, at);
  at = bytes.writeUInt8(tableNumbers.length, at);
  for (const table of tableNumbers) {
    const { counter, timestamp, stateVersion } = state.versions[table] as DataVersion;
    at = bytes.writeUInt8(table, at);
    at = writeUint64(bytes, counter, at);
    at = writeUint64(bytes, timestamp, at);
    at = bytes.writeUInt32BE(stateVersion, at);
    bytes.set(digestToBytes(digestOf(state.sums[table] as DigestSum)), at);
    at += digestBytes;
  }
  return bytes;
}

function decodeHeader(bytes: Uint8Array): ImageHeader {
  const header = bufferOf(bytes);
  const count = header[headerFixedBytes - 1];
  if (
    header[0] !== headerFormat ||
    count === undefined ||
    header.length !== headerFixedBytes + count * headerTableBytes
  ) {
    throw new Failure('corrupt', 'the header of the metadata database cannot be read');
  }
  const versions = [...emptyState.versions];
  const sums = [...emptyState.sums];
  for (let i = 0; i < count; i++) {
    const at = headerFixedBytes + i * headerTableBytes;
    const table = header[at] as number;
    if (!isTableNumber(table)) {
      throw new Failure('corrupt', `the metadata database speaks of an unknown table ${table}`);
    }
    versions[table] = {
      counter: readUint64(header, at + 1),
      timestamp: timestampMs(readUint64(header, at + 9)),
      stateVersion: header.readUInt32BE(at + 17),
    };
    sums[table] = sumFromBytes(header.subarray(at + 21));
  }
  assert(sums.length === tableSlots, 'sums are indexed by table');
  return {
    position: physicalOffset(readUint64(header, 1)),
    state: {
      sequence: readUint64(header, 9),
      epoch: epoch(header.readUInt32BE(17)),
      versions,
      sums,
    },
  };
}

/** Copies many small values into few buffers, since a buffer of its own costs more than most values. */
class Slab {
  #free = new Uint8Array(0);

  copy(value: Uint8Array): Uint8Array {
    if (value.length > this.#free.length) {
      this.#free = new Uint8Array(Math.max(65_536, value.length));
    }
    const copy = this.#free.subarray(0, value.length);
    copy.set(value);
    this.#free = this.#free.subarray(value.length);
    return copy;
  }
}
