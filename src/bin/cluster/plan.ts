import { createServer } from 'node:net';
import { join } from 'node:path';
import { parseProperties } from '../../base/index.ts';

export type NodeKind = 'nameserver' | 'controller' | 'broker';

/** One process of a cluster. What stands here never changes, so that a node which starts again is found where it was. */
export interface ClusterNode {
  /** Unique in the cluster. */
  readonly name: string;
  readonly kind: NodeKind;
  readonly address: string;
  /** Of a broker: its group, as clients know it. */
  readonly group?: string;
}

export interface ClusterShape {
  readonly replicas: number;
  readonly groups: number;
  /** No controller: replica 1 of each group is the master for good. */
  readonly isStatic: boolean;
}

export interface ClusterPlan extends ClusterShape {
  readonly nodes: readonly ClusterNode[];
}

export const clusterName = 'DefaultCluster';
const host = '127.0.0.1';

/** A port for each node, and the neighbours that a broker opens as well. */
export async function planCluster(
  shape: ClusterShape,
  nameServerPort: number | undefined,
): Promise<ClusterPlan> {
  const taken = new Set<number>();
  const nameServer = nameServerPort ?? (await freePorts(1, taken));
  const nodes: ClusterNode[] = [
    { name: 'nameserver', kind: 'nameserver', address: `${host}:${nameServer}` },
  ];
  if (!shape.isStatic) {
    const port = await freePorts(1, taken);
    nodes.push({ name: 'controller', kind: 'controller', address: `${host}:${port}` });
  }
  for (let index = 0; index < shape.groups; index += 1) {
    const group = `broker-${String.fromCharCode('a'.charCodeAt(0) + index)}`;
    for (let replica = 1; replica <= shape.replicas; replica += 1) {
      const port = (await freePorts(brokerPorts, taken)) + listenOffset;
      nodes.push({
        name: `${group}-${replica}`,
        kind: 'broker',
        address: `${host}:${port}`,
        group,
      });
    }
  }
  return { ...shape, nodes };
}

/** The port for clients that subtract two, that of the metrics, `listenPort`, `haListenPort`. */
const brokerPorts = 4;
const listenOffset = 2;

export const portOf = ({ address }: ClusterNode): number =>
  Number(address.slice(address.lastIndexOf(':') + 1));

/** The configuration of a node: what a person would write for an installation, in RocketMQ's keys. */
export function configurationOf(
  plan: ClusterPlan,
  node: ClusterNode,
  parts: { readonly folder: string; readonly secretFile: string; readonly settings: Settings },
): string {
  const { folder, secretFile, settings } = parts;
  const port = portOf(node);
  const common = { bindAddress: host, listenPort: String(port) };
  switch (node.kind) {
    case 'nameserver':
      return properties({
        ...common,
        kvConfigPath: join(folder, 'kvConfig.json'),
        configStorePath: join(folder, 'namesrv.changes'),
        ...settings,
      });
    case 'controller':
      return properties({ ...common, controllerStorePath: join(folder, 'store'), ...settings });
    case 'broker':
      return properties({
        ...common,
        brokerClusterName: clusterName,
        brokerName: node.group ?? node.name,
        brokerIP1: host,
        namesrvAddr: addressesOf(plan, 'nameserver'),
        storePathRootDir: join(folder, 'store'),
        haListenPort: String(port + 1),
        // They are off unless somebody sets `metricsExporterType`.
        metricsPromExporterPort: String(port - 1),
        haSharedSecretFile: secretFile,
        mappedFileSizeCommitLog: '64m',
        ...roleSettings(plan, node),
        ...settings,
      });
  }
}

/** Where a broker with this configuration serves its metrics; undefined when it does not. */
export function metricsAddressOf(configuration: string): string | undefined {
  const { settings } = parseProperties(configuration, 'node.conf');
  const values = new Map(settings.map(({ key, value }) => [key, value]));
  const exporter = values.get('metricsExporterType')?.toUpperCase();
  if (exporter !== 'PROM' && exporter !== '2') return undefined;
  const at = values.get('metricsPromExporterHost') || values.get('bindAddress');
  return `${at}:${values.get('metricsPromExporterPort')}`;
}

/** Keys and values that a person gave, for one kind of node. */
export type Settings = Readonly<Record<string, string>>;

const addressesOf = (plan: ClusterPlan, kind: NodeKind): string =>
  plan.nodes
    .filter((node) => node.kind === kind)
    .map(({ address }) => address)
    .join(';');

function roleSettings(plan: ClusterPlan, node: ClusterNode): Settings {
  if (!plan.isStatic) {
    return { enableControllerMode: 'true', controllerAddr: addressesOf(plan, 'controller') };
  }
  const group = plan.nodes.filter((other) => other.group === node.group);
  const [master] = group;
  if (master === undefined || master.name === node.name) {
    return { brokerRole: 'SYNC_MASTER', brokerId: '0' };
  }
  return {
    brokerRole: 'SLAVE',
    brokerId: String(group.indexOf(node)),
    haMasterAddress: `${host}:${portOf(master) + 1}`,
  };
}

const properties = (values: Settings): string =>
  Object.entries(values)
    .map(([key, value]) => `${key}=${value.replaceAll('\\', '\\\\')}\n`)
    .join('');

/**
 * The first of neighbouring ports of the loopback address that are free. Below the range from which systems take the
 * ports of outgoing connections, so that a node that was killed finds its port free again.
 */
async function freePorts(count: number, taken: Set<number>): Promise<number> {
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    const first = 12_000 + Math.floor(Math.random() * 19_000);
    const ports = Array.from({ length: count }, (_, index) => first + index);
    if (ports.some((port) => taken.has(port))) continue;
    if (!(await Promise.all(ports.map(isFree))).every(Boolean)) continue;
    for (const port of ports) taken.add(port);
    return first;
  }
  throw new Error(`no ${count} neighbouring free ports`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
