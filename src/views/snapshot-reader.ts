import type { Disk, DiskFile, PhysicalOffset } from '../base/index.ts';

const pieceBytes = 256 * 1024;

/** The bytes of a snapshot file, piece by piece, for a replica that installs it. */
export class SnapshotReader implements AsyncDisposable {
  readonly position: PhysicalOffset;
  readonly #file: DiskFile;
  #at = 0;

  static async open(
    disk: Disk,
    snapshot: { readonly path: string; readonly position: PhysicalOffset },
  ): Promise<SnapshotReader> {
    return new SnapshotReader(await disk.open(snapshot.path, 'read'), snapshot.position);
  }

  private constructor(file: DiskFile, position: PhysicalOffset) {
    this.#file = file;
    this.position = position;
  }

  /** The next piece; undefined at the end. */
  async read(): Promise<Uint8Array | undefined> {
    const bytes = new Uint8Array(pieceBytes);
    const got = await this.#file.read(bytes, this.#at);
    this.#at += got;
    return got === 0 ? undefined : bytes.subarray(0, got);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
