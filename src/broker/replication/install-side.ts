import { type Epoch, Failure, metadataSequence, type PhysicalOffset } from '../../base/index.ts';
import {
  digestBytes,
  type FollowerHost,
  type FollowerSession,
  type FollowerState,
  type Join,
  type Report,
} from '../../replication/link/index.ts';
import type { StoreInstall } from '../../views/index.ts';
import { digestToBytes } from '../../views/metadata/index.ts';

/**
 * A node that installs the store of its leader, as its link sees it. It says that it lost something, and that nothing is
 * synced, so that it does not count before it follows with a store of its own.
 */
export class InstallSide implements FollowerHost {
  /** All is there: the session is over. */
  session: FollowerSession | undefined;
  readonly #install: StoreInstall;
  readonly #atLeast: PhysicalOffset | undefined;

  /** `atLeast`: a leader that has committed less lost what this node holds, and is refused. */
  constructor(install: StoreInstall, atLeast: PhysicalOffset | undefined) {
    this.#install = install;
    this.#atLeast = atLeast;
  }

  get promisedEpoch(): Epoch {
    return this.#install.promisedEpoch;
  }

  state(): Omit<FollowerState, 'proof'> {
    const { begin, written: end, segmentBytes, epochs } = this.#install;
    return {
      holding: 'installing',
      lossless: false,
      begin,
      end,
      applied: begin,
      segmentBytes,
      epochs,
    };
  }

  promise(promised: Epoch): Promise<void> {
    return this.#install.promise(promised);
  }

  async checkBefore(): Promise<number> {
    return 0;
  }

  joined(join: Join): void {
    if (this.#atLeast !== undefined && join.commitPoint < this.#atLeast) {
      const message =
        `the leader has committed ${join.commitPoint}, and this node has applied ${this.#atLeast}: its store stays, ` +
        'unless somebody removes it';
      throw new Failure('invalid', message);
    }
    this.#install.expect(join.begin);
  }

  async snapshot(bytes: Uint8Array, last: boolean): Promise<void> {
    await this.#install.snapshotPiece(bytes, last);
    if (this.#install.isComplete) this.session?.stop('all is installed');
  }

  async ingest(bytes: Uint8Array): Promise<void> {
    await this.#install.ingest(bytes);
    if (this.#install.isComplete) this.session?.stop('all is installed');
    else this.session?.report();
  }

  points(_commitPoint: PhysicalOffset, _durablePoint: PhysicalOffset): void {}

  wantSync(): void {}

  /** Its tables go anyway. */
  differs(): void {}

  report(): Omit<Report, 'epoch'> {
    const { begin, written, snapshot } = this.#install;
    return {
      written,
      synced: begin,
      applied: begin,
      sequence: metadataSequence(snapshot?.sequence ?? 0),
      digest: snapshot === undefined ? new Uint8Array(digestBytes) : digestToBytes(snapshot.digest),
    };
  }
}
