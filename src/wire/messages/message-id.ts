import { Failure, type PhysicalOffset, physicalOffset } from '../../base/index.ts';
import { decodeText, readInt64, writeHex, writeInt16, writeInt32, writeInt64 } from '../bytes.ts';
import { decodeHost, type Host } from './host.ts';

/**
 * Offset message id: upper-case hexadecimal of store host (address 4 or 16, port 4) and log position (8). Source:
 * `MessageDecoder.createMessageId`.
 */
export function encodeOffsetMessageId(storeHost: Uint8Array, offset: PhysicalOffset): string {
  const bytes = new Uint8Array(storeHost.length + 8);
  bytes.set(storeHost);
  writeInt64(bytes, storeHost.length, offset);
  return toHex(bytes);
}

export interface OffsetMessageId {
  readonly host: Host;
  readonly physicalOffset: PhysicalOffset;
}

/** Throws `Failure('invalid')`. 32 digits are IPv4, 56 are IPv6; a unique key looks the same and gives nonsense. */
export function decodeOffsetMessageId(id: string): OffsetMessageId {
  if (!/^(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{56})$/.test(id)) {
    throw new Failure('invalid', `offset message id: "${id.slice(0, 60)}" is not 32 or 56 digits`);
  }
  const bytes = new Uint8Array(id.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = Number.parseInt(id.slice(2 * i, 2 * i + 2), 16);
  }
  const hostLength = bytes.length - 8;
  const offset = readInt64(bytes, hostLength);
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new Failure('invalid', `offset message id: "${id}" has no possible position`);
  }
  return { host: decodeHost(bytes, 0, hostLength), physicalOffset: physicalOffset(offset) };
}

/** What makes the unique keys of one process differ from those of all others. */
export interface UniqueIdSource {
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** 16 bits of the process, and 32 bits of chance. */
  readonly processId: number;
  readonly chance: number;
}

/**
 * A unique key (UNIQ_KEY) as Java clients make them: address, process id 2, chance 4, milliseconds since the month began
 * 4, counter 2; upper-case hexadecimal. Source: `MessageClientIDSetter`.
 */
export function createUniqueId(
  source: UniqueIdSource,
  sinceMonthBeganMs: number,
  counter: number,
): string {
  const bytes = new Uint8Array(source.address.length + 12);
  bytes.set(source.address);
  const at = source.address.length;
  writeInt16(bytes, at, source.processId);
  writeInt32(bytes, at + 2, source.chance);
  writeInt32(bytes, at + 6, sinceMonthBeganMs);
  writeInt16(bytes, at + 10, counter);
  return toHex(bytes);
}

function toHex(bytes: Uint8Array): string {
  const digits = new Uint8Array(bytes.length * 2);
  writeHex(digits, 0, bytes, 0, bytes.length);
  return decodeText(digits, 0, digits.length);
}
