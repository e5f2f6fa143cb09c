import { rm } from 'node:fs/promises';
import { isAlive, own, signal } from '../../interop/support/processes.ts';
import { eventually } from '../../interop/support/waiting.ts';
import { codes, success } from './codes.ts';
import { Remote } from './remote.ts';

/** A process of a group under test. */
export interface GroupNode {
  readonly name: string;
  readonly kind: 'nameserver' | 'controller' | 'broker';
  readonly address: string;
}

export type Mode = 'controller' | 'static';

/** What the controller says; of a static group, what its brokers say. */
export interface GroupState {
  readonly master: string | undefined;
  readonly epoch: number;
  readonly inSync: readonly string[];
  readonly ids: ReadonlyMap<string, number>;
}

/** How a kind of broker is started; everything else is the same for all. */
export interface GroupLauncher extends AsyncDisposable {
  readonly kind: 'holdfast' | 'java';
  /** `static`: no controller; the brokers' configuration says who leads, and an operator who promotes one. */
  readonly mode: Mode;
  readonly brokerName: string;
  readonly clusterName: string;
  readonly nodes: readonly GroupNode[];
  pidOf(name: string): Promise<number>;
  /** Resolves when it serves, or rejects when it ended instead. */
  start(name: string): Promise<void>;
  /** Where a node keeps all that it must not lose. */
  storeOf(name: string): string;
  /** Of a node, newest last. */
  logOf(name: string): Promise<string>;
  /** Changes the configuration of a broker that does not run, as an operator does with an editor. */
  configure(name: string, settings: Readonly<Record<string, string>>): Promise<void>;
  /** What an operator does with `holdfast`; rejects with what it printed when its status is not 0. */
  operate(...args: readonly string[]): Promise<string>;
}

const endLimitMs = 20_000;
const joinLimitMs = 90_000;

/** Brokers, a name server and perhaps a controller: real processes, which are signalled by their number. */
export class Group implements AsyncDisposable {
  readonly #launcher: GroupLauncher;
  readonly #pids = new Map<string, number>();
  #controller: Remote | undefined;

  private constructor(launcher: GroupLauncher) {
    this.#launcher = launcher;
  }

  static async over(launcher: GroupLauncher): Promise<Group> {
    const group = new Group(launcher);
    for (const { name } of launcher.nodes) await group.#learn(name);
    return group;
  }

  get kind(): 'holdfast' | 'java' {
    return this.#launcher.kind;
  }

  get mode(): Mode {
    return this.#launcher.mode;
  }

  get brokers(): readonly GroupNode[] {
    return this.#launcher.nodes.filter(({ kind }) => kind === 'broker');
  }

  get nodes(): readonly GroupNode[] {
    return this.#launcher.nodes;
  }

  others(broker: GroupNode): readonly GroupNode[] {
    return this.brokers.filter(({ name }) => name !== broker.name);
  }

  get brokerName(): string {
    return this.#launcher.brokerName;
  }

  get nameServer(): string {
    const node = this.nodes.find(({ kind }) => kind === 'nameserver');
    if (node === undefined) throw new Error('the group has a name server');
    return node.address;
  }

  pidOf(node: GroupNode): number {
    const pid = this.#pids.get(node.name);
    if (pid === undefined) throw new Error(`${node.name} was not started`);
    return pid;
  }

  other(broker: GroupNode): GroupNode {
    const [found, ...more] = this.others(broker);
    if (found === undefined || more.length > 0) throw new Error('not a group of two brokers');
    return found;
  }

  at(address: string): GroupNode {
    const found = this.brokers.find((broker) => broker.address === address);
    if (found === undefined) throw new Error(`no broker of the group has the address ${address}`);
    return found;
  }

  isRunning(node: GroupNode): boolean {
    const pid = this.#pids.get(node.name);
    return pid !== undefined && isAlive(pid);
  }

  signal(node: GroupNode, name: NodeJS.Signals): void {
    signal(this.pidOf(node), name);
  }

  /** kill -9; resolves when they are gone. */
  async kill(...nodes: readonly GroupNode[]): Promise<void> {
    await this.#end('SIGKILL', nodes);
  }

  /** In order; resolves when they are gone. */
  async stop(...nodes: readonly GroupNode[]): Promise<void> {
    await this.#end('SIGTERM', nodes);
  }

