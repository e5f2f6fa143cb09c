import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimRandom } from '../../test/sim/ports/index.ts';
import {
  brokerId,
  describeError,
  epoch,
  isFailure,
  type PhysicalOffset,
  silentLogger,
} from '../base/index.ts';
import { CommitLog } from './commit-log.ts';
import { encodeEpochRecordBody } from './epochs.ts';
import {
  appendTo,
  epochTopicBytes,
  recordsOf,
  runToCrash,
  TestLog,
  type TestRecord,
} from './test-log.ts';

const incarnation = '0123456789abcdef';

/** What a history knows about the log at any moment, to hold against what is there after a crash. */
class Expectation {
  appended: TestRecord[] = [];
  /** Refused, and perhaps not durably gone yet. */
  refused: TestRecord[] = [];
  epochs: { epoch: number; start: number }[] = [];
  synced = 0;
  written = 0;
  begin = 0;
  /** A deletion may have been under way. */
  maxBegin = 0;

  check(log: CommitLog, records: readonly TestRecord[], powerLoss: boolean): void {
    const least = powerLoss ? this.synced : this.written;
    assert(log.end >= least, `end ${log.end} is not below what was there, ${least}`);
    assert(log.begin >= this.begin && log.begin <= this.maxBegin, `begin ${log.begin}`);
    const kept = this.appended.filter(({ position }) => position >= log.begin);
    const possible = records.length > kept.length ? [...kept, ...this.refused] : kept;
    assert.deepEqual(records, possible.slice(0, records.length), 'a prefix of what was appended');
    assert.deepEqual(
      log.epochs.map(({ epoch, start }) => ({ epoch, start })),
      this.epochs.filter(({ start }) => start < log.end),
    );
    assert.equal(log.written, log.end);
    assert.equal(log.synced, log.end);
  }

  /** What is there after a crash is what was appended from now on. */
  settle(log: CommitLog, records: readonly TestRecord[]): void {
    this.appended = [...records];
    this.refused = [];
    this.epochs = this.epochs.filter(({ start }) => start < log.end);
    this.synced = log.end;
    this.written = log.end;
    this.begin = log.begin;
    this.maxBegin = log.begin;
  }
}

function open(it: TestLog): Promise<CommitLog> {
  const { disk, clock } = it.node;
  return CommitLog.open(it.options, { disk, clock, logger: silentLogger });
}

/** Appends, writes, syncs, rolls, refuses and deletes as chance has it. */
async function live(it: TestLog, random: SimRandom, expected: Expectation): Promise<void> {
  const { clock, drive } = it.node;
  const log = await open(it);
  expected.check(log, await recordsOf(log), true);
  const tag = random.below(2 ** 32).toString(36);
  const noteSynced = (position: PhysicalOffset): void => {
    expected.synced = Math.max(expected.synced, position);
  };
  const batch: TestRecord[] = [];
  for (let turn = 0; turn < 25; turn++) {
    const isFull = random.chance(0.1);
    if (isFull) drive.setFreeBytes(random.below(2) * 4096);
    for (let count = random.below(4); count > 0; count--) {
      try {
        if (random.chance(0.05)) {
          const number = epoch((log.epochs.at(-1)?.epoch ?? 0) + 1);
          const record = {
            epoch: number,
            broker: brokerId(0),
            members: [brokerId(0)],
            setEpoch: 1,
          };
          const body = encodeEpochRecordBody({ ...record, incarnation });
          const { position, ...rest } = appendTo(log, body, { topic: epochTopicBytes });
          log.noteEpoch({ epoch: number, incarnation, start: log.position });
          expected.epochs.push({ epoch: number, start: position });
          batch.push({ position, ...rest });
        } else {
          const body = `${tag} ${turn} ${count} `.padEnd(random.below(600), '.');
          const properties = Buffer.from('p'.repeat(Math.max(0, random.below(600) - 300)));
          batch.push(appendTo(log, Buffer.from(body), { properties }));
        }
        expected.refused = []; // An append means that they are durably gone.
      } catch (error) {
        if (!isFailure(error, 'unavailable')) throw error;
      }
    }
    // The operating system may get any of it before the process knows.
    const before = expected.appended;
    expected.appended = [...before, ...batch];
    try {
      log.write();
      expected.written = log.written;
    } catch (error) {
      if (!isFailure(error, 'unavailable', 'diskFull')) throw error;
      expected.appended = before;
      expected.refused = [...batch];
      expected.epochs = expected.epochs.filter(({ start }) => start < log.end);
    }
    batch.length = 0;
    if (isFull) drive.setFreeBytes(2 ** 30);
    if (random.chance(0.3)) {
      const synced = log.sync().then(noteSynced);
      if (random.chance(0.7)) await synced;
      else synced.catch(() => {});
    }
    if (random.chance(0.3)) await clock.sleep(random.below(40));
    const [oldest, , third] = log.segments();
    if (third !== undefined && oldest !== undefined && log.synced >= oldest.endExclusive) {
      expected.maxBegin = oldest.endExclusive;
      await log.deleteOldestSegment();
      expected.begin = log.begin;
    }
  }
  if (random.chance(0.5)) {
    const { end } = log;
    await log.close({ clean: true });
    noteSynced(end);
  } else {
    await log.close({ clean: false });
  }
}

