import {
  type Address,
  type BrokerId,
  type Epoch,
  formatAddress,
  type PhysicalOffset,
} from '../../base/index.ts';

/** Who leads a group and who counts, as whoever decides it last said. */
export interface GroupView {
  readonly epoch: Epoch;
  readonly setEpoch: number;
  /** The confirmed sync-state set. */
  readonly set: readonly BrokerId[];
  readonly master: MasterView | undefined;
  /** Members that the authority knows to be dead: the elected one need not wait for them (docs/model, T1). */
  readonly dead?: readonly BrokerId[];
  /** Replicas that lost something at a stop, which was not made good yet; undefined where nobody keeps that. */
  readonly lossy?: readonly BrokerId[];
  /** How many replicas the group has, dead ones too; undefined where nobody keeps that. */
  readonly replicas?: number;
  /** Why nothing is decided: somebody knows more than the authority does (rule 12). Nobody leads by this view. */
  readonly frozen?: string | undefined;
}

export interface MasterView {
  readonly broker: BrokerId;
  /** The start to which the epoch was granted; undefined where nobody told. */
  readonly incarnation: string | undefined;
  /** For clients. */
  readonly address: Address | undefined;
  /** For followers. */
  readonly haAddress: Address;
}

/** Whether the view names this master, at the same place. */
export function isMasterOf(view: GroupView | undefined, master: MasterView): boolean {
  const now = view?.master;
  return (
    now !== undefined &&
    now.broker === master.broker &&
    formatAddress(now.haAddress) === formatAddress(master.haAddress)
  );
}

/** What a replica says of itself (protocol rules 2, 3 and 12). */
export interface ReplicaReport {
  readonly incarnation: string;
  /** Its last stop lost nothing that it had written. */
  readonly lossless: boolean;
  /** It may lead: its files are whole. */
  readonly complete: boolean;
  readonly lastEpoch: Epoch;
  readonly end: PhysicalOffset;
  readonly promisedEpoch: Epoch;
  readonly highestEpoch: Epoch;
  readonly highestSetEpoch: number;
  /** Of whoever led the promised epoch: all that it may have acknowledged with; else empty. */
  readonly set: readonly BrokerId[];
}

export interface SetProposal {
  readonly epoch: Epoch;
  readonly setEpoch: number;
  readonly set: readonly BrokerId[];
  readonly reason: string;
}

/** `unknown`: it may have been accepted. */
export type ProposalOutcome =
  | { readonly confirmed: GroupView }
  | { readonly refused: string }
  | 'unknown';

/** Who decides: a controller, or in a static group the master's own file. */
export interface GroupAuthority {
  readonly view: GroupView | undefined;
  /** Told whenever the view is another one. */
  onView: (view: GroupView) => void;
  proposeSet(proposal: SetProposal): Promise<ProposalOutcome>;
  /** This start of a member has everything up to C: what its last stop lost does not matter any more. True once it is known. */
  clearLossy(member: BrokerId, incarnation: string): Promise<boolean>;
}
