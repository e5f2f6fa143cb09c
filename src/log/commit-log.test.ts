import assert from 'node:assert/strict';
import { test } from 'node:test';
import { epoch, Failure, physicalOffset, timestampMs } from '../base/index.ts';
import {
  emptyRecordBytes,
  encodeRecord,
  epochTopicBytes,
  isFailureOf,
  small,
  TestLog,
  type TestRecord,
} from './test-log.ts';

test('what is appended is read from memory, then from the file, then after a restart', async () => {
  const it = new TestLog();
  const log = await it.open();
  const first = it.append('one');
  const second = it.append('two');
  assert.equal(first.position, 0);
  assert.equal(log.end, first.size + second.size);
  assert.equal(log.written, 0);
  log.write();
  assert.equal(log.written, log.end);
  assert.equal(log.synced, 0);
  assert.equal(await it.complete(log.sync()), log.end);
  assert.equal(log.synced, log.end);
  assert.deepEqual(await it.records(), [first, second]);
  await it.complete(log.close({ clean: true }));
  const again = await it.open();
  assert.equal(again.end, log.end);
  assert.equal(again.synced, log.end);
  assert.equal(again.lastStoreTimestamp, it.lastTimestamp);
  assert.deepEqual(await it.records(), [first, second]);
  assert.deepEqual(again.recovery, {
    begin: 0,
    end: log.end,
    mark: log.end,
    cutBytes: 0,
    scannedBytes: log.end,
    verifiedBytes: log.end,
    elapsedMs: again.recovery.elapsedMs,
  });
});

test('a record that leaves exactly 8 bytes fits; the next one rolls', async () => {
  const it = new TestLog();
  const log = await it.open();
  const sealed: { base: number; end: number }[] = [];
  log.onSealed = (segment) => sealed.push(segment);
  while (small.segmentBytes - log.end > 1000) it.append('x'.repeat(400));
  const left = small.segmentBytes - log.end;
  const fitting = it.append('y'.repeat(left - 8 - emptyRecordBytes));
  assert.equal(log.end, small.segmentBytes - 8);
  await it.idle();
  const next = it.append('z');
  assert.equal(next.position, small.segmentBytes);
  assert.deepEqual(sealed, [{ base: 0, end: small.segmentBytes }]);
  log.write();
  await it.complete(log.sync());
  assert.deepEqual((await it.records()).slice(-2), [fitting, next]);
  it.crash(true);
  await it.open();
  assert.deepEqual((await it.records()).slice(-2), [fitting, next]);
});

test('a record that would leave 7 bytes goes to the next segment', async () => {
  const it = new TestLog();
  const log = await it.open();
  await it.idle();
  while (small.segmentBytes - log.end > 1000) it.append('x'.repeat(400));
  const left = small.segmentBytes - log.end;
  const next = it.append('y'.repeat(left - 7 - emptyRecordBytes));
  assert.equal(next.position, small.segmentBytes);
  log.write();
  it.crash(false);
  const again = await it.open();
  assert.equal(again.end, next.position + next.size);
});

test('a batch in one reservation is records that follow each other, in one segment', async () => {
  const it = new TestLog();
  const log = await it.open();
  await it.idle();
  while (small.segmentBytes - log.end > 600) it.append('x'.repeat(300));
  const bodies = ['a', 'bb', 'ccc'].map((text) => Buffer.from(text.repeat(100)));
  const sizes = bodies.map((body) => emptyRecordBytes + body.length);
  const total = sizes.reduce((sum, size) => sum + size);
  log.reserve(total);
  const start = log.position;
  let at = 0;
  bodies.forEach((body, index) => {
    encodeRecord(log, log.targetAt + at, log.position + at, body);
    at += sizes[index] ?? 0;
  });
  log.publish(timestampMs(5000));
  assert.equal(start, small.segmentBytes, 'it did not fit into what was left');
  assert.equal(log.end, start + total);
  assert.equal(log.lastStoreTimestamp, 5000);
  log.write();
  const records = await it.records();
  assert.deepEqual(
    records.slice(-3).map(({ size }) => size),
    sizes,
  );
});

