import type { Address } from './values.ts';

/** Byte streams between processes (TCP on a real node, TLS over it where asked for). */
export interface Network {
  /** Port 0 picks a free one. Fails `unavailable`/`addressInUse`, and `invalid` for a certificate that cannot be used. */
  listen(
    at: Address,
    accept: (connection: Connection) => ConnectionHandler,
    options?: { readonly tls?: ServerTls | undefined },
  ): Promise<Listener>;
  /** Fails `unavailable` (with reason `timeout` after `timeoutMs`), also when the two do not agree on encryption. */
  connect(
    to: Address,
    options: { readonly timeoutMs: number; readonly tls?: ClientTls | undefined },
    accept: (connection: Connection) => ConnectionHandler,
  ): Promise<Connection>;
}

/** A certificate with those that vouch for it, and its private key, all as PEM text. */
export interface TlsIdentity {
  readonly certificate: string;
  readonly key: string;
  readonly keyPassword?: string | undefined;
}

/**
 * Encrypted connections to a listener, beside plain ones on the same port: the first byte of a peer tells them apart.
 * A listener without this takes plain ones only.
 */
export interface ServerTls {
  /** `enforcing` closes plain connections. */
  readonly mode: 'permissive' | 'enforcing';
  /** Absent: one that the listener makes, which proves nothing to clients that check. */
  readonly identity?: TlsIdentity | undefined;
  /** Whether clients must show a certificate of `trusted`; `optional` checks only those that show one. */
  readonly clientAuth: 'none' | 'optional' | 'require';
  /** Certificates as PEM text; absent: those of the system. */
  readonly trusted?: string | undefined;
}

/** How a client encrypts. */
export interface ClientTls {
  /** Whether the server's certificate must be of `trusted` and name its host. */
  readonly checkServer: boolean;
  /** Certificates as PEM text; absent: those of the system. */
  readonly trusted?: string | undefined;
  /** What it shows to a server that asks. */
  readonly identity?: TlsIdentity | undefined;
}

export interface Listener {
  /** With the port that was picked. */
  readonly address: Address;
  /** Stops accepting. Connections that were accepted stay open. */
  close(): Promise<void>;
}

export interface Connection {
  readonly remote: Address;
  readonly local: Address;
  /** Whether others on the way cannot read it; known from the first byte that arrived, false until then. */
  readonly isEncrypted: boolean;
  /** Queues bytes, which must not change until they are sent; ignored once closed. */
  write(bytes: Uint8Array): void;
  /** Bytes given to `write` that have not been handed to the operating system. */
  readonly unsentBytes: number;
  /** Stops `handler.data` until `resumeReading`; what the peer sends meanwhile waits in its own buffers. */
  pauseReading(): void;
  resumeReading(): void;
  /** Sends what was written, then closes. */
  end(): void;
  /** Closes at once and forgets what was not sent. */
  destroy(): void;
}

/** Calls of one connection come one at a time; after `closed` there are none. */
export interface ConnectionHandler {
  /** The bytes may be overwritten once this returns: the callee copies what it keeps. */
  data(bytes: Uint8Array): void;
  /** `unsentBytes` fell to 0 after having been above it. */
  drained(): void;
  /** Called once, whoever closed it. */
  closed(cause?: Error): void;
}
