/** Hosts in records and message ids: address (4 or 16 bytes), then the port as 4 bytes. */
import { type Address, Failure } from '../../base/index.ts';
import { readInt32, readUint16, writeInt16, writeInt32 } from '../bytes.ts';

export type Host = Address;

export const hostBytesV4 = 8;
export const hostBytesV6 = 20;

/** `length` is 8 or 20. */
export function decodeHost(bytes: Uint8Array, at: number, length: number): Host {
  const port = readInt32(bytes, at + length - 4);
  if (length === hostBytesV4) {
    return { host: `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`, port };
  }
  const words: string[] = [];
  for (let i = 0; i < 8; i++) words.push(readUint16(bytes, at + 2 * i).toString(16));
  return { host: shortenZeroes(words), port };
}

/** 8 bytes for an IPv4 address, 20 for an IPv6 one. Throws `Failure('invalid')` for a name. */
export function encodeHost({ host, port }: Host): Uint8Array {
  const v4 = parseV4(host);
  if (v4 !== undefined) {
    const bytes = new Uint8Array(hostBytesV4);
    bytes.set(v4);
    writeInt32(bytes, 4, port);
    return bytes;
  }
  const words = parseV6(host);
  if (words === undefined) throw new Failure('invalid', `"${host}" is not an IP address`);
  const bytes = new Uint8Array(hostBytesV6);
  words.forEach((word, i) => {
    writeInt16(bytes, 2 * i, word);
  });
  writeInt32(bytes, 16, port);
  return bytes;
}

function parseV4(host: string): number[] | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(host);
  if (match === null) return undefined;
  const parts = match.slice(1).map(Number);
  return parts.every((part) => part <= 255) ? parts : undefined;
}

function parseV6(host: string): number[] | undefined {
  const address = host.split('%', 1)[0]!;
  const mapped = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  let plain = address;
  if (mapped !== null) {
    const v4 = parseV4(mapped[2]!);
    if (v4 === undefined) return undefined;
    const [a, b, c, d] = v4 as [number, number, number, number];
    plain = `${mapped[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const halves = plain.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const words = [
    ...head,
    ...new Array<string>(halves.length === 2 ? missing : 0).fill('0'),
    ...tail,
  ];
  if (!words.every((word) => /^[0-9a-fA-F]{1,4}$/.test(word))) return undefined;
  return words.map((word) => Number.parseInt(word, 16));
}

/** `::` for the longest run of two zero words or more, as in RFC 5952. */
function shortenZeroes(words: readonly string[]): string {
  let best = { at: -1, length: 1 };
  for (let at = 0; at < words.length; at++) {
    let length = 0;
    while (words[at + length] === '0') length++;
    if (length > best.length) best = { at, length };
  }
  if (best.at < 0) return words.join(':');
  return `${words.slice(0, best.at).join(':')}::${words.slice(best.at + best.length).join(':')}`;
}
