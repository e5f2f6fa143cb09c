import type { Clock, KeyValue, Logger, Mutation, PhysicalOffset, Timer } from '../base/index.ts';
import { describeError, Failure, physicalOffset } from '../base/index.ts';

/** A batch of one view: what changed since its last batch, and the position that the view has with it. */
export interface ViewBatch {
  readonly batch: readonly Mutation[];
  readonly position: PhysicalOffset;
  /** How far all goes that waits: the position, unless that is only a piece of it. */
  readonly upTo: PhysicalOffset;
  done(): void;
  failed(): void;
}

/** One RocksDB and the views that live in it. */
export interface PersistedView {
  readonly name: string;
  readonly keyValue: KeyValue;
  /** What waits to be written and lies at or below what this node has synced by now; undefined when nothing does. */
  takeBatch(): ViewBatch | undefined;
  /** Everything below is contained in what was written. */
  readonly persisted: PhysicalOffset;
}

/**
 * Writes the batches of one view, one in flight, never above what this node has synced (protocol rule 14), and makes
 * them durable by memtable flushes. A failed batch is written again; a view that stays stuck holds retention back.
 */
export class Persister {
  readonly #view: PersistedView;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #intervalMs: number;
  #running: Promise<void> | undefined;
  #timer: Timer | undefined;
  #stopped = false;
  #flushed: PhysicalOffset;
  #dirty = false;
  #lastFailure: Failure | undefined;

  constructor(
    options: { readonly intervalMs: number; readonly flushed: PhysicalOffset },
    view: PersistedView,
    ports: { readonly clock: Clock; readonly logger: Logger },
  ) {
    this.#view = view;
    this.#clock = ports.clock;
    this.#logger = ports.logger;
    this.#intervalMs = options.intervalMs;
    this.#flushed = options.flushed;
  }

  /** What a power loss leaves: everything below is in a flushed memtable. */
  get flushed(): PhysicalOffset {
    return this.#flushed;
  }

  /** Why the last batch could not be written, while that is so. */
  get failure(): Failure | undefined {
    return this.#lastFailure;
  }

  start(): void {
    const tick = (): void => {
      this.#timer = undefined;
      if (this.#stopped) return;
      void this.write().then(() => {
        if (!this.#stopped) this.#timer = this.#clock.setTimer(this.#intervalMs, tick);
      });
    };
    this.#timer = this.#clock.setTimer(this.#intervalMs, tick);
  }

  /** Writes what may be written at the time of the call; resolves when it is, or has failed. Never rejects. */
  async write(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    this.#running = this.#writeAll();
    await this.#running;
    this.#running = undefined;
  }

  /** After it, everything that was synced before the call survives a power loss. Fails when the database refuses. */
  async flush(): Promise<void> {
    await this.write();
    if (this.#lastFailure !== undefined) throw this.#lastFailure;
    if (!this.#dirty) return;
    const contained = this.#view.persisted;
    this.#dirty = false;
    try {
      await this.#view.keyValue.flush();
    } catch (error) {
      this.#dirty = true;
      throw new Failure('unavailable', `the ${this.#view.name} database cannot be flushed`, {
        cause: error,
      });
    }
    this.#flushed = physicalOffset(Math.max(this.#flushed, contained));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  /** Piece by piece, up to what waited when it began. */
  async #writeAll(): Promise<void> {
    let upTo: PhysicalOffset | undefined;
    for (;;) {
      const batch = this.#view.takeBatch();
      if (batch === undefined) return;
      upTo ??= batch.upTo;
      if (!(await this.#writeBatch(batch)) || batch.position >= upTo) return;
    }
  }

  /** False when the database refuses. */
  async #writeBatch(batch: ViewBatch): Promise<boolean> {
    try {
      await this.#view.keyValue.write(batch.batch);
    } catch (error) {
      batch.failed();
      if (this.#lastFailure === undefined) {
        this.#logger.error('a view cannot be written; its segments stay until it can', {
          view: this.#view.name,
          error,
        });
      }
      this.#lastFailure = new Failure('unavailable', describeError(error), { cause: error });
      return false;
    }
    batch.done();
    this.#dirty = true;
    this.#lastFailure = undefined;
    return true;
  }
}
