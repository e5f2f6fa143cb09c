import {
  type BrokerId,
  type Epoch,
  epoch,
  Failure,
  isFailure,
  type KeyValue,
  type Logger,
  type PhysicalOffset,
  physicalOffset,
} from '../base/index.ts';
import { incarnationBytes } from '../log/index.ts';
import {
  firstGroupState,
  type GroupState,
  promising,
  writeGroupState,
} from '../replication/index.ts';
import { Maintenance, type MaintenanceOptions } from './maintenance.ts';
import type { PersistedRow, TableNumber } from './metadata/index.ts';
import type { NextOffsetRows } from './next-offset-rows.ts';
import { type PersistedView, Persister } from './persister.ts';
import { markQueuesDamaged, type OpenOptions, openStore, type StoreRecovery } from './recovery.ts';
import { Scrubber } from './scrub.ts';
import { SnapshotReader } from './snapshot-reader.ts';
import { Store } from './store.ts';
import { markDamaged } from './store-damage.ts';
import type { StorePorts } from './store-parts.ts';

export interface LocalStoreOptions extends OpenOptions, Omit<MaintenanceOptions, 'folder'> {
  /** How often views are written to their databases. */
  readonly persistIntervalMs: number;
  /** Memory for queue blocks that the database has too. */
  readonly queueMemoryBytes: number;
}

/**
 * The store of a node with all that keeps it: opened, promoted, persisted, maintained, closed. It owns the order of
 * these; `Store` owns the writes.
 */
export class LocalStore {
  readonly store: Store;
  readonly recovery: StoreRecovery;
  readonly maintenance: Maintenance;
  readonly #options: LocalStoreOptions;
  readonly #ports: StorePorts;
  readonly #logger: Logger;
  readonly #databases: readonly KeyValue[];
  readonly #persisters: readonly Persister[];
  readonly #scrubber: Scrubber;
  readonly #metadata: KeyValue;
  #group: GroupState;
  /** This start has written what it remembers. */
  #isNoted = false;
  #isKept = false;
  /** Writes of the group file, one after the other. */
  #writing: Promise<void> = Promise.resolve();

  /** Fails `corrupt`, naming the file, when the store cannot be trusted; `unavailable`/`locked` when another has it. */
  static async open(options: LocalStoreOptions, ports: StorePorts): Promise<LocalStore> {
    return new LocalStore(options, ports, await openStore(options, ports));
  }

  private constructor(
    options: LocalStoreOptions,
    ports: StorePorts,
    opened: Awaited<ReturnType<typeof openStore>>,
  ) {
    const { parts, metadataKeyValue, queuesKeyValue, nextOffsetRows, recovery, group } = opened;
    this.#options = options;
    this.#ports = ports;
    this.#logger = ports.logger;
    const known = group ?? firstGroupState(options.self, ports.bootId);
    this.#group = { ...known, lossy: !recovery.lossless };
    this.recovery = recovery;
    this.store = new Store(options, parts, ports);
    this.#databases = [metadataKeyValue, queuesKeyValue];
    const { persistIntervalMs: intervalMs } = options;
    const metadata = new Persister(
      { intervalMs, flushed: physicalOffset(0) },
      metadataView(this.store, metadataKeyValue, nextOffsetRows),
      ports,
    );
    const queues = new Persister(
      { intervalMs, flushed: physicalOffset(0) },
      queuesView(this.store, queuesKeyValue, options.queueMemoryBytes),
      ports,
    );
    this.#persisters = [metadata, queues];
    const { tables } = this.store;
    const scrubber = new Scrubber(options.folder, { tables, keyValue: metadataKeyValue }, ports);
    this.#scrubber = scrubber;
    this.#metadata = metadataKeyValue;
    this.maintenance = new Maintenance(
      options,
      { store: this.store, metadata, queues, metadataKeyValue, nextOffsetRows, scrubber },
      ports,
    );
    this.#noteRolls(nextOffsetRows);
  }

  /** The last stops lost nothing that was written, as far as nobody was told of it yet (protocol rule 2). */
  get lossless(): boolean {
    return this.recovery.lossless;
  }

