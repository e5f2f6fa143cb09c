import {
  type Address,
  type BrokerId,
  brokerId,
  type Disk,
  epoch,
  Failure,
  isFailure,
  type Logger,
  parseAddress,
} from '../../base/index.ts';
import { readChecksummed, replaceChecksummed } from '../../log/index.ts';
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
  /** An operator lets this slave of a static group lead, now and after each start; absent elsewhere. */
  readonly promote?: () => Promise<void>;
  /** Asks whoever decides to let this replica lead; absent where nobody decides. */
  readonly elect?: (target: BrokerId) => Promise<ElectionOutcome>;
  stop(): Promise<void>;
}

/** Of a slave that an operator promoted: the first epoch that it led in. */
const promotedFile = 'promoted';

/** A group without a controller: `brokerId` and `brokerRole` say all. Fails `invalid` when they contradict. */
export function staticIdentity(
  options: BrokerOptions,
  incarnation: string,
  ports: { readonly disk: Disk; readonly logger: Logger },
): GroupIdentity {
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
  const { disk, logger } = ports;
  const path = `${options.storePath}/${promotedFile}`;
  let isPromoted = false;
  let ownHaAddress: Address | undefined;
  return {
    self,
    authority: group,
    opened(local) {
      group.local = local;
    },
    async begin(replica, haAddress) {
      ownHaAddress = haAddress;
      const promoted = isSlave ? await readChecksummed(disk, path) : undefined;
      const mustLead = !isSlave || promoted !== undefined;
      if (mustLead && replica.damage !== undefined) throw replica.damage; // Nobody could repair it.
      if (promoted !== undefined) {
        isPromoted = true;
        const hint =
          'set brokerRole=SYNC_MASTER and brokerId=0, or remove the file to have a slave';
        logger.warn('this slave leads: an operator promoted it', { file: path, hint });
        group.lead(haAddress, epoch(Number(promoted)));
      } else if (!isSlave) group.lead(haAddress);
      else if (options.haMasterAddress !== undefined) {
        group.follow(readAddress(options.haMasterAddress), undefined);
      }
    },
    masterFound(haAddress, address) {
      if (!isSlave || isPromoted) return;
      const told = options.haMasterAddress;
      group.follow(told === undefined ? haAddress : readAddress(told), address);
    },
    async stop() {},
    ...(isSlave && {
      async promote() {
        if (ownHaAddress === undefined) throw new Failure('unavailable', 'this broker starts');
        const first = group.epochOfPromotion;
        // Whatever happens from now on, no start of it follows anybody again.
        await replaceChecksummed(disk, path, String(first));
        isPromoted = true;
        group.lead(ownHaAddress, first);
      },
    }),
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
      replica.onReportChanged = () => link.reportNow();
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
