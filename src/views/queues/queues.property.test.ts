import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SimWorld } from '../../../test/sim/ports/index.ts';
import {
  type KeyValue,
  type PhysicalOffset,
  physicalOffset,
  queueOffset,
  timestampMs,
} from '../../base/index.ts';
import { decodeHeads } from './heads.ts';
import { encodeQueueKey, type Queue, Queues, type QueuesBatch } from './index.ts';
import { decodeHeadsKey } from './keys.ts';

interface LogRecord {
  readonly type: 'create' | 'delete' | 'message';
  readonly topic: string;
  readonly queueId: number;
  readonly offset: number;
  readonly position: number;
  readonly size: number;
  readonly tagsCode: number;
  readonly storeTimestamp: number;
}

interface Row {
  readonly topic: string;
  readonly incarnation: number;
  readonly queueId: number;
  readonly next: number;
}

const topics = ['T0', '%RETRY%grüße'];
const queueIds = [0, 3];

/** A store with nothing but a log (an array) and queues, and what the queues must show of it. */
class Store {
  readonly world: SimWorld;
  readonly log: LogRecord[] = [];
  synced = 0;
  /** What the database holds after a power loss at least. */
  flushed = 0;
  begin = 0;
  /** Next offsets that stand beside the log, and the position that they are true at. */
  rows: { readonly position: number; readonly rows: readonly Row[] }[] = [];
  database: KeyValue;
  queues: Queues;
  #path = '/queues0';
  #inFlight: QueuesBatch | undefined;
  #time = 1_000;

  static async open(seed: number): Promise<Store> {
    const world = new SimWorld(seed);
    const database = await world.complete(world.node('one').keyValueStores.open('/queues0'));
    return new Store(world, database, await world.complete(Queues.open(database)));
  }

  private constructor(world: SimWorld, database: KeyValue, queues: Queues) {
    this.world = world;
    this.database = database;
    this.queues = queues;
  }

  get end(): number {
    const last = this.log[this.log.length - 1];
    return last === undefined ? 0 : last.position + last.size;
  }

  /** Incarnation by the appended log, or as it was below a position. */
  incarnation(topic: string, below = this.end): number | undefined {
    const last = this.log.findLast(
      (record) => record.topic === topic && record.type !== 'message' && record.position < below,
    );
    return last?.type === 'create' ? last.position : undefined;
  }

  queue(topic: string, queueId: number): Queue {
    const incarnation = this.incarnation(topic);
    assert(incarnation !== undefined);
    return this.queues.topic(topic, physicalOffset(incarnation)).queue(queueId);
  }

  append(topic: string, queueId: number, size: number): void {
    if (this.incarnation(topic) === undefined) this.#add('create', topic, 0, 0, 40);
    const queue = this.queue(topic, queueId);
    this.#time += size % 3;
    this.#add('message', topic, queueId, queue.next, size);
    const record = this.log[this.log.length - 1] as LogRecord;
    this.queues.append(
      queue,
      physicalOffset(record.position),
      size,
      record.tagsCode,
      timestampMs(record.storeTimestamp),
    );
  }

  delete(topic: string): void {
    if (this.incarnation(topic) !== undefined) this.#add('delete', topic, 0, 0, 40);
  }

  /** Makes the log durable and applies what it says about topics. */
  sync(): void {
    const from = this.synced;
    this.synced = this.end;
    for (const record of this.log) {
      if (record.position < from || record.type !== 'delete') continue;
      const incarnation = this.incarnation(record.topic, record.position);
      assert(incarnation !== undefined);
      this.queues.dropTopic(record.topic, physicalOffset(incarnation));
    }
  }

