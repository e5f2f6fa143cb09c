import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SimWorld } from '../../../test/sim/ports/index.ts';
import {
  isFailure,
  type KeyValue,
  type Mutation,
  type PhysicalOffset,
  physicalOffset,
  queueOffset,
  timestampMs,
} from '../../base/index.ts';
import { encodeHeads } from './heads.ts';
import type { Queue, QueueEntries } from './index.ts';
import { Queues } from './index.ts';
import { BatchBytes, blockKey, headsKey, positionKey } from './keys.ts';

const size = 100;
const incarnation = physicalOffset(7);

/** Queues over a database, with records of 100 bytes that follow each other from position 1000 on. */
class Fixture {
  readonly world: SimWorld;
  readonly database: KeyValue;
  queues: Queues;
  end = 1000;

  static async open(): Promise<Fixture> {
    const world = new SimWorld(1);
    const database = await world.complete(world.node('one').keyValueStores.open('/queues'));
    return new Fixture(world, database, await world.complete(Queues.open(database)));
  }

  private constructor(world: SimWorld, database: KeyValue, queues: Queues) {
    this.world = world;
    this.database = database;
    this.queues = queues;
  }

  queue(topic = 'T', queueId = 0): Queue {
    return this.queues.topic(topic, incarnation).queue(queueId);
  }

  append(queue: Queue, count = 1, storeTimestamp = 1): void {
    for (let index = 0; index < count; index++) {
      const position = physicalOffset(this.end);
      this.queues.append(queue, position, size, queue.next, timestampMs(storeTimestamp));
      this.end += size;
    }
  }

  async persist(synced = this.end): Promise<readonly Mutation[]> {
    const batch = this.queues.takeBatch(physicalOffset(synced), physicalOffset(this.end));
    if (batch === undefined) return [];
    await this.world.complete(this.database.write(batch.batch));
    batch.done();
    return batch.batch;
  }

  async reopen(): Promise<void> {
    this.queues = await this.world.complete(Queues.open(this.database));
  }

  async read(queue: Queue, offset: number, max = 1000, limit = this.end): Promise<QueueEntries> {
    const entries = this.queues.read(queue, queueOffset(offset), max, physicalOffset(limit));
    return await this.world.complete(Promise.resolve(entries));
  }

  async write(batch: readonly Mutation[]): Promise<void> {
    await this.world.complete(this.database.write(batch));
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return await this.world.complete(this.database.get(key));
  }

  restore(queue: Queue, offset: number, position = this.end): void {
    const time = timestampMs(1);
    this.queues.restore(queue, queueOffset(offset), physicalOffset(position), size, offset, time);
    this.end = Math.max(this.end, position + size);
  }

  raise(next: number, topic = 'T'): void {
    this.queues.raiseNext(topic, incarnation, 0, queueOffset(next));
  }
}

function isCorrupt(...words: readonly string[]): (error: unknown) => boolean {
  return (error) =>
    isFailure(error, 'corrupt') && words.every((word) => error.message.includes(word));
}

const isInMemory = (queue: Queue, offset: number): boolean =>
  queue.blockInMemory(offset) !== undefined;

const at = (position: number): PhysicalOffset => physicalOffset(position);

test('the position reaches the database also when no queue changed', async () => {
  const fixture = await Fixture.open();
  fixture.end = 5000;
  await fixture.persist(4000);
  await fixture.reopen();
  assert.equal(fixture.queues.persistedPosition, 4000);
  assert.deepEqual(await fixture.persist(4000), []);
});

test('entries of records above what is synced wait for a later batch', async () => {
  const fixture = await Fixture.open();
  fixture.append(fixture.queue(), 3);
  await fixture.persist(1299);
  await fixture.reopen();
  assert.equal(fixture.queue().next, 2);
  assert.equal(fixture.queues.persistedPosition, 1299);
});

