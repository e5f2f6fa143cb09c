import {
  Failure,
  type KeyValue,
  type KeyValueStores,
  type Mutation,
  type Range,
} from '../../../src/base/index.ts';
import { failure, namesOf, type SimDrive } from './drive.ts';
import { FileInode, type FolderInode } from './inodes.ts';
import type { SimProcess } from './process.ts';
import { StoredDatabase } from './stored-database.ts';

const openMs = [1, 20] as const;
const readMs = [0.02, 1] as const;
const writeMs = [0.02, 1] as const;
const flushMs = [1, 20] as const;

/** Entries that one read of a scan brings. */
const scanBatchEntries = 64;

/** The databases of a node as one process sees them; they lie on its drive. */
export class SimKeyValueStores implements KeyValueStores {
  readonly #process: SimProcess;
  readonly #drive: SimDrive;

  constructor(process: SimProcess, drive: SimDrive) {
    this.#process = process;
    this.#drive = drive;
  }

  open(path: string): Promise<KeyValue> {
    const process = this.#process;
    return process.call(`${process.name} open database ${path}`, openMs, () => {
      const stored = this.#openOrCreate(path);
      if (stored.openedBy?.alive) throw failure(`open database ${path}`, 'locked');
      if (stored.damaged) throw new Failure('corrupt', `open database ${path}`);
      stored.openedBy = process;
      return new SimKeyValue(path, stored, process, this.#drive);
    });
  }

  /** Makes the next `open` of this database fail as corrupt. */
  damage(path: string): void {
    this.#existing(path).damaged = true;
  }

  /** Makes all reads fail as corrupt from now on, as those of a damaged block do. */
  damageReads(path: string): void {
    this.#existing(path).readsAreDamaged = true;
  }

  #existing(path: string): StoredDatabase {
    const { database } = this.#drive.folderAt(path);
    if (database === undefined) throw new Error(`no database in ${path}`);
    return database;
  }

  /** The folder itself is durable then, as on a real node. */
  #openOrCreate(path: string): StoredDatabase {
    const folder = this.#drive.makeFolders(path);
    if (folder.database !== undefined) return folder.database;
    // So that the folder is not empty for those who list, rename or remove it.
    this.#drive.change({ links: [{ folder, name: 'CURRENT', inode: new FileInode() }] });
    this.#drive.operate(() => {
      for (const each of this.#foldersOf(path)) this.#drive.makeLinksDurable(each);
      folder.database = new StoredDatabase();
    });
    return folder.database ?? new StoredDatabase();
  }

  #foldersOf(path: string): FolderInode[] {
    const names = namesOf(path);
    return [0, ...names.keys()].map((_, count) =>
      this.#drive.folderAt(`/${names.slice(0, count).join('/')}`),
    );
  }
}

class SimKeyValue implements KeyValue {
  readonly #path: string;
  readonly #stored: StoredDatabase;
  readonly #process: SimProcess;
  readonly #drive: SimDrive;
  readonly #underWay = new Set<Promise<unknown>>();
  #lastWrite: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(path: string, stored: StoredDatabase, process: SimProcess, drive: SimDrive) {
    this.#path = path;
    this.#stored = stored;
    this.#process = process;
    this.#drive = drive;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return (await this.getMany([key]))[0];
  }

  async getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    this.#checkOpen('read');
    return await this.#call('read', readMs, () => {
      this.#checkBlocks();
      return keys.map((key) => this.#stored.current.get(key));
    });
  }

  async *scan(range: Range): AsyncGenerator<readonly [Uint8Array, Uint8Array]> {
    this.#checkOpen('scan');
    const entries = await this.#call('scan', readMs, () => {
      this.#checkBlocks();
      return this.#stored.current.in(range);
    });
    for (let start = 0; start < entries.length; start += scanBatchEntries) {
      if (start > 0) await this.#call('scan on', readMs, () => {});
      for (const entry of entries.slice(start, start + scanBatchEntries)) {
        this.#checkOpen('scan');
        yield entry;
      }
    }
  }

  /** One after the other, in the order of the calls. */
  async write(batch: readonly Mutation[]): Promise<void> {
    this.#checkOpen('write');
    const write = this.#lastWrite.then(() =>
      this.#call('write', writeMs, () =>
        this.#drive.operate(() => {
          if (this.#drive.freeBytes === 0) throw failure(`write ${this.#path}`, 'diskFull');
          this.#stored.write(batch);
        }),
      ),
    );
    this.#lastWrite = write.catch(() => {});
    await this.#track(write);
  }

  /** Covers the writes that returned before the call. */
  async flush(): Promise<void> {
    this.#checkOpen('flush');
    const { mark } = this.#stored;
    await this.#call('flush', flushMs, () =>
      this.#drive.operate(() => {
        if (this.#drive.syncFails(this.#path)) throw failure(`flush ${this.#path}`);
        this.#stored.flush(mark);
      }),
    );
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    if (this.#process.alive) this.#stored.openedBy = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #call<T>(what: string, takesMs: readonly [number, number], effect: () => T): Promise<T> {
    const { name } = this.#process;
    return this.#track(this.#process.call(`${name} ${what} ${this.#path}`, takesMs, effect));
  }

  #track<T>(call: Promise<T>): Promise<T> {
    this.#underWay.add(call);
    const done = (): void => void this.#underWay.delete(call);
    call.then(done, done);
    return call;
  }

  #checkBlocks(): void {
    if (this.#stored.readsAreDamaged) throw new Failure('corrupt', `read ${this.#path}`);
  }

  #checkOpen(what: string): void {
    if (this.#closing !== undefined) throw new Failure('closed', `${what} ${this.#path}: closed`);
  }
}
