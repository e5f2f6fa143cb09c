import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { brokerId, epoch, physicalOffset } from '../base/index.ts';
import { replaceChecksummed } from './atomic-replace.ts';
import { CommitLog } from './commit-log.ts';
import { encodeEpochRecordBody } from './epochs.ts';
import {
  epochTopicBytes,
  isFailureOf,
  recordsOf,
  small,
  TestLog,
  type TestRecord,
} from './test-log.ts';

const incarnation = '00112233445566ff';

const epochBody = encodeEpochRecordBody({
  epoch: epoch(3),
  broker: brokerId(0),
  incarnation,
  setEpoch: 1,
  members: [brokerId(0)],
});

/** A log of a few segments whose mark is at its end, stopped; with an epoch record in its first segment. */
async function stoppedLog(
  options: { segments?: number; clean?: boolean; checkedBytes?: number } = {},
): Promise<{ it: TestLog; records: TestRecord[]; end: number }> {
  const { checkedBytes } = options;
  const it = new TestLog(1, checkedBytes === undefined ? {} : { checkedBytes });
  const log = await it.open();
  await it.idle();
  const records = [it.append(epochBody, epochTopicBytes)];
  log.noteEpoch({ epoch: epoch(3), incarnation, start: physicalOffset(0) });
  const until = ((options.segments ?? 3) - 1) * small.segmentBytes + 2000;
  while (log.end < until) {
    records.push(it.append('x'.repeat(300)));
    log.write();
    await it.idle();
  }
  await it.complete(log.sync());
  await it.idle();
  const { end } = log;
  if (options.clean === false) it.crash(false);
  else await it.complete(log.close({ clean: true }));
  return { it, records, end };
}

/** All that is on the drive, to see that nothing changed. */
async function contents(it: TestLog): Promise<Map<string, string>> {
  const { disk } = it.node;
  const files = new Map<string, string>();
  for (const folder of ['/store', '/store/commitlog', '/store/checksums']) {
    for (const { name, isFolder, size } of await it.complete(disk.list(folder))) {
      if (isFolder) continue;
      const file = await it.complete(disk.open(`${folder}/${name}`, 'read'));
      const bytes = Buffer.alloc(size);
      await it.complete(file.read(bytes, 0));
      await it.complete(file.close());
      files.set(`${folder}/${name}`, bytes.toString('base64'));
    }
  }
  return files;
}

async function opensAsDamaged(it: TestLog, message: RegExp): Promise<void> {
  const before = await contents(it);
  await assert.rejects(it.open(), isFailureOf('corrupt', undefined, message));
  assert.deepEqual(await contents(it), before, 'nothing was changed');
}

async function writeInto(it: TestLog, path: string, bytes: Uint8Array, at: number): Promise<void> {
  const file = await it.complete(it.node.disk.open(path, 'write'));
  await it.complete(file.write(bytes, at));
  await it.complete(file.close());
}

test('a bit that flips below the mark is found, with file and position', async () => {
  const { it, end } = await stoppedLog();
  const base = 2 * small.segmentBytes;
  await fc.assert(
    fc.asyncProperty(fc.nat(end - base - 1), fc.nat(7), async (at, bit) => {
      const path = it.file(base);
      it.node.drive.flipBit(path, at, bit);
      let named = -1;
      await assert.rejects(it.open(), (error) => {
        assert(isFailureOf('corrupt')(error));
        const found = /(\S+) is damaged at position (\d+)/.exec(String(error));
        assert(found, String(error));
        assert.equal(found[1], path);
        named = Number(found[2]);
        return true;
      });
      // The block or the record that holds the bit, or the first one that it makes unreadable.
      assert(Math.abs(named - (base + at)) < small.maxRecordBytes, `${named} for ${base + at}`);
      it.node.drive.flipBit(path, at, bit);
    }),
    { numRuns: 60 },
  );
  await it.open();
});

