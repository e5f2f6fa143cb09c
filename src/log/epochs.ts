import {
  type BrokerId,
  brokerId,
  type Disk,
  type Epoch,
  epoch,
  Failure,
  type PhysicalOffset,
  physicalOffset,
} from '../base/index.ts';
import { bodyRangeAt, topicRangeAt } from '../wire/index.ts';
import { readChecksummed, replaceChecksummed } from './atomic-replace.ts';
import type { Durability } from './durability.ts';

/** System topic of the records that begin an epoch. */
export const EPOCH_TOPIC = 'rmq_sys_epoch';
const epochTopic = Buffer.from(EPOCH_TOPIC);

/** Of a start of a node, in hexadecimal everywhere but on the wire and in files. */
export const incarnationBytes = 8;

/** Where an epoch began: the position of its epoch record. */
export interface EpochEntry {
  readonly epoch: Epoch;
  /** Of the start that led it: two nodes may grant themselves one epoch at one position (docs/model, T4). */
  readonly incarnation: string;
  readonly start: PhysicalOffset;
}

export const isSameEpoch = (a: EpochEntry, b: EpochEntry): boolean =>
  a.epoch === b.epoch && a.start === b.start && a.incarnation === b.incarnation;

/** The first record of every epoch: docs/state.md, "Record in `rmq_sys_epoch`". */
export interface EpochRecord {
  readonly epoch: Epoch;
  readonly broker: BrokerId;
  /** Of the start to which the epoch was granted: 8 bytes in hexadecimal. */
  readonly incarnation: string;
  readonly setEpoch: number;
  /** The sync-state set. */
  readonly members: readonly BrokerId[];
}

const format = 1;
const bytesBeforeMembers = 1 + 4 + 8 + 8 + 4 + 2;

export function encodeEpochRecordBody(record: EpochRecord): Uint8Array {
  const incarnation = Buffer.from(record.incarnation, 'hex');
  if (incarnation.length !== incarnationBytes) {
    throw new Failure('invalid', `incarnation ${record.incarnation} is not 8 bytes in hexadecimal`);
  }
  const body = Buffer.alloc(bytesBeforeMembers + 8 * record.members.length);
  let at = body.writeUInt8(format);
  at = body.writeUInt32BE(record.epoch, at);
  at = body.writeBigUInt64BE(BigInt(record.broker), at);
  at += incarnation.copy(body, at);
  at = body.writeUInt32BE(record.setEpoch, at);
  at = body.writeUInt16BE(record.members.length, at);
  for (const member of record.members) at = body.writeBigUInt64BE(BigInt(member), at);
  return body;
}

/** Fails `corrupt` on what `encodeEpochRecordBody` would not have written. */
export function decodeEpochRecordBody(bytes: Uint8Array): EpochRecord {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (body.length < bytesBeforeMembers || body.readUInt8(0) !== format) {
    throw new Failure('corrupt', `epoch record of ${body.length} bytes, format ${body[0]}`);
  }
  const memberCount = body.readUInt16BE(25);
  if (body.length !== bytesBeforeMembers + 8 * memberCount) {
    throw new Failure(
      'corrupt',
      `epoch record of ${body.length} bytes names ${memberCount} members`,
    );
  }
  const brokerAt = (at: number): BrokerId => {
    const value = Number(body.readBigUInt64BE(at));
    if (!Number.isSafeInteger(value)) throw new Failure('corrupt', `epoch record: broker ${value}`);
    return brokerId(value);
  };
  return {
    epoch: epoch(body.readUInt32BE(1)),
    broker: brokerAt(5),
    incarnation: body.toString('hex', 13, 21),
    setEpoch: body.readUInt32BE(21),
    members: Array.from({ length: memberCount }, (_, index) =>
      brokerAt(bytesBeforeMembers + 8 * index),
    ),
  };
}

/** The epoch that begins with the record at `at`, which was checked; undefined for any other record. */
export function epochBegunBy(
  bytes: Uint8Array,
  at: number,
  position: PhysicalOffset,
): EpochEntry | undefined {
  const topic = topicRangeAt(bytes, at);
  if (topic.end - topic.start !== epochTopic.length) return undefined;
  for (let i = 0; i < epochTopic.length; i++) {
    if (bytes[topic.start + i] !== epochTopic[i]) return undefined;
  }
  const body = bodyRangeAt(bytes, at);
  const record = decodeEpochRecordBody(bytes.subarray(body.start, body.end));
  return { epoch: record.epoch, incarnation: record.incarnation, start: position };
}

/** The epochs of a log, in order. The file `epochs` is a cache of them: the log's own records decide. */
export class EpochList {
  readonly #path: string;
  #entries: EpochEntry[] = [];
  /** How many entries this process put into the file; -1: it has not written it yet. */
  #saved = -1;

  constructor(path: string) {
    this.#path = path;
  }

  get entries(): readonly EpochEntry[] {
    return this.#entries;
  }

  note(entry: EpochEntry): void {
    const last = this.#entries.at(-1);
    if (last !== undefined && (entry.epoch <= last.epoch || entry.start <= last.start)) {
      throw new Failure(
        'corrupt',
        `epoch ${entry.epoch} at ${entry.start} does not follow epoch ${last.epoch} at ${last.start}`,
      );
    }
    this.#entries = [...this.#entries, entry];
  }

  /** Epochs whose record was cut are no more. */
  cut(position: PhysicalOffset): void {
    if ((this.#entries.at(-1)?.start ?? -1) < position) return;
    this.#entries = this.#entries.filter(({ start }) => start < position);
  }

  /** Brings the file up to the epochs that begin below `position`, which is synced. */
  async save(disk: Disk, position: PhysicalOffset, durability: Durability): Promise<void> {
    const synced = this.#entries.filter(({ start }) => start < position);
    if (synced.length === this.#saved) return;
    const line = JSON.stringify(
      synced.map(({ epoch, start, incarnation }) => [epoch, start, incarnation]),
    );
    await replaceChecksummed(disk, this.#path, line, durability);
    this.#saved = synced.length;
  }
}

/** The entries in the file; undefined when there is none. Fails `corrupt`. */
export async function readEpochFile(
  disk: Disk,
  path: string,
): Promise<readonly EpochEntry[] | undefined> {
  const line = await readChecksummed(disk, path);
  if (line === undefined) return undefined;
  const list: unknown = JSON.parse(line);
  if (!Array.isArray(list) || !list.every(isEntry)) {
    throw new Failure('corrupt', `${path} is not a list of epochs, their starts and incarnations`);
  }
  return list.map(([number, start, incarnation]) => ({
    epoch: epoch(number),
    incarnation,
    start: physicalOffset(start),
  }));
}

function isEntry(value: unknown): value is [number, number, string] {
  if (!Array.isArray(value) || value.length !== 3) return false;
  const [number, start, incarnation] = value as readonly unknown[];
  return (
    Number.isSafeInteger(number) && Number.isSafeInteger(start) && typeof incarnation === 'string'
  );
}
