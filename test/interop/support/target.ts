import { freePorts } from './processes.ts';
import { startHoldfast } from './target-holdfast.ts';
import { startJava } from './target-java.ts';

/** Name server and broker under test: real processes, on ports and a data folder that stay the same over restarts. */
export interface Target extends AsyncDisposable {
  readonly kind: TargetKind;
  readonly nameServer: string;
  readonly broker: string;
  readonly brokerName: string;
  readonly cluster: string;
  /** What a restart finds again. The commit log is in `commitlog` below. */
  readonly dataFolder: string;
  /** Of the broker that runs now. */
  readonly pid: number;
  /** Starts the broker again and waits until it can serve. */
  start(): Promise<void>;
  /** SIGTERM, `signals` times, and waits for the end. The exit status, where it can be seen. */
  stop(signals?: number): Promise<number | undefined>;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
}

export type TargetKind = 'java' | 'holdfast';

export interface TargetOptions {
  readonly kind?: TargetKind;
  /** Broker settings, with the keys of RocketMQ. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Of the Java broker's virtual machine: `2g`. */
  readonly javaHeap?: string;
  /** Free ones when they are not given. A broker also takes the port two below, one in Java the port above. */
  readonly ports?: TargetPorts;
}

export interface TargetPorts {
  readonly nameServer: number;
  readonly broker: number;
}

/** `HOLDFAST_TARGET` chooses: `holdfast` (default), or `java` to check the tests themselves. */
export function targetKind(): TargetKind {
  const kind = process.env['HOLDFAST_TARGET'] ?? 'holdfast';
  if (kind !== 'java' && kind !== 'holdfast') throw new Error(`HOLDFAST_TARGET=${kind}`);
  return kind;
}

export async function startTarget(options: TargetOptions = {}): Promise<Target> {
  const settings = options.settings ?? {};
  const kind = options.kind ?? targetKind();
  const nameServer = options.ports?.nameServer ?? (await freePorts());
  const broker = options.ports?.broker ?? (await freePorts(4)) + 2;
  const ports = { nameServer, broker };
  return kind === 'java'
    ? startJava(settings, ports, options.javaHeap)
    : startHoldfast(settings, ports);
}
