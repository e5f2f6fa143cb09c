import { createServer, connect as netConnect, Socket, type SocketConstructorOpts } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import {
  type Address,
  type Connection,
  type ConnectionHandler,
  Failure,
  formatAddress,
  type Network,
} from '../base/index.ts';
import { clientOptions, TlsAcceptor, tlsHandshakeByte } from './tls.ts';

/** TCP without Nagle's delay; the operating system probes peers that are silent. */
export const nodeNetwork: Network = {
  listen: (at, accept, options) =>
    new Promise((resolve, reject) => {
      const acceptor = options?.tls === undefined ? undefined : new TlsAcceptor(options.tls);
      const server = createServer({ ...socketOptions, pauseOnConnect: true }, (socket) => {
        // Reset between the arrival and now: there is nobody to talk to.
        if (socket.remoteAddress === undefined) socket.destroy();
        else new NodeConnection(...readInPlace(socket)).start(accept, acceptor);
      });
      server.once('error', (error) => reject(listenFailure(at, error)));
      server.listen({ host: at.host, port: at.port, backlog }, () => {
        server.removeAllListeners('error');
        // One connection could not be accepted (too many open files): its client sees that, and the next one is tried.
        server.on('error', () => {});
        const bound = server.address();
        const port = bound !== null && typeof bound === 'object' ? bound.port : at.port;
        resolve({
          address: { host: at.host, port },
          // Frees the port at once; the callback of `close` would wait for the connections.
          async close() {
            server.close();
          },
        });
      });
    }),

  connect: (to, options, accept) =>
    new Promise((resolve, reject) => {
      const reader = new Reader();
      const { tls } = options;
      const socket =
        tls === undefined
          ? netConnect({ ...socketOptions, ...to, onread: reader.onRead })
          : tlsConnect({ ...socketOptions, ...clientOptions(tls), ...to });
      const fail = (failure: Failure): void => {
        clearTimeout(timeout);
        socket.removeAllListeners();
        socket.on('error', () => {}); // The promise has its one outcome.
        socket.destroy();
        reject(failure);
      };
      const what = `connect to ${formatAddress(to)}`;
      const timeout = setTimeout(() => {
        const message = `${what}: no answer within ${options.timeoutMs} ms`;
        fail(new Failure('unavailable', message, { reason: 'timeout' }));
      }, options.timeoutMs).unref();
      socket.once('error', (cause) => fail(socketFailure(what, cause)));
      socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
        clearTimeout(timeout);
        socket.removeAllListeners('error');
        if (tls !== undefined) socket.on('data', (bytes) => reader.receive(bytes));
        const connection = new NodeConnection(socket, reader, tls !== undefined);
        connection.start(accept);
        resolve(connection);
      });
    }),
};

const backlog = 1024;

/** `allowHalfOpen` false: when the peer ends, what was written is sent and the socket closes. */
const socketOptions = {
  allowHalfOpen: false,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: 60_000,
} as const;

/** What each read of any socket lands in. Its bytes are lent to the handler of that socket until it returns. */
const readBuffer = new Uint8Array(262_144);

/** Takes what a socket reads. */
class Reader {
  receive: (bytes: Uint8Array) => void = () => {};
  readonly onRead = {
    buffer: readBuffer,
    callback: (length: number): boolean => {
      this.receive(readBuffer.subarray(0, length));
      return true;
    },
  };
}

/**
 * The same connection, as a socket that reads into `readBuffer`. Node offers that for sockets it connects, not for those
 * it accepts, whose chunks of 64 KiB each are a sixth of the cost of a message (ADR 0018); so the handle changes hands.
 */
function readInPlace(accepted: Socket): [Socket, Reader] {
  const reader = new Reader();
  const owner: { _handle?: { useUserBuffer?: unknown } | null } = accepted as object;
  const handle = owner._handle;
  if (typeof handle?.useUserBuffer !== 'function') {
    accepted.on('data', (bytes) => reader.receive(bytes));
    return [accepted, reader];
  }
  owner._handle = null;
  const options = { allowHalfOpen: false, onread: reader.onRead, handle };
  return [new Socket(options as SocketConstructorOpts), reader];
}

/** How long a connection that ended waits for its peer to end too. */
const lingerMs = 5_000;

class NodeConnection implements Connection {
  readonly remote: Address;
  readonly local: Address;
  /** Once the handshake of a TLS connection is done, the one that decrypts. */
  #socket: Socket;
  readonly #reader: Reader;
  #isEncrypted: boolean;
  #isShakingHands = false;
  /** Written during the handshake. */
  #early: Uint8Array[] = [];
  #ended = false;
  #isPaused = false;
  /** `unsentBytes` was above 0 and `drained` has not been called since. */
  #owesDrained = false;
  #lost: Error | undefined;
  #linger: NodeJS.Timeout | undefined;

