import type { RemotingConnection } from '../remoting/index.ts';
import type { IncomingCommand } from '../wire/index.ts';

/** More are refused: a start takes a second or two. */
const maxHeld = 10_000;
const maxHeldBytes = 16 * 1024 * 1024;

/** Requests that came while the broker was not serving yet, and that are better answered late than refused. */
export class HeldRequests {
  #held: { readonly connection: RemotingConnection; readonly request: IncomingCommand }[] = [];
  #bytes = 0;

  /** False when there are too many. */
  hold(connection: RemotingConnection, request: IncomingCommand): boolean {
    const bytes = this.#bytes + request.bodyLength;
    if (this.#held.length >= maxHeld || bytes > maxHeldBytes) return false;
    this.#bytes = bytes;
    this.#held.push({ connection, request: request.detach() });
    return true;
  }

  /** Hands all of them over, in the order they came. One that fails is answered as if it had come now. */
  release(handle: (connection: RemotingConnection, request: IncomingCommand) => void): void {
    const held = this.#held;
    this.#held = [];
    this.#bytes = 0;
    for (const { connection, request } of held) {
      if (!connection.isUsable) continue;
      try {
        handle(connection, request);
      } catch (error) {
        connection.answerFailure(request, error);
      }
    }
  }
}
