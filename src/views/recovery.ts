import { strict as assert } from 'node:assert';
import {
  type BrokerId,
  type Disk,
  describeError,
  Failure,
  isFailure,
  type KeyValue,
  type PhysicalOffset,
  physicalOffset,
  queueOffset,
} from '../base/index.ts';
import {
  CommitLog,
  type CommitLogOptions,
  cutLog,
  defaultSegmentBytes,
  placesIn,
} from '../log/index.ts';
import { type GroupState, isSameBoot, readGroupState, wasLossless } from '../replication/index.ts';
import { forgetDeletedTopics } from './deleted-topics.ts';
import { KeyIndex } from './index/index.ts';
import { isInstalling } from './install.ts';
import { MetadataTables } from './metadata/index.ts';
import { NextOffsetRows } from './next-offset-rows.ts';
import { type Queue, Queues } from './queues/index.ts';
import { type FedViews, type FeedOptions, RecordFeed } from './record-feed.ts';
import { DelayProgress } from './schedule/index.ts';
import { readNewestSnapshot, type Snapshot } from './snapshot.ts';
import { checkDamageMark } from './store-damage.ts';
import type { StoreOptions, StoreParts, StorePorts } from './store-parts.ts';

/** What opening a store found and did, for the log line at start. */
export interface StoreRecovery {
  readonly begin: PhysicalOffset;
  readonly end: PhysicalOffset;
  readonly cleanStop: boolean;
  /** A clean stop, or one that the operating system outlived: all that was written is there. */
  readonly lossless: boolean;
  readonly cutBytes: number;
  readonly verifiedBytes: number;
  readonly replayedFrom: PhysicalOffset;
  readonly replayedRecords: number;
  /** Views that were set aside or empty, and why. */
  readonly rebuilt: readonly string[];
  readonly elapsedMs: number;
}

export interface OpenedStore {
  readonly parts: StoreParts;
  readonly metadataKeyValue: KeyValue;
  readonly queuesKeyValue: KeyValue;
  readonly nextOffsetRows: NextOffsetRows;
  readonly group: GroupState | undefined;
  readonly recovery: StoreRecovery;
}

export interface OpenOptions extends StoreOptions {
  readonly log: Omit<CommitLogOptions, 'folder'>;
  /** Cuts the log there first: above it, the group went another way (protocol rule 6). */
  readonly cutTo?: PhysicalOffset | undefined;
}

/**
 * Opens the store of a node: steps 1 to 4 of "Start" in docs/protocol.md. Fails `corrupt`, naming the file, when
 * something below what this node had synced is damaged or missing; then nothing was cut or deleted, and nothing is
 * left open.
 */
export async function openStore(options: OpenOptions, ports: StorePorts): Promise<OpenedStore> {
  const opening = new Opening(options.folder, ports);
  try {
    return await opening.run(options);
  } catch (error) {
    await opening.close();
    throw error;
  }
}

/** What the `queues` database holds. */
interface QueueViews {
  readonly queues: Queues;
  readonly index: KeyIndex;
  readonly delayProgress: DelayProgress;
}

/** One opening of a store, with what it has opened so far. */
class Opening {
  readonly #folder: string;
  readonly #ports: StorePorts;
  readonly #rebuilt: string[] = [];
  readonly #databases = new Map<string, KeyValue>();
  #openingQueues: Promise<void> = Promise.resolve();
  #isMetadataNew = false;
  #log: CommitLog | undefined;

  constructor(folder: string, ports: StorePorts) {
    this.#folder = folder;
    this.#ports = ports;
  }