test('what is larger than the limit, or than a segment, is refused and changes nothing', async () => {
  const it = new TestLog();
  const log = await it.open();
  it.append('one');
  const { end } = log;
  assert.throws(() => log.reserve(small.maxRecordBytes + 1), isFailureOf('invalid', 'tooLarge'));
  assert.equal(log.end, end);
  const tiny = new TestLog(1, { segmentBytes: 512 });
  const tinyLog = await tiny.open();
  assert.throws(() => tinyLog.reserve(505), isFailureOf('invalid', 'tooLarge'));
  tinyLog.reserve(504);
  await assert.rejects(new TestLog(1, { maxRecordBytes: 4096 }).open(), isFailureOf('invalid'));
});

test('the largest record fits into an empty segment', async () => {
  const it = new TestLog(1, { segmentBytes: 512 });
  const log = await it.open();
  await it.idle();
  for (let count = 0; count < 3; count++) {
    const record = it.append('x'.repeat(504 - emptyRecordBytes));
    assert.equal(record.position, count * 512);
    log.write();
    await it.idle();
  }
  await it.complete(log.sync());
  it.crash(true);
  await it.open();
  assert.equal((await it.records()).length, 3);
});

test('a record that needs the next segment before it is there is refused as busy', async () => {
  const it = new TestLog();
  const log = await it.open();
  while (small.segmentBytes - log.end > 1000) it.append('x'.repeat(600));
  const { end } = log;
  assert.throws(() => it.append('x'.repeat(900)), isFailureOf('unavailable', 'busy'));
  assert.equal(log.end, end);
  await it.idle();
  assert.equal(it.append('x'.repeat(900)).position, small.segmentBytes);
});

test('a segment that cannot be created is reported at the roll, and tried again', async () => {
  const it = new TestLog();
  let isFull = true;
  const log = await it.open((disk) => ({
    open: async (path, mode) => {
      if (isFull && path === it.file(small.segmentBytes)) {
        throw new Failure('unavailable', 'no room for a file', { reason: 'diskFull' });
      }
      return await disk.open(path, mode);
    },
    list: (folder) => disk.list(folder),
    makeFolder: (path) => disk.makeFolder(path),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    syncFolder: (path) => disk.syncFolder(path),
    usage: (path) => disk.usage(path),
  }));
  await it.idle();
  while (small.segmentBytes - log.end > 1000) it.append('x'.repeat(600));
  const { end } = log;
  assert.throws(() => it.append('x'.repeat(900)), isFailureOf('unavailable', 'diskFull'));
  await it.idle();
  assert.throws(() => it.append('x'.repeat(900)), isFailureOf('unavailable', 'diskFull'));
  assert.equal(log.end, end);
  isFull = false;
  await it.idle();
  assert.throws(() => it.append('x'.repeat(900)), isFailureOf('unavailable', 'diskFull'));
  await it.idle();
  assert.equal(it.append('x'.repeat(900)).position, small.segmentBytes);
});

test('what was cut before it was written is as if it had never been', async () => {
  const it = new TestLog();
  const log = await it.open();
  await it.idle();
  const kept = it.append('kept');
  log.write();
  const border = log.end;
  const also = it.append('also kept');
  const later = log.end;
  while (log.end < small.segmentBytes + 1500) it.append('x'.repeat(700));
  const record = it.append('', epochTopicBytes);
  log.noteEpoch({
    epoch: epoch(1),
    incarnation: '0123456789abcdef',
    start: physicalOffset(record.position),
  });
  assert.equal(log.segments().length, 2);
  log.cut(later);
  assert.equal(log.end, later);
  assert.equal(log.segments().length, 1);
  assert.deepEqual(log.epochs, []);
  assert.equal(log.readTail(later, 1), undefined);
  const next = it.append('instead');
  assert.equal(next.position, later);
  log.cut(border);
  const last = it.append('at the border');
  assert.equal(last.position, border);
  assert.equal(also.position, border);
  log.write();
  assert.deepEqual(await it.records(), [kept, last]);
  assert.throws(() => log.cut(physicalOffset(border - 1)));
});

