import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFailure, physicalOffset } from '../../base/index.ts';
import { createOrUpdateTopic, deleteTopic, MetadataTables } from './index.ts';
import { dump, MemoryKeyValue, persist, settings, TestLog, topicConfig } from './test-tables.ts';

async function storedTables(topics = 3): Promise<{ log: TestLog; keyValue: MemoryKeyValue }> {
  const log = new TestLog();
  for (let i = 0; i < topics; i++) create(log, `t${i}`);
  log.applyAll();
  const keyValue = new MemoryKeyValue();
  await persist(log.tables, keyValue);
  return { log, keyValue };
}

function create(log: TestLog, name: string): void {
  log.run(createOrUpdateTopic(log.tables.appended, topicConfig(name), settings));
}

test('an empty database holds no tables', async () => {
  assert.equal(await MetadataTables.load(new MemoryKeyValue()), undefined);
});

test('only applied rows are written, with a header, and once', async () => {
  const log = new TestLog();
  create(log, 'a');
  const keyValue = new MemoryKeyValue();
  await persist(log.tables, keyValue);
  assert.deepEqual([...keyValue.rows.keys()], ['\x00\x01']);
  log.applyAll();
  const batch = log.tables.takeBatch();
  assert.deepEqual(
    batch?.batch.map(({ type, ...mutation }) => [
      type,
      'key' in mutation ? Buffer.from(mutation.key).toString('latin1') : '',
    ]),
    [
      ['put', '\x01a'],
      ['put', '\x00\x01'],
    ],
  );
  assert.equal(batch?.position, log.end);
  assert.equal(log.tables.takeBatch(), undefined, 'one batch in flight');
  batch?.done();
  assert.equal(log.tables.persistedPosition, log.end);
  assert.equal(log.tables.takeBatch(), undefined, 'nothing changed since');
  log.tables.apply(physicalOffset(log.end + 1000));
  assert.equal(log.tables.takeBatch()?.batch.length, 1, 'the position alone moved');
});

test('rows of a failed batch come with the next one, as they are then', async () => {
  const log = new TestLog();
  create(log, 'a');
  create(log, 'b');
  log.applyAll();
  const batch = log.tables.takeBatch();
  log.run(deleteTopic(log.tables.appended, 'a', settings));
  create(log, 'c');
  log.applyAll();
  batch?.failed();
  assert.equal(log.tables.persistedPosition, 0);
  const keyValue = new MemoryKeyValue();
  await persist(log.tables, keyValue);
  assert.deepEqual([...keyValue.rows.keys()].sort(), ['\x00\x01', '\x01b', '\x01c']);
});

test('a row that is deleted leaves the database', async () => {
  const { log, keyValue } = await storedTables();
  log.run(deleteTopic(log.tables.appended, 't1', settings));
  log.applyAll();
  await persist(log.tables, keyValue);
  const loaded = await MetadataTables.load(keyValue);
  assert.ok(loaded !== undefined);
  assert.deepEqual(dump(loaded, 'applied'), dump(log.tables, 'applied'));
  assert.equal(loaded.applied.topicRow('t1'), undefined);
});

/** Ways in which a database can lie, each found when it is loaded and by a scrub. */
const damages: Readonly<Record<string, (rows: Map<string, Uint8Array>) => void>> = {
  'a missing row': (rows) => rows.delete('\x01t1'),
  'a row too many': (rows) => rows.set('\x01t9', rows.get('\x01t1') as Uint8Array),
  'a changed value': (rows) => {
    const row = rows.get('\x01t1') as Uint8Array;
    row[row.length - 2] = (row[row.length - 2] as number) ^ 1;
  },
  'a short row': (rows) => rows.set('\x01t1', new Uint8Array(3)),
  'an unknown table': (rows) => rows.set('\x63t1', new Uint8Array(30)),
  'no header': (rows) => rows.delete('\x00\x01'),
  'half a header': (rows) =>
    rows.set('\x00\x01', (rows.get('\x00\x01') as Uint8Array).slice(0, 40)),
  'an older header': (rows) => {
    const header = rows.get('\x00\x01') as Uint8Array;
    header[header.length - 1] = 0xff;
    // The digest of the first table begins after the fixed part, number, counter, timestamp and state version.
    header[22 + 21] = (header[22 + 21] as number) ^ 1;
  },
};

