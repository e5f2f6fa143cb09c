import { crc32 } from 'node:zlib';
import {
  type BrokerId,
  brokerId,
  type Epoch,
  epoch,
  Failure,
  type MetadataSequence,
  metadataSequence,
  type PhysicalOffset,
  physicalOffset,
} from '../../base/index.ts';
import { type EpochEntry, incarnationBytes } from '../../log/index.ts';

/**
 * The frames between a leader and its followers: docs/protocol.md, "The link". Each is a length (4 bytes), a type (1)
 * and a payload, big-endian.
 */

/** What each side sends first. The number is the version of the protocol. */
export const linkPreamble = Buffer.from('HFREPL01', 'latin1');

export const FrameType = {
  hello: 1,
  challenge: 2,
  state: 3,
  join: 4,
  range: 5,
  report: 6,
  snapshot: 7,
  refusal: 8,
  promised: 9,
  differs: 10,
} as const;

/** Of the payload with its type. Ranges and pieces of snapshots are far below. */
export const maxFrameBytes = 8 * 2 ** 20;
export const nonceBytes = 16;
export const proofBytes = 32;
export const digestBytes = 16;
const headBytes = 5;

/** Bytes around the bytes of the log in a frame RANGE. */
export const rangeHeadBytes = headBytes + 4 + 3 * 8 + 1 + 4;

export interface Hello {
  readonly cluster: string;
  readonly group: string;
  readonly broker: BrokerId;
  /** 8 bytes in hexadecimal. */
  readonly incarnation: string;
  readonly promisedEpoch: Epoch;
  readonly nonce: Uint8Array;
}

export interface Challenge {
  readonly broker: BrokerId;
  readonly incarnation: string;
  readonly epoch: Epoch;
  readonly segmentBytes: number;
  readonly nonce: Uint8Array;
  readonly proof: Uint8Array;
}

/** What a follower has: nothing, a log with its views, or what an unfinished installation left. */
export type Holding = 'nothing' | 'log' | 'installing';

export interface FollowerState {
  readonly proof: Uint8Array;
  readonly holding: Holding;
  /** Its last stop lost nothing that it had written, or what it lost was made good since. */
  readonly lossless: boolean;
  readonly begin: PhysicalOffset;
  readonly end: PhysicalOffset;
  /** The tables contain everything below: it can no longer be cut away. */
  readonly applied: PhysicalOffset;
  readonly segmentBytes: number;
  readonly epochs: readonly EpochEntry[];
}

/** `follow` from `position`, its end; `cut` to it and come again; `install` a snapshot and the whole log. */
export type JoinAction = 'follow' | 'cut' | 'install';

export interface Join {
  readonly action: JoinAction;
  readonly position: PhysicalOffset;
  readonly begin: PhysicalOffset;
  readonly commitPoint: PhysicalOffset;
  readonly durablePoint: PhysicalOffset;
  /** CRC-32 of the bytes before `position`: `checkedBytes` of them, fewer at the beginning of a segment or log. */
  readonly check: number;
}

export interface Range {
  readonly epoch: Epoch;
  readonly start: PhysicalOffset;
  readonly commitPoint: PhysicalOffset;
  readonly durablePoint: PhysicalOffset;
  /** Somebody waits for D: fsync at once. */
  readonly wantsSync: boolean;
  /** Whole records; none in a heartbeat. */
  readonly bytes: Uint8Array;
}

export interface Report {
  readonly epoch: Epoch;
  readonly written: PhysicalOffset;
  readonly synced: PhysicalOffset;
  readonly applied: PhysicalOffset;
  /** Of the newest metadata record that was appended, and the digest of the tables behind it. */
  readonly sequence: MetadataSequence;
  readonly digest: Uint8Array;
}

/** What the leader's tables are behind a record, where the follower reported something else. */
export interface Difference {
  readonly sequence: MetadataSequence;
  readonly digest: Uint8Array;
}

export interface SnapshotPiece {
  readonly last: boolean;
  readonly bytes: Uint8Array;
}

/** Before the position at which a follower joins, both logs are compared over so many bytes. */
export const checkedBytes = 64 * 1024;

export type Frame =
  | { readonly type: 'hello'; readonly value: Hello }
  | { readonly type: 'challenge'; readonly value: Challenge }
  | { readonly type: 'state'; readonly value: FollowerState }
  | { readonly type: 'join'; readonly value: Join }
  | { readonly type: 'range'; readonly value: Range }
  | { readonly type: 'report'; readonly value: Report }
  | { readonly type: 'snapshot'; readonly value: SnapshotPiece }
  /** Of either side. `lasting`: no time heals it. */
  | { readonly type: 'refusal'; readonly lasting: boolean; readonly reason: string }
  | { readonly type: 'promised'; readonly epoch: Epoch }
  /** The leader has checked itself: the follower is not what it should be. */
  | { readonly type: 'differs'; readonly value: Difference };

const holdings: readonly Holding[] = ['nothing', 'log', 'installing'];
const actions: readonly (JoinAction | undefined)[] = [undefined, 'follow', 'cut', 'install'];

