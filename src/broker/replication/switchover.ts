import {
  type Address,
  type BrokerId,
  type Clock,
  Failure,
  formatAddress,
  isFailure,
  type Logger,
  type PhysicalOffset,
} from '../../base/index.ts';
import {
  type Answer,
  handleAsync,
  type RemotingClient,
  type RequestTable,
} from '../../remoting/index.ts';
import type { LocalStore } from '../../views/index.ts';
import {
  ReplicaStatus,
  RequestCode,
  ResponseCode,
  SwitchOver as SwitchOverHeader,
  SwitchOverResponse,
} from '../../wire/index.ts';
import type { GroupAuthority } from './authority.ts';
import type { FollowerState } from './membership.ts';
import type { Replica } from './replica.ts';
import { whyNotCounted } from './replica-requests.ts';
import { until } from './until.ts';

/** `unknown`: it may have been decided. */
export type ElectionOutcome = 'elected' | 'unknown' | { readonly refused: string };

export interface SwitchOverParts {
  readonly self: BrokerId;
  readonly replica: Replica;
  readonly authority: GroupAuthority;
  /** Asks whoever decides; undefined where nobody does. */
  readonly elect: ((target: BrokerId) => Promise<ElectionOutcome>) | undefined;
  readonly client: Pick<RemotingClient, 'request'>;
  /** It serves its clients as the master. */
  readonly isServing: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The broker around it. */
export interface SwitchOverHost {
  /** What clients committed and nobody waits for becomes part of the log. */
  appendCommits(): void;
  /** Requests that waited go where they belong now. */
  release(): void;
}

/** Requests wait no longer than this, whatever becomes of the hand-over. */
const longestPauseMs = 3000;
/** Half of it is left for the election and the promotion. */
const longestCatchUpMs = 1500;
/** A target that is further behind would not catch up in that time on a slow disk. */
const maxLagBytes = 32 * 1024 * 1024;
/** An operator waits longer than clients do for a new master that is slow. */
const longestPromotionMs = 15_000;
const giveUpRetryMs = 1000;
/** Attempts that stop writes in vain stop them for a tenth of the time at the most. */
const restAfterVainPause = 9;
const askTimeoutMs = 500;

/**
 * A planned change of the master: this one takes no more writes, waits until the target holds all that it has, has it
 * elected, and follows it. It rests on no promise of its own: an epoch still needs what rules 3 to 5 ask for, so that
 * this node may go on at any moment at which it finds that it still leads.
 */
export class SwitchOver {
  readonly #parts: SwitchOverParts;
  readonly #host: SwitchOverHost;
  #holders = 0;
  #isGivingUp = false;

  constructor(parts: SwitchOverParts, host: SwitchOverHost) {
    this.#parts = parts;
    this.#host = host;
  }

  /** Requests that are the master's wait for whoever that will be. */
  get isHolding(): boolean {
    return this.#holders > 0;
  }

  /** The master of a node that hands requests on is another one, or itself: they wait until that one serves. */
  async holdUntilServed(): Promise<void> {
    const { authority, clock, isServing } = this.#parts;
    const serves = async (): Promise<boolean> => {
      const master = authority.view?.master;
      const isServed = master !== undefined && (await this.#serves(master.broker)) !== undefined;
      return isServing() || isServed;
    };
    const letGo = this.#hold();
    try {
      await until(clock, serves, clock.monotonicMs() + longestPauseMs);
    } finally {
      letGo();
    }
  }

  /**
   * What is damaged here is mended by following another master: whoever of the set can lead does so instead, where
   * somebody elects. While nobody can, this node goes on with what it can read.
   */
  async handOverDamaged(): Promise<void> {
    const { clock, replica, elect } = this.#parts;
    if (elect === undefined || this.#isGivingUp) return;
    this.#isGivingUp = true;
    let told = '';
    while (isLeading(replica)) {
      const sinceMs = clock.monotonicMs();
      told = await this.#giveUp(told);
      const tookMs = clock.monotonicMs() - sinceMs;
      await clock.sleep(Math.max(giveUpRetryMs, tookMs * restAfterVainPause));
    }
    this.#isGivingUp = false;
  }

  /** Tries each member of the set; returns why the last of them cannot lead, which is told once. */
  async #giveUp(told: string): Promise<string> {
    const { self, replica, isServing, logger } = this.#parts;
    const members = isServing() ? replica.local?.store.positions.confirmed : undefined;
    let why = told;
    for (const target of members?.filter((member) => member !== self) ?? []) {
      try {
        await this.#switchTo(target);
        return why;
      } catch (error) {
        if (!isFailure(error)) throw error;
        if (error.message !== why) {
          logger.error('this damaged master cannot hand over', { to: target, error });
        }
        why = error.message;
      }
    }
    return why;
  }

  table(): RequestTable {
    return new Map([
      [
        RequestCode.SWITCH_OVER,
        (connection, request) =>
          handleAsync(connection, request, () =>
            this.#answer(SwitchOverHeader.decode(request).brokerId),
          ),
      ],
    ]);
  }

  async #answer(target: BrokerId): Promise<Answer> {
    try {
      return await this.#switchTo(target);
    } catch (error) {
      if (!isFailure(error, 'unavailable')) throw error;
      this.#parts.logger.warn('the group is not handed over', { to: target, error });
      return { code: ResponseCode.SYSTEM_ERROR, remark: error.message };
    }
  }