  beginBatch(): void {
    if (this.#inFlight !== undefined) return;
    this.#inFlight = this.queues.takeBatch(physicalOffset(this.synced), physicalOffset(this.end));
  }

  /** A write that failed may have taken effect all the same. */
  async endBatch(outcome: Outcome): Promise<void> {
    const batch = this.#inFlight;
    if (batch === undefined) return;
    this.#inFlight = undefined;
    if (outcome !== 'lost') await this.world.complete(this.database.write(batch.batch));
    if (outcome === 'done') batch.done();
    else batch.failed();
  }

  async flush(): Promise<void> {
    const { persistedPosition } = this.queues;
    await this.world.complete(this.database.flush());
    this.flushed = persistedPosition;
  }

  /** All there is, and then the database must be exactly that. */
  async persist(): Promise<void> {
    this.sync();
    await this.endBatch('done');
    this.beginBatch();
    await this.endBatch('done');
    await this.#checkDatabase();
  }

  async #checkDatabase(): Promise<void> {
    const heads: string[] = [];
    const expectedHeads: string[] = [];
    for (const [key, value] of await this.#scan(2)) {
      const { topic, incarnation } = decodeHeadsKey(key);
      for (const { queueId, min, next } of decodeHeads(key, value)) {
        heads.push([topic, incarnation, queueId, min, next].join());
      }
    }
    const blocks = await this.#scan(3);
    for (const topicQueues of this.queues) {
      for (const queue of topicQueues) {
        const { topic, incarnation, queueId, min, next } = queue;
        if (next === 0) continue;
        expectedHeads.push([topic, incarnation, queueId, min, next].join());
        const prefix = encodeQueueKey(topic, incarnation, queueId);
        let end: number | undefined;
        for (const [key, value] of blocks) {
          if (Buffer.compare(key.subarray(1, -8), prefix) !== 0) continue;
          const first = longAt(key, key.length - 8);
          const count = (value.length - 4) / 28;
          assert(first > min - 256, 'what is far below the minimum is deleted');
          assert(min < next || first >= next, 'nothing is left of an expired queue');
          if (end !== undefined) assert.equal(first, end);
          end = first + count;
        }
        assert.equal(end ?? next, next);
      }
    }
    assert.deepEqual(heads.sort(), expectedHeads.sort());
    const known = new Set([...this.queues].flatMap((each) => [...each].map(keyOf)));
    for (const [key] of blocks) assert(known.has(hex(key.subarray(1, -8))), 'no deleted topic');
  }