export function encodeFrame(frame: Frame): Uint8Array {
  switch (frame.type) {
    case 'hello': {
      const { cluster, group, broker, incarnation, promisedEpoch, nonce } = frame.value;
      const to = new Writer(FrameType.hello).text(cluster).text(group).int64(broker);
      return to.hex(incarnation).int32(promisedEpoch).bytes(nonce).done();
    }
    case 'challenge': {
      const { broker, incarnation, segmentBytes, nonce, proof } = frame.value;
      const to = new Writer(FrameType.challenge).int64(broker).hex(incarnation);
      return to.int32(frame.value.epoch).int64(segmentBytes).bytes(nonce).bytes(proof).done();
    }
    case 'state': {
      const { proof, holding, lossless, begin, end, applied, segmentBytes, epochs } = frame.value;
      const to = new Writer(FrameType.state).bytes(proof).int8(holdings.indexOf(holding));
      to.int8(lossless ? 1 : 0);
      to.int64(begin).int64(end).int64(applied).int64(segmentBytes).int32(epochs.length);
      for (const { epoch, incarnation, start } of epochs) {
        to.int32(epoch).hex(incarnation).int64(start);
      }
      return to.done();
    }
    case 'join': {
      const { action, position, begin, commitPoint, durablePoint, check } = frame.value;
      const to = new Writer(FrameType.join).int8(actions.indexOf(action)).int64(position);
      return to.int64(begin).int64(commitPoint).int64(durablePoint).int32(check).done();
    }
    case 'range':
      return encodeRange(frame.value);
    case 'report': {
      const { written, synced, applied, sequence, digest } = frame.value;
      const to = new Writer(FrameType.report).int32(frame.value.epoch).int64(written);
      return to.int64(synced).int64(applied).int64(sequence).bytes(digest).done();
    }
    case 'snapshot':
      return new Writer(FrameType.snapshot)
        .int8(frame.value.last ? 1 : 0)
        .bytes(frame.value.bytes)
        .done();
    case 'refusal':
      return new Writer(FrameType.refusal)
        .int8(frame.lasting ? 1 : 0)
        .text(frame.reason)
        .done();
    case 'promised':
      return new Writer(FrameType.promised).int32(frame.epoch).done();
    case 'differs': {
      const { sequence, digest } = frame.value;
      return new Writer(FrameType.differs).int64(sequence).bytes(digest).done();
    }
  }
}

/**
 * One copy of the bytes, since those of the tail are only lent. The frame lies in `storage` where that is large enough;
 * new memory for each range would keep the garbage collector busy.
 */
export function encodeRange(range: Range, storage?: Uint8Array): Uint8Array {
  const { bytes } = range;
  const length = rangeHeadBytes + bytes.length;
  const frame =
    storage !== undefined && storage.length >= length
      ? Buffer.from(storage.buffer, storage.byteOffset, length)
      : Buffer.allocUnsafe(length);
  let at = frame.writeUInt32BE(frame.length - 4);
  at = frame.writeUInt8(FrameType.range, at);
  at = frame.writeUInt32BE(range.epoch, at);
  for (const position of [range.start, range.commitPoint, range.durablePoint]) {
    at = frame.writeBigUInt64BE(BigInt(position), at);
  }
  at = frame.writeUInt8(range.wantsSync ? 1 : 0, at);
  at = frame.writeUInt32BE(bytes.length === 0 ? 0 : crc32(bytes), at);
  frame.set(bytes, at);
  return frame;
}

/** Bytes of a frame, after its length. Views into `bytes`. Fails `invalid`. */
export function decodeFrame(bytes: Uint8Array): Frame {
  const from = new Reader(bytes);
  const frame = decode(from);
  from.expectEnd();
  return frame;
}

function decode(from: Reader): Frame {
  const type = from.int8();
  switch (type) {
    case FrameType.hello:
      return {
        type: 'hello',
        value: {
          cluster: from.text(),
          group: from.text(),
          broker: brokerId(from.int64()),
          incarnation: from.hex(incarnationBytes),
          promisedEpoch: epoch(from.int32()),
          nonce: from.copy(nonceBytes),
        },
      };
    case FrameType.challenge:
      return {
        type: 'challenge',
        value: {
          broker: brokerId(from.int64()),
          incarnation: from.hex(incarnationBytes),
          epoch: epoch(from.int32()),
          segmentBytes: from.int64(),
          nonce: from.copy(nonceBytes),
          proof: from.copy(proofBytes),
        },
      };
    case FrameType.state:
      return { type: 'state', value: decodeState(from) };
    case FrameType.join:
      return {
        type: 'join',
        value: {
          action: from.oneOf(actions),
          position: physicalOffset(from.int64()),
          begin: physicalOffset(from.int64()),
          commitPoint: physicalOffset(from.int64()),
          durablePoint: physicalOffset(from.int64()),
          check: from.int32(),
        },
      };
    case FrameType.range:
      return { type: 'range', value: decodeRange(from) };
    case FrameType.report:
      return {
        type: 'report',
        value: {
          epoch: epoch(from.int32()),
          written: physicalOffset(from.int64()),
          synced: physicalOffset(from.int64()),
          applied: physicalOffset(from.int64()),
          sequence: metadataSequence(from.int64()),
          digest: from.copy(digestBytes),
        },
      };
    case FrameType.snapshot:
      return { type: 'snapshot', value: { last: from.int8() === 1, bytes: from.rest() } };
    case FrameType.refusal:
      return { type: 'refusal', lasting: from.int8() === 1, reason: from.text() };
    case FrameType.promised:
      return { type: 'promised', epoch: epoch(from.int32()) };
    case FrameType.differs:
      return {
        type: 'differs',
        value: { sequence: metadataSequence(from.int64()), digest: from.copy(digestBytes) },
      };
    default:
      throw new Failure('invalid', `frame of the unknown type ${type}`);
  }
}

