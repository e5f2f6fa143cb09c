/** Answers to SEND and PULL, and bare ones, written digit by digit: no object, string or closure per message. */
import {
  copyBytes,
  encodeText,
  writeDecimal,
  writeHex,
  writeHex64,
  writeInt16,
  writeInt32,
} from '../bytes.ts';
import { CommandFlag, LanguageCode, ownVersion } from '../codes.ts';
import { quote } from '../json/text.ts';
import { frameWordsBytes, writeFrameWords } from './encode.ts';
import { type Encoding, serializeTypes } from './incoming-command.ts';
import type { OutputBuffer } from './output-buffer.ts';

/** What `writeSendResponse` needs; callers on the hot path keep one object and change it. */
export interface SendResponse {
  /** 0, or FLUSH_DISK_TIMEOUT and its like: stored, but not as safe as asked for. */
  code: number;
  queueId: number;
  /** Of the first message of a batch. */
  queueOffset: number;
  /** `storeHostPrefix` of the broker: the part of the offset message id that never changes. */
  storeHost: Uint8Array;
  /** Of the record; one each for a batch. */
  physicalOffset: number | readonly number[];
  /** The message's UNIQ_KEY, or absent. ASCII without quotes, backslashes and controls. */
  transactionId?: Uint8Array | undefined;
  /** ASCII without quotes, backslashes and controls. */
  regionId: string;
  traceOn: boolean;
  /** ASCII, one of few texts: stored, but something must be said. */
  remark?: string | undefined;
}

export interface PullResponse {
  code: number;
  /** Name of the read state, such as FOUND. */
  remark?: string | undefined;
  suggestWhichBrokerId: number;
  nextBeginOffset: number;
  minOffset: number;
  maxOffset: number;
  topicSysFlag?: number | undefined;
  groupSysFlag?: number | undefined;
}

/** Appends the answer to one stored message. */
export function writeSendResponse(
  out: OutputBuffer,
  opaque: number,
  encoding: Encoding,
  response: SendResponse,
): void {
  const { storeHost, transactionId, physicalOffset } = response;
  const ids = typeof physicalOffset === 'number' ? 1 : physicalOffset.length;
  const remark = response.remark === undefined ? undefined : cached(response.remark);
  const room = ids * (storeHost.length + 17) + (transactionId?.length ?? 0) + fixedRoom;
  const start = out.reserve(room + response.regionId.length + 2 * (remark?.length ?? 0));
  const { bytes } = out;
  const json = encoding === 'json';
  let at = begin(bytes, start, json, response.code, opaque, remark);
  const extStart = at;
  at = writeNumberField(bytes, at, json, key.queueId, response.queueId);
  at = writeNumberField(bytes, at, json, key.queueOffset, response.queueOffset);
  let valueStart = writeKey(bytes, at, json, key.msgId);
  at = writeMessageIds(bytes, valueStart, storeHost, physicalOffset);
  at = endValue(bytes, valueStart, at, json);
  if (transactionId !== undefined) {
    valueStart = writeKey(bytes, at, json, key.transactionId);
    at = endValue(bytes, valueStart, copyBytes(bytes, valueStart, transactionId), json);
  }
  valueStart = writeKey(bytes, at, json, key.region);
  at = endValue(bytes, valueStart, copyBytes(bytes, valueStart, cached(response.regionId)), json);
  valueStart = writeKey(bytes, at, json, key.traceOn);
  at = copyBytes(bytes, valueStart, response.traceOn ? trueText : falseText);
  at = endValue(bytes, valueStart, at, json);
  finish(out, start, extStart, at, json, opaque, response.remark, 0);
}

/** Appends the answer to a pull up to its body: `bodyLength` bytes of records must follow on the connection. */
export function writePullResponse(
  out: OutputBuffer,
  opaque: number,
  encoding: Encoding,
  response: PullResponse,
  bodyLength: number,
): void {
  const remark = response.remark === undefined ? undefined : cached(response.remark);
  const start = out.reserve(fixedRoom + 2 * (remark?.length ?? 0));
  const { bytes } = out;
  const json = encoding === 'json';
  let at = begin(bytes, start, json, response.code, opaque, remark);
  const extStart = at;
  at = writeNumberField(bytes, at, json, key.suggestWhichBrokerId, response.suggestWhichBrokerId);
  at = writeNumberField(bytes, at, json, key.nextBeginOffset, response.nextBeginOffset);
  at = writeNumberField(bytes, at, json, key.minOffset, response.minOffset);
  at = writeNumberField(bytes, at, json, key.maxOffset, response.maxOffset);
  if (response.topicSysFlag !== undefined) {
    at = writeNumberField(bytes, at, json, key.topicSysFlag, response.topicSysFlag);
  }
  if (response.groupSysFlag !== undefined) {
    at = writeNumberField(bytes, at, json, key.groupSysFlag, response.groupSysFlag);
  }
  finish(out, start, extStart, at, json, opaque, response.remark, bodyLength);
}

/** Appends an answer that is nothing but its code. */
export function writeBareResponse(
  out: OutputBuffer,
  opaque: number,
  encoding: Encoding,
  code: number,
): void {
  const start = out.reserve(fixedRoom);
  const { bytes } = out;
  const json = encoding === 'json';
  let end: number;
  if (json) {
    const at = copyBytes(bytes, start + frameWordsBytes, jsonCode);
    end = copyBytes(bytes, writeDecimal(bytes, at, code), jsonBareFlag);
    end = copyBytes(bytes, writeDecimal(bytes, end, opaque), jsonEnd);
  } else {
    end = begin(bytes, start, json, code, opaque, undefined);
    writeInt32(bytes, end - 4, 0);
  }
  const type = json ? serializeTypes.json : serializeTypes.rocketmq;
  writeFrameWords(out, start, end - start - frameWordsBytes, 0, type);
  out.end = end;
}