for (const [name, damage] of Object.entries(damages)) {
  test(`${name} is found at start and by a scrub`, async () => {
    const { log, keyValue } = await storedTables();
    damage(keyValue.rows);
    await assert.rejects(MetadataTables.load(keyValue), (error) => isFailure(error, 'corrupt'));
    const report = await log.tables.scrub(keyValue);
    assert.notDeepEqual(report.problems, []);
  });
}

test('a scrub of a good database finds nothing, in slices too', async () => {
  const { log, keyValue } = await storedTables(2500);
  const report = await log.tables.scrub(keyValue);
  assert.deepEqual(report.problems, []);
  assert.equal(report.rows, 2500);
  assert.equal(report.position, log.end);
  for (const { expected, found } of report.perTable.values()) assert.equal(found, expected);
});

test('a scrub of an empty database before the first batch finds nothing', async () => {
  const report = await new MetadataTables().scrub(new MemoryKeyValue());
  assert.deepEqual(report.problems, []);
});

for (const [stage, says] of [
  ['pending', 'the total of what is appended'],
  ['applied', 'the total of what is applied'],
  ['persisted', 'what was written'],
  ['of a failed batch', 'the total of what is applied'],
] as const) {
  test(`a total that is not that of its rows is found by a scrub, ${stage}`, async () => {
    const { log, keyValue } = await storedTables();
    const config = topicConfig('t1', { readQueueNums: 5 });
    const decision = createOrUpdateTopic(log.tables.appended, config, settings);
    assert('entries' in decision);
    const entries = [...decision.entries];
    log.tables.digestAfter(entries);
    // It is added up already, and another value comes.
    const [entry] = entries;
    assert(entry?.value !== undefined);
    const value = Buffer.from(entry.value).map((byte) => (byte === 0x35 ? 0x36 : byte));
    entries[0] = { ...entry, value };
    log.append(entries, 'impliedDefinition');
    if (stage !== 'pending') log.applyAll();
    if (stage === 'persisted') await persist(log.tables, keyValue);
    if (stage === 'of a failed batch') log.tables.takeBatch()?.failed();
    const [problem] = (await log.tables.scrub(keyValue)).problems;
    assert.match(
      problem ?? '',
      new RegExp(`table topic has the digest [0-9a-f]{32}, and ${says} says`),
    );
  });
}

test('totals are those of rows that change all the time, whatever became of batches', async () => {
  const { log, keyValue } = await storedTables();
  for (let round = 0; round < 6; round++) {
    create(log, `t${round}`);
    if (round % 2 === 0) log.run(deleteTopic(log.tables.appended, `t${round}`, settings));
    log.applyAll();
    const batch = log.tables.takeBatch();
    assert(batch !== undefined);
    create(log, `t${round}`);
    if (round % 3 === 0) log.applyAll();
    if (round % 2 === 0) await keyValue.write(batch.batch);
    if (round % 2 === 0) batch.done();
    else batch.failed();
    create(log, 'pending');
    assert.deepEqual((await log.tables.scrub(keyValue)).problems, []);
  }
});

test('a scrub waits for the batch in flight, and no batch is given out meanwhile', async () => {
  const { log, keyValue } = await storedTables();
  create(log, 'new');
  log.applyAll();
  const batch = log.tables.takeBatch();
  assert.ok(batch !== undefined);
  const scrub = log.tables.scrub(keyValue);
  create(log, 'newer');
  log.applyAll();
  await keyValue.write(batch.batch);
  batch.done();
  assert.equal(log.tables.takeBatch(), undefined);
  assert.deepEqual((await scrub).problems, []);
  await persist(log.tables, keyValue);
  assert.deepEqual((await log.tables.scrub(keyValue)).problems, []);
  assert.notEqual(keyValue.rows.get('\x01newer'), undefined);
});