  async #switchTo(target: BrokerId): Promise<Answer> {
    const { clock, logger, elect } = this.#parts;
    if (elect === undefined) {
      throw refusal('this group has no controller: its master is the one that is configured');
    }
    const local = this.#mayHandOver(target);
    logger.info('the group is handed over: no more writes here', { to: target });
    const sinceMs = clock.monotonicMs();
    const elapsedMs = (): number => Math.round(clock.monotonicMs() - sinceMs);
    const resume = this.#stopWrites(local);
    try {
      await this.#untilEqual(local, target, sinceMs + longestCatchUpMs);
      const late = clock.sleep(longestPauseMs - elapsedMs()).then(() => 'unknown' as const);
      const outcome = await Promise.race([elect(target), late]);
      if (outcome === 'unknown') {
        throw refusal('no controller answered in time; the target is elected if one was asked');
      }
      if (outcome !== 'elected') throw refusal(`the controller refuses: ${outcome.refused}`);
      const soon = await this.#untilServed(target, sinceMs + longestPauseMs);
      resume();
      const at = soon ?? (await this.#untilServed(target, sinceMs + longestPromotionMs));
      const stoppedMs = elapsedMs();
      if (at === undefined) throw refusal(`broker ${target} is elected, but does not serve yet`);
      const masterEpoch = this.#parts.authority.view?.epoch ?? 0;
      logger.info('the group is handed over', { to: target, epoch: masterEpoch, stoppedMs });
      const masterAddress = formatAddress(at);
      return {
        code: ResponseCode.SUCCESS,
        header: [
          SwitchOverResponse,
          { masterBrokerId: target, masterAddress, masterEpoch, stoppedMs },
        ],
      };
    } catch (error) {
      if (!isFailure(error, 'unavailable')) throw error;
      throw new Failure('unavailable', `${error.message}; writes were stopped ${elapsedMs()} ms`, {
        cause: error,
      });
    } finally {
      resume();
    }
  }

  /** Fails `unavailable` with the reason why the target cannot lead next. */
  #mayHandOver(target: BrokerId): LocalStore {
    const { replica, self } = this.#parts;
    const { local } = replica;
    if (this.isHolding) throw refusal('the group is being handed over already');
    if (!this.#parts.isServing() || local === undefined) throw refusal('this broker does not lead');
    if (target === self) throw refusal(`broker ${target} leads already`);
    const follower = replica.leader.followers.get(target);
    const set = local.store.positions.confirmed;
    const who = `broker ${target}`;
    if (follower?.isConnected !== true) throw refusal(`${who} is not connected to the master`);
    const why = whyNotReady(follower, this.#isDamaged);
    if (!set.includes(target)) {
      throw refusal(`${who} is not in the in-sync set: ${why ?? whyNotCounted(follower)}`);
    }
    if (why !== undefined) throw refusal(`${who} cannot lead: ${why}`);
    // The new epoch begins when all of the set have it.
    const gone = set.filter((id) => id !== self && !replica.leader.followers.get(id)?.isConnected);
    if (gone.length > 0) throw refusal(`broker ${gone.join(', ')} of the set is not connected`);
    const lag = local.store.log.end - follower.written;
    if (lag > maxLagBytes) throw refusal(`${who} is ${lag} bytes behind; try again later`);
    return local;
  }

  /** What it returns lets writes go on here, or where they belong then. */
  #stopWrites(local: LocalStore): () => void {
    const { store } = local;
    const letGo = this.#hold();
    // Clients wait; what the broker appends by itself must not either.
    const mine = new Failure('unavailable', 'the group is being handed over');
    this.#host.appendCommits();
    store.refusal ??= mine;
    store.syncNow();
    return () => {
      if (store.refusal === mine) store.refusal = undefined;
      letGo();
    };
  }

