import type { Failure } from '../../base/index.ts';
import type { LocalStore } from '../../views/index.ts';
import type { MasterView } from './authority.ts';

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
