import { Admin } from '../../src/admin/index.ts';
import {
  type Address,
  type Clock,
  Failure,
  formatAddress,
  parseAddress,
  type Random,
  timestampMs,
} from '../../src/base/index.ts';
import type { OutgoingRequest } from '../../src/remoting/index.ts';
import {
  encodeCommand,
  type Fields,
  FrameReader,
  type IncomingCommand,
  ResponseCode,
} from '../../src/wire/index.ts';

/** What stands behind an address. */
export type FakeServer = (request: FakeRequest) => FakeResponse | undefined;

export interface FakeRequest {
  readonly code: number;
  readonly ext: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface FakeResponse {
  readonly code?: number;
  readonly remark?: string;
  readonly ext?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** An `Admin` whose servers are functions by address. Requests and answers go through real frames. */
export function fakeAdmin(
  servers: Readonly<Record<string, FakeServer>>,
  options: { readonly nameServers?: readonly string[]; readonly clock?: Clock } = {},
): { readonly admin: Admin; readonly calls: readonly string[] } {
  const calls: string[] = [];
  const remoting = {
    async request<F extends Fields>(to: Address, request: OutgoingRequest<F>) {
      const address = formatAddress(to);
      const sent = throughFrame({ ...request, opaque: 1 });
      calls.push(`${address} ${sent.code}`);
      const server = servers[address];
      if (server === undefined) throw new Failure('unavailable', `connect to ${address}`);
      const response = server({ code: sent.code, ext: extOf(request), body: sent.body });
      // One that does not answer: the client would time out, or wait for its long poll.
      if (response === undefined) return await new Promise<IncomingCommand>(() => {});
      const { code = ResponseCode.SUCCESS, remark, ext, body } = response;
      const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
      return throughFrame({ code, opaque: 1, flag: 1, remark, extFields: ext, body: bytes });
    },
  };
  const nameServers = (options.nameServers ?? ['ns:9876']).map((text) => {
    const address = parseAddress(text);
    if (address === undefined) throw new Failure('invalid', text);
    return address;
  });
  const open = () => ({
    connection: async (to: Address) => ({
      request: async <F extends Fields>(request: OutgoingRequest<F>) => {
        await new Promise(setImmediate); // Answers come in a later turn, as over a network.
        return await remoting.request(to, request);
      },
    }),
    async [Symbol.asyncDispose]() {},
  });
  const ports = { remoting, open, cpuMs: () => 0, clock: options.clock ?? clock, random };
  return { admin: new Admin({ nameServers }, ports), calls };
}

function throughFrame(command: Omit<Parameters<typeof encodeCommand>[0], 'encoding'>) {
  let read: IncomingCommand | undefined;
  new FrameReader().push(encodeCommand({ ...command, encoding: 'json' }), (frame) => {
    read = frame;
  });
  if (read === undefined) throw new Failure('invalid', 'not one whole frame');
  return read;
}

function extOf<F extends Fields>({ header }: OutgoingRequest<F>): Record<string, string> {
  const ext: Record<string, string> = {};
  header?.[0].encode(header[1], (key, text) => {
    ext[key] = text;
  });
  return ext;
}

const clock: Clock = {
  now: () => timestampMs(1_800_000_000_000),
  monotonicMs: () => 0,
  setTimer: () => ({ cancel() {} }),
  sleep: async () => {},
  afterTurn: (action) => action(),
};

const random: Random = {
  below: () => 0,
  bytes: (count) => new Uint8Array(count).fill(7),
};
