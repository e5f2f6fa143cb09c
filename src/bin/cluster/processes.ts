import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export type ProcessState = 'running' | 'paused' | 'dead';

/** A process and when it began: the number alone may belong to another one by now. */
export interface ProcessMark {
  readonly pid: number;
  /** As the system tells it; compared, never read. */
  readonly began: string;
}

interface Seen {
  readonly state: ProcessState;
  readonly began: string;
}

/** How to recognise a process of this moment; undefined when it has ended. */
export function markOf(pid: number): ProcessMark | undefined {
  const seen = look(pid);
  return seen === undefined || seen.state === 'dead' ? undefined : { pid, began: seen.began };
}

export function stateOf(mark: ProcessMark | undefined): ProcessState {
  if (mark === undefined) return 'dead';
  const seen = look(mark.pid);
  return seen === undefined || seen.began !== mark.began ? 'dead' : seen.state;
}

/** Sends a signal to this process and no other one with its number. False when it has ended. */
export function signalProcess(mark: ProcessMark | undefined, signal: NodeJS.Signals): boolean {
  if (mark === undefined || stateOf(mark) === 'dead') return false;
  try {
    process.kill(mark.pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

function look(pid: number): Seen | undefined {
  return process.platform === 'linux' ? lookInProc(pid) : lookWithPs(pid);
}

function lookInProc(pid: number): Seen | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined; // No such process.
  }
  // The name before the last bracket may hold blanks; the state is field 3, the start field 22 (proc(5)).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: stateOfLetter(fields[0] ?? 'X'), began: fields[19] ?? '' };
}

function lookWithPs(pid: number): Seen | undefined {
  try {
    const format = ['-o', 'stat=,lstart=', '-p', String(pid)];
    const text = execFileSync('ps', format, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    const [letters = 'X', ...began] = text.split(/\s+/);
    return { state: stateOfLetter(letters[0] ?? 'X'), began: began.join(' ') };
  } catch {
    return undefined; // It says so by its status.
  }
}

function stateOfLetter(letter: string): ProcessState {
  if (letter === 'T' || letter === 't') return 'paused';
  return letter === 'Z' || letter === 'X' ? 'dead' : 'running';
}
