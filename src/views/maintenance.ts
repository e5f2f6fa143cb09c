import {
  type Clock,
  type Disk,
  Failure,
  isFailure,
  type KeyValue,
  type Logger,
  type Mutation,
  type PhysicalOffset,
  physicalOffset,
  queueOffset,
  type Timer,
} from '../base/index.ts';
import { queueIdAt, queueOffsetAt } from '../wire/index.ts';
import type { NextOffsetRows, Row } from './next-offset-rows.ts';
import type { Persister } from './persister.ts';
import { topicAt } from './record-topic.ts';
import type { Scrubber } from './scrub.ts';
import { writeSnapshot } from './snapshot.ts';
import type { Store } from './store.ts';

export interface MaintenanceOptions {
  readonly folder: string;
  readonly intervalMs: number;
  /** Age above which a sealed segment goes, by the newest record in it. */
  readonly retainMs: number;
  /** Hours of the day, local time, at which segments go because of their age. */
  readonly deleteHours: readonly number[];
  /** Fill of the disk (0 to 1) above which they go at any hour. */
  readonly maxUsedRatio: number;
  /** Size of the log above which the oldest segments go; 0 = no limit. */
  readonly maxLogBytes: number;
  /** Fill of the disk (0 to 1) above which the oldest segments go whatever their age. */
  readonly cleanForciblyRatio: number;
  /** Fill of the disk above which writes are refused. */
  readonly refuseWritesRatio: number;
  readonly snapshotIntervalMs: number;
  /** How often databases are flushed while something changed. */
  readonly databaseFlushIntervalMs: number;
  /** How often the metadata are checked against themselves. */
  readonly scrubIntervalMs: number;
}

interface MaintenanceParts {
  readonly store: Store;
  readonly metadata: Persister;
  readonly queues: Persister;
  readonly metadataKeyValue: KeyValue;
  readonly nextOffsetRows: NextOffsetRows;
  readonly scrubber: Scrubber;
}

const segmentsPerRound = 10;

/**
 * What a store does now and then: flushes its databases, writes snapshots, deletes segments that are too old or too
 * many, and refuses writes while the disk is too full. A segment goes only when every view has persisted past it, a
 * snapshot at or above its end is on disk, and the next offsets of its queues are in the metadata database.
 */
export class Maintenance {
  /** A segment of the log is damaged, or the metadata are; the log says so already. */
  onDamage: (failure: Failure, what: 'log' | 'metadata') => void = () => {};
  readonly #options: MaintenanceOptions;
  readonly #parts: MaintenanceParts;
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #timer: Timer | undefined;
  #round: Promise<void> | undefined;
  #stopped = false;
  /** Of the round in hand: somebody asked for it. */
  #isDueNow = false;
  readonly #verified = new Set<number>();
  #writingSnapshot: Promise<unknown> = Promise.resolve();
  #snapshotPosition: PhysicalOffset;
  #snapshotAt: number;
  #databasesFlushedAt: number;
  #scrubbedAt: number;
  /** Of the metadata, found and told. */
  #damage: Failure | undefined;
  /** Drop rows that tell where queues begin; written once the queues themselves are flushed with that. */
  #uselessRows: readonly Mutation[] = [];

  constructor(
    options: MaintenanceOptions,
    parts: MaintenanceParts,
    ports: { readonly disk: Disk; readonly clock: Clock; readonly logger: Logger },
  ) {
    this.#options = options;
    this.#parts = parts;
    this.#disk = ports.disk;
    this.#clock = ports.clock;
    this.#logger = ports.logger;
    this.#snapshotPosition = physicalOffset(0);
    this.#snapshotAt = ports.clock.monotonicMs();
    this.#databasesFlushedAt = this.#snapshotAt;
    this.#scrubbedAt = this.#snapshotAt;
  }

  start(): void {
    // Of a process that ended before it could drop them.
    const { nextOffsetRows, store } = this.#parts;
    this.#uselessRows = nextOffsetRows.segmentDeleted(store.log.begin, store.queues);
    this.#schedule();
  }

  #schedule(): void {
    this.#timer = this.#clock.setTimer(this.#options.intervalMs, () => {
      void this.run().then(() => {
        if (!this.#stopped) this.#schedule();
      });
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#round;
  }

  /** A round by command, which deletes what is too old at any hour of the day. Never rejects. */
  async deleteExpired(): Promise<void> {
    await this.#round;
    this.#isDueNow = true;
    await this.run();
  }

