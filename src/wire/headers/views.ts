/**
 * Headers of hot requests, read without building anything: numbers are parsed from their digits, texts are noted as
 * ranges of the command's bytes. A view is used again and again; what it says holds until the next `read`, and its
 * ranges as long as the command's bytes.
 */

import { decodeText, equalBytes, equalsAscii, parseDecimal } from '../bytes.ts';
import { entryWidth, extOwner, extPositions } from '../frames/ext-positions.ts';
import type { IncomingCommand } from '../frames/incoming-command.ts';
import { copyUnescaped } from '../json/text.ts';
import type { Fields, Header } from '../schema/header.ts';
import { PullMessage } from './pull.ts';
import { SendMessageV1, SendMessageV2 } from './send.ts';

/** Finds the number of a schema's field by its wire key. */
class FieldNumbers {
  readonly #byLetter: Int8Array = new Int8Array(256).fill(-1);
  readonly #byLength: (readonly [string, number][])[] = [];

  constructor(schema: Header<Fields>, properties: readonly string[]) {
    properties.forEach((property, number) => {
      const key = schema.fields[property]!.wireKey;
      if (key.length === 1) this.#byLetter[key.charCodeAt(0)] = number;
      else this.#byLength[key.length] = [...(this.#byLength[key.length] ?? []), [key, number]];
    });
  }

  find(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length === 1) return this.#byLetter[bytes[start]!]!;
    const candidates = this.#byLength[length];
    if (candidates === undefined) return -1;
    for (let i = 0; i < candidates.length; i++) {
      const candidate = candidates[i]!;
      if (equalsAscii(bytes, start, end, candidate[0])) return candidate[1];
    }
    return -1;
  }
}

/** Positions of the fields of one command. */
class FieldRanges {
  bytes: Uint8Array = new Uint8Array(0);
  /** Start (-1 = absent), end, shrink; by field number. */
  readonly at: Int32Array;
  isPlain = true;

  constructor(count: number) {
    this.at = new Int32Array(count * 3);
  }

  /** False when the command has no positions. */
  read(command: IncomingCommand, numbers: FieldNumbers): boolean {
    if (!command.noteExtFields()) return false;
    const { bytes } = command;
    const { at } = this;
    this.bytes = bytes;
    this.isPlain = true;
    for (let i = 0; i < at.length; i += 3) at[i] = -1;
    const end = extOwner.count * entryWidth;
    for (let entry = 0; entry < end; entry += entryWidth) {
      const number = numbers.find(bytes, extPositions[entry]!, extPositions[entry + 1]!);
      if (number < 0) continue;
      at[number * 3] = extPositions[entry + 2]!;
      at[number * 3 + 1] = extPositions[entry + 3]!;
      at[number * 3 + 2] = extPositions[entry + 4]!;
    }
    return true;
  }

  has(number: number): boolean {
    return this.at[number * 3]! >= 0;
  }

  /** A number of 32 bits; without `absent` it is required. Clears `isPlain` when there is none. */
  int(number: number, absent?: number): number {
    const value = this.#whole(number, absent);
    return this.#checked(value, (value | 0) === value);
  }

  long(number: number): number {
    const value = this.#whole(number);
    return this.#checked(value, Number.isSafeInteger(value));
  }

  roundedLong(number: number): number {
    const value = this.#whole(number);
    return this.#checked(value, !Number.isNaN(value));
  }

  #whole(number: number, absent: number = Number.NaN): number {
    const start = this.at[number * 3]!;
    if (start < 0) return absent;
    return parseDecimal(this.bytes, start, this.at[number * 3 + 1]!);
  }

  #checked(value: number, isGood: boolean): number {
    if (isGood) return value;
    this.isPlain = false;
    return 0;
  }

  /** As the `bool` of schemas: what is not "true", in any case, is false. */
  flag(number: number): boolean {
    const start = this.at[number * 3]!;
    if (start < 0 || this.at[number * 3 + 1]! - start !== 4) return false;
    const { bytes } = this;
    return (
      (bytes[start]! | 0x20) === 0x74 &&
      (bytes[start + 1]! | 0x20) === 0x72 &&
      (bytes[start + 2]! | 0x20) === 0x75 &&
      (bytes[start + 3]! | 0x20) === 0x65
    );
  }

  /** A required text without escapes; clears `isPlain` otherwise. */
  plainText(number: number): void {
    if (!this.has(number) || this.at[number * 3 + 2] !== 0) this.isPlain = false;
  }
}

