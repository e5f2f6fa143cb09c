/** Ordered key-value databases (RocksDB on a real node). Keys compare as unsigned bytes. */
export interface KeyValueStores {
  /**
   * Opens or creates the database in `folder`. Holds an exclusive lock that ends with the process: a second opener
   * fails `unavailable`/`locked`. Damage fails `corrupt` and leaves the files as they are.
   */
  open(folder: string, options?: { readonly writeBufferBytes?: number }): Promise<KeyValue>;
}

export type Mutation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'delete'; readonly key: Uint8Array }
  /** Deletes `from <= key < to`. */
  | { readonly type: 'deleteRange'; readonly from: Uint8Array; readonly to: Uint8Array };

export interface Range {
  /** Inclusive. */
  readonly from: Uint8Array;
  /** Exclusive. */
  readonly to: Uint8Array;
  readonly reverse?: boolean;
  readonly limit?: number;
}

export interface KeyValue extends AsyncDisposable {
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  /** In the order of `keys`. */
  getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]>;
  /** In key order (reversed on request). Sees what was written before the call. */
  scan(range: Range): AsyncIterable<readonly [key: Uint8Array, value: Uint8Array]>;
  /**
   * Applies the whole batch or nothing of it, in order, and is visible to reads once it returns. Survives a crash only
   * as far as a later `flush` completed; after a crash the database holds the batches of some prefix of all writes.
   * Keys and values must not change until it returns.
   */
  write(batch: readonly Mutation[]): Promise<void>;
  /** All writes that returned before the call are durable once it returns. */
  flush(): Promise<void>;
  close(): Promise<void>;
}
