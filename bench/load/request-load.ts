import { connect, type Socket } from 'node:net';

/** Requests that differ from one another in ways that the load generator does not know. */
export interface RequestLoad {
  readonly address: string;
  readonly connections: number;
  /** Requests in flight on each connection. */
  readonly window: number;
  readonly count: number;
  readonly request: (index: number) => {
    readonly code: number;
    readonly fields: string;
    body?: Uint8Array;
  };
}

export interface RequestReport {
  readonly rate: number;
  /** Microseconds from writing a request until its answer was read, in the order of the answers' arrival. */
  readonly latenciesUs: Float64Array;
  /** Answers by code. */
  readonly codes: ReadonlyMap<number, number>;
  /** CPU of this process, not of the server, for each request. */
  readonly ownCpuUs: number;
}

/** Sends `count` requests as fast as they are answered, and fails when a connection breaks. */
export async function requestLoad(load: RequestLoad): Promise<RequestReport> {
  const run = new Run(load);
  const began = performance.now();
  const cpuBefore = process.cpuUsage();
  await run.finished;
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    rate: load.count / ((performance.now() - began) / 1000),
    latenciesUs: run.latenciesUs,
    codes: run.codes,
    ownCpuUs: (user + system) / load.count,
  };
}

/** The text of a request's `extFields`; names and values need no escaping, or have been escaped. */
export function fieldsText(fields: Readonly<Record<string, string | number>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `"${name}":"${value}"`)
    .join(',');
}

export function percentileUs(latenciesUs: Float64Array, fraction: number): number {
  const sorted = latenciesUs.slice().sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}

const noBody = new Uint8Array();

class Run {
  readonly codes = new Map<number, number>();
  readonly latenciesUs: Float64Array;
  readonly finished: Promise<void>;
  readonly #load: RequestLoad;
  readonly #startedAt: Float64Array;
  #next = 0;
  #answered = 0;

  constructor(load: RequestLoad) {
    this.#load = load;
    this.#startedAt = new Float64Array(load.count);
    this.latenciesUs = new Float64Array(load.count);
    const sockets: Socket[] = [];
    this.finished = new Promise<void>((resolve, reject) => {
      const [host, port] = load.address.split(':');
      for (let index = 0; index < load.connections; index += 1) {
        const socket = connect({ host: host ?? '', port: Number(port), noDelay: true });
        sockets.push(socket);
        socket.once('error', reject);
        socket.once('close', () => reject(new Error(`${load.address} closed the connection`)));
        socket.once('connect', () => this.#ask(socket, load.window));
        this.#read(socket, resolve);
      }
    }).finally(() => {
      for (const socket of sockets) socket.destroy();
    });
  }

  #ask(socket: Socket, count: number): void {
    const frames: Uint8Array[] = [];
    for (let left = count; left > 0 && this.#next < this.#load.count; left -= 1) {
      const index = this.#next;
      this.#next += 1;
      const { code, fields, body = noBody } = this.#load.request(index);
      this.#startedAt[index] = performance.now();
      frames.push(...frame(code, index, fields, body));
    }
    if (frames.length > 0) socket.write(Buffer.concat(frames));
  }

  /** Answers are told apart by their opaque, which is the index of the request. */
  #read(socket: Socket, done: () => void): void {
    let rest: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const now = performance.now();
      let at = 0;
      let answers = 0;
      while (bytes.length - at >= 8) {
        const end = at + 4 + bytes.readUInt32BE(at);
        if (bytes.length < end) break;
        const headerEnd = at + 8 + (bytes.readUInt32BE(at + 4) & 0xff_ffff);
        this.#take(bytes.toString('latin1', at + 8, headerEnd), now);
        at = end;
        answers += 1;
      }
      rest = bytes.subarray(at);
      if (this.#answered === this.#load.count) done();
      else this.#ask(socket, answers);
    });
  }

  #take(header: string, now: number): void {
    const code = numberAfter(header, '"code":');
    const opaque = numberAfter(header, '"opaque":');
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
    this.latenciesUs[this.#answered] = (now - (this.#startedAt[opaque] ?? Number.NaN)) * 1000;
    this.#answered += 1;
  }
}

function numberAfter(text: string, key: string): number {
  const at = text.indexOf(key);
  return at < 0
    ? Number.NaN
    : Number.parseInt(text.slice(at + key.length, at + key.length + 12), 10);
}

function frame(code: number, opaque: number, fields: string, body: Uint8Array): Uint8Array[] {
  const header = Buffer.from(
    `{"code":${code},"flag":0,"language":"JAVA","opaque":${opaque},` +
      `"serializeTypeCurrentRPC":"JSON","version":479,"extFields":{${fields}}}`,
  );
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(4 + header.length + body.length, 0);
  lengths.writeUInt32BE(header.length, 4);
  return [lengths, header, body];
}
