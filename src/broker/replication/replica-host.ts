import type {
  Address,
  BrokerId,
  Clock,
  Disk,
  Failure,
  Logger,
  Network,
  PhysicalOffset,
  Random,
} from '../../base/index.ts';
import type { LinkIdentity, LinkOptions } from '../../replication/link/index.ts';
import type { LocalStore, StoreInstall } from '../../views/index.ts';
import type { MasterView } from './authority.ts';
import type { MembershipLimits } from './membership.ts';

export interface ReplicaPorts {
  readonly network: Network;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly random: Random;
  readonly logger: Logger;
}

export interface ReplicaOptions {
  readonly identity: LinkIdentity;
  readonly self: BrokerId;
  readonly listenAt: Address | undefined;
  readonly link: LinkOptions;
  readonly limits: MembershipLimits;
  /**
   * A controller elected whoever leads, so that it has all that was acknowledged. Without one, a master that lost its
   * store may lead, and takes no store away that holds more.
   */
  readonly isElected: boolean;
  /** Opens the store; `cutTo` cuts a log that went another way (rule 6). */
  readonly openStore: (cutTo: PhysicalOffset | undefined) => Promise<LocalStore>;
  /** Locks the store, which is closed, to replace it by the one of a leader. */
  readonly openInstall: () => Promise<StoreInstall>;
}

/** What a replica is at the moment, beyond what its store knows. */
export type ReplicaRole = 'waiting' | 'becomingMaster' | 'master' | 'slave' | 'stopping';

/** The broker around a replica. */
export interface ReplicaHost {
  /** The store was opened, for the first time or again. What served from the one before ended with it. */
  opened(local: LocalStore): void;
  /** The store leads: serve as the master. Resolves once it does. */
  lead(local: LocalStore): Promise<void>;
  /** The store follows this master. */
  follow(local: LocalStore, master: MasterView): void;
  /** No more requests to this store; it is about to be closed. */
  leave(local: LocalStore): Promise<void>;
  roleChanged(role: ReplicaRole): void;
  /** It leads with metadata that are damaged: somebody else should. */
  leadsDamaged(): void;
  /** A role could not be taken on; it is tried again unless told. */
  roleFailed(failure: Failure): 'tryAgain' | 'giveUp';
}