  async #end(name: NodeJS.Signals, nodes: readonly GroupNode[]): Promise<void> {
    for (const node of nodes) if (this.isRunning(node)) this.signal(node, name);
    for (const node of nodes) {
      await eventually(endLimitMs, `end of ${node.name}`, () => !this.isRunning(node) || undefined);
    }
  }

  async start(node: GroupNode): Promise<void> {
    await this.#launcher.start(node.name);
    await this.#learn(node.name);
  }

  /** As after the exchange of a disk; for a node that does not run. */
  async wipe(node: GroupNode): Promise<void> {
    if (this.isRunning(node)) throw new Error(`${node.name} runs`);
    await rm(this.#launcher.storeOf(node.name), { recursive: true });
  }

  logOf(node: GroupNode): Promise<string> {
    return this.#launcher.logOf(node.name);
  }

  storeOf(node: GroupNode): string {
    return this.#launcher.storeOf(node.name);
  }

  /** For a node that does not run. */
  async configure(node: GroupNode, settings: Readonly<Record<string, string>>): Promise<void> {
    if (this.isRunning(node)) throw new Error(`${node.name} runs`);
    await this.#launcher.configure(node.name, settings);
  }

  operate(...args: readonly string[]): Promise<string> {
    return this.#launcher.operate(...args);
  }

  /** Undefined while nobody knows an answer. */
  state(): Promise<GroupState | undefined> {
    return this.mode === 'static' ? this.#stateByBrokers() : this.#stateByController();
  }

  async #stateByBrokers(): Promise<GroupState | undefined> {
    const running = this.brokers.filter((node) => this.isRunning(node));
    const told = await Promise.all(
      running.map(async (node) => ({ ...(await replicaStatus(node)), address: node.address })),
    );
    const ids = new Map(
      told.flatMap(({ brokerId, address }) =>
        brokerId === undefined ? [] : [[address, brokerId] as const],
      ),
    );
    const masters = told.filter(({ role }) => role === 'master');
    const master = masters.toSorted((one, two) => (two.epoch ?? 0) - (one.epoch ?? 0))[0];
    const set = master?.syncStateSet ?? [];
    return {
      master: master?.address,
      epoch: master?.epoch ?? 0,
      inSync: [...ids].filter(([, id]) => set.includes(id)).map(([address]) => address),
      ids,
    };
  }

  async #stateByController(): Promise<GroupState | undefined> {
    const { brokerName } = this.#launcher;
    const body = Buffer.from(JSON.stringify([brokerName]));
    try {
      const answer = await this.#atController().request(codes.syncStateData, {}, body, 2000);
      if (answer.header.code !== success) return undefined;
      const { replicasInfoTable } = JSON.parse(Buffer.from(answer.body).toString()) as {
        replicasInfoTable: Readonly<Record<string, ReplicasInfo>>;
      };
      const info = replicasInfoTable[brokerName];
      if (info === undefined) return undefined;
      const replicas = [...info.inSyncReplicas, ...info.notInSyncReplicas];
      return {
        master: info.masterAddress === '' ? undefined : (info.masterAddress ?? undefined),
        epoch: info.masterEpoch,
        inSync: info.inSyncReplicas.map(({ brokerAddress }) => brokerAddress),
        ids: new Map(replicas.map(({ brokerAddress, brokerId }) => [brokerAddress, brokerId])),
      };
    } catch {
      return undefined; // Told by whoever waits for it.
    }
  }

  /** Until one leads and the group counts on all. */
  async untilComplete(limitMs = joinLimitMs): Promise<GroupNode> {
    let last: GroupState | undefined;
    const describe = (): string => `all brokers in sync: ${JSON.stringify(last)}`;
    return eventually(limitMs, describe, async () => {
      last = await this.state();
      if (last?.master === undefined || last.inSync.length < this.brokers.length) return undefined;
      return this.at(last.master);
    });
  }

  /** Until the group counts on this broker alone. */
  async untilAlone(broker: GroupNode): Promise<void> {
    await eventually(joinLimitMs, `${broker.name} alone in sync`, async () => {
      const inSync = (await this.state())?.inSync;
      return (inSync?.length === 1 && inSync[0] === broker.address) || undefined;
    });
  }

  /** A planned change of roles; false when the controller refused it. */
  async elect(broker: GroupNode): Promise<boolean> {
    const brokerId = (await this.state())?.ids.get(broker.address);
    if (brokerId === undefined) return false;
    const { clusterName, brokerName } = this.#launcher;
    const fields = { clusterName, brokerName, brokerId, designateElect: true };
    const answer = await this.#atController().request(codes.electMaster, fields);
    return answer.header.code === success;
  }

  #atController(): Remote {
    if (this.#controller?.isOpen !== true) {
      this.#controller?.[Symbol.dispose]();
      const node = this.nodes.find(({ kind }) => kind === 'controller');
      if (node === undefined) throw new Error('the group has a controller');
      this.#controller = new Remote(node.address);
    }
    return this.#controller;
  }

  async #learn(name: string): Promise<void> {
    const pid = await this.#launcher.pidOf(name);
    own(pid);
    this.#pids.set(name, pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#controller?.[Symbol.dispose]();
    for (const node of this.nodes) {
      if (this.isRunning(node)) this.signal(node, 'SIGCONT'); // One that is paused could not stop.
    }
    await this.#launcher[Symbol.asyncDispose]();
  }
}

/** Some of what a replica tells of itself. */
interface ReplicaStatus {
  readonly role: 'master' | 'slave';
  readonly brokerId: number;
  readonly epoch: number;
  readonly syncStateSet: readonly number[];
}

async function replicaStatus(node: GroupNode): Promise<Partial<ReplicaStatus>> {
  using remote = new Remote(node.address);
  try {
    const answer = await remote.request(codes.replicaStatus, {}, undefined, 2000);
    if (answer.header.code !== success) return {};
    return JSON.parse(Buffer.from(answer.body).toString()) as ReplicaStatus;
  } catch {
    return {}; // Told by whoever waits for the state.
  }
}

interface ReplicasInfo {
  readonly masterAddress?: string | null;
  readonly masterEpoch: number;
  readonly inSyncReplicas: readonly Replica[];
  readonly notInSyncReplicas: readonly Replica[];
}

interface Replica {
  readonly brokerId: number;
  readonly brokerAddress: string;
}
