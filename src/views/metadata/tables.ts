import { strict as assert } from 'node:assert';
import {
  type Epoch,
  type KeyValue,
  type MetadataSequence,
  metadataSequence,
  type PhysicalOffset,
  physicalOffset,
  type TimestampMs,
} from '../../base/index.ts';
import { holdsOffsets, type TableNumber, tableNumbers } from './catalogue.ts';
import {
  addRow,
  type Digest,
  type DigestSum,
  type DigestSums,
  digestOf,
  totalDigest,
} from './digest.ts';
import {
  addChange,
  differences,
  type ImageBatch,
  loadImage,
  type PersistedRow,
  readRows,
  type ScrubReport,
  TablesImage,
} from './image.ts';
import { type KeyText, keyBytes, keyText } from './key-text.ts';
import { MetadataReader, type PendingChange } from './reader.ts';
import type { Entry, MetadataRecord } from './record.ts';
import { makeRow, type Row } from './row.ts';
import { TableMaps } from './row-map.ts';
import { afterEpoch, type DataVersion, emptyState, type TablesState } from './state.ts';
import { splitOffsetKey } from './tables/consumer-offset.ts';

/** What an applied record made of one key. */
export interface AppliedChange {
  readonly table: TableNumber;
  readonly key: Uint8Array;
  readonly before: Row | undefined;
  readonly after: Row | undefined;
}

/** A record with the store timestamp of the message that holds it. */
export type TimedRecord = MetadataRecord & { readonly timestamp: TimestampMs };

export interface TableDigests {
  readonly total: Digest;
  readonly perTable: ReadonlyMap<TableNumber, Digest>;
}

/** All applied rows at one position, as a snapshot holds them. */
export interface TablesContent {
  readonly position: PhysicalOffset;
  readonly epoch: Epoch;
  /** Of the newest record; 0 when there was none. */
  readonly sequence: number;
  readonly dataVersions: ReadonlyMap<TableNumber, DataVersion>;
  readonly rows: Iterable<readonly [table: TableNumber, key: Uint8Array, row: Row]>;
  readonly digest: Digest;
}

/** A resolved entry; the overlay holds the newest one of each key. */
interface Change extends PendingChange {
  readonly table: TableNumber;
  readonly key: KeyText;
  readonly before: Row | undefined;
  /** What the overlay held for the key, to be put back by a cut unless it was applied since. */
  overlayBefore: Change | undefined;
  applied: boolean;
}

interface PendingRecord {
  readonly start: PhysicalOffset;
  readonly end: PhysicalOffset;
  readonly entries: readonly Entry[];
  readonly changes: readonly Change[];
  readonly before: TablesState;
  readonly after: TablesState;
}

/** Replicas are at most so many records apart when they are compared. */
const keptDigests = 10_000;

/**
 * The metadata tables of a node: a function of the records in `rmq_sys_metadata`, fed in the log's order. `appended`
 * contains every record of the log, `applied` those below the durable point; RocksDB holds an image of what is applied.
 *
 * Invariants: appended = applied + pending records, in order; the sequence has no gaps; the digest sums are those of
 * the rows. A record that does not fit is a bug or damage and ends the process (assertion error).
 */
export class MetadataTables {
  readonly appended: MetadataReader;
  readonly applied: MetadataReader;
  readonly #rows = new TableMaps<Row>();
  readonly #overlay = new TableMaps<Change>();
  #pending: PendingRecord[] = [];
  #appendedState = emptyState;
  #appliedState = emptyState;
  #appliedPosition = physicalOffset(0);
  readonly #image = new TablesImage();
  /** What `digestAfter` computed last: hashing is half the cost of a record, and `append` comes next. */
  #digested:
    | {
        readonly entries: readonly Entry[];
        readonly appended: TablesState;
        readonly sums: DigestSums;
      }
    | undefined;

  /** What the tables were after the newest records, by sequence: to be compared with other replicas. */
  readonly #history = new Map<number, DigestSums>();
  #totalled = { sums: emptyState.sums, digest: totalDigest(emptyState.sums) };

