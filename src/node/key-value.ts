import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type RocksDB from 'rocksdb-native';
import type { Entries } from 'rocksdb-native';
import {
  describeError,
  Failure,
  type KeyValue,
  type KeyValueStores,
  type Mutation,
  type Range,
} from '../base/index.ts';
import { nodeDisk, orFailure } from './disk.ts';

/**
 * RocksDB. Each call of the binding occupies a thread of libuv's pool, which files and name look-ups share: `bin` sets
 * UV_THREADPOOL_SIZE before anything uses the pool, since its size is fixed by the first use.
 */
export const nodeKeyValueStores: KeyValueStores = {
  async open(folder, options = {}) {
    await makeDurableFolder(folder);
    // Loaded by the first database: client commands do without.
    const { default: Database } = await import('rocksdb-native');
    const database = new Database(folder, {
      writeBufferSize: options.writeBufferBytes ?? defaultWriteBufferBytes,
      maxBackgroundJobs: 2,
      maxFileOpeningThreads: 2,
    });
    try {
      await database.ready();
    } catch (error) {
      throw failureOf('open', folder, error);
    }
    return new RocksDatabase(folder, database);
  },
};

/** Makes the new entries that lead to the folder durable, which RocksDB leaves to others. */
async function makeDurableFolder(folder: string): Promise<void> {
  const made = await orFailure('make folder', folder, () => mkdir(folder, { recursive: true }));
  if (made === undefined) return;
  for (let path = folder; path.length >= made.length; path = dirname(path)) {
    await nodeDisk.syncFolder(dirname(path));
  }
}

const defaultWriteBufferBytes = 8 * 1024 * 1024;

/** Entries that one visit to the thread pool reads. */
const scanBatchEntries = 256;

class RocksDatabase implements KeyValue {
  readonly #folder: string;
  readonly #database: RocksDB;
  readonly #scans = new Set<Entries>();
  /** The write that was given last. The pool would run two at a time in any order. */
  #lastWrite: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(folder: string, database: RocksDB) {
    this.#folder = folder;
    this.#database = database;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return (await this.getMany([key]))[0];
  }

  /** Values are memory of their own, not views of RocksDB's blocks. */
  async getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    this.#checkOpen('read');
    if (keys.length === 0) return [];
    return await this.#orFailure('read', async () => {
      const batch = this.#database.read({ capacity: keys.length, autoDestroy: true });
      const values = Promise.all(keys.map((key) => batch.get(key)));
      batch.tryFlush();
      return (await values).map((value) => value ?? undefined);
    });
  }

  async *scan(range: Range): AsyncGenerator<readonly [Uint8Array, Uint8Array]> {
    this.#checkOpen('scan');
    const { from, to, reverse = false, limit = Number.POSITIVE_INFINITY } = range;
    if (isEmpty(from, to) || limit <= 0) return;
    const capacity = Math.min(limit, scanBatchEntries);
    const bounds = { gte: from, lt: to };
    const entries = this.#database.iterator(bounds, { reverse, limit, capacity });
    this.#scans.add(entries);
    try {
      for await (const { key, value } of entries) yield [key, value];
    } catch (error) {
      this.#checkOpen('scan');
      throw failureOf('scan', this.#folder, error);
    } finally {
      this.#scans.delete(entries);
    }
  }

  async write(batch: readonly Mutation[]): Promise<void> {
    this.#checkOpen('write');
    const write = this.#lastWrite.then(() => this.#writeNext(batch));
    this.#lastWrite = write.catch(() => {}); // Its caller is told; the next write is a matter of its own.
    await write;
  }

  async #writeNext(batch: readonly Mutation[]): Promise<void> {
    if (batch.length === 0) return;
    await this.#orFailure('write', async () => {
      const writes = this.#database.write({ capacity: batch.length, autoDestroy: true });
      for (const mutation of batch) {
        switch (mutation.type) {
          case 'put':
            writes.tryPut(mutation.key, mutation.value);
            break;
          case 'delete':
            writes.tryDelete(mutation.key);
            break;
          case 'deleteRange':
            // RocksDB refuses the whole batch if a range ends before it starts.
            if (!isEmpty(mutation.from, mutation.to)) {
              writes.tryDeleteRange(mutation.from, mutation.to);
            }
        }
      }
      await writes.flush();
    });
  }

  /** A memtable flush: writes and syncs a table file and the manifest. The write-ahead log is never synced. */
  async flush(): Promise<void> {
    this.#checkOpen('flush');
    await this.#orFailure('flush', () => this.#database.flush());
  }

  /** Lets calls that are under way finish and ends scans, for which RocksDB would wait. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#lastWrite;
    for (const entries of this.#scans) entries.destroy();
    await this.#orFailure('close', () => this.#database.close());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #orFailure<T>(what: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw failureOf(what, this.#folder, error);
    }
  }

  #checkOpen(what: string): void {
    if (this.#closing !== undefined) throw new Failure('closed', `${what} ${this.#folder}: closed`);
  }
}

function isEmpty(from: Uint8Array, to: Uint8Array): boolean {
  return Buffer.compare(from, to) >= 0;
}

/**
 * RocksDB's status reaches us as a code that is the same for damage and for errors of the operating system (EIO), and a
 * text, which for the latter ends in that of the error number. What is neither that nor a passing state is damage: a
 * database is a view that can be rebuilt, so that the doubt goes this way. Source: `rocksdb__status` of librocksdb.
 */
function failureOf(what: string, folder: string, error: unknown): Failure {
  const message = `${what} database ${folder}`;
  const cause = innermost(error);
  const text = describeError(cause);
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (/while lock file|lock hold by current process/i.test(text)) {
    const locked = `database ${folder} is locked: another process has it open`;
    return new Failure('unavailable', locked, { reason: 'locked' });
  }
  if (
    code === 'ENOSPC' ||
    /: (No space left on device|Disk quota exceeded|File too large)$/.test(text)
  ) {
    return new Failure('unavailable', message, { reason: 'diskFull', cause: error });
  }
  const damaged = damageCodes.has(code) && !operatingSystemErrors.test(text);
  return new Failure(damaged ? 'corrupt' : 'unavailable', message, { cause: error });
}

const damageCodes: ReadonlySet<string> = new Set(['EIO', 'ENOENT', 'EINVAL', 'ENOSYS', 'UNKNOWN']);
const operatingSystemErrors =
  /: (Permission denied|Operation not permitted|Read-only file system|Too many open files( in system)?|Cannot allocate memory|Input\/output error|Stale file handle)$/;

/** Batches wrap what RocksDB said, one read in many also in a list. */
function innermost(error: unknown): unknown {
  if (error instanceof AggregateError) return innermost(error.errors.find(Boolean));
  return error instanceof Error && error.cause !== undefined ? innermost(error.cause) : error;
}
