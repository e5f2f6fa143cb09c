/**
 * The metadata tables (docs/state.md). A number is never used again; 0 are rows that are local to a node, and 5 and 7 to
 * 11 are reserved.
 */
export const Table = {
  topic: 1,
  subscriptionGroup: 2,
  consumerOffset: 3,
  resetOffset: 4,
  messageRequestMode: 6,
} as const;
export type TableNumber = (typeof Table)[keyof typeof Table];

export const tableNumbers: readonly TableNumber[] = Object.values(Table);

/** One more than the largest number in use: the length of arrays that are indexed by table. */
export const tableSlots = 7;

export function isTableNumber(value: number): value is TableNumber {
  return (tableNumbers as readonly number[]).includes(value);
}

/** Rows of these tables are keyed and valued by `tables/consumer-offset.ts`. */
export function holdsOffsets(
  table: TableNumber,
): table is typeof Table.consumerOffset | typeof Table.resetOffset {
  return table === Table.consumerOffset || table === Table.resetOffset;
}

/** The system topic that holds the metadata records; clients can neither read nor list it. */
export const METADATA_TOPIC = 'rmq_sys_metadata';
