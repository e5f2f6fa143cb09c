import { topicRangeAt } from '../wire/index.ts';

/** Names that come again and again, by their bytes as Latin-1, so that a scan makes one string for each topic. */
const names = new Map<string, string>();
const maxNames = 100_000;

/** The topic of the record at `at`. */
export function topicAt(bytes: Uint8Array, at: number): string {
  const { start, end } = topicRangeAt(bytes, at);
  const raw = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
  let name = names.get(raw);
  if (name === undefined) {
    name = new TextDecoder().decode(bytes.subarray(start, end));
    if (names.size >= maxNames) names.clear();
    names.set(raw, name);
  }
  return name;
}