test('a piece ends where it is told to, unless it drops a topic: then it contains the delete', async () => {
  const fixture = await Fixture.open();
  const take = (pieceEnd: number) => {
    const end = at(fixture.end);
    const batch = fixture.queues.takeBatch(end, end, at(pieceEnd));
    batch?.done();
    return batch?.position;
  };
  fixture.append(fixture.queue('gone'), 5);
  fixture.append(fixture.queue('kept'), 5);
  const border = fixture.end - 2 * size;
  assert.equal(take(border), border);
  fixture.queues.dropTopic('gone', incarnation);
  assert.equal(take(border), fixture.end);
  assert.equal(take(border), undefined);
});

test('one batch is in flight, and a failed one comes again with what moved meanwhile', async () => {
  const fixture = await Fixture.open();
  const queue = fixture.queue();
  fixture.append(queue, 10);
  await fixture.persist();
  fixture.queues.setMinimum(queue, queueOffset(4));
  const batch = fixture.queues.takeBatch(at(fixture.end), at(fixture.end));
  assert(batch !== undefined);
  assert.throws(() => fixture.queues.takeBatch(at(fixture.end), at(fixture.end)), /one batch/);
  batch.failed();
  await fixture.persist();
  await fixture.reopen();
  assert.deepEqual([fixture.queue().min, fixture.queue().next], [4, 10]);
});

test('a gap in replayed offsets names the queue and both offsets', async () => {
  const fixture = await Fixture.open();
  fixture.restore(fixture.queue(), 40);
  fixture.restore(fixture.queue(), 41);
  assert.throws(
    () => fixture.restore(fixture.queue(), 43),
    /offset 43 of queue T\/0 .* next is 42/,
  );
  assert.throws(
    () => fixture.restore(fixture.queue(), 41),
    /offset 41 of queue T\/0 .* next is 42/,
  );
});

test('a queue without entries begins where its first record says', async () => {
  const fixture = await Fixture.open();
  fixture.restore(fixture.queue(), 40);
  assert.deepEqual([fixture.queue().min, fixture.queue().next], [40, 41]);
});

test('a known next offset lets the first record be lower, not higher', async () => {
  const fixture = await Fixture.open();
  fixture.raise(50);
  fixture.raise(50, 'U');
  assert.equal(fixture.queue().next, 50);
  assert.throws(() => fixture.restore(fixture.queue('U'), 51), /offset 51 .* next is 50/);
  fixture.restore(fixture.queue(), 30);
  assert.deepEqual([fixture.queue().min, fixture.queue().next], [30, 31]);
  assert.throws(() => fixture.queues.endReplay(), /T\/0 .* offset 49, .* ends at 30/);
});

test('a known next offset stands when no record is left, and the first append gets it', async () => {
  const fixture = await Fixture.open();
  fixture.raise(50);
  await fixture.persist();
  assert.equal(await fixture.get(headsKey(fixture.queue())), undefined);
  fixture.append(fixture.queue());
  await fixture.persist();
  await fixture.reopen();
  assert.deepEqual([fixture.queue().min, fixture.queue().next], [50, 51]);
});

test('when the log no longer has the records after the entries, it has none of these either', async () => {
  for (const first of [undefined, 45, 50]) {
    const fixture = await Fixture.open();
    fixture.append(fixture.queue(), 40);
    await fixture.persist();
    await fixture.reopen();
    fixture.raise(50);
    for (let next = first ?? 50; next < 50; next++) fixture.restore(fixture.queue(), next);
    if (first === 50) fixture.restore(fixture.queue(), 50);
    fixture.queues.endReplay();
    assert.deepEqual(
      [fixture.queue().min, fixture.queue().next],
      [first ?? 50, first === 50 ? 51 : 50],
    );
    await fixture.persist();
    await fixture.reopen();
    assert.equal(fixture.queue().min, first ?? 50);
    const read = await fixture.read(fixture.queue(), first ?? 50);
    assert.equal(read.count, fixture.queue().next - (first ?? 50));
    if (first === undefined) {
      assert.equal(await fixture.get(blockKey(fixture.queue(), 0)), undefined);
    }
  }
});

test('replayed records that the database has are ignored', async () => {
  const fixture = await Fixture.open();
  fixture.append(fixture.queue(), 3);
  await fixture.persist(1200);
  await fixture.reopen();
  for (let offset = 0; offset < 3; offset++) {
    fixture.restore(fixture.queue(), offset, 1000 + offset * size);
  }
  assert.equal(fixture.queue().next, 3);
});

