import type { PhysicalOffset } from '../base/index.ts';
import { blankHeaderBytes, blankMagic, checkRecord, magicAt, recordSizeAt } from '../wire/index.ts';

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

/**
 * Why the bytes are not whole records that follow each other from `position` on; undefined when they are. Bodies need not
 * be verified where the bytes were compared with another checksum.
 */
export function whyNoRecords(
  bytes: Uint8Array,
  position: PhysicalOffset,
  verifiesBodies: boolean,
): { readonly at: number; readonly why: string } | undefined {
  let expected: number = position;
  for (let at = 0; at < bytes.length; ) {
    const check = checkRecord(bytes, at, bytes.length - at, expected, verifiesBodies);
    if (check.type === 'record') {
      at += check.size;
      expected += check.size;
    } else if (check.type === 'blank' && at + blankHeaderBytes === bytes.length) {
      at += blankHeaderBytes;
    } else {
      const why = check.type === 'damaged' ? check.why : `${check.type} of the log within a range`;
      return { at: expected, why };
    }
  }
  return undefined;
}
