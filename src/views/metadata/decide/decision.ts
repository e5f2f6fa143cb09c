import type { Table, TableNumber } from '../catalogue.ts';
import { type KeyText, keyBytes } from '../key-text.ts';
import type { MetadataReader, OffsetTable } from '../reader.ts';
import type { Entry } from '../record.ts';

/** A RocketMQ answer: response code and what to tell the user. */
export interface Refusal {
  readonly code: number;
  readonly remark: string;
}

/** What a command would change. `decide` functions read the appended tables and their arguments, and never await. */
export type Decision =
  | { readonly entries: readonly Entry[]; readonly changed: true }
  | { readonly unchanged: true }
  | { readonly refused: Refusal };

export function decisionOf(entries: readonly Entry[]): Decision {
  return entries.length === 0 ? { unchanged: true } : { entries, changed: true };
}

export function refuse(code: number, remark: string): { readonly refused: Refusal } {
  return { refused: { code, remark } };
}

/** A `put` if the value differs from the row's; nothing otherwise. */
export function putEntry(
  state: MetadataReader,
  table: TableNumber,
  key: KeyText,
  value: Uint8Array,
): readonly Entry[] {
  const row = state.find(table, key);
  if (row !== undefined && Buffer.compare(row.value, value) === 0) return [];
  return [{ operation: 'put', table, key: keyBytes(key), expected: row?.version ?? 0, value }];
}

/** A `delete` if there is such a row; nothing otherwise. */
export function deleteEntry(
  state: MetadataReader,
  table: TableNumber,
  key: KeyText,
): readonly Entry[] {
  const row = state.find(table, key);
  return row === undefined
    ? []
    : [{ operation: 'delete', table, key: keyBytes(key), expected: row.version }];
}

/** A `deletePrefix` if it would find a row; nothing otherwise. */
export function deletePrefixEntry(
  state: MetadataReader,
  table: Exclude<TableNumber, typeof Table.topic | typeof Table.subscriptionGroup>,
  prefix: KeyText,
): readonly Entry[] {
  for (const _ of state.rows(table, prefix)) {
    return [{ operation: 'deletePrefix', table, key: keyBytes(prefix), expected: 0 }];
  }
  return [];
}

/** A `deleteTopic` if it would find a row; nothing otherwise. */
export function deleteTopicRowsEntry(
  state: MetadataReader,
  table: OffsetTable,
  topic: KeyText,
): readonly Entry[] {
  for (const _ of state.rowsOfTopic(table, topic)) {
    return [{ operation: 'deleteTopic', table, key: keyBytes(topic), expected: 0 }];
  }
  return [];
}

/** Settings of the broker that decisions depend on. */
export interface MetadataSettings {
  readonly clusterName: string;
  readonly brokerName: string;
  /** autoCreateTopicEnable */
  readonly autoCreateTopics: boolean;
  /** autoCreateSubscriptionGroup */
  readonly autoCreateGroups: boolean;
  /** defaultTopicQueueNums: queues of TBW102, and so of auto-created topics at most. */
  readonly defaultTopicQueues: number;
  /** clusterTopicEnable */
  readonly clusterTopic: boolean;
  /** brokerTopicEnable */
  readonly brokerTopic: boolean;
  /** traceTopicEnable */
  readonly traceTopic: boolean;
  /** msgTraceTopicName */
  readonly traceTopicName: string;
  /** Whether `message.type=MIXED` may be set (enableMixedMessageType). */
  readonly mixedMessageType: boolean;
  /** Most read or write queues that a topic may have. */
  readonly maxTopicQueues: number;
}