test('positions of a queue rise', async () => {
  const fixture = await Fixture.open();
  const queue = fixture.queue();
  fixture.append(queue);
  const repeat = (): void =>
    fixture.queues.append(queue, at(fixture.end - size), size, 0, timestampMs(1));
  assert.throws(repeat, /position 1000 .* T\/0/);
  fixture.append(queue, 31);
  await fixture.persist();
  assert.throws(repeat, /position 4100 .* T\/0/);
  fixture.queues.evict(0);
  assert.throws(repeat, /position 4100 .* T\/0/);
});

test('what is persisted is not cut', async () => {
  const fixture = await Fixture.open();
  fixture.append(fixture.queue(), 3);
  const batch = fixture.queues.takeBatch(at(1200), at(fixture.end));
  assert.throws(() => fixture.queues.cut(at(1100)), /cut at 1100/);
  fixture.queues.cut(at(1200));
  assert.equal(fixture.queue().next, 2);
  batch?.done();
  assert.throws(() => fixture.queues.cut(at(1100)), /cut at 1100/);
});

test('the next offset outlives all messages, also across a restart', async () => {
  const fixture = await Fixture.open();
  fixture.append(fixture.queue(), 300);
  await fixture.persist();
  fixture.queues.setMinimum(fixture.queue(), queueOffset(300));
  assert.equal(fixture.queues.memoryBytes, 0);
  await fixture.persist();
  await fixture.reopen();
  assert.deepEqual([fixture.queue().min, fixture.queue().next], [300, 300]);
  assert.equal(await fixture.get(blockKey(fixture.queue(), 0)), undefined);
  assert.equal(await fixture.get(blockKey(fixture.queue(), 256)), undefined);
  assert.equal((await fixture.read(fixture.queue(), 300)).count, 0);
  fixture.append(fixture.queue());
  assert.equal((await fixture.read(fixture.queue(), 300)).tagsCode(0), 300);
});

test('the minimum rises only, and not above the next offset', async () => {
  const fixture = await Fixture.open();
  const queue = fixture.queue();
  fixture.append(queue, 5);
  fixture.queues.setMinimum(queue, queueOffset(3));
  fixture.queues.setMinimum(queue, queueOffset(2));
  assert.equal(queue.min, 3);
  assert.throws(() => fixture.queues.setMinimum(queue, queueOffset(6)), /minimum 6 .* next 5/);
  assert.equal((await fixture.read(queue, 2)).count, 0);
  assert.equal((await fixture.read(queue, 3)).count, 2);
});

test('a topic created again begins anew and keeps apart from the one that was deleted', async () => {
  const fixture = await Fixture.open();
  const old = fixture.queue();
  fixture.append(old, 40);
  await fixture.persist();
  const again = fixture.queues.topic('T', at(fixture.end)).queue(0);
  fixture.append(again, 2);
  assert.equal(old.next, 40);
  fixture.queues.dropTopic('T', incarnation);
  assert.equal(fixture.queues.find('T', incarnation), undefined);
  assert.throws(() => fixture.append(old), /deleted topic/);
  assert.equal((await fixture.read(old, 0)).count, 0);
  await fixture.persist();
  await fixture.reopen();
  assert.deepEqual(
    [...fixture.queues].map((topic) => [...topic].map((queue) => [queue.incarnation, queue.next])),
    [[[again.incarnation, 2]]],
  );
  assert.equal(await fixture.get(blockKey(old, 0)), undefined);
});

test('a deleted topic takes along what a batch in flight still writes of it', async () => {
  const fixture = await Fixture.open();
  fixture.append(fixture.queue(), 4);
  const batch = fixture.queues.takeBatch(at(fixture.end), at(fixture.end));
  assert(batch !== undefined);
  fixture.queues.dropTopic('T', incarnation);
  await fixture.write(batch.batch);
  batch.done();
  assert.equal(fixture.queues.memoryBytes, 0);
  await fixture.persist();
  await fixture.reopen();
  assert.deepEqual([...fixture.queues], []);
});

