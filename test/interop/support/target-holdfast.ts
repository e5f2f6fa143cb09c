import type { ChildProcess } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { repository, type TemporaryFolder, temporaryFolder } from './locations.ts';
import { ended, start } from './processes.ts';
import type { Target, TargetPorts } from './target.ts';
import { within } from './waiting.ts';

const startLimitMs = 60_000;
const stopLimitMs = 30_000;

/** What `npm run build` made; HOLDFAST_PROGRAM names another build. */
export function program(): string {
  const given = process.env['HOLDFAST_PROGRAM'];
  if (given !== undefined) return given;
  const manifest = readFileSync(join(repository, 'package.json'), 'utf8');
  return join(repository, (JSON.parse(manifest) as { bin: { holdfast: string } }).bin.holdfast);
}

interface ReadyLine {
  readonly nameserver: string;
  readonly brokers: readonly { cluster: string; name: string; address: string }[];
  readonly pid: number;
}

export async function startHoldfast(
  settings: Readonly<Record<string, string>>,
  ports: TargetPorts,
): Promise<Target> {
  const folder = await temporaryFolder('target');
  const target = new HoldfastTarget(folder, ports, settings);
  try {
    await target.start();
  } catch (failure) {
    await target[Symbol.asyncDispose]();
    throw failure;
  }
  return target;
}

class HoldfastTarget implements Target {
  readonly kind = 'holdfast';
  readonly #folder: TemporaryFolder;
  readonly #args: readonly string[];
  readonly #logPath: string;
  #child: ChildProcess | undefined;
  #ready: ReadyLine | undefined;

  constructor(
    folder: TemporaryFolder,
    ports: TargetPorts,
    settings: Readonly<Record<string, string>>,
  ) {
    this.#folder = folder;
    this.#logPath = join(folder.path, 'server.log');
    this.#args = [
      program(),
      'dev',
      ...['--data', this.dataFolder],
      ...[
        '--namesrv-port',
        String(ports.nameServer),
        '--broker-port',
        String(ports.broker),
        '--json',
      ],
      ...Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]),
    ];
  }

  get dataFolder(): string {
    return join(this.#folder.path, 'data');
  }

  get #now(): ReadyLine {
    if (this.#ready === undefined) throw new Error('the server was not started');
    return this.#ready;
  }

  get #broker(): ReadyLine['brokers'][number] {
    const [broker] = this.#now.brokers;
    if (broker === undefined) throw new Error('the ready line names no broker');
    return broker;
  }

  get nameServer(): string {
    return this.#now.nameserver;
  }

  get broker(): string {
    return this.#broker.address;
  }

  get brokerName(): string {
    return this.#broker.name;
  }

  get cluster(): string {
    return this.#broker.cluster;
  }

  get pid(): number {
    return this.#now.pid;
  }

  async start(): Promise<void> {
    const child = start(process.execPath, this.#args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    const log = createWriteStream(this.#logPath, { flags: 'a' });
    child.stderr?.pipe(log, { end: false });
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => log.write(`${line}\n`));
    child.once('close', () => log.end());
    const firstLine = new Promise<string>((resolve) => lines.once('line', resolve));
    const early = ended(child).then(async ({ code, signal }) => {
      const text = await readFile(this.#logPath, 'utf8');
      throw new Error(`the server ended at its start with ${signal ?? code}\n${text.slice(-4000)}`);
    });
    early.catch(() => {}); // Its later end is not a failure of the start.
    const line = await within(startLimitMs, 'start of Holdfast', Promise.race([firstLine, early]));
    this.#ready = JSON.parse(line) as ReadyLine;
  }

  async stop(signals = 1): Promise<number | undefined> {
    for (let sent = 0; sent < signals; sent += 1) this.#child?.kill('SIGTERM');
    return (await this.#end('stop of Holdfast')) ?? undefined;
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#end('kill of Holdfast');
  }

  async #end(what: string): Promise<number | null> {
    if (this.#child === undefined) return null;
    const { code } = await within(stopLimitMs, what, ended(this.#child));
    this.#child = undefined;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#folder[Symbol.asyncDispose]();
  }
}
