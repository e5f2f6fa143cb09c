import {
  type Address,
  type BrokerId,
  Failure,
  formatAddress,
  isFailure,
  optionTypes,
} from '../base/index.ts';
import type { OutgoingRequest } from '../remoting/index.ts';
import {
  type Fields,
  GetReplicaInfo,
  GetReplicaInfoResponse,
  GroupViewBody,
  type IncomingCommand,
  RequestCode,
  ResponseCode,
  SyncStateData,
} from '../wire/index.ts';
import type { Admin } from './admin.ts';
import { settingsOf } from './broker-config.ts';
import type { BrokerReplica } from './cluster.ts';
import { fields } from './field-types.ts';
import { optional } from './operation.ts';
import { isRefusal } from './refusal.ts';

/** What a controller has decided about a group. */
export interface ControlledGroup {
  readonly controller: Address;
  readonly view: GroupViewBody;
  readonly replicas: readonly {
    readonly id: BrokerId;
    readonly address: string;
    readonly alive: boolean;
  }[];
}

export const controllerField = optional(
  fields.addresses,
  'Controllers of the group, separated by ";" (default: as its brokers are configured).',
  { valueName: 'host:port' },
);

/** Where a group finds its controllers, as the first of its replicas that answers is configured; none in a static group. */
export async function controllersOf(
  admin: Admin,
  replicas: readonly BrokerReplica[],
): Promise<readonly Address[]> {
  for (const replica of replicas) {
    try {
      const settings = await settingsOf(admin, replica);
      if (settings['enableControllerMode'] !== 'true') return [];
      return addressesIn(settings['controllerAddr'] ?? '');
    } catch (error) {
      // Of RocketMQ, or one that starts.
      if (!isFailure(error, 'unavailable') && !isRefusal(error)) throw error;
    }
  }
  return [];
}

function addressesIn(text: string): readonly Address[] {
  const read = optionTypes.addresses.parse(text, { homeFolder: '/', workingFolder: '/' });
  return 'value' in read ? read.value : [];
}

/** From the controller that leads; `unavailable` when none of them can be reached. */
export async function callController<F extends Fields>(
  admin: Admin,
  controllers: readonly Address[],
  request: OutgoingRequest<F>,
): Promise<{ readonly controller: Address; readonly response: IncomingCommand }> {
  let lastFailure: Failure | undefined;
  for (const controller of controllers) {
    try {
      return { controller, response: await admin.call(controller, request) };
    } catch (error) {
      const isNext =
        isFailure(error, 'unavailable') || isRefusal(error, ResponseCode.CONTROLLER_NOT_LEADER);
      if (!isNext) throw error;
      lastFailure = error as Failure;
    }
  }
  const which = controllers.map(formatAddress).join(', ');
  throw new Failure('unavailable', `cannot reach the controller ${which}`, { cause: lastFailure });
}

/** Undefined where the controller does not know the group. */
export async function controlledGroup(
  admin: Admin,
  controllers: readonly Address[],
  name: string,
): Promise<ControlledGroup | undefined> {
  try {
    const { controller, response } = await callController(admin, controllers, {
      code: RequestCode.CONTROLLER_GET_REPLICA_INFO,
      header: [GetReplicaInfo, { brokerName: name }],
    });
    const { groupView } = GetReplicaInfoResponse.decode(response);
    if (groupView === undefined) {
      throw new Failure('invalid', `${formatAddress(controller)} is no controller of Holdfast`);
    }
    const states = await admin.call(controller, {
      code: RequestCode.CONTROLLER_GET_SYNC_STATE_DATA,
      body: new TextEncoder().encode(JSON.stringify([name])),
    });
    const info = SyncStateData.decode(states.body).replicasInfoTable.get(name);
    const identities = [...(info?.inSyncReplicas ?? []), ...(info?.notInSyncReplicas ?? [])];
    return {
      controller,
      view: GroupViewBody.decode(new TextEncoder().encode(groupView)),
      replicas: identities.map(({ brokerId: id, brokerAddress: address, alive }) => ({
        id,
        address,
        alive,
      })),
    };
  } catch (error) {
    if (isRefusal(error, ResponseCode.CONTROLLER_BROKER_METADATA_NOT_EXIST)) return undefined;
    throw error;
  }
}
