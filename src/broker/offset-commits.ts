import {
  type Clock,
  Failure,
  isFailure,
  type Logger,
  type QueueOffset,
  type Timer,
} from '../base/index.ts';
import type { Store, Waiter } from '../views/index.ts';
import {
  commitOffsets,
  type MetadataReader,
  type OffsetCommit,
  takeReset,
} from '../views/metadata/index.ts';

/** Commits of one record; keeps a record well below the size limit. */
const commitsPerRecord = 1000;
const notKnownToBeCommitted =
  'this replica has not heard whether the first offset of the group is committed';

export interface OffsetInquirer {
  found(offset: QueueOffset | undefined): void;
  failed(why: Failure): void;
}

/**
 * Consumer offsets on their way to the log. One-way commits of a queue are coalesced for `coalesceMs`; two-way ones,
 * and queries that meet a pending value, bring the record forward to the end of this turn and are answered at C.
 */
export class OffsetCommits {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #coalesceMs: number;
  readonly #pending = new Map<string, OffsetCommit>();
  readonly #waiting: Waiter[] = [];
  #timer: Timer | undefined;

  constructor(
    options: { readonly coalesceMs: number },
    store: Store,
    ports: { readonly clock: Clock; readonly logger: Logger },
  ) {
    this.#store = store;
    this.#clock = ports.clock;
    this.#logger = ports.logger;
    this.#coalesceMs = options.coalesceMs;
    store.beforeWrite = () => {
      if (this.#waiting.length > 0) this.#appendAll();
    };
  }

  /** One-way: recorded soon, not awaited. */
  note(commit: OffsetCommit): void {
    this.#pending.set(keyOf(commit.group, commit.topic, commit.queueId), commit);
    this.#timer ??= this.#clock.setTimer(this.#coalesceMs, () => this.#appendAll());
  }

  /** Two-way: `waiter` is told when C passed the record. */
  await(commit: OffsetCommit, waiter: Waiter): void {
    this.#pending.set(keyOf(commit.group, commit.topic, commit.queueId), commit);
    this.#awaitPending(waiter);
  }

  /**
   * Tells the value that a query may show: what is pending is appended first, and C passes it, so that an offset that
   * was shown never goes back (P5). One that will not be recorded, as the consumer has not seen its reset yet, is not
   * shown. Undefined when there is none. A replica tells what it knows to be committed; it does not say that there is none
   * when one may be, since whoever is told so may begin at the end.
   */
  query(group: string, topic: string, queueId: number, inquirer: OffsetInquirer): void {
    const { appended } = this.#store.tables;
    if (!this.#leads) {
      const known = this.#committedState.offset(group, topic, queueId);
      const isUnsure = known === undefined && appended.offset(group, topic, queueId) !== undefined;
      if (isUnsure) inquirer.failed(new Failure('unavailable', notKnownToBeCommitted));
      else inquirer.found(known);
      return;
    }
    const pending =
      appended.reset(group, topic, queueId) === undefined
        ? this.#pending.get(keyOf(group, topic, queueId))
        : undefined;
    const offset = pending?.offset ?? appended.offset(group, topic, queueId);
    const waiter: Waiter = {
      reached: () => inquirer.found(offset),
      gaveUp: (_outcome, why) => inquirer.failed(why),
    };
    if (pending !== undefined) this.#awaitPending(waiter);
    else this.#store.whenCommitted(this.#store.tables.pendingEnd, waiter);
  }

  /**
   * What `read` tells of the offsets of now, once all of it is committed, so that what was shown never goes back (P5).
   * A replica tells what it knows to be so.
   */
  async committed<T>(read: (state: MetadataReader) => T): Promise<T> {
    if (!this.#leads) return read(this.#committedState);
    this.#appendAll();
    const { appended, pendingEnd } = this.#store.tables;
    const told = read(appended);
    return await new Promise((resolve, reject) => {
      this.#store.whenCommitted(pendingEnd, {
        reached: () => resolve(told),
        gaveUp: (_outcome, why) => reject(why),
      });
    });
  }

  /** A reset that the consumer has not seen: where it must go on. It counts as seen from now on. */
  takeReset(group: string, topic: string, queueId: number): QueueOffset | undefined {
    const reset = this.#store.tables.appended.reset(group, topic, queueId);
    if (reset === undefined) return undefined;
    const decision = takeReset(this.#store.tables.appended, { group, topic, queueId });
    this.#pending.delete(keyOf(group, topic, queueId));
    if ('entries' in decision) this.#store.change('progress', decision.entries, '');
    return reset;
  }

  /** Pending values of a group or topic that is being deleted must not bring it back. */
  forget(matches: (commit: OffsetCommit) => boolean): void {
    for (const [key, commit] of this.#pending) if (matches(commit)) this.#pending.delete(key);
  }

  /** What is pending goes to the log now: before a definition that reads offsets, and before a stop. */
  appendAll(): void {
    this.#appendAll();
  }

  get #leads(): boolean {
    return this.#store.role === 'leader';
  }

  /** Of a replica: all that it has, where it has heard that all of it is committed; else what is durable. */
  get #committedState(): MetadataReader {
    const { commitPoint, tables } = this.#store;
    return tables.pendingEnd <= commitPoint ? tables.appended : tables.applied;
  }

  #awaitPending(waiter: Waiter): void {
    this.#waiting.push(waiter);
    this.#store.wantTurnEnd();
  }

  #appendAll(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const waiting = this.#waiting.splice(0);
    const commits = [...this.#pending.values()];
    this.#pending.clear();
    try {
      for (let at = 0; at < commits.length; at += commitsPerRecord) {
        const decision = commitOffsets(
          this.#store.tables.appended,
          commits.slice(at, at + commitsPerRecord),
        );
        if ('entries' in decision) this.#store.change('progress', decision.entries, '');
      }
    } catch (error) {
      if (!isFailure(error)) throw error;
      this.#logger.warn('consumer offsets could not be recorded', {
        commits: commits.length,
        error,
      });
      for (const waiter of waiting) waiter.gaveUp('refused', error);
      return;
    }
    for (const waiter of waiting) {
      this.#store.whenCommitted(this.#store.tables.pendingEnd, waiter);
    }
  }
}

function keyOf(group: string, topic: string, queueId: number): string {
  return `${queueId} ${group} ${topic}`;
}
