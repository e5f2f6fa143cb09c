import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { KeyValue, KeyValueStores, Mutation, Range } from '../../../../src/base/index.ts';
import { assertFails, bytes, plain, type Subject } from './subject.ts';

export interface KeyValueUnderTest {
  readonly stores: KeyValueStores;
  /** Does not exist yet, nor does its parent. */
  readonly folder: string;
  /** Damages what the closed database in `folder` stored. */
  damage(): Promise<void>;
}

export function keyValueContract({ name, run }: Subject<KeyValueUnderTest>): void {
  const check = (what: string, body: (subject: KeyValueUnderTest) => Promise<void>): void =>
    void test(`${name}: ${what}`, () => run(body));
  const checkOpen = (what: string, body: (database: KeyValue) => Promise<void>): void =>
    check(what, async ({ stores, folder }) => {
      await using database = await stores.open(folder);
      await body(database);
    });

  checkOpen('values are found by their keys, also empty ones', async (database) => {
    await database.write([put(bytes(), bytes(1)), put(bytes(5), bytes()), put(bytes(6), bytes(2))]);
    assert.deepEqual(plain(await database.get(bytes())), [1]);
    assert.deepEqual(plain(await database.get(bytes(5))), []);
    assert.equal(await database.get(bytes(7)), undefined);
    const values = await database.getMany([bytes(6), bytes(7), bytes(6), bytes()]);
    assert.deepEqual(values.map(plain), [[2], undefined, [2], [1]]);
    assert.deepEqual(await database.getMany([]), []);
  });

  checkOpen('the mutations of a batch apply in order', async (database) => {
    await database.write([
      put(bytes(1), bytes(1)),
      put(bytes(1), bytes(2)),
      put(bytes(2), bytes(1)),
      { type: 'delete', key: bytes(2) },
      put(bytes(3), bytes(1)),
      { type: 'deleteRange', from: bytes(3), to: bytes(4) },
      put(bytes(4), bytes(1)),
      { type: 'deleteRange', from: bytes(9), to: bytes(0) },
    ]);
    assert.deepEqual(await all(database, { from: bytes(), to: bytes(255) }), [
      [[1], [2]],
      [[4], [1]],
    ]);
    await database.write([]);
  });

  check('it reads as a plain map would after any batches', async ({ stores, folder }) => {
    let opened = 0;
    const key = fc.uint8Array({ maxLength: 2, max: 3 });
    const mutation: fc.Arbitrary<Mutation> = fc.oneof(
      fc.record({ type: fc.constant('put'), key, value: fc.uint8Array({ maxLength: 3 }) }),
      fc.record({ type: fc.constant('delete'), key }),
      fc.record({ type: fc.constant('deleteRange'), from: key, to: key }),
    );
    const range: fc.Arbitrary<Range> = fc.record(
      { from: key, to: key, reverse: fc.boolean(), limit: fc.nat(5) },
      { requiredKeys: ['from', 'to'] },
    );
    const batches = fc.array(fc.array(mutation, { maxLength: 12 }), { maxLength: 5 });
    const ranges = fc.array(range, { maxLength: 4 });
    const property = fc.asyncProperty(
      batches,
      ranges,
      fc.boolean(),
      async (batches, ranges, flush) => {
        await using database = await stores.open(`${folder}/${opened++}`);
        const expected = new Map<string, Mutation & { type: 'put' }>();
        for (const batch of batches) {
          await database.write(batch);
          for (const mutation of batch) applyTo(expected, mutation);
        }
        if (flush) await database.flush();
        for (const range of [{ from: bytes(), to: bytes(255) }, ...ranges]) {
          assert.deepEqual(await all(database, range), expectedIn(expected, range));
        }
      },
    );
    await fc.assert(property, { numRuns: 25 });
  });

  checkOpen('a scan brings many entries in order', async (database) => {
    const keys = Array.from({ length: 300 }, (_, index) => bytes(index >> 8, index & 255));
    await database.write(keys.map((key) => put(key, key)));
    const found = await all(database, { from: bytes(0, 10), to: bytes(1, 20) });
    assert.deepEqual(
      found.map(([key]) => key),
      keys.slice(10, 276).map(plain),
    );
    const limited = await all(database, { from: bytes(), to: bytes(9), reverse: true, limit: 130 });
    assert.deepEqual(
      limited.map(([key]) => key),
      keys.slice(-130).reverse().map(plain),
    );
  });

  checkOpen('a scan that is left early lets the database close', async (database) => {
    await database.write([put(bytes(1), bytes(1)), put(bytes(2), bytes(2))]);
    for await (const [key] of database.scan({ from: bytes(), to: bytes(9) })) {
      assert.deepEqual(plain(key), [1]);
      break;
    }
  });

  checkOpen('values stay as they are when the key gets another', async (database) => {
    await database.write([put(bytes(1), bytes(1, 1))]);
    const value = await database.get(bytes(1));
    await database.write([put(bytes(1), bytes(2, 2))]);
    await database.flush();
    assert.deepEqual(plain(value), [1, 1]);
  });

  checkOpen('writes that were not awaited apply in the order of the calls', async (database) => {
    const writes = Array.from({ length: 50 }, (_, index) =>
      database.write([put(bytes(1), bytes(index))]),
    );
    await Promise.all(writes);
    assert.deepEqual(plain(await database.get(bytes(1))), [49]);
  });

  check('what was written is there after closing and opening again', async ({ stores, folder }) => {
    for (let opened = 0; opened < 3; opened++) {
      await using database = await stores.open(folder, { writeBufferBytes: 1_000_000 });
      const found = await all(database, { from: bytes(), to: bytes(9) });
      assert.equal(found.length, opened);
      await database.write([put(bytes(opened), bytes(opened))]);
      await database.flush();
    }
  });

  check('a database is open once at a time', async ({ stores, folder }) => {
    const database = await stores.open(folder);
    await assertFails(stores.open(folder), 'unavailable', 'locked');
    await database.close();
    await (await stores.open(folder)).close();
  });

  check('closing lets calls finish and refuses others', async ({ stores, folder }) => {
    const database = await stores.open(folder);
    const range = { from: bytes(), to: bytes(9) };
    await database.write([put(bytes(1), bytes(1)), put(bytes(2), bytes(2))]);
    const scan = database.scan(range)[Symbol.asyncIterator]();
    await scan.next();
    const read = database.get(bytes(1));
    const write = database.write([put(bytes(3), bytes(3))]);
    const closing = database.close();
    assert.deepEqual(plain(await read), [1]);
    await write;
    await assertFails(scan.next(), 'closed');
    await closing;
    await database.close();
    await assertFails(database.get(bytes(1)), 'closed');
    await assertFails(database.getMany([]), 'closed');
    await assertFails(database.write([put(bytes(1), bytes(1))]), 'closed');
    await assertFails(database.write([]), 'closed');
    await assertFails(database.flush(), 'closed');
    await assertFails(database.scan(range)[Symbol.asyncIterator]().next(), 'closed');
    const again = await stores.open(folder);
    assert.deepEqual(plain(await again.get(bytes(3))), [3]);
    await again.close();
  });

  check('a damaged database does not open', async ({ stores, folder, damage }) => {
    const database = await stores.open(folder);
    await database.write([put(bytes(1), bytes(1))]);
    await database.flush();
    await database.close();
    await damage();
    await assertFails(stores.open(folder), 'corrupt');
    await assertFails(stores.open(folder), 'corrupt');
  });
}