  /** One round. Never rejects: what failed is logged and tried again in the next round. */
  async run(): Promise<void> {
    this.#round ??= this.#runRound()
      .catch((error: unknown) => {
        this.#logger.error('maintenance of the store failed; it is tried again', { error });
      })
      .finally(() => {
        this.#isDueNow = false;
        this.#round = undefined;
      });
    await this.#round;
  }

  async #runRound(): Promise<void> {
    const now = this.#clock.monotonicMs();
    if (now - this.#databasesFlushedAt >= this.#options.databaseFlushIntervalMs) {
      this.#databasesFlushedAt = now;
      await this.#flushDatabases();
    }
    if (now - this.#snapshotAt >= this.#options.snapshotIntervalMs) {
      this.#snapshotAt = now;
      if (this.#parts.store.tables.appliedPosition > this.#snapshotPosition) await this.snapshot();
    }
    await this.#retain();
    await this.#parts.store.index.maintain();
    await this.#verifyOne();
    if (now - this.#scrubbedAt >= this.#options.scrubIntervalMs) {
      this.#scrubbedAt = now;
      await this.scrub();
    }
  }

  /** What is damaged of the metadata; undefined when nothing is. Fails as reading the database does. */
  async scrub(): Promise<Failure | undefined> {
    if (this.#damage !== undefined) return this.#damage; // It stays so.
    const damage = await this.#parts.scrubber.run();
    if (damage === undefined || this.#damage !== undefined) return damage;
    this.#damage = damage;
    this.#logger.error('the metadata of this node are damaged', { error: damage });
    this.onDamage(damage, 'metadata');
    return damage;
  }

  /** Looks for damage in what this process has not looked at yet: one segment a round, oldest first. */
  async #verifyOne(): Promise<void> {
    const { log } = this.#parts.store;
    await this.#tellDamage(() => log.verifyUnchecked());
    const next = log.segments().find(({ base, endExclusive, sealed }) => {
      return sealed && endExclusive <= log.synced && !this.#verified.has(base);
    });
    if (next === undefined) return;
    // Its checksums are written soon after its end.
    if (await this.#tellDamage(() => log.verifySegment(next.base))) this.#verified.add(next.base);
  }

  /** False: it could not be looked at. */
  async #tellDamage(verify: () => Promise<unknown>): Promise<boolean> {
    try {
      await verify();
    } catch (error) {
      if (isFailure(error, 'unavailable', 'busy') || isFailure(error, 'unavailable', 'notFound'))
        return false;
      if (!isFailure(error, 'corrupt')) throw error;
      this.#logger.error('a segment is damaged; what it holds there cannot be trusted', { error });
      this.onDamage(error, 'log');
    }
    return true;
  }

  /** Writes a snapshot of the applied tables, after one that is being written. */
  async snapshot(): Promise<{ readonly path: string; readonly position: PhysicalOffset }> {
    const writing = this.#writingSnapshot.then(() => this.#snapshot());
    this.#writingSnapshot = writing.catch(() => {}); // Whoever asked for it is told.
    return await writing;
  }

  async #snapshot(): Promise<{ readonly path: string; readonly position: PhysicalOffset }> {
    const { store } = this.#parts;
    const { tables, queues, log } = store;
    const position = tables.appliedPosition;
    const path = await writeSnapshot(
      this.#disk,
      `${this.#options.folder}/snapshots`,
      {
        ...tables.snapshotContent(),
        createdAt: this.#clock.now(),
        nextOffsets: queues.nextOffsetsAt(position),
        epochs: log.epochs.filter(({ start }) => start < position),
      },
      this.#logger,
    );
    this.#snapshotPosition = position;
    return { path, position };
  }

