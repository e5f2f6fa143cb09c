import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SimWorld } from '../../../test/sim/ports/index.ts';
import {
  isFailure,
  type KeyValue,
  type Mutation,
  physicalOffset,
  timestampMs,
} from '../../base/index.ts';
import { KeyIndex } from './index.ts';
import { afterBuckets, afterRuns, bucketKey, runKey } from './keys.ts';

const at = physicalOffset;
const segmentBytes = 1000;

interface LogEntry {
  readonly hash: number;
  readonly position: number;
  readonly time: number;
}

/** An index, the log that it follows (entries of records of 10 bytes), and what it must find. */
class Fixture {
  readonly world: SimWorld;
  database: KeyValue;
  index: KeyIndex;
  log: LogEntry[] = [];
  end = 0;
  begin = 0;
  /** Stands for the position in the batch of the queues. */
  persisted = 0;
  time = 1_000_000;
  #sealedTo = 0;

  static async open(seed = 1): Promise<Fixture> {
    const world = new SimWorld(seed);
    const database = await world.complete(world.node('one').keyValueStores.open('/queues'));
    return new Fixture(world, database, await KeyIndex.open(database));
  }

  private constructor(world: SimWorld, database: KeyValue, index: KeyIndex) {
    this.world = world;
    this.database = database;
    this.index = index;
  }

  /** A record with these keys. */
  append(...hashes: number[]): void {
    for (const hash of hashes) this.#add({ hash, position: this.end, time: this.time });
    this.end += 10;
  }

  #add(entry: LogEntry): void {
    this.log.push(entry);
    this.index.add(entry.hash, at(entry.position), timestampMs(entry.time));
  }

  async persist(synced = this.end): Promise<void> {
    const batch = this.index.takeBatch(at(synced));
    const position: Mutation = {
      type: 'put',
      key: Uint8Array.of(1),
      value: Uint8Array.from(Buffer.from(String(synced))),
    };
    await this.world.complete(this.database.write([...(batch?.batch ?? []), position]));
    batch?.done();
    this.persisted = synced;
  }

  /** Tells the index about segments that are full, as the log does when it rolls. */
  seal(): void {
    for (; this.#sealedTo + segmentBytes <= this.end; this.#sealedTo += segmentBytes) {
      this.index.sealSegment(at(this.#sealedTo), at(this.#sealedTo + segmentBytes));
    }
  }

  async maintain(): Promise<void> {
    await this.world.complete(this.index.maintain());
  }

  cut(to: number): void {
    this.end = to;
    this.log = this.log.filter(({ position }) => position < to);
    this.index.cut(at(to));
    this.#sealedTo = Math.min(this.#sealedTo, Math.floor(to / segmentBytes) * segmentBytes);
  }

  dropBelow(begin: number): void {
    this.begin = Math.max(begin, this.begin);
    this.index.dropBelow(at(begin));
  }

  crash(powerLoss: boolean): void {
    this.world.node('one').crash({ powerLoss });
  }

  async restart(): Promise<void> {
    const node = this.world.node('one');
    node.restart();
    this.database = await this.world.complete(node.keyValueStores.open('/queues'));
    this.index = await KeyIndex.open(this.database);
    const position = await this.world.complete(this.database.get(Uint8Array.of(1)));
    this.persisted = position === undefined ? 0 : Number(Buffer.from(position).toString());
    const from = Math.max(this.persisted, this.begin);
    this.index.dropBelow(at(this.begin));
    for (const { hash, position, time } of this.log) {
      if (position >= from) this.index.add(hash, at(position), timestampMs(time));
    }
    this.#sealedTo = Math.ceil(this.begin / segmentBytes) * segmentBytes;
    this.seal();
  }

  async query(
    hash: number,
    begin = 0,
    end = 2 ** 52,
    max = 1000,
    limit = this.end,
  ): Promise<number[]> {
    return await this.world.complete(this.index.query(hash, { begin, end }, max, at(limit)));
  }

  expected(hash: number, begin = 0, end = 2 ** 52, max = 1000, limit = this.end): number[] {
    const found = this.log.filter(
      (entry) =>
        entry.hash === hash &&
        entry.time >= begin &&
        entry.time <= end &&
        entry.position < limit &&
        entry.position >= this.begin,
    );
    const positions = [...new Set(found.map(({ position }) => position))];
    return positions.sort((one, other) => other - one).slice(0, max);
  }

  async count(from: Uint8Array, to: Uint8Array): Promise<number> {
    const scan = async (): Promise<number> => {
      let count = 0;
      for await (const _ of this.database.scan({ from, to })) count++;
      return count;
    };
    return await this.world.complete(scan());
  }

  async counts(): Promise<{ runs: number; buckets: number }> {
    return {
      runs: await this.count(runKey(0), afterRuns),
      buckets: await this.count(bucketKey(0, 0), afterBuckets),
    };
  }
}

/** Spread over all 32 bits, the outermost ones too. */
const hashes = [0, 1, 77, 2 ** 20, 2 ** 31 - 1, 2 ** 31, 3_000_000_000, 2 ** 32 - 1];
const hash = fc.constantFrom(...hashes);

type Step =
  | { type: 'append'; hashes: readonly number[]; count: number; later: number }
  | { type: 'persist'; share: number }
  | { type: 'seal' | 'maintain' }
  | { type: 'cut'; share: number }
  | { type: 'drop'; share: number }
  | { type: 'crash'; powerLoss: boolean; during: number | undefined }
  | { type: 'query'; hash: number; share: number; span: number; max: number };

const share = fc.double({ min: 0, max: 1, noNaN: true });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('append'),
      hashes: fc.array(hash, { minLength: 1, maxLength: 4 }),
      count: fc.integer({ min: 1, max: 60 }),
      later: fc.nat(50),
    }),
  },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('persist'), share }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('seal') }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('maintain') }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('cut'), share }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('drop'), share }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('crash'),
      powerLoss: fc.boolean(),
      during: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('query'),
      hash,
      share,
      span: fc.nat(200),
      max: fc.integer({ min: 1, max: 20 }),
    }),
  },
);

