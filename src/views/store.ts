import { strict as assert } from 'node:assert';
import {
  type BrokerId,
  type Clock,
  type Epoch,
  epoch as epochOf,
  Failure,
  isFailure,
  type Logger,
  type MetadataSequence,
  type PhysicalOffset,
  physicalOffset,
  type QueueOffset,
  type Timer,
  type TimestampMs,
  timestampMs,
} from '../base/index.ts';
import type { CommitLog } from '../log/index.ts';
import { EPOCH_TOPIC, encodeEpochRecordBody } from '../log/index.ts';
import { SetPositions } from '../replication/index.ts';
import { forgetDeletedTopics } from './deleted-topics.ts';
import type { KeyIndex } from './index/index.ts';
import { indexMessage } from './index-message.ts';
import { checkRange, ingestRange } from './ingest.ts';
import {
  type AppliedChange,
  type Entry,
  encodeMetadataRecord,
  METADATA_TOPIC,
  type MetadataTables,
  type RecordClass,
} from './metadata/index.ts';
import type { Queue, Queues } from './queues/index.ts';
import { RecordFeed } from './record-feed.ts';
import type { RecordProperties } from './record-properties.ts';
import { type RecordContent, RecordWriter, systemMessage } from './record-writer.ts';
import { whenThereIsRoom } from './room.ts';
import type { DelayProgress } from './schedule/index.ts';
import type { StoreOptions, StoreParts } from './store-parts.ts';
import type { Waiter } from './wait-line.ts';
import { Waiters } from './waiters.ts';

/** A message to append. The sender keeps one and fills it anew for each message. */
export interface NewMessage extends RecordContent {
  queue: Queue;
  /** Positions in `properties`. */
  known: RecordProperties;
  tagsCode: number;
}

/** A store that was opened leads or follows once it is told to. It follows until it leads, and leads until it is closed. */
export type StoreRole = 'opened' | 'follower' | 'leader';

const metadataTopic = new TextEncoder().encode(METADATA_TOPIC);
const epochTopic = new TextEncoder().encode(EPOCH_TOPIC);

const stopping = (): Failure => new Failure('closed', 'the broker is stopping');

/**
 * One replica's log and its views, and the only writer of them: appends, the turn's write, fsyncs, C and D, and who
 * waits for them (docs/protocol.md, "The turn"). Everything up to the end of a turn is synchronous, so that a check
 * and the append that relies on it cannot be separated.
 *
 * Invariants: the views contain exactly the appended records of the log, in its order; what `log.write` could not
 * write is cut from all of them in the same turn; tables are applied up to min(D, own synced).
 */
export class Store {
  readonly log: CommitLog;
  readonly tables: MetadataTables;
  readonly queues: Queues;
  readonly index: KeyIndex;
  readonly delayProgress: DelayProgress;
  readonly #feed: RecordFeed;
  readonly #options: StoreOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #waiters: Waiters;
  #role: StoreRole = 'opened';
  #epoch: Epoch | undefined;
  /** Of a leader. */
  #positions: SetPositions | undefined;
  /** What is known of C and D while this node does not lead. */
  #knownCommit: PhysicalOffset;
  #knownDurable: PhysicalOffset;
  #turnScheduled = false;
  #turnTime = timestampMs(0);
  #syncing: Promise<void> | undefined;
  #flushTimer: Timer | undefined;
  #closed = false;
  #isWriteFailing = false;
  /** A definition was appended since the last fsync began. */
  #wantsSync = false;
  #refusal: Failure | undefined;
  /** Of a leader: the end of its epoch record. */
  #inherited = physicalOffset(0);
  readonly #writer: RecordWriter;

  /** Position of the record that `append` added last, its end, and its queue offset. */
  appendedAt = physicalOffset(0);
  appendedEnd = physicalOffset(0);
  appendedOffset = 0 as QueueOffset;

