import { createServer, type Server, type Socket } from 'node:net';
import {
  connectTo,
  encode,
  type Frame,
  type Header,
  isResponse,
  readFrames,
} from './support/frames.ts';
import type { Target } from './support/target.ts';

/**
 * Damages what passes between a client and a target, one thing at a time, as a broken broker would. A request becomes
 * the frames that go on to the broker, and the frames with which the client is answered at once; without a hook
 * everything passes as it is.
 */
export interface Sabotage {
  /** What a broken broker would do. */
  readonly name: string;
  readonly onRequest?: (request: Frame) => Passage;
  readonly onResponse?: (response: Frame, request: Frame) => Frame;
}

export interface Passage {
  readonly forward: readonly Frame[];
  readonly answer?: readonly Frame[];
}

const getRouteInfo = 105;

/** Stands before a name server and a broker; routes that clients ask for name the relay instead of the broker. */
export class BreakingRelay implements AsyncDisposable {
  readonly nameServer: string;
  readonly broker: string;
  readonly #servers: readonly Server[];
  readonly #sockets: Set<Socket>;

  static async start(target: Target, sabotage: Sabotage): Promise<BreakingRelay> {
    const sockets = new Set<Socket>();
    const broker = await listen((client) => relay(client, target.broker, sabotage, sockets));
    const brokerAddress = addressOf(broker);
    const routes: Sabotage = {
      ...sabotage,
      onResponse(response, request) {
        const damaged = sabotage.onResponse?.(response, request) ?? response;
        if (request.header.code !== getRouteInfo) return damaged;
        const body = Buffer.from(damaged.body).toString().replaceAll(target.broker, brokerAddress);
        return { ...damaged, body: Buffer.from(body) };
      },
    };
    const nameServer = await listen((client) => relay(client, target.nameServer, routes, sockets));
    return new BreakingRelay(nameServer, broker, sockets);
  }

  private constructor(nameServer: Server, broker: Server, sockets: Set<Socket>) {
    this.nameServer = addressOf(nameServer);
    this.broker = addressOf(broker);
    this.#servers = [nameServer, broker];
    this.#sockets = sockets;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(
      this.#servers.map((server) => new Promise((resolve) => server.close(resolve))),
    );
  }
}

function relay(client: Socket, to: string, sabotage: Sabotage, sockets: Set<Socket>): void {
  const server = connectTo(to);
  /** By request id; a duplicate asks twice and is answered once. */
  const asked = new Map<number, Frame>();
  for (const [socket, other] of [
    [client, server],
    [server, client],
  ] as const) {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {}); // 'close' follows.
    socket.on('close', () => {
      sockets.delete(socket);
      other.destroy();
    });
  }
  readFrames(client, (frame) => {
    if (isResponse(frame)) {
      server.write(encode(frame)); // An answer to a question of the broker.
      return;
    }
    const passage = sabotage.onRequest?.(frame) ?? { forward: [frame] };
    for (const answer of passage.answer ?? []) client.write(encode(answer));
    if (passage.forward.length > 0) asked.set(frame.header.opaque, frame);
    for (const forwarded of passage.forward) server.write(encode(forwarded));
  });
  readFrames(server, (frame) => {
    const request = isResponse(frame) ? asked.get(frame.header.opaque) : undefined;
    if (isResponse(frame) && request === undefined) return;
    asked.delete(frame.header.opaque);
    const response = request && sabotage.onResponse?.(frame, request);
    client.write(encode(response ?? frame));
  });
}

async function listen(onClient: (socket: Socket) => void): Promise<Server> {
  const server = createServer(onClient);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0 }, resolve);
  });
  return server;
}

function addressOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the relay does not listen');
  return `127.0.0.1:${address.port}`;
}

/** The frame with other header fields. */
export function withFields(frame: Frame, fields: Readonly<Record<string, string>>): Frame {
  const extFields = { ...frame.header.extFields, ...fields };
  return { ...frame, header: { ...frame.header, extFields } };
}

/** An answer made up by the relay. */
export function answerTo(
  request: Frame,
  code: number,
  extFields: Readonly<Record<string, string>> = {},
): Frame {
  const header: Header = { code, opaque: request.header.opaque, flag: 1, extFields };
  return {
    header: { ...header, ...{ language: 'JAVA', version: 479 } } as Header,
    body: new Uint8Array(),
  };
}
