import { Failure } from '../base/index.ts';

/** A file or folder that can be made durable. */
export interface Syncable {
  readonly path: string;
  sync(): Promise<void>;
}

/**
 * Fsyncs of one log, until one fails: what was unsynced may then be lost although later fsyncs succeed, so that none is
 * tried any more and the log takes no writes. The owner ends the process.
 */
export class Durability {
  #failure: Failure | undefined;

  /** Of kind `corrupt`; undefined while all is well. */
  get failure(): Failure | undefined {
    return this.#failure;
  }

  async sync(what: Syncable): Promise<void> {
    this.check();
    try {
      await what.sync();
    } catch (error) {
      throw this.fail(`fsync of ${what.path} failed: what was written to it may be lost`, error);
    }
  }

  /** Throws the failure, if there was one. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Ends writing for good; returns the failure to throw, which is the first one. */
  fail(message: string, cause: unknown): Failure {
    this.#failure ??= new Failure('corrupt', message, { reason: 'unsafe', cause });
    return this.#failure;
  }
}
