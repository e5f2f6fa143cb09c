import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PhysicalOffset } from '../../base/index.ts';
import type { Store } from '../../views/index.ts';
import { type ColdReadLimits, ColdReads } from './cold-reads.ts';

const segmentBytes = 1000;

/** A log whose byte at each position is known. */
class KnownLog {
  readonly segmentBytes = segmentBytes;
  readonly reads: [number, number][] = [];
  readonly begin: number;
  readonly written: number;
  /** From here on it is in memory. */
  readonly tail: number;
  isBroken = false;

  constructor(begin: number, written: number, tail: number = written) {
    this.begin = begin;
    this.written = written;
    this.tail = tail;
  }

  bytes(position: number, size: number): Uint8Array {
    return Uint8Array.from({ length: size }, (_, index) => (position + index) % 251);
  }

  readTail(position: number, size: number): Uint8Array | undefined {
    return position >= this.tail ? this.bytes(position, size) : undefined;
  }

  async read(position: PhysicalOffset, size: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(size);
    await this.readInto(bytes, position);
    return bytes;
  }

  async readInto(bytes: Uint8Array, position: PhysicalOffset): Promise<void> {
    const size = bytes.length;
    assert(position >= this.begin && position + size <= this.written, 'only what is written');
    const segment = Math.floor((position - this.begin) / segmentBytes);
    const last = Math.floor((position + size - 1 - this.begin) / segmentBytes);
    assert.equal(segment, last, 'within one segment');
    this.reads.push([position, size]);
    await Promise.resolve();
    if (this.isBroken) throw new Error('cannot be read');
    bytes.set(this.bytes(position, size));
  }
}

const coldReads = (log: KnownLog, limits: ColdReadLimits = {}) =>
  new ColdReads(log as unknown as Store['log'], { blockBytes: 100, maxBlocks: 8, ...limits });

test('records are what the log has there, wherever blocks and segments begin and end', async () => {
  const gaps = fc.array(fc.record({ gap: fc.nat(120), size: fc.integer({ min: 1, max: 150 }) }), {
    minLength: 1,
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(
      gaps,
      fc.integer({ min: 1, max: 400 }),
      fc.nat(4),
      async (wanted, blockBytes, maxBlocks) => {
        const log = new KnownLog(3000, 7531, 7200);
        const reads = coldReads(log, { blockBytes, maxBlocks });
        const positions: number[] = [];
        const sizes: number[] = [];
        let at = 3000;
        for (const { gap, size } of wanted) {
          let position = at + gap;
          const end = (Math.floor(position / segmentBytes) + 1) * segmentBytes;
          if (position + size > end) position = end; // Records do not cross the end of a segment.
          if (position + size > log.written) break;
          positions.push(position);
          sizes.push(size);
          at = position + size;
        }
        const expected = positions.map((position, index) =>
          log.bytes(position, sizes[index] as number),
        );
        for (let round = 0; round < 2; round++) {
          assert.deepEqual(await reads.read(positions, sizes, positions.length), expected);
          const kept = reads.inMemory(positions, sizes);
          if (kept !== undefined) assert.deepEqual(kept, expected);
        }
      },
    ),
  );
});

test('who reads one after the other finds the next part there, and whoever else reads beside it too', async () => {
  const log = new KnownLog(0, 1000);
  const reads = coldReads(log);
  for (let from = 0; from < 950; from += 40) {
    const positions = [from, from + 20];
    if (reads.inMemory(positions, [10, 10]) === undefined) await reads.read(positions, [10, 10], 2);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(
    log.reads,
    Array.from({ length: 10 }, (_, index) => [100 * index, 100]),
    'each part once',
  );
  assert(reads.inMemory([905, 975], [10, 10]) !== undefined);
  assert.equal(reads.inMemory([5], [10]), undefined, 'no more than eight are kept');
});

test('readers of the same part wait for one read of it', async () => {
  const log = new KnownLog(0, 1000);
  const reads = coldReads(log);
  const together = [0, 10, 20].map((at) => reads.read([at, at + 30], [10, 10], 2));
  await Promise.all(together);
  assert.deepEqual(log.reads, [[0, 100]]);
});

test('a single record, and records far from each other, are read as they are', async () => {
  const log = new KnownLog(0, 3000);
  const reads = coldReads(log);
  await reads.read([205], [10], 1);
  await reads.read([305, 905], [10, 10], 2);
  assert.deepEqual(log.reads, [
    [205, 10],
    [305, 10],
    [905, 10],
  ]);
});

test('a part that is not written as a whole is read as far as it is, and not kept', async () => {
  const log = new KnownLog(0, 550);
  const reads = coldReads(log);
  await reads.read([505, 520], [10, 10], 2);
  assert.deepEqual(log.reads, [[505, 25]]);
  assert.equal(reads.inMemory([505], [10]), undefined);
});

test('what cannot be read is tried again by the next who wants it', async () => {
  const log = new KnownLog(0, 1000);
  const reads = coldReads(log);
  log.isBroken = true;
  await assert.rejects(reads.read([0, 20], [10, 10], 2), /cannot be read/);
  log.isBroken = false;
  assert.equal((await reads.read([0, 20], [10, 10], 2)).length, 2);
});
