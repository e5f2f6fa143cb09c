import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../base/index.ts';
import type { ClusterFolder } from './folder.ts';
import type { ClusterNode } from './plan.ts';
import { markOf, signalProcess, stateOf } from './processes.ts';

/** How long a node may need to say that it can serve. */
const readyMs = 60_000;
/** How long a node may need to stop before it is killed. */
const stopMs = 20_000;
const lookEveryMs = 20;

/**
 * Starts the process of a node and resolves when it can serve. It has a process group of its own, so that Ctrl+C in the
 * terminal reaches only the one in the foreground. Fails `closed` with the last line of its log when it ends instead.
 */
export async function startNode(folder: ClusterFolder, node: ClusterNode): Promise<void> {
  const [program] = process.argv.slice(1);
  if (program === undefined) throw new Error('the program knows how it was called');
  const output = openSync(folder.outputFile(node), 'w');
  const log = openSync(folder.logFile(node), 'a');
  const role = ['--role', node.kind, '-c', folder.configurationFile(node), '--json'];
  const child = spawn(process.execPath, [...process.execArgv, program, 'start', ...role], {
    cwd: folder.of(node),
    detached: true,
    stdio: ['ignore', output, log],
  });
  closeSync(output);
  closeSync(log);
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  failed.catch(() => {}); // Told by the race below, if it is still on.
  if (child.pid !== undefined) {
    const mark = markOf(child.pid);
    if (mark !== undefined) folder.setProcess(node, { process: mark });
  }
  child.unref();
  await Promise.race([failed, untilReady(folder, node)]);
}

async function untilReady(folder: ClusterFolder, node: ClusterNode): Promise<void> {
  const deadline = performance.now() + readyMs;
  while (!readFileSync(folder.outputFile(node), 'utf8').includes('\n')) {
    if (folder.stateOf(node) === 'dead') {
      throw new Failure('closed', `${node.name} cannot start: ${lastWords(folder, node)}`);
    }
    if (performance.now() > deadline) {
      throw new Failure('closed', `${node.name} is not ready after ${readyMs / 1000} s`);
    }
    await sleep(lookEveryMs);
  }
}

/** What the node said last, and where the rest is. */
export function lastWords(folder: ClusterFolder, node: ClusterNode): string {
  const path = folder.logFile(node);
  const last = readFileSync(path, 'utf8').trimEnd().split('\n').at(-1) ?? '';
  return `${messageOf(last)} (${path})`;
}

/** Logs are JSON; what could not even be configured is told in plain text. */
function messageOf(line: string): string {
  try {
    const entry = JSON.parse(line) as { readonly msg?: unknown };
    return `last it said "${String(entry.msg)}"`;
  } catch {
    return line.replace(/^holdfast: /, '');
  }
}

/** In order, and by force when that takes too long. */
export async function stopNode(folder: ClusterFolder, node: ClusterNode): Promise<void> {
  const file = folder.processOf(node);
  if (file === undefined || stateOf(file.process) === 'dead') return;
  folder.setProcess(node, { ...file, isEnded: true });
  signalProcess(file.process, 'SIGTERM');
  signalProcess(file.process, 'SIGCONT'); // One that is paused would never see it.
  if (await hasEnded(folder, node, stopMs)) return;
  signalProcess(file.process, 'SIGKILL');
  await hasEnded(folder, node, stopMs);
}

/** As a power cut of the process: nothing is told to it. */
export async function killNode(folder: ClusterFolder, node: ClusterNode): Promise<boolean> {
  const file = folder.processOf(node);
  if (file === undefined || stateOf(file.process) === 'dead') return false;
  folder.setProcess(node, { ...file, isEnded: true });
  signalProcess(file.process, 'SIGKILL');
  return hasEnded(folder, node, stopMs);
}

export function signalNode(
  folder: ClusterFolder,
  node: ClusterNode,
  signal: NodeJS.Signals,
): boolean {
  return signalProcess(folder.processOf(node)?.process, signal);
}

async function hasEnded(
  folder: ClusterFolder,
  node: ClusterNode,
  limitMs: number,
): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (folder.stateOf(node) !== 'dead') {
    if (performance.now() > deadline) return false;
    await sleep(lookEveryMs);
  }
  return true;
}

/** Brokers first, so that they can take leave of the others. */
export async function stopAllNodes(
  folder: ClusterFolder,
  nodes: readonly ClusterNode[],
): Promise<void> {
  const brokers = nodes.filter(({ kind }) => kind === 'broker');
  await Promise.all(brokers.map((node) => stopNode(folder, node)));
  const others = nodes.filter(({ kind }) => kind !== 'broker');
  await Promise.all(others.map((node) => stopNode(folder, node)));
}
