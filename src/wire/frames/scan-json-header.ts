/**
 * Reads a JSON header of the plain shape in one pass: an object whose values are strings or whole numbers, and
 * `extFields`, an object of strings. Numbers are parsed, everything else is noted by position; no string is made.
 *
 * Every byte of every hot request passes through here, so the loops are written out: calls and checks that can be left
 * out for compact JSON are.
 */
import { encodeText, equalBytes } from '../bytes.ts';
import { escapedBytes, escapeLength } from '../json/text.ts';
import { entryWidth, extOwner, extPositions, maxNotedFields } from './ext-positions.ts';
import type { IncomingCommand } from './incoming-command.ts';

const quoteMark = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const space = 0x20;

/** Fields of a command's header; `other`: one that is passed over. */
const Field = {
  other: 0,
  code: 1,
  flag: 2,
  opaque: 3,
  version: 4,
  language: 5,
  remark: 6,
  extFields: 7,
} as const;
type Field = (typeof Field)[keyof typeof Field];

/** By the length of their names. */
const fieldsByLength: { readonly name: Uint8Array; readonly field: Field }[][] = [];
for (const [text, field] of Object.entries(Field)) {
  if (field === Field.other) continue;
  const name = encodeText(text);
  fieldsByLength[name.length] = [...(fieldsByLength[name.length] ?? []), { name, field }];
}

function fieldNamed(bytes: Uint8Array, start: number, end: number): Field {
  const length = end - start;
  const candidates = fieldsByLength[length];
  if (candidates === undefined) return Field.other;
  for (let index = 0; index < candidates.length; index++) {
    const { name, field } = candidates[index]!;
    if (equalBytes(name, 0, bytes, start, length)) return field;
  }
  return Field.other;
}

/** False when the header is not of the plain shape, which says nothing about whether it is good. */
export function scanJsonHeader(command: IncomingCommand): boolean {
  const { bytes, headerEnd: end } = command;
  extOwner.count = 0;
  let at = skipSpace(bytes, command.headerStart, end);
  if (at >= end || bytes[at] !== openBrace) return false;
  at = skipSpace(bytes, at + 1, end);
  if (at < end && bytes[at] === closeBrace) return skipSpace(bytes, at + 1, end) === end;
  for (;;) {
    if (at >= end || bytes[at] !== quoteMark) return false;
    const keyStart = ++at;
    at = plainEnd(bytes, at, end);
    if (at >= end || bytes[at] === backslash) return false;
    const field = fieldNamed(bytes, keyStart, at++);
    if (at < end && bytes[at]! <= space) at = skipSpace(bytes, at, end);
    if (at >= end || bytes[at] !== colon) return false;
    at++;
    if (at < end && bytes[at]! <= space) at = skipSpace(bytes, at, end);
    if (at >= end) return false;
    const first = bytes[at];
    if (first === quoteMark) at = noteText(command, field, at + 1);
    else if (first !== openBrace) at = noteNumber(command, field, at);
    else if (field === Field.extFields) at = noteFields(bytes, at + 1, end);
    else return false;
    if (at < 0) return false;
    if (at < end && bytes[at]! <= space) at = skipSpace(bytes, at, end);
    if (at >= end) return false;
    const next = bytes[at++];
    if (next === closeBrace) return skipSpace(bytes, at, end) === end;
    if (next !== comma) return false;
    if (at < end && bytes[at]! <= space) at = skipSpace(bytes, at, end);
  }
}

