import { crc32 } from 'node:zlib';
import { type ChangesFile, type Disk, Failure, isFailure } from '../base/index.ts';
import { Durability, type Syncable } from './durability.ts';

/**
 * Replaces a file so that a crash leaves the old content or the new one, whole; durable once it returns.
 * Steps: `<path>.tmp`, fsync, rename, fsync of the folder.
 */
export async function atomicReplace(
  disk: Disk,
  path: string,
  bytes: Uint8Array,
  durability = new Durability(),
): Promise<void> {
  const temporary = `${path}.tmp`;
  {
    await using file = await disk.open(temporary, 'createOrWrite');
    await file.truncate(0); // What an earlier attempt may have left.
    await file.write(bytes, 0);
    await durability.sync(file);
  }
  await disk.rename(temporary, path);
  await durability.sync(folderOf(disk, parentOf(path)));
}

/** The folder, with those of its parents that are missing. */
export async function makeDurableFolder(disk: Disk, folder: string): Promise<void> {
  const made: string[] = [];
  for (let at = folder; at !== '/'; at = parentOf(at)) {
    const entries = await disk.list(parentOf(at));
    const name = at.slice(at.lastIndexOf('/') + 1);
    if (entries.some((entry) => entry.name === name)) break;
    made.push(at);
  }
  if (made.length === 0) return;
  await disk.makeFolder(folder);
  for (const one of made) await disk.syncFolder(parentOf(one));
}

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** A folder as something to sync. */
export function folderOf(disk: Disk, path: string): Syncable {
  return { path, sync: () => disk.syncFolder(path) };
}

/** The whole file, or undefined when there is none. */
export async function readWhole(disk: Disk, path: string): Promise<Uint8Array | undefined> {
  try {
    await using file = await disk.open(path, 'read');
    const bytes = new Uint8Array(await file.size());
    return bytes.subarray(0, await file.read(bytes, 0));
  } catch (error) {
    if (isFailure(error, 'unavailable', 'notFound')) return undefined;
    throw error;
  }
}

/** One line of text that a person can read, below a line with its CRC-32 in hexadecimal. */
export async function replaceChecksummed(
  disk: Disk,
  path: string,
  line: string,
  durability?: Durability,
): Promise<void> {
  await atomicReplace(disk, path, Buffer.from(`${checksumOf(line)}\n${line}\n`), durability);
}

/** Options that were changed while a process ran: one checksummed line, in a folder that comes with the first. */
export function changesFile(disk: Disk, path: string): ChangesFile {
  return {
    path,
    read: () => readChecksummed(disk, path),
    write: async (line) => {
      await makeDurableFolder(disk, parentOf(path));
      await replaceChecksummed(disk, path, line);
    },
  };
}

/** What `replaceChecksummed` wrote; undefined when there is no such file. Fails `corrupt`, naming the file. */
export async function readChecksummed(disk: Disk, path: string): Promise<string | undefined> {
  const bytes = await readWhole(disk, path);
  if (bytes === undefined) return undefined;
  const [checksum, line, rest] = Buffer.from(bytes).toString('utf8').split('\n');
  if (line === undefined || rest !== '' || checksum !== checksumOf(line)) {
    throw new Failure('corrupt', `${path} is damaged: its checksum does not match its content`);
  }
  return line;
}

function checksumOf(line: string): string {
  return crc32(line).toString(16).padStart(8, '0');
}
