import type { Socket } from 'node:net';
import { type ConnectionOptions, createServer, type Server, type TLSSocket } from 'node:tls';
import { type ClientTls, describeError, Failure, type ServerTls } from '../base/index.ts';
import { createSelfSigned } from './self-signed.ts';

/** First byte of a TLS handshake; a frame would be longer than any may be. */
export const tlsHandshakeByte = 0x16;

/** As the Java server's. */
const handshakeTimeoutMs = 10_000;

/** Turns accepted sockets into encrypted ones. */
export class TlsAcceptor {
  readonly mode: ServerTls['mode'];
  readonly #tls: ServerTls;
  #server: Server | undefined;
  /** Handshakes that go on, by both ends of their connections. */
  readonly #waiting = new Map<string, (secured: TLSSocket) => void>();

  /** Throws `Failure('invalid')` when the identity cannot be used; one of its own is made when it is first needed. */
  constructor(tls: ServerTls) {
    this.mode = tls.mode;
    this.#tls = tls;
    if (tls.identity !== undefined) this.#server = this.#createServer();
  }

  /**
   * Calls `secured` after a handshake that begins with what `socket` holds unread; without one the socket is destroyed,
   * with an error if there is a reason.
   */
  accept(socket: Socket, secured: (secured: TLSSocket) => void): void {
    this.#server ??= this.#createServer();
    const ends = endsOf(socket);
    this.#waiting.set(ends, secured);
    socket.once('close', () => this.#waiting.delete(ends));
    this.#server.emit('connection', socket);
  }

  #createServer(): Server {
    const { identity = createSelfSigned(new Date()), clientAuth, trusted } = this.#tls;
    try {
      const server = createServer({
        cert: identity.certificate,
        key: identity.key,
        passphrase: identity.keyPassword,
        ca: trusted,
        requestCert: clientAuth !== 'none',
        rejectUnauthorized: clientAuth === 'require',
        handshakeTimeout: handshakeTimeoutMs,
        minVersion: 'TLSv1.2',
      });
      server.on('secureConnection', (secured) => this.#secured(secured));
      // The socket is destroyed with it, which its connection sees.
      server.on('tlsClientError', () => {});
      return server;
    } catch (error) {
      throw new Failure('invalid', `the TLS certificate or key: ${describeError(error)}`);
    }
  }

  #secured(socket: TLSSocket): void {
    const ends = endsOf(socket);
    const secured = this.#waiting.get(ends);
    this.#waiting.delete(ends);
    if (secured === undefined || this.#isUnwanted(socket)) socket.destroy();
    else secured(socket);
  }

  /** With `optional`, a client without a certificate is as good as one with a trusted one, and better than others. */
  #isUnwanted(socket: TLSSocket): boolean {
    if (this.#tls.clientAuth !== 'optional' || socket.authorized) return false;
    return Object.keys(socket.getPeerCertificate()).length > 0;
  }
}

const endsOf = (socket: Socket): string =>
  `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`;

export function clientOptions(tls: ClientTls): ConnectionOptions {
  return {
    rejectUnauthorized: tls.checkServer,
    ca: tls.trusted,
    cert: tls.identity?.certificate,
    key: tls.identity?.key,
    passphrase: tls.identity?.keyPassword,
    minVersion: 'TLSv1.2',
  };
}
