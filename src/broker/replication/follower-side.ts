import {
  type Clock,
  type Epoch,
  Failure,
  isFailure,
  type PhysicalOffset,
} from '../../base/index.ts';
import type {
  Difference,
  FollowerHost,
  FollowerSession,
  FollowerState,
  Join,
  Report,
} from '../../replication/link/index.ts';
import { type LocalStore, whenThereIsRoom } from '../../views/index.ts';
import { digestToBytes } from '../../views/metadata/index.ts';
import { logCheckBefore } from './log-check.ts';

/** A node that follows with an opened store: what its link reads of it and tells it. */
export class FollowerSide implements FollowerHost {
  /** The leader lets it follow. */
  onJoined: (join: Join, epoch: Epoch) => void = () => {};
  /** More of what it took is synced. */
  onSynced: () => void = () => {};
  /** The leader says that the set has all below. */
  onCommitPoint: (commitPoint: PhysicalOffset) => void = () => {};
  /** The leader holds other tables, and its own are whole. */
  onDiffers: (from: Difference) => void = () => {};
  readonly #local: LocalStore;
  readonly #isLossless: () => boolean;
  readonly #clock: Clock;
  #session: FollowerSession | undefined;
  /** Of the newest report. */
  #digest: { readonly text: string; readonly bytes: Uint8Array } = {
    text: '',
    bytes: new Uint8Array(0),
  };

  constructor(local: LocalStore, isLossless: () => boolean, clock: Clock) {
    this.#local = local;
    this.#clock = clock;
    this.#isLossless = isLossless;
  }

  /** What is written and synced is reported to this session from now on. */
  attach(session: FollowerSession): void {
    this.#session = session;
    const { store } = this.#local;
    store.onWritten = () => this.#session?.report();
    store.onSynced = () => {
      this.#session?.report();
      this.onSynced();
    };
    store.onIngestFailed = (failure) => this.#session?.fail(failure);
  }

  detach(): void {
    this.#session = undefined;
    const { store } = this.#local;
    store.onWritten = () => {};
    store.onSynced = () => {};
  }

  get promisedEpoch(): Epoch {
    return this.#local.promisedEpoch;
  }

  state(): Omit<FollowerState, 'proof'> {
    const { store } = this.#local;
    const { log, tables } = store;
    return {
      holding: log.end === 0 ? 'nothing' : 'log',
      lossless: this.#isLossless(),
      begin: log.begin,
      end: log.end,
      applied: tables.appliedPosition,
      segmentBytes: log.segmentBytes,
      epochs: log.epochs,
    };
  }

  promise(epoch: Epoch): Promise<void> {
    return this.#local.promise(epoch);
  }

  checkBefore(position: PhysicalOffset): Promise<number> {
    return logCheckBefore(this.#local.store.log, position);
  }

  joined(join: Join, epoch: Epoch): void {
    this.#local.follow(epoch);
    this.onJoined(join, epoch);
  }

  ingest(bytes: Uint8Array): void | Promise<void> {
    const { store } = this.#local;
    const from = store.log.end;
    try {
      store.ingest(bytes);
    } catch (error) {
      if (!isFailure(error, 'unavailable', 'busy')) throw error;
      // The leader was faster than this disk. Some of it may have had room.
      return this.#ingestSoon(new Uint8Array(bytes.subarray(store.log.end - from)));
    }
  }

  async #ingestSoon(all: Uint8Array): Promise<void> {
    const session = this.#session;
    const { store } = this.#local;
    let bytes = all;
    await whenThereIsRoom(this.#clock, () => {
      if (this.#session !== session) return;
      const from = store.log.end;
      try {
        store.ingest(bytes);
      } finally {
        bytes = bytes.subarray(store.log.end - from);
      }
    });
  }

  points(commitPoint: PhysicalOffset, durablePoint: PhysicalOffset): void {
    const { store } = this.#local;
    const before = store.tables.appliedPosition;
    store.pointsFromLeader(commitPoint, durablePoint);
    // A leader that hands over waits until all is applied, and nothing else would tell it soon.
    const { appliedPosition } = store.tables;
    if (appliedPosition > before && appliedPosition === store.log.end) this.#session?.report();
    this.onCommitPoint(commitPoint);
  }

  wantSync(): void {
    this.#local.store.syncNow();
  }

  differs(from: Difference): void {
    this.onDiffers(from);
  }

  async snapshot(): Promise<void> {
    throw new Failure('invalid', 'a snapshot that was not asked for');
  }

  report(): Omit<Report, 'epoch'> {
    const { log, tables } = this.#local.store;
    const { sequence, digest } = tables.newestDigest;
    if (digest !== this.#digest.text) this.#digest = { text: digest, bytes: digestToBytes(digest) };
    return {
      written: log.written,
      synced: log.synced,
      applied: tables.appliedPosition,
      sequence,
      digest: this.#digest.bytes,
    };
  }
}
