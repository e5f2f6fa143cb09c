import { strict as assert } from 'node:assert';
import {
  type Epoch,
  epoch,
  Failure,
  type MetadataSequence,
  metadataSequence,
} from '../../base/index.ts';
import { holdsOffsets, isTableNumber, type TableNumber } from './catalogue.ts';
import { type Digest, digestBytes, digestFromBytes, digestToBytes } from './digest.ts';
import { bufferOf } from './key-text.ts';

export type Entry = {
  /**
   * `deletePrefix` removes every row whose key begins with `key`; `deleteTopic`, of offsets and resets, every row of
   * the topic whose name is `key`: the name stands within their keys, and there may be more of them than a record holds.
   */
  readonly operation: 'put' | 'delete' | 'deletePrefix' | 'deleteTopic';
  readonly table: TableNumber;
  /** 1 to 65,535 bytes. */
  readonly key: Uint8Array;
  /** Version that the row must have before; 0 when it must be absent, and where several rows may go. */
  readonly expected: MetadataSequence | 0;
  /** Of a `put`, and only there. */
  readonly value?: Uint8Array;
};

/** Who waits for the record: see "Answer classes" in docs/protocol.md. */
export type RecordClass = 'definition' | 'impliedDefinition' | 'progress';

/** The body of one message in `rmq_sys_metadata`; the layout is in docs/state.md. */
export interface MetadataRecord {
  readonly class: RecordClass;
  readonly epoch: Epoch;
  readonly sequence: MetadataSequence;
  /** Request id and principal, for people. At most 65,535 bytes of UTF-8. */
  readonly cause: string;
  /** Total of the tables after this record; in definitions. */
  readonly digest?: Digest;
  readonly entries: readonly Entry[];
}

const format = 1;
const classes: readonly RecordClass[] = ['definition', 'impliedDefinition', 'progress'];
const operations: readonly Entry['operation'][] = ['put', 'delete', 'deletePrefix', 'deleteTopic'];
const concernsRow = (operation: Entry['operation']): boolean =>
  operation === 'put' || operation === 'delete';
const fixedBytes = 1 + 1 + 4 + 8 + 2 + 1 + 4;
const fixedEntryBytes = 1 + 1 + 8 + 2;
const longestKey = 0xffff;
const longestCause = 0xffff;

export function encodeMetadataRecord(record: MetadataRecord): Uint8Array {
  const cause = Buffer.from(record.cause, 'utf8').subarray(0, longestCause);
  let size = fixedBytes + cause.length + (record.digest === undefined ? 0 : digestBytes);
  for (const { operation, key, value, expected } of record.entries) {
    assert(key.length >= 1 && key.length <= longestKey, 'a key has 1 to 65535 bytes');
    assert((value !== undefined) === (operation === 'put'), 'a put, and only a put, has a value');
    assert(concernsRow(operation) || expected === 0, 'only a row has a version');
    size += fixedEntryBytes + key.length + (value === undefined ? 0 : 4 + value.length);
  }
  const bytes = Buffer.allocUnsafe(size);
  let at = bytes.writeUInt8(format, 0);
  at = bytes.writeUInt8(classes.indexOf(record.class) + 1, at);
  at = bytes.writeUInt32BE(record.epoch, at);
  at = writeUint64(bytes, record.sequence, at);
  at = bytes.writeUInt16BE(cause.length, at);
  at += cause.copy(bytes, at);
  at = bytes.writeUInt8(record.digest === undefined ? 0 : 1, at);
  if (record.digest !== undefined) {
    bytes.set(digestToBytes(record.digest), at);
    at += digestBytes;
  }
  at = bytes.writeUInt32BE(record.entries.length, at);
  for (const { operation, table, key, expected, value } of record.entries) {
    at = bytes.writeUInt8(operations.indexOf(operation) + 1, at);
    at = bytes.writeUInt8(table, at);
    at = writeUint64(bytes, expected, at);
    at = bytes.writeUInt16BE(key.length, at);
    bytes.set(key, at);
    at += key.length;
    if (value === undefined) continue;
    at = bytes.writeUInt32BE(value.length, at);
    bytes.set(value, at);
    at += value.length;
  }
  assert(at === size, 'a record has the size that was computed for it');
  return bytes;
}

/**
 * Fails `corrupt`, naming the byte, unless the bytes are exactly one record. Keys and values are parts of one copy, so
 * `bytes` may be reused.
 */
export function decodeMetadataRecord(bytes: Uint8Array): MetadataRecord {
  const reader = new RecordReader(Buffer.from(bytes));
  reader.check(reader.uint8() === format, 'format');
  const recordClass = reader.nameOf(classes, 'class');
  const recordEpoch = epoch(reader.uint32());
  const sequence = metadataSequence(reader.uint64());
  reader.check(sequence >= 1, 'sequence');
  const cause = reader.text(reader.uint16());
  const digestFlag = reader.uint8();
  reader.check(digestFlag <= 1, 'digest flag');
  const digest = digestFlag === 1 ? digestFromBytes(reader.bytes(digestBytes)) : undefined;
  const count = reader.uint32();
  reader.check(count * (fixedEntryBytes + 1) <= reader.left, 'count');
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) {
    const operation = reader.nameOf(operations, 'operation');
    const table = reader.uint8();
    if (!isTableNumber(table)) return reader.fail('table');
    const version = reader.uint64();
    reader.check(concernsRow(operation) || version === 0, 'expected version');
    reader.check(operation !== 'deleteTopic' || holdsOffsets(table), 'table');
    const expected = version === 0 ? 0 : metadataSequence(version);
    const keyLength = reader.uint16();
    reader.check(keyLength > 0, 'key length');
    const key = reader.bytes(keyLength);
    entries.push(
      operation === 'put'
        ? { operation, table, key, expected, value: reader.bytes(reader.uint32()) }
        : { operation, table, key, expected },
    );
  }
  reader.check(reader.left === 0, 'length');
  return {
    class: recordClass,
    epoch: recordEpoch,
    sequence,
    cause,
    ...(digest === undefined ? {} : { digest }),
    entries,
  };
}

class RecordReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  fail(what: string): never {
    throw new Failure('corrupt', `metadata record: bad ${what} before byte ${this.#at}`);
  }

  check(holds: boolean, what: string): void {
    if (!holds) this.fail(what);
  }

  bytes(length: number): Uint8Array {
    this.check(length <= this.left, 'length');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  uint8(): number {
    return this.bytes(1)[0] as number;
  }

  uint16(): number {
    return bufferOf(this.bytes(2)).readUInt16BE();
  }

  uint32(): number {
    return bufferOf(this.bytes(4)).readUInt32BE();
  }

  /** Fails beyond 2^53. */
  uint64(): number {
    const value = readUint64(bufferOf(this.bytes(8)), 0);
    this.check(Number.isSafeInteger(value), 'number');
    return value;
  }

  text(length: number): string {
    return bufferOf(this.bytes(length)).toString('utf8');
  }

  /** The name that a number from 1 stands for. */
  nameOf<Name>(names: readonly Name[], what: string): Name {
    return names[this.uint8() - 1] ?? this.fail(what);
  }
}

export function writeUint64(bytes: Buffer, value: number, at: number): number {
  bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at);
  return bytes.writeUInt32BE(value >>> 0, at + 4);
}

export function readUint64(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}