test('a damaged block is named, whichever of its bytes is wrong', async () => {
  const fixture = await Fixture.open();
  fixture.append(fixture.queue('Topic', 3), 5);
  await fixture.persist();
  const key = blockKey(fixture.queue('Topic', 3), 0);
  const good = await fixture.get(key);
  assert(good !== undefined);
  const property = fc.asyncProperty(fc.nat(good.length - 1), fc.nat(7), async (byte, bit) => {
    const value = good.slice();
    value[byte] = (value[byte] as number) ^ (1 << bit);
    await fixture.write([{ type: 'put', key, value }]);
    await fixture.reopen();
    await assert.rejects(
      fixture.read(fixture.queue('Topic', 3), 0),
      isCorrupt('block 0 ', 'Topic/3', 'checksum'),
    );
  });
  await fc.assert(property, { numRuns: 50 });
  for (const length of [0, 3, 4, 32 * 4, good.length - 28]) {
    await fixture.write([{ type: 'put', key, value: good.slice(0, length) }]);
    await fixture.reopen();
    await assert.rejects(fixture.read(fixture.queue('Topic', 3), 0), isCorrupt('block 0 '));
  }
});

test('a missing block is named', async () => {
  const fixture = await Fixture.open();
  fixture.append(fixture.queue(), 600);
  await fixture.persist();
  await fixture.write([{ type: 'delete', key: blockKey(fixture.queue(), 256) }]);
  await fixture.reopen();
  const read = fixture.read(fixture.queue(), 300);
  await assert.rejects(read, isCorrupt('T/0', 'offset 300 is in no block'));
  assert.equal((await fixture.read(fixture.queue(), 250)).count, 6);
});

test('damaged heads and a damaged position are refused', async () => {
  const name = { topic: 'T', incarnation };
  const heads = encodeHeads(
    [
      { queueId: 1, min: 1, next: 2 },
      { queueId: 2, min: 2, next: 2 },
    ],
    new BatchBytes(),
  );
  const without = heads.slice(20);
  const minAbove = heads.map((byte, index) => (index === 11 ? 3 : byte));
  for (const [key, value] of [
    [headsKey(name), heads.slice(1)],
    [headsKey(name), minAbove],
    [headsKey(name), Uint8Array.of(...without, ...without)],
    [headsKey(name).slice(0, -1), heads],
    [positionKey, new Uint8Array(7)],
  ] as const) {
    const fixture = await Fixture.open();
    await fixture.write([{ type: 'put', key, value }]);
    await assert.rejects(fixture.reopen(), isCorrupt(Buffer.from(key).toString('hex')));
  }
});

test('a read joins small blocks, in memory and in the database', async () => {
  const fixture = await Fixture.open();
  const queue = fixture.queue();
  for (let block = 0; block < 40; block++) {
    fixture.append(queue, 1 + (block % 3));
    await fixture.persist();
    fixture.queues.evict(0);
  }
  fixture.append(queue, 2);
  const entries = await fixture.read(queue, 1, 50);
  const codes = Array.from({ length: entries.count }, (_, index) => entries.tagsCode(index));
  assert.deepEqual(
    codes,
    Array.from({ length: 50 }, (_, index) => index + 1),
  );
  assert.equal((await fixture.read(queue, 60)).count, queue.next - 60);
});

test('reads of what is in memory do not wait', async () => {
  const fixture = await Fixture.open();
  const queue = fixture.queue();
  fixture.append(queue, 300);
  const limit = at(fixture.end);
  assert(!(fixture.queues.read(queue, queueOffset(0), 32, limit) instanceof Promise));
  await fixture.persist();
  fixture.queues.evict(0);
  assert(!isInMemory(queue, 0));
  assert.equal((await fixture.read(queue, 0)).count, 300);
  assert(isInMemory(queue, 299));
  assert(!isInMemory(queue, 300));
});