  async #scan(kind: number): Promise<(readonly [Uint8Array, Uint8Array])[]> {
    const range = { from: Uint8Array.of(kind), to: Uint8Array.of(kind + 1) };
    const scan = async (): Promise<(readonly [Uint8Array, Uint8Array])[]> => {
      const found: (readonly [Uint8Array, Uint8Array])[] = [];
      for await (const entry of this.database.scan(range)) found.push(entry);
      return found;
    };
    return await this.world.complete(scan());
  }

  cut(kept: number): void {
    const lowest = Math.max(this.synced, this.queues.persistedPosition);
    while (this.log.length > 0) {
      const last = this.log[this.log.length - 1] as LogRecord;
      if (last.position < lowest || this.log.length <= kept) break;
      this.log.pop();
    }
    this.queues.cut(physicalOffset(this.end));
    this.#forgetRows();
  }

  noteRows(): void {
    const rows: Row[] = [];
    for (const topicQueues of this.queues) {
      for (const { topic, incarnation, queueId, next } of topicQueues) {
        rows.push({ topic, incarnation, queueId, next });
      }
    }
    this.rows.push({ position: this.end, rows });
  }

  /** Retention: what all views have flushed may go, once the next offsets are beside it. */
  expire(upTo: number): void {
    this.noteRows();
    if (this.synced < this.end) this.sync();
    const border = this.log.find((record) => record.position >= Math.min(upTo, this.flushed));
    this.begin = Math.max(this.begin, Math.min(border?.position ?? this.flushed, this.flushed));
    this.#raiseMinimums();
  }

  async crash(powerLoss: boolean, lost: number, loseDatabase: boolean): Promise<void> {
    const node = this.world.node('one');
    const lowest = powerLoss ? this.synced : this.end;
    node.crash({ powerLoss });
    node.restart();
    this.#inFlight = undefined;
    for (let count = 0; count < lost && (this.log.at(-1)?.position ?? 0) >= lowest; count++) {
      this.log.pop();
    }
    this.#forgetRows();
    if (loseDatabase) this.#path += '0';
    this.database = await this.world.complete(node.keyValueStores.open(this.#path));
    this.queues = await this.world.complete(Queues.open(this.database));
    this.synced = this.end;
    const { persistedPosition } = this.queues;
    assert(persistedPosition <= this.end);
    if (loseDatabase) this.flushed = 0;
    else assert(persistedPosition >= this.flushed);

    for (const { rows } of this.rows) {
      for (const { topic, incarnation, queueId, next } of rows) {
        if (this.incarnation(topic) !== incarnation) continue;
        this.queues.raiseNext(topic, physicalOffset(incarnation), queueId, queueOffset(next));
      }
    }
    this.#raiseMinimums();
    const from = Math.max(persistedPosition, this.begin);
    for (const record of this.log) {
      if (record.type !== 'message' || record.position < from) continue;
      const incarnation = this.incarnation(record.topic);
      if (incarnation === undefined || incarnation > record.position) continue;
      this.queues.restore(
        this.queue(record.topic, record.queueId),
        queueOffset(record.offset),
        physicalOffset(record.position),
        record.size,
        record.tagsCode,
        timestampMs(record.storeTimestamp),
      );
    }
    this.queues.endReplay();
    for (const { topic, incarnation } of [...this.queues]) {
      if (this.incarnation(topic) !== incarnation) this.queues.dropTopic(topic, incarnation);
    }
  }

  /** Entries of the queue of today. */
  expected(topic: string, queueId: number): { all: LogRecord[]; min: number; next: number } {
    const incarnation = this.incarnation(topic) ?? Number.POSITIVE_INFINITY;
    const records = this.log.filter(
      (record) =>
        record.type === 'message' &&
        record.topic === topic &&
        record.queueId === queueId &&
        record.position > incarnation,
    );
    const all = records.filter((record) => record.position >= this.begin);
    return { all, min: records.length - all.length, next: records.length };
  }

  async check(maxEntries: number, limit: number): Promise<void> {
    for (const topic of topics) {
      for (const queueId of queueIds) {
        if (this.incarnation(topic) === undefined) continue;
        await this.#checkQueue(topic, queueId, maxEntries, limit);
      }
    }
  }

  async #checkQueue(
    topic: string,
    queueId: number,
    maxEntries: number,
    limit: number,
  ): Promise<void> {
    const { all, min, next } = this.expected(topic, queueId);
    const queue = this.queue(topic, queueId);
    assert.deepEqual([queue.min, queue.next], [min, next]);
    const readable = all.filter((record) => record.position + record.size <= limit);
    const committed = physicalOffset(limit);
    assert.equal(queue.readable(committed), min + readable.length);
    const read: unknown[] = [];
    for (;;) {
      const at = queueOffset(min + read.length);
      const entries = await this.world.complete(
        Promise.resolve(this.queues.read(queue, at, maxEntries, committed)),
      );
      assert.equal(entries.first, at);
      assert(entries.count <= maxEntries);
      for (let index = 0; index < entries.count; index++) {
        read.push([
          entries.position(index),
          entries.size(index),
          entries.tagsCode(index),
          entries.storeTimestamp(index),
        ]);
      }
      if (entries.count === 0) break;
    }
    assert.deepEqual(
      read,
      readable.map(({ position, size, tagsCode, storeTimestamp }) => [
        position,
        size,
        tagsCode,
        storeTimestamp,
      ]),
    );
    await this.#checkSearch(queue, readable, min, committed);
  }

  async #checkSearch(
    queue: Queue,
    readable: readonly LogRecord[],
    min: number,
    limit: PhysicalOffset,
  ): Promise<void> {
    const middle = readable[readable.length >> 1]?.storeTimestamp ?? 0;
    for (const timestamp of [0, middle - 1, middle, middle + 1, this.#time + 1]) {
      for (const boundary of ['lower', 'upper'] as const) {
        const found = this.queues.searchByTimestamp(queue, timestampMs(timestamp), boundary, limit);
        assert.equal(
          await this.world.complete(Promise.resolve(found)),
          searchNaively(readable, min, timestamp, boundary),
          `${boundary} ${timestamp}`,
        );
      }
    }
  }

  #add(
    type: LogRecord['type'],
    topic: string,
    queueId: number,
    offset: number,
    size: number,
  ): void {
    const position = this.end;
    // Past 2^32, negative, and both.
    const tagsCode = [position * 7919, -position * 3 - 1, 2 ** 40 + position, -(2 ** 52)][size % 4];
    const storeTimestamp = this.#time;
    this.log.push({
      type,
      topic,
      queueId,
      offset,
      position,
      size,
      tagsCode: tagsCode as number,
      storeTimestamp,
    });
  }

  #raiseMinimums(): void {
    for (const topicQueues of this.queues) {
      if (this.incarnation(topicQueues.topic) !== topicQueues.incarnation) continue;
      for (const queue of topicQueues) {
        const { min } = this.expected(queue.topic, queue.queueId);
        this.queues.setMinimum(queue, queueOffset(Math.min(min, queue.next)));
      }
    }
  }

  #forgetRows(): void {
    this.rows = this.rows.filter(({ position }) => position <= this.end);
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function keyOf({ topic, incarnation, queueId }: Queue): string {
  return hex(encodeQueueKey(topic, incarnation, queueId));
}