const border = (position: number): number => Math.floor(position / 10) * 10;

async function run(fixture: Fixture, next: Step): Promise<void> {
  switch (next.type) {
    case 'append':
      fixture.time += next.later;
      for (let count = 0; count < next.count; count++) fixture.append(...next.hashes);
      return;
    case 'persist': {
      const span = fixture.end - fixture.persisted;
      await fixture.persist(fixture.persisted + border(span * Math.min(1, next.share * 1.5)));
      return;
    }
    case 'seal':
      fixture.seal();
      return;
    case 'maintain':
      await fixture.maintain();
      return;
    case 'cut':
      fixture.cut(fixture.end - border((fixture.end - fixture.persisted) * next.share));
      return;
    case 'drop': {
      const begin = Math.floor((fixture.persisted * next.share) / segmentBytes) * segmentBytes;
      await fixture.world.complete(fixture.database.flush());
      fixture.seal();
      fixture.dropBelow(begin);
      return;
    }
    case 'crash': {
      const { powerLoss, during } = next;
      if (during === undefined) {
        fixture.crash(powerLoss);
      } else {
        fixture.world.node('one').crashAt({ afterOperations: during, when: 'after', powerLoss });
        const settled = fixture.index.maintain().catch(() => {});
        await fixture.world.run({ until: () => !fixture.world.node('one').alive });
        fixture.crash(powerLoss);
        void settled;
      }
      await fixture.restart();
      return;
    }
    case 'query': {
      const begin = 1_000_000 + (fixture.time - 1_000_000) * next.share;
      const args = [Math.floor(begin), Math.floor(begin) + next.span, next.max] as const;
      const limit = border(fixture.end * next.share * 2);
      const found = await fixture.query(next.hash, ...args, limit);
      assert.deepEqual(found, fixture.expected(next.hash, ...args, limit));
    }
  }
}

test('queries find what the log has, whatever was written, merged, lost, cut or dropped', async () => {
  const property = fc.asyncProperty(
    fc.nat(),
    fc.array(step, { size: 'max', minLength: 15, maxLength: 60 }),
    async (seed, steps) => {
      const fixture = await Fixture.open(seed);
      for (const next of steps) await run(fixture, next);
      const check = async (): Promise<void> => {
        for (const each of hashes) {
          assert.deepEqual(await fixture.query(each), fixture.expected(each));
        }
      };
      await check();
      await fixture.persist();
      fixture.seal();
      await fixture.maintain();
      await check();
      // A run that begins in a dropped segment and ends in a later one stays a run.
      const sealedTo = Math.floor(fixture.end / segmentBytes) * segmentBytes;
      const left = await fixture.count(runKey(fixture.begin), runKey(sealedTo));
      assert.equal(left, 0, 'all that is sealed is merged');
    },
  );
  await fc.assert(property, { numRuns: 80 });
});

