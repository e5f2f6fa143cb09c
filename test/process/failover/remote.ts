import type { Socket } from 'node:net';
import {
  connectTo,
  encode,
  type Frame,
  isResponse,
  readFrames,
} from '../../interop/support/frames.ts';
import { within } from '../../interop/support/waiting.ts';

interface Waiting {
  resolve(frame: Frame): void;
  reject(reason: Error): void;
}

/** Longer than a broker waits before it says that an outcome is unknown. */
const usualLimitMs = 8000;

/** A connection with many requests in flight. A request that fails may have been carried out. */
export class Remote implements Disposable {
  readonly address: string;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  /** Requests that a broker took and did not answer in time. */
  unanswered = 0;
  #last = 0;
  #ended: Error | undefined;

  constructor(address: string) {
    this.address = address;
    this.#socket = connectTo(address).setNoDelay();
    this.#socket.on('error', (error) => this.#end(error));
    this.#socket.on('close', () => this.#end(new Error(`${address} closed the connection`)));
    readFrames(this.#socket, (frame) => {
      if (!isResponse(frame)) return; // Brokers tell clients things, too.
      this.#waiting.get(frame.header.opaque)?.resolve(frame);
      this.#waiting.delete(frame.header.opaque);
    });
  }

  get isOpen(): boolean {
    return this.#ended === undefined;
  }

  async request(
    code: number,
    fields: Readonly<Record<string, string | number | boolean>> = {},
    body: Uint8Array = new Uint8Array(),
    limitMs = usualLimitMs,
  ): Promise<Frame> {
    if (this.#ended !== undefined) throw this.#ended;
    this.#last += 1;
    const opaque = this.#last;
    const answered = new Promise<Frame>((resolve, reject) => {
      this.#waiting.set(opaque, { resolve, reject });
    });
    const extFields = Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, String(value)]),
    );
    const header = { code, opaque, flag: 0, language: 'JAVA', version: 479, extFields };
    this.#socket.write(encode({ header, body }));
    try {
      return await within(limitMs, `request ${code} to ${this.address}`, answered);
    } catch (failure) {
      if (this.isOpen) this.unanswered += 1;
      throw failure;
    } finally {
      this.#waiting.delete(opaque);
    }
  }

  #end(reason: Error): void {
    this.#ended ??= reason;
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
