import { strict as assert } from 'node:assert';
import {
  type BrokerId,
  type Disk,
  type DiskFile,
  describeError,
  type Epoch,
  Failure,
  isFailure,
  type KeyValue,
  type PhysicalOffset,
  physicalOffset,
} from '../base/index.ts';
import {
  atomicReplace,
  CommitLog,
  type CommitLogOptions,
  createLog,
  defaultSegmentBytes,
  type EpochEntry,
  makeDurableFolder,
  placesIn,
  removeLog,
} from '../log/index.ts';
import {
  firstGroupState,
  type GroupState,
  promising,
  readGroupState,
  setGroupStateAside,
  writeGroupState,
} from '../replication/index.ts';
import { appendRecord, checkRange } from './ingest.ts';
import { whenThereIsRoom } from './room.ts';
import { incomingSnapshot, maxSnapshotBytes, readSnapshot, type Snapshot } from './snapshot.ts';
import { damageMark, isMarkedDamaged, markDamaged } from './store-damage.ts';
import type { StorePorts } from './store-parts.ts';

export interface InstallOptions {
  /** The store's root folder. */
  readonly folder: string;
  readonly self: BrokerId;
  readonly log: Omit<CommitLogOptions, 'folder'>;
  /** Somebody else knows which epoch is the newest: this node may do without a damaged file of what it promised. */
  readonly mayForgetGroup?: boolean;
}

/** While it is there, the folder is no store: a part of one was removed, and not all of the new one is there. */
const marker = 'installing';
/** Views, and what else is derived from a log that is replaced. What is set aside stays, for people. */
const replaced = ['metadata', 'queues', 'queues.damaged', damageMark];
const largestUnsynced = 64 * 2 ** 20;

/** Whether an installation was begun in this folder and did not end: it must be begun anew. */
export async function isInstalling(disk: Disk, folder: string): Promise<boolean> {
  return (await disk.list(folder)).some(({ name }) => name === marker);
}

/**
 * Replaces the store of a node by a snapshot and all that a leader retains of its log: for a node that has nothing, whose
 * files are damaged, or whose tables contain what the group went on without (protocol rule 6). What the node remembers
 * of its group stays.
 *
 *     open -> expect -> snapshot..., verified -> marker, then everything else goes -> ingest... -> finish: all synced,
 *       ^------------------------------------ restart <---------------------------------´          marker goes
 *
 * Nothing of the store that is there goes before a leader has sent a whole snapshot. A crash at any moment leaves that
 * store; or a folder with the marker, which does not open as a store and where all begins anew; or, from the moment on
 * when the marker is gone, a whole store.
 */
export class StoreInstall {
  /** What this node promised is not known (rule 4). */
  readonly hasForgotten: boolean;
  readonly #options: InstallOptions;
  readonly #ports: StorePorts;
  #group: GroupState;
  /** Open: its lock is the lock of the store. */
  #lock: KeyValue | undefined;
  /** The store that was there has gone, or goes. */
  #isReplaced: boolean;
  #begin: PhysicalOffset | undefined;
  #incoming: DiskFile | undefined;
  #incomingBytes = 0;
  #snapshot: Snapshot | undefined;
  #log: CommitLog | undefined;
  #working: Promise<void> = Promise.resolve();
  /** Of the attempt in hand. */
  #attempt = 0;
  #isOver = false;

  /**
   * Fails `unavailable`/`locked` when the store is open, and `corrupt` when what it remembers of its group is damaged and
   * may not be forgotten.
   */
  static async open(options: InstallOptions, ports: StorePorts): Promise<StoreInstall> {
    const { disk, keyValueStores } = ports;
    const { folder } = options;
    await makeDurableFolder(disk, folder);
    const lock = await keyValueStores.open(`${folder}/metadata`);
    try {
      const isReplaced = await isInstalling(disk, folder);
      const group = await rememberedGroup(options, ports, isReplaced);
      return new StoreInstall(options, ports, group, lock, isReplaced);
    } catch (error) {
      await lock.close();
      throw error;
    }
  }

  private constructor(
    options: InstallOptions,
    ports: StorePorts,
    group: GroupState | undefined,
    lock: KeyValue,
    isReplaced: boolean,
  ) {
    this.#options = options;
    this.#ports = ports;
    this.hasForgotten = group === undefined;
    this.#group = group ?? firstGroupState(options.self, ports.bootId);
    this.#lock = lock;
    this.#isReplaced = isReplaced;
  }

  /** What this node remembers about its group. */
  get group(): GroupState {
    return this.#group;
  }