test('a merge is replaced as a whole: a crash at any of its writes loses nothing', async () => {
  for (const powerLoss of [false, true]) {
    for (let operation = 1; ; operation++) {
      const fixture = await Fixture.open(operation);
      // Enough for many buckets and several writes.
      const count = 10_000;
      for (let number = 0; number < count; number++) {
        fixture.append(Math.imul(number, 0x9e3779b1) >>> 0);
        if (number % 5000 === 4999) await fixture.persist();
      }
      fixture.index.sealSegment(at(0), at(fixture.end));
      await fixture.world.complete(fixture.database.flush());
      const node = fixture.world.node('one');
      node.crashAt({ afterOperations: operation, when: 'after', powerLoss });
      let done = false;
      fixture.index.maintain().then(
        () => {
          done = true;
        },
        () => {},
      );
      await fixture.world.run({ until: () => done || !node.alive });
      if (done) {
        assert(operation > 3, 'it takes several writes');
        assert.equal((await fixture.counts()).runs, 0);
        break;
      }
      fixture.crash(powerLoss);
      await fixture.restart();
      for (let number = 0; number < count; number += 997) {
        const each = Math.imul(number, 0x9e3779b1) >>> 0;
        assert.deepEqual(await fixture.query(each), [number * 10]);
      }
      fixture.index.sealSegment(at(0), at(fixture.end));
      await fixture.persist();
      await fixture.maintain();
      const counts = await fixture.counts();
      assert.equal(counts.runs, 0);
      assert(counts.buckets > 16);
      assert.deepEqual(await fixture.query(Math.imul(7, 0x9e3779b1) >>> 0), [70]);
    }
  }
});

test('queries that run while a segment is merged miss nothing', async () => {
  const fixture = await Fixture.open();
  for (let number = 0; number < 20_000; number++) {
    fixture.append(Math.imul(number, 0x9e3779b1) >>> 0);
    if (number % 5000 === 4999) await fixture.persist();
  }
  fixture.index.sealSegment(at(0), at(fixture.end));
  let done = false;
  const merging = fixture.index.maintain().finally(() => {
    done = true;
  });
  let queries = 0;
  const asking = (async (): Promise<void> => {
    for (let number = 0; !done; number = (number + 4999) % 20_000) {
      const each = Math.imul(number, 0x9e3779b1) >>> 0;
      const times = { begin: 0, end: 2 ** 52 };
      assert.deepEqual(await fixture.index.query(each, times, 5, at(fixture.end)), [number * 10]);
      queries++;
    }
  })();
  await fixture.world.complete(Promise.all([merging, asking]));
  assert(queries > 3, `${queries}`);
});

test('a run ends where its segment does, or is split there when it was sealed late', async () => {
  for (const sealsLate of [false, true]) {
    const fixture = await Fixture.open();
    for (let number = 0; number < 80; number++) fixture.append(5);
    await fixture.persist();
    for (let number = 0; number < 70; number++) fixture.append(5);
    if (!sealsLate) fixture.seal();
    await fixture.persist();
    fixture.seal();
    await fixture.maintain();
    assert.deepEqual(await fixture.counts(), { runs: 1, buckets: 1 });
    fixture.append(5);
    await fixture.persist();
    await fixture.maintain();
    assert.deepEqual(await fixture.query(5), fixture.expected(5));
    fixture.dropBelow(segmentBytes);
    await fixture.maintain();
    assert.deepEqual(await fixture.query(5), fixture.expected(5));
    assert.equal(fixture.expected(5).length, 51);
    assert.equal((await fixture.counts()).buckets, 0);
  }
});

test('a run that reaches above what is dropped stays', async () => {
  const fixture = await Fixture.open();
  for (let number = 0; number < 150; number++) fixture.append(5);
  await fixture.persist();
  fixture.seal();
  fixture.dropBelow(segmentBytes);
  await fixture.maintain();
  assert.deepEqual(await fixture.query(5), fixture.expected(5));
  assert.equal(fixture.expected(5).length, 50);
  for (let number = 0; number < 100; number++) fixture.append(5);
  await fixture.persist();
  fixture.dropBelow(2 * segmentBytes);
  await fixture.maintain();
  assert.deepEqual(await fixture.counts(), { runs: 1, buckets: 0 });
  assert.deepEqual(await fixture.query(5), fixture.expected(5));
});

test('a seal that is cut away may come again at another place', async () => {
  const fixture = await Fixture.open();
  for (let number = 0; number < 100; number++) fixture.append(5);
  fixture.index.sealSegment(at(0), at(1000));
  fixture.cut(900);
  fixture.index.sealSegment(at(0), at(900));
  for (let number = 0; number < 30; number++) fixture.append(5);
  await fixture.persist();
  await fixture.maintain();
  assert.deepEqual(await fixture.counts(), { runs: 1, buckets: 1 });
  assert.equal(await fixture.count(runKey(900), runKey(901)), 1);
  assert.deepEqual(await fixture.query(5), fixture.expected(5));
});

