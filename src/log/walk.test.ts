import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { writeBlankRecord } from '../wire/index.ts';
import { emptyRecordBytes, encodeRecord } from './test-log.ts';
import { type WalkEnd, Window, walkRecords } from './walk.ts';

const segmentBytes = 8192;

function segmentOf(bodies: readonly number[]): { bytes: Uint8Array; ends: number[] } {
  const bytes = new Uint8Array(segmentBytes);
  const view = new DataView(bytes.buffer);
  const ends: number[] = [];
  let at = 0;
  for (const length of bodies) {
    if (at + emptyRecordBytes + length + 8 > segmentBytes) break;
    encodeRecord({ target: bytes, targetView: view }, at, at, Buffer.alloc(length, 0x61));
    at += emptyRecordBytes + length;
    ends.push(at);
  }
  return { bytes, ends };
}

async function walk(
  bytes: Uint8Array,
  options: { from?: number; to?: number; windowBytes?: number } = {},
): Promise<{ end: WalkEnd; visited: number[]; passed: number }> {
  const { from = 0, to = segmentBytes, windowBytes = 512 } = options;
  const visited: number[] = [];
  const passed: Uint8Array[] = [];
  const end = await walkRecords(
    { from, to, segmentEnd: segmentBytes },
    async (into, position) => into.set(bytes.subarray(position, position + into.length)),
    new Window(windowBytes),
    {
      record: ({ position, size }) => void visited.push(position + size),
      passed: (part) => void passed.push(part.slice()),
    },
  );
  const all = Buffer.concat(passed);
  assert.deepEqual(all, Buffer.from(bytes.subarray(from, from + all.length)));
  return { end, visited, passed: all.length };
}

const bodies = fc.array(fc.nat(1500), { maxLength: 20 });

test('every record is visited once, whatever the window', async () => {
  await fc.assert(
    fc.asyncProperty(bodies, fc.integer({ min: 16, max: 3000 }), async (lengths, windowBytes) => {
      const { bytes, ends } = segmentOf(lengths);
      const { end, visited, passed } = await walk(bytes, { windowBytes });
      assert.deepEqual(visited, ends);
      assert.deepEqual([end.position, end.found], [ends.at(-1) ?? 0, 'end']);
      assert.equal(passed, ends.at(-1) ?? 0);
    }),
  );
});

test('a walk begins and ends where it is told', async () => {
  const { bytes, ends } = segmentOf([10, 500, 20, 900, 0]);
  const { end, visited } = await walk(bytes, { from: ends[0] ?? 0, to: ends[3] ?? 0 });
  assert.deepEqual(visited, ends.slice(1, 4));
  assert.deepEqual([end.position, end.found], [ends[3], 'to']);
  assert.equal((await walk(bytes, { from: ends[1] ?? 0, to: ends[1] ?? 0 })).end.found, 'to');
  const crossing = await walk(bytes, { to: (ends[2] ?? 0) - 1 });
  assert.deepEqual([crossing.end.position, crossing.end.found], [ends[1], 'damaged']);
});

test('a blank record must fill the segment', async () => {
  for (const [wrong, found] of [
    [0, 'blank'],
    [-1, 'damaged'],
    [1, 'damaged'],
  ] as const) {
    const { bytes, ends } = segmentOf([10, 500]);
    const at = ends[1] ?? 0;
    writeBlankRecord(new DataView(bytes.buffer), at, segmentBytes - at + wrong);
    const { end, visited, passed } = await walk(bytes);
    assert.deepEqual([end.position, end.found], [at, found]);
    assert.deepEqual(visited, ends);
    assert.equal(passed, at + (found === 'blank' ? 8 : 0));
  }
});

test('a changed byte ends the walk at its record or is not the business of a walk', async () => {
  const { bytes, ends } = segmentOf([10, 500, 20, 900, 0]);
  await fc.assert(
    fc.asyncProperty(fc.nat((ends.at(-1) ?? 1) - 1), fc.nat(254), async (at, change) => {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ (change + 1);
      const { end, visited } = await walk(changed);
      const record = ends.findIndex((recordEnd) => recordEnd > at);
      assert.deepEqual(visited, ends.slice(0, visited.length));
      assert(visited.length >= record);
      if (visited.length < ends.length) assert.equal(end.position, ends[record - 1] ?? 0);
    }),
  );
});
