import { strict as assert } from 'node:assert';
import { Failure, type QueueOffset, queueOffset } from '../../../base/index.ts';
import { type KeyText, keyTextOfName, nameOfKeyText } from '../key-text.ts';

/**
 * Tables 3 (consumerOffset) and 4 (resetOffset). Key: group, 0, topic, 0, queue id (4 bytes, big-endian); value: an
 * offset, 8 bytes, big-endian. Offsets can be negative, as RocketMQ stores what a client sends.
 */
export interface OffsetKey {
  readonly group: string;
  readonly topic: string;
  readonly queueId: number;
}

export function offsetKeyText({ group, topic, queueId }: OffsetKey): KeyText {
  return offsetKeyTextOf(keyTextOfName(group), keyTextOfName(topic), queueId);
}

/** As `offsetKeyText`, from the key texts of the names. */
export function offsetKeyTextOf(group: KeyText, topic: KeyText, queueId: number): KeyText {
  assert(!group.includes('\0') && !topic.includes('\0'), 'names in offset keys hold no zero byte');
  return `${group}\0${topic}\0${String.fromCharCode(
    (queueId >>> 24) & 0xff,
    (queueId >>> 16) & 0xff,
    (queueId >>> 8) & 0xff,
    queueId & 0xff,
  )}`;
}

/** What all keys of a group begin with. */
export function offsetGroupPrefix(group: string): KeyText {
  return `${keyTextOfName(group)}\0`;
}

/** The parts of a key, names as key texts. Fails `corrupt` when it is none. */
export function splitOffsetKey(key: KeyText): { group: KeyText; topic: KeyText; queueId: number } {
  const groupEnd = key.indexOf('\0');
  const topicEnd = key.indexOf('\0', groupEnd + 1);
  if (groupEnd < 0 || topicEnd < 0 || topicEnd + 5 !== key.length) {
    throw new Failure('corrupt', `${JSON.stringify(key)} is no key of a consumer offset`);
  }
  return {
    group: key.slice(0, groupEnd),
    topic: key.slice(groupEnd + 1, topicEnd),
    queueId:
      (key.charCodeAt(topicEnd + 1) << 24) |
      (key.charCodeAt(topicEnd + 2) << 16) |
      (key.charCodeAt(topicEnd + 3) << 8) |
      key.charCodeAt(topicEnd + 4),
  };
}

export function decodeOffsetKey(key: KeyText): OffsetKey {
  const { group, topic, queueId } = splitOffsetKey(key);
  return { group: nameOfKeyText(group), topic: nameOfKeyText(topic), queueId };
}

export function encodeOffsetValue(offset: number): Uint8Array {
  const value = new Uint8Array(8);
  let high = Math.floor(offset / 0x1_0000_0000);
  let low = offset >>> 0;
  for (let i = 3; i >= 0; i--) {
    value[i] = high;
    value[i + 4] = low;
    high >>= 8;
    low >>>= 8;
  }
  return value;
}

/** Fails `corrupt` when the bytes are no offset, or one beyond 2^53. */
export function decodeOffsetValue(value: Uint8Array): QueueOffset {
  const offset =
    value.length === 8 ? int32At(value, 0) * 0x1_0000_0000 + (int32At(value, 4) >>> 0) : Number.NaN;
  if (!Number.isSafeInteger(offset)) {
    throw new Failure('corrupt', `${value.length} bytes are no consumer offset`);
  }
  return queueOffset(offset);
}

/** Byte by byte: there are many values of eight bytes, and a `DataView` for each costs more than the reads. */
function int32At(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}
