import { hash } from 'node:crypto';
import type { Brand } from '../../base/index.ts';
import { type TableNumber, tableSlots } from './catalogue.ts';
import { bufferOf, keyText } from './key-text.ts';

/** 16 bytes as 32 lower-case hexadecimal digits: a sum modulo 2^128 over rows (docs/state.md, "Digest"). */
export type Digest = Brand<string, 'Digest'>;
export const digestBytes = 16;

/** A sum modulo 2^128 in four 32-bit words, the most significant first. */
export type DigestSum = Uint32Array;

let scratch = Buffer.alloc(4096);

/**
 * Adds (`sign` 1) or takes away (`sign` -1) one row: the first 16 bytes of sha256(table, key length as 2 bytes, key,
 * value). `sum` is changed in place.
 */
export function addRow(
  sum: DigestSum,
  sign: 1 | -1,
  table: TableNumber,
  key: string,
  value: Uint8Array,
): void {
  const size = 3 + key.length + value.length;
  if (scratch.length < size) scratch = Buffer.alloc(size * 2);
  scratch[0] = table;
  scratch[1] = key.length >>> 8;
  scratch[2] = key.length;
  scratch.write(key, 3, 'latin1');
  scratch.set(value, 3 + key.length);
  // Text output is more than twice as fast as a buffer here.
  const sha256 = hash('sha256', scratch.subarray(0, size), 'binary');
  let carry = sign === 1 ? 0 : 1;
  for (let word = 3; word >= 0; word--) {
    const at = word * 4;
    const part =
      ((sha256.charCodeAt(at) << 24) |
        (sha256.charCodeAt(at + 1) << 16) |
        (sha256.charCodeAt(at + 2) << 8) |
        sha256.charCodeAt(at + 3)) >>>
      0;
    // Taking away is adding the two's complement.
    const total = (sum[word] as number) + (sign === 1 ? part : ~part >>> 0) + carry;
    sum[word] = total;
    carry = total > 0xffff_ffff ? 1 : 0;
  }
}

/** The total digest of rows that are fed one by one. */
export class RowDigest {
  readonly #sums = emptySums();

  add(table: TableNumber, key: Uint8Array, value: Uint8Array): void {
    addRow(this.#sums[table] as DigestSum, 1, table, keyText(key), value);
  }

  total(): Digest {
    return totalDigest(this.#sums);
  }
}

export function emptySum(): DigestSum {
  return new Uint32Array(4);
}

/** One sum per table; shared, so never changed in place. */
export type DigestSums = readonly DigestSum[];

export function emptySums(): DigestSums {
  return Array.from({ length: tableSlots }, emptySum);
}

export function digestOf(sum: DigestSum): Digest {
  let text = '';
  for (const word of sum) text += word.toString(16).padStart(8, '0');
  return text as Digest;
}

export function totalDigest(sums: DigestSums): Digest {
  const total = emptySum();
  for (const sum of sums) {
    let carry = 0;
    for (let word = 3; word >= 0; word--) {
      const value = (total[word] as number) + (sum[word] as number) + carry;
      total[word] = value;
      carry = value > 0xffff_ffff ? 1 : 0;
    }
  }
  return digestOf(total);
}

/** The digest that 16 bytes spell. */
export function digestFromBytes(bytes: Uint8Array): Digest {
  return bufferOf(bytes).toString('hex', 0, digestBytes) as Digest;
}

export function digestToBytes(digest: Digest): Uint8Array {
  return Buffer.from(digest, 'hex');
}

export function sumFromBytes(bytes: Uint8Array): DigestSum {
  const view = new DataView(bytes.buffer, bytes.byteOffset, digestBytes);
  return Uint32Array.of(
    view.getUint32(0),
    view.getUint32(4),
    view.getUint32(8),
    view.getUint32(12),
  );
}
