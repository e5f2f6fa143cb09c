/**
 * Keys of the index in the `queues` database (docs/state.md):
 *
 *   04 <first position 8>              run
 *   05 <segment base 8> <bucket 2>     bucket
 */
const runKind = 4;
const bucketKind = 5;

export function runKey(first: number): Uint8Array {
  return key(9, runKind, first);
}

export function bucketKey(base: number, bucket: number): Uint8Array {
  const bytes = key(11, bucketKind, base);
  bytes[9] = bucket >>> 8;
  bytes[10] = bucket;
  return bytes;
}

export const afterRuns = Uint8Array.of(runKind + 1);
export const afterBuckets = Uint8Array.of(bucketKind + 1);

/** The position in the key of a run, or the segment's base in that of a bucket. */
export function positionOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint32(1) * 2 ** 32 + view.getUint32(5);
}

export function bucketOf(bytes: Uint8Array): number {
  return ((bytes[9] as number) << 8) | (bytes[10] as number);
}

function key(length: number, kind: number, position: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, kind);
  view.setUint32(1, position / 2 ** 32);
  view.setUint32(5, position);
  return bytes;
}