  async #flushDatabases(): Promise<void> {
    // A crash must find the rows that say where queues begin until the queues themselves are flushed with that.
    const useless = this.#uselessRows;
    await this.#parts.metadata.flush();
    await this.#parts.queues.flush();
    if (useless.length === 0) return;
    await this.#parts.metadataKeyValue.write(useless);
    this.#uselessRows = [];
  }

  async #retain(): Promise<void> {
    try {
      for (let deleted = 0; deleted < segmentsPerRound; deleted++) {
        const why = this.#whyDeleteOldest(await this.#usedRatio());
        if (why === undefined || !(await this.#deleteOldest(why))) break;
      }
    } finally {
      // All the more when nothing can be deleted, since a view or a snapshot cannot be written.
      this.#guardDisk(await this.#usedRatio());
    }
  }

  async #usedRatio(): Promise<number> {
    const { freeBytes, totalBytes } = await this.#disk.usage(this.#options.folder);
    return 1 - freeBytes / totalBytes;
  }

  #whyDeleteOldest(diskRatio: number): string | undefined {
    const [oldest] = this.#parts.store.log.segments();
    if (oldest === undefined || !oldest.sealed) return undefined;
    const { log } = this.#parts.store;
    const { retainMs, deleteHours, maxUsedRatio, maxLogBytes, cleanForciblyRatio } = this.#options;
    if (diskRatio > cleanForciblyRatio) return 'the disk is too full';
    if (maxLogBytes > 0 && log.end - log.begin > maxLogBytes) return 'the log is too large';
    const now = this.#clock.now();
    const isDue =
      this.#isDueNow || diskRatio > maxUsedRatio || deleteHours.includes(new Date(now).getHours());
    return isDue && now - oldest.lastStoreTimestamp > retainMs
      ? 'its messages are too old'
      : undefined;
  }

  /** Returns false when the segment may not go yet. */
  async #deleteOldest(why: string): Promise<boolean> {
    const { store, nextOffsetRows } = this.#parts;
    const { log } = store;
    const [oldest] = log.segments();
    if (oldest === undefined || !oldest.sealed || store.durablePoint < oldest.endExclusive)
      return false;
    const { base, endExclusive: end } = oldest;
    if (!nextOffsetRows.has(base)) {
      if (!(await this.#isBelievable(base))) return false;
      nextOffsetRows.add(base, end, await this.#scanNextOffsets(base, end));
    }
    await this.#flushDatabases();
    if (this.#snapshotPosition < end) await this.snapshot();
    const { metadata, queues } = this.#parts;
    if (metadata.flushed < end || queues.flushed < end || this.#snapshotPosition < end) {
      this.#logger.warn('a segment stays although it should go: a view or snapshot is behind it', {
        segment: base,
        metadata: metadata.flushed,
        queues: queues.flushed,
        snapshot: this.#snapshotPosition,
      });
      return false;
    }
    await log.deleteOldestSegment();
    this.#logger.info('deleted a segment', { segment: base, why });
    this.#uselessRows = nextOffsetRows.segmentDeleted(end, store.queues);
    store.index.dropBelow(log.begin);
    return true;
  }

  /**
   * Records are believed only where their blocks are: a queue id is in no checksum of its record. False: the checksums
   * are not written yet. Fails `corrupt`.
   */
  async #isBelievable(base: PhysicalOffset): Promise<boolean> {
    try {
      await this.#parts.store.log.verifySegment(base);
      return true;
    } catch (error) {
      if (isFailure(error, 'unavailable', 'busy')) return false;
      if (isFailure(error, 'corrupt')) this.onDamage(error, 'log');
      throw error;
    }
  }

  /** For a segment that was not written from its beginning to its end by this process. */
  async #scanNextOffsets(base: PhysicalOffset, end: PhysicalOffset): Promise<Row[]> {
    const { log, tables } = this.#parts.store;
    const rows = new Map<string, Row>();
    await log.scan(base, end, ({ bytes, at, position }) => {
      const topic = topicAt(bytes, at);
      const row = tables.applied.topicRow(topic);
      if (row === undefined || row.createdAt > position) return;
      const queueId = queueIdAt(bytes, at);
      const next = queueOffset(queueOffsetAt(bytes, at) + 1);
      rows.set(`${queueId} ${topic}`, { topic, incarnation: row.createdAt, queueId, next });
    });
    return [...rows.values()];
  }

  #guardDisk(ratio: number): void {
    const { store } = this.#parts;
    const full = ratio > this.#options.refuseWritesRatio;
    if (full && store.refusal === undefined) {
      const percent = (ratio * 100).toFixed(1);
      store.refusal = new Failure('unavailable', `the disk is ${percent} % full`, {
        reason: 'diskFull',
      });
      this.#logger.warn('writes are refused until there is room on the disk', { percent });
    } else if (!full && store.refusal?.reason === 'diskFull') {
      store.refusal = undefined;
      this.#logger.info('the disk has room again; writes are accepted');
    }
  }
}
