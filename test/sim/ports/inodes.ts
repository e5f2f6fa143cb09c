import { PagedBytes } from './paged-bytes.ts';
import type { SimRandom } from './random.ts';
import type { StoredDatabase } from './stored-database.ts';

export type Inode = FileInode | FolderInode;

/** Something done to a file that no sync has made durable. */
type FileChange = { readonly id: number; lost: boolean } & (
  | { readonly type: 'write'; readonly position: number; readonly bytes: Uint8Array }
  | { readonly type: 'truncate'; readonly size: number }
);

/** A file: what programs see, and what a power loss is sure to leave. */
export class FileInode {
  readonly type = 'file';
  /** Whether programs see it in a folder; otherwise its room is free once nobody has it open. */
  linked = false;
  /** What programs see. Equals `#durable` with all changes applied, except for those that a failed sync lost. */
  #current = new PagedBytes();
  #durable = new PagedBytes();
  #changes: FileChange[] = [];
  #nextChange = 0;

  get current(): PagedBytes {
    return this.#current;
  }

  /** Identifies the changes so far. */
  get mark(): number {
    return this.#nextChange;
  }

  write(bytes: Uint8Array, position: number): void {
    this.#current.write(bytes, position);
    const id = this.#nextChange++;
    this.#changes.push({ id, lost: false, type: 'write', position, bytes: bytes.slice() });
  }

  truncate(size: number): void {
    this.#current.truncate(size);
    this.#changes.push({ id: this.#nextChange++, lost: false, type: 'truncate', size });
  }

  /** Makes the changes before `mark` durable. */
  sync(mark: number): void {
    for (const change of this.#changes) {
      if (change.id < mark && !change.lost) applyChange(this.#durable, change);
    }
    this.#changes = this.#changes.filter((change) => change.id >= mark);
  }

  /** As Linux does when it cannot write a page: the page counts as clean, so that no later sync tries it again. */
  failSync(mark: number, random: SimRandom): void {
    for (const change of this.#changes) {
      if (change.id < mark && random.chance(0.5)) change.lost = true;
    }
  }

  /**
   * Of what was not synced, each change survives, is lost, or is torn, whatever became of those before it. Besides,
   * a file that a lost write made longer may keep its size and read as zero there.
   */
  losePower(random: SimRandom): void {
    for (const change of this.#changes) {
      if (change.lost) continue;
      const fate = random.below(4);
      if (fate === 0) continue;
      if (fate === 1 && change.type === 'write') {
        applyChange(this.#durable, torn(change, random));
      } else if (fate === 2 && change.type === 'write') {
        const end = change.position + change.bytes.length;
        if (end > this.#durable.size) this.#durable.truncate(end);
      } else {
        applyChange(this.#durable, change);
      }
    }
    this.#changes = [];
    this.#current = this.#durable.clone();
  }

  /** Damage on the medium. */
  flipBit(position: number, bit: number): void {
    this.#current.flipBit(position, bit);
    this.#durable.flipBit(position, bit);
    for (const change of this.#changes) {
      if (change.type !== 'write') continue;
      const index = position - change.position;
      const byte = change.bytes[index];
      if (byte !== undefined) change.bytes[index] = byte ^ (1 << bit);
    }
  }
}

/** A folder: the entries that programs see, and those that a power loss is sure to leave. */
export class FolderInode {
  readonly type = 'folder';
  current = new Map<string, Inode>();
  readonly durable = new Map<string, Inode>();
  /** A database lives in its folder, and so moves and goes with it. */
  database: StoredDatabase | undefined;
}

/** Links that appear and vanish together: a rename has two. Undefined means that the name is free. */
export interface FolderChange {
  readonly links: readonly {
    readonly folder: FolderInode;
    readonly name: string;
    readonly inode: Inode | undefined;
  }[];
}

export function applyLinks(change: FolderChange, which: 'current' | 'durable'): void {
  for (const { folder, name, inode } of change.links) {
    if (inode === undefined) folder[which].delete(name);
    else folder[which].set(name, inode);
  }
}

function applyChange(
  content: PagedBytes,
  change:
    | { readonly type: 'write'; readonly position: number; readonly bytes: Uint8Array }
    | { readonly type: 'truncate'; readonly size: number },
): void {
  if (change.type === 'write') content.write(change.bytes, change.position);
  else content.truncate(change.size);
}

/** One part of a write: its beginning, its end, or something between. */
function torn(
  change: { readonly position: number; readonly bytes: Uint8Array },
  random: SimRandom,
): { readonly type: 'write'; readonly position: number; readonly bytes: Uint8Array } {
  const { position, bytes } = change;
  const start = random.chance(0.5) ? 0 : random.below(bytes.length + 1);
  const end = start + random.below(bytes.length - start + 1);
  return { type: 'write', position: position + start, bytes: bytes.subarray(start, end) };
}