test('a segment is not merged before all of it is persisted', async () => {
  const fixture = await Fixture.open();
  for (let number = 0; number < 150; number++) fixture.append(number % 3);
  fixture.seal();
  await fixture.persist(990);
  await fixture.maintain();
  assert.deepEqual(await fixture.counts(), { runs: 1, buckets: 0 });
  await fixture.persist(1000);
  await fixture.maintain();
  assert.deepEqual(await fixture.counts(), { runs: 0, buckets: 1 });
  assert.deepEqual(await fixture.query(2), fixture.expected(2));
});

test('many small batches share a run, and one large batch is several', async () => {
  const fixture = await Fixture.open();
  for (let batch = 0; batch < 50; batch++) {
    fixture.append(batch);
    await fixture.persist();
  }
  assert.deepEqual(await fixture.counts(), { runs: 1, buckets: 0 });
  for (let number = 0; number < 70_000; number++) fixture.append(number);
  await fixture.persist();
  assert.deepEqual(await fixture.counts(), { runs: 3, buckets: 0 });
  for (const each of [0, 49, 50, 32_700, 32_768, 69_999]) {
    assert.deepEqual(await fixture.query(each), fixture.expected(each));
  }
});

test('the keys of one record are never in two runs', async () => {
  const fixture = await Fixture.open();
  for (let number = 0; number < 3; number++) fixture.append(...new Array(20_000).fill(number));
  fixture.append(...new Array(40_000).fill(9));
  fixture.append(3);
  await fixture.persist();
  assert.deepEqual(await fixture.counts(), { runs: 5, buckets: 0 });
  for (const each of [0, 1, 2, 3, 9]) {
    assert.deepEqual(await fixture.query(each), fixture.expected(each));
  }
});

test('a time far after the first of a run is found, at any query that may mean it', async () => {
  const fixture = await Fixture.open();
  fixture.append(5);
  fixture.time += 2 ** 32 + 1000;
  fixture.append(5);
  await fixture.persist();
  fixture.append(6);
  await fixture.persist();
  await fixture.world.node('one').crash({ powerLoss: false });
  await fixture.restart();
  assert.deepEqual(await fixture.query(5, fixture.time, fixture.time), [10]);
  assert.deepEqual(await fixture.query(5, 1_000_000, 1_000_000), [0]);
});

test('damage names the run or the bucket', async () => {
  const fixture = await Fixture.open();
  for (let number = 0; number < 150; number++) fixture.append(5);
  fixture.seal();
  await fixture.persist();
  await fixture.maintain();
  for (const [key, name] of [
    [runKey(1000), /index run 1000/],
    [bucketKey(0, 0), /bucket 0 of the index of segment 0/],
  ] as const) {
    const value = await fixture.world.complete(fixture.database.get(key));
    assert(value !== undefined);
    for (const bad of [
      value.slice(0, 40),
      value.slice(0, -16),
      value.map((byte, index) => byte ^ (index === 60 ? 1 : 0)),
    ]) {
      const put: Mutation = { type: 'put', key, value: bad };
      await fixture.world.complete(fixture.database.write([put]));
      await assert.rejects(
        fixture.query(5),
        (error) => isFailure(error, 'corrupt') && name.test(error.message),
      );
    }
    await fixture.world.complete(fixture.database.write([{ type: 'delete', key }]));
    await assert.rejects(
      fixture.query(5),
      (error) => isFailure(error, 'corrupt') && name.test(error.message),
    );
    await fixture.world.complete(fixture.database.write([{ type: 'put', key, value }]));
  }
  assert.equal((await fixture.query(5)).length, 150);
});

test('damage found while runs are read after a start does not hide later ones', async () => {
  const fixture = await Fixture.open();
  for (let number = 0; number < 10; number++) fixture.append(5);
  await fixture.persist();
  const value = await fixture.world.complete(fixture.database.get(runKey(0)));
  assert(value !== undefined);
  const put = (bytes: Uint8Array): Promise<void> =>
    fixture.world.complete(fixture.database.write([{ type: 'put', key: runKey(0), value: bytes }]));
  await put(value.slice(1));
  fixture.crash(false);
  await fixture.restart();
  await assert.rejects(fixture.query(5), /index run 0/);
  await put(value);
  assert.equal((await fixture.query(5)).length, 10);
});

test('entries come in order, and what is persisted is not cut', async () => {
  const fixture = await Fixture.open();
  fixture.append(1);
  fixture.append(2);
  assert.throws(() => fixture.index.add(3, at(5), timestampMs(1)), /order of the log/);
  const batch = fixture.index.takeBatch(at(10));
  assert.throws(() => fixture.index.takeBatch(at(10)), /one batch/);
  assert.throws(() => fixture.index.cut(at(0)), /cut at 0/);
  batch?.failed();
  fixture.index.cut(at(0));
  assert.equal(fixture.index.takeBatch(at(20)), undefined);
  assert.throws(() => fixture.index.add(3, at(15), timestampMs(1)), /order of the log/);
});