test('a bit that flips in an older segment is found when that is verified', async () => {
  const { it } = await stoppedLog();
  const log = await it.open();
  const base = physicalOffset(small.segmentBytes);
  assert.deepEqual(await it.complete(log.verifySegment(base)), {
    verifiedBytes: small.segmentBytes,
  });
  await fc.assert(
    fc.asyncProperty(fc.nat(small.segmentBytes - 1), fc.nat(7), async (at, bit) => {
      it.node.drive.flipBit(it.file(base), at, bit);
      const block = base + Math.floor(at / small.blockBytes) * small.blockBytes;
      await assert.rejects(
        it.complete(log.verifySegment(base)),
        isFailureOf('corrupt', undefined, new RegExp(`4096 is damaged at position ${block}:`)),
      );
      it.node.drive.flipBit(it.file(base), at, bit);
    }),
    { numRuns: 40 },
  );
  await assert.rejects(
    it.complete(log.verifySegment(physicalOffset(2 * small.segmentBytes))),
    isFailureOf('unavailable'),
  );
});

/** In the same run of the operating system, with a bit of the mark's segment left to be checked later. */
async function opensTrusting(it: TestLog): Promise<CommitLog> {
  const log = await it.open(undefined, true);
  assert(log.recovery.verifiedBytes < 1500, `${log.recovery.verifiedBytes}`);
  return log;
}

test('a log that the operating system still holds opens as any other does, however it ended', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(900), { minLength: 1, maxLength: 60 }),
      fc.nat(59),
      fc.nat(59),
      async (sizes, epochAt, idleAt) => {
        const it = new TestLog(1, { checkedBytes: 600 });
        const log = await it.open();
        const records: TestRecord[] = [];
        for (const [index, size] of sizes.entries()) {
          if (index === epochAt) {
            records.push(it.append(epochBody, epochTopicBytes));
            log.noteEpoch({ epoch: epoch(3), incarnation, start: physicalOffset(log.position) });
          }
          records.push(await it.appendSoon('x'.repeat(size)));
          log.write();
          if (index % 3 === 0) await it.complete(log.sync());
          if (index === idleAt) await it.idle(); // The mark is written.
        }
        const { end, epochs, lastStoreTimestamp } = log;
        it.crash(false);
        for (const trusts of [true, false]) {
          const again = await it.open(undefined, trusts);
          assert.deepEqual(await it.records(), records);
          assert.deepEqual(
            [again.end, again.epochs, again.lastStoreTimestamp],
            [end, epochs, lastStoreTimestamp],
          );
          it.crash(false);
        }
        // Checksums go on where they were.
        const last = await it.open(undefined, true);
        await it.idle();
        while (last.segments().length < 2) {
          it.append('y'.repeat(700));
          last.write();
          await it.idle();
        }
        await it.complete(last.sync());
        await it.idle();
        for (const { base, sealed } of last.segments()) {
          if (sealed) await it.complete(last.verifySegment(base));
        }
        await it.complete(last.verifyUnchecked());
      },
    ),
    { numRuns: 60 },
  );
});

test('a bit that flips in what the operating system holds is found at once or by the first check', async () => {
  const { it, end, records } = await stoppedLog({ checkedBytes: 800 });
  const base = 2 * small.segmentBytes;
  const path = it.file(base);
  const found = { start: 0, later: 0 };
  for (let at = 0; at < end - base; at += 7) {
    it.node.drive.flipBit(path, at, at % 8);
    const named = new RegExp(`${path} is damaged at position (\\d+)`);
    let log: CommitLog | undefined;
    try {
      log = await opensTrusting(it);
    } catch (error) {
      isFailureOf('corrupt', undefined, named)(error);
      found.start++;
    }
    if (log !== undefined) {
      assert(at < end - base - 800, 'the newest bytes are read at the start');
      await assert.rejects(
        it.complete(log.verifyUnchecked()),
        isFailureOf('corrupt', undefined, named),
      );
      found.later++;
      await it.complete(log.close({ clean: false }));
    }
    it.node.drive.flipBit(path, at, at % 8);
  }
  assert(found.start > 0 && found.later > 0, JSON.stringify(found));
  const log = await opensTrusting(it);
  await it.complete(log.verifyUnchecked());
  assert.deepEqual(await it.records(), records);
});

test('without its checksums or epochs a log that the operating system holds is read as a whole', async () => {
  for (const lost of ['/store/checksums', '/store/epochs']) {
    const { it, records } = await stoppedLog({ checkedBytes: 0 });
    await it.complete(it.node.disk.remove(lost));
    const log = await it.open(undefined, true);
    assert.deepEqual(await it.records(), records);
    assert.deepEqual(
      log.epochs.map(({ epoch }) => epoch),
      [3],
    );
  }
});

