import { Failure } from '../../base/index.ts';
import { encodeText, writeInt16, writeInt32, writeText } from '../bytes.ts';
import { LanguageCode, type LanguageName, ownVersion } from '../codes.ts';
import { quote } from '../json/text.ts';
import type { Fields, Header, HeaderValue } from '../schema/header.ts';
import { maxFrameBytes } from './frame-reader.ts';
import { type Encoding, serializeTypes } from './incoming-command.ts';
import { OutputBuffer } from './output-buffer.ts';

export interface OutgoingCommand<F extends Fields = Fields> {
  readonly code: number;
  readonly opaque: number;
  /** `CommandFlag` bits; 0 is a request that wants an answer. */
  readonly flag?: number;
  readonly version?: number;
  readonly language?: LanguageName;
  readonly remark?: string | undefined;
  readonly header?: readonly [Header<F>, HeaderValue<F>] | undefined;
  /** Sent beside the header's fields. */
  readonly extFields?: Readonly<Record<string, string | undefined>> | undefined;
  readonly body?: Uint8Array | readonly Uint8Array[] | undefined;
  /** An answer has the encoding of its request. */
  readonly encoding: Encoding;
}

/** One whole frame. */
export function encodeCommand<F extends Fields>(command: OutgoingCommand<F>): Uint8Array {
  const out = new OutputBuffer();
  writeCommand(out, command);
  return out.take();
}

/** Appends one whole frame. Throws `Failure('invalid')`, and appends nothing, when it would exceed the frame limit. */
export function writeCommand<F extends Fields>(
  out: OutputBuffer,
  command: OutgoingCommand<F>,
): void {
  const body = command.body ?? [];
  const parts: readonly Uint8Array[] = body instanceof Uint8Array ? [body] : body;
  let bodyLength = 0;
  for (const part of parts) bodyLength += part.length;
  writeCommandHeader(out, command, bodyLength);
  for (const part of parts) out.append(part);
}

/** Appends a frame up to its body; `bodyLength` bytes must follow it on the connection. */
export function writeCommandHeader<F extends Fields>(
  out: OutputBuffer,
  command: OutgoingCommand<F>,
  bodyLength: number,
): void {
  const ext = collectExtFields(command);
  if (command.encoding === 'json') writeJsonHeader(out, command, ext, bodyLength);
  else writeBinaryHeader(out, command, ext, bodyLength);
}

/** Key, value, key, value. */
function collectExtFields<F extends Fields>(command: OutgoingCommand<F>): string[] {
  const ext: string[] = [];
  if (command.header !== undefined) {
    const [schema, value] = command.header;
    schema.encode(value, (key, text) => ext.push(key, text));
  }
  if (command.extFields !== undefined) {
    for (const [key, text] of Object.entries(command.extFields)) {
      if (text !== undefined) ext.push(key, text);
    }
  }
  return ext;
}

/** Fields in the alphabetical order of fastjson. */
function writeJsonHeader(
  out: OutputBuffer,
  command: OutgoingCommand,
  ext: readonly string[],
  bodyLength: number,
): void {
  let json = `{"code":${command.code}`;
  // Java writes an empty object where a header has no values, and clients may decode a header from it.
  if (command.header !== undefined || command.extFields !== undefined) {
    json += ',"extFields":{';
    for (let i = 0; i < ext.length; i += 2) {
      json += `${i === 0 ? '' : ','}${quote(ext[i]!)}:${quote(ext[i + 1]!)}`;
    }
    json += '}';
  }
  json += `,"flag":${command.flag ?? 0},"language":"${command.language ?? 'JAVA'}","opaque":${command.opaque}`;
  if (command.remark !== undefined) json += `,"remark":${quote(command.remark)}`;
  json += `,"serializeTypeCurrentRPC":"JSON","version":${command.version ?? ownVersion}}`;
  const start = out.reserve(frameWordsBytes + json.length * 3);
  const end = writeText(out.bytes, start + frameWordsBytes, json);
  writeFrameWords(out, start, end - start - frameWordsBytes, bodyLength, serializeTypes.json);
  out.end = end;
}

function writeBinaryHeader(
  out: OutputBuffer,
  command: OutgoingCommand,
  ext: readonly string[],
  bodyLength: number,
): void {
  const remark = encodeText(command.remark ?? '');
  const texts = ext.map(encodeText);
  let extLength = 0;
  for (let i = 0; i < texts.length; i += 2) {
    if (texts[i]!.length > 0x7fff) {
      throw new Failure('invalid', `ext field key of ${texts[i]!.length} bytes, at most 32767`);
    }
    extLength += 6 + texts[i]!.length + texts[i + 1]!.length;
  }
  const headerLength = 21 + remark.length + extLength;
  const start = out.reserve(frameWordsBytes + headerLength);
  writeFrameWords(out, start, headerLength, bodyLength, serializeTypes.rocketmq);
  const { bytes } = out;
  let at = start + frameWordsBytes;
  writeInt16(bytes, at, command.code);
  bytes[at + 2] = LanguageCode[command.language ?? 'JAVA'];
  writeInt16(bytes, at + 3, command.version ?? ownVersion);
  writeInt32(bytes, at + 5, command.opaque);
  writeInt32(bytes, at + 9, command.flag ?? 0);
  writeInt32(bytes, at + 13, remark.length);
  bytes.set(remark, at + 17);
  at += 17 + remark.length;
  writeInt32(bytes, at, extLength);
  at += 4;
  for (let i = 0; i < texts.length; i += 2) {
    const key = texts[i]!;
    const value = texts[i + 1]!;
    writeInt16(bytes, at, key.length);
    bytes.set(key, at + 2);
    at += 2 + key.length;
    writeInt32(bytes, at, value.length);
    bytes.set(value, at + 4);
    at += 4 + value.length;
  }
  out.end = at;
}

/** The two words before each header. */
export const frameWordsBytes = 8;

export function writeFrameWords(
  out: OutputBuffer,
  at: number,
  headerLength: number,
  bodyLength: number,
  serializeType: number,
): void {
  const length = 4 + headerLength + bodyLength;
  if (length + 4 > maxFrameBytes || headerLength > 0xff_ffff) {
    throw new Failure('invalid', `frame of ${length + 4} bytes, at most ${maxFrameBytes}`, {
      reason: 'tooLarge',
    });
  }
  writeInt32(out.bytes, at, length);
  writeInt32(out.bytes, at + 4, (serializeType << 24) | headerLength);
}
