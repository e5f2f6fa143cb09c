/** The part of the binding that `key-value.ts` uses. Source: `index.js`, `lib/batch.js`, `lib/iterator.js`, 3.18. */
declare module 'rocksdb-native' {
  import type { Buffer } from 'node:buffer';

  export interface Options {
    readonly writeBufferSize?: number;
    readonly maxBackgroundJobs?: number;
    readonly maxFileOpeningThreads?: number;
  }

  export interface ReadBatch {
    get(key: Uint8Array): Promise<Buffer | null>;
    /** Starts the reads; the promises of `get` tell how they went. */
    tryFlush(): void;
  }

  export interface WriteBatch {
    tryPut(key: Uint8Array, value: Uint8Array): void;
    tryDelete(key: Uint8Array): void;
    tryDeleteRange(from: Uint8Array, to: Uint8Array): void;
    flush(): Promise<void>;
  }

  export interface BatchOptions {
    readonly capacity: number;
    /** Gives the batch back when it is done. */
    readonly autoDestroy: true;
  }

  export interface Entries extends AsyncIterable<{ readonly key: Buffer; readonly value: Buffer }> {
    destroy(): void;
  }

  export default class RocksDB {
    constructor(folder: string, options: Options);
    ready(): Promise<void>;
    read(options: BatchOptions): ReadBatch;
    write(options: BatchOptions): WriteBatch;
    /** An empty bound means none. */
    iterator(
      range: { readonly gte: Uint8Array; readonly lt: Uint8Array },
      options: { readonly reverse: boolean; readonly limit: number; readonly capacity: number },
    ): Entries;
    flush(): Promise<void>;
    close(): Promise<void>;
  }
}