  #hold(): () => void {
    this.#holders++;
    let isDone = false;
    return () => {
      if (isDone) return;
      isDone = true;
      this.#holders--;
      this.#host.release();
    };
  }

  async #untilEqual(local: LocalStore, target: BrokerId, deadlineMs: number): Promise<void> {
    const { replica } = this.#parts;
    const { store } = local;
    const isEqual = (): boolean => {
      const end = store.log.end;
      const follower = replica.leader.followers.get(target);
      if (!this.#parts.isServing() || replica.local !== local) {
        throw refusal('this broker leads no more');
      }
      if (follower?.isConnected !== true) throw refusal(`broker ${target} is gone`);
      return store.durablePoint === end && holdsAll(follower, end, this.#isDamaged);
    };
    if (await until(this.#parts.clock, isEqual, deadlineMs)) return;
    const late = store.positions.counted.filter((id) => {
      const follower = replica.leader.followers.get(id);
      const isThere = follower !== undefined && holdsAll(follower, store.log.end, this.#isDamaged);
      return id !== this.#parts.self && !isThere;
    });
    const who = late.length === 0 ? 'this broker' : `broker ${late.join(', ')}`;
    throw refusal(`${who} did not sync and apply all in time`);
  }

  /** Then it is the other one that is right where they differ. */
  get #isDamaged(): boolean {
    return this.#parts.replica.damage !== undefined;
  }

  async #untilServed(target: BrokerId, deadlineMs: number): Promise<Address | undefined> {
    let address: Address | undefined;
    const serves = async (): Promise<boolean> => {
      address = await this.#serves(target);
      return address !== undefined;
    };
    return (await until(this.#parts.clock, serves, deadlineMs)) ? address : undefined;
  }

  /** Where the target serves its clients; undefined while it does not. */
  async #serves(target: BrokerId): Promise<Address | undefined> {
    const { authority, client } = this.#parts;
    const master = authority.view?.master;
    const address = master?.broker === target ? master.address : undefined;
    if (address === undefined || this.#parts.isServing()) return undefined;
    try {
      const request = { code: RequestCode.GET_REPLICA_STATUS };
      const { code, body } = await client.request(address, request, { timeoutMs: askTimeoutMs });
      const isAnswered = code === ResponseCode.SUCCESS;
      return isAnswered && ReplicaStatus.decode(body).role === 'master' ? address : undefined;
    } catch (error) {
      if (!isFailure(error)) throw error;
      return undefined; // It cannot be reached, or this node stops.
    }
  }
}

/** The outcome of the request, not of this node. */
const refusal = (why: string): Failure => new Failure('unavailable', why);

function whyNotReady(follower: FollowerState, isDamaged: boolean): string | undefined {
  const isWell = follower.isComplete && !follower.isLossy && isRight(follower, isDamaged);
  return isWell ? undefined : whyNotCounted(follower);
}

const holdsAll = (follower: FollowerState, end: PhysicalOffset, isDamaged: boolean): boolean =>
  follower.written === end &&
  follower.synced === end &&
  follower.applied === end &&
  isRight(follower, isDamaged);

const isRight = ({ digest }: FollowerState, isDamaged: boolean): boolean =>
  digest === 'equal' || (digest === 'suspect' && isDamaged);

const isLeading = ({ role }: Replica): boolean => role === 'master' || role === 'becomingMaster';
