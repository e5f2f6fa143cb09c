/**
 * The record of a message: one entry of the commit log and, byte for byte, one message in the answer to a pull.
 * Big-endian. Source: `MessageExtEncoder`, `MessageDecoder`, `CommitLog.checkMessageAndReturnSize`.
 */
import { crc32 } from 'node:zlib';
import {
  Failure,
  type PhysicalOffset,
  physicalOffset,
  type QueueOffset,
  queueOffset,
  type TimestampMs,
  timestampMs,
} from '../../base/index.ts';
import { copyBytes, decodeText, readInt32, readInt64, readUint16 } from '../bytes.ts';
import { SysFlag } from '../codes.ts';
import { decodeHost, type Host, hostBytesV4, hostBytesV6 } from './host.ts';
import { type ByteRange, decodeProperties, maxPropertiesBytes } from './properties.ts';

/** The fields in their order, for docs/formats; positions follow from them while sizes are fixed. */
export const storedMessageFields = [
  { name: 'totalSize', bytes: '4', note: 'whole record, with this field' },
  { name: 'magic', bytes: '4', note: 'DAA320A7, or DAA320AB when the topic exceeds 127 bytes' },
  { name: 'bodyCrc', bytes: '4', note: 'CRC-32 of the body without its top bit' },
  { name: 'queueId', bytes: '4', note: '' },
  { name: 'flag', bytes: '4', note: "the sender's own" },
  { name: 'queueOffset', bytes: '8', note: '0 for prepared and rolled back transactions' },
  { name: 'physicalOffset', bytes: '8', note: 'position of this record in the log' },
  { name: 'sysFlag', bytes: '4', note: 'SysFlag bits' },
  { name: 'bornTimestamp', bytes: '8', note: 'ms' },
  { name: 'bornHost', bytes: '8 or 20', note: 'address 4 or 16 (sysFlag BORN_HOST_V6), port 4' },
  { name: 'storeTimestamp', bytes: '8', note: 'ms' },
  { name: 'storeHost', bytes: '8 or 20', note: 'address 4 or 16 (sysFlag STORE_HOST_V6), port 4' },
  { name: 'reconsumeTimes', bytes: '4', note: '' },
  { name: 'preparedTransactionOffset', bytes: '8', note: 'of the half message, else 0' },
  { name: 'body', bytes: '4 + n', note: '' },
  { name: 'topic', bytes: '1 + n or 2 + n', note: 'UTF-8; length 1 byte, or 2 in the second form' },
  { name: 'properties', bytes: '2 + n', note: 'at most 32767' },
] as const;

type FixedField = Exclude<
  (typeof storedMessageFields)[number]['name'],
  | 'storeTimestamp'
  | 'storeHost'
  | 'reconsumeTimes'
  | 'preparedTransactionOffset'
  | 'body'
  | 'topic'
  | 'properties'
>;

/** Positions of the fields that every record has at the same place: all up to the first host. */
function fixedPositions(): Readonly<Record<FixedField, number>> {
  const positions: Partial<Record<string, number>> = {};
  let at = 0;
  for (const { name, bytes } of storedMessageFields) {
    positions[name] = at;
    if (!/^\d+$/.test(bytes)) break;
    at += Number(bytes);
  }
  return positions as Record<FixedField, number>;
}

const position = fixedPositions();

export const magicV1 = 0xdaa320a7 | 0;
/** For topics of more than 127 bytes. */
export const magicV2 = 0xdaa320ab | 0;
/** Fills the end of a segment. */
export const blankMagic = 0xcbd43194 | 0;
/** A blank record has a size and a magic; what follows up to its size means nothing. */
export const blankHeaderBytes = 8;

/** From the end of the store host to the body length, and with it: reconsumeTimes, preparedTransactionOffset, length. */
const afterStoreHost = 4 + 8;
const longestTopicV1 = 127;
export const longestTopicBytes = 255;
/** A record without body, topic and properties. */
export const smallestRecordBytes = 91;
/** Larger ones are not believed: 4 MiB of body and room for everything else, several times over. */
export const largestRecordBytes = 16 * 1024 * 1024;

export function storedMessageSize(
  topicBytes: number,
  propertiesBytes: number,
  bodyBytes: number,
  bornHostIsV6: boolean = false,
  storeHostIsV6: boolean = false,
): number {
  return (
    smallestRecordBytes +
    (topicBytes > longestTopicV1 ? 1 : 0) +
    (bornHostIsV6 ? hostBytesV6 - hostBytesV4 : 0) +
    (storeHostIsV6 ? hostBytesV6 - hostBytesV4 : 0) +
    bodyBytes +
    topicBytes +
    propertiesBytes
  );
}