  /** Whoever decides who leads knows of what was lost, or it was made good: later starts need not say it again. */
  async lossKnown(): Promise<void> {
    if (!this.#group.lossy) return;
    // What was not noted yet says by its run of the operating system that the stop was lossy.
    if (this.#isNoted) await this.#remember((group) => ({ ...group, lossy: false }));
    else this.#group = { ...this.#group, lossy: false };
  }

  /** Of the start that leads with it, or led last. */
  get incarnation(): string {
    return this.#group.incarnation;
  }

  /** What this node remembers about its group. */
  get group(): GroupState {
    return this.#group;
  }

  /** Nothing of a lower epoch is accepted (protocol rule 4). */
  get promisedEpoch(): Epoch {
    return this.#group.promisedEpoch;
  }

  /**
   * Protocol rule 4. Durable once it returns. Comes before anything is written, so that each start also notes here in
   * which run of the operating system that is, and that it did not stop cleanly yet (rule 2).
   */
  async promise(promised: Epoch): Promise<void> {
    if (promised <= this.#group.promisedEpoch && this.#isNoted) return;
    await this.#remember((group) => promising(group, promised));
  }

  /** The set that this node acknowledges with from now on, durable before it does. */
  async recordSet(members: readonly BrokerId[], setEpoch: number): Promise<void> {
    await this.#remember((group) => ({ ...group, members, setEpoch }));
  }

  /**
   * Protocol rules 1, 4 and 5: leads in the epoch that was granted to this start of the node, from whatever it did
   * before. Resolves when its epoch record is durable on the whole set and applied; rejects when it is abandoned first.
   */
  async lead(grant: {
    readonly epoch: Epoch;
    readonly incarnation: string;
    readonly members: readonly BrokerId[];
    readonly setEpoch: number;
  }): Promise<void> {
    const { incarnation, members, setEpoch } = grant;
    await this.#remember((group) => {
      if (grant.epoch < group.promisedEpoch) {
        throw new Failure('fenced', `epoch ${group.promisedEpoch} was promised meanwhile`);
      }
      return { ...group, promisedEpoch: grant.epoch, incarnation, members, setEpoch };
    });
    this.#keep();
    await this.store.lead(grant);
  }

  /** Follows the leader of an epoch that was promised. */
  follow(followed: Epoch): void {
    this.#keep();
    this.store.follow(followed);
  }

  /** For a node that is its own authority: grants itself the next epoch and leads, alone. */
  async promote(): Promise<void> {
    const { promisedEpoch, setEpoch } = this.#group;
    const highest = Math.max(promisedEpoch, this.store.log.epochs.at(-1)?.epoch ?? 0);
    await this.lead({
      epoch: epoch(highest + 1),
      incarnation: Buffer.from(this.#ports.random.bytes(incarnationBytes)).toString('hex'),
      members: [this.#options.self],
      setEpoch: setEpoch + 1,
    });
  }

  /** Views are written to their databases, and the store is maintained, from the first role on. */
  #keep(): void {
    if (this.#isKept) return;
    this.#isKept = true;
    for (const persister of this.#persisters) persister.start();
    this.maintenance.start();
  }

  /** One change after the other. It is known here once it is durable: what could not be written was not promised. */
  async #remember(change: (group: GroupState) => GroupState): Promise<void> {
    const { disk, bootId } = this.#ports;
    const write = this.#writing.then(async () => {
      const state = change({ ...this.#group, cleanStop: false, bootId });
      await writeGroupState(disk, this.#options.folder, state);
      this.#group = state;
      this.#isNoted = true;
    });
    this.#writing = write.catch(() => {}); // Whoever asked for it is told.
    await write;
  }

  /** A snapshot of this moment, for a replica that installs it; the log is retained from below it on. */
  async openSnapshot(): Promise<SnapshotReader> {
    return await SnapshotReader.open(this.#ports.disk, await this.maintenance.snapshot());
  }

  /** A read met damage: a damaged view is rebuilt by the next start. Other failures are not this method's. */
  async noteDamage(failure: Failure): Promise<void> {
    if (failure.kind !== 'corrupt') return;
    this.#logger.error('damaged data was met; a damaged view is rebuilt at the next start', {
      error: failure,
    });
    await markQueuesDamaged(this.#ports.disk, this.#options.folder);
  }

  /**
   * Checks the metadata of this node against itself: what is damaged, undefined when nothing is. Tells `maintenance`'s
   * owner as well. Fails as reading the database does.
   */
  async scrub(): Promise<Failure | undefined> {
    return await this.maintenance.scrub();
  }

  /** Rows of a table of the metadata database, for comparing replicas. Fails as reading it does. */
  async metadataRows(
    table: TableNumber,
    page: { readonly after: Uint8Array | undefined; readonly limit: number },
  ): Promise<readonly PersistedRow[]> {
    return await this.store.tables.rowsIn(this.#metadata, table, page);
  }

  /** What is damaged cannot be rebuilt from the log: no start opens this store any more, until it is replaced. */
  async markDamaged(failure: Failure): Promise<void> {
    await markDamaged(this.#ports.disk, this.#options.folder, failure.message);
  }

  /**
   * Makes everything durable and closes it. The next start finds a clean stop, unless the disk refused what marks it.
   * After any other failure `abandon` is left to do.
   */
  async close(): Promise<void> {
    const { store } = this;
    await this.maintenance.stop();
    await this.#scrubber.idle();
    // What could not be written was refused; nothing that was promised is missing.
    await this.#unlessRefused('the last appends could not be written at the stop', store.close());
    for (const persister of this.#persisters) {
      await persister.stop();
      try {
        await persister.flush();
      } catch (error) {
        // What is missing in the database is replayed from the log at the next start.
        this.#logger.warn('a database could not be flushed at the stop', { error });
      }
    }
    for (const database of this.#databases) await database.close();
    await this.#unlessRefused('a clean stop could not be recorded', this.#closeLog());
  }

  /** Closes it as it is, without writing any more. */
  async abandon(): Promise<void> {
    await this.maintenance.stop();
    await this.store.abandon();
    await this.#scrubber.idle();
    for (const persister of this.#persisters) await persister.stop();
    for (const database of this.#databases) await database.close();
    await this.store.log.close({ clean: false });
  }

  async #closeLog(): Promise<void> {
    const { store } = this;
    await store.log.close({ clean: true });
    await this.#remember((group) => ({ ...group, cleanStop: true }));
  }

  async #unlessRefused(what: string, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (!isFailure(error, 'unavailable')) throw error;
      this.#logger.warn(what, { error });
    }
  }

  /** Segments that begin in this process are noted as they end; others are scanned before they go. */
  #noteRolls(rows: NextOffsetRows): void {
    const { log, queues, index } = this.store;
    /** What the queues know of touches begins here: segments that begin below are scanned. */
    let knownFrom = log.end;
    for (const { base, endExclusive, sealed } of log.segments()) {
      if (sealed) index.sealSegment(base, endExclusive);
    }
    log.onSealed = ({ base, end }) => {
      const touched = queues.touched();
      index.sealSegment(base, end);
      if (base < knownFrom) return;
      rows.add(
        base,
        end,
        touched.map(({ topic, incarnation, queueId, next }) => ({
          topic,
          incarnation,
          queueId,
          next,
        })),
      );
    };
    const cut = this.store.onCut;
    this.store.onCut = () => {
      // A roll that is taken back has already asked for the touches.
      knownFrom = log.end;
      rows.cut(log.written);
      cut();
    };
  }
}

/** What lies below is synced here and never cut: C passed it. */
const safePoint = (store: Store): PhysicalOffset =>
  physicalOffset(Math.min(store.commitPoint, store.log.synced));

/** Tables and next-offset rows, in one batch. */
function metadataView(store: Store, keyValue: KeyValue, rows: NextOffsetRows): PersistedView {
  const { tables } = store;
  return {
    name: 'metadata',
    keyValue,
    get persisted() {
      return tables.persistedPosition;
    },
    takeBatch() {
      const image = tables.takeBatch();
      const next = rows.takeBatch(safePoint(store));
      if (image === undefined && next === undefined) return undefined;
      const position = image?.position ?? tables.persistedPosition;
      return {
        batch: [...(image?.batch ?? []), ...(next?.batch ?? [])],
        position,
        upTo: position,
        done() {
          image?.done();
          next?.done();
        },
        failed() {
          image?.failed();
        },
      };
    },
  };
}

/** Queue blocks, index runs and delay progress, in one batch. */
function queuesView(store: Store, keyValue: KeyValue, memoryBytes: number): PersistedView {
  const { queues, index, delayProgress, log } = store;
  return {
    name: 'queues',
    keyValue,
    get persisted() {
      return queues.persistedPosition;
    },
    takeBatch() {
      // What is synced now covers the record of each delete that was applied: a batch that drops a topic contains it.
      const upTo = safePoint(store);
      // A batch is made without a pause: one of all that an fsync covered would hold up everybody for 10 ms.
      const pieceEnd = log.borderAbove(queues.persistedPosition);
      const blocks = queues.takeBatch(upTo, log.end, pieceEnd);
      if (blocks === undefined) return undefined;
      const runs = index.takeBatch(blocks.position);
      const progress = delayProgress.takeBatch(blocks.position);
      return {
        batch: [...blocks.batch, ...(runs?.batch ?? []), ...progress.mutations],
        position: blocks.position,
        upTo,
        done() {
          blocks.done();
          runs?.done();
          progress.done();
          queues.evict(memoryBytes, store.commitPoint);
        },
        failed() {
          blocks.failed();
          runs?.failed();
        },
      };
    },
  };
}
