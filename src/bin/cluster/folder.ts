import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { Failure } from '../../base/index.ts';
import { UsageMistake } from '../../cli/index.ts';
import type { ClusterNode, ClusterPlan } from './plan.ts';
import { type ProcessMark, type ProcessState, stateOf } from './processes.ts';

/** What `cluster.json` says. */
interface ClusterFile extends ClusterPlan {
  /** The process that runs the cluster in the foreground. */
  readonly runner: ProcessMark;
}

/** What `NODE/process.json` says. */
interface NodeFile {
  readonly process: ProcessMark;
  /** Somebody ended it on purpose: that is not to be reported as a death. */
  readonly isEnded?: boolean;
}

/**
 * The folder of a cluster: `cluster.json`, the secret of its groups, and per node a folder with configuration, log, data
 * and `process.json`. Each file has one writer at a time and is replaced in one step, so that commands from several
 * terminals need no lock.
 */
export class ClusterFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = resolve(path);
  }

  get secretFile(): string {
    return join(this.path, 'secret');
  }

  of(node: ClusterNode): string {
    return join(this.path, node.name);
  }

  configurationFile(node: ClusterNode): string {
    return join(this.of(node), 'node.conf');
  }

  logFile(node: ClusterNode): string {
    return join(this.of(node), 'node.log');
  }

  /** Standard output of the present process: its ready line. */
  outputFile(node: ClusterNode): string {
    return join(this.of(node), 'ready.json');
  }

  /** Undefined where no cluster was ever run. */
  read(): ClusterFile | undefined {
    return readJson<ClusterFile>(join(this.path, 'cluster.json'));
  }

  create(nodes: readonly ClusterNode[]): void {
    for (const node of nodes) mkdirSync(this.of(node), { recursive: true });
    if (!existsSync(this.secretFile)) {
      writeFileSync(this.secretFile, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
    }
  }

  write(file: ClusterFile): void {
    replaceJson(join(this.path, 'cluster.json'), file);
  }

  processOf(node: ClusterNode): NodeFile | undefined {
    return readJson<NodeFile>(join(this.of(node), 'process.json'));
  }

  setProcess(node: ClusterNode, file: NodeFile): void {
    replaceJson(join(this.of(node), 'process.json'), file);
  }

  stateOf(node: ClusterNode): ProcessState {
    return stateOf(this.processOf(node)?.process);
  }

  /** Also when only nodes are left, because the process in the foreground was killed. */
  isRunning(): boolean {
    const file = this.read();
    if (file === undefined) return false;
    return stateOf(file.runner) !== 'dead' || file.nodes.some((n) => this.stateOf(n) !== 'dead');
  }
}

/** Says to other terminals that this cluster runs; call the result when it does no more. */
export function announce(folder: ClusterFolder): () => void {
  const directory = registryFolder();
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const name = createHash('sha256').update(folder.path).digest('hex').slice(0, 16);
  const file = join(directory, name);
  replaceJson(file, { folder: folder.path });
  return () => rmSync(file, { force: true });
}

/** The cluster in that folder, or without one the only one of this user that runs. */
export function findCluster(path: string | undefined): {
  readonly folder: ClusterFolder;
  readonly file: ClusterFile;
} {
  const folder = new ClusterFolder(path ?? onlyRunning());
  const file = folder.read();
  if (file === undefined) throw new UsageMistake(`there is no cluster in ${folder.path}`);
  return { folder, file };
}

function onlyRunning(): string {
  const running = announced().filter((path) => new ClusterFolder(path).isRunning());
  const [only] = running;
  if (only === undefined) {
    throw new Failure('unavailable', 'no cluster is running; start one with "holdfast cluster"');
  }
  if (running.length === 1) return only;
  throw new UsageMistake(`${running.length} clusters run; name one: --data ${running.join(', ')}`);
}

function announced(): readonly string[] {
  const directory = registryFolder();
  if (!existsSync(directory) || !isOwn(directory)) return [];
  return readdirSync(directory).flatMap((name) => {
    const entry = readJson<{ readonly folder: string }>(join(directory, name));
    return entry === undefined ? [] : [entry.folder];
  });
}

/** Anybody may create a folder of that name where all may write. */
function isOwn(path: string): boolean {
  const { uid } = userInfo();
  return uid === -1 || statSync(path).uid === uid;
}

const registryFolder = (): string => join(tmpdir(), `holdfast-clusters-${userInfo().uid}`);

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T; // Written by `replaceJson` only.
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Failure('corrupt', `cannot read ${path}`, { cause: error });
  }
}

function replaceJson(path: string, value: object): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(value, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, path);
}
