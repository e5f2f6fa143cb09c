import { Failure } from '../../../src/base/index.ts';
import {
  applyLinks,
  type FileInode,
  type FolderChange,
  FolderInode,
  type Inode,
} from './inodes.ts';
import { pageBytes } from './paged-bytes.ts';
import type { SimRandom } from './random.ts';

export interface CrashPlan {
  /** Counted from the number that `SimDrive.operations` has now. */
  readonly afterOperations: number;
  /** Before or after that operation takes effect. */
  readonly when: 'before' | 'after';
}

/**
 * The drive of a node: its files, what of them is durable, and its faults. It outlives the processes that use it
 * through `SimDisk` and `SimKeyValueStores`.
 *
 * An operation is anything that changes what is stored, counted when it takes effect: a test that plans a crash at each
 * of them has been through all places where a crash makes a difference.
 */
export class SimDrive {
  readonly root = new FolderInode();
  readonly #random: SimRandom;
  readonly #crash: () => void;
  readonly #changes: FolderChange[] = [];
  readonly #openFiles = new Map<FileInode, number>();
  #operations = 0;
  #crashAt: { operation: number; when: 'before' | 'after' } | undefined;
  #usedPages = 0;
  #capacityBytes = 2 ** 40;
  #failSyncs: ((path: string) => boolean) | undefined;
  #failReads: ((path: string, position: number, length: number) => boolean) | undefined;

  /** `crash` is what a planned crash does. */
  constructor(random: SimRandom, crash: () => void) {
    this.#random = random;
    this.#crash = crash;
  }

  // Faults.

  /** How many operations took effect. */
  get operations(): number {
    return this.#operations;
  }

