import { Failure, type PhysicalOffset, physicalOffset } from '../base/index.ts';
import { type CommitLog, epochBegunBy, whyNoRecords } from '../log/index.ts';
import {
  blankHeaderBytes,
  blankMagic,
  magicAt,
  recordSizeAt,
  storeTimestampAt,
} from '../wire/index.ts';
import type { RecordFeed } from './record-feed.ts';

/**
 * Fails `invalid`, since it is not this store that is damaged, unless the bytes are whole records that follow each other
 * from `position` on. Their bodies are covered by the checksum of the range, and by the leader, which verifies what it
 * reads from a file.
 */
export function checkRange(bytes: Uint8Array, position: PhysicalOffset): void {
  const wrong = whyNoRecords(bytes, position, false);
  if (wrong === undefined) return;
  const message = `the leader sent no record for position ${wrong.at}: ${wrong.why}`;
  throw new Failure('invalid', message);
}

/** Appends records that `checkRange` accepted to the log and the views, as their leader had them. */
export function ingestRange(bytes: Uint8Array, log: CommitLog, feed: RecordFeed): void {
  for (let at = 0; at < bytes.length; ) {
    if (magicAt(bytes, at) === blankMagic) {
      log.rollOver(recordSizeAt(bytes, at));
      at += blankHeaderBytes;
      continue;
    }
    const start = log.end;
    const end = appendPiece(bytes, at, log);
    for (let from = at; from < end; ) {
      const size = recordSizeAt(bytes, from);
      const fed = feed.feed(bytes, from, size, physicalOffset(start + from - at));
      if (typeof fed === 'object') log.noteEpoch(fed);
      from += size;
    }
    at = end;
  }
}

/** Appends the record at `at` and as many behind it as fit into one reservation. Returns where the next one is. */
function appendPiece(bytes: Uint8Array, at: number, log: CommitLog): number {
  let last = at;
  let end = at + recordSizeAt(bytes, at);
  while (end < bytes.length && magicAt(bytes, end) !== blankMagic) {
    const next = end + recordSizeAt(bytes, end);
    if (next - at > log.largestAppend) break;
    last = end;
    end = next;
  }
  log.reserve(end - at);
  log.target.set(bytes.subarray(at, end), log.targetAt);
  log.publish(storeTimestampAt(bytes, last));
  return end;
}

/** Appends the record at `at`, which `checkRange` accepted, to a log without views. Returns where the next one is. */
export function appendRecord(bytes: Uint8Array, at: number, log: CommitLog): number {
  const position = log.end;
  const size = recordSizeAt(bytes, at);
  if (magicAt(bytes, at) === blankMagic) {
    log.rollOver(size);
    return at + blankHeaderBytes;
  }
  log.reserve(size);
  log.target.set(bytes.subarray(at, at + size), log.targetAt);
  log.publish(storeTimestampAt(bytes, at));
  const begun = epochBegunBy(bytes, at, position);
  if (begun !== undefined) log.noteEpoch(begun);
  return at + size;
}
