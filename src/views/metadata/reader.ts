import type { QueueOffset } from '../../base/index.ts';
import type { MessageRequestMode, SubscriptionGroupConfig } from '../../wire/index.ts';
import { Table, type TableNumber } from './catalogue.ts';
import { type KeyText, keyBytes, keyText, keyTextOfName, nameOfKeyText } from './key-text.ts';
import type { OffsetRow, Row, ValueRow } from './row.ts';
import type { OffsetRowMap, RowMap, TableMaps } from './row-map.ts';
import {
  decodeOffsetKey,
  type OffsetKey,
  offsetGroupPrefix,
  offsetKeyText,
} from './tables/consumer-offset.ts';
import { decodeRequestMode, requestModeKeyText } from './tables/message-request-mode.ts';
import { decodeGroupConfig } from './tables/subscription-group.ts';
import { decodeTopicConfig, type TopicConfig } from './tables/topic.ts';

/** What a record that is not applied yet makes of a key. */
export interface PendingChange {
  readonly after: Row | undefined;
}

export interface OffsetEntry extends OffsetKey {
  readonly offset: QueueOffset;
}

/**
 * The rows of the metadata tables, either applied or appended (applied plus what pending records make of them).
 * Iteration is in the order in which keys appeared, offsets group by group; it must end before the tables change, so
 * nobody awaits in the middle of one.
 */
export class MetadataReader {
  readonly #base: TableMaps<Row>;
  readonly #overlay: TableMaps<PendingChange> | undefined;

  constructor(base: TableMaps<Row>, overlay?: TableMaps<PendingChange>) {
    this.#base = base;
    this.#overlay = overlay;
  }

  get(table: TableNumber, key: Uint8Array): Row | undefined {
    return this.find(table, keyText(key));
  }

  *entries(
    table: TableNumber,
    prefix: Uint8Array = new Uint8Array(0),
  ): Iterable<readonly [key: Uint8Array, row: Row]> {
    for (const [key, row] of this.rows(table, keyText(prefix))) yield [keyBytes(key), row];
  }

  /** Every row of every table. */
  *all(): Iterable<readonly [table: TableNumber, key: KeyText, row: Row]> {
    for (const table of Object.values(Table)) {
      for (const [key, row] of this.rows(table)) yield [table, key, row];
    }
  }

  /** Rows of a table. */
  count(table: TableNumber): number {
    const base = this.#base.of(table);
    let count = base.size;
    for (const [key, { after }] of this.#overlay?.of(table).entries('') ?? []) {
      count += Number(after !== undefined) - Number(base.get(key) !== undefined);
    }
    return count;
  }

  topicRow(name: string): Row | undefined {
    return this.find(Table.topic, keyTextOfName(name));
  }

  topic(name: string): TopicConfig | undefined {
    const row = this.topicRow(name);
    return row === undefined ? undefined : topicOf(row, name);
  }

  *topics(): Iterable<TopicConfig> {
    for (const [key, row] of this.rows(Table.topic)) yield topicOf(row, nameOfKeyText(key));
  }

  groupRow(name: string): Row | undefined {
    return this.find(Table.subscriptionGroup, keyTextOfName(name));
  }

  group(name: string): SubscriptionGroupConfig | undefined {
    const row = this.groupRow(name);
    return row === undefined ? undefined : groupOf(row, name);
  }

  *groups(): Iterable<SubscriptionGroupConfig> {
    for (const [key, row] of this.rows(Table.subscriptionGroup))
      yield groupOf(row, nameOfKeyText(key));
  }

  /** The committed offset; undefined when the group has none on this queue. */
  offset(group: string, topic: string, queueId: number): QueueOffset | undefined {
    return this.#offsetAt(Table.consumerOffset, group, topic, queueId);
  }

  offsetsOfGroup(group: string): readonly OffsetEntry[] {
    return offsetEntries(this.rows(Table.consumerOffset, offsetGroupPrefix(group)));
  }

  offsetsOfTopic(topic: string): readonly OffsetEntry[] {
    return offsetEntries(this.rowsOfTopic(Table.consumerOffset, keyTextOfName(topic)));
  }

  /** A reset that the group's consumer has not seen yet. */
  reset(group: string, topic: string, queueId: number): QueueOffset | undefined {
    return this.#offsetAt(Table.resetOffset, group, topic, queueId);
  }

