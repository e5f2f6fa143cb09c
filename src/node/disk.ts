import { constants, ftruncateSync, readSync, writeSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Disk,
  type DiskEntry,
  type DiskFile,
  Failure,
  type FailureReason,
} from '../base/index.ts';

/** Files through libuv, which repeats calls that a signal interrupted (EINTR), also the synchronous ones. */
export const nodeDisk: Disk = {
  async open(path, mode) {
    return new NodeFile(path, await orFailure('open', path, () => fs.open(path, openFlags[mode])));
  },

  async list(folder) {
    const names = await orFailure('list', folder, () => fs.readdir(folder)).catch(
      ifMissing<string[]>([]),
    );
    const entries = await Promise.all(names.map((name) => entryOf(folder, name)));
    return entries
      .filter((entry) => entry !== undefined)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  },

  async makeFolder(path) {
    await orFailure('make folder', path, () => fs.mkdir(path, { recursive: true }));
  },

  async rename(from, to) {
    await orFailure(`rename to ${to}`, from, () => fs.rename(from, to));
  },

  async remove(path) {
    await orFailure('remove', path, () => fs.rm(path, { recursive: true, force: true }));
  },

  async syncFolder(path) {
    // Windows cannot open a folder to sync it; NTFS writes its own journal for folder changes.
    if (process.platform === 'win32') return;
    await orFailure('sync folder', path, async () => {
      const handle = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    });
  },

  async usage(path) {
    const stats = await orFailure('usage of', path, () => fs.statfs(path));
    return { totalBytes: stats.blocks * stats.bsize, freeBytes: stats.bavail * stats.bsize };
  },
};

const openFlags = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
  createOrWrite: constants.O_RDWR | constants.O_CREAT,
} as const;

class NodeFile implements DiskFile {
  readonly path: string;
  readonly #handle: fs.FileHandle;
  #closing: Promise<void> | undefined;

  constructor(path: string, handle: fs.FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  async size(): Promise<number> {
    return await this.#run('size of', async (handle) => (await handle.stat()).size);
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    return await this.#run('read', async (handle) => {
      let done = 0;
      while (done < into.length) {
        const { bytesRead } = await handle.read(into, done, into.length - done, position + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return done;
    });
  }

  readNow(into: Uint8Array, position: number): number {
    return this.#runNow('read', (fd) => {
      let done = 0;
      while (done < into.length) {
        const count = readSync(fd, into, done, into.length - done, position + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    });
  }

  /** Repeats short writes: the disk is full only once a write fails. */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    await this.#run('write', async (handle) => {
      let done = 0;
      while (done < bytes.length) {
        done += (await handle.write(bytes, done, bytes.length - done, position + done))
          .bytesWritten;
      }
    });
  }

  writeNow(bytes: Uint8Array, position: number): void {
    this.#runNow('write', (fd) => {
      let done = 0;
      while (done < bytes.length) {
        done += writeSync(fd, bytes, done, bytes.length - done, position + done);
      }
    });
  }

  async truncate(size: number): Promise<void> {
    await this.#run('truncate', (handle) => handle.truncate(size));
  }

  truncateNow(size: number): void {
    this.#runNow('truncate', (fd) => ftruncateSync(fd, size));
  }

  /**
   * fdatasync is enough: it leaves out times, not the size or the block map (fdatasync(2)). libuv uses F_FULLFSYNC on
   * macOS and FlushFileBuffers on Windows.
   */
  async sync(): Promise<void> {
    await this.#run('sync', (handle) => handle.datasync());
  }

  /** Waits for calls that are under way. */
  close(): Promise<void> {
    this.#closing ??= orFailure('close', this.path, () => this.#handle.close());
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run<T>(what: string, action: (handle: fs.FileHandle) => Promise<T>): Promise<T> {
    this.#checkOpen(what);
    return await orFailure(what, this.path, () => action(this.#handle));
  }

  #runNow<T>(what: string, action: (fd: number) => T): T {
    this.#checkOpen(what);
    try {
      return action(this.#handle.fd);
    } catch (error) {
      throw failureOf(what, this.path, error);
    }
  }

  /** Also keeps the number of a closed file from being used after another file got it. */
  #checkOpen(what: string): void {
    if (this.#closing !== undefined) throw new Failure('closed', `${what} ${this.path}: closed`);
  }
}

/** Undefined when it was removed meanwhile. Follows links, so that a folder may live on another disk. */
async function entryOf(folder: string, name: string): Promise<DiskEntry | undefined> {
  const path = join(folder, name);
  const stats = await orFailure('stat', path, () => fs.stat(path)).catch(ifMissing(undefined));
  if (stats === undefined) return undefined;
  const isFolder = stats.isDirectory();
  return { name, isFolder, size: isFolder ? 0 : stats.size };
}

const reasons: Readonly<Record<string, FailureReason>> = {
  ENOENT: 'notFound',
  EEXIST: 'alreadyExists',
  ENOTEMPTY: 'alreadyExists',
  ENOSPC: 'diskFull',
  EDQUOT: 'diskFull',
  EFBIG: 'diskFull',
};

export async function orFailure<T>(
  what: string,
  path: string,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw failureOf(what, path, error);
  }
}

/** Leaves what the operating system did not report, such as a wrong argument, as it is: that is a bug. */
function failureOf(what: string, path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return error;
  const reason = reasons[String(error.code)];
  return new Failure('unavailable', `${what} ${path}`, {
    ...(reason && { reason }),
    cause: error,
  });
}

function ifMissing<T>(value: T): (failure: unknown) => T {
  return (failure) => {
    if (failure instanceof Failure && failure.reason === 'notFound') return value;
    throw failure;
  };
}
