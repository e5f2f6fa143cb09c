import { type Address, Failure, formatAddress, isFailure, parseAddress } from '../base/index.ts';
import { GetRouteInfo, RequestCode } from '../wire/index.ts';
import type { Admin } from './admin.ts';
import { JsonReader } from './json-reader.ts';
import { isRefusal, Refusal } from './refusal.ts';

/** One process of a broker group. */
export interface BrokerReplica {
  readonly cluster: string;
  readonly name: string;
  /** 0 is the master. */
  readonly id: number;
  readonly address: Address;
}

export type Master = BrokerReplica;

export interface RouteQueues {
  readonly broker: string;
  readonly readQueues: number;
  readonly writeQueues: number;
  readonly perm: number;
}

export interface TopicRoute {
  readonly queues: readonly RouteQueues[];
  readonly replicas: readonly BrokerReplica[];
}

/** Fails with a `Refusal` TOPIC_NOT_EXIST when no broker has the topic. */
export async function routeOf(admin: Admin, topic: string): Promise<TopicRoute> {
  const response = await admin.callNameServer({
    code: RequestCode.GET_ROUTEINFO_BY_TOPIC,
    header: [GetRouteInfo, { topic, acceptStandardJsonOnly: true }],
  });
  const route = JsonReader.parse(response.body, 'TopicRouteData');
  return {
    queues: route
      .at('queueDatas')
      .items()
      .map((queue) => ({
        broker: queue.at('brokerName').text(),
        readQueues: queue.at('readQueueNums').number(),
        writeQueues: queue.at('writeQueueNums').number(),
        perm: queue.at('perm').number(),
      })),
    replicas: route.at('brokerDatas').items().flatMap(readReplicas),
  };
}

/** All brokers that are registered, by cluster, name and number. */
export async function replicasOf(admin: Admin): Promise<readonly BrokerReplica[]> {
  const response = await admin.callNameServer({ code: RequestCode.GET_BROKER_CLUSTER_INFO });
  const table = JsonReader.parse(response.body, 'ClusterInfo').at('brokerAddrTable');
  return table
    .entries()
    .flatMap(([, data]) => readReplicas(data))
    .sort((a, b) => compare(a.cluster, b.cluster) || compare(a.name, b.name) || a.id - b.id);
}

export interface MasterFilter {
  readonly cluster?: string | undefined;
  readonly broker?: string | undefined;
}

export async function mastersOf(admin: Admin, filter: MasterFilter): Promise<readonly Master[]> {
  const masters = (await replicasOf(admin)).filter(({ id }) => id === 0);
  const found = masters.filter(
    ({ cluster, name }) =>
      (filter.cluster === undefined || cluster === filter.cluster) &&
      (filter.broker === undefined || name === filter.broker),
  );
  if (found.length > 0) return found;
  const what = filter.broker === undefined ? '' : ` ${filter.broker}`;
  const where = filter.cluster === undefined ? '' : ` in cluster ${filter.cluster}`;
  const known = masters.map(({ cluster, name }) => `${cluster}/${name}`).join(', ');
  throw new Failure(
    'invalid',
    `no master${what}${where} is registered${known === '' ? '' : `; there are ${known}`}`,
  );
}

/** The masters of one cluster, for changes: with several clusters it must be said which. */
export async function mastersToChange(
  admin: Admin,
  filter: MasterFilter,
): Promise<readonly Master[]> {
  const masters = await mastersOf(admin, filter);
  const clusters = new Set(masters.map(({ cluster }) => cluster));
  if (clusters.size === 1) return masters;
  throw new Failure('invalid', `name one of the clusters: ${[...clusters].join(', ')}`);
}

export function masterOf(route: TopicRoute, broker: string): Address {
  const master = route.replicas.find(({ name, id }) => name === broker && id === 0);
  if (master !== undefined) return master.address;
  throw new Failure('unavailable', `${broker} has no master now`);
}

/** The same on each broker. When one fails the others are still done, and the failure says which were. */
export async function onEach<T>(
  masters: readonly Master[],
  action: (master: Master) => Promise<T>,
): Promise<readonly T[]> {
  const results: T[] = [];
  const done: string[] = [];
  let failed: { readonly master: Master; readonly error: unknown } | undefined;
  for (const master of masters) {
    try {
      results.push(await action(master));
      done.push(master.name);
    } catch (error) {
      failed ??= { master, error };
    }
  }
  if (failed === undefined) return results;
  throw masters.length === 1 ? failed.error : partly(failed.master, failed.error, done);
}

/** Nothing, where a broker is down: one dead broker does not hide the others. */
export function skipUnreachable(error: unknown): [] {
  if (isFailure(error, 'unavailable')) return [];
  throw error;
}

function partly(master: Master, error: unknown, done: readonly string[]): unknown {
  const others = done.length === 0 ? 'on no broker' : `on ${done.join(', ')} only`;
  const remark = `${master.name} (${formatAddress(master.address)}) failed; done ${others}`;
  if (isRefusal(error)) return new Refusal(error.code, `${error.remark}; ${remark}`);
  if (isFailure(error)) return new Failure(error.kind, remark, { cause: error });
  return error;
}

function readReplicas(data: JsonReader): BrokerReplica[] {
  const cluster = data.at('cluster').text();
  const name = data.at('brokerName').text();
  const replicas: BrokerReplica[] = [];
  for (const [id, addressText] of data.at('brokerAddrs').entries()) {
    const address = parseAddress(addressText.text());
    if (address !== undefined) replicas.push({ cluster, name, id: Number(id), address });
  }
  return replicas;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
