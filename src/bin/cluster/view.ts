import { readFileSync } from 'node:fs';
import { type Address, parseAddress, silentLogger } from '../../base/index.ts';
import { nodeClock, nodeNetwork } from '../../node/index.ts';
import { type OutgoingRequest, RemotingClient } from '../../remoting/index.ts';
import {
  ClusterInfo,
  type Fields,
  ReplicaStatus,
  RequestCode,
  ResponseCode,
  SyncStateData,
} from '../../wire/index.ts';
import type { ClusterFolder } from './folder.ts';
import { type ClusterNode, type ClusterPlan, metricsAddressOf, type NodeKind } from './plan.ts';
import type { ProcessState } from './processes.ts';

export interface NodeView {
  readonly name: string;
  readonly kind: NodeKind;
  /** Of a broker that runs: as controller and name server say, not as it believes. */
  readonly role?: 'master' | 'slave';
  readonly state: ProcessState;
  readonly address: string;
  readonly pid: number | null;
  readonly cluster?: string;
  readonly brokerName?: string;
  /** As registered at the name server: 0 is the master. */
  readonly id?: number;
  /** Whether its group counts on it. */
  readonly inSync?: boolean;
  /** Where its metrics are, if it serves any. */
  readonly metrics?: string;
}

/** How long one that does not answer is waited for; it may be paused. */
const answerMs = 1000;

/** Asks the cluster who is what. Closed by its owner. */
export class ClusterView implements AsyncDisposable {
  readonly #folder: ClusterFolder;
  readonly #plan: ClusterPlan;
  readonly #client = new RemotingClient(
    { connectTimeoutMs: answerMs },
    { network: nodeNetwork, clock: nodeClock, logger: silentLogger },
  );

  constructor(folder: ClusterFolder, plan: ClusterPlan) {
    this.#folder = folder;
    this.#plan = plan;
  }

  async nodes(): Promise<readonly NodeView[]> {
    const [registered, inSync] = await Promise.all([this.#registered(), this.#inSync()]);
    return this.#plan.nodes.map((node) => {
      const state = this.#folder.stateOf(node);
      const pid = state === 'dead' ? null : (this.#folder.processOf(node)?.process.pid ?? null);
      const process = { name: node.name, kind: node.kind, state, address: node.address, pid };
      if (node.kind !== 'broker') return process;
      const entry = registered?.get(node.address);
      const set = inSync.get(node.address);
      const metrics = metricsAddressOf(readFileSync(this.#folder.configurationFile(node), 'utf8'));
      // A master serves when it was elected and its name server knows; where one of both is down, the other is believed.
      const says = [entry && entry.id === 0, set?.isMaster].filter((one) => one !== undefined);
      const isMaster = says.length > 0 && says.every(Boolean);
      return {
        ...process,
        ...(state !== 'dead' && { role: isMaster ? ('master' as const) : ('slave' as const) }),
        ...(entry !== undefined && { cluster: entry.cluster, id: entry.id }),
        brokerName: node.group ?? node.name,
        ...(set !== undefined && { inSync: set.isMember }),
        ...(metrics !== undefined && { metrics }),
      };
    });
  }

  async #registered(): Promise<Map<string, { cluster: string; id: number }> | undefined> {
    const [nameServer] = this.#running('nameserver');
    if (nameServer === undefined) return undefined;
    const body = await this.#ask(nameServer, { code: RequestCode.GET_BROKER_CLUSTER_INFO });
    if (body === undefined) return undefined;
    const found = new Map<string, { cluster: string; id: number }>();
    for (const { brokerAddrs, cluster } of ClusterInfo.decode(body).brokerAddrTable.values()) {
      for (const [id, address] of brokerAddrs) found.set(address, { cluster: cluster ?? '', id });
    }
    return found;
  }

  /** By the address of a broker: what its group decided, or without a controller what its master says. */
  #inSync(): Promise<Map<string, Membership>> {
    return this.#plan.isStatic ? this.#inSyncByMaster() : this.#inSyncByController();
  }

  async #inSyncByController(): Promise<Map<string, Membership>> {
    const found = new Map<string, Membership>();
    const [controller] = this.#running('controller');
    if (controller === undefined) return found;
    const groups = [...new Set(this.#plan.nodes.flatMap(({ group }) => group ?? []))];
    const body = await this.#ask(controller, {
      code: RequestCode.CONTROLLER_GET_SYNC_STATE_DATA,
      body: new TextEncoder().encode(JSON.stringify(groups)),
    });
    if (body === undefined) return found;
    for (const info of SyncStateData.decode(body).replicasInfoTable.values()) {
      const add = (isMember: boolean) => (replica: { readonly brokerAddress: string }) => {
        const isMaster = replica.brokerAddress === info.masterAddress;
        found.set(replica.brokerAddress, { isMember, isMaster });
      };
      // A broker that lost its files has another number now; the former one is never in sync again.
      info.notInSyncReplicas.forEach(add(false));
      info.inSyncReplicas.forEach(add(true));
    }
    return found;
  }

  /** Replica n of a static group has the id n - 1. */
  async #inSyncByMaster(): Promise<Map<string, Membership>> {
    const found = new Map<string, Membership>();
    for (const master of this.#running('broker').filter(({ name }) => name.endsWith('-1'))) {
      const body = await this.#ask(master, { code: RequestCode.GET_REPLICA_STATUS });
      if (body === undefined) continue;
      const { syncStateSet, role } = ReplicaStatus.decode(body);
      const replicas = this.#plan.nodes.filter(({ group }) => group === master.group);
      for (const [id, { address }] of replicas.entries()) {
        const isMember = syncStateSet.some((member) => member === id);
        found.set(address, { isMember, isMaster: id === 0 && role === 'master' });
      }
    }
    return found;
  }

  #running(kind: NodeKind): readonly ClusterNode[] {
    return this.#plan.nodes.filter(
      (node) => node.kind === kind && this.#folder.stateOf(node) === 'running',
    );
  }

  /** Undefined when there is no good answer. */
  async #ask(node: ClusterNode, request: OutgoingRequest<Fields>): Promise<Uint8Array | undefined> {
    const address: Address | undefined = parseAddress(node.address);
    if (address === undefined) return undefined;
    try {
      const answer = await this.#client.request(address, request, { timeoutMs: answerMs });
      return answer.code === ResponseCode.SUCCESS ? answer.body : undefined;
    } catch {
      return undefined; // It may have been killed this very moment; its state tells.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
  }
}

interface Membership {
  readonly isMember: boolean;
  readonly isMaster: boolean;
}

/** For a person: a row per node. */
export function nodeTable(nodes: readonly NodeView[]): string {
  const rows = [
    ['NODE', 'KIND', 'ROLE', 'STATE', 'IN SYNC', 'ADDRESS', 'PID'],
    ...nodes.map((node) => [
      node.name,
      node.kind,
      node.role ?? '',
      node.state,
      node.inSync === undefined ? '' : node.inSync ? 'yes' : 'no',
      node.address,
      node.pid === null ? '' : String(node.pid),
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return `${rows.map(line).join('\n')}\n`;
}