/** Longer ones are not kept: a peer must not fill the memory with names that it makes up. */
const longestCachedName = 1024;

/** Decodes names that come again and again without making a new string each time. */
class NameCache {
  readonly #names: (string | undefined)[] = new Array(256);
  readonly #bytes: (Uint8Array | undefined)[] = new Array(256);

  get(bytes: Uint8Array, start: number, end: number): string {
    if (end - start > longestCachedName) return decodeText(bytes, start, end);
    let hash = end - start;
    for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + bytes[i]!) | 0;
    const slot = (hash ^ (hash >>> 8) ^ (hash >>> 16)) & 255;
    const known = this.#bytes[slot];
    if (
      known !== undefined &&
      known.length === end - start &&
      equalBytes(known, 0, bytes, start, end - start)
    ) {
      return this.#names[slot]!;
    }
    const name = decodeText(bytes, start, end);
    this.#names[slot] = name;
    this.#bytes[slot] = bytes.slice(start, end);
    return name;
  }
}

const sendFields = [
  'producerGroup',
  'topic',
  'defaultTopic',
  'defaultTopicQueueNums',
  'queueId',
  'sysFlag',
  'bornTimestamp',
  'flag',
  'properties',
  'reconsumeTimes',
  'unitMode',
  'maxReconsumeTimes',
  'batch',
] as const satisfies readonly (keyof typeof SendMessageV2.fields)[];
const send = Object.fromEntries(sendFields.map((name, number) => [name, number])) as Readonly<
  Record<(typeof sendFields)[number], number>
>;
const sendNumbersV2 = new FieldNumbers(SendMessageV2, sendFields);
const sendNumbersV1 = new FieldNumbers(SendMessageV1, sendFields);

/** SEND_MESSAGE (10), SEND_MESSAGE_V2 (310), SEND_BATCH_MESSAGE (320). */
export class SendMessageView {
  defaultTopicQueueNums = 0;
  queueId = 0;
  sysFlag = 0;
  bornTimestamp = 0;
  flag = 0;
  reconsumeTimes = 0;
  unitMode = false;
  /** -1 when the request does not say. */
  maxReconsumeTimes = -1;
  batch = false;
  /** UTF-8 bytes of the properties once unescaped. */
  propertiesLength = 0;
  readonly #ranges: FieldRanges = new FieldRanges(sendFields.length);
  readonly #names: NameCache = new NameCache();

  /** False: the header is not plain, or not good; `decodeSendMessage` tells. */
  read(command: IncomingCommand): boolean {
    const ranges = this.#ranges;
    if (!ranges.read(command, sendNumbersV2)) return false;
    // No key of one letter: long names.
    if (!ranges.has(send.producerGroup)) ranges.read(command, sendNumbersV1);
    ranges.plainText(send.producerGroup);
    ranges.plainText(send.topic);
    ranges.plainText(send.defaultTopic);
    this.defaultTopicQueueNums = ranges.int(send.defaultTopicQueueNums);
    this.queueId = ranges.int(send.queueId);
    this.sysFlag = ranges.int(send.sysFlag);
    this.bornTimestamp = ranges.long(send.bornTimestamp);
    this.flag = ranges.int(send.flag);
    this.reconsumeTimes = ranges.int(send.reconsumeTimes, 0);
    this.maxReconsumeTimes = ranges.int(send.maxReconsumeTimes, -1);
    this.unitMode = ranges.flag(send.unitMode);
    this.batch = ranges.flag(send.batch);
    this.propertiesLength = 0;
    if (ranges.has(send.properties)) {
      const at = send.properties * 3;
      this.propertiesLength = ranges.at[at + 1]! - ranges.at[at]! - ranges.at[at + 2]!;
    }
    return ranges.isPlain;
  }

