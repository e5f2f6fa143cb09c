import { Failure } from '../../base/index.ts';
import { type BatchBytes, readInt, readLong, writeInt, writeLong } from './keys.ts';

/**
 * Smallest and next offset of a queue. The database has one value per topic, since it costs as much to load a value as
 * to decode hundreds of heads: of each queue that had a message, id (4), smallest (8), next (8), by id.
 */
export interface Head {
  readonly queueId: number;
  readonly min: number;
  readonly next: number;
}

const headBytes = 4 + 8 + 8;

export function encodeHeads(heads: readonly Head[], memory: BatchBytes): Uint8Array {
  const used = heads.filter(({ next }) => next > 0);
  const bytes = memory.take(used.length * headBytes);
  let at = 0;
  for (const { queueId, min, next } of used) {
    writeInt(bytes, at, queueId);
    writeLong(bytes, at + 4, min);
    writeLong(bytes, at + 12, next);
    at += headBytes;
  }
  return bytes;
}

/** Fails `corrupt`. */
export function decodeHeads(key: Uint8Array, bytes: Uint8Array): Head[] {
  if (bytes.length % headBytes !== 0) throw corruptHead(key, bytes);
  const heads: Head[] = [];
  for (let at = 0; at < bytes.length; at += headBytes) {
    const min = readLong(bytes, at + 4);
    const next = readLong(bytes, at + 12);
    const queueId = readInt(bytes, at);
    if (min > next || queueId <= (heads.at(-1)?.queueId ?? -1)) throw corruptHead(key, bytes);
    heads.push({ queueId, min, next });
  }
  return heads;
}

export function corruptHead(key: Uint8Array, value: Uint8Array): Failure {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return new Failure('corrupt', `queues database: key ${hex(key)} has the value ${hex(value)}`);
}
