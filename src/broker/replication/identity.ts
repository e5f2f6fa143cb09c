import {
  type Address,
  type BrokerId,
  brokerId,
  type Disk,
  Failure,
  isFailure,
  parseAddress,
} from '../../base/index.ts';
import type { LocalStore } from '../../views/index.ts';
import type { BrokerOptions } from '../options.ts';
import type { GroupAuthority } from './authority.ts';
import { ControllerLink, type ControllerLinkPorts } from './controller-link.ts';
import type { Replica } from './replica.ts';
import { StaticGroup } from './static-group.ts';
import type { ElectionOutcome } from './switchover.ts';

/** Who a node is in its group, and who decides there. */
export interface GroupIdentity {
  readonly self: BrokerId;
  readonly authority: GroupAuthority;
  /** The store was opened, for the first time or again. */
  opened(local: LocalStore): void;
  /** The store and the port for followers are open: the authority may give roles. */
  begin(replica: Replica, haAddress: Address): Promise<void>;
  /** A name server told where the master is. */
  masterFound(haAddress: Address, address: Address | undefined): void;
  /** Asks whoever decides to let this replica lead; absent where nobody decides. */
  readonly elect?: (target: BrokerId) => Promise<ElectionOutcome>;
  stop(): Promise<void>;
}

/** A group without a controller: `brokerId` and `brokerRole` say all. Fails `invalid` when they contradict. */
export function staticIdentity(options: BrokerOptions, incarnation: string): GroupIdentity {
  const isSlave = options.brokerRole === 'SLAVE';
  if (isSlave !== options.brokerId > 0) {
    const what = isSlave ? 'a slave needs one above 0' : 'a master has 0';
    throw new Failure(
      'invalid',
      `brokerId ${options.brokerId} with brokerRole ${options.brokerRole}: ${what}`,
    );
  }
  const self = brokerId(options.brokerId);
  const group = new StaticGroup(self, incarnation);
  return {
    self,
    authority: group,
    opened(local) {
      group.local = local;
    },
    async begin(_replica, haAddress) {
      if (!isSlave) group.lead(haAddress);
      else if (options.haMasterAddress !== undefined) {
        group.follow(readAddress(options.haMasterAddress), undefined);
      }
    },
    masterFound(haAddress, address) {
      if (!isSlave) return;
      const told = options.haMasterAddress;
      group.follow(told === undefined ? haAddress : readAddress(told), address);
    },
    async stop() {},
  };
}

/** A group whose controller decides. Waits for a controller when this replica has no id yet. */
export async function controlledIdentity(
  options: BrokerOptions,
  address: Address,
  ports: ControllerLinkPorts,
): Promise<GroupIdentity> {
  const { clusterName, brokerName, controllers, controllerHeartbeatMs, storePath } = options;
  const link = new ControllerLink(
    {
      clusterName,
      brokerName,
      controllers,
      heartbeatMs: controllerHeartbeatMs,
      storePath,
      address,
    },
    ports,
  );
  const self = await link.identify();
  return {
    self,
    authority: link,
    opened() {},
    async begin(replica, haAddress) {
      link.start(() => replica.report(), haAddress);
    },
    masterFound() {},
    elect: (target) => link.elect(target),
    stop: () => link.stop(),
  };
}

function readAddress(text: string): Address {
  const address = parseAddress(text);
  if (address !== undefined) return address;
  throw new Failure('invalid', `haMasterAddress must be host:port, not ${text}`);
}

/** The secret of the group; empty where there is none. Fails `invalid`, naming the file. */
export async function readSecret(disk: Disk, path: string | undefined): Promise<Uint8Array> {
  if (path === undefined) return new Uint8Array(0);
  try {
    await using file = await disk.open(path, 'read');
    const bytes = new Uint8Array(await file.size());
    await file.read(bytes, 0);
    const secret = Buffer.from(bytes).toString('utf8').trim();
    if (secret === '') throw new Failure('invalid', `haSharedSecretFile ${path} is empty`);
    return Buffer.from(secret);
  } catch (error) {
    if (!isFailure(error, 'unavailable', 'notFound')) throw error;
    throw new Failure('invalid', `haSharedSecretFile ${path} is not there`);
  }
}

/** Where followers are listened for: one above the port of clients unless told. */
export function haListenAt(options: BrokerOptions, listenPort: number): Address | undefined {
  const { haListenPort, bindAddress } = options;
  if (haListenPort < 0) return undefined;
  if (haListenPort > 0) return { host: bindAddress, port: haListenPort };
  // Where the port for clients was picked, the one above may be anybody's.
  return { host: bindAddress, port: options.listenPort === 0 ? 0 : listenPort + 1 };
}
