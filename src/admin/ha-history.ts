import { type Address, Failure } from '../base/index.ts';
import { GetReplicaInfo, GroupHistory, RequestCode } from '../wire/index.ts';
import type { Admin } from './admin.ts';
import { replicasOf } from './cluster.ts';
import { callController, controllerField, controllersOf } from './controllers.ts';
import { fields } from './field-types.ts';
import { groupNames } from './ha-status.ts';
import { operation, optional } from './operation.ts';
import * as shape from './shape.ts';

const HistoryEntry = shape.record({
  group: shape.text,
  time: shape.timestamp,
  /** elected, set, registered, frozen, recovered or removed. */
  what: shape.text,
  epoch: shape.integer,
  setEpoch: shape.integer,
  master: shape.maybe(shape.integer),
  set: shape.list(shape.integer),
  reason: shape.text,
});
export type HistoryEntry = shape.ShapeOf<typeof HistoryEntry>;

export const haHistory = operation({
  name: 'ha history',
  summary: 'Show who was elected, and how the in-sync set changed, and why; oldest first.',
  effect: 'read',
  requests: ['GET_BROKER_CLUSTER_INFO', 'GET_BROKER_CONFIG', 'CONTROLLER_GET_HISTORY'],
  fields: {
    group: optional(fields.text, 'Only this broker group.', { positional: true, names: 'broker' }),
    controller: controllerField,
  },
  output: shape.list(HistoryEntry),
  async run(admin, { group, controller }) {
    const names = await groupNames(admin, group, controller !== undefined);
    const histories = await Promise.all(names.map((name) => historyOf(admin, name, controller)));
    const told = histories.filter((entries) => entries !== undefined);
    if (told.length === 0 && names.length > 0) {
      const remark = `${names.join(', ')}: no controller is known, so nobody keeps a history`;
      throw new Failure('invalid', remark);
    }
    return told.flat().sort((a, b) => a.time - b.time);
  },
});

/** Undefined in a group without a controller, which elects nobody. */
async function historyOf(
  admin: Admin,
  name: string,
  given: readonly Address[] | undefined,
): Promise<readonly HistoryEntry[] | undefined> {
  const controllers = given ?? (await configured(admin, name));
  if (controllers.length === 0) return undefined;
  const { response } = await callController(admin, controllers, {
    code: RequestCode.CONTROLLER_GET_HISTORY,
    header: [GetReplicaInfo, { brokerName: name }],
  });
  const { entries } = GroupHistory.decode(response.body);
  return entries.map((entry) => ({ group: name, ...entry, master: entry.master }));
}

async function configured(admin: Admin, name: string): Promise<readonly Address[]> {
  const replicas = (await replicasOf(admin)).filter((replica) => replica.name === name);
  return await controllersOf(admin, replicas);
}
