import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TemporaryFolder, temporaryFolder } from '../interop/support/locations.ts';
import { disown, ended, own, runOrThrow, start } from '../interop/support/processes.ts';
import { program } from '../interop/support/target-holdfast.ts';
import { eventually, within } from '../interop/support/waiting.ts';

const startLimitMs = 90_000;
const stopLimitMs = 60_000;

export interface ClusterNode {
  readonly name: string;
  readonly kind: 'nameserver' | 'controller' | 'broker';
  readonly role?: 'master' | 'slave';
  readonly state: 'running' | 'paused' | 'dead';
  readonly address: string;
  readonly pid: number | null;
  readonly inSync?: boolean;
}

/** `holdfast cluster`, as a person runs and controls it. */
export class LocalCluster implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly #child: ChildProcess;
  readonly #owned = new Set<number>();

  private constructor(folder: TemporaryFolder, child: ChildProcess) {
    this.#folder = folder;
    this.#child = child;
  }

  /** Ready, with all its replicas in sync. */
  static async start(args: readonly string[]): Promise<LocalCluster> {
    const folder = await temporaryFolder('cluster');
    const child = start(
      process.execPath,
      [program(), 'cluster', '--json', '--data', folder.path, ...args],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const cluster = new LocalCluster(folder, child);
    try {
      const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
      const ready = new Promise((resolve) => lines.once('line', resolve));
      const early = ended(child).then(() => Promise.reject(new Error('the cluster ended')));
      early.catch(() => {}); // Its later end is not a failure of the start.
      await within(startLimitMs, 'start of the cluster', Promise.race([ready, early]));
      await cluster.inSync();
    } catch (failure) {
      await cluster[Symbol.asyncDispose]();
      throw failure;
    }
    return cluster;
  }

  async nodes(): Promise<readonly ClusterNode[]> {
    const { nodes } = JSON.parse(await this.#holdfast('status', '-o', 'json')) as {
      readonly nodes: readonly ClusterNode[];
    };
    // They outlive the process that started them.
    for (const { pid } of nodes) {
      if (pid === null || this.#owned.has(pid)) continue;
      this.#owned.add(pid);
      own(pid);
    }
    return nodes;
  }

  async broker(role: 'master' | 'slave'): Promise<ClusterNode> {
    const nodes = await this.nodes();
    const found = nodes.find((node) => node.kind === 'broker' && node.role === role);
    if (found === undefined) throw new Error(`no ${role}: ${JSON.stringify(nodes)}`);
    return found;
  }

  /** Until one broker is the master and all count. */
  async inSync(): Promise<void> {
    let last: readonly ClusterNode[] = [];
    await eventually(
      startLimitMs,
      () => `all in sync: ${JSON.stringify(last)}`,
      async () => {
        last = await this.nodes();
        const brokers = last.filter(({ kind }) => kind === 'broker');
        const isWhole = brokers.every(
          ({ inSync, state }) => inSync === true && state === 'running',
        );
        return isWhole && brokers.some(({ role }) => role === 'master') ? true : undefined;
      },
    );
  }

  async startNode({ name }: ClusterNode): Promise<void> {
    await this.#holdfast('start', name);
  }

  /** In order, and waits for its end. */
  async stopNode({ name, pid }: ClusterNode): Promise<void> {
    if (pid === null) throw new Error(`${name} does not run`);
    process.kill(pid, 'SIGTERM');
    await eventually(stopLimitMs, `end of ${name}`, async () =>
      (await this.nodes()).some((node) => node.name === name && node.state === 'dead')
        ? true
        : undefined,
    );
  }

  storeOf({ name }: ClusterNode): string {
    return join(this.#folder.path, name, 'store');
  }

  async logOf({ name }: ClusterNode): Promise<string> {
    return await readFile(join(this.#folder.path, name, 'node.log'), 'utf8');
  }

  async #holdfast(...args: readonly string[]): Promise<string> {
    const command = [program(), 'cluster', ...args, '--data', this.#folder.path];
    return await runOrThrow(process.execPath, command, { limitMs: startLimitMs });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM');
    await within(stopLimitMs, 'end of the cluster', ended(this.#child));
    for (const pid of this.#owned) disown(pid);
    await this.#folder[Symbol.asyncDispose]();
  }
}