  /** Told once when the store can no longer be trusted with writes (a failed fsync): the process must end. */
  onFatal: (failure: Failure) => void = (failure) => {
    throw failure;
  };
  /** Told what durable metadata records changed, in order. */
  onApplied: (changes: readonly AppliedChange[]) => void = () => {};
  /** A message was appended to this queue. Called for each one: must be quick. */
  onAppended: (queue: Queue) => void = () => {};
  /** The turn ends: the last moment to append something to it. */
  beforeWrite: () => void = () => {};
  /** C moved: queues may have become readable. Also the moment to hand the turn's answers to the network. */
  onCommitted: () => void = () => {};
  /** Something was written. `wantsSync`: somebody waits until it is synced on the whole set. */
  onWritten: (wantsSync: boolean) => void = () => {};
  /** This node's log is synced up to there. */
  onSynced: (position: PhysicalOffset) => void = () => {};
  /** What a follower was given could not be written. */
  onIngestFailed: (failure: Failure) => void = () => {};
  /** An fsync took so long. */
  onFsync: (tookMs: number) => void = () => {};
  /** Appended records were cut away: what was derived from the appended state must be looked up again. */
  onCut: () => void = () => {};

  constructor(
    options: StoreOptions,
    parts: StoreParts,
    ports: { readonly clock: Clock; readonly logger: Logger },
  ) {
    this.#options = options;
    this.#clock = ports.clock;
    this.#logger = ports.logger;
    this.log = parts.log;
    this.tables = parts.tables;
    this.queues = parts.queues;
    this.index = parts.index;
    this.delayProgress = parts.delayProgress;
    this.#writer = new RecordWriter(parts.log);
    this.#waiters = new Waiters(ports.clock, () => this.onCommitted());
    this.#feed = new RecordFeed(parts, options);
    this.#feed.onQueued = (queue) => this.onAppended(queue);
    const known = parts.isSole ? parts.log.synced : parts.tables.appliedPosition;
    this.#knownCommit = known;
    this.#knownDurable = known;
  }

  /** C, as far as this node knows: below it messages may be read. */
  get commitPoint(): PhysicalOffset {
    return this.#positions?.commitPoint ?? this.#knownCommit;
  }

  /** D, as far as this node knows. */
  get durablePoint(): PhysicalOffset {
    return this.#positions?.durablePoint ?? this.#knownDurable;
  }

  get role(): StoreRole {
    return this.#role;
  }

