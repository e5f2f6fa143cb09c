import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../base/index.ts';
import { UsageMistake } from '../../cli/index.ts';
import type { StatusOptions } from '../cluster-commands.ts';
import type { ServerContext } from '../server-commands.ts';
import { type ClusterFolder, findCluster } from './folder.ts';
import { killNode, signalNode, startNode, stopAllNodes } from './nodes.ts';
import type { ClusterNode } from './plan.ts';
import { type ProcessState, signalProcess, stateOf } from './processes.ts';
import { ClusterView, nodeTable } from './view.ts';

export type NodeAction = 'kill' | 'pause' | 'resume' | 'start';

/** `holdfast cluster status` */
export async function showStatus(options: StatusOptions, context: ServerContext): Promise<void> {
  const { folder, file } = findCluster(options.data);
  if (!['table', 'json'].includes(options.output)) {
    throw new UsageMistake(`--output must be table or json, not "${options.output}"`);
  }
  const { terminal } = context;
  await using view = new ClusterView(folder, file);
  const show = async () => {
    const nodes = await view.nodes();
    if (options.output === 'table') return nodeTable(nodes);
    const json = { dataDir: folder.path, nodes };
    return `${JSON.stringify(json, undefined, options.watch === undefined ? 2 : 0)}\n`;
  };
  if (options.watch === undefined) return terminal.write(await show());
  const seconds = options.watch === true ? 2 : Number(options.watch);
  if (!(seconds > 0)) throw new UsageMistake(`--watch needs seconds, not "${options.watch}"`);
  const stop = context.stopSignal();
  const isScreen = options.output === 'table' && terminal.columns !== undefined;
  while (!stop.aborted) {
    const text = await show();
    terminal.write(isScreen ? `\u001b[H\u001b[J${text}` : text);
    await sleep(seconds * 1000, undefined, { signal: stop }).catch(() => {}); // Told to stop.
  }
}

/** `holdfast cluster kill | pause | resume | start` */
export async function actOn(
  action: NodeAction,
  name: string,
  data: string | undefined,
): Promise<void> {
  const { folder, file } = findCluster(data);
  const node = file.nodes.find((one) => one.name === name);
  if (node === undefined) {
    const known = file.nodes.map((one) => one.name).join(', ');
    throw new UsageMistake(`there is no node ${name}; there are ${known}`);
  }
  if (!folder.isRunning()) throw new Failure('unavailable', `no cluster runs in ${folder.path}`);
  await actions[action](folder, node);
}

const actsOn: Readonly<Record<NodeAction, ProcessState>> = {
  kill: 'running',
  pause: 'running',
  resume: 'paused',
  start: 'dead',
};

/** For completion: names of nodes for which this makes sense, of the only cluster that runs. */
export function nodesFor(action: NodeAction): readonly string[] {
  try {
    const { folder, file } = findCluster(undefined);
    const nodes = file.nodes.filter((node) => folder.stateOf(node) === actsOn[action]);
    return nodes.map(({ name }) => name);
  } catch {
    return []; // None runs, or several: a completion has nothing to say about it.
  }
}

const actions: Readonly<
  Record<NodeAction, (folder: ClusterFolder, node: ClusterNode) => Promise<void>>
> = {
  async kill(folder, node) {
    if (!(await killNode(folder, node))) throw refused(node, 'is dead');
  },
  async pause(folder, node) {
    if (!signalNode(folder, node, 'SIGSTOP')) throw refused(node, 'is dead');
  },
  async resume(folder, node) {
    if (!signalNode(folder, node, 'SIGCONT')) throw refused(node, 'is dead');
  },
  async start(folder, node) {
    const state = folder.stateOf(node);
    if (state !== 'dead') throw refused(node, `is ${state}`);
    await startNode(folder, node);
  },
};

const refused = (node: ClusterNode, why: string): Failure =>
  new Failure('invalid', `${node.name} ${why}`);

/** How long the process in the foreground may need. */
const stopMs = 60_000;

/** `holdfast cluster stop`; also when the process in the foreground is gone and only nodes are left. */
export async function stopCluster(data: string | undefined): Promise<void> {
  const { folder, file } = findCluster(data);
  if (!folder.isRunning()) throw new Failure('unavailable', `no cluster runs in ${folder.path}`);
  signalProcess(file.runner, 'SIGTERM');
  const deadline = performance.now() + stopMs;
  while (stateOf(file.runner) !== 'dead' && performance.now() < deadline) await sleep(20);
  if (stateOf(file.runner) === 'dead') await stopAllNodes(folder, file.nodes);
  else throw new Failure('unavailable', `the cluster did not stop within ${stopMs / 1000} s`);
}
