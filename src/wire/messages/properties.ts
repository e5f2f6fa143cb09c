/**
 * Properties of a message: `name 0x01 value 0x02 name 0x01 value 0x02 ...`, UTF-8, the last 0x02 optional. Source:
 * `MessageDecoder.string2messageProperties`.
 */
import { decodeText, encodeText, equalsAscii } from '../bytes.ts';

const nameEnd = 0x01;
const propertyEnd = 0x02;

/** Longest properties that a record can hold: their length is a signed 16-bit number. */
export const maxPropertiesBytes = 32_767;

/** Properties that a broker reads or writes. Source: `MessageConst`. */
export const PropertyName = {
  KEYS: 'KEYS',
  TAGS: 'TAGS',
  WAIT: 'WAIT',
  DELAY: 'DELAY',
  UNIQ_KEY: 'UNIQ_KEY',
  MSG_REGION: 'MSG_REGION',
  TRACE_ON: 'TRACE_ON',
  CLUSTER: 'CLUSTER',
  REAL_TOPIC: 'REAL_TOPIC',
  REAL_QID: 'REAL_QID',
  RETRY_TOPIC: 'RETRY_TOPIC',
  ORIGIN_MESSAGE_ID: 'ORIGIN_MESSAGE_ID',
  RECONSUME_TIME: 'RECONSUME_TIME',
  MAX_RECONSUME_TIMES: 'MAX_RECONSUME_TIMES',
  TRAN_MSG: 'TRAN_MSG',
  PGROUP: 'PGROUP',
  TIMER_DELAY_SEC: 'TIMER_DELAY_SEC',
  TIMER_DELAY_MS: 'TIMER_DELAY_MS',
  TIMER_DELIVER_MS: 'TIMER_DELIVER_MS',
  MSG_TYPE: 'MSG_TYPE',
  POP_CK: 'POP_CK',
  INNER_NUM: 'INNER_NUM',
  INNER_BASE: 'INNER_BASE',
} as const;

export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Names and values must not be empty nor contain 0x02, names not 0x01: others would not be read back. */
export function encodeProperties(properties: ReadonlyMap<string, string>): Uint8Array {
  let joined = '';
  for (const [name, value] of properties) joined += `${name}\u0001${value}\u0002`;
  return encodeText(joined);
}

/** As Java reads them: what is too short or lacks a name or value is skipped, the last of equal names counts. */
export function decodeProperties(
  bytes: Uint8Array,
  start: number = 0,
  end: number = bytes.length,
): Map<string, string> {
  const properties = new Map<string, string>();
  for (let at = start; at < end; ) {
    const itemEnd = indexOf(bytes, propertyEnd, at, end);
    const split = indexOf(bytes, nameEnd, at, itemEnd);
    if (split > at && split + 1 < itemEnd) {
      properties.set(decodeText(bytes, at, split), decodeText(bytes, split + 1, itemEnd));
    }
    at = itemEnd + 1;
  }
  return properties;
}

/** Where the value of a property lies. Allocates nothing unless there is one. `name` must be ASCII. */
export function findProperty(
  bytes: Uint8Array,
  start: number,
  end: number,
  name: string,
): ByteRange | undefined {
  let valueStart = -1;
  let valueEnd = 0;
  for (let at = start; at < end; ) {
    const itemEnd = indexOf(bytes, propertyEnd, at, end);
    const split = at + name.length;
    if (split + 1 < itemEnd && bytes[split] === nameEnd && equalsAscii(bytes, at, split, name)) {
      valueStart = split + 1;
      valueEnd = itemEnd;
    }
    at = itemEnd + 1;
  }
  return valueStart < 0 ? undefined : { start: valueStart, end: valueEnd };
}

function indexOf(bytes: Uint8Array, wanted: number, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== wanted) at++;
  return at;
}

/** Tag code of a TAGS value: Java's `String.hashCode`, over UTF-16 units, 32 bits with sign. 0 for an empty range. */
export function tagsCode(bytes: Uint8Array, start: number = 0, end: number = bytes.length): number {
  let hash = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte >= 0x80) return javaStringHash(decodeText(bytes, start, end));
    hash = (Math.imul(hash, 31) + byte) | 0;
  }
  return hash;
}

/** `String.hashCode` of Java. */
export function javaStringHash(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash;
}
