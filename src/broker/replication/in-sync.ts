import type { GroupAuthority } from './authority.ts';
import type { Replica } from './replica.ts';

export interface InSyncOptions {
  readonly metadataMinInSyncReplicas: number | 'auto';
  readonly minInSyncReplicas: number;
  readonly totalReplicas: number;
}

/**
 * How many replicas of the group are in sync, as its master counts them, and for what those are too few. The settings
 * may change at any time, so that nothing here is remembered.
 */
export class InSync {
  readonly #options: InSyncOptions;
  readonly #replica: Pick<Replica, 'local' | 'leader' | 'damage'>;
  readonly #authority: Pick<GroupAuthority, 'view'>;

  constructor(
    options: InSyncOptions,
    replica: Pick<Replica, 'local' | 'leader' | 'damage'>,
    authority: Pick<GroupAuthority, 'view'>,
  ) {
    this.#options = options;
    this.#replica = replica;
    this.#authority = authority;
  }

  /** Members of the confirmed set, the master among them; 0 where this replica does not lead. */
  get count(): number {
    const store = this.#replica.local?.store;
    return store?.role === 'leader' ? store.positions.confirmed.length : 0;
  }

  /** Something of this replica's own store is damaged. */
  get isDamaged(): boolean {
    return this.#replica.damage !== undefined;
  }

  /** Followers that hold other metadata than this master. */
  get different(): number {
    const followers = [...this.#replica.leader.followers.values()];
    return followers.filter(({ digest }) => digest === 'suspect' || digest === 'different').length;
  }

  /**
   * Replicas of the group, whether they live or not: those that the controller knows; without one those that the master
   * has seen since it leads, or as many as it was told.
   */
  get replicas(): number {
    const { totalReplicas } = this.#options;
    const seen = (): number => Math.max(totalReplicas, this.#replica.leader.seen);
    return Math.max(this.#authority.view?.replicas ?? seen(), this.count, 1);
  }

  /** Replicas that must be in sync for a definition; design section 6.2. */
  get metadataMinimum(): number {
    const { metadataMinInSyncReplicas: minimum } = this.#options;
    return minimum === 'auto' ? Math.ceil(this.replicas / 2) : minimum;
  }

  /** Why no definition is accepted at the moment; undefined while they are. */
  whyNoDefinitions(): string | undefined {
    const { count, metadataMinimum: minimum } = this;
    if (count >= minimum) return undefined;
    const isAuto = this.#options.metadataMinInSyncReplicas === 'auto';
    const asked = isAuto ? `auto: ${minimum} of ${this.replicas}` : String(minimum);
    return `in-sync replicas not enough: metadataMinInSyncReplicas is ${asked}, and ${there(count)} in sync`;
  }

  /** Why no message that waits for the set is accepted at the moment; undefined while they are. */
  whyNoMessages(): string | undefined {
    const { minInSyncReplicas: minimum } = this.#options;
    // Most have 1, and this is asked for each message.
    if (minimum <= 1 || this.count >= minimum) return undefined;
    return `in-sync replicas not enough: minInSyncReplicas is ${minimum}, and ${there(this.count)} in sync`;
  }

  /** What a master without an in-sync follower says with what it acknowledges; undefined while it has one, or is alone. */
  get loneliness(): string | undefined {
    return this.count === 1 && this.replicas > 1 ? lonely : undefined;
  }
}

const there = (count: number): string => (count === 1 ? '1 is' : `${count} are`);

const lonely = 'the master has no in-sync follower: this is on one replica only';