  resetsOfGroup(group: string): readonly OffsetEntry[] {
    return offsetEntries(this.rows(Table.resetOffset, offsetGroupPrefix(group)));
  }

  resetsOfTopic(topic: string): readonly OffsetEntry[] {
    return offsetEntries(this.rowsOfTopic(Table.resetOffset, keyTextOfName(topic)));
  }

  /** How a group gets the messages of a topic, where that was set. */
  requestMode(group: string, topic: string): MessageRequestMode | undefined {
    const row = this.find(Table.messageRequestMode, requestModeKeyText({ group, topic }));
    return row === undefined ? undefined : (row as ValueRow).decoded(decodeRequestMode, topic);
  }

  /** As `get`, by key text. */
  find(table: TableNumber, key: KeyText): Row | undefined {
    const overlay = this.#overlay?.of(table);
    const pending = overlay === undefined || overlay.size === 0 ? undefined : overlay.get(key);
    return pending === undefined ? this.#base.of(table).get(key) : pending.after;
  }

  /** As `entries`, by key text. */
  rows(table: TableNumber, prefix: KeyText = ''): Iterable<readonly [KeyText, Row]> {
    const base = this.#base.of(table);
    const overlay = this.#overlay?.of(table);
    return overlay === undefined || overlay.size === 0
      ? base.entries(prefix)
      : merged(base, base.entries(prefix), overlay, overlay.entries(prefix));
  }

  /** The row of an offset or a reset. */
  offsetRow(table: OffsetTable, key: OffsetKey): Row | undefined {
    return this.find(table, offsetKeyText(key));
  }

  /** Offsets or resets of all groups on a topic, by its key text. */
  rowsOfTopic(table: OffsetTable, topic: KeyText): Iterable<readonly [KeyText, Row]> {
    const base = offsetMapOf(this.#base, table);
    if (this.#overlay === undefined) return base.entriesOfTopic(topic);
    const overlay = offsetMapOf(this.#overlay, table);
    return merged(base, base.entriesOfTopic(topic), overlay, overlay.entriesOfTopic(topic));
  }

  /** Read for each pull, so without building a key. */
  #offsetAt(
    table: OffsetTable,
    groupName: string,
    topicName: string,
    queueId: number,
  ): QueueOffset | undefined {
    const group = keyTextOfName(groupName);
    const topic = keyTextOfName(topicName);
    const pending = this.#overlay && offsetMapOf(this.#overlay, table).at(group, topic, queueId);
    const row =
      pending === undefined
        ? offsetMapOf(this.#base, table).at(group, topic, queueId)
        : pending.after;
    return row === undefined ? undefined : offsetOf(row);
  }
}

export type OffsetTable = typeof Table.consumerOffset | typeof Table.resetOffset;

function offsetMapOf<V>(maps: TableMaps<V>, table: OffsetTable): OffsetRowMap<V> {
  return table === Table.consumerOffset ? maps.consumerOffset : maps.resetOffset;
}

function* merged(
  base: RowMap<Row>,
  baseEntries: Iterable<readonly [KeyText, Row]>,
  overlay: RowMap<PendingChange>,
  overlayEntries: Iterable<readonly [KeyText, PendingChange]>,
): Iterable<readonly [KeyText, Row]> {
  for (const entry of baseEntries) {
    const pending = overlay.get(entry[0]);
    if (pending === undefined) yield entry;
    else if (pending.after !== undefined) yield [entry[0], pending.after];
  }
  for (const [key, { after }] of overlayEntries) {
    if (after !== undefined && base.get(key) === undefined) yield [key, after];
  }
}

function offsetEntries(rows: Iterable<readonly [KeyText, Row]>): readonly OffsetEntry[] {
  const entries: OffsetEntry[] = [];
  for (const [key, row] of rows) entries.push({ ...decodeOffsetKey(key), offset: offsetOf(row) });
  return entries;
}

/** Rows of tables 3 and 4 are made as `OffsetRow`, all others as `ValueRow` (`makeRow`). */
function offsetOf(row: Row): QueueOffset {
  return (row as OffsetRow).offset;
}

function topicOf(row: Row, name: string): TopicConfig {
  return (row as ValueRow).decoded(decodeTopicConfig, name);
}

function groupOf(row: Row, name: string): SubscriptionGroupConfig {
  return (row as ValueRow).decoded(decodeGroupConfig, name);
}
