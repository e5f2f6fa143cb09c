import { strict as assert } from 'node:assert';

export interface Place {
  readonly queue: number;
  readonly offset: number;
}

/** A message as it is given to a producer. */
export interface Draft {
  readonly topic: string;
  readonly body: Uint8Array;
  readonly tags?: string;
  readonly keys?: string;
  readonly properties?: Readonly<Record<string, string>>;
  readonly delayLevel?: number;
}

/** What a send answered. Ids and offset of a batch are those of its messages, with commas, and of its first. */
export interface SendAnswer {
  readonly status: string;
  readonly id: string;
  readonly offsetId: string;
  readonly queue: number;
  readonly offset: number;
}

/** An acknowledged message and where the broker said that it is. */
export interface Sent extends Draft {
  /** Made by the client. The Go client makes none for the messages of a batch. */
  readonly id: string | undefined;
  readonly offsetId: string;
  readonly queue: number;
  readonly offset: number;
}

/** A message as a consumer or a query shows it. */
export interface Received {
  readonly topic: string;
  readonly body: Uint8Array;
  readonly tags: string | null;
  readonly keys: string | null;
  readonly properties: Readonly<Record<string, string>>;
  readonly id: string;
  readonly offsetId?: string;
  readonly queue: number;
  readonly offset: number;
  readonly attempt: number;
  /** By the clocks of producer, broker and consumer. */
  readonly bornAt: number;
  readonly storedAt: number;
  readonly at: number;
}

export type ReceivedLine = Omit<Received, 'body'> & { readonly body: string };

export function readable(line: ReceivedLine): Received {
  return { ...line, body: Buffer.from(line.body, 'base64') };
}

/** `count` messages that differ in each byte of their bodies, of many lengths, with text outside of ASCII. */
export function drafts(
  topic: string,
  count: number,
  more: (index: number) => Partial<Draft> = () => ({}),
): Draft[] {
  return Array.from({ length: count }, (_, index) => {
    const text = Buffer.from(`${topic} ${index} öl 消息 🐚 `);
    const noise = Buffer.alloc((index * 37) % 301, index % 251);
    return { topic, body: Buffer.concat([text, noise]), ...more(index) };
  });
}

/**
 * Every message of `sent` was received exactly once, where its acknowledgement said, with its content and ids; and
 * nothing else was.
 */
export function assertSame(received: readonly Received[], sent: readonly Sent[]): void {
  const byPlace = <T extends Place>(list: readonly T[]): T[] =>
    [...list].sort((a, b) => a.queue - b.queue || a.offset - b.offset);
  const places = <T extends Place>(list: readonly T[]): string[] =>
    byPlace(list).map(({ queue, offset }) => `${queue}/${offset}`);
  assert.deepEqual(places(received), places(sent), 'queue/offset of what was received');
  const wanted = byPlace(sent);
  byPlace(received).forEach((message, index) => {
    assertIs(message, wanted[index] as Sent);
  });
}

/** One received message is the one that was sent. */
export function assertIs(received: Received, sent: Sent): void {
  const at = `message ${sent.queue}/${sent.offset} of ${sent.topic}`;
  assertContent(received, sent, at);
  assert.equal(received.queue, sent.queue, `queue of ${at}`);
  assert.equal(received.offset, sent.offset, `offset of ${at}`);
  if (sent.id !== undefined) assert.equal(received.id, sent.id, `id of ${at}`);
  if (received.offsetId !== undefined) {
    assert.equal(received.offsetId, sent.offsetId, `offset id of ${at}`);
  }
}

/** What the producer gave is what the consumer got. */
export function assertContent(received: Received, draft: Draft, at: string): void {
  assert.equal(received.topic, draft.topic, `topic of ${at}`);
  const [got, wanted] = [received.body, draft.body].map((body) => Buffer.from(body).toString());
  assert.equal(got, wanted, `body of ${at}`);
  assert.ok(Buffer.from(received.body).equals(draft.body), `bytes of the body of ${at}`);
  assert.equal(received.tags ?? '', draft.tags ?? '', `tags of ${at}`);
  assert.equal((received.keys ?? '').trim(), draft.keys ?? '', `keys of ${at}`);
  for (const [name, value] of Object.entries(draft.properties ?? {})) {
    assert.equal(received.properties[name], value, `property ${name} of ${at}`);
  }
}

/** In the order of arrival, the offsets of each queue go up by one; nothing came twice or out of turn. */
export function assertQueueOrder(
  received: readonly Place[],
  firstOffsets: ReadonlyMap<number, number> = new Map(),
): void {
  const next = new Map(firstOffsets);
  for (const { queue, offset } of received) {
    const expected = next.get(queue) ?? 0;
    assert.equal(offset, expected, `next offset that came from queue ${queue}`);
    next.set(queue, offset + 1);
  }
}

/** The acknowledged places of each queue are 0, 1, 2, …; no two acknowledgements name one id. */
export function assertPlaces(
  sent: readonly Sent[],
  firstOffsets: ReadonlyMap<number, number> = new Map(),
): void {
  for (const [queue, messages] of groupByQueue(sent)) {
    const first = firstOffsets.get(queue) ?? 0;
    const offsets = messages.map(({ offset }) => offset).sort((a, b) => a - b);
    const wanted = offsets.map((_, index) => first + index);
    assert.deepEqual(offsets, wanted, `acknowledged offsets of queue ${queue}`);
  }
  for (const ids of [sent.map(({ offsetId }) => offsetId), sent.map(({ id }) => id)]) {
    const known = ids.filter((id) => id !== undefined);
    assert.equal(new Set(known).size, known.length, 'number of different ids');
  }
}

/** In their order. */
export function groupByQueue<T extends Place>(messages: readonly T[]): Map<number, T[]> {
  const queues = new Map<number, T[]>();
  for (const message of messages) {
    const list = queues.get(message.queue) ?? [];
    list.push(message);
    queues.set(message.queue, list);
  }
  return queues;
}

/** An offset id is an IPv4 address, a port and a position in the commit log, in hexadecimal digits. */
export function readOffsetId(id: string): { readonly address: string; readonly position: number } {
  assert.match(id, /^[0-9A-F]{32}$/, 'offset id');
  const bytes = Buffer.from(id, 'hex');
  const host = [...bytes.subarray(0, 4)].join('.');
  return {
    address: `${host}:${bytes.readUInt32BE(4)}`,
    position: Number(bytes.readBigUInt64BE(8)),
  };
}

/** The offset after the last one of each queue. */
export function nextOffsets(sent: readonly Place[]): Map<number, number> {
  const next = new Map<number, number>();
  for (const { queue, offset } of sent) {
    next.set(queue, Math.max(next.get(queue) ?? 0, offset + 1));
  }
  return next;
}