  constructor() {
    this.applied = new MetadataReader(this.#rows);
    this.appended = new MetadataReader(this.#rows, this.#overlay);
  }

  /**
   * The tables that the database holds the image of, undefined when it holds none. Fails `corrupt` when the rows are
   * not those that the header speaks of.
   */
  static async load(keyValue: KeyValue): Promise<MetadataTables | undefined> {
    const tables = new MetadataTables();
    const header = await loadImage(keyValue, tables.#rows);
    if (header === undefined) return undefined;
    tables.#start(header.state, header.position);
    tables.#image.restored(header);
    return tables;
  }

  /** The tables of a snapshot, whose digest was verified when it was read; all rows go to the database again. */
  static restore(content: TablesContent): MetadataTables {
    const tables = new MetadataTables();
    const sums = emptyState.sums.map((sum) => sum.slice());
    for (const [table, key, row] of content.rows) {
      const text = keyText(key);
      tables.#rows.of(table).set(text, row);
      addRow(sums[table] as DigestSum, 1, table, text, row.value);
      tables.#image.changed(table, text, undefined);
    }
    const versions = emptyState.versions.map(
      (version, table) => content.dataVersions.get(table as TableNumber) ?? version,
    );
    const { epoch, sequence } = content;
    tables.#start({ sequence, epoch, versions, sums }, content.position);
    return tables;
  }

  #start(state: TablesState, position: PhysicalOffset): void {
    this.#appendedState = state;
    this.#appliedState = state;
    this.#appliedPosition = position;
    this.#history.set(state.sequence, state.sums);
  }

  get nextSequence(): MetadataSequence {
    return metadataSequence(this.#appendedState.sequence + 1);
  }

  /** Every record below is applied. */
  get appliedPosition(): PhysicalOffset {
    return this.#appliedPosition;
  }

  /** Everything below is contained in batches that were written to the database. */
  get persistedPosition(): PhysicalOffset {
    return this.#image.position;
  }

  /** End of the newest pending record, or the applied position. An epoch record counts as ending after its first byte. */
  get pendingEnd(): PhysicalOffset {
    return this.#pending.at(-1)?.end ?? this.#appliedPosition;
  }

  /** Records that are appended and not applied. */
  get pendingRecords(): number {
    return this.#pending.length;
  }

  /** A record was appended to the log, or is read from it, at `start` up to `end`. */
  append(record: TimedRecord, start: PhysicalOffset, end: PhysicalOffset): void {
    const before = this.#appendedState;
    const where = `metadata record ${record.sequence} at ${start}`;
    assert(record.sequence === this.nextSequence, `${where} comes after ${before.sequence}`);
    assert(record.epoch >= before.epoch, `${where} has epoch ${record.epoch} < ${before.epoch}`);
    assert(start >= this.pendingEnd && end > start, `${where} lies below ${this.pendingEnd}`);
    const known = this.#digested;
    this.#digested = undefined;
    const isKnown = known?.entries === record.entries && known.appended === before;
    const { changes, sums } = this.#resolve(
      record.entries,
      record.sequence,
      start,
      isKnown ? known.sums : undefined,
    );
    if (record.digest !== undefined) {
      const digest = totalDigest(sums);
      assert(
        record.digest === digest,
        `${where} makes the tables' digest ${digest}, and its writer had ${record.digest}`,
      );
    }
    const versions = [...before.versions];
    for (const change of changes) {
      const overlay = this.#overlay.of(change.table);
      change.overlayBefore = overlay.get(change.key);
      overlay.set(change.key, change);
      if (versions[change.table]?.counter !== record.sequence) {
        const { sequence: counter, timestamp, epoch: stateVersion } = record;
        versions[change.table] = { counter, timestamp, stateVersion };
      }
    }
    const { sequence, epoch, entries } = record;
    const after = { sequence, epoch, versions, sums };
    this.#push({ start, end, entries, changes, before, after });
    this.#history.set(sequence, sums);
    if (this.#history.size > keptDigests) {
      for (const oldest of this.#history.keys()) {
        this.#history.delete(oldest);
        break;
      }
    }
  }

  /** An epoch record lies at `position`. */
  noteEpoch(epoch: Epoch, timestamp: TimestampMs, position: PhysicalOffset): void {
    const before = this.#appendedState;
    assert(epoch >= before.epoch, `epoch ${epoch} at ${position} comes after ${before.epoch}`);
    assert(position >= this.pendingEnd, `the record of epoch ${epoch} lies below a known record`);
    this.#push({
      start: position,
      end: physicalOffset(position + 1),
      entries: [],
      changes: [],
      before,
      after: afterEpoch(before, epoch, timestamp),
    });
  }