test('entries that were read stay as they were', async () => {
  const fixture = await Fixture.open();
  const queue = fixture.queue();
  fixture.append(queue, 3);
  const entries = await fixture.read(queue, 0);
  fixture.append(queue, 400);
  await fixture.persist();
  fixture.queues.evict(0);
  fixture.append(fixture.queue('U'), 400);
  assert.equal(entries.count, 3);
  assert.deepEqual(
    [0, 1, 2].map((index) => entries.position(index)),
    [1000, 1100, 1200],
  );
  assert.throws(() => entries.position(3));
  assert.throws(() => entries.position(-1));
});

test('blocks leave memory in the order of their use, and never before the database has them', async () => {
  const fixture = await Fixture.open();
  const queues = ['A', 'B', 'C'].map((topic) => fixture.queue(topic));
  for (const queue of queues) fixture.append(queue, 256);
  await fixture.persist();
  await fixture.read(fixture.queue('A'), 0);
  fixture.append(fixture.queue('B'), 1);
  const inMemory = (): boolean[] => queues.map((queue) => isInMemory(queue, 0));
  fixture.queues.evict(fixture.queues.memoryBytes - 1, at(fixture.end));
  assert.deepEqual(inMemory(), [true, false, true]);
  fixture.queues.evict(fixture.queues.memoryBytes - 1, at(fixture.end));
  assert.deepEqual(inMemory(), [true, false, false]);
  fixture.queues.evict(0, at(fixture.end));
  assert.deepEqual(inMemory(), [false, false, false]);
  assert(isInMemory(fixture.queue('B'), 256));
  await fixture.persist();
  fixture.append(fixture.queue('B'), 1); // Into the block that was persisted a moment ago.
  fixture.queues.evict(0, at(fixture.end));
  assert(isInMemory(fixture.queue('B'), 257));
  await fixture.persist();
  fixture.queues.evict(0);
  assert.equal(fixture.queues.memoryBytes, 0);
  assert.equal((await fixture.read(fixture.queue('B'), 0)).count, 258);
});

test('blocks above the commit point stay in memory, so that it can be found', async () => {
  const fixture = await Fixture.open();
  const queue = fixture.queue();
  fixture.append(queue, 600);
  await fixture.persist();
  fixture.queues.evict(0, at(1000 + 300 * size));
  assert.equal(queue.readable(at(1000 + 300 * size)), 300);
  assert.equal(queue.readable(at(1000 + 301 * size - 1)), 300);
  assert.equal(queue.readable(at(1000 + 600 * size)), 600);
});

test('after a restart, a commit point below what the database has is not guessed at', async () => {
  const fixture = await Fixture.open();
  fixture.append(fixture.queue(), 3);
  await fixture.persist();
  await fixture.reopen();
  assert.throws(
    () => fixture.queue().readable(at(1200)),
    (error) => isFailure(error, 'unavailable') && error.message.includes('T/0'),
  );
  assert.equal(fixture.queue().readable(at(1300)), 3);
  assert.equal((await fixture.read(fixture.queue(), 0, 32, 1299)).count, 2);
});

test('a block loaded while it grew is replaced by what was written', async () => {
  const fixture = await Fixture.open();
  const queue = fixture.queue();
  fixture.append(queue, 5);
  await fixture.persist();
  fixture.append(queue, 3);
  // A scan that saw the block with five entries comes back when memory has let go of the one with eight.
  const key = blockKey(queue, 0);
  const stale = await fixture.get(key);
  await fixture.persist();
  fixture.queues.evict(0);
  const fresh = await fixture.get(key);
  assert(stale !== undefined && fresh !== undefined);
  await fixture.write([{ type: 'put', key, value: stale }]);
  assert.equal((await fixture.read(queue, 2)).count, 3);
  await fixture.write([{ type: 'put', key, value: fresh }]);
  const rest = await fixture.read(queue, 5);
  assert.deepEqual([rest.count, rest.tagsCode(2)], [3, 7]);
  assert.equal((await fixture.read(queue, 0)).count, 8);
});

