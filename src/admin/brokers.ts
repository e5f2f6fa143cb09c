import { type Address, Failure, formatAddress, isFailure, parseAddress } from '../base/index.ts';
import { RequestCode, ResponseCode } from '../wire/index.ts';
import type { Admin } from './admin.ts';
import { type BrokerReplica, replicasOf } from './cluster.ts';
import { fields } from './field-types.ts';
import { JsonReader } from './json-reader.ts';
import { operation, optional } from './operation.ts';
import { isRefusal } from './refusal.ts';
import * as shape from './shape.ts';

const BrokerSummary = shape.record({
  cluster: shape.text,
  broker: shape.text,
  /** 0 is the master. */
  id: shape.integer,
  address: shape.text,
  /** Whether it answers. */
  reachable: shape.flag,
  version: shape.maybe(shape.text),
  /** Messages a second that come in and go out, of the last 10 s. */
  putTps: shape.maybe(shape.text),
  getTps: shape.maybe(shape.text),
});
export type BrokerSummary = shape.ShapeOf<typeof BrokerSummary>;

export const listBrokers = operation({
  name: 'broker ls',
  summary: 'List the brokers that are registered.',
  effect: 'read',
  requests: ['GET_BROKER_CLUSTER_INFO', 'GET_BROKER_RUNTIME_INFO'],
  fields: {},
  output: shape.list(BrokerSummary),
  async run(admin) {
    const replicas = await replicasOf(admin);
    return await Promise.all(
      replicas.map(async (replica) => {
        const runtime = await runtimeOf(admin, replica).catch(ifUnreachable);
        return {
          ...identityOf(replica),
          reachable: runtime !== undefined,
          version: runtime?.['brokerVersionDesc'],
          putTps: firstNumber(runtime?.['putTps']),
          getTps: firstNumber(runtime?.['getTransferredTps']),
        };
      }),
    );
  },
});

const BrokerDetails = shape.record({
  cluster: shape.text,
  broker: shape.text,
  id: shape.integer,
  address: shape.text,
  /** Figures of the broker, by RocketMQ's names. */
  runtime: shape.dictionary,
});
export type BrokerDetails = shape.ShapeOf<typeof BrokerDetails>;

export const brokerInfo = operation({
  name: 'broker info',
  summary: 'Show the figures of a broker.',
  effect: 'read',
  requests: ['GET_BROKER_CLUSTER_INFO', 'GET_BROKER_RUNTIME_INFO'],
  fields: {
    broker: optional(
      fields.text,
      'Name of the broker group (its master is shown), or host:port (default: the only one).',
      { positional: true, names: 'broker' },
    ),
  },
  output: BrokerDetails,
  async run(admin, { broker }) {
    const replica = chooseBroker(await replicasOf(admin), broker);
    return { ...identityOf(replica), runtime: await runtimeOf(admin, replica) };
  },
});

export function chooseBroker(
  replicas: readonly BrokerReplica[],
  wanted: string | undefined,
): BrokerReplica {
  const names = [...new Set(replicas.map(({ name }) => name))];
  const [onlyName, ...otherNames] = names;
  if (onlyName === undefined) throw new Failure('invalid', 'no broker is registered');
  if (wanted === undefined && otherNames.length > 0) {
    throw new Failure('invalid', `name one of the brokers: ${names.join(', ')}`);
  }
  const address = wanted === undefined ? undefined : parseAddress(wanted);
  const replica = replicas.find((one) =>
    address === undefined
      ? one.name === (wanted ?? onlyName)
      : formatAddress(one.address) === formatAddress(address),
  );
  if (replica !== undefined) return replica;
  throw new Failure('invalid', `no broker ${wanted}; registered: ${names.join(', ')}`);
}

export function identityOf({ cluster, name, id, address }: BrokerReplica) {
  return { cluster, broker: name, id, address: formatAddress(address) };
}

/** Empty when the broker cannot tell. */
export async function runtimeOf(
  admin: Admin,
  { address }: Pick<BrokerReplica, 'address'>,
): Promise<Readonly<Record<string, string>>> {
  try {
    const response = await admin.call(address, { code: RequestCode.GET_BROKER_RUNTIME_INFO });
    return JsonReader.parse(response.body, 'KVTable').at('table').texts();
  } catch (error) {
    if (isRefusal(error, ResponseCode.REQUEST_CODE_NOT_SUPPORTED)) return {};
    throw error;
  }
}

/** From version 5 on a request to reset offsets may name one queue; before, it is about all. */
export async function knowsQueuesOfResets(admin: Admin, address: Address): Promise<boolean> {
  const version = (await runtimeOf(admin, { address }))['brokerVersionDesc'];
  return /^V[5-9]/.test(version ?? '');
}

function ifUnreachable(error: unknown): undefined {
  if (isFailure(error, 'unavailable')) return undefined;
  throw error;
}

/** Rates of 10, 60 and 600 seconds stand in one text. */
function firstNumber(text: string | undefined): string | undefined {
  const number = Number.parseFloat(text ?? '');
  return Number.isNaN(number) ? undefined : number.toFixed(1);
}
