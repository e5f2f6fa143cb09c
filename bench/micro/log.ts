/**
 * The commit log on a real disk: ns per record of 1 KB to reserve, encode, publish and write, by records per turn; and
 * ms per GiB to open after a crash without a mark, to scan, and to verify a sealed segment.
 *
 * usage: node build/bench/micro/log.js
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { physicalOffset, silentLogger, timestampMs } from '../../src/base/index.ts';
import { CommitLog, type CommitLogOptions } from '../../src/log/index.ts';
import { nodeClock, nodeDisk } from '../../src/node/index.ts';
import { bodyCrc, encodeStoredMessage, storedMessageSize } from '../../src/wire/index.ts';

const folder = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
const ports = { disk: nodeDisk, clock: nodeClock, logger: silentLogger };
const host = Uint8Array.of(127, 0, 0, 1, 0, 0, 42, 159);
const body = new Uint8Array(1024).fill(0x61);
const message = {
  queueId: 3,
  flag: 0,
  queueOffset: 0,
  physicalOffset: 0,
  sysFlag: 0,
  bornTimestamp: 1_764_082_800_000,
  bornHost: host,
  storeTimestamp: 1_764_082_800_001,
  storeHost: host,
  reconsumeTimes: 0,
  preparedTransactionOffset: 0,
  body,
  bodyCrc: bodyCrc(body),
  topic: new TextEncoder().encode('loadgen'),
  properties: new TextEncoder().encode('UNIQ_KEY\u00017F0000010001B4AAC2C10000000F4240\u0002'),
  propertiesLength: 42,
};
const size = storedMessageSize(message.topic.length, message.propertiesLength, body.length);

console.log(`records of ${size} bytes; ns per record${''.padEnd(21)}     min  median`);
for (const perTurn of [1, 8, 64, 1024]) await measureAppend(perTurn);
await measureReading();
await rm(folder, { recursive: true });

function appendOne(log: CommitLog): void {
  log.reserve(size);
  message.physicalOffset = log.position;
  encodeStoredMessage(log.target, log.targetView, log.targetAt, message);
  log.publish(timestampMs(message.storeTimestamp));
}

async function measureAppend(perTurn: number): Promise<void> {
  const options: CommitLogOptions = { folder: join(folder, `append${perTurn}`) };
  const log = await CommitLog.open(options, ports);
  const turns = Math.ceil(4096 / perTurn);
  const both: number[] = [];
  const appending: number[] = [];
  for (let round = 0; round < 24; round++) {
    let appendMs = 0;
    const start = performance.now();
    for (let turn = 0; turn < turns; turn++) {
      const turnStart = performance.now();
      for (let count = 0; count < perTurn; count++) appendOne(log);
      appendMs += performance.now() - turnStart;
      log.write();
    }
    const records = turns * perTurn;
    both.push(((performance.now() - start) * 1e6) / records);
    appending.push((appendMs * 1e6) / records);
    await new Promise((resolve) => setImmediate(resolve));
  }
  print(`reserve, encode, publish, ${perTurn} per write`, appending);
  print(`the same and write, ${perTurn} per write`, both);
  await log.close({ clean: true });
  await rm(options.folder, { recursive: true });
}

async function measureReading(): Promise<void> {
  const options: CommitLogOptions = {
    folder: join(folder, 'read'),
    segmentBytes: 2 ** 28,
    syncedMarkIntervalMs: 1e9,
  };
  let log = await CommitLog.open(options, ports);
  while (log.end < 1.6 * 2 ** 28) {
    for (let count = 0; count < 1024; count++) appendOne(log);
    log.write();
    await new Promise((resolve) => setTimeout(resolve));
  }
  await log.close({ clean: false });

  let start = performance.now();
  log = await CommitLog.open(options, ports);
  printPerGibibyte('open, all above the mark (with fsync)', start, log.recovery.scannedBytes);
  start = performance.now();
  await log.scan(log.begin, log.end, () => {});
  printPerGibibyte('scan', start, log.end - log.begin);
  await log.close({ clean: true });

  start = performance.now();
  log = await CommitLog.open(options, ports);
  printPerGibibyte('open, all below the mark', start, log.recovery.scannedBytes);
  start = performance.now();
  const { verifiedBytes } = await log.verifySegment(physicalOffset(0));
  printPerGibibyte('verify a segment', start, verifiedBytes);
  await log.close({ clean: true });
}

function print(what: string, figures: readonly number[]): void {
  const sorted = [...figures].sort((one, other) => one - other);
  const columns = [sorted[0], sorted[sorted.length >> 1]].map((ns) =>
    (ns ?? 0).toFixed(0).padStart(8),
  );
  console.log(what.padEnd(50), columns.join(''));
}

function printPerGibibyte(what: string, start: number, bytes: number): void {
  const ms = ((performance.now() - start) * 2 ** 30) / bytes;
  console.log(`${what}, ms per GiB`.padEnd(50), ms.toFixed(0).padStart(8));
}
