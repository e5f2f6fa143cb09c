import { type Epoch, Failure, type PhysicalOffset } from '../../base/index.ts';
import type {
  FollowerHost,
  FollowerSession,
  FollowerState,
  Join,
  Report,
} from '../../replication/link/index.ts';
import type { LocalStore } from '../../views/index.ts';
import { digestToBytes } from '../../views/metadata/index.ts';
import { logCheckBefore } from './log-check.ts';

/** A node that follows with an opened store: what its link reads of it and tells it. */
export class FollowerSide implements FollowerHost {
  /** The leader lets it follow. */
  onJoined: (join: Join, epoch: Epoch) => void = () => {};
  /** The leader says that the set has all below. */
  onCommitPoint: (commitPoint: PhysicalOffset) => void = () => {};
  readonly #local: LocalStore;
  readonly #isLossless: () => boolean;
  #session: FollowerSession | undefined;

  constructor(local: LocalStore, isLossless: () => boolean) {
    this.#local = local;
    this.#isLossless = isLossless;
  }

  /** What is written and synced is reported to this session from now on. */
  attach(session: FollowerSession): void {
    this.#session = session;
    const { store } = this.#local;
    store.onWritten = () => this.#session?.report();
    store.onSynced = () => this.#session?.report();
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

  ingest(bytes: Uint8Array): void {
    this.#local.store.ingest(bytes);
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

  async snapshot(): Promise<void> {
    throw new Failure('invalid', 'a snapshot that was not asked for');
  }

  report(): Omit<Report, 'epoch'> {
    const { log, tables } = this.#local.store;
    const { sequence, digest } = tables.newestDigest;
    return {
      written: log.written,
      synced: log.synced,
      applied: tables.appliedPosition,
      sequence,
      digest: digestToBytes(digest),
    };
  }
}
