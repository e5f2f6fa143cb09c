import { type Address, Failure, formatAddress, parseAddress } from '../base/index.ts';
import { RequestCode, SwitchOver, SwitchOverResponse } from '../wire/index.ts';
import type { Admin } from './admin.ts';
import { controllerField } from './controllers.ts';
import { fields } from './field-types.ts';
import { type ObservedGroup, type ObservedReplica, observeGroup } from './ha-status.ts';
import { type InputOf, one, operation } from './operation.ts';
import * as shape from './shape.ts';

const HandedOver = shape.record({
  group: shape.text,
  /** Who led before, and who leads now. */
  from: shape.integer,
  to: shape.integer,
  address: shape.text,
  epoch: shape.integer,
  /** How long no write was taken, in milliseconds. */
  stoppedMs: shape.integer,
});
export type HandedOver = shape.ShapeOf<typeof HandedOver>;

const switchFields = {
  group: one(fields.text, 'Name of the broker group.', { positional: true, names: 'broker' }),
  to: one(fields.text, 'The replica that shall lead: its id, or host:port.', {
    valueName: 'node',
  }),
  controller: controllerField,
};

/** Longer than a master tries it. */
const switchTimeoutMs = 20_000;

export const switchOver = operation({
  name: 'ha switchover',
  summary: 'Hand a group over to another replica: nothing is lost, writes wait for a moment.',
  effect: 'change',
  requests: [
    'GET_BROKER_CLUSTER_INFO',
    'GET_REPLICA_STATUS',
    'GET_BROKER_CONFIG',
    'CONTROLLER_GET_REPLICA_INFO',
    'CONTROLLER_GET_SYNC_STATE_DATA',
    'SWITCH_OVER',
  ],
  fields: switchFields,
  output: HandedOver,
  async preview(admin, input) {
    const { group, from, to } = await plan(admin, input);
    const before = described(from);
    return [{ where: group.name, what: 'master', before, after: described(to) }];
  },
  async run(admin, input) {
    const { group, from, to } = await plan(admin, input);
    const response = await admin.call(
      from.address,
      { code: RequestCode.SWITCH_OVER, header: [SwitchOver, { brokerId: to.status.brokerId }] },
      { timeoutMs: switchTimeoutMs },
    );
    const { masterAddress, masterEpoch, masterBrokerId, stoppedMs } =
      SwitchOverResponse.decode(response);
    return {
      group: group.name,
      from: from.status.brokerId,
      to: masterBrokerId,
      address: masterAddress,
      epoch: masterEpoch,
      stoppedMs,
    };
  },
});

type Present = ObservedReplica & {
  readonly address: Address;
  readonly status: NonNullable<ObservedReplica['status']>;
};

/** Whether the target may lead, the master knows best. */
async function plan(
  admin: Admin,
  { group: name, to, controller }: InputOf<typeof switchFields>,
): Promise<{ readonly group: ObservedGroup; readonly from: Present; readonly to: Present }> {
  const group = await observeGroup(admin, name, controller);
  const { replicas, master } = group;
  if (replicas.length === 0) throw new Failure('invalid', `no broker group ${name} is registered`);
  if (master === undefined || !isPresent(master)) {
    throw new Failure('unavailable', `nobody leads ${name} now`);
  }
  const target = replicas.find((replica) => isNamed(replica, to));
  if (target === undefined) {
    const known = replicas.map(described).join(', ');
    throw new Failure('invalid', `no replica ${to} in ${name}; there are ${known}`);
  }
  if (!isPresent(target)) {
    throw new Failure('unavailable', `broker ${described(target)} ${target.failure ?? 'is gone'}`);
  }
  return { group, from: master, to: target };
}

function isNamed({ id, address }: ObservedReplica, wanted: string): boolean {
  if (/^\d+$/.test(wanted)) return id === Number(wanted);
  const parsed = parseAddress(wanted);
  return (
    parsed !== undefined &&
    address !== undefined &&
    formatAddress(parsed) === formatAddress(address)
  );
}

const isPresent = (replica: ObservedReplica): replica is Present =>
  replica.status !== undefined && replica.address !== undefined;

const described = ({ id, address }: ObservedReplica): string =>
  `${id ?? '?'}${address === undefined ? '' : ` (${formatAddress(address)})`}`;
