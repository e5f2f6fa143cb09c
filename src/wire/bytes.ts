/**
 * Reading and writing bytes in place. Plain index arithmetic, because a `DataView` per chunk or record would cost
 * more than the reads; big-endian, as everything in RocketMQ.
 */
const utf8Decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const utf8Encoder = new TextEncoder();

export function readInt32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return readInt32(bytes, at) >>> 0;
}

export function readInt16(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) >> 16) | bytes[at + 1]!;
}

export function readUint16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

/** A signed 64-bit integer as `number`: exact up to 2^53, and beyond that still outside the safe range. */
export function readInt64(bytes: Uint8Array, at: number): number {
  return readInt32(bytes, at) * 0x1_0000_0000 + readUint32(bytes, at + 4);
}

export function writeInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

export function writeInt16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export function writeInt64(bytes: Uint8Array, at: number, value: number): void {
  writeInt32(bytes, at, Math.floor(value / 0x1_0000_0000));
  writeInt32(bytes, at + 4, value >>> 0);
}

/** Longer pieces are copied by the platform; for shorter ones its call costs more than the loop. */
const longestLoopCopy = 12;

/** Copies all of `source` to `at` and returns the end. */
export function copyBytes(target: Uint8Array, at: number, source: Uint8Array): number {
  const { length } = source;
  if (length > longestLoopCopy) target.set(source, at);
  else for (let i = 0; i < length; i++) target[at + i] = source[i]!;
  return at + length;
}

/** Whether the range spells `text`, which must be ASCII. */
export function equalsAscii(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  const length = text.length;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) {
    if (bytes[start + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}

export function equalBytes(
  left: Uint8Array,
  leftStart: number,
  right: Uint8Array,
  rightStart: number,
  length: number,
): boolean {
  for (let i = 0; i < length; i++) {
    if (left[leftStart + i] !== right[rightStart + i]) return false;
  }
  return true;
}

/** Longer ranges are decoded by the platform; for short ASCII ones its call costs more than the loop. */
const longestLoopDecode = 24;

/** UTF-8; bytes that are not are replaced by U+FFFD, as Java does. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= longestLoopDecode) {
    let text = '';
    let i = start;
    for (; i < end; i++) {
      const byte = bytes[i]!;
      if (byte >= 0x80) break;
      text += String.fromCharCode(byte);
    }
    if (i === end) return text;
  }
  return utf8Decoder.decode(bytes.subarray(start, end));
}

export function encodeText(text: string): Uint8Array {
  return utf8Encoder.encode(text);
}

/** Writes UTF-8 at `at`, where `text.length * 3` bytes must be free, and returns the end. */
export function writeText(bytes: Uint8Array, at: number, text: string): number {
  const length = text.length;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) {
      return at + i + utf8Encoder.encodeInto(text.slice(i), bytes.subarray(at + i)).written;
    }
    bytes[at + i] = unit;
  }
  return at + length;
}

/** Writes text that is known to be ASCII, and returns the end. */
export function writeAscii(bytes: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
  return at + text.length;
}

/** Writes a whole number (up to 2^53 in either direction) in decimal, and returns the end. */
export function writeDecimal(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  if (rest < 0) {
    bytes[at++] = 0x2d;
    rest = -rest;
  }
  let digits = 1;
  for (let bound = 10; rest >= bound; bound *= 10) digits++;
  const end = at + digits;
  let i = end - 1;
  // Above 2^31 division is in floating point: take seven digits off at a time, so that the loop below is integer.
  while (rest >= 0x7fff_ffff) {
    const upper = Math.floor(rest / 10_000_000);
    let lower = rest - upper * 10_000_000;
    for (let n = 0; n < 7; n++) {
      const next = (lower / 10) | 0;
      bytes[i--] = 0x30 + lower - next * 10;
      lower = next;
    }
    rest = upper;
  }
  let small = rest | 0;
  for (; i >= at; i--) {
    const next = (small / 10) | 0;
    bytes[i] = 0x30 + small - next * 10;
    small = next;
  }
  return end;
}

const hexDigits = encodeText('0123456789ABCDEF');

/** Writes two upper-case hexadecimal digits per byte, and returns the end. */
export function writeHex(
  bytes: Uint8Array,
  at: number,
  source: Uint8Array,
  start: number,
  end: number,
): number {
  for (let i = start; i < end; i++) {
    const byte = source[i]!;
    bytes[at++] = hexDigits[byte >> 4]!;
    bytes[at++] = hexDigits[byte & 15]!;
  }
  return at;
}

/** Writes a 64-bit integer as 16 upper-case hexadecimal digits, and returns the end. */
export function writeHex64(bytes: Uint8Array, at: number, value: number): number {
  return writeHex32(bytes, writeHex32(bytes, at, Math.floor(value / 0x1_0000_0000)), value >>> 0);
}

function writeHex32(bytes: Uint8Array, at: number, value: number): number {
  for (let shift = 28; shift >= 0; shift -= 4) bytes[at++] = hexDigits[(value >>> shift) & 15]!;
  return at;
}

/**
 * A decimal integer written as Java's `Long.parseLong` accepts it, or NaN: an optional sign, digits, nothing else.
 * Rounded beyond 2^53.
 */
export function parseDecimal(bytes: Uint8Array, start: number, end: number): number {
  if (end - start === 1) {
    const digit = bytes[start]! - 0x30;
    return digit >= 0 && digit <= 9 ? digit : Number.NaN;
  }
  let at = start;
  const sign = bytes[at];
  if (at < end && (sign === 0x2d || sign === 0x2b)) at++;
  if (at >= end || end - at > 19) return Number.NaN;
  const firstDigit = at;
  let value = 0;
  for (; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  // The loop rounds at each digit beyond 2^53, once is right.
  if (value > Number.MAX_SAFE_INTEGER) value = Number(decodeText(bytes, firstDigit, end));
  return sign === 0x2d ? 0 - value : value;
}