/** A message to be stored. Callers on the hot path keep one object and change it. */
export interface MessageToStore {
  queueId: number;
  flag: number;
  queueOffset: number;
  physicalOffset: number;
  /** The host bits are set by the lengths of the hosts. */
  sysFlag: number;
  bornTimestamp: number;
  /** As `encodeHost` makes it. */
  bornHost: Uint8Array;
  storeTimestamp: number;
  storeHost: Uint8Array;
  reconsumeTimes: number;
  preparedTransactionOffset: number;
  body: Uint8Array;
  /** `bodyCrc(body)`. */
  bodyCrc: number;
  topic: Uint8Array;
  /** Absent: the caller writes `propertiesLength` bytes itself, to where `encodeStoredMessage` says. */
  properties?: Uint8Array | undefined;
  propertiesLength: number;
}

/** The checksum of a body in a record. */
export function bodyCrc(body: Uint8Array): number {
  return body.length === 0 ? 0 : crc32(body) & 0x7fff_ffff;
}

/**
 * Writes the record at `at`, where `storedMessageSize` bytes are free; `view` is a view of the same bytes as `target`.
 * Returns where the properties begin; the record ends `propertiesLength` after that.
 */
export function encodeStoredMessage(
  target: Uint8Array,
  view: DataView,
  at: number,
  message: MessageToStore,
): number {
  const { body, topic, bornHost, storeHost, propertiesLength } = message;
  const bornIsV6 = bornHost.length === hostBytesV6;
  const storeIsV6 = storeHost.length === hostBytesV6;
  const isLongTopic = topic.length > longestTopicV1;
  view.setInt32(
    at,
    storedMessageSize(topic.length, propertiesLength, body.length, bornIsV6, storeIsV6),
  );
  view.setInt32(at + position.magic, isLongTopic ? magicV2 : magicV1);
  view.setInt32(at + position.bodyCrc, message.bodyCrc);
  view.setInt32(at + position.queueId, message.queueId);
  view.setInt32(at + position.flag, message.flag);
  setInt64(view, at + position.queueOffset, message.queueOffset);
  setInt64(view, at + position.physicalOffset, message.physicalOffset);
  view.setInt32(
    at + position.sysFlag,
    (message.sysFlag & ~(SysFlag.BORN_HOST_V6 | SysFlag.STORE_HOST_V6)) |
      (bornIsV6 ? SysFlag.BORN_HOST_V6 : 0) |
      (storeIsV6 ? SysFlag.STORE_HOST_V6 : 0),
  );
  setInt64(view, at + position.bornTimestamp, message.bornTimestamp);
  let to = copyBytes(target, at + position.bornHost, bornHost);
  setInt64(view, to, message.storeTimestamp);
  to = copyBytes(target, to + 8, storeHost);
  view.setInt32(to, message.reconsumeTimes);
  setInt64(view, to + 4, message.preparedTransactionOffset);
  to += afterStoreHost;
  view.setInt32(to, body.length);
  target.set(body, to + 4);
  to += 4 + body.length;
  if (isLongTopic) {
    view.setInt16(to, topic.length);
    to += 2;
  } else {
    target[to++] = topic.length;
  }
  to = copyBytes(target, to, topic);
  view.setInt16(to, propertiesLength);
  to += 2;
  if (message.properties !== undefined) copyBytes(target, to, message.properties);
  return to;
}

function setInt64(view: DataView, at: number, value: number): void {
  view.setInt32(at, Math.floor(value / 0x1_0000_0000));
  view.setInt32(at + 4, value | 0);
}

/** Fills the rest of a segment, `size` bytes from `at`. Writes 8 bytes. */
export function writeBlankRecord(view: DataView, at: number, size: number): void {
  view.setInt32(at, size);
  view.setInt32(at + 4, blankMagic);
}

// Accessors: of a record that was checked. `at` is where it begins.

export const recordSizeAt = (bytes: Uint8Array, at: number): number => readInt32(bytes, at);
export const magicAt = (bytes: Uint8Array, at: number): number =>
  readInt32(bytes, at + position.magic);
export const queueIdAt = (bytes: Uint8Array, at: number): number =>
  readInt32(bytes, at + position.queueId);
export const queueOffsetAt = (bytes: Uint8Array, at: number): QueueOffset =>
  queueOffset(readInt64(bytes, at + position.queueOffset));
