import { crc32 } from 'node:zlib';
import {
  type Disk,
  type DiskFile,
  describeError,
  Failure,
  isFailure,
  type Logger,
} from '../base/index.ts';
import { atomicReplace, makeDurableFolder } from '../log/index.ts';
import { type JsonValue, parseFastjson, writeFastjson } from '../wire/index.ts';
import { decodeText, encodeText } from './text.ts';

/** Larger than any table that people write; a guard against reading some other file. */
const maxFileBytes = 64 * 1024 * 1024;

type Table = ReadonlyMap<string, ReadonlyMap<string, string>>;

interface Change {
  readonly namespace: string;
  readonly key: string;
  /** `undefined` deletes. */
  readonly value: string | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Texts by namespace and key, among them the order configuration of topics. A change is visible and acknowledged once
 * it is durable: the whole file is written beside the old one, fsynced, and renamed. Changes that come meanwhile share
 * the next write. Source: `KVConfigManager`.
 *
 * The file is the JSON that a Java name server writes, and a second line `crc32 XXXXXXXX` over the first. Without that
 * line it is taken for a Java name server's.
 */
export class KvConfig implements AsyncDisposable {
  readonly #path: string | undefined;
  readonly #disk: Disk;
  readonly #logger: Logger;
  #table: Table;
  #revision = 0;
  #waiting: Change[] = [];
  #writing: Promise<void> | undefined;
  #isClosed = false;

  /** Fails `corrupt` when there is a file that cannot be read as one. Without a path it is empty and cannot change. */
  static async open(
    options: { readonly path: string | undefined },
    ports: { readonly disk: Disk; readonly logger: Logger },
  ): Promise<KvConfig> {
    const table = options.path === undefined ? new Map() : await load(options.path, ports.disk);
    return new KvConfig(options.path, ports, table);
  }

  private constructor(
    path: string | undefined,
    ports: { readonly disk: Disk; readonly logger: Logger },
    table: Table,
  ) {
    this.#path = path;
    this.#disk = ports.disk;
    this.#logger = ports.logger;
    this.#table = table;
  }

  /** Rises with every change. */
  get revision(): number {
    return this.#revision;
  }

  get(namespace: string, key: string): string | undefined {
    return this.#table.get(namespace)?.get(key);
  }

  /** `undefined` when nothing was ever put there. */
  namespace(namespace: string): ReadonlyMap<string, string> | undefined {
    return this.#table.get(namespace);
  }

  /** Fails `unavailable` when the file cannot be written; then nothing has changed. */
  put(namespace: string, key: string, value: string): Promise<void> {
    return this.#change(namespace, key, value);
  }

  /** As `put`; deleting what is not there succeeds. */
  delete(namespace: string, key: string): Promise<void> {
    return this.#change(namespace, key, undefined);
  }

  /** Waits for what is being written; later changes fail `closed`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #change(namespace: string, key: string, value: string | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new Failure('closed', 'the name server is stopping'));
      if (this.#path === undefined) {
        const message = 'the key-value configuration cannot change: kvConfigPath is not set';
        return reject(new Failure('invalid', message));
      }
      this.#waiting.push({ namespace, key, value, resolve, reject });
      this.#writing ??= this.#writeAll(this.#path);
    });
  }

  async #writeAll(path: string): Promise<void> {
    // Lets changes of the same turn share the first write.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const changes = this.#waiting;
      this.#waiting = [];
      const table = changedTable(this.#table, changes);
      try {
        await store(path, table, this.#disk);
      } catch (error) {
        this.#logger.error('the key-value configuration could not be written', { path, error });
        for (const change of changes) change.reject(error);
        continue;
      }
      this.#table = table;
      this.#revision++;
      for (const change of changes) change.resolve();
    }
    this.#writing = undefined;
  }
}

function changedTable(table: Table, changes: readonly Change[]): Table {
  const changed = new Map(table);
  for (const { namespace, key, value } of changes) {
    const entries = new Map(changed.get(namespace));
    if (value !== undefined) entries.set(key, value);
    // As in Java, a namespace stays when its last key goes.
    else if (!entries.delete(key)) continue;
    changed.set(namespace, entries);
  }
  return changed;
}

async function store(path: string, table: Table, disk: Disk): Promise<void> {
  const json = encodeText(writeFastjson({ configTable: table }));
  const trailer = encodeText(`\ncrc32 ${checksum(json)}\n`);
  await makeDurableFolder(disk, path.slice(0, path.lastIndexOf('/')) || '/');
  await atomicReplace(disk, path, Buffer.concat([json, trailer]));
}

async function load(path: string, disk: Disk): Promise<Table> {
  let file: DiskFile;
  try {
    file = await disk.open(path, 'read');
  } catch (error) {
    if (isFailure(error, 'unavailable', 'notFound')) return new Map();
    throw error;
  }
  await using opened = file;
  const size = await opened.size();
  if (size > maxFileBytes) throw new Failure('corrupt', `${path}: ${size} bytes`);
  const bytes = new Uint8Array(size);
  const read = await opened.read(bytes, 0);
  return decodeFile(path, bytes.subarray(0, read));
}

/** Exported for its tests. */
export function decodeFile(path: string, bytes: Uint8Array): Table {
  const content = decodeText(bytes);
  const trailer = /\ncrc32 ([0-9a-f]{8})\s*$/.exec(content);
  // The trailer is ASCII, so that its characters are its bytes.
  const trailerBytes = trailer === null ? 0 : content.length - trailer.index;
  const json = bytes.subarray(0, bytes.length - trailerBytes);
  if (trailer !== null && checksum(json) !== trailer[1]) {
    throw new Failure('corrupt', `${path}: its checksum does not match`);
  }
  let value: JsonValue;
  try {
    value = parseFastjson(json);
  } catch (error) {
    throw new Failure('corrupt', `${path}: ${describeError(error)}`, { cause: error });
  }
  const namespaces = objectOf(objectOf(value)?.['configTable']);
  if (namespaces === undefined) throw new Failure('corrupt', `${path}: no configTable in it`);
  const table = new Map<string, ReadonlyMap<string, string>>();
  for (const [namespace, entries] of Object.entries(namespaces)) {
    const texts = Object.entries(objectOf(entries) ?? {}).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    );
    table.set(namespace, new Map(texts));
  }
  return table;
}

function objectOf(value: JsonValue | undefined): Readonly<Record<string, JsonValue>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return value as Readonly<Record<string, JsonValue>>;
}

function checksum(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}
