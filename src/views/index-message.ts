import type { PhysicalOffset, TimestampMs } from '../base/index.ts';
import { hashKey, type KeyIndex } from './index/index.ts';
import type { RecordProperties } from './record-properties.ts';

const space = 0x20;

/** Index entries of a message: its unique key, and each of its KEYS, separated by blanks. */
export function indexMessage(
  index: KeyIndex,
  topic: Uint8Array,
  properties: Uint8Array,
  known: RecordProperties,
  position: PhysicalOffset,
  storeTimestamp: TimestampMs,
): void {
  if (known.uniqueKeyStart >= 0) {
    const hash = hashKey(topic, properties, known.uniqueKeyStart, known.uniqueKeyEnd);
    index.add(hash, position, storeTimestamp);
  }
  if (known.keysStart < 0) return;
  let start = known.keysStart;
  for (let at = start; at <= known.keysEnd; at++) {
    if (at < known.keysEnd && properties[at] !== space) continue;
    if (at > start) index.add(hashKey(topic, properties, start, at), position, storeTimestamp);
    start = at + 1;
  }
}
