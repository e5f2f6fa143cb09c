import { type PhysicalOffset, physicalOffset } from '../base/index.ts';
import { blankHeaderBytes, checkRecord, largestRecordBytes, recordSizeAt } from '../wire/index.ts';

/** A record of the log, in bytes that are valid until the visitor returns or its promise settles. */
export interface VisitedRecord {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly size: number;
  readonly position: PhysicalOffset;
}

/** Bytes to read into, used again and again. Grows when a record is larger. */
export class Window {
  bytes: Uint8Array;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }

  grow(size: number): void {
    const larger = new Uint8Array(size);
    larger.set(this.bytes);
    this.bytes = larger;
  }
}

export interface WalkVisitor {
  record(record: VisitedRecord): void | Promise<void>;
  /** Why a record is bad although `checkRecord` accepts it; undefined when it is not. */
  refuse?(bytes: Uint8Array, at: number, position: number): string | undefined;
  /** False: whoever walks compares all bytes with checksums of blocks, so that those of bodies need not be computed. */
  readonly verifiesBodies?: boolean;
  /** Told all bytes that belong to records or the blank record, in order, some after their records were visited. */
  passed?(bytes: Uint8Array): void;
}

/** Where a walk ended, and why: `to` was reached, the segment is filled up, nothing follows, or what follows is bad. */
export interface WalkEnd {
  readonly position: PhysicalOffset;
  readonly found: 'to' | 'blank' | 'end' | 'damaged';
  readonly why: string;
}

class CurrentRecord implements VisitedRecord {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  size = 0;
  position = physicalOffset(0);
}

/**
 * Visits the records of one segment at `from <= position < to`, both at record borders. `read` fills `into` with the
 * bytes at a position. Only what `checkRecord` accepts, and the visitor does not refuse, is visited. Nothing is allocated per record.
 */
export async function walkRecords(
  range: { readonly from: number; readonly to: number; readonly segmentEnd: number },
  read: (into: Uint8Array, position: number) => Promise<void>,
  window: Window,
  visitor: WalkVisitor,
): Promise<WalkEnd> {
  const { to, segmentEnd } = range;
  const record = new CurrentRecord();
  const { verifiesBodies = true } = visitor;
  let start = range.from; // Position of the window's first byte.
  let filled = 0;
  for (;;) {
    const wanted = Math.min(window.bytes.length - filled, to - start - filled);
    await read(window.bytes.subarray(filled, filled + wanted), start + filled);
    filled += wanted;
    const { bytes } = window;
    const isLast = start + filled === to;
    let end: WalkEnd | undefined;
    let at = 0;
    while (end === undefined && (at < filled || isLast)) {
      const position = start + at;
      if (position >= to) {
        end = { position: physicalOffset(position), found: 'to', why: '' };
        break;
      }
      if (!isLast && isCutShort(bytes, at, filled - at)) break;
      const check = checkRecord(bytes, at, filled - at, position, verifiesBodies);
      const refused = check.type === 'record' ? visitor.refuse?.(bytes, at, position) : undefined;
      if (refused !== undefined) {
        end = { position: physicalOffset(position), found: 'damaged', why: refused };
      } else if (check.type === 'record') {
        record.bytes = bytes;
        record.at = at;
        record.size = check.size;
        record.position = physicalOffset(position);
        const visited = visitor.record(record);
        if (visited !== undefined) await visited;
        at += check.size;
      } else {
        end = endAt(physicalOffset(position), check, segmentEnd);
        if (end.found === 'blank') at += blankHeaderBytes;
      }
    }
    visitor.passed?.(bytes.subarray(0, at));
    if (end !== undefined) return end;
    bytes.copyWithin(0, at, filled);
    start += at;
    filled -= at;
    if (filled === bytes.length) window.grow(recordSizeAt(bytes, 0));
  }
}

/** Whether the window ends within what may be a record. */
function isCutShort(bytes: Uint8Array, at: number, available: number): boolean {
  if (available < blankHeaderBytes) return true;
  const size = recordSizeAt(bytes, at);
  return size > available && size <= largestRecordBytes;
}

function endAt(
  position: PhysicalOffset,
  check: { type: 'blank'; size: number } | { type: 'end' } | { type: 'damaged'; why: string },
  segmentEnd: number,
): WalkEnd {
  switch (check.type) {
    case 'end':
      return { position, found: 'end', why: 'nothing was written there' };
    case 'damaged':
      return { position, found: 'damaged', why: check.why };
    case 'blank':
      return position + check.size === segmentEnd
        ? { position, found: 'blank', why: '' }
        : {
            position,
            found: 'damaged',
            why: `blank record of ${check.size} bytes, ${segmentEnd - position} left in the segment`,
          };
  }
}
