import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { within } from './waiting.ts';

/** Processes to end when this one ends for any reason: a failed test must not leave servers behind. */
const running = new Set<number>();

process.on('exit', () => {
  for (const pid of running) signal(pid, 'SIGKILL');
});
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => process.exit(1));

/** Has `pid` ended with this process; for one that is not a child. */
export function own(pid: number): void {
  running.add(pid);
}

export function disown(pid: number): void {
  running.delete(pid);
}

/** Starts a program that ends, at the latest, with this process. */
export function start(
  command: string,
  args: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  const child = spawn(command, args, options);
  const { pid } = child;
  if (pid !== undefined) {
    own(pid);
    child.once('exit', () => disown(pid));
  }
  return child;
}

/** Status and signal with which a child ended; rejects when it could not be started. */
export function ended(
  child: ChildProcess,
): Promise<{ code: number | null; signal: string | null }> {
  return new Promise((resolve, reject) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve({ code: child.exitCode, signal: child.signalCode });
      return;
    }
    child.once('error', reject);
    child.once('exit', (code, name) => resolve({ code, signal: name }));
  });
}

export interface RunResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, at most `limitMs`. */
export async function run(
  command: string,
  args: readonly string[],
  options: SpawnOptions & { readonly limitMs: number },
): Promise<RunResult> {
  const child = start(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    texts.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    texts.stderr += text;
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  try {
    const { code } = await within(options.limitMs, `${command} ${args.join(' ')}`, ended(child));
    await closed;
    return { code, ...texts };
  } finally {
    child.kill('SIGKILL');
  }
}

/** Like `run`, and throws what the program printed when its status is not 0. */
export async function runOrThrow(...given: Parameters<typeof run>): Promise<string> {
  const result = await run(...given);
  if (result.code !== 0) {
    const [command, args] = given;
    throw new Error(
      `${command} ${args.join(' ')}: status ${result.code}\n${result.stderr}${result.stdout}`,
    );
  }
  return result.stdout;
}

/** Sends a signal; a process that is gone is no failure, since that is what was wanted. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code !== 'ESRCH') throw failure;
  }
}

/** Whether a process lives; one that waits for its parent to notice its end does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false; // No such process.
  }
}

/**
 * The first of `count` neighbouring free ports of the loopback address. Below the range from which the system takes the
 * ports of outgoing connections, so that a server that was killed finds its port free again.
 */
export async function freePorts(count = 1): Promise<number> {
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    const first = 12_000 + Math.floor(Math.random() * 19_000);
    const ports = Array.from({ length: count }, (_, index) => first + index);
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return first;
  }
  throw new Error(`no ${count} neighbouring free ports`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () =>
      server.close(() => resolve(true)),
    );
  });
}