/** The first 16 (IPv4) or 40 (IPv6) digits of an offset message id, from address and port as in a record. */
export function storeHostPrefix(storeHost: Uint8Array): Uint8Array {
  const prefix = new Uint8Array(storeHost.length * 2);
  writeHex(prefix, 0, storeHost, 0, storeHost.length);
  return prefix;
}

/** More than all constant parts and numbers of either answer together. */
const fixedRoom = 640;

/** One ext key in both encodings, up to its value. */
interface KeyBytes {
  readonly json: Uint8Array;
  readonly binary: Uint8Array;
}

function keyBytes(name: string, position: 'first' | 'next' = 'next'): KeyBytes {
  const ascii = encodeText(name);
  const binary = new Uint8Array(2 + ascii.length + 4);
  writeInt16(binary, 0, ascii.length);
  binary.set(ascii, 2);
  return { json: encodeText(`${position === 'first' ? '' : ','}"${name}":"`), binary };
}

const key = {
  queueId: keyBytes('queueId', 'first'),
  queueOffset: keyBytes('queueOffset'),
  msgId: keyBytes('msgId'),
  transactionId: keyBytes('transactionId'),
  region: keyBytes('MSG_REGION'),
  traceOn: keyBytes('TRACE_ON'),
  suggestWhichBrokerId: keyBytes('suggestWhichBrokerId', 'first'),
  nextBeginOffset: keyBytes('nextBeginOffset'),
  minOffset: keyBytes('minOffset'),
  maxOffset: keyBytes('maxOffset'),
  topicSysFlag: keyBytes('topicSysFlag'),
  groupSysFlag: keyBytes('groupSysFlag'),
} as const;

const jsonCode = encodeText('{"code":');
const jsonExtFields = encodeText(',"extFields":{');
const jsonBareFlag = encodeText(',"flag":1,"language":"JAVA","opaque":');
const jsonFlag = encodeText('},"flag":1,"language":"JAVA","opaque":');
const jsonRemark = encodeText(',"remark":');
const jsonEnd = encodeText(`,"serializeTypeCurrentRPC":"JSON","version":${ownVersion}}`);
const trueText = encodeText('true');
const falseText = encodeText('false');

/** The few remarks and regions that a broker ever sends, as bytes. */
const cache = new Map<string, Uint8Array>();
const cacheLimit = 64;

function cached(text: string): Uint8Array {
  let bytes = cache.get(text);
  if (bytes === undefined) {
    bytes = encodeText(text);
    if (cache.size < cacheLimit) cache.set(text, bytes);
  }
  return bytes;
}

/** Writes what comes before the ext fields and returns where they begin. */
function begin(
  bytes: Uint8Array,
  start: number,
  json: boolean,
  code: number,
  opaque: number,
  remark: Uint8Array | undefined,
): number {
  let at = start + frameWordsBytes;
  if (json) {
    at = writeDecimal(bytes, copyBytes(bytes, at, jsonCode), code);
    return copyBytes(bytes, at, jsonExtFields);
  }
  writeInt16(bytes, at, code);
  bytes[at + 2] = LanguageCode.JAVA;
  writeInt16(bytes, at + 3, ownVersion);
  writeInt32(bytes, at + 5, opaque);
  writeInt32(bytes, at + 9, CommandFlag.RESPONSE);
  writeInt32(bytes, at + 13, remark?.length ?? 0);
  at += 17;
  if (remark !== undefined) at = copyBytes(bytes, at, remark);
  // The length of the ext fields is written when they are.
  return at + 4;
}

function finish(
  out: OutputBuffer,
  start: number,
  extStart: number,
  extEnd: number,
  json: boolean,
  opaque: number,
  remark: string | undefined,
  bodyLength: number,
): void {
  const { bytes } = out;
  let end = extEnd;
  if (json) {
    end = writeDecimal(bytes, copyBytes(bytes, end, jsonFlag), opaque);
    if (remark !== undefined) {
      end = copyBytes(bytes, copyBytes(bytes, end, jsonRemark), cached(quote(remark)));
    }
    end = copyBytes(bytes, end, jsonEnd);
  } else {
    writeInt32(bytes, extStart - 4, extEnd - extStart);
  }
  const type = json ? serializeTypes.json : serializeTypes.rocketmq;
  writeFrameWords(out, start, end - start - frameWordsBytes, bodyLength, type);
  out.end = end;
}

/** Writes a key and returns where its value begins. */
function writeKey(bytes: Uint8Array, at: number, json: boolean, name: KeyBytes): number {
  return copyBytes(bytes, at, json ? name.json : name.binary);
}

function endValue(bytes: Uint8Array, start: number, end: number, json: boolean): number {
  if (!json) {
    writeInt32(bytes, start - 4, end - start);
    return end;
  }
  bytes[end] = 0x22;
  return end + 1;
}

function writeNumberField(
  bytes: Uint8Array,
  at: number,
  json: boolean,
  name: KeyBytes,
  value: number,
): number {
  const start = writeKey(bytes, at, json, name);
  return endValue(bytes, start, writeDecimal(bytes, start, value), json);
}

function writeMessageIds(
  bytes: Uint8Array,
  start: number,
  storeHost: Uint8Array,
  offsets: number | readonly number[],
): number {
  if (typeof offsets === 'number')
    return writeHex64(bytes, copyBytes(bytes, start, storeHost), offsets);
  let at = start;
  for (const offset of offsets) {
    if (at > start) bytes[at++] = 0x2c;
    at = writeHex64(bytes, copyBytes(bytes, at, storeHost), offset);
  }
  return at;
}
