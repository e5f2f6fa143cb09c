import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokerId, epoch, isFailure, type PhysicalOffset, physicalOffset } from '../base/index.ts';
import { cutLog } from './cut.ts';
import { type EpochEntry, encodeEpochRecordBody } from './epochs.ts';
import { placesIn } from './segment.ts';
import { epochTopicBytes, runToCrash, small, TestLog, type TestRecord } from './test-log.ts';

const incarnation = '0123456789abcdef';

const options = { places: placesIn('/store'), segmentBytes: small.segmentBytes };

/** A closed log of three segments and a half, with an epoch that begins in each, all of it synced. */
async function lived(
  seed: number | string = 1,
  clean = true,
): Promise<[TestLog, TestRecord[], readonly EpochEntry[]]> {
  const log = new TestLog(seed);
  await log.open();
  for (let number = 1; number <= 4; number++) {
    const body = encodeEpochRecordBody({
      epoch: epoch(number),
      broker: brokerId(0),
      incarnation,
      setEpoch: 0,
      members: [brokerId(0)],
    });
    const { position } = log.append(body, epochTopicBytes);
    log.log.noteEpoch({ epoch: epoch(number), incarnation, start: physicalOffset(position) });
    while (log.log.end < (number - 0.5) * small.segmentBytes) {
      log.append('x'.repeat((Number(log.log.end) * 7) % 300));
      log.log.write();
      await log.idle();
    }
    await log.complete(log.log.sync());
    await log.idle();
  }
  const records = await log.records();
  const { epochs } = log.log;
  await log.complete(log.log.close({ clean }));
  return [log, records, epochs];
}

const cut = (log: TestLog, position: number): Promise<void> =>
  cutLog(options, physicalOffset(position), log.node.disk);

/** What the log must hold when it was cut there: the records below, and the epochs. */
async function check(log: TestLog, expected: readonly TestRecord[], end: number): Promise<void> {
  const opened = await log.open();
  assert.equal(opened.end, end);
  assert.deepEqual(await log.records(), expected);
  assert(opened.epochs.every(({ start }) => start < end));
}

test('a log that is cut at a border of records ends there, and goes on', async () => {
  for (let index = 0; ; index += 5) {
    const [log, records, epochs] = await lived();
    const at = records[index];
    if (at === undefined) break;
    await log.complete(cut(log, at.position));
    const below = records.slice(0, index);
    // A blank record before a border of segments stays.
    await check(log, below, at.position);
    const next = log.append('another way');
    log.log.write();
    await log.complete(log.log.close({ clean: true }));
    await log.open();
    assert.deepEqual(await log.records(), [...below, next]);
    const begun = epochs.filter(({ start }) => start < at.position);
    assert.deepEqual(log.log.epochs, begun);
  }
});

test('within a record, below the begin or beyond the end nothing is cut', async () => {
  const [log, records] = await lived();
  const middle = records[Math.floor(records.length / 2)] as TestRecord;
  const last = records.at(-1) as TestRecord;
  for (const position of [middle.position + 1, middle.position + middle.size - 1]) {
    await assert.rejects(log.complete(cut(log, position)), (error) => isFailure(error, 'invalid'));
  }
  await assert.rejects(log.complete(cut(log, last.position + last.size + 100)), (error) =>
    isFailure(error),
  );
  await check(log, records, last.position + last.size);
});

test('damage below the cut is named, and nothing is changed', async () => {
  const [log, records] = await lived();
  const at = records.at(-2) as TestRecord;
  const damaged = records.at(-4) as TestRecord;
  const base = Math.floor(damaged.position / small.segmentBytes) * small.segmentBytes;
  log.node.drive.flipBit(log.file(base), damaged.position - base + 4);
  await assert.rejects(
    log.complete(cut(log, at.position)),
    (error) => isFailure(error, 'corrupt') && error.message.includes(log.file(base)),
  );
  await assert.rejects(log.open(), (error) => isFailure(error, 'corrupt'));
});

for (const powerLoss of [false, true]) {
  test(`after a ${powerLoss ? 'power loss' : 'crash'} at any operation of a cut there is all below it, and it can be made again`, async () => {
    for (const share of [0.1, 0.5, 0.95]) {
      for (let afterOperations = 1; ; afterOperations++) {
        const [log, records] = await lived(`${share} ${afterOperations}`, afterOperations % 3 > 0);
        const index = Math.floor(records.length * share);
        const { position } = records[index] as TestRecord;
        const when = afterOperations % 2 === 0 ? 'after' : 'before';
        log.node.crashAt({ afterOperations, when, powerLoss });
        const died = await runToCrash(log, () => cut(log, position));
        if (!died) break;
        log.crash(powerLoss);
        const opened = await log.open();
        assert(opened.end >= position, `ends at ${opened.end}, and was cut at ${position}`);
        const found = await log.records();
        assert.deepEqual(found, records.slice(0, found.length), 'nothing but what was there');
        await log.complete(opened.close({ clean: true }));
        await log.complete(cut(log, position));
        await check(log, records.slice(0, index), position);
      }
    }
  });
}

test('what lay above the cut does not come back when the log goes on and loses power', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const [log, records] = await lived(`again ${seed}`);
    const index = Math.floor((records.length * (seed + 1)) / 25);
    const { position } = records[index] as TestRecord;
    await log.complete(cut(log, position));
    await log.open();
    const expected: { position: PhysicalOffset | number; body: string }[] = [];
    for (let i = 0; i < seed % 4; i++) expected.push(log.append(`new ${i}`));
    log.log.write();
    if (seed % 2 === 0) await log.complete(log.log.sync());
    log.crash(true);
    await log.open();
    const found = (await log.records()).slice(index);
    assert.deepEqual(found, expected.slice(0, found.length));
    if (seed % 2 === 0) assert.equal(found.length, expected.length);
  }
});
