import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokerId, epoch, isFailure, physicalOffset } from '../base/index.ts';
import { blankHeaderBytes, blankMagic, magicAt, recordSizeAt } from '../wire/index.ts';
import { encodeEpochRecordBody } from './epochs.ts';
import { epochTopicBytes, small, TestLog } from './test-log.ts';

const incarnation = '0123456789abcdef';

const bodyOf = (number: number): Uint8Array =>
  encodeEpochRecordBody({
    epoch: epoch(number),
    broker: brokerId(0),
    incarnation,
    setEpoch: 0,
    members: [brokerId(0)],
  });

/** Three segments, with two epochs each; all but the last 300 bytes or so written. */
async function lived(): Promise<TestLog> {
  const log = new TestLog();
  await log.open();
  for (let number = 1; number <= 6; number++) {
    const { position } = log.append(bodyOf(number), epochTopicBytes);
    log.log.noteEpoch({ epoch: epoch(number), incarnation, start: physicalOffset(position) });
    while (log.log.end < (number * small.segmentBytes) / 2) {
      log.append('x'.repeat((Number(log.log.end) * 7) % 300));
      log.log.write();
      await log.idle();
    }
  }
  log.append('not written');
  return log;
}

/** Fails unless a range of this size from everywhere is whole records of one segment and one epoch, below `written`. */
async function check(log: TestLog, maxBytes: number): Promise<Uint8Array> {
  const { begin, written, epochs, segmentBytes } = log.log;
  const all: Uint8Array[] = [];
  for (let from = begin; from < written; ) {
    const { bytes, end } = await log.complete(Promise.resolve(log.log.rangeAt(from, maxBytes)));
    all.push(Uint8Array.from(bytes));
    assert(end <= written, `${from} to ${end} is above what is written, ${written}`);
    assert.equal(Math.floor(from / segmentBytes), Math.floor((end - 1) / segmentBytes));
    const begun = epochs.filter(({ start }) => start > from && start < end);
    assert.deepEqual(begun, [], 'an epoch begins within the range');
    let at = 0;
    let position: number = from;
    while (at < bytes.length) {
      const size = recordSizeAt(bytes, at);
      position += size;
      at += magicAt(bytes, at) === blankMagic ? blankHeaderBytes : size;
    }
    assert.equal(at, bytes.length);
    assert.equal(position, end);
    const first = recordSizeAt(bytes, 0);
    assert(bytes.length <= Math.max(maxBytes, first) + blankHeaderBytes);
    from = end;
  }
  return Buffer.concat(all);
}

test('ranges are whole records of one segment and one epoch, whatever their size and wherever they are read', async () => {
  const log = await lived();
  const whole = await check(log, 100_000);
  for (const maxBytes of [1, 100, 500, 3000]) assert.deepEqual(await check(log, maxBytes), whole);
  log.log.cut(log.log.written);
  await log.complete(log.log.close({ clean: true }));
  await log.open(); // Nothing of it is in memory.
  for (const maxBytes of [1, 500, 100_000]) assert.deepEqual(await check(log, maxBytes), whole);
});

test('a record with a damaged body is not read as a range: the file is named', async () => {
  const log = new TestLog();
  await log.open();
  const { position } = log.append('x'.repeat(200));
  while (log.log.end < 2 * small.segmentBytes) {
    log.append('y'.repeat(200));
    log.log.write();
    await log.idle();
  }
  log.log.cut(log.log.written);
  await log.complete(log.log.close({ clean: true }));
  log.node.drive.flipBit(log.file(0), position + 150);
  await log.open();
  const { begin } = log.log;
  await assert.rejects(
    log.complete(Promise.resolve(log.log.rangeAt(begin, 100_000))),
    (error) => isFailure(error, 'corrupt') && error.message.includes(log.file(0)),
  );
});

test('nothing above what is written leaves', async () => {
  const log = await lived();
  const { written, end } = log.log;
  assert(written < end);
  assert.throws(() => log.log.rangeAt(end, 100));
});