  async run(options: OpenOptions): Promise<OpenedStore> {
    const { disk, clock } = this.#ports;
    const folder = this.#folder;
    const startedAt = clock.monotonicMs();
    await disk.makeFolder(folder);
    // Its lock is the lock of the store: nothing is changed before.
    const locking = this.#open('metadata');
    // Its threads are busy while this one looks at the log.
    this.#openingQueues = this.#openOther('queues', locking);
    this.#openingQueues.catch(() => {}); // Whoever waits for it is told.
    await locking;
    if (await isInstalling(disk, folder)) {
      const message = `${folder} holds an installation that did not end, and must begin anew`;
      throw new Failure('corrupt', message, { reason: 'installing' });
    }
    await checkDamageMark(disk, folder);
    const group = await readGroupState(disk, folder);
    if (options.cutTo !== undefined) await this.#cut(options, options.cutTo);
    const log = await CommitLog.open(
      { ...options.log, folder },
      this.#ports,
      isSameBoot(group, this.#ports.bootId),
    );
    this.#log = log;
    if (group === undefined && log.end > 0) {
      throw new Failure('corrupt', `${folder}/group is missing although the log is not empty`);
    }
    await log.sync();
    const { tables, snapshot } = await this.#openTables(log);
    const { queues, index, delayProgress } = await this.#openQueues(log);
    index.dropBelow(log.begin);
    const nextOffsetRows = await NextOffsetRows.load(this.#database('metadata'));
    const offsets =
      snapshot ??
      (queues.persistedPosition < log.begin
        ? await readNewestSnapshot(disk, `${folder}/snapshots`, this.#ports.logger)
        : undefined);
    for (const next of offsets?.nextOffsets ?? []) {
      queues.raiseNext(next.topic, next.incarnation, next.queueId, next.next);
    }
    nextOffsetRows.restore(queues, log.begin);

    const views = { tables, queues, index, delayProgress };
    const replay = new Replay(log, views, options, isSole(group, options.self));
    await replay.run();
    queues.endReplay();
    dropUnknownTopics(queues, tables);
    await log.sync();
    if (this.#isMetadataNew) await this.#settleMinima(views, log);
    return {
      parts: { log, isSole: isSole(group, options.self), ...views },
      metadataKeyValue: this.#database('metadata'),
      queuesKeyValue: this.#database('queues'),
      nextOffsetRows,
      group,
      recovery: {
        begin: log.begin,
        end: log.end,
        cleanStop: group?.cleanStop ?? true,
        lossless: wasLossless(group, this.#ports.bootId, { isEmpty: log.end === 0 }),
        cutBytes: log.recovery.cutBytes,
        verifiedBytes: log.recovery.verifiedBytes,
        replayedFrom: replay.from,
        replayedRecords: replay.records,
        rebuilt: this.#rebuilt,
        elapsedMs: Math.round(clock.monotonicMs() - startedAt),
      },
    };
  }

  /**
   * The rows that tell where queues begin went with the metadata database. Looks at the entries instead, and makes that
   * durable before the new metadata database holds anything, so that a crash before it finds all of this to do again.
   */
  async #settleMinima({ queues, index, delayProgress }: QueueViews, log: CommitLog): Promise<void> {
    for (const topicQueues of queues) {
      for (const queue of topicQueues) await raiseMinimum(queues, queue, log);
    }
    const blocks = queues.takeBatch(log.synced, log.end);
    if (blocks === undefined) return;
    const runs = index.takeBatch(blocks.position);
    const progress = delayProgress.takeBatch(blocks.position);
    const database = this.#database('queues');
    await database.write([...blocks.batch, ...(runs?.batch ?? []), ...progress.mutations]);
    blocks.done();
    runs?.done();
    progress.done();
    await database.flush();
  }

  /** Nothing that the tables contain is ever cut: whoever would have to installs a snapshot instead. */
  async #cut(options: OpenOptions, position: PhysicalOffset): Promise<void> {
    const tables = await MetadataTables.load(this.#database('metadata'));
    const applied = tables?.appliedPosition ?? 0;
    if (position < applied) {
      throw new Failure(
        'invalid',
        `the log cannot be cut at ${position}: applied up to ${applied}`,
      );
    }
    const { segmentBytes = defaultSegmentBytes } = options.log;
    const places = placesIn(this.#folder);
    await cutLog({ places, segmentBytes }, position, this.#ports.disk);
    this.#ports.logger.warn('the log was cut', { position });
  }

  async close(): Promise<void> {
    await this.#openingQueues.catch(() => {}); // What made the opening fail is what to tell.
    for (const database of this.#databases.values()) await database.close();
    await this.#log?.close({ clean: false });
  }

  /** The tables as they are in their database, or else as in a snapshot, or empty for a log that is there from 0. */
  async #openTables(
    log: CommitLog,
  ): Promise<{ readonly tables: MetadataTables; readonly snapshot?: Snapshot }> {
    let why: string;
    try {
      const tables = await MetadataTables.load(this.#database('metadata'));
      const position = tables?.appliedPosition ?? 0;
      if (position <= log.end && position >= log.begin) {
        this.#noteIfEmpty('metadata', tables?.appliedPosition ?? 0, log);
        return { tables: tables ?? new MetadataTables() };
      }
      why =
        position > log.end
          ? `it is at ${position}, ahead of the log's end ${log.end}`
          : `it is at ${position}, behind the log's begin ${log.begin}`;
    } catch (error) {
      if (!isFailure(error, 'corrupt')) throw error;
      why = describeError(error);
    }
    const snapshot = await usableSnapshot(this.#folder, log, this.#ports, why);
    await this.#replace('metadata', why);
    this.#isMetadataNew = true;
    if (snapshot === undefined) return { tables: new MetadataTables() };
    return { tables: MetadataTables.restore(snapshot), snapshot };
  }

  /** The queues as they are in their database, or empty, to be rebuilt from the log. */
  async #openQueues(log: CommitLog): Promise<QueueViews> {
    const mark = `${this.#folder}/${damagedQueuesMark}`;
    const isMarked = (await this.#ports.disk.list(this.#folder)).some(
      ({ name }) => name === damagedQueuesMark,
    );
    await this.#openingQueues;
    let why = isMarked ? 'a damaged block was found in it' : undefined;
    if (why === undefined) {
      try {
        const views = await this.#loadQueues();
        const position = views.queues.persistedPosition;
        if (position <= log.end) {
          this.#noteIfEmpty('queues', position, log);
          return views;
        }
        why = `it is at ${position}, ahead of the log's end ${log.end}`;
      } catch (error) {
        if (!isFailure(error, 'corrupt')) throw error;
        why = describeError(error);
      }
    }
    await this.#replace('queues', why);
    await this.#ports.disk.remove(mark);
    return await this.#loadQueues();
  }

  /** A database that was removed, or that a crash came before: all of it comes from the log again. */
  #noteIfEmpty(name: string, position: number, log: CommitLog): void {
    if (position === 0 && log.end > 0) this.#rebuilt.push(`${name}: its database is empty`);
  }

  async #loadQueues(): Promise<QueueViews> {
    const database = this.#database('queues');
    return {
      queues: await Queues.open(database),
      index: await KeyIndex.open(database),
      delayProgress: await DelayProgress.load(database),
    };
  }

  #database(name: string): KeyValue {
    const database = this.#databases.get(name);
    assert(database !== undefined, 'the database was opened');
    return database;
  }

  /** Opens a database; a damaged one is set aside and an empty one takes its place, to be rebuilt. */
  async #open(name: string): Promise<void> {
    const path = `${this.#folder}/${name}`;
    try {
      this.#databases.set(name, await this.#ports.keyValueStores.open(path));
    } catch (error) {
      if (!isFailure(error, 'corrupt')) throw error;
      await this.#setAside(name, describeError(error));
      this.#databases.set(name, await this.#ports.keyValueStores.open(path));
    }
  }

  /** Opens a database while the one that locks the store is opened too. */
  async #openOther(name: string, locking: Promise<void>): Promise<void> {
    const { keyValueStores, clock } = this.#ports;
    try {
      this.#databases.set(name, await keyValueStores.open(`${this.#folder}/${name}`));
    } catch (error) {
      await locking;
      // Whoever opens it without the lock of the store will let go of it.
      if (isFailure(error, 'unavailable', 'locked')) await clock.sleep(lockedPatienceMs);
      await this.#open(name);
    }
  }

  async #replace(name: string, why: string): Promise<void> {
    await this.#database(name).close();
    this.#databases.delete(name);
    await this.#setAside(name, why);
    await this.#open(name);
  }

  /** Nothing is thrown away: the operator may want to look at it. Only the newest of each name is kept. */
  async #setAside(name: string, why: string): Promise<void> {
    const { disk, logger } = this.#ports;
    const path = `${this.#folder}/${name}`;
    await disk.remove(`${path}.set-aside`);
    await disk.rename(path, `${path}.set-aside`);
    logger.warn('a view is set aside and rebuilt', { view: name, to: `${path}.set-aside`, why });
    this.#rebuilt.push(`${name}: ${why}`);
  }
}