  /** The log is durable up to `durable`, a record border: applies the records below, and tells what changed, in order. */
  apply(durable: PhysicalOffset): readonly AppliedChange[] {
    assert(durable >= this.#appliedPosition, 'what is durable never shrinks');
    const applied: AppliedChange[] = [];
    let count = 0;
    for (const record of this.#pending) {
      if (record.end > durable) break;
      count++;
      for (const change of record.changes) applied.push(this.#applyChange(change));
      this.#appliedState = record.after;
    }
    if (count > 0) this.#pending = this.#pending.slice(count);
    this.#appliedPosition = durable;
    return applied;
  }

  #applyChange(change: Change): AppliedChange {
    const { table, key, before, after } = change;
    const rows = this.#rows.of(table);
    if (after === undefined) rows.delete(key);
    else rows.set(key, after);
    change.applied = true;
    change.overlayBefore = undefined;
    const overlay = this.#overlay.of(table);
    if (overlay.get(key) === change) overlay.delete(key);
    this.#image.changed(table, key, before);
    return { table, key: keyBytes(key), before, after };
  }

  /** The log refused what lies at `position` and above: as if it had never been appended. Returns the entries dropped. */
  cut(position: PhysicalOffset): readonly Entry[] {
    assert(position >= this.#appliedPosition, 'applied records are durable and cannot be cut');
    const dropped: PendingRecord[] = [];
    for (let record = this.#pending.at(-1); record !== undefined; record = this.#pending.at(-1)) {
      if (record.start < position) break;
      this.#pending.pop();
      dropped.push(record);
      for (const change of record.changes.toReversed()) {
        const overlay = this.#overlay.of(change.table);
        const { overlayBefore } = change;
        if (overlayBefore === undefined || overlayBefore.applied) overlay.delete(change.key);
        else overlay.set(change.key, overlayBefore);
      }
      this.#history.delete(record.after.sequence);
      this.#appendedState = record.before;
    }
    this.#history.set(this.#appendedState.sequence, this.#appendedState.sums);
    return dropped.reverse().flatMap((record) => record.entries);
  }

  digest(view: 'appended' | 'applied'): TableDigests {
    const { sums } = view === 'appended' ? this.#appendedState : this.#appliedState;
    return tableDigests(sums);
  }

  /** The newest record that was appended, and the total digest of the tables behind it. */
  get newestDigest(): { readonly sequence: MetadataSequence; readonly digest: Digest } {
    const { sequence, sums } = this.#appendedState;
    return { sequence: metadataSequence(sequence), digest: this.#total(sums) };
  }

  /** Asked for with each report of a follower, and seldom another one. */
  #total(sums: DigestSums): Digest {
    if (sums !== this.#totalled.sums) this.#totalled = { sums, digest: totalDigest(sums) };
    return this.#totalled.digest;
  }

  /** The total behind one of the newest records; undefined when it is too old, or not here yet. */
  digestBehind(sequence: MetadataSequence): Digest | undefined {
    const sums = this.#history.get(sequence);
    return sums && this.#total(sums);
  }

  /** As `digestBehind`, of each table. */
  digestsBehind(sequence: MetadataSequence): TableDigests | undefined {
    const sums = this.#history.get(sequence);
    return sums && tableDigests(sums);
  }

  /** Rows of a table as the database holds them, in the order of their keys. */
  rowsIn(
    keyValue: KeyValue,
    table: TableNumber,
    page: { readonly after: Uint8Array | undefined; readonly limit: number },
  ): Promise<readonly PersistedRow[]> {
    return readRows(keyValue, table, page);
  }

  /** The total that the appended tables would have after these entries. */
  digestAfter(entries: readonly Entry[]): Digest {
    const { sums } = this.#resolve(entries, this.nextSequence, this.pendingEnd);
    this.#digested = { entries, appended: this.#appendedState, sums };
    return totalDigest(sums);
  }

  /** Of the applied tables, since that is what is told to others. */
  dataVersion(table: TableNumber): DataVersion {
    return this.#appliedState.versions[table] as DataVersion;
  }

  /** The applied tables, as they stay while others are already applied: rows are shared, not copied. */
  snapshotContent(): TablesContent {
    const { epoch, sequence, versions, sums } = this.#appliedState;
    const rows = Array.from(this.applied.all(), ([table, key, row]) => ({ table, key, row }));
    return {
      position: this.#appliedPosition,
      epoch,
      sequence,
      dataVersions: new Map(
        tableNumbers.map((table) => [table, versions[table] as DataVersion] as const),
      ),
      rows: (function* () {
        for (const { table, key, row } of rows) yield [table, keyBytes(key), row] as const;
      })(),
      digest: totalDigest(sums),
    };
  }

  /**
   * What the database lacks, with a header, in one atomic batch; undefined when it lacks nothing, while a batch is in
   * flight, and during a scrub.
   */
  takeBatch(): ImageBatch | undefined {
    return this.#image.takeBatch(this.#rows, this.#appliedState, this.#appliedPosition);
  }

  /**
   * Recomputes the digests from the rows in the database, and compares those with the rows in memory, and what these add
   * up to with the totals that others are told. No batch is given out meanwhile.
   */
  scrub(keyValue: KeyValue): Promise<ScrubReport> {
    return this.#image.scrub(keyValue, this.#rows, (made) => this.#wrongTotals(made));
  }

  /** `made` is changed: by what is not applied yet. */
  #wrongTotals(made: DigestSums): readonly string[] {
    const wrong = differences(this.#appliedState.sums, made, 'the total of what is applied');
    if (wrong.length > 0) return wrong;
    for (const { changes } of this.#pending) {
      for (const { table, key, before, after } of changes) {
        addChange(made, table, key, before, after);
      }
    }
    return differences(this.#appendedState.sums, made, 'the total of what is appended');
  }

  #push(record: PendingRecord): void {
    this.#pending.push(record);
    this.#appendedState = record.after;
  }

  /** What the entries make of the appended rows, in order, with the sums if they are known. Changes nothing. */
  #resolve(
    entries: readonly Entry[],
    sequence: MetadataSequence,
    start: PhysicalOffset,
    known?: DigestSums,
  ): { readonly changes: readonly Change[]; readonly sums: DigestSums } {
    const sums = [...this.#appendedState.sums];
    const owned = new Set<TableNumber>();
    const changes: Change[] = [];
    const byKey = new Map<string, Change>();
    const rowNow = (table: TableNumber, key: KeyText): Row | undefined => {
      const change = byKey.get(`${table}${key}`);
      return change === undefined ? this.appended.find(table, key) : change.after;
    };
    const change = (
      table: TableNumber,
      key: KeyText,
      before: Row | undefined,
      after: Row | undefined,
    ): void => {
      if (known === undefined) {
        if (!owned.has(table)) {
          owned.add(table);
          sums[table] = (sums[table] as DigestSum).slice();
        }
        addChange(sums, table, key, before, after);
      }
      const made: Change = {
        table,
        key,
        before,
        after,
        overlayBefore: undefined,
        applied: false,
      };
      changes.push(made);
      byKey.set(`${table}${key}`, made);
    };
    for (const { operation, table, key, expected, value } of entries) {
      const text = keyText(key);
      if (operation === 'deletePrefix' || operation === 'deleteTopic') {
        const isOfTopic = operation === 'deleteTopic' && holdsOffsets(table);
        const rows = isOfTopic
          ? this.appended.rowsOfTopic(table, text)
          : this.appended.rows(table, text);
        const keys = new Set<KeyText>();
        for (const [found] of rows) keys.add(found);
        for (const made of changes) {
          if (made.table !== table) continue;
          const { key } = made;
          if (isOfTopic ? splitOffsetKey(key).topic === text : key.startsWith(text)) keys.add(key);
        }
        for (const found of keys) {
          const row = rowNow(table, found);
          if (row !== undefined) change(table, found, row, undefined);
        }
        continue;
      }
      const row = rowNow(table, text);
      assert(
        (row?.version ?? 0) === expected,
        `record ${sequence}: ${operation} in table ${table} of ${JSON.stringify(text)} expects version ` +
          `${expected}, and it is ${row?.version ?? 0}`,
      );
      if (operation === 'delete') {
        if (row !== undefined) change(table, text, row, undefined);
        continue;
      }
      assert(value !== undefined, 'a put has a value');
      change(table, text, row, makeRow(table, value, sequence, row?.createdAt ?? start));
    }
    return { changes, sums: known ?? sums };
  }
}

const tableDigests = (sums: DigestSums): TableDigests => ({
  total: totalDigest(sums),
  perTable: new Map(
    tableNumbers.map((table) => [table, digestOf(sums[table] as DigestSum)] as const),
  ),
});