test('a cut that takes back a roll has the segment roll again', async () => {
  const it = new TestLog();
  const log = await it.open();
  await it.idle();
  const sealed: number[] = [];
  log.onSealed = ({ base }) => sealed.push(base);
  while (log.end < small.segmentBytes) it.append('x'.repeat(700));
  log.cut(log.written);
  while (log.end < small.segmentBytes) it.append('y'.repeat(500));
  assert.deepEqual(sealed, [0, 0]);
  log.write();
  await it.complete(log.sync());
  await it.complete(log.close({ clean: true }));
  await it.open();
  assert((await it.records()).every(({ body }) => body.startsWith('y')));
});

test('a full disk refuses, leaves nothing behind, and goes on when there is room', async () => {
  for (const freePages of [0, 1]) {
    const it = new TestLog(freePages, {
      segmentBytes: 64 * 1024,
      maxRecordBytes: 8192,
      chunkBytes: 8192,
    });
    const log = await it.open();
    const kept = it.append('kept');
    log.write();
    await it.idle();
    const border = log.end;
    it.node.drive.setFreeBytes(freePages * 4096);
    it.append('refused'.repeat(500));
    it.append('refused too'.repeat(500));
    const before = log.end;
    assert(before > border);
    assert.throws(
      () => log.write(),
      isFailureOf('unavailable', 'diskFull', /commitlog\/0{20}, cut back to position \d+/),
    );
    assert.equal(log.end, border);
    assert.equal(log.written, border);
    assert.throws(() => it.append('too early'), isFailureOf('unavailable', 'busy'));
    await it.idle();
    it.append('still no room'.repeat(500));
    assert.throws(() => log.write(), isFailureOf('unavailable', 'diskFull'));
    await it.idle();
    it.node.drive.setFreeBytes(2 ** 20);
    const next = it.append('fits');
    assert.equal(next.position, border);
    log.write();
    await it.complete(log.sync());
    assert.deepEqual(await it.records(), [kept, next]);
    it.crash(true);
    await it.open();
    assert.deepEqual(await it.records(), [kept, next]);
  }
});

test('a write that fails behind a roll takes the roll back', async () => {
  const it = new TestLog();
  const log = await it.open();
  await it.idle();
  const kept = it.append('kept'.repeat(100));
  log.write();
  await it.complete(log.sync());
  const border = log.end;
  it.node.drive.setFreeBytes(0);
  while (log.end < small.segmentBytes + 500) it.append('x'.repeat(700));
  assert.throws(() => log.write(), isFailureOf('unavailable', 'diskFull', /00004096, cut/));
  assert.equal(log.end, border);
  assert.equal(log.segments().length, 1);
  it.node.drive.setFreeBytes(2 ** 20);
  await it.idle();
  const records = [kept];
  while (log.end < 2 * small.segmentBytes) {
    records.push(it.append('y'.repeat(600)));
    log.write();
    await it.idle();
  }
  await it.complete(log.sync());
  assert.deepEqual(await it.records(), records);
  it.crash(true);
  const again = await it.open();
  assert.deepEqual(await it.records(), records);
  await it.idle();
  await it.complete(again.verifySegment(physicalOffset(0)));
});

test('a failed fsync is final, also for what was written before and after it', async () => {
  const it = new TestLog();
  const log = await it.open();
  await it.idle();
  it.append('one');
  log.write();
  let fails = true;
  it.node.drive.failSyncs(() => fails);
  await assert.rejects(
    it.complete(log.sync()),
    isFailureOf('corrupt', undefined, /commitlog\/0{20}/),
  );
  fails = false;
  await assert.rejects(it.complete(log.sync()), isFailureOf('corrupt'));
  it.append('two');
  assert.throws(() => log.write(), isFailureOf('corrupt'));
  assert.equal(log.synced, 0);
  await it.complete(log.close({ clean: false }));
});