const put = (key: Uint8Array, value: Uint8Array): Mutation & { type: 'put' } => ({
  type: 'put',
  key,
  value,
});

type PlainEntry = readonly [readonly number[] | undefined, readonly number[] | undefined];

async function all(database: KeyValue, range: Range): Promise<PlainEntry[]> {
  const entries: PlainEntry[] = [];
  for await (const [key, value] of database.scan(range)) entries.push([plain(key), plain(value)]);
  return entries;
}

function applyTo(entries: Map<string, Mutation & { type: 'put' }>, mutation: Mutation): void {
  switch (mutation.type) {
    case 'put':
      entries.set(String(mutation.key), mutation);
      break;
    case 'delete':
      entries.delete(String(mutation.key));
      break;
    case 'deleteRange':
      for (const [name, { key }] of entries) if (isIn(key, mutation)) entries.delete(name);
  }
}

function expectedIn(
  entries: ReadonlyMap<string, Mutation & { type: 'put' }>,
  range: Range,
): PlainEntry[] {
  const found = [...entries.values()]
    .filter(({ key }) => isIn(key, range))
    .sort((a, b) => Buffer.compare(a.key, b.key));
  if (range.reverse) found.reverse();
  return found.slice(0, range.limit).map(({ key, value }) => [plain(key), plain(value)]);
}

function isIn(key: Uint8Array, range: Pick<Range, 'from' | 'to'>): boolean {
  return Buffer.compare(range.from, key) <= 0 && Buffer.compare(key, range.to) < 0;
}