  constructor(socket: Socket, reader: Reader, isEncrypted = false) {
    this.#isEncrypted = isEncrypted;
    this.#socket = socket;
    this.#reader = reader;
    this.remote = addressOf(socket.remoteAddress, socket.remotePort);
    this.local = addressOf(socket.localAddress, socket.localPort);
  }

  /** With an `acceptor` the first byte decides whether the connection is encrypted. */
  start(accept: (connection: Connection) => ConnectionHandler, acceptor?: TlsAcceptor): void {
    const socket = this.#socket;
    // The handler may not exist yet when `accept` destroys the connection; events come in later turns.
    this.#noteErrors(socket);
    const handler = accept(this);
    const receive = (bytes: Uint8Array): void => {
      if (!this.#ended) handler.data(bytes);
    };
    this.#reader.receive =
      acceptor === undefined ? receive : (first) => this.#begin(first, acceptor, receive);
    this.#onWritten = () => {
      const { writableLength, destroyed } = this.#socket;
      if (!this.#owesDrained || writableLength > 0 || destroyed) return;
      this.#owesDrained = false;
      handler.drained();
    };
    // The socket of an encrypted connection closes with the one below it, and not before.
    socket.once('close', () => {
      this.#ended = true;
      clearTimeout(this.#linger);
      const cause = this.#lost;
      if (cause === undefined) return handler.closed();
      const message = `connection to ${formatAddress(this.remote)} lost`;
      handler.closed(new Failure('unavailable', message, { reason: 'connectionLost', cause }));
    });
    if (!this.#isPaused) socket.resume();
  }

  #begin(first: Uint8Array, acceptor: TlsAcceptor, receive: (bytes: Uint8Array) => void): void {
    if (this.#ended) return;
    if (first[0] === tlsHandshakeByte) {
      this.#isShakingHands = true;
      const socket = this.#socket;
      socket.pause();
      socket.unshift(Uint8Array.from(first));
      acceptor.accept(socket, (secured) => this.#secured(secured, receive));
    } else if (acceptor.mode === 'enforcing') {
      this.destroy();
    } else {
      this.#reader.receive = receive;
      receive(first);
    }
  }

  #secured(socket: Socket, receive: (bytes: Uint8Array) => void): void {
    this.#isShakingHands = false;
    this.#isEncrypted = true;
    this.#socket = socket;
    this.#noteErrors(socket);
    const early = this.#early;
    this.#early = [];
    for (const bytes of early) socket.write(bytes, this.#onWritten);
    if (early.length > 0) this.#owesDrained = true;
    socket.on('data', receive);
    if (this.#ended) socket.end();
    else if (this.#isPaused) socket.pause();
  }

  #noteErrors(socket: Socket): void {
    socket.on('error', (error) => {
      this.#lost = error;
    });
  }

  get isEncrypted(): boolean {
    return this.#isEncrypted;
  }

  get unsentBytes(): number {
    if (this.#socket.destroyed) return 0;
    if (this.#early.length === 0) return this.#socket.writableLength;
    const early = this.#early.reduce((sum, { length }) => sum + length, 0);
    return early + this.#socket.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (this.#ended || !this.#socket.writable || bytes.length === 0) return;
    if (this.#isShakingHands) {
      this.#early.push(bytes);
      return;
    }
    this.#socket.write(bytes, this.#onWritten);
    if (this.#socket.writableLength > 0) this.#owesDrained = true;
  }

  pauseReading(): void {
    this.#isPaused = true;
    if (!this.#ended && !this.#isShakingHands) this.#socket.pause();
  }

  resumeReading(): void {
    this.#isPaused = false;
    if (!this.#ended && !this.#isShakingHands) this.#socket.resume();
  }

  /**
   * Reads on and discards until the peer ends too: closing with unread input would send a reset, which can overtake
   * and destroy what was just written.
   */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.#isShakingHands) {
      this.#socket.end();
      this.#socket.resume();
    }
    this.#linger = setTimeout(() => this.#socket.destroy(), lingerMs).unref();
  }

  destroy(): void {
    this.#ended = true;
    this.#socket.destroy();
  }

  #onWritten = (): void => {};
}

/** IPv4 clients of a socket that also takes IPv6 appear as `::ffff:1.2.3.4`. */
function addressOf(host = '', port = 0): Address {
  return { host: host.startsWith('::ffff:') ? host.slice('::ffff:'.length) : host, port };
}

function listenFailure(at: Address, cause: NodeJS.ErrnoException): Failure {
  return socketFailure(`listen on ${formatAddress(at)}`, cause);
}

/** What the system says repeats the call and the address; the usual ones get words instead. */
function socketFailure(what: string, cause: NodeJS.ErrnoException): Failure {
  const words = usualErrors[cause.code ?? ''];
  if (words === undefined) return new Failure('unavailable', what, { cause });
  return new Failure('unavailable', `${what}: ${words}`, {
    ...(cause.code === 'EADDRINUSE' && { reason: 'addressInUse' as const }),
  });
}

const usualErrors: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'permission denied',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name cannot be looked up now',
  ETIMEDOUT: 'no answer',
};