test('a read that waits ends empty when its entries go away meanwhile', async () => {
  for (const go of [
    (fixture: Fixture): void => fixture.queues.setMinimum(fixture.queue(), queueOffset(300)),
    (fixture: Fixture): void => fixture.queues.dropTopic('T', incarnation),
  ]) {
    const fixture = await Fixture.open();
    const queue = fixture.queue();
    fixture.append(queue, 600);
    await fixture.persist();
    fixture.queues.evict(0);
    const limit = at(fixture.end);
    const reading = fixture.queues.read(queue, queueOffset(10), 32, limit);
    const searching = fixture.queues.searchByTimestamp(queue, timestampMs(1), 'lower', limit);
    assert(reading instanceof Promise && searching instanceof Promise);
    go(fixture);
    assert.equal((await fixture.world.complete(reading)).count, 0);
    await fixture.world.complete(searching);
    assert.equal(queue.blockInMemory(10), undefined);
  }
});

test('times are searched as request 29 says, in memory and in the database', async () => {
  const cases = [
    ['lower', 9, 0],
    ['upper', 9, 0],
    ['lower', 10, 0],
    ['upper', 10, 299],
    ['lower', 15, 300],
    ['upper', 15, 299],
    ['lower', 20, 300],
    ['upper', 20, 599],
    ['lower', 30, 600],
    ['upper', 30, 600],
    ['lower', 31, 601],
    ['upper', 31, 600],
  ] as const;
  const fixture = await Fixture.open();
  const queue = fixture.queue();
  const check = async (): Promise<void> => {
    for (const [boundary, timestamp, expected] of cases) {
      const limit = at(fixture.end);
      const found = fixture.queues.searchByTimestamp(
        queue,
        timestampMs(timestamp),
        boundary,
        limit,
      );
      const offset = await fixture.world.complete(Promise.resolve(found));
      assert.equal(offset, expected, `${boundary} ${timestamp}`);
    }
  };
  for (const [count, time] of [
    [300, 10],
    [300, 20],
    [1, 30],
  ] as const) {
    fixture.append(queue, count, time);
  }
  await check();
  await fixture.persist();
  fixture.queues.evict(0);
  await check();
});

test('in a queue without entries every time is past', async () => {
  const fixture = await Fixture.open();
  const search = (boundary: 'lower' | 'upper'): unknown =>
    fixture.queues.searchByTimestamp(fixture.queue(), timestampMs(5), boundary, at(1000));
  assert.deepEqual([search('lower'), search('upper')], [0, 0]);
  fixture.raise(50);
  assert.deepEqual([search('lower'), search('upper')], [50, 49]);
});

test('a slow queue costs little to persist, however often', async () => {
  const fixture = await Fixture.open();
  let bytes = 0;
  for (let count = 0; count < 512; count++) {
    fixture.append(fixture.queue());
    for (const mutation of await fixture.persist()) {
      if (mutation.type === 'put' && mutation.key[0] === 3) bytes += mutation.value.length;
    }
  }
  assert(bytes / 512 < 500, `${bytes / 512} bytes per entry`);
});

test('a queue with one message costs little memory', async () => {
  const fixture = await Fixture.open();
  for (let topic = 0; topic < 1000; topic++) fixture.append(fixture.queue(`T${topic}`));
  assert(fixture.queues.memoryBytes <= 1000 * 300, `${fixture.queues.memoryBytes}`);
});

test('touched queues are told once', async () => {
  const fixture = await Fixture.open();
  fixture.append(fixture.queue('A'), 2);
  fixture.append(fixture.queue('B'));
  fixture.append(fixture.queue('C'));
  fixture.queues.dropTopic('C', incarnation);
  assert.deepEqual(
    fixture.queues.touched().map(({ topic }) => topic),
    ['A', 'B'],
  );
  assert.deepEqual(fixture.queues.touched(), []);
  fixture.append(fixture.queue('B'));
  assert.deepEqual(
    fixture.queues.touched().map(({ topic }) => topic),
    ['B'],
  );
});

test('next offsets are told as they were at a position', async () => {
  const fixture = await Fixture.open();
  fixture.append(fixture.queue('A'), 2);
  fixture.append(fixture.queue('B', 3), 2);
  fixture.queue('C');
  const told = fixture.queues
    .nextOffsetsAt(at(1300))
    .map(({ topic, queueId, next }) => [topic, queueId, next]);
  assert.deepEqual(told, [
    ['A', 0, 2],
    ['B', 3, 1],
  ]);
});