  /** What `topicStart` and `topicEnd` refer to. */
  get bytes(): Uint8Array {
    return this.#ranges.bytes;
  }

  get topicStart(): number {
    return this.#ranges.at[send.topic * 3]!;
  }

  get topicEnd(): number {
    return this.#ranges.at[send.topic * 3 + 1]!;
  }

  /** The same string object as long as the topics in use are few. */
  get topic(): string {
    return this.#names.get(this.#ranges.bytes, this.topicStart, this.topicEnd);
  }

  get producerGroup(): string {
    return this.#name(send.producerGroup);
  }

  get defaultTopic(): string {
    return this.#name(send.defaultTopic);
  }

  /** Writes the properties as a record holds them, `propertiesLength` bytes from `at`, and returns the end. */
  copyProperties(target: Uint8Array, at: number): number {
    if (this.propertiesLength === 0) return at;
    const { bytes, at: positions } = this.#ranges;
    const start = positions[send.properties * 3]!;
    const end = positions[send.properties * 3 + 1]!;
    if (positions[send.properties * 3 + 2]! > 0) {
      return copyUnescaped(bytes, start, end, target, at);
    }
    for (let i = start; i < end; i++) target[at++] = bytes[i]!;
    return at;
  }

  #name(number: number): string {
    const { bytes, at } = this.#ranges;
    return this.#names.get(bytes, at[number * 3]!, at[number * 3 + 1]!);
  }
}

const pullFields = [
  'consumerGroup',
  'topic',
  'queueId',
  'queueOffset',
  'maxMsgNums',
  'sysFlag',
  'commitOffset',
  'suspendTimeoutMillis',
  'subscription',
  'subVersion',
  'expressionType',
] as const satisfies readonly (keyof typeof PullMessage.fields)[];
const pull = Object.fromEntries(pullFields.map((name, number) => [name, number])) as Readonly<
  Record<(typeof pullFields)[number], number>
>;
const pullNumbers = new FieldNumbers(PullMessage, pullFields);

/** PULL_MESSAGE (11), LITE_PULL_MESSAGE (361). */
export class PullMessageView {
  queueId = 0;
  queueOffset = 0;
  maxMsgNums = 0;
  sysFlag = 0;
  commitOffset = 0;
  suspendTimeoutMillis = 0;
  subVersion = 0;
  readonly #ranges: FieldRanges = new FieldRanges(pullFields.length);
  readonly #names: NameCache = new NameCache();

  /** False: the header is not plain, or not good; `PullMessage.decode` tells. */
  read(command: IncomingCommand): boolean {
    const ranges = this.#ranges;
    if (!ranges.read(command, pullNumbers)) return false;
    ranges.plainText(pull.consumerGroup);
    ranges.plainText(pull.topic);
    if (ranges.has(pull.subscription)) ranges.plainText(pull.subscription);
    if (ranges.has(pull.expressionType)) ranges.plainText(pull.expressionType);
    this.queueId = ranges.int(pull.queueId);
    this.queueOffset = ranges.long(pull.queueOffset);
    this.maxMsgNums = ranges.int(pull.maxMsgNums);
    this.sysFlag = ranges.int(pull.sysFlag);
    this.commitOffset = ranges.long(pull.commitOffset);
    this.suspendTimeoutMillis = ranges.long(pull.suspendTimeoutMillis);
    this.subVersion = ranges.roundedLong(pull.subVersion);
    return ranges.isPlain;
  }

  get topic(): string {
    return this.#name(pull.topic) ?? '';
  }

  get consumerGroup(): string {
    return this.#name(pull.consumerGroup) ?? '';
  }

  get subscription(): string | undefined {
    return this.#name(pull.subscription);
  }

  get expressionType(): string | undefined {
    return this.#name(pull.expressionType);
  }

  #name(number: number): string | undefined {
    const { bytes, at } = this.#ranges;
    const start = at[number * 3]!;
    return start < 0 ? undefined : this.#names.get(bytes, start, at[number * 3 + 1]!);
  }
}
