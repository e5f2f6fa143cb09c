import { Failure, formatAddress } from '../base/index.ts';
import { RecoverGroup, RequestCode } from '../wire/index.ts';
import type { Admin } from './admin.ts';
import { type ControlledGroup, callController, controlledGroup } from './controllers.ts';
import { fields } from './field-types.ts';
import { type InputOf, one, operation, optional } from './operation.ts';
import type { Change } from './preview.ts';
import * as shape from './shape.ts';

const RecoveredGroup = shape.record({
  group: shape.text,
  controller: shape.text,
  epoch: shape.integer,
  setEpoch: shape.integer,
  set: shape.list(shape.integer),
  /** Absent while nobody may lead. */
  master: shape.maybe(shape.integer),
  masterAddress: shape.maybe(shape.text),
  /** Still, or again. */
  frozen: shape.maybe(shape.text),
});
export type RecoveredGroup = shape.ShapeOf<typeof RecoveredGroup>;

const recoverFields = {
  group: one(fields.text, 'Name of the broker group.', { positional: true, names: 'broker' }),
  controller: one(fields.addresses, 'Controllers of the group, separated by ";".', {
    valueName: 'host:port',
  }),
  elect: optional(
    fields.brokerId,
    'Let this replica lead although nobody knows that it holds all: what only others hold is lost.',
    { valueName: 'id' },
  ),
};

export const recoverGroup = operation({
  name: 'controller recover',
  summary: 'Take a group out of its freeze, or let a replica lead that may lack messages.',
  effect: 'destroy',
  requests: [
    'CONTROLLER_GET_REPLICA_INFO',
    'CONTROLLER_GET_SYNC_STATE_DATA',
    'CONTROLLER_RECOVER_GROUP',
  ],
  fields: recoverFields,
  output: RecoveredGroup,
  async preview(admin, input) {
    return changesOf(await toRecover(admin, input), input);
  },
  async run(admin, input) {
    await toRecover(admin, input);
    const { group: name, controller: controllers, elect } = input;
    await callController(admin, controllers, {
      code: RequestCode.CONTROLLER_RECOVER_GROUP,
      header: [RecoverGroup, { brokerName: name, electBrokerId: elect }],
    });
    const { controller, view } = await known(admin, input);
    const { epoch, setEpoch, set, master, frozen } = view;
    return {
      ...{ group: name, controller: formatAddress(controller), epoch, setEpoch, set, frozen },
      master: master?.broker,
      masterAddress: master?.address,
    };
  },
});

type Input = InputOf<typeof recoverFields>;

async function known(admin: Admin, { group, controller }: Input): Promise<ControlledGroup> {
  const found = await controlledGroup(admin, controller, group);
  if (found !== undefined) return found;
  throw new Failure('invalid', `the controller does not know a group ${group}`);
}

async function toRecover(admin: Admin, input: Input): Promise<ControlledGroup> {
  const found = await known(admin, input);
  const { view, replicas } = found;
  const { group, elect } = input;
  if (elect === undefined && view.frozen === undefined) {
    const leads = view.master === undefined ? '' : `; broker ${view.master.broker} leads`;
    throw new Failure('invalid', `${group} is not frozen${leads}: there is nothing to recover`);
  }
  if (elect !== undefined && !replicas.some(({ id }) => id === elect)) {
    const ids = replicas.map(({ id }) => id).join(', ');
    throw new Failure('invalid', `no broker ${elect} in ${group}; there are ${ids}`);
  }
  return found;
}

function changesOf(
  { view, replicas }: ControlledGroup,
  { group, elect }: Input,
): readonly Change[] {
  const { frozen, epoch, master, set } = view;
  const alive = replicas.filter((replica) => replica.alive).map(({ id }) => id);
  const missing = set.filter((id) => !alive.includes(id)).join(', ');
  const able = alive.filter((id) => set.includes(id)).join(', ');
  const leads = master === undefined ? 'nobody' : `broker ${master.broker}`;
  const member = able === '' ? 'nobody: no member is there' : `a member that holds all, of ${able}`;
  const forced = `broker ${elect}, without what only ${missing || 'others'} may hold`;
  const next = elect === undefined ? member : forced;
  const thaw: Change = { where: group, what: 'frozen', before: frozen, after: undefined };
  return [
    ...(frozen === undefined ? [] : [thaw]),
    {
      where: group,
      what: 'epoch',
      before: String(epoch),
      after: `above what is known to the ${alive.length} of ${replicas.length} replicas that are there`,
    },
    { where: group, what: 'master', before: leads, after: next },
  ];
}