function decodeState(from: Reader): FollowerState {
  const proof = from.copy(proofBytes);
  const holding = from.oneOf(holdings);
  const lossless = from.int8() === 1;
  const begin = physicalOffset(from.int64());
  const end = physicalOffset(from.int64());
  const applied = physicalOffset(from.int64());
  const segmentBytes = from.int64();
  const count = from.int32();
  const epochs: EpochEntry[] = [];
  for (let index = 0; index < count; index++) {
    const entry = {
      epoch: epoch(from.int32()),
      incarnation: from.hex(incarnationBytes),
      start: physicalOffset(from.int64()),
    };
    const last = epochs.at(-1);
    if (last !== undefined && (entry.epoch <= last.epoch || entry.start <= last.start)) {
      throw new Failure('invalid', 'epochs that do not rise');
    }
    epochs.push(entry);
  }
  return { proof, holding, lossless, begin, end, applied, segmentBytes, epochs };
}

function decodeRange(from: Reader): Range {
  const ofEpoch = epoch(from.int32());
  const start = physicalOffset(from.int64());
  const commitPoint = physicalOffset(from.int64());
  const durablePoint = physicalOffset(from.int64());
  const flags = from.int8();
  const checksum = from.int32();
  const bytes = from.rest();
  const actual = bytes.length === 0 ? 0 : crc32(bytes);
  if (actual !== checksum) {
    throw new Failure('invalid', `range at ${start} of ${bytes.length} bytes: wrong checksum`);
  }
  return {
    epoch: ofEpoch,
    start,
    commitPoint,
    durablePoint,
    wantsSync: (flags & 1) !== 0,
    bytes,
  };
}

class Writer {
  readonly #parts: Uint8Array[] = [];

  constructor(type: number) {
    this.int8(type);
  }

  int8(value: number): this {
    this.#parts.push(Uint8Array.of(value));
    return this;
  }

  int32(value: number): this {
    const part = Buffer.alloc(4);
    part.writeUInt32BE(value);
    this.#parts.push(part);
    return this;
  }

  int64(value: number): this {
    const part = Buffer.alloc(8);
    part.writeBigUInt64BE(BigInt(value));
    this.#parts.push(part);
    return this;
  }

  text(value: string): this {
    const bytes = Buffer.from(value, 'utf8');
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    this.#parts.push(length, bytes);
    return this;
  }

  hex(value: string): this {
    this.#parts.push(Buffer.from(value, 'hex'));
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#parts.push(value);
    return this;
  }

  done(): Uint8Array {
    const payload = Buffer.concat(this.#parts);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(payload.length);
    return Buffer.concat([length, payload]);
  }
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  int8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  int32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  int64(): number {
    const value = Number(this.#bytes.readBigUInt64BE(this.#take(8)));
    if (!Number.isSafeInteger(value)) throw new Failure('invalid', 'a number beyond 2^53');
    return value;
  }

  text(): string {
    const length = this.#bytes.readUInt16BE(this.#take(2));
    const start = this.#take(length);
    return this.#bytes.toString('utf8', start, start + length);
  }

  hex(length: number): string {
    const start = this.#take(length);
    return this.#bytes.toString('hex', start, start + length);
  }

  copy(length: number): Uint8Array {
    const start = this.#take(length);
    return Uint8Array.from(this.#bytes.subarray(start, start + length));
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(this.#take(this.#bytes.length - this.#at));
  }

  oneOf<T>(values: readonly (T | undefined)[]): T {
    const index = this.int8();
    const value = values[index];
    if (value === undefined) throw new Failure('invalid', `unknown value ${index}`);
    return value;
  }

  expectEnd(): void {
    if (this.#at !== this.#bytes.length) {
      throw new Failure('invalid', `a frame with ${this.#bytes.length - this.#at} bytes too many`);
    }
  }

  #take(length: number): number {
    const start = this.#at;
    if (start + length > this.#bytes.length) throw new Failure('invalid', 'a frame that is cut');
    this.#at = start + length;
    return start;
  }
}
