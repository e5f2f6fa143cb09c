/**
 * Branded values that must not be mixed up. All are plain numbers at run time: 2^53 bytes of log is 8 PiB, so
 * 64-bit wire values are decoded to `number` and checked.
 */
declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Byte position in a broker group's commit log, from 0. */
export type PhysicalOffset = Brand<number, 'PhysicalOffset'>;
/** Index of a message in one queue, from 0. */
export type QueueOffset = Brand<number, 'QueueOffset'>;
/** Milliseconds since 1970-01-01T00:00Z. */
export type TimestampMs = Brand<number, 'TimestampMs'>;
/** Mastership period of a broker group, from 1; each start of a master begins a new one (protocol rule 1). */
export type Epoch = Brand<number, 'Epoch'>;
/** Number of a metadata record in its group, from 1; also the version of a key: the record that last wrote it. */
export type MetadataSequence = Brand<number, 'MetadataSequence'>;
/** Replica number in a broker group; 0 is how clients know the master. */
export type BrokerId = Brand<number, 'BrokerId'>;

export const physicalOffset = (value: number): PhysicalOffset => value as PhysicalOffset;
export const queueOffset = (value: number): QueueOffset => value as QueueOffset;
export const timestampMs = (value: number): TimestampMs => value as TimestampMs;
export const epoch = (value: number): Epoch => value as Epoch;
export const metadataSequence = (value: number): MetadataSequence => value as MetadataSequence;
export const brokerId = (value: number): BrokerId => value as BrokerId;

/** A place on the network. `host` is a name or an address without brackets. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, with brackets around an IPv6 host. */
export function formatAddress(address: Address): string {
  return address.host.includes(':')
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`;
}
