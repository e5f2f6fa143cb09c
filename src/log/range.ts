import type { PhysicalOffset } from '../base/index.ts';
import { blankHeaderBytes, blankMagic, magicAt, recordSizeAt } from '../wire/index.ts';

/** Records of the log, with the blank one at the end of a segment as its header only. */
export interface LogRange {
  readonly bytes: Uint8Array;
  readonly end: PhysicalOffset;
}

/**
 * The whole records at the beginning of the bytes, at most `maxBytes` but at least one; undefined when there is none.
 * `length` is how much of the log they are: a blank record reaches to the end of its segment, `left` bytes away.
 */
export function wholeRecords(
  bytes: Uint8Array,
  maxBytes: number,
  left: number,
): { readonly bytes: Uint8Array; readonly length: number } | undefined {
  let at = 0;
  while (bytes.length - at >= blankHeaderBytes) {
    if (magicAt(bytes, at) === blankMagic) {
      return { bytes: bytes.subarray(0, at + blankHeaderBytes), length: left };
    }
    const size = recordSizeAt(bytes, at);
    if (size <= 0 || at + size > bytes.length || (at > 0 && at + size > maxBytes)) break;
    at += size;
  }
  return at === 0 ? undefined : { bytes: bytes.subarray(0, at), length: at };
}
