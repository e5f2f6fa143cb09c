import type { RemotingConnection } from './connection.ts';

/**
 * Memory for frames that have begun to arrive, over all connections of a server or client. What exceeds it costs the
 * connection with the largest unfinished frame its life: whoever sends whole frames is not hurt by those who do not.
 */
export class PartialInput {
  readonly #maxBytes: number;
  readonly #connections: Iterable<RemotingConnection>;
  #bytes = 0;

  constructor(maxBytes: number, connections: Iterable<RemotingConnection>) {
    this.#maxBytes = maxBytes;
    this.#connections = connections;
  }

  /** The unfinished frame of a connection takes so many bytes more, or fewer. */
  changed(byBytes: number): void {
    this.#bytes += byBytes;
    if (byBytes > 0 && this.#bytes > this.#maxBytes) this.#shed();
  }

  #shed(): void {
    let largest: RemotingConnection | undefined;
    for (const connection of this.#connections) {
      if (connection.partialBytes > (largest?.partialBytes ?? 0)) largest = connection;
    }
    largest?.refuse('too much input waits for the rest of its frame');
  }
}