test('what a failed fsync lost is written again by the next start', async () => {
  for (let seed = 0; seed < 8; seed++) {
    const it = new TestLog(seed);
    const log = await it.open();
    await it.idle();
    const record = it.append('one');
    log.write();
    let fails = true;
    it.node.drive.failSyncs((path) => fails && path.includes('commitlog'));
    await assert.rejects(it.complete(log.sync()), isFailureOf('corrupt'));
    it.crash(false);
    fails = false;
    const again = await it.open();
    assert.equal(again.synced, record.size, 'the page cache still had it');
    it.crash(true);
    await it.open();
    assert.deepEqual(await it.records(), [record]);
  }
});

test('a sync that is asked for during another covers what was written in between', async () => {
  const it = new TestLog();
  const log = await it.open();
  await it.idle();
  it.append('one');
  log.write();
  const first = log.sync();
  const { end } = log;
  it.append('two');
  log.write();
  const second = log.sync();
  const third = log.sync();
  assert.equal(await it.complete(first), end);
  assert.equal(log.synced, end);
  assert.equal(await it.complete(second), log.end);
  assert.equal(await it.complete(third), log.end);
});

test('the tail is given up when it is written and long enough, and is then read from files', async () => {
  const it = new TestLog();
  const log = await it.open();
  await it.idle();
  const records: TestRecord[] = [];
  for (let count = 0; count < 12; count++) {
    records.push(it.append(`${count}`.padEnd(300, '.')));
    await it.idle();
  }
  for (const { position, size } of records) {
    assert(log.readTail(physicalOffset(position), size), 'nothing is given up unwritten');
  }
  await it.idle();
  log.write();
  for (let count = 0; count < 12; count++) {
    records.push(it.append(`${count}`.padEnd(300, '.')));
    log.write();
    await it.idle();
  }
  const [first] = records;
  const last = records.at(-1);
  assert(first && last);
  assert.equal(log.readTail(physicalOffset(first.position), first.size), undefined);
  assert(log.readTail(physicalOffset(last.position), last.size));
  for (const { position, size, body } of records) {
    const bytes = await it.complete(log.read(physicalOffset(position), size));
    assert(Buffer.from(bytes).includes(body));
  }
  assert.deepEqual(await it.records(), records);
});

test('a view of the tail does not change while its turn lasts', async () => {
  const it = new TestLog();
  const log = await it.open();
  await it.idle();
  const record = it.append('seen');
  log.write();
  const view = log.readTail(physicalOffset(record.position), record.size);
  assert(view);
  const copy = view.slice();
  const append = (): void => {
    for (let count = 0; count < 12; count++) {
      it.append('x'.repeat(200));
      log.write();
    }
  };
  append();
  assert.deepEqual(view, copy);
  // Also when it appends later in the same end of turn, behind the log's own action.
  it.node.clock.afterTurn(() => {
    append();
    assert.deepEqual(view, copy);
  });
  await it.idle();
  for (let count = 0; count < 24; count++) {
    it.append('y'.repeat(300));
    log.write();
    await it.idle();
  }
  assert.notDeepEqual(view, copy, 'its memory is used again later');
});

test('a range of several records is read across chunks and what is not written yet', async () => {
  const it = new TestLog();
  const log = await it.open();
  await it.idle();
  const written = [
    it.append('a'.repeat(500)),
    it.append('b'.repeat(500)),
    it.append('c'.repeat(500)),
  ];
  log.write();
  const records = [...written, it.append('d'.repeat(300))];
  const bytes = await it.complete(log.read(physicalOffset(0), log.end));
  for (const { position, size, body } of records) {
    assert(Buffer.from(bytes.subarray(position, position + size)).includes(body));
  }
});

test('positions that are not in the log are not read', async () => {
  const it = new TestLog();
  const log = await it.open();
  it.append('one');
  log.write();
  await assert.rejects(log.read(log.end, 1), isFailureOf('invalid'));
  await assert.rejects(log.read(physicalOffset(0), log.end + 1), isFailureOf('invalid'));
  await assert.rejects(log.read(physicalOffset(-1), 1), isFailureOf('unavailable', 'notFound'));
  await assert.rejects(log.scan(physicalOffset(0), physicalOffset(log.end + 1), () => {}));
});

