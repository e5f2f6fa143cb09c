import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from './frames.ts';
import { javaLab, type TemporaryFolder, temporaryFolder } from './locations.ts';
import { disown, isAlive, own, runOrThrow, signal } from './processes.ts';
import type { Target, TargetPorts } from './target.ts';
import { eventually } from './waiting.ts';

const getBrokerClusterInfo = 106;
const startLimitMs = 90_000;
const stopLimitMs = 30_000;

/** The newest Java broker, which the tests must pass before Holdfast is measured by them. */
export async function startJava(
  settings: Readonly<Record<string, string>>,
  ports: TargetPorts,
  heap?: string,
): Promise<Target> {
  const folder = await temporaryFolder('lab');
  const parameters = [
    ...(heap === undefined ? [] : ['--heap', heap]),
    ...Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]),
  ];
  const target = new JavaTarget(folder, ports, parameters);
  try {
    await target.startAll();
  } catch (failure) {
    await target[Symbol.asyncDispose]();
    throw failure;
  }
  return target;
}

class JavaTarget implements Target {
  readonly kind = 'java';
  readonly brokerName = 'b1';
  readonly cluster = 'lab';
  readonly nameServer: string;
  readonly broker: string;
  readonly #folder: TemporaryFolder;
  readonly #parameters: readonly string[];
  #pids: { nameServer?: number; broker?: number } = {};

  constructor(folder: TemporaryFolder, ports: TargetPorts, parameters: readonly string[]) {
    this.#folder = folder;
    this.nameServer = `127.0.0.1:${ports.nameServer}`;
    this.broker = `127.0.0.1:${ports.broker}`;
    this.#parameters = parameters;
  }

  get dataFolder(): string {
    return join(this.#folder.path, 'instances', this.brokerName, 'store');
  }

  get pid(): number {
    if (this.#pids.broker === undefined) throw new Error('the broker is not running');
    return this.#pids.broker;
  }

  async startAll(): Promise<void> {
    const at = (address: string): string[] => ['--port', address.split(':')[1] as string];
    await this.#lab('start', 'namesrv', '--name', 'ns', ...at(this.nameServer));
    this.#pids.nameServer = await this.#pidOf('ns');
    const name = ['--name', this.brokerName];
    await this.#lab('start', 'broker', ...name, ...at(this.broker), ...this.#parameters);
    this.#pids.broker = await this.#pidOf(this.brokerName);
    await this.#untilRegistered();
  }

  async start(): Promise<void> {
    await this.#lab('start', this.brokerName);
    this.#pids.broker = await this.#pidOf(this.brokerName);
    await this.#untilRegistered();
  }

  async stop(signals = 1): Promise<undefined> {
    await this.#end(this.#pids.broker, 'SIGTERM', signals);
  }

  async kill(): Promise<void> {
    await this.#end(this.#pids.broker, 'SIGKILL');
  }

  async #end(pid: number | undefined, name: NodeJS.Signals, signals = 1): Promise<void> {
    if (pid === undefined) return;
    for (let sent = 0; sent < signals; sent += 1) signal(pid, name);
    await eventually(stopLimitMs, `${name} of ${pid}`, () => (isAlive(pid) ? undefined : true));
    disown(pid);
    if (pid === this.#pids.broker) delete this.#pids.broker;
  }

  async #lab(...args: readonly string[]): Promise<string> {
    return runOrThrow(process.execPath, [javaLab(), ...args], {
      limitMs: startLimitMs,
      env: { ...process.env, HOLDFAST_LAB_DIR: this.#folder.path },
    });
  }

  async #pidOf(name: string): Promise<number> {
    const path = join(this.#folder.path, 'instances', name, 'lab.json');
    const { pid } = JSON.parse(await readFile(path, 'utf8')) as { pid: number };
    own(pid);
    return pid;
  }

  /** The port answers before the broker has registered; clients need the route. */
  async #untilRegistered(): Promise<void> {
    await eventually(startLimitMs, 'registration of the broker', async () => {
      const { body } = await request(this.nameServer, getBrokerClusterInfo);
      return Buffer.from(body).includes(this.broker) ? true : undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#end(this.#pids.nameServer, 'SIGKILL');
    await this.#folder[Symbol.asyncDispose]();
  }
}