/** Lives, crashes, and opens again, crashing during that too; then once more with what it appends after it. */
async function crashAndReopen(seed: string, afterOperations: number, powerLoss: boolean) {
  const it = new TestLog(seed);
  const random = it.world.random.fork('history');
  const expected = new Expectation();
  it.node.crashAt({ afterOperations, when: random.chance(0.5) ? 'before' : 'after', powerLoss });
  const crashed = await runToCrash(it, () => live(it, random, expected));
  if (!crashed) it.node.crash({ powerLoss });
  it.node.restart();
  it.node.drive.setFreeBytes(2 ** 30);

  it.node.crashAt({ afterOperations: 1 + random.below(12), when: 'before', powerLoss });
  if (await runToCrash(it, async () => void (await open(it)))) it.node.restart();
  else it.crash(powerLoss);

  it.node.drive.planCrash(undefined);
  const log = await it.complete(open(it));
  const records = await it.complete(recordsOf(log));
  expected.check(log, records, powerLoss);
  expected.settle(log, records);
  it.crash(powerLoss);

  it.node.crashAt({ afterOperations: 10 + random.below(40), when: 'after', powerLoss });
  if (await runToCrash(it, () => live(it, random.fork('second'), expected))) it.node.restart();
  else it.crash(powerLoss);
  it.node.drive.setFreeBytes(2 ** 30);
  it.node.drive.planCrash(undefined);
  const last = await it.complete(open(it));
  expected.check(last, await it.complete(recordsOf(last)), powerLoss);
  for (const { sealed, base, endExclusive } of last.segments()) {
    if (!sealed) continue;
    await it.idle();
    const { verifiedBytes } = await it.complete(last.verifySegment(base));
    assert.equal(verifiedBytes, endExclusive - base);
  }
  return { crashed };
}

async function crashEverywhere(seed: string, powerLoss: boolean): Promise<void> {
  for (let operation = 1; ; operation++) {
    try {
      if (!(await crashAndReopen(seed, operation, powerLoss)).crashed) break;
    } catch (error) {
      throw new Error(`seed ${seed}, operation ${operation}: ${describeError(error)}`, {
        cause: error,
      });
    }
  }
}

test('a process that dies at any operation leaves a log that opens, with all that was written', async () => {
  await crashEverywhere('1', false);
});

test('a power loss at any operation leaves a log that opens, with all that was synced', async () => {
  for (const seed of ['2', '3']) await crashEverywhere(seed, true);
});
