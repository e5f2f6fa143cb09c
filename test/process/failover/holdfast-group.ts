import type { ChildProcess } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TemporaryFolder, temporaryFolder } from '../../interop/support/locations.ts';
import { disown, ended, runOrThrow, start } from '../../interop/support/processes.ts';
import { program } from '../../interop/support/target-holdfast.ts';
import { within } from '../../interop/support/waiting.ts';
import { Group, type GroupLauncher, type GroupNode, type Mode } from './group.ts';

const startLimitMs = 90_000;
const stopLimitMs = 90_000;

interface Status {
  readonly nodes: readonly (GroupNode & {
    readonly pid: number | null;
    readonly cluster?: string;
  })[];
}

export interface HoldfastGroupOptions {
  readonly replicas?: number;
  readonly mode?: Mode;
  /** Of the brokers. */
  readonly settings?: readonly string[];
}

/** `holdfast cluster` as `npm run build` left it. */
export async function startHoldfastGroup({
  replicas = 2,
  mode = 'controller',
  settings = [],
}: HoldfastGroupOptions = {}): Promise<Group> {
  const folder = await temporaryFolder('failover');
  const data = join(folder.path, 'cluster');
  const set = settings.flatMap((setting) => ['--set', setting]);
  const shape = ['--replicas', String(replicas), ...(mode === 'static' ? ['--static'] : [])];
  const args = ['cluster', ...shape, '--json', '--data', data, ...set];
  const child = start(process.execPath, [program(), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-4000);
  });
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', () => resolve());
    child.once('exit', (code) => reject(new Error(`holdfast cluster ended with ${code}: ${said}`)));
  });
  try {
    await within(startLimitMs, 'start of the cluster', ready);
    const { nodes } = await status(data);
    return await Group.over(new HoldfastLauncher({ folder, data, child, mode }, nodes));
  } catch (failure) {
    child.kill('SIGTERM');
    await ended(child);
    await folder[Symbol.asyncDispose]();
    throw failure;
  }
}

async function status(data: string): Promise<Status> {
  const args = ['cluster', 'status', '-o', 'json', '--data', data];
  const text = await runOrThrow(process.execPath, [program(), ...args], { limitMs: startLimitMs });
  return JSON.parse(text) as Status;
}

interface Parts {
  readonly folder: TemporaryFolder;
  readonly data: string;
  readonly child: ChildProcess;
  readonly mode: Mode;
}

class HoldfastLauncher implements GroupLauncher {
  readonly kind = 'holdfast';
  readonly mode: Mode;
  readonly brokerName = 'broker-a';
  readonly clusterName = 'DefaultCluster';
  readonly nodes: readonly GroupNode[];
  readonly #folder: TemporaryFolder;
  readonly #data: string;
  readonly #child: ChildProcess;

  constructor({ folder, data, child, mode }: Parts, nodes: readonly GroupNode[]) {
    this.mode = mode;
    this.#folder = folder;
    this.#data = data;
    this.#child = child;
    this.nodes = nodes.map(({ name, kind, address }) => ({ name, kind, address }));
  }

  async pidOf(name: string): Promise<number> {
    const text = await readFile(join(this.#data, name, 'process.json'), 'utf8');
    return (JSON.parse(text) as { process: { pid: number } }).process.pid;
  }

  async start(name: string): Promise<void> {
    const args = ['cluster', 'start', name, '--data', this.#data];
    await runOrThrow(process.execPath, [program(), ...args], { limitMs: startLimitMs });
  }

  storeOf(name: string): string {
    return join(this.#data, name, 'store');
  }

  logOf(name: string): Promise<string> {
    return readFile(join(this.#data, name, 'node.log'), 'utf8');
  }

  async configure(name: string, settings: Readonly<Record<string, string>>): Promise<void> {
    const path = join(this.#data, name, 'node.conf');
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    const kept = lines.filter((line) => !((line.split('=')[0] ?? '') in settings));
    const changed = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
    await writeFile(path, `${[...kept, ...changed].join('\n')}\n`);
  }

  operate(...args: readonly string[]): Promise<string> {
    const nameServer = this.nodes.find(({ kind }) => kind === 'nameserver')?.address ?? '';
    const given = [program(), ...args, '--namesrv', nameServer];
    return runOrThrow(process.execPath, given, { limitMs: startLimitMs });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM');
    await within(stopLimitMs, 'stop of the cluster', ended(this.#child));
    for (const { name } of this.nodes) disown(await this.pidOf(name));
    await this.#folder[Symbol.asyncDispose]();
  }
}
