import { type Address, type BrokerId, brokerId, type Epoch, epoch } from '../../base/index.ts';
import type { LocalStore } from '../../views/index.ts';
import type { GroupAuthority, GroupView, ProposalOutcome, SetProposal } from './authority.ts';

/** What clients know the master of a group as, and what it is in a static group. */
const masterId = brokerId(0);
/**
 * A master of a static group grants itself the next epoch at each start. Should it start once more although a slave was
 * promoted, which nobody can keep it from, it must not come to the epoch of that one: the lower epoch is refused by
 * name servers and replicas.
 */
const promotionStep = 1000;

/**
 * A group without a controller (design section 3). The master's own fsynced file says who counts: what it proposes is
 * confirmed as soon as it is written there, and each of its starts grants itself the next epoch. A slave follows the
 * master that it is told of, and never leads by itself.
 */
export class StaticGroup implements GroupAuthority {
  onView: (view: GroupView) => void = () => {};
  readonly #self: BrokerId;
  readonly #incarnation: string;
  #local: LocalStore | undefined;
  #view: GroupView | undefined;

  constructor(self: BrokerId, incarnation: string) {
    this.#self = self;
    this.#incarnation = incarnation;
  }

  get view(): GroupView | undefined {
    return this.#view;
  }

  /** The store was opened. */
  set local(local: LocalStore) {
    this.#local = local;
  }

  /** Of the first epoch of a replica that is promoted now: beyond what starts of its former master come to. */
  get epochOfPromotion(): Epoch {
    return epoch(this.#highest + promotionStep);
  }

  /** The master: leads with the set that its file names, in the next epoch. */
  lead(haAddress: Address, atLeast: Epoch = epoch(0)): void {
    const { group } = this.#required;
    const set = group.members.includes(this.#self) ? group.members : [this.#self];
    this.#tell({
      epoch: epoch(Math.max(this.#highest + 1, atLeast)),
      setEpoch: group.setEpoch + 1,
      set,
      master: {
        broker: this.#self,
        incarnation: this.#incarnation,
        address: undefined,
        haAddress,
      },
    });
  }

  /** A slave: its master is there. */
  follow(haAddress: Address, address: Address | undefined): void {
    const known = this.#view?.master;
    const isSame =
      known?.haAddress.host === haAddress.host && known.haAddress.port === haAddress.port;
    if (isSame && known?.address !== undefined) return;
    this.#tell({
      epoch: this.#local?.promisedEpoch ?? epoch(0),
      setEpoch: 0,
      set: [],
      master: { broker: masterId, incarnation: undefined, address, haAddress },
    });
  }

  async proposeSet(proposal: SetProposal): Promise<ProposalOutcome> {
    const view = this.#view;
    if (view === undefined || proposal.epoch !== view.epoch) return { refused: 'another epoch' };
    const setEpoch = proposal.setEpoch + 1;
    await this.#required.recordSet(proposal.set, setEpoch);
    const confirmed = { ...view, setEpoch, set: proposal.set };
    this.#view = confirmed;
    return { confirmed };
  }

  /** Nobody elects here, so nobody needs to know. */
  async clearLossy(): Promise<boolean> {
    return true;
  }

  get #highest(): number {
    const { group, store } = this.#required;
    return Math.max(group.promisedEpoch, store.log.epochs.at(-1)?.epoch ?? 0);
  }

  get #required(): LocalStore {
    if (this.#local === undefined) throw new Error('the store is not open yet');
    return this.#local;
  }

  #tell(view: GroupView): void {
    this.#view = view;
    this.onView(view);
  }
}