const lockedPatienceMs = 1000;

/** Nobody else counts: what this node has synced is durable on the whole set. */
function isSole(group: GroupState | undefined, self: BrokerId): boolean {
  return group === undefined || (group.members.length === 1 && group.members[0] === self);
}

/** A file of this name asks the next start to rebuild the queues. */
const damagedQueuesMark = 'queues.damaged';

/** Damage that was met while reading: the next start rebuilds the database from the log. */
export async function markQueuesDamaged(disk: Disk, folder: string): Promise<void> {
  await using file = await disk.open(`${folder}/${damagedQueuesMark}`, 'createOrWrite');
  await file.sync();
}

/** A lost drop, or a row of a next offset, may have brought back queues of a topic that the log has deleted since. */
function dropUnknownTopics(queues: Queues, tables: MetadataTables): void {
  for (const { topic, incarnation } of [...queues]) {
    const readers = [tables.appended, tables.applied];
    if (readers.some((reader) => reader.topicRow(topic)?.createdAt === incarnation)) continue;
    queues.dropTopic(topic, incarnation);
  }
}

/** Entries of records below the log's begin lead nowhere. */
async function raiseMinimum(queues: Queues, queue: Queue, log: CommitLog): Promise<void> {
  const isKept = async (offset: number): Promise<boolean> => {
    const entries = await queues.read(queue, queueOffset(offset), 1, log.end);
    return entries.count === 0 || entries.position(0) >= log.begin;
  };
  if (queue.min === queue.next || (await isKept(queue.min))) return;
  let gone: number = queue.min;
  let kept: number = queue.next;
  while (kept - gone > 1) {
    const middle = Math.floor((gone + kept) / 2);
    if (await isKept(middle)) kept = middle;
    else gone = middle;
  }
  queues.setMinimum(queue, queueOffset(kept));
}

