/**
 * The index of keys and unique keys: from the hash of a topic and a key to positions in the log that may hold such a
 * message. Owns the runs and buckets in the `queues` database (docs/state.md).
 */
export { hashKey } from './hash.ts';
export { type IndexBatch, KeyIndex } from './key-index.ts';