  /** As `LocalStore.markDamaged`, of the store that is still there. */
  async markDamaged({ message }: Failure): Promise<void> {
    if (this.#isReplaced) return;
    await this.#work(() => markDamaged(this.#ports.disk, this.#options.folder, message));
  }

  /** The store that was there is gone. */
  get hasReplaced(): boolean {
    return this.#isReplaced;
  }

  get promisedEpoch(): Epoch {
    return this.#group.promisedEpoch;
  }

  get segmentBytes(): number {
    return this.#options.log.segmentBytes ?? defaultSegmentBytes;
  }

  /** Where the log begins. */
  get begin(): PhysicalOffset {
    return this.#begin ?? physicalOffset(0);
  }

  /** What there is of the log. */
  get written(): PhysicalOffset {
    return this.#log?.written ?? this.begin;
  }

  get synced(): PhysicalOffset {
    return this.#log?.synced ?? this.begin;
  }

  get epochs(): readonly EpochEntry[] {
    return this.#log?.epochs ?? [];
  }

  /** Once it was received whole. */
  get snapshot(): Pick<Snapshot, 'position' | 'sequence' | 'digest'> | undefined {
    return this.#snapshot;
  }

  /** The log reaches the position of the snapshot: `finish` may be called. More may be ingested before. */
  get isComplete(): boolean {
    return this.#snapshot !== undefined && this.written >= this.#snapshot.position;
  }

  /** Protocol rule 4, as `LocalStore.promise`. */
  async promise(promised: Epoch): Promise<void> {
    const { disk, bootId } = this.#ports;
    await this.#work(async () => {
      const group = {
        ...promising(this.#group, promised),
        cleanStop: false,
        lossy: true,
        bootId,
      };
      await writeGroupState(disk, this.#options.folder, group);
      this.#group = group;
    });
  }

  /** The log of the leader begins there; fails `invalid` where it cannot. */
  expect(begin: PhysicalOffset): void {
    assert(this.#begin === undefined, 'an installation has one leader');
    if (begin % this.segmentBytes !== 0) {
      throw new Failure('invalid', `the leader's log begins at ${begin}, within a segment`);
    }
    this.#begin = begin;
  }

  /** The next bytes of a snapshot file. Fails `invalid` when it is not one, or does not fit to where the log begins. */
  async snapshotPiece(lent: Uint8Array, isLast: boolean): Promise<void> {
    const bytes = Uint8Array.from(lent);
    await this.#work(async () => {
      await this.#storePiece(bytes);
      if (isLast) await this.#takeSnapshot();
    });
  }