test('a bit that flips in what is kept beside the log never loses a record', async () => {
  const { it, records } = await stoppedLog();
  const before = await contents(it);
  const paths = [...before.keys()].filter((path) => !path.includes('commitlog'));
  assert.equal(paths.length, 5, 'mark, epochs, three sidecars');
  const restore = async (): Promise<void> => {
    for (const [path, content] of before) {
      await writeInto(it, path, Buffer.from(content, 'base64'), 0);
    }
  };
  for (const path of paths) {
    const size = Buffer.from(before.get(path) ?? '', 'base64').length;
    for (let at = 0; at < size; at += 3) {
      it.node.drive.flipBit(path, at, at % 8);
      let damaged = false;
      await it.open().catch((error: unknown) => {
        damaged = isFailureOf('corrupt')(error);
      });
      if (!damaged) {
        assert.deepEqual(await it.records(), records);
        assert.equal(it.log.epochs[0]?.epoch, 3);
        await it.complete(it.log.close({ clean: false }));
      }
      await restore();
    }
  }
});

test('a missing segment is named', async () => {
  for (const index of [1, 2]) {
    const { it } = await stoppedLog();
    const path = it.file(index * small.segmentBytes);
    await it.complete(it.node.disk.remove(it.file(3 * small.segmentBytes))); // The spare.
    await it.complete(it.node.disk.remove(path));
    await opensAsDamaged(it, new RegExp(`${path} is missing`));
  }
  const { it } = await stoppedLog();
  await it.complete(it.node.disk.remove('/store/commitlog'));
  await assert.rejects(it.open(), isFailureOf('corrupt', undefined, /commitlog.* is missing/));
});

test('a segment that lost its end below the mark is damaged, above it is not', async () => {
  for (const [base, size] of [
    [0, small.segmentBytes - 1],
    [2 * small.segmentBytes, 1500],
  ] as const) {
    const { it } = await stoppedLog();
    const file = await it.complete(it.node.disk.open(it.file(base), 'write'));
    await it.complete(file.truncate(size));
    await it.complete(file.close());
    await opensAsDamaged(it, /it ends there, and was synced up to/);
  }
  const { it, end, records } = await stoppedLog();
  const file = await it.complete(it.node.disk.open(it.file(2 * small.segmentBytes), 'write'));
  await it.complete(file.truncate(end - 2 * small.segmentBytes));
  await it.complete(file.close());
  await it.open();
  assert.deepEqual(await it.records(), records);
  const entries = await it.complete(it.node.disk.list('/store/commitlog'));
  assert(entries.every(({ size }) => size === small.segmentBytes));
});

test('a log of another segment size is not touched', async () => {
  const { it } = await stoppedLog();
  for (const segmentBytes of [2048, 8192]) {
    const other = new TestLog(1, { segmentBytes });
    const { clock } = it.node;
    const before = await contents(it);
    await assert.rejects(
      it.complete(CommitLog.open(other.options, { disk: it.node.disk, clock, logger: it.logger })),
      isFailureOf('invalid', undefined, /segment size/),
    );
    assert.deepEqual(await contents(it), before);
  }
});

test('garbage above the mark is cut, and never comes back', async () => {
  const { it, records, end } = await stoppedLog();
  const base = 2 * small.segmentBytes;
  const garbage = Buffer.alloc(1000, 0xee);
  await writeInto(it, it.file(base), garbage, end - base + 40);
  await writeInto(it, it.file(3 * small.segmentBytes), garbage, 100);
  const log = await it.open();
  assert.equal(log.end, end);
  assert.equal(log.recovery.cutAt, end);
  assert.equal(log.recovery.cutBytes, 3 * small.segmentBytes + 1100 - end);
  it.crash(true);
  const again = await it.open();
  assert.equal(again.recovery.cutBytes, 0);
  assert.deepEqual(await it.records(), records);
});

