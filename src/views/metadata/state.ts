import { type Epoch, epoch, type TimestampMs, timestampMs } from '../../base/index.ts';
import { tableNumbers, tableSlots } from './catalogue.ts';
import { type DigestSums, emptySums } from './digest.ts';

/**
 * RocketMQ's `DataVersion` of a table, derived: counter and timestamp are the sequence and the time of the newest
 * record that touched the table; an epoch record sets the timestamp and, on all tables, the state version.
 */
export interface DataVersion {
  readonly counter: number;
  readonly timestamp: TimestampMs;
  /** The epoch, so that it rises at a promotion. */
  readonly stateVersion: number;
}

/** What there is besides the rows. Immutable: each record makes a new one, so that a cut returns to the old. */
export interface TablesState {
  /** Sequence of the newest record; 0 before the first. */
  readonly sequence: number;
  readonly epoch: Epoch;
  /** Both indexed by table number. */
  readonly versions: readonly DataVersion[];
  readonly sums: DigestSums;
}

const noVersion: DataVersion = { counter: 0, timestamp: timestampMs(0), stateVersion: 0 };

export const emptyState: TablesState = {
  sequence: 0,
  epoch: epoch(0),
  versions: Array.from({ length: tableSlots }, () => noVersion),
  sums: emptySums(),
};

export function afterEpoch(state: TablesState, next: Epoch, timestamp: TimestampMs): TablesState {
  const versions = [...state.versions];
  for (const table of tableNumbers) {
    const { counter } = state.versions[table] as DataVersion;
    versions[table] = { counter, timestamp, stateVersion: next };
  }
  return { ...state, epoch: next, versions };
}