  async #storePiece(bytes: Uint8Array): Promise<void> {
    const { disk } = this.#ports;
    if (this.#begin === undefined || this.#snapshot !== undefined) {
      throw new Failure('invalid', 'a snapshot that was not asked for');
    }
    const folder = `${this.#options.folder}/snapshots`;
    if (this.#incoming === undefined) {
      await makeDurableFolder(disk, folder);
      this.#incoming = await disk.open(`${folder}/${incomingSnapshot}`, 'createOrWrite');
      await this.#incoming.truncate(0); // What an earlier attempt may have left.
    }
    if (this.#incomingBytes + bytes.length > maxSnapshotBytes) {
      throw new Failure('invalid', `a snapshot of more than ${maxSnapshotBytes} bytes`);
    }
    await this.#incoming.write(bytes, this.#incomingBytes);
    this.#incomingBytes += bytes.length;
  }

  async #takeSnapshot(): Promise<void> {
    const { disk, logger } = this.#ports;
    const { folder } = this.#options;
    const begin = this.begin;
    const { path } = this.#incoming as DiskFile; // Opened for the first piece.
    await this.#incoming?.sync();
    await this.#incoming?.close();
    this.#incoming = undefined;
    let snapshot: Snapshot;
    try {
      snapshot = await readSnapshot(disk, path, { hasName: false });
    } catch (error) {
      if (!isFailure(error, 'corrupt')) throw error;
      const message = `what the leader sent is no snapshot: ${describeError(error)}`;
      throw new Failure('invalid', message, { cause: error });
    }
    const { position } = snapshot;
    if (position < begin) {
      throw new Failure('invalid', `a snapshot of ${position}, where the log begins at ${begin}`);
    }
    await this.#replace();
    const name = `${String(position).padStart(20, '0')}.snapshot`;
    await disk.rename(path, `${folder}/snapshots/${name}`);
    await disk.syncFolder(`${folder}/snapshots`);
    const places = placesIn(folder);
    await createLog({ places, segmentBytes: this.segmentBytes }, begin, snapshot.epochs, disk);
    this.#log = await CommitLog.open({ ...this.#options.log, folder }, this.#ports);
    this.#snapshot = { ...snapshot, rows: [], nextOffsets: [] }; // Read again when the store is opened.
    logger.info('a snapshot was received', { position, bytes: this.#incomingBytes });
  }

  /** Makes room for the new store. The metadata of a damaged one are evidence, and set aside. */
  async #replace(): Promise<void> {
    const { disk, keyValueStores, logger } = this.#ports;
    const { folder } = this.#options;
    const metadata = `${folder}/metadata`;
    const isEvidence = !this.#isReplaced && (await isMarkedDamaged(disk, folder));
    await this.#lock?.close();
    this.#lock = undefined;
    await atomicReplace(disk, `${folder}/${marker}`, Buffer.from('begun\n'));
    this.#isReplaced = true;
    logger.warn('the store is removed, and installed anew from the leader', { folder });
    await removeLog(placesIn(folder), disk);
    if (isEvidence) {
      await disk.remove(`${metadata}.set-aside`);
      await disk.rename(metadata, `${metadata}.set-aside`);
    }
    for (const name of replaced) await disk.remove(`${folder}/${name}`);
    for (const { name } of await disk.list(`${folder}/snapshots`)) {
      if (name !== incomingSnapshot) await disk.remove(`${folder}/snapshots/${name}`);
    }
    await disk.syncFolder(`${folder}/snapshots`);
    await disk.syncFolder(folder);
    this.#lock = await keyValueStores.open(metadata);
  }

  /**
   * Writes whole records of the leader's log, which begin at the end of this one. Fails `invalid` when they are not such
   * ones, and `unavailable` when they cannot be written.
   */
  async ingest(lent: Uint8Array): Promise<void> {
    const bytes = Uint8Array.from(lent);
    const attempt = this.#attempt;
    await this.#work(async () => {
      const log = this.#log;
      if (log === undefined) throw new Failure('invalid', 'a range before the snapshot');
      checkRange(bytes, log.end);
      for (let at = 0; at < bytes.length; ) {
        at = await whenThereIsRoom(this.#ports.clock, () => {
          this.#checkAttempt(attempt);
          return appendRecord(bytes, at, log);
        });
      }
      log.write();
      if (log.written - log.synced >= largestUnsynced) await log.sync();
    });
  }

  /** Of all that was written. */
  async sync(): Promise<void> {
    await this.#work(async () => {
      await this.#log?.sync();
    });
  }

  /** All is there: makes it durable, and a store of it, which is then opened. */
  async finish(): Promise<void> {
    assert(this.isComplete, 'only what is complete becomes a store');
    const { disk, logger } = this.#ports;
    const { folder } = this.#options;
    const { begin, written: end } = this;
    await this.#end(true);
    // It may lack what the group has beyond the snapshot, and must not be taken for a member that lost nothing.
    await writeGroupState(disk, folder, {
      ...this.#group,
      cleanStop: false,
      lossy: true,
      bootId: undefined,
    });
    await disk.remove(`${folder}/${marker}`);
    await disk.syncFolder(folder);
    logger.info('the store is installed', { folder, begin, end });
  }

  /** Lets go of what one leader sent, to begin with another, or with the same again. The folder stays locked. */
  async restart(): Promise<void> {
    this.#attempt += 1;
    await this.#letGo(false);
    this.#begin = undefined;
    this.#incomingBytes = 0;
    this.#snapshot = undefined;
    // A step of it that failed may have let go of the folder.
    this.#lock ??= await this.#ports.keyValueStores.open(`${this.#options.folder}/metadata`);
  }

  /** Lets go of it as it is; it must be begun anew. */
  async abandon(): Promise<void> {
    await this.#end(false);
  }

  async #end(clean: boolean): Promise<void> {
    this.#isOver = true;
    try {
      await this.#letGo(clean);
    } finally {
      await this.#lock?.close();
      this.#lock = undefined;
    }
  }

  async #letGo(clean: boolean): Promise<void> {
    await this.#working;
    const [incoming, log] = [this.#incoming, this.#log];
    this.#incoming = undefined;
    this.#log = undefined;
    await incoming?.close();
    await log?.close({ clean });
  }

  /** One thing after the other, until it is over. */
  async #work(task: () => Promise<void>): Promise<void> {
    const attempt = this.#attempt;
    const work = this.#working.then(async () => {
      this.#checkAttempt(attempt);
      await task();
    });
    this.#working = work.catch(() => {}); // Whoever asked for it is told.
    await work;
  }

  #checkAttempt(attempt: number): void {
    if (!this.#isOver && attempt === this.#attempt) return;
    throw new Failure('closed', 'the installation is over');
  }
}

/** Undefined when there is nothing, or nothing that could be read. */
async function rememberedGroup(
  { folder, mayForgetGroup }: InstallOptions,
  { disk, logger }: StorePorts,
  isReplaced: boolean,
): Promise<GroupState | undefined> {
  try {
    return await readGroupState(disk, folder);
  } catch (error) {
    if (mayForgetGroup !== true || !isFailure(error, 'corrupt')) throw error;
    // What is written in its place must not make this a store that opens.
    if (!isReplaced) await markDamaged(disk, folder, error.message);
    const path = await setGroupStateAside(disk, folder);
    logger.warn('what this node promised is forgotten', { path, error });
    return undefined;
  }
}
