import { propertiesRangeAt, topicRangeAt } from '../wire/index.ts';

/** What a disk writes as a whole. Pages and larger sectors are multiples of it. */
const sectorBytes = 512;

/**
 * Whether a record that `checkRecord` accepts was torn by a power loss. Its checksum covers the body, and its header
 * and lengths do not agree when a part of them is missing; but the text of topic and properties agrees with anything.
 * A place of the log that was not written holds zeroes: so text that ends in a zero, or is zero throughout a sector, was
 * not written there. Text with a zero somewhere else is believed: senders may do that. `fileOffset` is that of `at`.
 */
export function isTorn(bytes: Uint8Array, at: number, fileOffset: number): boolean {
  const topic = topicRangeAt(bytes, at);
  const properties = propertiesRangeAt(bytes, at);
  const shift = fileOffset - at;
  return (
    hasHole(bytes, topic.start, topic.end, shift) ||
    hasHole(bytes, properties.start, properties.end, shift)
  );
}

function hasHole(bytes: Uint8Array, start: number, end: number, shift: number): boolean {
  if (start < end && bytes[end - 1] === 0) return true;
  for (let from = start; from < end; ) {
    const border = from + sectorBytes - ((from + shift) % sectorBytes);
    const to = Math.min(end, border);
    if (isZero(bytes, from, to)) return true;
    from = to;
  }
  return false;
}

function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return false;
  return true;
}
