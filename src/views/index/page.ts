import { crc32 } from 'node:zlib';
import { Failure } from '../../base/index.ts';
import type { Entries } from './entries.ts';

/**
 * A page of the index: the value of a run, or of a bucket of a sealed segment. Big-endian:
 *
 *   format (1) = 1
 *   bits (1)             the number of bits of the hash that chose the bucket; 0 for a run
 *   count (4)
 *   first, last (8 each) positions; for a bucket those of the whole segment
 *   begin, end (8 each)  store timestamps, likewise
 *   count times, sorted by hash, then position: hash (4), position (8), milliseconds after begin (4)
 *   CRC-32 of all that (4)
 *
 * What is more than 49 days after begin has all ones as its time: it may be at any later time.
 */
const format = 1;
const headerBytes = 1 + 1 + 4 + 4 * 8;
const entryBytes = 16;
const latest = 2 ** 32 - 1;
const high = 2 ** 32;

export const entriesPerMebibyte = 2 ** 20 / entryBytes;

/** Where entries of a page lie: in positions and in time, inclusive. */
export interface Bounds {
  readonly first: number;
  readonly last: number;
  readonly begin: number;
  readonly end: number;
}

/** The bounds of entries, of which there is one at least. */
export function boundsOf(entries: Entries): Bounds {
  let begin = Number.POSITIVE_INFINITY;
  let end = 0;
  for (let index = 0; index < entries.length; index++) {
    const timestamp = entries.timestamps[index] as number;
    if (timestamp < begin) begin = timestamp;
    if (timestamp > end) end = timestamp;
  }
  return { first: entries.position(0), last: entries.position(entries.length - 1), begin, end };
}

/** `entries` lie within `bounds`; those with the same hash are in the order of their positions. */
export function encodePage(entries: Entries, bounds: Bounds, bits: number): Uint8Array {
  const { length } = entries;
  const bytes = new Uint8Array(headerBytes + length * entryBytes + 4);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, format);
  view.setUint8(1, bits);
  view.setUint32(2, length);
  writeLong(view, 6, bounds.first);
  writeLong(view, 14, bounds.last);
  writeLong(view, 22, bounds.begin);
  writeLong(view, 30, bounds.end);
  let at = headerBytes;
  for (const index of orderByHash(entries)) {
    view.setUint32(at, entries.hashes[index] as number);
    writeLong(view, at + 4, entries.position(index));
    view.setUint32(at + 12, Math.min(latest, (entries.timestamps[index] as number) - bounds.begin));
    at += entryBytes;
  }
  view.setUint32(at, crc32(bytes.subarray(0, at)));
  return bytes;
}

/** Memory for sorting, used again: a merge writes thousands of pages in a second. */
let order = new Uint32Array(0);
let sorted = new Uint32Array(0);
const starts = new Uint32Array(2 ** 11 + 1);

/**
 * The indexes of entries, sorted by hash and then index, until the next call: a radix sort, twice as fast as the
 * runtime's. With few entries it is the digits that cost, so that they are small ones then.
 */
function orderByHash({ hashes, length }: Entries): Uint32Array {
  if (order.length < length) {
    order = new Uint32Array(length);
    sorted = new Uint32Array(length);
  }
  const digitBits = length < 4096 ? 8 : 11;
  const digits = 2 ** digitBits;
  for (let index = 0; index < length; index++) order[index] = index;
  for (let shift = 0; shift < 32; shift += digitBits) {
    starts.fill(0, 0, digits + 1);
    for (let at = 0; at < length; at++) {
      const digit = ((hashes[at] as number) >>> shift) & (digits - 1);
      starts[digit + 1] = (starts[digit + 1] as number) + 1;
    }
    for (let digit = 1; digit < digits; digit++) {
      starts[digit] = (starts[digit] as number) + (starts[digit - 1] as number);
    }
    for (let at = 0; at < length; at++) {
      const index = order[at] as number;
      const digit = ((hashes[index] as number) >>> shift) & (digits - 1);
      const to = starts[digit] as number;
      sorted[to] = index;
      starts[digit] = to + 1;
    }
    [order, sorted] = [sorted, order];
  }
  return order.subarray(0, length);
}

/** A page as it was read. */
export class Page {
  readonly bits: number;
  readonly count: number;
  readonly bounds: Bounds;
  readonly #view: DataView;

  /** Fails `corrupt`, naming the page. */
  constructor(name: string, bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const end = bytes.length - 4;
    if (end < headerBytes) throw new Failure('corrupt', `${name} has ${bytes.length} bytes`);
    if (view.getUint32(end) !== crc32(bytes.subarray(0, end))) {
      throw new Failure('corrupt', `the checksum of ${name} differs`);
    }
    const count = view.getUint32(2);
    if (view.getUint8(0) !== format || headerBytes + count * entryBytes !== end) {
      throw new Failure('corrupt', `${name} has format ${view.getUint8(0)} and ${count} entries`);
    }
    this.bits = view.getUint8(1);
    this.count = count;
    this.bounds = {
      first: readLong(view, 6),
      last: readLong(view, 14),
      begin: readLong(view, 22),
      end: readLong(view, 30),
    };
    this.#view = view;
  }

  hash(index: number): number {
    return this.#view.getUint32(headerBytes + index * entryBytes);
  }

  position(index: number): number {
    return readLong(this.#view, headerBytes + index * entryBytes + 4);
  }

  /** The earliest time that the entry may be of. */
  timestamp(index: number): number {
    return this.bounds.begin + this.#view.getUint32(headerBytes + index * entryBytes + 12);
  }

  /** Whether the entry may lie in `begin..end`, inclusive. */
  isWithin(index: number, begin: number, end: number): boolean {
    const after = this.#view.getUint32(headerBytes + index * entryBytes + 12);
    const timestamp = this.bounds.begin + after;
    return timestamp <= end && (after === latest || timestamp >= begin);
  }

  /** The index of the first entry whose hash is at or above `hash`. */
  indexOf(hash: number): number {
    let low = 0;
    let end = this.count;
    while (low < end) {
      const middle = (low + end) >>> 1;
      if (this.hash(middle) < hash) low = middle + 1;
      else end = middle;
    }
    return low;
  }
}

function writeLong(view: DataView, at: number, value: number): void {
  view.setUint32(at, value / high);
  view.setUint32(at + 4, value);
}

function readLong(view: DataView, at: number): number {
  return view.getUint32(at) * high + view.getUint32(at + 4);
}
