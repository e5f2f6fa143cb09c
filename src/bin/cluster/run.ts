import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAssignments } from '../../base/index.ts';
import { UsageMistake } from '../../cli/index.ts';
import type { ClusterOptions } from '../cluster-commands.ts';
import type { ServerContext } from '../server-commands.ts';
import { announce, ClusterFolder } from './folder.ts';
import { lastWords, startNode, stopAllNodes } from './nodes.ts';
import {
  type ClusterNode,
  type ClusterPlan,
  type ClusterShape,
  configurationOf,
  type NodeKind,
  planCluster,
  type Settings,
} from './plan.ts';
import { markOf } from './processes.ts';
import { ClusterView, type NodeView, nodeTable } from './view.ts';

/** How long to wait until every group has a master and all its replicas in sync. */
const completeMs = 10_000;
const lookEveryMs = 200;

/** `holdfast cluster`: runs until it is told to stop, and repairs nothing: it is a laboratory. */
export async function runCluster(options: ClusterOptions, context: ServerContext): Promise<void> {
  const shape = readShape(options);
  const settings = readSettings(options.set ?? []);
  const path = options.data ?? mkdtempSync(join(tmpdir(), 'holdfast-cluster-'));
  const isTemporary = options.data === undefined;
  const folder = new ClusterFolder(path);
  if (folder.isRunning()) throw new UsageMistake(`a cluster already runs in ${folder.path}`);
  mkdirSync(folder.path, { recursive: true });
  const stop = context.stopSignal();
  const plan = await planOf(folder, shape, readPort(options.namesrvPort));
  // No controller ever ran here, so that it need not wait for brokers that have a history.
  if (folder.read() === undefined) settings.controller.controllerIsNew ??= 'true';
  prepare(folder, plan, settings);
  const withdraw = announce(folder);
  try {
    await startAll(folder, plan, stop);
    await using view = new ClusterView(folder, plan);
    const nodes = await complete(view, stop);
    if (!stop.aborted) {
      const text = options.json === true ? readyLine : friendlyText;
      context.terminal.write(text(folder, nodes, isTemporary));
    }
    await watch(folder, plan, context, stop);
  } finally {
    await stopAllNodes(folder, plan.nodes);
    withdraw();
    if (isTemporary) rmSync(folder.path, { recursive: true, force: true, maxRetries: 5 });
  }
}

function readShape(options: ClusterOptions): ClusterShape {
  return {
    replicas: readCount('--replicas', options.replicas, 3),
    groups: readCount('--groups', options.groups, 26),
    isStatic: options.static === true,
  };
}

function readCount(name: string, text: string, largest: number): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= largest) return count;
  throw new UsageMistake(`${name} must be between 1 and ${largest}, not "${text}"`);
}

function readPort(text: string | undefined): number | undefined {
  if (text === undefined || text === '0') return undefined;
  return readCount('--namesrv-port', text, 65_535);
}

/** Keys for brokers, unless they begin with the kind of node that they are for. */
function readSettings(assignments: readonly string[]): Record<NodeKind, Record<string, string>> {
  const { settings, problems } = parseAssignments(assignments, '--set');
  if (problems.length > 0) throw new UsageMistake(...problems);
  const found: Record<NodeKind, Record<string, string>> = {
    nameserver: {},
    controller: {},
    broker: {},
  };
  for (const { key, value } of settings) {
    const [, kind = 'broker', own = key] = /^(nameserver|controller|broker)\.(.+)$/.exec(key) ?? [];
    found[kind as NodeKind][own] = value; // The expression knows no other kinds.
  }
  return found;
}

/** A cluster that was here keeps its nodes and their ports. */
async function planOf(
  folder: ClusterFolder,
  shape: ClusterShape,
  port: number | undefined,
): Promise<ClusterPlan> {
  const before = folder.read();
  if (before === undefined) return planCluster(shape, port);
  const isSame =
    before.replicas === shape.replicas &&
    before.groups === shape.groups &&
    before.isStatic === shape.isStatic;
  if (isSame) return before;
  const was = `--replicas ${before.replicas} --groups ${before.groups}${before.isStatic ? ' --static' : ''}`;
  throw new UsageMistake(`the cluster in ${folder.path} was made with ${was}`);
}

