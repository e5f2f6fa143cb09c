import { Failure, type PhysicalOffset, physicalOffset } from '../../base/index.ts';

/**
 * Keys of the `queues` database that belong to consume queues (docs/state.md, "Queues database"):
 *
 *   01                                               position
 *   02 <topic key>                                   heads of the topic's queues
 *   03 <topic key> <queue id 4> <first offset 8>     block
 *   topic key: topic length (1), topic, incarnation (8); with the queue id it is a queue key
 *
 * Keys and values of a batch lie side by side in a few large pieces of memory (`BatchBytes`).
 */
export const positionKey: Uint8Array = Uint8Array.of(1);

const headsKind = 2;
const blockKind = 3;

/** All heads. */
export const headsRange = {
  from: Uint8Array.of(headsKind),
  to: Uint8Array.of(headsKind + 1),
} as const;

/** The topic's name takes one length byte. */
export const maxTopicBytes = 255;

/** What names a queue. */
export interface QueueName extends TopicName {
  readonly queueId: number;
}

export interface TopicName {
  readonly topic: string;
  readonly incarnation: PhysicalOffset;
}

/** How other keys name a queue. */
export function encodeQueueKey(
  topic: string,
  incarnation: PhysicalOffset,
  queueId: number,
): Uint8Array {
  const key = topicKey(blockKind, { topic, incarnation }, 4, new BatchBytes());
  writeInt(key, key.length - 4, queueId);
  return key.slice(1);
}

/** `key` is the whole queue key. Fails `corrupt`. */
export function decodeQueueKey(key: Uint8Array): QueueName {
  const topic = decodeTopic(key, 0, 4);
  return { ...topic, queueId: readInt(key, key.length - 4) };
}

export function headsKey(topic: TopicName, memory = new BatchBytes()): Uint8Array {
  return topicKey(headsKind, topic, 0, memory);
}

/** The topic whose heads have this key. Fails `corrupt`. */
export function decodeHeadsKey(key: Uint8Array): TopicName {
  return decodeTopic(key, 1, 0);
}

function decodeTopic(key: Uint8Array, at: number, tailBytes: number): TopicName {
  const end = at + 1 + (key[at] ?? 0);
  if (end === at + 1 || key.length !== end + 8 + tailBytes) {
    throw new Failure('corrupt', `queue key ${Buffer.from(key).toString('hex')}`);
  }
  return {
    topic: decoder.decode(key.subarray(at + 1, end)),
    incarnation: physicalOffset(readLong(key, end)),
  };
}

export function blockKey(queue: QueueName, first: number, memory = new BatchBytes()): Uint8Array {
  const key = topicKey(blockKind, queue, 12, memory);
  writeInt(key, key.length - 12, queue.queueId);
  writeLong(key, key.length - 8, first);
  return key;
}

/** The blocks of all queues of a topic. Queue ids are below 2^31, so that ff.. is above all of them. */
export function topicBlocks(topic: TopicName): { from: Uint8Array; to: Uint8Array } {
  const memory = new BatchBytes();
  return {
    from: topicKey(blockKind, topic, 0, memory),
    to: topicKey(blockKind, topic, 4, memory).fill(0xff, -4),
  };
}

/** Memory for the many small arrays of a batch: a view of a large one costs a fraction of an array of its own. */
export class BatchBytes {
  #bytes = noBytes;
  #used = 0;

  take(length: number): Uint8Array {
    if (this.#used + length > this.#bytes.length) {
      // The first piece is as large as what is asked for, which often is all.
      const least = this.#bytes === noBytes ? 0 : pieceBytes;
      this.#bytes = new Uint8Array(Math.max(length, least));
      this.#used = 0;
    }
    const taken = this.#bytes.subarray(this.#used, this.#used + length);
    this.#used += length;
    return taken;
  }
}

const noBytes = new Uint8Array(0);
const pieceBytes = 64 * 1024;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Kind, topic and incarnation, with room for what follows. */
function topicKey(
  kind: number,
  { topic, incarnation }: TopicName,
  tailBytes: number,
  memory: BatchBytes,
): Uint8Array {
  const ascii = isAscii(topic);
  const name = ascii ? undefined : encoder.encode(topic);
  const length = name?.length ?? topic.length;
  const key = memory.take(2 + length + 8 + tailBytes);
  key[0] = kind;
  key[1] = length;
  if (name !== undefined) key.set(name, 2);
  else for (let at = 0; at < length; at++) key[2 + at] = topic.charCodeAt(at);
  writeLong(key, 2 + length, incarnation);
  return key;
}

/** Nearly all topics are; then a loop beats the encoder. */
function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 127) return false;
  return true;
}

export function topicByteLength(topic: string): number {
  return isAscii(topic) ? topic.length : encoder.encode(topic).length;
}

export function writeInt(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** `value` is a safe integer, not negative. */
export function writeLong(bytes: Uint8Array, at: number, value: number): void {
  writeInt(bytes, at, value / 2 ** 32);
  writeInt(bytes, at + 4, value);
}

export function encodeLong(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  writeLong(bytes, 0, value);
  return bytes;
}

export function readInt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) * 2 ** 24 +
    ((bytes[at + 1] as number) << 16) +
    ((bytes[at + 2] as number) << 8) +
    (bytes[at + 3] as number)
  );
}

export function readLong(bytes: Uint8Array, at: number): number {
  return readInt(bytes, at) * 2 ** 32 + readInt(bytes, at + 4);
}
