import { crc32 } from 'node:zlib';
import {
  type Disk,
  type DiskEntry,
  type DiskFile,
  type DiskUsage,
  Failure,
} from '../../../src/base/index.ts';
import { failure, namesOf, type SimDrive } from './drive.ts';
import { FileInode, type FolderInode, type Inode } from './inodes.ts';
import type { SimProcess } from './process.ts';
import type { SimRandom } from './random.ts';
import type { Trace } from './trace.ts';

const folderMs = [0.02, 1] as const;
const readMs = [0.02, 2] as const;
const writeMs = [0.02, 2] as const;
const syncMs = [0.2, 10] as const;

export interface SimDiskParts {
  readonly process: SimProcess;
  readonly drive: SimDrive;
  readonly trace: Trace;
  /** Decides how much of an interrupted write is written. */
  readonly random: SimRandom;
}

/** The files of a node as one process sees them. */
export class SimDisk implements Disk {
  readonly #parts: SimDiskParts;

  constructor(parts: SimDiskParts) {
    this.#parts = parts;
  }

  open(path: string, mode: 'read' | 'write' | 'create' | 'createOrWrite'): Promise<DiskFile> {
    return this.#call(`open ${path}`, folderMs, () => {
      const { drive } = this.#parts;
      const { folder, name } = this.#place(path);
      let inode = folder.current.get(name);
      if (inode === undefined) {
        if (mode === 'read' || mode === 'write') throw failure(`${path} not found`, 'notFound');
        inode = new FileInode();
        drive.change({ links: [{ folder, name, inode }] });
      } else if (mode === 'create') {
        throw failure(`${path} exists`, 'alreadyExists');
      }
      if (inode.type === 'folder') throw failure(`${path} is a folder`);
      drive.opened(inode);
      return new SimFile(path, inode, mode !== 'read', this.#parts);
    });
  }

  list(path: string): Promise<readonly DiskEntry[]> {
    return this.#call(`list ${path}`, folderMs, () => {
      const inode = this.#parts.drive.find(path);
      if (inode === undefined) return [];
      if (inode.type === 'file') throw failure(`${path} is not a folder`);
      return [...inode.current]
        .map(([name, entry]) => entryOf(name, entry))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    });
  }

  async makeFolder(path: string): Promise<void> {
    await this.#call(`make folder ${path}`, folderMs, () => this.#parts.drive.makeFolders(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call(`rename ${from} ${to}`, folderMs, () => {
      const source = this.#place(from);
      const target = this.#place(to);
      const inode = source.folder.current.get(source.name);
      if (inode === undefined) throw failure(`${from} not found`, 'notFound');
      const replaced = target.folder.current.get(target.name);
      if (replaced === inode) return;
      if (replaced !== undefined && replaced.type !== inode.type) {
        throw failure(`rename ${from}: ${to} is a ${replaced.type}`);
      }
      if (replaced?.type === 'folder' && replaced.current.size > 0) {
        throw failure(`rename ${from}: ${to} is not empty`, 'alreadyExists');
      }
      this.#parts.drive.change({
        links: [
          { ...source, inode: undefined },
          { ...target, inode },
        ],
      });
    });
  }

  /** A folder goes entry by entry, so that a crash may leave a part of it. */
  async remove(path: string): Promise<void> {
    const steps = await this.#call(`remove ${path}`, folderMs, () => {
      const inode = this.#parts.drive.find(path);
      return inode === undefined ? [] : removals(this.#place(path), inode);
    });
    for (const { folder, name } of steps) {
      await this.#call(`unlink ${name}`, folderMs, () => {
        if (folder.current.has(name)) {
          this.#parts.drive.change({ links: [{ folder, name, inode: undefined }] });
        }
      });
    }
  }

  syncFolder(path: string): Promise<void> {
    return this.#call(`sync folder ${path}`, syncMs, () => this.#parts.drive.syncFolder(path));
  }

  usage(path: string): Promise<DiskUsage> {
    return this.#call(`usage ${path}`, folderMs, () => {
      if (this.#parts.drive.find(path) === undefined)
        throw failure(`${path} not found`, 'notFound');
      const { totalBytes, freeBytes } = this.#parts.drive;
      return { totalBytes, freeBytes };
    });
  }

  #place(path: string): { folder: FolderInode; name: string } {
    const names = namesOf(path);
    const name = names.pop();
    if (name === undefined) throw failure('the root folder stays where it is');
    return { folder: this.#parts.drive.folderAt(`/${names.join('/')}`), name };
  }

  #call<T>(what: string, takesMs: readonly [number, number], effect: () => T): Promise<T> {
    const { process } = this.#parts;
    return process.call(`${process.name} ${what}`, takesMs, effect);
  }
}

