import { connect, type Socket } from 'node:net';
import { within } from './waiting.ts';

/**
 * Remoting frames as the relay and the tests need them: JSON headers only. Written apart from `src/wire` on purpose, so
 * that a mistake there is not made here too.
 */
export interface Frame {
  readonly header: Header;
  readonly body: Uint8Array;
}

export interface Header {
  readonly code: number;
  readonly opaque: number;
  readonly flag: number;
  readonly remark?: string;
  readonly extFields?: Readonly<Record<string, string>>;
}

export const isResponse = ({ header }: Frame): boolean => (header.flag & 1) !== 0;
export const isOneway = ({ header }: Frame): boolean => (header.flag & 2) !== 0;

/** Calls back with each whole frame that arrives. */
export function readFrames(socket: Socket, take: (frame: Frame) => void): void {
  let buffered = Buffer.alloc(0);
  socket.on('data', (bytes: Buffer) => {
    buffered = Buffer.concat([buffered, bytes]);
    while (buffered.length >= 8) {
      const end = 4 + buffered.readUInt32BE(0);
      if (buffered.length < end) break;
      take(decode(buffered.subarray(0, end)));
      buffered = buffered.subarray(end);
    }
  });
}

function decode(bytes: Buffer): Frame {
  if (bytes[4] !== 0) throw new Error('a frame whose header is not JSON');
  const headerEnd = 8 + (bytes.readUInt32BE(4) & 0xffffff);
  return {
    header: JSON.parse(bytes.toString('utf8', 8, headerEnd)) as Header,
    body: bytes.subarray(headerEnd),
  };
}

export function encode({ header, body }: Frame): Buffer {
  const text = Buffer.from(JSON.stringify(header));
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(4 + text.length + body.length, 0);
  lengths.writeUInt32BE(text.length, 4);
  return Buffer.concat([lengths, text, body]);
}

export function connectTo(address: string): Socket {
  const [host, port] = address.split(':');
  return connect({ host: host as string, port: Number(port) });
}

/** One request on a connection of its own, and its response. */
export async function request(
  address: string,
  code: number,
  extFields: Readonly<Record<string, string>> = {},
  body: Uint8Array = new Uint8Array(),
): Promise<Frame> {
  const socket = connectTo(address);
  try {
    const answered = new Promise<Frame>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('close', () => reject(new Error(`${address} closed the connection`)));
      readFrames(socket, resolve);
    });
    const header = { code, opaque: 1, flag: 0, language: 'JAVA', version: 479, extFields };
    socket.write(encode({ header, body }));
    return await within(10_000, `request ${code} to ${address}`, answered);
  } finally {
    socket.destroy();
  }
}
