import type { MetadataSequence, PhysicalOffset, QueueOffset } from '../../base/index.ts';
import { holdsOffsets, type TableNumber } from './catalogue.ts';
import { decodeOffsetValue, encodeOffsetValue } from './tables/consumer-offset.ts';

/** A row of a table. Immutable: a change makes a new one. */
export interface Row {
  /** The bytes that the record held, never re-encoded. */
  readonly value: Uint8Array;
  /** Sequence of the record that last wrote it. */
  readonly version: MetadataSequence;
  /** Log position of the record that made the key appear; of a topic, its incarnation. */
  readonly createdAt: PhysicalOffset;
}

export function makeRow(
  table: TableNumber,
  value: Uint8Array,
  version: MetadataSequence,
  createdAt: PhysicalOffset,
): Row {
  return holdsOffsets(table)
    ? new OffsetRow(decodeOffsetValue(value), version, createdAt)
    : new ValueRow(value, version, createdAt);
}

/** A row whose value is decoded when it is first asked for. */
export class ValueRow implements Row {
  readonly value: Uint8Array;
  readonly version: MetadataSequence;
  readonly createdAt: PhysicalOffset;
  #decoded: unknown;

  constructor(value: Uint8Array, version: MetadataSequence, createdAt: PhysicalOffset) {
    this.value = value;
    this.version = version;
    this.createdAt = createdAt;
  }

  /** `decode` must be the same for all calls on rows of one table; `name` is the one of the row's key. */
  decoded<T>(decode: (value: Uint8Array, name: string) => T, name: string): T {
    this.#decoded ??= decode(this.value, name);
    return this.#decoded as T;
  }
}

/** There are many offsets, so they are kept as numbers; the value's eight bytes follow from the number. */
export class OffsetRow implements Row {
  readonly offset: QueueOffset;
  readonly version: MetadataSequence;
  readonly createdAt: PhysicalOffset;

  constructor(offset: QueueOffset, version: MetadataSequence, createdAt: PhysicalOffset) {
    this.offset = offset;
    this.version = version;
    this.createdAt = createdAt;
  }

  get value(): Uint8Array {
    return encodeOffsetValue(this.offset);
  }
}