/** Feeds the views with the records of the log that they do not have yet, in the log's order. */
class Replay {
  readonly from: PhysicalOffset;
  records = 0;
  readonly #log: CommitLog;
  readonly #views: FedViews;
  readonly #feed: RecordFeed;
  readonly #metadataFrom: PhysicalOffset;
  readonly #queuesFrom: PhysicalOffset;
  readonly #applies: boolean;

  /** `applies`: all of the log is known to be durable on the whole set, so that tables need not wait. */
  constructor(log: CommitLog, views: FedViews, options: FeedOptions, applies: boolean) {
    this.#log = log;
    this.#views = views;
    this.#feed = new RecordFeed(views, options);
    this.#applies = applies;
    this.#metadataFrom = views.tables.appliedPosition;
    this.#queuesFrom = physicalOffset(Math.max(views.queues.persistedPosition, log.begin));
    this.from = physicalOffset(Math.min(this.#metadataFrom, this.#queuesFrom));
  }

  async run(): Promise<void> {
    const log = this.#log;
    const { tables, queues } = this.#views;
    await log.scan(this.from, log.end, ({ bytes, at, size, position }) => {
      this.records++;
      const fed = this.#feed.feed(bytes, at, size, position, {
        metadata: position >= this.#metadataFrom,
        messages: position >= this.#queuesFrom,
      });
      if (fed === 'metadata' && this.#applies && position >= this.#metadataFrom) {
        forgetDeletedTopics(queues, tables.apply(physicalOffset(position + size)));
      }
    });
  }
}

async function usableSnapshot(
  folder: string,
  log: CommitLog,
  ports: StorePorts,
  why: string,
): Promise<Snapshot | undefined> {
  const snapshot = await readNewestSnapshot(ports.disk, `${folder}/snapshots`, ports.logger);
  if (snapshot !== undefined && snapshot.position >= log.begin && snapshot.position <= log.end) {
    return snapshot;
  }
  if (log.begin === 0) return undefined;
  throw new Failure(
    'corrupt',
    `the metadata of ${folder} cannot be rebuilt: ${folder}/metadata is unusable (${why}), the log begins at ` +
      `${log.begin}, and ${folder}/snapshots holds no good snapshot between there and ${log.end}`,
  );
}