function prepare(
  folder: ClusterFolder,
  plan: ClusterPlan,
  settings: Readonly<Record<NodeKind, Settings>>,
): void {
  folder.create(plan.nodes);
  for (const node of plan.nodes) {
    const text = configurationOf(plan, node, {
      folder: folder.of(node),
      secretFile: folder.secretFile,
      settings: settings[node.kind],
    });
    writeFileSync(folder.configurationFile(node), text);
  }
  const runner = markOf(process.pid);
  if (runner === undefined) throw new Error('this process runs');
  const { replicas, groups, isStatic, nodes } = plan;
  folder.write({ replicas, groups, isStatic, nodes, runner });
}

/** The ones that others need come first. Of an empty group replica 1 does, so that it begins as the master. */
async function startAll(
  folder: ClusterFolder,
  plan: ClusterPlan,
  stop: AbortSignal,
): Promise<void> {
  const isNew = plan.nodes.every((node) => folder.processOf(node) === undefined);
  const wave = ({ name, kind }: ClusterNode): number =>
    kind !== 'broker' ? 0 : isNew && name.endsWith('-1') ? 1 : 2;
  for (const now of [0, 1, 2]) {
    if (stop.aborted) return;
    const nodes = plan.nodes.filter((node) => wave(node) === now);
    await Promise.all(nodes.map((node) => startNode(folder, node)));
  }
}

async function complete(view: ClusterView, stop: AbortSignal): Promise<readonly NodeView[]> {
  const deadline = performance.now() + completeMs;
  for (;;) {
    const nodes = await view.nodes();
    if (isComplete(nodes) || stop.aborted || performance.now() > deadline) return nodes;
    await sleep(lookEveryMs);
  }
}

function isComplete(nodes: readonly NodeView[]): boolean {
  const brokers = nodes.filter(({ kind }) => kind === 'broker');
  const groups = new Set(brokers.map(({ brokerName }) => brokerName));
  const masters = brokers.filter(({ role }) => role === 'master');
  return (
    masters.length === groups.size &&
    brokers.every(({ inSync, id }) => inSync === true && id !== undefined)
  );
}

/** Reports every node that dies by itself, once. Returns when the cluster shall stop. */
async function watch(
  folder: ClusterFolder,
  plan: ClusterPlan,
  context: ServerContext,
  stop: AbortSignal,
): Promise<void> {
  const reported = new Map<string, number>();
  while (!stop.aborted) {
    for (const node of plan.nodes) {
      const file = folder.processOf(node);
      if (file === undefined || file.isEnded === true || folder.stateOf(node) !== 'dead') continue;
      if (reported.get(node.name) === file.process.pid) continue;
      reported.set(node.name, file.process.pid);
      const text = `holdfast: ${node.name} died: ${lastWords(folder, node)}\n`;
      context.terminal.writeError(text);
    }
    await sleep(lookEveryMs, undefined, { signal: stop }).catch(() => {}); // Told to stop.
  }
}

const addressOf = (nodes: readonly ClusterNode[] | readonly NodeView[], kind: NodeKind) =>
  nodes.find((node) => node.kind === kind)?.address ?? null;

function readyLine(folder: ClusterFolder, nodes: readonly NodeView[]): string {
  const controller = addressOf(nodes, 'controller');
  const json = {
    ready: true,
    nameserver: addressOf(nodes, 'nameserver'),
    ...(controller !== null && { controller }),
    brokers: nodes
      .filter(({ kind }) => kind === 'broker')
      .map(({ cluster, brokerName, name, id, role, address, pid, inSync }) => {
        return { cluster, brokerName, name, id, role, address, pid, inSync };
      }),
    dataDir: folder.path,
    pid: process.pid,
  };
  return `${JSON.stringify(json)}\n`;
}

function friendlyText(
  folder: ClusterFolder,
  nodes: readonly NodeView[],
  isTemporary: boolean,
): string {
  const remark = isTemporary ? '  (temporary: removed at the end; keep it with --data)' : '';
  const master = nodes.find(({ role }) => role === 'master')?.name ?? 'NODE';
  return `
${nodeTable(nodes)}
Data  ${folder.path}${remark}

Try, in another terminal:
  npx holdfast topic create Orders --namesrv ${addressOf(nodes, 'nameserver')}
  npx holdfast cluster kill ${master} && npx holdfast cluster status -w

Stop it with Ctrl+C.

`;
}