class SimFile implements DiskFile {
  readonly path: string;
  readonly #inode: FileInode;
  readonly #writable: boolean;
  readonly #parts: SimDiskParts;
  readonly #underWay = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(path: string, inode: FileInode, writable: boolean, parts: SimDiskParts) {
    this.path = path;
    this.#inode = inode;
    this.#writable = writable;
    this.#parts = parts;
  }

  async size(): Promise<number> {
    return await this.#call('size', readMs, () => this.#inode.current.size);
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    return await this.#call(
      'read',
      readMs,
      () => this.#read(into, position),
      () => {},
    );
  }

  readNow(into: Uint8Array, position: number): number {
    this.#check('read');
    return this.#read(into, position);
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    this.#check('write', true);
    const { random } = this.#parts;
    await this.#call(
      'write',
      writeMs,
      () => this.#write(bytes, position),
      () => this.#write(bytes.subarray(0, random.below(bytes.length + 1)), position),
    );
  }

  writeNow(bytes: Uint8Array, position: number): void {
    this.#check('write', true);
    this.#write(bytes, position);
  }

  async truncate(size: number): Promise<void> {
    this.#check('truncate', true);
    await this.#call('truncate', writeMs, () => this.#parts.drive.truncate(this.#inode, size));
  }

  truncateNow(size: number): void {
    this.#check('truncate', true);
    this.#parts.drive.truncate(this.#inode, size);
  }

  /** Covers what was written before the call. */
  async sync(): Promise<void> {
    const mark = this.#inode.mark;
    await this.#call('sync', syncMs, () => this.#parts.drive.sync(this.path, this.#inode, mark));
  }

  close(): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#underWay).then(() => {
      if (this.#parts.process.alive) this.#parts.drive.closed(this.#inode);
    });
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #read(into: Uint8Array, position: number): number {
    return this.#parts.drive.read(this.path, this.#inode, into, position);
  }

  #write(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return;
    const { trace, process, drive } = this.#parts;
    trace.note(`${process.name} writes ${this.path}`, position, bytes.length, crc32(bytes));
    drive.write(this.#inode, bytes, position);
  }

  #call<T>(
    what: string,
    takesMs: readonly [number, number],
    effect: () => T,
    interrupted: () => void = effect,
  ): Promise<T> {
    const { process } = this.#parts;
    if (process.alive) this.#checkOpen(what);
    const call = process.call(`${process.name} ${what} ${this.path}`, takesMs, effect, interrupted);
    this.#underWay.add(call);
    const done = (): void => void this.#underWay.delete(call);
    call.then(done, done);
    return call;
  }

  #check(what: string, toWrite = false): void {
    this.#parts.process.checkAlive();
    this.#checkOpen(what);
    if (toWrite && !this.#writable) throw failure(`${what} ${this.path}: opened for reading`);
  }

  #checkOpen(what: string): void {
    if (this.#closing !== undefined) throw new Failure('closed', `${what} ${this.path}: closed`);
  }
}

function entryOf(name: string, inode: Inode): DiskEntry {
  return inode.type === 'folder'
    ? { name, isFolder: true, size: 0 }
    : { name, isFolder: false, size: inode.current.size };
}

/** What a removal takes away, in order: what is in a folder before the folder. */
function removals(
  place: { folder: FolderInode; name: string },
  inode: Inode,
): { folder: FolderInode; name: string }[] {
  if (inode.type === 'file') return [place];
  const inside = [...inode.current].flatMap(([name, child]) =>
    removals({ folder: inode, name }, child),
  );
  return [...inside, place];
}
