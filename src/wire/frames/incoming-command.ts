import { Failure } from '../../base/index.ts';
import { decodeText, equalsAscii, readInt16, readInt32 } from '../bytes.ts';
import { CommandFlag, languageNames } from '../codes.ts';
import { parseFastjson } from '../json/parse.ts';
import { copyUnescaped } from '../json/text.ts';
import { isJsonObject } from '../json/value.ts';
import { writeFastjson } from '../json/write.ts';
import { entryWidth, extOwner, extPositions, maxNotedFields } from './ext-positions.ts';
import { scanJsonHeader } from './scan-json-header.ts';

/** How the header of a command is written. The body is the same in both. */
export type Encoding = 'json' | 'rocketmq';

/** Serialize types in the top byte of the header length word. */
export const serializeTypes = { json: 0, rocketmq: 1 } as const;

/** Bytes of a binary header without remark and ext fields. */
const binaryHeaderBytes = 21;

/**
 * A request or a response as it came in. It refers to the bytes of the chunk it came in, which last as long as the call
 * that hands it over: whoever wants more than its numbers later calls `detach` first. Nothing but numbers is decoded
 * until it is asked for.
 *
 * Source: `RemotingCommand`, `RocketMQSerializable`.
 */
export class IncomingCommand {
  readonly encoding: Encoding;
  bytes: Uint8Array;
  headerStart: number;
  headerEnd: number;
  frameEnd: number;
  code = 0;
  opaque = 0;
  flag = 0;
  version = 0;
  /** JSON: the range of the name; binary: -1 and the code. */
  languageStart = -1;
  languageEnd = 0;
  /** The range of the remark, -1 without one; `remarkShrink` is by how much unescaping shortens it. */
  remarkStart = -1;
  remarkEnd = 0;
  remarkShrink = 0;
  /** Set when the header was not of the plain shape: all of it, decoded. */
  #loose: LooseHeader | undefined = undefined;
  #body: Uint8Array | undefined = undefined;
  #isDetached = false;

  /** Use `readCommand`. */
  constructor(
    encoding: Encoding,
    bytes: Uint8Array,
    headerStart: number,
    headerEnd: number,
    frameEnd: number,
  ) {
    this.encoding = encoding;
    this.bytes = bytes;
    this.headerStart = headerStart;
    this.headerEnd = headerEnd;
    this.frameEnd = frameEnd;
    this.#scan();
  }

