import { type Address, Failure, formatAddress } from '../base/index.ts';
import {
  PromoteReplica,
  PromoteReplicaResponse,
  ReplicaStatus,
  RequestCode,
} from '../wire/index.ts';
import type { Admin } from './admin.ts';
import { fields } from './field-types.ts';
import { one, operation } from './operation.ts';
import * as shape from './shape.ts';

const Promoted = shape.record({
  group: shape.text,
  id: shape.integer,
  address: shape.text,
  epoch: shape.integer,
  /** What could be proven of the replica before, and what could not. */
  proven: shape.list(shape.text),
  notProven: shape.list(shape.text),
});
export type Promoted = shape.ShapeOf<typeof Promoted>;

/** Longer than a replica takes to become master. */
const promoteTimeoutMs = 20_000;

export const promoteReplica = operation({
  name: 'ha promote',
  summary: 'Let a slave of a group without a controller lead, when its master is lost.',
  effect: 'destroy',
  requests: ['GET_REPLICA_STATUS', 'PROMOTE_REPLICA'],
  fields: {
    broker: one(fields.addresses, 'The slave.', { valueName: 'host:port' }),
  },
  output: Promoted,
  async preview(admin, { broker }) {
    const status = await statusOf(admin, theOne(broker));
    const where = status.brokerName;
    const row = (what: string) => (after: string) => ({ where, what, before: undefined, after });
    return [
      { where, what: 'leads', before: status.role, after: `broker ${status.brokerId}, alone` },
      ...proven(status).map(row('proven')),
      ...notProven(status).map(row('not proven')),
    ];
  },
  async run(admin, { broker }) {
    const address = theOne(broker);
    const status = await statusOf(admin, address);
    const response = await admin.call(
      address,
      { code: RequestCode.PROMOTE_REPLICA, header: [PromoteReplica, { end: status.end }] },
      { timeoutMs: promoteTimeoutMs },
    );
    return {
      group: status.brokerName,
      id: status.brokerId,
      address: formatAddress(address),
      epoch: PromoteReplicaResponse.decode(response).masterEpoch,
      proven: proven(status),
      notProven: notProven(status),
    };
  },
});

function theOne(addresses: readonly Address[]): Address {
  const [address, ...others] = addresses;
  if (address !== undefined && others.length === 0) return address;
  throw new Failure('invalid', 'name one broker: host:port');
}

async function statusOf(admin: Admin, address: Address): Promise<ReplicaStatus> {
  const response = await admin.call(address, { code: RequestCode.GET_REPLICA_STATUS });
  return ReplicaStatus.decode(response.body);
}

function proven(status: ReplicaStatus): readonly string[] {
  const { end, synced, epoch, lossless, commitPoint, sequence, digest } = status;
  return [
    `its log ends at ${end} (${synced} on disk), in epoch ${epoch}`,
    ...(lossless ? ['its last stop lost nothing, or that was made good'] : []),
    ...(commitPoint <= end ? [`it holds all that it knew as committed: ${commitPoint}`] : []),
    `its metadata is that of record ${sequence}, ${digest.slice(0, 8)}`,
  ];
}

/** A slave is told neither who counts nor what its master does since. */
function notProven({ end, lossless, following, master }: ReplicaStatus): readonly string[] {
  const where = master === undefined ? '' : ` at ${master}`;
  return [
    ...(following ? [`that its master${where} is dead: it is connected`] : []),
    ...(lossless ? [] : ['that its last stop lost nothing']),
    'that it was in the in-sync set',
    `that nothing above ${end} was acknowledged`,
    ...(following ? [] : [`that the master${where} is dead, and stays so`]),
  ];
}
