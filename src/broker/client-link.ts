import { isFailure } from '../base/index.ts';
import type { RemotingConnection } from '../remoting/index.ts';
import { encodeHost } from '../wire/index.ts';

/** What the broker remembers of a connection. */
export interface ClientLink {
  /** Address and port of the peer as a record states it, 8 or 20 bytes. */
  readonly host: Uint8Array;
}

export function clientLink(connection: RemotingConnection): ClientLink {
  connection.session ??= { host: hostOf(connection) } satisfies ClientLink;
  return connection.session as ClientLink;
}

/** An in-memory peer may have a name instead of an address. */
function hostOf(connection: RemotingConnection): Uint8Array {
  try {
    return encodeHost(connection.remote);
  } catch (error) {
    if (!isFailure(error, 'invalid')) throw error;
    return encodeHost({ host: '0.0.0.0', port: connection.remote.port });
  }
}
