/**
 * Files. Paths are absolute and use `/`. Each method fails with a `Failure`:
 * `unavailable`/`notFound`, `unavailable`/`alreadyExists`, `unavailable`/`diskFull`; any other error of the
 * operating system is `unavailable` without a reason and has the original as its cause.
 */
export interface Disk {
  /** `read`: must exist. `write`: must exist. `create`: must not exist. `createOrWrite`: either. */
  open(path: string, mode: 'read' | 'write' | 'create' | 'createOrWrite'): Promise<DiskFile>;
  /** Entries of a folder sorted by name; empty when the folder does not exist. */
  list(folder: string): Promise<readonly DiskEntry[]>;
  /** Creates the folder and its parents where missing. Durable once `syncFolder` of the parents returned. */
  makeFolder(path: string): Promise<void>;
  /**
   * Replaces `to` if it exists: a file a file, a folder an empty folder; one that is not empty fails
   * `unavailable`/`alreadyExists`. Durable after `syncFolder`.
   */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a whole folder; a missing one is no failure. Durable after `syncFolder`. */
  remove(path: string): Promise<void>;
  /** Makes creations, renames and removals in this folder durable. */
  syncFolder(path: string): Promise<void>;
  usage(path: string): Promise<DiskUsage>;
}

export interface DiskEntry {
  readonly name: string;
  readonly isFolder: boolean;
  /** Bytes; 0 for a folder. */
  readonly size: number;
}

export interface DiskUsage {
  readonly totalBytes: number;
  /** What an ordinary user may still write. */
  readonly freeBytes: number;
}

/** An open file. Bytes below the size that were never written read as zero. */
export interface DiskFile extends AsyncDisposable {
  readonly path: string;
  size(): Promise<number>;
  /** Reads up to `into.length` bytes at `position`; returns how many, fewer only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** As `read`, without waiting for the event loop: for the few bytes known to be in the page cache. */
  readNow(into: Uint8Array, position: number): number;
  write(bytes: Uint8Array, position: number): Promise<void>;
  /**
   * Hands bytes to the operating system before it returns (no fsync). When it throws, a prefix may have been written;
   * the caller cuts the file back with `truncateNow`.
   */
  writeNow(bytes: Uint8Array, position: number): void;
  truncate(size: number): Promise<void>;
  truncateNow(size: number): void;
  /** Makes content and size durable. A failure is final: what was unsynced may be lost even if a later sync succeeds. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
