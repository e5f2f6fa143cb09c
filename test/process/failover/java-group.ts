import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { javaLab, type TemporaryFolder, temporaryFolder } from '../../interop/support/locations.ts';
import { disown, freePorts, isAlive, runOrThrow, signal } from '../../interop/support/processes.ts';
import { eventually } from '../../interop/support/waiting.ts';
import { Group, type GroupLauncher, type GroupNode, type Mode } from './group.ts';

const startLimitMs = 120_000;
const endLimitMs = 20_000;
/** With what makes a master wait until its slave has a message. */
const settingsOfMode: Readonly<Record<Mode, readonly string[]>> = {
  controller: ['enableControllerMode=true', 'allAckInSyncStateSet=true'],
  // Without it a slave refuses to be read.
  static: ['slaveReadEnable=true'],
};
const settingsOfStatic: Readonly<Record<string, readonly string[]>> = {
  r1: ['brokerRole=SYNC_MASTER', 'inSyncReplicas=2', 'brokerId=0'],
  r2: ['brokerRole=SLAVE', 'brokerId=1'],
};

export interface JavaGroupOptions {
  readonly mode?: Mode;
  /** Of the brokers, `key=value`. */
  readonly settings?: readonly string[];
  /** Of a broker's virtual machine. */
  readonly heap?: string;
}

/** Apache's own processes; with metadata in RocksDB, unless other settings are given. */
export async function startJavaGroup({
  mode = 'controller',
  settings = ['storeType=defaultRocksDB'],
  heap = '256m',
}: JavaGroupOptions = {}): Promise<Group> {
  const folder = await temporaryFolder('failover-java');
  const launcher = await JavaLauncher.plan(folder, mode, [
    ...['--heap', heap],
    ...optionsOf([...settingsOfMode[mode], ...settings]),
  ]);
  try {
    await launcher.startAll();
    const group = await Group.over(launcher);
    if (mode === 'controller') await group.untilComplete();
    return group;
  } catch (failure) {
    await launcher[Symbol.asyncDispose]();
    throw failure;
  }
}

const optionsOf = (settings: readonly string[]): string[] =>
  settings.flatMap((setting) => ['-o', setting]);

class JavaLauncher implements GroupLauncher {
  readonly kind = 'java';
  readonly mode: Mode;
  readonly brokerName = 'g';
  readonly clusterName = 'lab';
  readonly nodes: readonly GroupNode[];
  readonly #folder: TemporaryFolder;
  /** Of the lab, for a broker. */
  readonly #parameters: readonly string[];

  private constructor(
    folder: TemporaryFolder,
    mode: Mode,
    parameters: readonly string[],
    nodes: readonly GroupNode[],
  ) {
    this.mode = mode;
    this.#folder = folder;
    this.#parameters = parameters;
    this.nodes = nodes;
  }

  static async plan(
    folder: TemporaryFolder,
    mode: Mode,
    parameters: readonly string[],
  ): Promise<JavaLauncher> {
    const at = (port: number): string => `127.0.0.1:${port}`;
    const first = await freePorts(10);
    const controller = { name: 'c0', kind: 'controller', address: at(first + 1) } as const;
    return new JavaLauncher(folder, mode, parameters, [
      { name: 'ns', kind: 'nameserver', address: at(first) },
      ...(mode === 'controller' ? [controller] : []),
      // A broker also takes the port two below and one above its own.
      { name: 'r1', kind: 'broker', address: at(first + 4) },
      { name: 'r2', kind: 'broker', address: at(first + 8) },
    ]);
  }

  async startAll(): Promise<void> {
    for (const { name, kind, address } of this.nodes) {
      const role = kind === 'nameserver' ? 'namesrv' : kind;
      const args = ['start', role, '--name', name, '--port', address.split(':')[1] as string];
      const own = this.mode === 'static' ? optionsOf(settingsOfStatic[name] ?? []) : [];
      const ofBroker = ['--group', this.brokerName, ...this.#parameters, ...own];
      await this.#lab(...args, ...(kind === 'broker' ? ofBroker : []));
    }
  }

  async pidOf(name: string): Promise<number> {
    const path = join(this.#folder.path, 'instances', name, 'lab.json');
    return (JSON.parse(await readFile(path, 'utf8')) as { pid: number }).pid;
  }

  async start(name: string): Promise<void> {
    await this.#lab('start', name);
  }

  storeOf(name: string): string {
    return join(this.#folder.path, 'instances', name, 'store');
  }

  logOf(name: string): Promise<string> {
    return readFile(join(this.#folder.path, 'instances', name, 'run.log'), 'utf8');
  }

  async configure(): Promise<void> {
    throw new Error('not for Java');
  }

  async operate(): Promise<string> {
    throw new Error('not for Java');
  }

  async #lab(...args: readonly string[]): Promise<void> {
    await runOrThrow(process.execPath, [javaLab(), ...args], {
      limitMs: startLimitMs,
      env: { ...process.env, HOLDFAST_LAB_DIR: this.#folder.path },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { name } of this.nodes) {
      const pid = await this.pidOf(name).catch(() => undefined); // Never started.
      if (pid === undefined) continue;
      signal(pid, 'SIGKILL');
      await eventually(endLimitMs, `end of ${name}`, () => !isAlive(pid) || undefined);
      disown(pid);
    }
    await this.#folder[Symbol.asyncDispose]();
  }
}