  /** The set of a leader, and how far its members are. */
  get positions(): SetPositions {
    assert(this.#positions !== undefined, 'only a leader has a set');
    return this.#positions;
  }

  /**
   * Of a leader: whoever has synced this holds all that may have been acknowledged so far, also by those who led before
   * (docs/model, T9: at the beginning of an epoch C says nothing of that).
   */
  get floor(): PhysicalOffset {
    return physicalOffset(Math.max(this.commitPoint, this.#inherited));
  }

  /** That it leads or follows in; before that the newest of its log, 0 when there is none. */
  get epoch(): Epoch {
    return this.#epoch ?? this.log.epochs.at(-1)?.epoch ?? epochOf(0);
  }

  get syncFlush(): boolean {
    return this.#options.syncFlush;
  }

  /** Why appends are refused at the moment, apart from what each append finds itself. */
  set refusal(failure: Failure | undefined) {
    this.#refusal = failure;
  }

  get refusal(): Failure | undefined {
    return this.#refusal;
  }

  /** What records state as the host that stored them: address and port, 8 or 20 bytes. */
  set storeHost(host: Uint8Array) {
    this.#writer.storeHost = host;
  }

  /** The time that records appended in this turn carry; read once a turn, and never below the last in the log. */
  get turnTime(): TimestampMs {
    this.#beginTurn();
    return this.#turnTime;
  }

  /**
   * Appends a message; `appendedAt`, `appendedEnd` and `appendedOffset` tell where. Fails `unavailable` (full disk,
   * busy, closed) or `invalid`/`tooLarge`, with nothing appended.
   */
  append(message: NewMessage): void {
    this.#admit();
    this.#beginTurn();
    const size = this.#writer.sizeOf(message);
    this.log.reserve(size);
    this.appendedAt = this.log.position;
    this.appendedOffset = message.queue.next;
    this.#writer.encode(message, message.queue.queueId, this.appendedOffset, 0, this.#turnTime);
    this.log.publish(this.#turnTime);
    this.appendedEnd = this.log.end;
    this.#addToViews(message, this.appendedAt, size);
  }

  /**
   * Appends messages of one queue as one piece of the log: all, or on failure none. Returns their positions;
   * `appendedOffset` is that of the first, `appendedEnd` the end of the last.
   */
  appendBatch(messages: readonly NewMessage[]): PhysicalOffset[] {
    this.#admit();
    this.#beginTurn();
    const sizes = messages.map((message) => this.#writer.sizeOf(message));
    this.log.reserve(sizes.reduce((sum, size) => sum + size, 0));
    const first = messages[0] as NewMessage;
    this.appendedAt = this.log.position;
    this.appendedOffset = first.queue.next;
    const positions: PhysicalOffset[] = [];
    let within = 0;
    messages.forEach((message, index) => {
      this.#writer.encode(
        message,
        message.queue.queueId,
        this.appendedOffset + index,
        within,
        this.#turnTime,
      );
      positions.push(physicalOffset(this.appendedAt + within));
      within += sizes[index] as number;
    });
    this.log.publish(this.#turnTime);
    this.appendedEnd = this.log.end;
    messages.forEach((message, index) => {
      this.#addToViews(message, positions[index] as PhysicalOffset, sizes[index] as number);
    });
    return positions;
  }

  /**
   * Appends a metadata record with these entries, as `decide` gave them against the appended state of this very
   * turn; returns the record's end. Fails as `append` does.
   */
  change(recordClass: RecordClass, entries: readonly Entry[], cause: string): PhysicalOffset {
    this.#admit();
    this.#beginTurn();
    const sequence = this.tables.nextSequence;
    const record = {
      class: recordClass,
      epoch: this.epoch,
      sequence,
      timestamp: this.#turnTime,
      cause,
      entries,
      ...(recordClass === 'definition' ? { digest: this.tables.digestAfter(entries) } : {}),
    };
    this.#appendSystemRecord(metadataTopic, sequence, encodeMetadataRecord(record));
    this.tables.append(record, this.appendedAt, this.appendedEnd);
    // Nobody may wait for it, but routes show it only once it is durable.
    if (recordClass !== 'progress') this.#wantsSync = true;
    return this.appendedEnd;
  }

  /** Tells `waiter` when this node wrote all below `position`, whoever else has it: a crash of the process loses nothing. */
  whenWritten(position: PhysicalOffset, waiter: Waiter): void {
    this.#waiters.wait(this.#waiters.written, position, this.log.written, waiter);
  }

  /** Tells `waiter` when this node fsynced all below `position`. An fsync starts at the end of the turn. */
  whenSynced(position: PhysicalOffset, waiter: Waiter): void {
    const { synced } = this.#waiters;
    if (this.#waiters.wait(synced, position, this.log.synced, waiter)) this.#beginTurn();
  }

  /** Tells `waiter` when C passed `position`. */
  whenCommitted(position: PhysicalOffset, waiter: Waiter): void {
    this.#waiters.wait(this.#waiters.committed, position, this.commitPoint, waiter);
  }

  /** Tells `waiter` when C passed `position` and `inSyncReplicas` replicas have it, in the set or not. */
  whenCopied(position: PhysicalOffset, waiter: Waiter): void {
    this.#waiters.wait(this.#waiters.copied, position, this.#copiedPoint, waiter);
  }

  /** Tells `waiter` when D passed `position` and the tables applied it. An fsync starts at the end of the turn. */
  whenDurable(position: PhysicalOffset, waiter: Waiter): void {
    const { durable } = this.#waiters;
    if (this.#waiters.wait(durable, position, this.durablePoint, waiter)) this.#beginTurn();
  }

  /** The same for messages, which wait in a line of their own, as they wait another time at most. */
  whenMessageDurable(position: PhysicalOffset, waiter: Waiter): void {
    const { durableMessages } = this.#waiters;
    if (this.#waiters.wait(durableMessages, position, this.durablePoint, waiter)) this.#beginTurn();
  }

  /** As `whenDurable`; rejects with the failure when the position will not be reached. */
  durably(position: PhysicalOffset): Promise<void> {
    return new Promise((resolve, reject) => {
      this.whenDurable(position, { reached: resolve, gaveUp: (_outcome, why) => reject(why) });
    });
  }

  /** `beforeWrite` is called at the end of this turn although nothing was appended yet. */
  wantTurnEnd(): void {
    this.#beginTurn();
  }

  /**
   * Protocol rule 5, for a log whose views are built to its end, once the epoch is promised: append its record, wait
   * until D passed it and the tables applied it. Rejects when the store is abandoned before.
   */
  async lead(grant: {
    readonly epoch: Epoch;
    readonly incarnation: string;
    readonly members: readonly BrokerId[];
    readonly setEpoch: number;
  }): Promise<void> {
    assert(this.#role !== 'leader', 'a store leads once');
    const { epoch, incarnation, members, setEpoch } = grant;
    const self = this.#options.self;
    this.#endTurn();
    await this.log.sync();
    if (this.#closed) throw new Failure('closed', 'the store is closed');
    // Promise P7: what contradicts the group's log does not lead it.
    if (this.#refusal?.kind === 'corrupt') throw this.#refusal;
    const { commitPoint, durablePoint } = this;
    this.#role = 'leader';
    this.#epoch = epoch;
    this.#inherited = this.log.end;
    this.#positions = new SetPositions({
      self,
      members,
      setEpoch,
      position: this.log.synced,
      commitPoint,
      durablePoint,
    });
    const body = encodeEpochRecordBody({ epoch, broker: self, incarnation, setEpoch, members });
    await whenThereIsRoom(this.#clock, () => {
      this.#beginTurn();
      this.#appendSystemRecord(epochTopic, epoch as number as MetadataSequence, body);
    });
    this.#inherited = this.appendedEnd;
    this.log.noteEpoch({ epoch, incarnation, start: this.appendedAt });
    this.tables.noteEpoch(epoch, this.#turnTime, this.appendedAt);
    await this.durably(this.appendedEnd);
    this.#scheduleFlush();
  }

  /** Takes what the leader of this epoch sends, from now on. */
  follow(epoch: Epoch): void {
    assert(this.#role !== 'leader', 'a leader does not follow');
    if (this.#role === 'opened') this.#scheduleFlush();
    this.#role = 'follower';
    this.#epoch = epoch;
  }

  /**
   * Appends records of the leader's log, whole ones that begin at the end of this one. Fails `invalid` when they are not;
   * `corrupt` when they do not fit to the tables, and takes nothing any more; `unavailable` without room. What cannot be
   * written is told later.
   */
  ingest(bytes: Uint8Array): void {
    assert(this.#role === 'follower', 'only a follower takes what others appended');
    if (this.#refusal !== undefined) throw this.#refusal;
    const from = this.log.end;
    checkRange(bytes, from);
    this.#beginTurn();
    try {
      ingestRange(bytes, this.log, this.#feed);
    } catch (error) {
      if (isFailure(error, 'corrupt')) {
        // The log must not hold what its views do not.
        this.log.cut(from);
        this.#cutViews(from);
        this.#refusal = error;
      }
      throw error;
    }
  }

  /** What the leader says of the whole set: messages below C may be read, and definitions below D are applied. */
  pointsFromLeader(commitPoint: PhysicalOffset, durablePoint: PhysicalOffset): void {
    assert(this.#role === 'follower', 'a leader knows C and D itself');
    this.#knownCommit = physicalOffset(
      Math.max(this.#knownCommit, Math.min(commitPoint, this.log.written)),
    );
    this.#knownDurable = physicalOffset(Math.max(this.#knownDurable, durablePoint));
    this.pointsMoved();
  }

  /** C or D moved: applies, tells who waited. */
  pointsMoved(): void {
    this.#applyDurable();
    this.#waiters.releaseSynced(this.log.synced, this.durablePoint);
    this.#releaseWritten();
    this.onCommitted();
  }

  /** Somebody waits for an fsync of what is written. */
  syncNow(): void {
    this.#wantsSync = true;
    this.#beginTurn();
  }

  /** Writes and fsyncs all that was appended here. */
  async syncAll(): Promise<void> {
    this.#endTurn();
    this.#onSynced(await this.log.sync());
  }

  /** Before a leader is closed: takes nothing more, and lets its followers have all, as far as that is done in time. */
  async settle(limitMs: number): Promise<void> {
    this.#refusal = stopping();
    await Promise.race([this.durably(this.log.end), this.#clock.sleep(limitMs)]);
  }

  /** Refuses further appends, then makes everything durable here. Waiters are told. Fails at once when the store has failed. */
  async close(): Promise<void> {
    if (this.#closed) throw this.#refusal ?? new Failure('closed', 'the store is closed');
    this.#refusal = stopping();
    this.#flushTimer?.cancel();
    try {
      await this.syncAll();
    } finally {
      this.#closed = true;
      this.#waiters.end(this.#refusal);
      this.onCommitted();
      await this.#syncing;
    }
  }

  /** Lets go without writing any more: for whoever waits the outcome is unknown. */
  async abandon(): Promise<void> {
    this.#refusal ??= new Failure('closed', 'this broker does not lead any more');
    if (!this.#closed) this.beforeWrite(); // What was not appended yet is refused.
    this.#closed = true;
    this.#flushTimer?.cancel();
    this.#waiters.end(this.#refusal);
    this.onCommitted();
    await this.#syncing;
  }

  /** C, or below it what too few replicas have. */
  get #copiedPoint(): number {
    const { inSyncReplicas } = this.#options;
    if (inSyncReplicas <= 1 || this.#positions === undefined) return this.commitPoint;
    return Math.min(this.commitPoint, this.#positions.writtenBy(inSyncReplicas));
  }

  #releaseWritten(): void {
    const copied = this.#waiters.copied.length > 0 ? this.#copiedPoint : 0;
    this.#waiters.releaseWritten(this.log.written, this.commitPoint, copied);
  }

  #admit(): void {
    if (this.#role !== 'leader')
      throw new Failure('fenced', 'this replica does not lead its group');
    if (this.#refusal !== undefined) throw this.#refusal;
    if (this.log.end - this.commitPoint > this.#options.maxUncommittedBytes) {
      throw new Failure('unavailable', 'too many bytes wait to be committed', { reason: 'busy' });
    }
  }

  #beginTurn(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    this.#turnTime = timestampMs(Math.max(this.#clock.now(), this.log.lastStoreTimestamp));
    this.#clock.afterTurn(this.#endTurn);
  }

  #appendSystemRecord(topic: Uint8Array, queueOffset: number, body: Uint8Array): void {
    const message = { ...systemMessage, topic, body, bornTimestamp: this.#turnTime };
    this.log.reserve(this.#writer.sizeOf(message));
    this.appendedAt = this.log.position;
    this.#writer.encode(message, 0, queueOffset, 0, this.#turnTime);
    this.log.publish(this.#turnTime);
    this.appendedEnd = this.log.end;
  }

  #addToViews(message: NewMessage, position: PhysicalOffset, size: number): void {
    this.queues.append(message.queue, position, size, message.tagsCode, this.#turnTime);
    if (this.#options.keyIndex) {
      indexMessage(
        this.index,
        message.topic,
        message.properties,
        message.known,
        position,
        this.#turnTime,
      );
    }
    if (message.known.delaySourceStart >= 0) this.#noteDelivered(message, position);
    this.onAppended(message.queue);
  }

  #noteDelivered(message: NewMessage, position: PhysicalOffset): void {
    const source = message.known.delaySource(message.properties);
    if (source === undefined) return;
    this.delayProgress.delivered(source.queueId, source.offset, position);
  }

  readonly #endTurn = (): void => {
    if (!this.#closed) this.beforeWrite();
    this.#turnScheduled = false;
    if (this.#closed) return;
    const before = this.log.written;
    try {
      this.log.write();
    } catch (error) {
      if (!this.#cutUnwritten(error)) return;
    }
    if (this.#isWriteFailing && this.log.written === this.log.end && this.log.end > before) {
      this.#isWriteFailing = false;
      this.#logger.info('the log can be written again');
    }
    this.#positions?.advanceWritten(this.log.written);
    const wantsD = this.#waiters.wantsD || this.#wantsSync;
    if (this.log.written > before || wantsD) this.onWritten(wantsD);
    this.#releaseWritten();
    if (wantsD || this.#waiters.wantsSync) this.#startSync();
    this.onCommitted();
  };

  /** Protocol rule 8: nothing of a failed write stays anywhere. Returns false when the process must end. */
  #cutUnwritten(error: unknown): boolean {
    if (!isFailure(error, 'unavailable')) {
      this.#fail(error);
      return false;
    }
    const { written } = this.log;
    this.#cutViews(written);
    if (!this.#isWriteFailing) {
      this.#logger.warn('the log cannot be written; appends are refused until it can', { error });
    }
    this.#isWriteFailing = true;
    if (this.#role === 'follower') this.onIngestFailed(error);
    void this.#refuseWaiters(written, error);
    return true;
  }

  #cutViews(position: PhysicalOffset): void {
    this.tables.cut(position);
    this.queues.cut(position);
    this.index.cut(position);
    this.delayProgress.cut(position);
    this.onCut();
  }

  /** Who waited for what was cut is told when the cut is durable: before that, a power loss could bring it back. */
  async #refuseWaiters(written: PhysicalOffset, why: Failure): Promise<void> {
    const waiters = this.#waiters.takeAbove(written);
    try {
      const synced = await this.log.sync();
      for (const waiter of waiters) waiter.gaveUp('refused', why);
      if (!this.#closed) this.#onSynced(synced);
    } catch (error) {
      for (const waiter of waiters) waiter.gaveUp('unknown', why);
      this.#fail(error);
    }
  }

  #startSync(): void {
    if (this.#syncing !== undefined || this.#closed) return;
    this.#wantsSync = false;
    const beganMs = this.#clock.monotonicMs();
    this.#syncing = this.log.sync().then(
      (synced) => {
        this.onFsync(this.#clock.monotonicMs() - beganMs);
        this.#syncing = undefined;
        this.#onSynced(synced);
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** Protocol rule 14. */
  #applyDurable(): void {
    const durable = physicalOffset(Math.min(this.durablePoint, this.log.synced));
    if (durable <= this.tables.appliedPosition) return;
    const changes = this.tables.apply(durable);
    if (changes.length === 0) return;
    forgetDeletedTopics(this.queues, changes);
    this.onApplied(changes);
  }

  #onSynced(synced: PhysicalOffset): void {
    this.#positions?.advanceSynced(synced);
    this.onSynced(synced);
    this.#applyDurable();
    this.#waiters.releaseSynced(this.log.synced, this.durablePoint);
    // Who waits for what is not written yet is served by the end of its turn.
    const isWanted = this.#waiters.wantsSync || this.#wantsSync;
    if (isWanted && this.log.written > synced) this.#startSync();
    this.onCommitted();
  }

  #scheduleFlush(): void {
    this.#flushTimer = this.#clock.setTimer(this.#options.flushIntervalMs, () => {
      if (this.#closed) return;
      if (this.log.written > this.log.synced) this.#startSync();
      this.#scheduleFlush();
    });
  }

  /** A failed fsync, or a write that could not be cut back: nothing more is promised by this process. */
  #fail(error: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    const failure =
      error instanceof Failure ? error : new Failure('corrupt', 'the log failed', { cause: error });
    this.#refusal = failure;
    this.#waiters.end(failure);
    this.onFatal(failure);
  }
}