/** Notes the ext fields up to the closing brace and returns the position after it; -1 when they are not plain. */
function noteFields(bytes: Uint8Array, start: number, end: number): number {
  let entry = 0;
  let at = skipSpace(bytes, start, end);
  if (at < end && bytes[at] === closeBrace) return at + 1;
  for (;;) {
    if (at >= end || bytes[at] !== quoteMark || entry === maxNotedFields * entryWidth) return -1;
    extPositions[entry] = ++at;
    at = plainEnd(bytes, at, end);
    if (at >= end || bytes[at] === backslash) return -1;
    extPositions[entry + 1] = at++;
    if (at + 1 < end && bytes[at] === colon && bytes[at + 1] === quoteMark) {
      at += 2;
    } else {
      at = skipSpace(bytes, at, end);
      if (at >= end || bytes[at] !== colon) return -1;
      at = skipSpace(bytes, at + 1, end);
      if (at >= end || bytes[at] !== quoteMark) return -1;
      at++;
    }
    extPositions[entry + 2] = at;
    let shrink = 0;
    for (;;) {
      at = plainEnd(bytes, at, end);
      if (at >= end) return -1;
      if (bytes[at] === quoteMark) break;
      const length = escapeLength(bytes, at, end);
      if (length === 0) return -1;
      shrink += length - escapedBytes(bytes, at, length);
      at += length;
    }
    extPositions[entry + 3] = at++;
    extPositions[entry + 4] = shrink;
    entry += entryWidth;
    if (at < end && bytes[at]! <= space) at = skipSpace(bytes, at, end);
    if (at >= end) return -1;
    const next = bytes[at++];
    if (next === closeBrace) {
      extOwner.count = entry / entryWidth;
      return at;
    }
    if (next !== comma) return -1;
    if (at < end && bytes[at]! <= space) at = skipSpace(bytes, at, end);
  }
}

/** The first quote or backslash from `start` on, or `end`. Four bytes to a step: the bounds are checked once for them. */
function plainEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  for (const last = end - 3; at < last; at += 4) {
    const first = bytes[at]!;
    if (first === quoteMark || first === backslash) return at;
    const second = bytes[at + 1]!;
    if (second === quoteMark || second === backslash) return at + 1;
    const third = bytes[at + 2]!;
    if (third === quoteMark || third === backslash) return at + 2;
    const fourth = bytes[at + 3]!;
    if (fourth === quoteMark || fourth === backslash) return at + 3;
  }
  while (at < end && bytes[at] !== quoteMark && bytes[at] !== backslash) at++;
  return at;
}

function skipSpace(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const byte = bytes[at]!;
    if (byte > space || (byte !== space && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) break;
    at++;
  }
  return at;
}

/** Notes a string from behind its opening quote and returns the position after it; -1 when it is not plain. */
function noteText(command: IncomingCommand, field: Field, start: number): number {
  const { bytes, headerEnd: end } = command;
  let shrink = 0;
  let at = start;
  for (;;) {
    at = plainEnd(bytes, at, end);
    if (at >= end) return -1;
    if (bytes[at] === quoteMark) break;
    const length = escapeLength(bytes, at, end);
    if (length === 0) return -1;
    shrink += length - escapedBytes(bytes, at, length);
    at += length;
  }
  if (field === Field.language) {
    if (shrink !== 0) return -1;
    command.languageStart = start;
    command.languageEnd = at;
  } else if (field === Field.remark) {
    command.remarkStart = start;
    command.remarkEnd = at;
    command.remarkShrink = shrink;
  } else if (field !== Field.other) {
    return -1;
  }
  return at + 1;
}

/** Parses a whole number of 32 bits and returns the position after it; -1 when it is not plain. */
function noteNumber(command: IncomingCommand, field: Field, start: number): number {
  const { bytes, headerEnd: end } = command;
  let at = start;
  const negative = bytes[at] === 0x2d;
  if (negative) at++;
  const firstDigit = at;
  let value = 0;
  for (; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  if (at === firstDigit || at - firstDigit > 10) return -1;
  if (negative) value = -value;
  if ((value | 0) !== value) return -1;
  if (field === Field.code) command.code = value;
  else if (field === Field.flag) command.flag = value;
  else if (field === Field.opaque) command.opaque = value;
  else if (field === Field.version) command.version = value;
  else if (field !== Field.other) return -1;
  return at;
}