  /** Crashes the node at an operation to come; undefined takes the plan back. */
  planCrash(plan: CrashPlan | undefined): void {
    this.#crashAt = plan && {
      operation: this.#operations + plan.afterOperations,
      when: plan.when,
    };
  }

  /** Leaves room for so many more bytes, in whole pages of 4096. */
  setFreeBytes(bytes: number): void {
    this.#capacityBytes = this.#usedPages * pageBytes + bytes;
  }

  /** While it returns true for a path, syncs of that file or folder fail. */
  failSyncs(applies: ((path: string) => boolean) | undefined): void {
    this.#failSyncs = applies;
  }

  /** While it returns true, reads of these bytes fail. */
  failReads(
    applies: ((path: string, position: number, length: number) => boolean) | undefined,
  ): void {
    this.#failReads = applies;
  }

  /** Damages a stored byte. */
  flipBit(path: string, position: number, bit = 0): void {
    const inode = this.find(path);
    if (inode?.type !== 'file') throw new Error(`no file ${path}`);
    inode.flipBit(position, bit);
  }

  syncFails(path: string): boolean {
    return this.#failSyncs?.(path) ?? false;
  }

  // What happens to it.

  /** The process ended, so that nothing is open. Without power loss all that was written stays. */
  crash(options: { readonly powerLoss: boolean }): void {
    if (options.powerLoss) {
      for (const change of this.#changes)
        if (this.#random.chance(0.5)) applyLinks(change, 'durable');
      this.#changes.length = 0;
    }
    this.#crashAt = undefined;
    this.#openFiles.clear();
    this.#usedPages = 0;
    visit(this.root, options.powerLoss, (inode) => {
      if (inode.type === 'file') {
        if (options.powerLoss) inode.losePower(this.#random);
        this.#usedPages += inode.current.pageCount;
      } else {
        inode.database?.crash(this.#random);
      }
    });
  }

  /** Counts an operation around its effect. */
  operate<T>(effect: () => T): T {
    const operation = ++this.#operations;
    this.#crashIfPlanned(operation, 'before');
    const result = effect();
    this.#crashIfPlanned(operation, 'after');
    return result;
  }

  #crashIfPlanned(operation: number, when: 'before' | 'after'): void {
    if (this.#crashAt?.operation !== operation || this.#crashAt.when !== when) return;
    this.#crashAt = undefined;
    this.#crash();
  }

  // Folders. Paths are absolute; what is returned or changed is what programs see.

  find(path: string): Inode | undefined {
    let inode: Inode | undefined = this.root;
    for (const name of namesOf(path)) {
      if (inode?.type !== 'folder') return undefined;
      inode = inode.current.get(name);
    }
    return inode;
  }

  folderAt(path: string): FolderInode {
    const inode = this.find(path);
    if (inode === undefined) throw failure(`${path} not found`, 'notFound');
    if (inode.type !== 'folder') throw failure(`${path} is not a folder`);
    return inode;
  }

  change(change: FolderChange): void {
    this.operate(() => {
      const replaced = change.links.map(({ folder, name }) => folder.current.get(name));
      applyLinks(change, 'current');
      this.#changes.push(change);
      for (const inode of replaced) if (inode?.type === 'file') inode.linked = false;
      for (const { inode } of change.links) if (inode?.type === 'file') inode.linked = true;
      for (const inode of replaced) if (inode?.type === 'file') this.#freeIfUnused(inode);
    });
  }

  makeFolders(path: string): FolderInode {
    let folder = this.root;
    for (const name of namesOf(path)) {
      const inode = folder.current.get(name) ?? new FolderInode();
      if (inode.type === 'file') throw failure(`${path} is a file`, 'alreadyExists');
      if (!folder.current.has(name)) this.change({ links: [{ folder, name, inode }] });
      folder = inode;
    }
    return folder;
  }

  /** Also makes durable what these changes rest on. */
  syncFolder(path: string): void {
    const folder = this.folderAt(path);
    this.operate(() => {
      if (this.syncFails(path)) throw failure(`sync folder ${path}: input/output error`);
      this.makeLinksDurable(folder);
    });
  }

  makeLinksDurable(folder: FolderInode): void {
    const folders = new Set([folder]);
    const touching = new Set<FolderChange>();
    for (const change of this.#changes.toReversed()) {
      if (!change.links.some((link) => folders.has(link.folder))) continue;
      touching.add(change);
      for (const link of change.links) folders.add(link.folder);
    }
    for (const change of this.#changes) if (touching.has(change)) applyLinks(change, 'durable');
    const left = this.#changes.filter((change) => !touching.has(change));
    this.#changes.splice(0, this.#changes.length, ...left);
  }

  // Files.

  opened(file: FileInode): void {
    this.#openFiles.set(file, (this.#openFiles.get(file) ?? 0) + 1);
  }

  closed(file: FileInode): void {
    const count = this.#openFiles.get(file) ?? 0;
    if (count > 1) this.#openFiles.set(file, count - 1);
    else if (this.#openFiles.delete(file)) this.#freeIfUnused(file);
  }

  write(file: FileInode, bytes: Uint8Array, position: number): void {
    this.operate(() => {
      const freePages = Math.floor(this.#capacityBytes / pageBytes) - this.#usedPages;
      const length = file.current.fitting(bytes.length, position, freePages);
      this.#resize(file, () => {
        if (length > 0) file.write(bytes.subarray(0, length), position);
      });
      if (length < bytes.length) throw failure('no space left', 'diskFull');
    });
  }

  truncate(file: FileInode, size: number): void {
    this.operate(() => this.#resize(file, () => file.truncate(size)));
  }

  read(path: string, file: FileInode, into: Uint8Array, position: number): number {
    if (this.#failReads?.(path, position, into.length)) {
      throw failure(`read ${path}: input/output error`);
    }
    return file.current.read(into, position);
  }

  sync(path: string, file: FileInode, mark: number): void {
    this.operate(() => {
      if (this.syncFails(path)) {
        file.failSync(mark, this.#random);
        throw failure(`sync ${path}: input/output error`);
      }
      file.sync(mark);
    });
  }

  get totalBytes(): number {
    return this.#capacityBytes;
  }

  get freeBytes(): number {
    return Math.max(0, this.#capacityBytes - this.#usedPages * pageBytes);
  }

  #resize(file: FileInode, action: () => void): void {
    const before = file.current.pageCount;
    action();
    this.#usedPages += file.current.pageCount - before;
  }

  #freeIfUnused(file: FileInode): void {
    if (!file.linked && !this.#openFiles.has(file)) this.#usedPages -= file.current.pageCount;
  }
}

/** Everything that programs see; with `durable`, that becomes what was durable. */
function visit(folder: FolderInode, durable: boolean, action: (inode: Inode) => void): void {
  action(folder);
  if (durable) folder.current = new Map(folder.durable);
  for (const inode of folder.current.values()) {
    if (inode.type === 'folder') visit(inode, durable, action);
    else action(inode);
  }
}

export function namesOf(path: string): string[] {
  if (!path.startsWith('/')) throw new Error(`not an absolute path: ${path}`);
  return path.split('/').filter((name) => name !== '');
}

export function failure(message: string, reason?: Failure['reason']): Failure {
  return new Failure('unavailable', message, reason === undefined ? {} : { reason });
}
