import { holdsOffsets, Table, type TableNumber } from './catalogue.ts';
import { type KeyText, keyText, nameOfKeyText } from './key-text.ts';
import type { MetadataReader } from './reader.ts';
import { type Entry, readUint64 } from './record.ts';
import type { Row } from './row.ts';
import { decodeOffsetKey, decodeOffsetValue } from './tables/consumer-offset.ts';

/** What an entry makes of a row, or of several, for a person who asks who changed what. */
export interface DescribedChange {
  readonly table: keyof typeof Table;
  /** Names and queue id, with a blank between them; a star stands for all that may follow. */
  readonly key: string;
  /** An offset, or the stored text, cut when it is long; of several rows how many there are. Absent: no row. */
  readonly before?: string | number;
  readonly after?: string | number;
}

const names = Object.fromEntries(
  Object.entries(Table).map(([name, table]) => [table, name]),
) as Record<TableNumber, keyof typeof Table>;

const longestValue = 1000;
/** Version and createdAt, before the value. */
const rowPrefixBytes = 16;

/** `state` is what it was before the entry. */
export function describeChange(state: MetadataReader, entry: Entry): DescribedChange {
  const { operation, table } = entry;
  const key = keyText(entry.key);
  if (operation === 'deletePrefix' || operation === 'deleteTopic') {
    const isOfTopic = operation === 'deleteTopic' && holdsOffsets(table);
    let rows = 0;
    for (const _ of isOfTopic ? state.rowsOfTopic(table, key) : state.rows(table, key)) rows++;
    const name = nameOfKeyText(key.replaceAll('\0', ''));
    return {
      table: names[table],
      key: isOfTopic ? `* ${name} *` : `${name} *`,
      before: `${rows} rows`,
    };
  }
  const before = state.find(table, key);
  return {
    table: names[table],
    key: readableKey(table, key),
    ...(before !== undefined && { before: readableValue(table, before) }),
    ...(entry.value !== undefined && { after: readableValue(table, { value: entry.value }) }),
  };
}

/** A row as the database holds it, for a person. */
export function describeStoredRow(table: TableNumber, bytes: Uint8Array | undefined): StoredRow {
  if (bytes === undefined) return 'no row';
  if (bytes.length < rowPrefixBytes) return `${bytes.length} bytes, too few for a row`;
  const buffer = Buffer.from(bytes);
  const version = readUint64(buffer, 0);
  const createdAt = readUint64(buffer, 8);
  const value = bytes.subarray(rowPrefixBytes);
  const isReadable = !holdsOffsets(table) || value.length === 8;
  const text = isReadable ? readableValue(table, { value }) : Buffer.from(value).toString('hex');
  return { version, createdAt, value: text };
}

export type StoredRow =
  | string
  | { readonly version: number; readonly createdAt: number; readonly value: string | number };

export const tableName = (table: TableNumber): keyof typeof Table => names[table];

export function readableKey(table: TableNumber, key: KeyText): string {
  if (!holdsOffsets(table)) return nameOfKeyText(key).replaceAll('\0', ' ');
  const { group, topic, queueId } = decodeOffsetKey(key);
  return `${group} ${topic} ${queueId}`;
}

function readableValue(table: TableNumber, { value }: Pick<Row, 'value'>): string | number {
  if (holdsOffsets(table)) return decodeOffsetValue(value);
  const text = Buffer.from(value).toString('utf8');
  return text.length > longestValue ? `${text.slice(0, longestValue)}...` : text;
}
