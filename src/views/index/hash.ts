/**
 * Hash of a key of a topic, 32 bits. The topic seeds it, so that no text `topic#key` is made. Stored: must not change.
 * Four bytes per step (as in MurmurHash3, Appleby), since one runs per message and key.
 */
export function hashKey(topic: Uint8Array, bytes: Uint8Array, from: number, to: number): number {
  return mix(mix(topic.length, topic, 0, topic.length), bytes, from, to);
}

function mix(seed: number, bytes: Uint8Array, from: number, to: number): number {
  let hash = seed ^ (to - from);
  let at = from;
  for (; at + 4 <= to; at += 4) {
    const word =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    hash = step(hash, word);
  }
  let rest = 0;
  for (let shift = 0; at < to; at++, shift += 8) rest |= (bytes[at] as number) << shift;
  hash = step(hash, rest);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function step(hash: number, word: number): number {
  const scattered = Math.imul(word, 0xcc9e2d51);
  const mixed = hash ^ Math.imul((scattered << 15) | (scattered >>> 17), 0x1b873593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}