export const physicalOffsetAt = (bytes: Uint8Array, at: number): PhysicalOffset =>
  physicalOffset(readInt64(bytes, at + position.physicalOffset));
export const sysFlagAt = (bytes: Uint8Array, at: number): number =>
  readInt32(bytes, at + position.sysFlag);
export const bornTimestampAt = (bytes: Uint8Array, at: number): TimestampMs =>
  timestampMs(readInt64(bytes, at + position.bornTimestamp));
export const storeTimestampAt = (bytes: Uint8Array, at: number): TimestampMs =>
  timestampMs(readInt64(bytes, storeTimestampPosition(bytes, at)));

function storeTimestampPosition(bytes: Uint8Array, at: number): number {
  return at + position.bornHost + hostBytes(sysFlagAt(bytes, at), SysFlag.BORN_HOST_V6);
}

function hostBytes(sysFlag: number, bit: number): number {
  return (sysFlag & bit) === 0 ? hostBytesV4 : hostBytesV6;
}

function storeHostPosition(bytes: Uint8Array, at: number): number {
  return storeTimestampPosition(bytes, at) + 8;
}

function reconsumeTimesPosition(bytes: Uint8Array, at: number): number {
  return storeHostPosition(bytes, at) + hostBytes(sysFlagAt(bytes, at), SysFlag.STORE_HOST_V6);
}

function bodyLengthPosition(bytes: Uint8Array, at: number): number {
  return reconsumeTimesPosition(bytes, at) + afterStoreHost;
}

export function bodyRangeAt(bytes: Uint8Array, at: number): ByteRange {
  const start = bodyLengthPosition(bytes, at) + 4;
  return { start, end: start + readInt32(bytes, start - 4) };
}

export function topicRangeAt(bytes: Uint8Array, at: number): ByteRange {
  const after = bodyRangeAt(bytes, at).end;
  if (magicAt(bytes, at) === magicV2) {
    return { start: after + 2, end: after + 2 + readUint16(bytes, after) };
  }
  return { start: after + 1, end: after + 1 + bytes[after]! };
}

export function propertiesRangeAt(bytes: Uint8Array, at: number): ByteRange {
  const start = topicRangeAt(bytes, at).end + 2;
  return { start, end: start + readUint16(bytes, start - 2) };
}

export type RecordCheck =
  | { type: 'record'; size: number }
  /** The rest of the segment, `size` bytes, holds nothing. */
  | { type: 'blank'; size: number }
  /** Nothing was written here: too few bytes for a record, or zeroes. */
  | { type: 'end' }
  | { type: 'damaged'; why: string };

/**
 * What is at `at`, where `available` bytes may be read. Unlike RocketMQ it compares the position that a record states,
 * and each inner length, before it believes the checksum; which is not looked at where the caller has compared the
 * bytes with another one.
 */
export function checkRecord(
  bytes: Uint8Array,
  at: number,
  available: number,
  expectedPhysicalOffset: number,
  verifiesBody: boolean = true,
): RecordCheck {
  if (available < blankHeaderBytes) return { type: 'end' };
  const size = readInt32(bytes, at);
  const magic = magicAt(bytes, at);
  if (size === 0 && magic === 0) return { type: 'end' };
  if (magic === blankMagic) {
    if (size < blankHeaderBytes) return damaged(`blank record of ${size} bytes`);
    return { type: 'blank', size };
  }
  if (magic !== magicV1 && magic !== magicV2) {
    return damaged(`magic ${(magic >>> 0).toString(16)} is not that of a record`);
  }
  if (size < smallestRecordBytes || size > largestRecordBytes) {
    return damaged(`record of ${size} bytes`);
  }
  if (size > available) return damaged(`record of ${size} bytes, ${available} available`);
  const stated = readInt64(bytes, at + position.physicalOffset);
  if (stated !== expectedPhysicalOffset) {
    return damaged(`record states position ${stated}, is at ${expectedPhysicalOffset}`);
  }
  const why = checkLengths(bytes, at, size, magic);
  if (why !== undefined) return damaged(why);
  if (!verifiesBody) return { type: 'record', size };
  const body = bodyRangeAt(bytes, at);
  const expected = readInt32(bytes, at + position.bodyCrc);
  const actual = bodyCrc(bytes.subarray(body.start, body.end));
  if (actual !== expected) return damaged(`checksum of the body is ${actual}, stated ${expected}`);
  return { type: 'record', size };
}

const damaged = (why: string): RecordCheck => ({ type: 'damaged', why });

