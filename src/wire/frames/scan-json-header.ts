/**
 * Reads a JSON header of the plain shape in one pass: an object whose values are strings or whole numbers, and
 * `extFields`, an object of strings. Numbers are parsed, everything else is noted by position; no string is made.
 *
 * Every byte of every hot request passes through here, so the loops are written out: calls and checks that can be left
 * out for compact JSON are.
 */
import { equalsAscii } from '../bytes.ts';
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
    for (; ; at++) {
      if (at >= end || bytes[at] === backslash) return false;
      if (bytes[at] === quoteMark) break;
    }
    const keyEnd = at++;
    if (at < end && bytes[at]! <= space) at = skipSpace(bytes, at, end);
    if (at >= end || bytes[at] !== colon) return false;
    at++;
    if (at < end && bytes[at]! <= space) at = skipSpace(bytes, at, end);
    if (at >= end) return false;
    const first = bytes[at];
    if (first === quoteMark) at = noteText(command, keyStart, keyEnd, at + 1);
    else if (first !== openBrace) at = noteNumber(command, keyStart, keyEnd, at);
    else if (equalsAscii(bytes, keyStart, keyEnd, 'extFields')) at = noteFields(bytes, at + 1, end);
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
    for (; ; at++) {
      if (at >= end) return -1;
      const byte = bytes[at];
      if (byte === quoteMark) break;
      if (byte === backslash) return -1;
    }
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
      if (at >= end) return -1;
      const byte = bytes[at];
      if (byte === quoteMark) break;
      if (byte === backslash) {
        const length = escapeLength(bytes, at, end);
        if (length === 0) return -1;
        shrink += length - escapedBytes(bytes, at, length);
        at += length;
      } else {
        at++;
      }
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
function noteText(
  command: IncomingCommand,
  keyStart: number,
  keyEnd: number,
  start: number,
): number {
  const { bytes, headerEnd: end } = command;
  let shrink = 0;
  let at = start;
  for (;;) {
    if (at >= end) return -1;
    const byte = bytes[at];
    if (byte === quoteMark) break;
    if (byte === backslash) {
      const length = escapeLength(bytes, at, end);
      if (length === 0) return -1;
      shrink += length - escapedBytes(bytes, at, length);
      at += length;
    } else {
      at++;
    }
  }
  if (equalsAscii(bytes, keyStart, keyEnd, 'language')) {
    if (shrink !== 0) return -1;
    command.languageStart = start;
    command.languageEnd = at;
  } else if (equalsAscii(bytes, keyStart, keyEnd, 'remark')) {
    command.remarkStart = start;
    command.remarkEnd = at;
    command.remarkShrink = shrink;
  } else if (
    equalsAscii(bytes, keyStart, keyEnd, 'code') ||
    equalsAscii(bytes, keyStart, keyEnd, 'flag') ||
    equalsAscii(bytes, keyStart, keyEnd, 'opaque') ||
    equalsAscii(bytes, keyStart, keyEnd, 'version') ||
    equalsAscii(bytes, keyStart, keyEnd, 'extFields')
  ) {
    return -1;
  }
  return at + 1;
}

/** Parses a whole number of 32 bits and returns the position after it; -1 when it is not plain. */
function noteNumber(
  command: IncomingCommand,
  keyStart: number,
  keyEnd: number,
  start: number,
): number {
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
  if (equalsAscii(bytes, keyStart, keyEnd, 'code')) command.code = value;
  else if (equalsAscii(bytes, keyStart, keyEnd, 'flag')) command.flag = value;
  else if (equalsAscii(bytes, keyStart, keyEnd, 'opaque')) command.opaque = value;
  else if (equalsAscii(bytes, keyStart, keyEnd, 'version')) command.version = value;
  else if (
    equalsAscii(bytes, keyStart, keyEnd, 'remark') ||
    equalsAscii(bytes, keyStart, keyEnd, 'language') ||
    equalsAscii(bytes, keyStart, keyEnd, 'extFields')
  ) {
    return -1;
  }
  return at;
}