test('a scan waits for its visitor and begins where it is told', async () => {
  const it = new TestLog();
  const log = await it.open();
  await it.idle();
  const records: TestRecord[] = [];
  while (log.end < 2 * small.segmentBytes) {
    records.push(it.append('x'.repeat(records.length * 20)));
    log.write();
    await it.idle();
  }
  const from = records[3];
  const to = records.at(-2);
  assert(from && to);
  const visited: number[] = [];
  let inside = 0;
  const scan = log.scan(
    physicalOffset(from.position),
    physicalOffset(to.position),
    async ({ position }) => {
      assert.equal(++inside, 1);
      visited.push(position);
      await it.node.clock.sleep(1);
      inside--;
    },
  );
  await it.complete(scan);
  const expected = records.slice(3, -2).map(({ position }) => position);
  assert.deepEqual(visited, expected);
});

test('the oldest segment goes, and stays away', async () => {
  const it = new TestLog();
  const log = await it.open();
  await it.idle();
  const records: TestRecord[] = [];
  while (log.end < 3 * small.segmentBytes) {
    records.push(it.append('x'.repeat(600)));
    log.write();
    await it.idle();
  }
  await assert.rejects(log.deleteOldestSegment(), isFailureOf('invalid'), 'it is not synced');
  await it.complete(log.sync());
  const timestamps = log.segments().map(({ lastStoreTimestamp }) => lastStoreTimestamp);
  await it.complete(log.deleteOldestSegment());
  assert.equal(log.begin, small.segmentBytes);
  await assert.rejects(log.read(physicalOffset(0), 8), isFailureOf('unavailable', 'notFound'));
  it.crash(true);
  const again = await it.open();
  assert.equal(again.begin, small.segmentBytes);
  const kept = records.filter(({ position }) => position >= small.segmentBytes);
  assert.deepEqual(await it.records(), kept);
  assert.deepEqual(
    again.segments().map(({ lastStoreTimestamp }) => lastStoreTimestamp),
    timestamps.slice(1),
  );
  await it.complete(again.deleteOldestSegment());
  await it.complete(again.deleteOldestSegment());
  await assert.rejects(again.deleteOldestSegment(), isFailureOf('invalid'), 'the newest stays');
  const left = await it.complete(it.node.disk.list('/store/checksums'));
  assert(left.every(({ name }) => Number(name) >= again.begin));
});

test('a read of what is deleted meanwhile fails as not found', async () => {
  const it = new TestLog();
  const log = await it.open();
  await it.idle();
  while (log.end < small.segmentBytes) {
    it.append('x'.repeat(600));
    log.write();
  }
  await it.complete(log.sync());
  await it.idle();
  const outcomes: string[] = [];
  const scan = log.scan(log.begin, log.written, async () => {
    await it.node.clock.sleep(20);
  });
  const deletion = log.deleteOldestSegment();
  await assert.rejects(log.deleteOldestSegment(), /one after the other/);
  await it.complete(deletion);
  await it.complete(
    scan.then(
      () => void outcomes.push('all'),
      (error: unknown) => void outcomes.push(String((error as Failure).reason)),
    ),
  );
  assert.deepEqual(outcomes, ['notFound']);
});

test('after it is closed, a log refuses everything', async () => {
  const it = new TestLog();
  const log = await it.open();
  await it.complete(log.close({ clean: true }));
  await it.complete(log.close({ clean: true }));
  assert.throws(() => it.append('x'), isFailureOf('closed'));
  assert.throws(() => log.write(), isFailureOf('closed'));
  await assert.rejects(log.sync(), isFailureOf('closed'));
});

test('a clean stop writes what was appended, without being told to', async () => {
  const it = new TestLog();
  const log = await it.open();
  const record = it.append('last');
  await it.complete(log.close({ clean: true }));
  it.crash(true);
  const again = await it.open();
  assert.equal(again.recovery.mark, record.size);
  assert.deepEqual(await it.records(), [record]);
});
