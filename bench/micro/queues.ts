/**
 * What queues and index add to a message, in ns, and what a start and the merge of a segment cost on RocksDB.
 *
 * usage: node --expose-gc build/bench/micro/queues.js
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import {
  type KeyValue,
  type Mutation,
  physicalOffset,
  queueOffset,
  timestampMs,
} from '../../src/base/index.ts';
import { nodeKeyValueStores } from '../../src/node/index.ts';
import { hashKey, KeyIndex } from '../../src/views/index/index.ts';
import { type Queue, Queues } from '../../src/views/queues/index.ts';

const folder = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
const messagesPerBatch = 16_384;
const rounds = 30;
const topic = new TextEncoder().encode('loadgen');
const keys = new TextEncoder().encode('7F0000010001B4AAC2C10000000F4240order-1764082800');

function nsPerMessage(times: readonly number[], messages: number): string {
  const sorted = [...times].sort((one, other) => one - other);
  const figures = [sorted[0], sorted[sorted.length >> 1]].map((ms) => ((ms ?? 0) * 1e6) / messages);
  return figures.map((ns) => ns.toFixed(0).padStart(8)).join('');
}

function openDatabase(name: string): Promise<KeyValue> {
  return nodeKeyValueStores.open(join(folder, name));
}

console.log(`${''.padEnd(60)}  min ns  median`);
for (const queueCount of [8, 1000, 16_384]) await measureMessages(queueCount);
await measureReads();
await measureMerge();
await measureOpen();
await rm(folder, { recursive: true });

/** Appends and index entries of full batches, and taking them. */
async function measureMessages(queueCount: number): Promise<void> {
  const database = await openDatabase(`messages${queueCount}`);
  const queues = await Queues.open(database);
  const index = await KeyIndex.open(database);
  const all: Queue[] = [];
  for (let number = 0; number < queueCount; number++) {
    all.push(queues.topic(`topic${number >> 3}`, physicalOffset(1)).queue(number & 7));
  }
  let end = 1000;
  const [append, add, take, takeIndex]: [number[], number[], number[], number[]] = [[], [], [], []];
  const timed = <T>(times: number[], action: () => T): T => {
    const start = performance.now();
    const result = action();
    times.push(performance.now() - start);
    return result;
  };
  for (let round = 0; round < rounds; round++) {
    const begin = end;
    const time = timestampMs(1_764_082_800_000 + round);
    timed(append, () => {
      for (let message = 0; message < messagesPerBatch; message++) {
        const queue = all[message % queueCount] as Queue;
        queues.append(queue, physicalOffset(end), 1024, -123456789, time);
        end += 1024;
      }
    });
    timed(add, () => {
      for (let message = 0; message < messagesPerBatch; message++) {
        const position = physicalOffset(begin + message * 1024);
        keys[20] = message;
        keys[21] = message >>> 8;
        index.add(hashKey(topic, keys, 0, 32), position, time);
      }
    });
    const position = physicalOffset(end);
    const batch = timed(take, () => queues.takeBatch(position, position));
    const runs = timed(takeIndex, () => index.takeBatch(position));
    await database.write([...(batch?.batch ?? []), ...(runs?.batch ?? [])]);
    batch?.done();
    runs?.done();
    queues.evict(16 * 1024 * 1024);
  }
  await database.close();
  const print = (what: string, times: number[]): void =>
    console.log(
      `${`${what}, ${queueCount} queues`.padEnd(60)}${nsPerMessage(times, messagesPerBatch)}`,
    );
  print('append', append);
  print('hash and add a unique key', add);
  print('take a batch of the queues', take);
  print('take a batch of the index', takeIndex);
}

async function measureReads(): Promise<void> {
  const database = await openDatabase('reads');
  const queues = await Queues.open(database);
  const queue = queues.topic('reads', physicalOffset(1)).queue(0);
  for (let message = 0; message < 100_000; message++) {
    queues.append(queue, physicalOffset(message * 1024 + 10), 1024, 1, timestampMs(message));
  }
  const limit = physicalOffset(100_000 * 1024 + 10);
  const times: number[] = [];
  let sum = 0;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    for (let offset = 0; offset + 32 <= 96_000; offset += 32) {
      const entries = queues.read(queue, queueOffset(offset), 32, limit);
      if (entries instanceof Promise) throw new Error('in memory');
      for (let entry = 0; entry < entries.count; entry++) sum += entries.size(entry);
    }
    times.push(performance.now() - start);
  }
  console.log(
    `${'read 32 entries in memory, per entry'.padEnd(60)}${nsPerMessage(times, 96_000)} (${sum})`,
  );
  await database.close();
}

/** Two million entries: a segment of a million messages with a unique key and a key each. */
async function measureMerge(): Promise<void> {
  const database = await openDatabase('merge');
  const index = await KeyIndex.open(database);
  const entries = 2_000_000;
  for (let entry = 0; entry < entries; entry++) {
    const position = physicalOffset((entry >> 1) * 1024);
    index.add(Math.imul(entry, 0x9e3779b1) >>> 0, position, timestampMs(1_764_082_800_000 + entry));
    if (entry % messagesPerBatch !== messagesPerBatch - 1) continue;
    const batch = index.takeBatch(position);
    if (batch !== undefined) await database.write(batch.batch as Mutation[]);
    batch?.done();
  }
  const end = physicalOffset((entries >> 1) * 1024);
  const rest = index.takeBatch(end);
  if (rest !== undefined) await database.write(rest.batch as Mutation[]);
  rest?.done();
  index.sealSegment(physicalOffset(0), end);
  let longest = 0;
  let last = performance.now();
  const ticking = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  const start = performance.now();
  await index.maintain();
  const elapsed = performance.now() - start;
  clearInterval(ticking);
  console.log(
    `merge ${entries} index entries: ${elapsed.toFixed(0)} ms, longest turn ${longest.toFixed(1)} ms`,
  );
  const asked = performance.now();
  const times = { begin: 0, end: 2 ** 52 };
  const found = await index.query(Math.imul(77, 0x9e3779b1) >>> 0, times, 32, end);
  console.log(`query: ${(performance.now() - asked).toFixed(2)} ms, ${found.length} found`);
  await database.close();
}

async function measureOpen(): Promise<void> {
  const [topics, queuesPerTopic] = [100_000, 4];
  let database = await openDatabase('open');
  let queues = await Queues.open(database);
  let end = 1000;
  for (let number = 0; number < topics; number++) {
    const one = queues.topic(`a-topic-with-a-name-${number}`, physicalOffset(number));
    for (let id = 0; id < queuesPerTopic; id++) {
      queues.append(one.queue(id), physicalOffset(end), 100, 1, timestampMs(1));
      end += 100;
    }
  }
  const memory = queues.memoryBytes / topics / queuesPerTopic;
  const position = physicalOffset(end);
  const start = performance.now();
  const batch = queues.takeBatch(position, position);
  console.log(
    `first message in ${topics * queuesPerTopic} queues: ${memory} bytes each, ` +
      `batch taken in ${(performance.now() - start).toFixed(0)} ms`,
  );
  await database.write(batch?.batch ?? []);
  await database.flush();
  await database.close();
  database = await openDatabase('open');
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const opening = performance.now();
  queues = await Queues.open(database);
  const elapsed = performance.now() - opening;
  globalThis.gc?.();
  const heap = (process.memoryUsage().heapUsed - before) / 1024 / 1024;
  console.log(
    `open them: ${elapsed.toFixed(0)} ms, ${heap.toFixed(0)} MiB (${[...queues].length} topics)`,
  );
  await database.close();
}