/** Whether body, topic and properties fill the record exactly. Reads nothing beyond it. */
function checkLengths(
  bytes: Uint8Array,
  at: number,
  size: number,
  magic: number,
): string | undefined {
  const end = at + size;
  let to = bodyLengthPosition(bytes, at);
  const topicLengthBytes = magic === magicV2 ? 2 : 1;
  // The body's length, the topic's and the properties' must fit beside the body.
  if (to + 4 + topicLengthBytes + 2 > end) return `record of ${size} bytes is too small`;
  const bodyLength = readInt32(bytes, to);
  to += 4;
  if (bodyLength < 0 || bodyLength > end - to - topicLengthBytes - 2) {
    return `body of ${bodyLength} bytes in a record of ${size}`;
  }
  to += bodyLength;
  const topicLength = magic === magicV2 ? readUint16(bytes, to) : bytes[to]!;
  to += topicLengthBytes;
  // A signed number in both forms.
  if (topicLength > (magic === magicV2 ? 0x7fff : 0x7f) || topicLength > end - to - 2) {
    return `topic of ${topicLength} bytes in a record of ${size}`;
  }
  to += topicLength;
  const propertiesLength = readUint16(bytes, to);
  to += 2;
  if (propertiesLength > maxPropertiesBytes || propertiesLength !== end - to) {
    return `properties of ${propertiesLength} bytes, ${end - to} left in the record`;
  }
  return undefined;
}

export interface StoredMessage {
  readonly queueId: number;
  readonly flag: number;
  readonly queueOffset: QueueOffset;
  readonly physicalOffset: PhysicalOffset;
  readonly sysFlag: number;
  readonly bornTimestamp: TimestampMs;
  readonly bornHost: Host;
  readonly storeTimestamp: TimestampMs;
  readonly storeHost: Host;
  readonly reconsumeTimes: number;
  readonly preparedTransactionOffset: number;
  readonly bodyCrc: number;
  /** A view of the bytes that were decoded. */
  readonly body: Uint8Array;
  readonly topic: string;
  readonly properties: ReadonlyMap<string, string>;
  /** Bytes of the record. */
  readonly size: number;
}

/** Decodes a record as it came from a log or a broker. Throws `Failure('corrupt')` when it is none. */
export function decodeStoredMessage(bytes: Uint8Array, at: number = 0): StoredMessage {
  const available = bytes.length - at;
  const stated =
    available < smallestRecordBytes ? 0 : readInt64(bytes, at + position.physicalOffset);
  const check = checkRecord(bytes, at, available, stated);
  if (check.type !== 'record') {
    const why = check.type === 'damaged' ? check.why : check.type;
    throw new Failure('corrupt', `stored message at byte ${at}: ${why}`);
  }
  const sysFlag = sysFlagAt(bytes, at);
  const storeHostAt = storeHostPosition(bytes, at);
  const reconsumeAt = reconsumeTimesPosition(bytes, at);
  const body = bodyRangeAt(bytes, at);
  const topic = topicRangeAt(bytes, at);
  const properties = propertiesRangeAt(bytes, at);
  return {
    queueId: queueIdAt(bytes, at),
    flag: readInt32(bytes, at + position.flag),
    queueOffset: queueOffsetAt(bytes, at),
    physicalOffset: physicalOffsetAt(bytes, at),
    sysFlag,
    bornTimestamp: bornTimestampAt(bytes, at),
    bornHost: decodeHost(bytes, at + position.bornHost, hostBytes(sysFlag, SysFlag.BORN_HOST_V6)),
    storeTimestamp: storeTimestampAt(bytes, at),
    storeHost: decodeHost(bytes, storeHostAt, reconsumeAt - storeHostAt),
    reconsumeTimes: readInt32(bytes, reconsumeAt),
    preparedTransactionOffset: readInt64(bytes, reconsumeAt + 4),
    bodyCrc: readInt32(bytes, at + position.bodyCrc),
    body: bytes.subarray(body.start, body.end),
    topic: decodeText(bytes, topic.start, topic.end),
    properties: decodeProperties(bytes, properties.start, properties.end),
    size: check.size,
  };
}

/** The records of a pull's body, one after the other. Throws `Failure('corrupt')`. */
export function decodeStoredMessages(bytes: Uint8Array): StoredMessage[] {
  const messages: StoredMessage[] = [];
  for (let at = 0; at < bytes.length; ) {
    const message = decodeStoredMessage(bytes, at);
    messages.push(message);
    at += message.size;
  }
  return messages;
}