function longAt(bytes: Uint8Array, at: number): number {
  return Number(Buffer.from(bytes).readBigUInt64BE(at));
}

function searchNaively(
  readable: readonly LogRecord[],
  min: number,
  timestamp: number,
  boundary: 'lower' | 'upper',
): number {
  const end = min + readable.length;
  if (boundary === 'lower') {
    const found = readable.findIndex((record) => record.storeTimestamp >= timestamp);
    return found < 0 ? end : min + found;
  }
  if (readable.length === 0) return Math.max(0, end - 1);
  const found = readable.findLastIndex((record) => record.storeTimestamp <= timestamp);
  return found < 0 ? 0 : min + found;
}

type Outcome = 'done' | 'failed' | 'lost';

type Step =
  | { type: 'append'; topic: string; queueId: number; size: number; count: number }
  | { type: 'delete'; topic: string }
  | { type: 'sync' | 'rows' | 'beginBatch' }
  | { type: 'persist'; flush: boolean }
  | { type: 'endBatch'; outcome: Outcome }
  | { type: 'cut'; kept: number }
  | { type: 'evict'; maxBytes: number }
  | { type: 'expire'; share: number }
  | { type: 'crash'; powerLoss: boolean; lost: number; loseDatabase: boolean }
  | { type: 'check'; maxEntries: number; share: number };

const share = fc.double({ min: 0, max: 1, noNaN: true });
const append = fc.record({
  type: fc.constant('append' as const),
  topic: fc.constantFrom(...topics),
  queueId: fc.constantFrom(...queueIds),
  size: fc.integer({ min: 1, max: 200 }),
  count: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 150 })),
});
const simple = (type: 'sync' | 'rows' | 'beginBatch'): fc.Arbitrary<Step> => fc.constant({ type });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: append },
  { weight: 3, arbitrary: simple('sync') },
  { weight: 5, arbitrary: simple('beginBatch') },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('endBatch'),
      outcome: fc.constantFrom('done', 'done', 'failed', 'lost'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('persist'), flush: fc.boolean() }) },
  { weight: 1, arbitrary: simple('rows') },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('delete'), topic: fc.constantFrom(...topics) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('cut'), kept: fc.nat(1000) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('evict'),
      maxBytes: fc.oneof(fc.constant(0), fc.nat(2000)),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('expire'), share }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('crash'),
      powerLoss: fc.boolean(),
      lost: fc.nat(3),
      loseDatabase: fc.constantFrom(false, false, true),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('check'),
      maxEntries: fc.integer({ min: 1, max: 400 }),
      share,
    }),
  },
);

async function run(store: Store, next: Step): Promise<void> {
  switch (next.type) {
    case 'append':
      for (let count = 0; count < next.count; count++) {
        store.append(next.topic, next.queueId, next.size);
      }
      return;
    case 'delete':
      store.delete(next.topic);
      return;
    case 'sync':
      store.sync();
      return;
    case 'rows':
      store.noteRows();
      return;
    case 'persist':
      await store.persist();
      if (next.flush) await store.flush();
      return;
    case 'beginBatch':
      store.beginBatch();
      return;
    case 'endBatch':
      await store.endBatch(next.outcome);
      return;
    case 'cut':
      store.cut(next.kept);
      return;
    case 'evict':
      store.queues.evict(next.maxBytes);
      return;
    case 'expire':
      store.expire(store.end * next.share);
      return;
    case 'crash':
      await store.crash(next.powerLoss, next.lost, next.loseDatabase);
      return;
    case 'check': {
      const covered = Math.max(store.synced, store.queues.persistedPosition);
      await store.check(next.maxEntries, covered + (store.end - covered) * next.share);
    }
  }
}

test('queues show what the log says, whatever was written, lost, expired, cut or deleted', async () => {
  const property = fc.asyncProperty(
    fc.nat(),
    fc.array(step, { size: 'max', minLength: 20, maxLength: 80 }),
    async (seed, steps) => {
      const store = await Store.open(seed);
      for (const next of steps) await run(store, next);
      await store.check(32, store.end);
      await store.persist();
      store.queues.evict(0);
      await store.check(32, store.end);
      await store.crash(true, 0, false);
      await store.check(32, store.end);
    },
  );
  await fc.assert(property, { numRuns: 150 });
});
