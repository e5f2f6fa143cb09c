/** Ours: what replicas are compared by. */
import type { BrokerId, PhysicalOffset } from '../../base/index.ts';
import { type BodyOf, body, listOf } from '../schema/body.ts';
import { bool, long, optional, text } from '../schema/kinds.ts';

/** Answer to our GET_METADATA_DIGESTS: the metadata tables of a replica behind one record. */
export const MetadataDigests = body('MetadataDigests', {
  brokerId: long<BrokerId>(),
  /** Of the newest metadata record here. */
  newest: long(),
  applied: long<PhysicalOffset>(),
  /** Of the record behind which the digests are. */
  sequence: long(),
  /** Hexadecimal; absent where that record is not here yet, or is too old. */
  digest: optional(text),
  tables: listOf(
    body('MetadataTableDigest', {
      table: text,
      digest: text,
    }),
  ),
  /** What the replica found when it checked itself, if it was asked to. */
  damage: optional(text),
});
export type MetadataDigests = BodyOf<typeof MetadataDigests>;

/** Answer to our GET_METADATA_ROWS: rows of one table in the order of their keys, as the database holds them. */
export const MetadataRows = body('MetadataRows', {
  rows: listOf(
    body('MetadataRow', {
      /** Hexadecimal. */
      key: text,
      /** The key for a person. */
      name: text,
      /** Sequence of the record that wrote it. */
      version: long(),
      /** The value for a person, cut when it is long. */
      value: text,
      /** Of the whole value, in hexadecimal. */
      hash: text,
    }),
  ),
  more: bool,
});
export type MetadataRows = BodyOf<typeof MetadataRows>;