  /** Gives the command memory of its own, so that it outlives the call that it came with. */
  detach(): this {
    if (this.#isDetached) return this;
    const from = this.headerStart;
    const own = new Uint8Array(this.frameEnd - from);
    own.set(this.bytes.subarray(from, this.frameEnd));
    this.bytes = own;
    this.headerStart = 0;
    this.headerEnd -= from;
    this.frameEnd -= from;
    if (this.languageStart >= 0) {
      this.languageStart -= from;
      this.languageEnd -= from;
    }
    if (this.remarkStart >= 0) {
      this.remarkStart -= from;
      this.remarkEnd -= from;
    }
    this.#body = undefined;
    if (extOwner.command === this) extOwner.command = undefined;
    this.#isDetached = true;
    return this;
  }

  get isResponse(): boolean {
    return (this.flag & CommandFlag.RESPONSE) !== 0;
  }

  get isOneway(): boolean {
    return (this.flag & CommandFlag.ONEWAY) !== 0;
  }

  /** A view of the frame; empty when there is none. */
  get body(): Uint8Array {
    this.#body ??= this.bytes.subarray(this.headerEnd, this.frameEnd);
    return this.#body;
  }

  get bodyLength(): number {
    return this.frameEnd - this.headerEnd;
  }

  /** Name of the sender's language, JAVA if it does not say; one that RocketMQ does not know is passed on as it is. */
  get language(): string {
    if (this.#loose !== undefined) return this.#loose.language;
    if (this.languageStart < 0) return languageNames[this.languageEnd] ?? 'OTHER';
    return decodeText(this.bytes, this.languageStart, this.languageEnd);
  }

  get remark(): string | undefined {
    if (this.#loose !== undefined) return this.#loose.remark;
    if (this.remarkStart < 0) return undefined;
    return decodeValue(this.bytes, this.remarkStart, this.remarkEnd, this.remarkShrink);
  }

  has(key: string): boolean {
    if (!this.noteExtFields()) return this.#loose!.extFields.has(key);
    return this.#find(key) >= 0;
  }

  /** The value of an ext field, if the command has it. The last one of equal keys counts, as in Java. */
  text(key: string): string | undefined {
    if (!this.noteExtFields()) return this.#loose!.extFields.get(key);
    const entry = this.#find(key);
    return entry < 0 ? undefined : this.#value(entry);
  }

  /** All ext fields. The object has no prototype. */
  extFields(): Record<string, string> {
    const fields: Record<string, string> = Object.create(null);
    if (!this.noteExtFields()) {
      for (const [key, value] of this.#loose!.extFields) fields[key] = value;
      return fields;
    }
    for (let i = 0; i < extOwner.count; i++) {
      const at = i * entryWidth;
      const key = decodeText(this.bytes, extPositions[at]!, extPositions[at + 1]!);
      fields[key] = this.#value(at);
    }
    return fields;
  }

  /** Makes `extPositions` those of this command. False: the header was not plain, and there are no positions. */
  noteExtFields(): boolean {
    if (this.#loose !== undefined) return false;
    if (extOwner.command !== this) this.#scan();
    return this.#loose === undefined;
  }

  #scan(): void {
    if (this.encoding === 'rocketmq') {
      scanBinaryHeader(this);
    } else if (!scanJsonHeader(this)) {
      extOwner.command = undefined;
      const loose = decodeLoosely(this.bytes, this.headerStart, this.headerEnd);
      this.code = loose.code;
      this.opaque = loose.opaque;
      this.flag = loose.flag;
      this.version = loose.version;
      this.#loose = loose;
      return;
    }
    extOwner.command = this;
  }

  #find(key: string): number {
    for (let at = (extOwner.count - 1) * entryWidth; at >= 0; at -= entryWidth) {
      if (equalsAscii(this.bytes, extPositions[at]!, extPositions[at + 1]!, key)) return at;
    }
    return -1;
  }

  #value(entry: number): string {
    return decodeValue(
      this.bytes,
      extPositions[entry + 2]!,
      extPositions[entry + 3]!,
      extPositions[entry + 4]!,
    );
  }
}

/** Reads the command between the length word (before `start`) and `end`. Throws `Failure('invalid')`. */
export function readCommand(bytes: Uint8Array, start: number, end: number): IncomingCommand {
  const word = readInt32(bytes, start);
  const type = word >>> 24;
  const headerLength = word & 0xff_ffff;
  if (type !== serializeTypes.json && type !== serializeTypes.rocketmq) {
    throw new Failure('invalid', `frame: unknown serialize type ${type}`);
  }
  const headerStart = start + 4;
  if (headerLength > end - headerStart) {
    const left = end - headerStart;
    throw new Failure('invalid', `frame: header of ${headerLength} bytes, ${left} in the frame`);
  }
  const encoding = type === serializeTypes.json ? 'json' : 'rocketmq';
  return new IncomingCommand(encoding, bytes, headerStart, headerStart + headerLength, end);
}

export function decodeValue(bytes: Uint8Array, start: number, end: number, shrink: number): string {
  if (shrink === 0) return decodeText(bytes, start, end);
  const unescaped = new Uint8Array(end - start - shrink);
  copyUnescaped(bytes, start, end, unescaped, 0);
  return decodeText(unescaped, 0, unescaped.length);
}

/**
 * ```
 * code 2 | language 1 | version 2 | opaque 4 | flag 4 | remark 4 + n | ext length 4 | (key 2 + n | value 4 + n)...
 * ```
 */
function scanBinaryHeader(command: IncomingCommand): void {
  const { bytes, headerStart: start, headerEnd: end } = command;
  if (end - start < binaryHeaderBytes) {
    throw new Failure('invalid', `binary header: ${end - start} bytes, needs ${binaryHeaderBytes}`);
  }
  command.code = readInt16(bytes, start);
  command.languageStart = -1;
  command.languageEnd = bytes[start + 2]!;
  command.version = readInt16(bytes, start + 3);
  command.opaque = readInt32(bytes, start + 5);
  command.flag = readInt32(bytes, start + 9);
  const remarkLength = checkLength('remark', readInt32(bytes, start + 13), end - start - 21);
  let at = start + 17;
  if (remarkLength > 0) {
    command.remarkStart = at;
    command.remarkEnd = at + remarkLength;
  }
  at += remarkLength;
  const extEnd = at + 4 + checkLength('ext fields', readInt32(bytes, at), end - at - 4);
  at += 4;
  let count = 0;
  while (at < extEnd) {
    if (extEnd - at < 6) throw new Failure('invalid', 'binary header: ext field is cut off');
    const keyStart = at + 2;
    const keyEnd = keyStart + checkLength('key', readInt16(bytes, at), extEnd - keyStart - 4);
    const valueStart = keyEnd + 4;
    const valueEnd =
      valueStart + checkLength('value', readInt32(bytes, keyEnd), extEnd - valueStart);
    at = valueEnd;
    // An empty value is null in Java, which is as good as absent.
    if (valueEnd === valueStart) continue;
    if (count === maxNotedFields) {
      throw new Failure('invalid', `binary header: more than ${maxNotedFields} ext fields`);
    }
    const entry = count++ * entryWidth;
    extPositions[entry] = keyStart;
    extPositions[entry + 1] = keyEnd;
    extPositions[entry + 2] = valueStart;
    extPositions[entry + 3] = valueEnd;
    extPositions[entry + 4] = 0;
  }
  extOwner.count = count;
}

function checkLength(what: string, length: number, available: number): number {
  if (length < 0 || length > available) {
    throw new Failure(
      'invalid',
      `binary header: ${what} of ${length} bytes, ${available} available`,
    );
  }
  return length;
}

interface LooseHeader {
  code: number;
  opaque: number;
  flag: number;
  version: number;
  language: string;
  remark: string | undefined;
  extFields: ReadonlyMap<string, string>;
}

/** As tolerant as fastjson: single quotes, numbers as ext values, numeric strings as numbers, unknown keys of any kind. */
function decodeLoosely(bytes: Uint8Array, start: number, end: number): LooseHeader {
  const header = parseFastjson(bytes.subarray(start, end));
  if (!isJsonObject(header)) {
    throw new Failure('invalid', 'JSON header: not an object');
  }
  const number = (key: string): number => {
    const value = header[key];
    if (value === undefined || value === null) return 0;
    const parsed = typeof value === 'string' && value !== '' ? Number(value) : value;
    if (typeof parsed !== 'number' || (parsed | 0) !== parsed) {
      throw new Failure('invalid', `JSON header: ${key} is not a 32-bit integer`);
    }
    return parsed;
  };
  const { language, remark } = header;
  const ext = header['extFields'];
  const extFields = new Map<string, string>();
  if (isJsonObject(ext)) {
    for (const [key, value] of Object.entries(ext)) {
      if (value === null) continue;
      extFields.set(key, typeof value === 'string' ? value : writeFastjson(value));
    }
  }
  return {
    code: number('code'),
    opaque: number('opaque'),
    flag: number('flag'),
    version: number('version'),
    language:
      typeof language === 'number'
        ? (languageNames[language] ?? 'OTHER')
        : typeof language === 'string'
          ? language
          : 'JAVA',
    remark: typeof remark === 'string' ? remark : undefined,
    extFields,
  };
}