test('good records behind a bad one above the mark are gone for good', async () => {
  const it = new TestLog(1, { syncedMarkIntervalMs: 1e9 });
  const log = await it.open();
  await it.idle();
  const records: TestRecord[] = [];
  while (log.end < 2 * small.segmentBytes + 1000) {
    records.push(it.append('x'.repeat(200)));
    log.write();
    await it.world.run({ forMs: 30 });
  }
  const bad = records[3];
  assert(bad);
  it.crash(false);
  it.node.drive.flipBit(it.file(0), bad.position + bad.size - 10);
  const again = await it.open();
  assert.equal(again.end, bad.position);
  const instead = it.append('x'.repeat(200));
  assert.equal(instead.position, bad.position);
  again.write();
  it.crash(true);
  const last = await it.open();
  const all = [...records.slice(0, 3), instead];
  assert.deepEqual(await it.records(), all.slice(0, last.end > bad.position ? 4 : 3));
});

test('checksums that are missing are computed anew', async () => {
  const { it, records } = await stoppedLog({ clean: false });
  await it.complete(it.node.disk.remove('/store/checksums'));
  const log = await it.open();
  assert.equal(it.warnings.filter((text) => /computed anew/.test(text)).length, 3);
  await it.idle();
  for (const base of [0, small.segmentBytes]) {
    await it.complete(log.verifySegment(physicalOffset(base)));
  }
  assert.deepEqual(await it.records(), records);
  assert.deepEqual(
    log.segments().map(({ lastStoreTimestamp }) => lastStoreTimestamp > 0),
    [true, true, true],
  );
  await it.complete(log.close({ clean: true }));
  it.warnings.length = 0;
  await it.open();
  assert.deepEqual(it.warnings, []);
});

test('without the mark, what sealed checksums cover is still not cut', async () => {
  const { it, records } = await stoppedLog();
  await it.complete(it.node.disk.remove('/store/synced-mark'));
  const log = await it.open();
  assert.equal(log.recovery.mark, 2 * small.segmentBytes);
  assert.deepEqual(await it.records(), records);
  await it.complete(log.close({ clean: false }));
  await it.complete(it.node.disk.remove('/store/synced-mark'));
  await it.complete(it.node.disk.remove(it.file(small.segmentBytes)));
  await assert.rejects(it.open(), isFailureOf('corrupt', undefined, /4096 is missing/));
});

test('epochs are found without their file, and against a wrong one', async () => {
  const { it } = await stoppedLog();
  await it.complete(it.node.disk.remove('/store/epochs'));
  const log = await it.open();
  assert.deepEqual(log.epochs, [{ epoch: 3, incarnation, start: 0 }]);
  await it.complete(log.close({ clean: true }));
  const entry = (number: number, start: number, by = incarnation) => [number, start, by];
  const wrong = [[entry(3, 0), entry(4, 500)], [entry(2, 0)], [entry(3, 0, 'ff')], {}, [[3, 0]]];
  for (const content of wrong) {
    const line = JSON.stringify(content);
    await it.complete(replaceChecksummed(it.node.disk, '/store/epochs', line));
    const again = await it.open();
    assert.deepEqual(again.epochs, [{ epoch: 3, incarnation, start: 0 }], line);
    await it.complete(again.close({ clean: false }));
  }
});

test('what is no segment is left alone', async () => {
  const { it } = await stoppedLog();
  const path = '/store/commitlog/notes.txt';
  await it.complete((await it.complete(it.node.disk.open(path, 'create'))).close());
  await it.complete(it.node.disk.makeFolder('/store/commitlog/00000000000000000001'));
  await it.open();
  assert.equal(it.warnings.filter((text) => /left alone/.test(text)).length, 2);
  await it.complete((await it.complete(it.node.disk.open(path, 'read'))).close());
});

test('a record larger than the present limit is still read', async () => {
  const it = new TestLog(1, { maxRecordBytes: 3000, chunkBytes: 3000 });
  await it.open();
  const records = [it.append('one'), it.append('x'.repeat(2800)), it.append('two')];
  await it.complete(it.log.close({ clean: true }));
  const { clock, disk } = it.node;
  const log = await it.complete(CommitLog.open(small, { disk, clock, logger: it.logger }));
  assert.deepEqual(await it.complete(recordsOf(log)), records);
});

test('a read error while opening is not taken for the end of the log', async () => {
  const { it, records } = await stoppedLog({ clean: false });
  let fails = true;
  it.node.drive.failReads((path) => fails && path === it.file(2 * small.segmentBytes));
  await assert.rejects(it.open(), isFailureOf('unavailable'));
  fails = false;
  await it.open();
  assert.deepEqual(await it.records(), records);
});
