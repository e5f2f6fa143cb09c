/**
 * JSON string contents as bytes: how many UTF-8 bytes an escaped range stands for, and writing both ways. Used where
 * header values go into records without becoming strings.
 */
const backslash = 0x5c;
const letterU = 0x75;

/** What `\x` stands for; 0 for what JSON does not know. */
const simpleEscapes = new Uint8Array(128);
for (const [letter, byte] of [
  ['"', 0x22],
  ['\\', 0x5c],
  ['/', 0x2f],
  ["'", 0x27],
  ['b', 8],
  ['f', 12],
  ['n', 10],
  ['r', 13],
  ['t', 9],
] as const) {
  simpleEscapes[letter.charCodeAt(0)] = byte;
}

function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** The UTF-16 unit of four hexadecimal digits at `at`, or -1. */
function unitAt(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 > end) return -1;
  const a = hexValue(bytes[at]!);
  const b = hexValue(bytes[at + 1]!);
  const c = hexValue(bytes[at + 2]!);
  const d = hexValue(bytes[at + 3]!);
  return (a | b | c | d) < 0 ? -1 : (a << 12) | (b << 8) | (c << 4) | d;
}

/** Whether the escape is one of \u0000 to \u0007. */
function isLowControl(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at + 2] === 0x30 &&
    bytes[at + 3] === 0x30 &&
    bytes[at + 4] === 0x30 &&
    (bytes[at + 5]! & 0xf8) === 0x30
  );
}

const isHighSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;
const isLowSurrogate = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff;

/** Bytes of source that the escape at `at` takes (it begins with a backslash), or 0 when it is malformed. */
export function escapeLength(bytes: Uint8Array, at: number, end: number): number {
  if (at + 2 > end) return 0;
  const letter = bytes[at + 1]!;
  // What separates properties, \u0001 and \u0002, without looking closer.
  if (letter === letterU && at + 6 <= end && isLowControl(bytes, at)) return 6;
  if (letter !== letterU) return letter < 128 && simpleEscapes[letter] !== 0 ? 2 : 0;
  const unit = unitAt(bytes, at + 2, end);
  if (unit < 0) return 0;
  if (isHighSurrogate(unit) && bytes[at + 6] === backslash && bytes[at + 7] === letterU) {
    if (isLowSurrogate(unitAt(bytes, at + 8, end))) return 12;
  }
  return 6;
}

/** UTF-8 bytes that a well-formed escape at `at` stands for. */
export function escapedBytes(bytes: Uint8Array, at: number, length: number): number {
  if (length === 2 || isLowControl(bytes, at)) return 1;
  if (length === 12) return 4;
  const unit = unitAt(bytes, at + 2, at + 6);
  if (unit < 0x80) return 1;
  if (unit < 0x800) return 2;
  // Java encodes half a surrogate pair as a question mark.
  return isHighSurrogate(unit) || isLowSurrogate(unit) ? 1 : 3;
}

/** Copies a well-formed escaped range as UTF-8 into `target` and returns the end there. */
export function copyUnescaped(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
): number {
  let from = start;
  while (from < end) {
    const byte = source[from]!;
    if (byte !== backslash) {
      target[at++] = byte;
      from++;
      continue;
    }
    if (source[from + 1] === letterU && isLowControl(source, from)) {
      target[at++] = source[from + 5]! & 7;
      from += 6;
      continue;
    }
    const length = escapeLength(source, from, end);
    if (length === 2) {
      target[at++] = simpleEscapes[source[from + 1]!]!;
    } else {
      at = writeUnit(source, from, length, target, at);
    }
    from += length;
  }
  return at;
}

function writeUnit(
  source: Uint8Array,
  from: number,
  length: number,
  target: Uint8Array,
  at: number,
): number {
  const unit = unitAt(source, from + 2, from + 6);
  if (length === 12) {
    const low = unitAt(source, from + 8, from + 12);
    const point = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    target[at] = 0xf0 | (point >> 18);
    target[at + 1] = 0x80 | ((point >> 12) & 0x3f);
    target[at + 2] = 0x80 | ((point >> 6) & 0x3f);
    target[at + 3] = 0x80 | (point & 0x3f);
    return at + 4;
  }
  if (unit < 0x80) {
    target[at] = unit;
    return at + 1;
  }
  if (unit < 0x800) {
    target[at] = 0xc0 | (unit >> 6);
    target[at + 1] = 0x80 | (unit & 0x3f);
    return at + 2;
  }
  if (isHighSurrogate(unit) || isLowSurrogate(unit)) {
    target[at] = 0x3f;
    return at + 1;
  }
  target[at] = 0xe0 | (unit >> 12);
  target[at + 1] = 0x80 | ((unit >> 6) & 0x3f);
  target[at + 2] = 0x80 | (unit & 0x3f);
  return at + 3;
}

/** Any character that a JSON string of ours escapes. U+2028 and U+2029 because fastjson does. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
const mustEscape = /[\u0000-\u001f"\\\u2028\u2029]/;
const lineSeparators = /[\u2028\u2029]/g;

/** A JSON string, with its quotes, escaped as fastjson does. */
export function quote(text: string): string {
  if (!mustEscape.test(text)) return `"${text}"`;
  return JSON.stringify(text).replace(lineSeparators, (character) =>
    character === '\u2028' ? '\\u2028' : '\\u2029',
  );
}
