import {
  type Clock,
  Failure,
  formatAddress,
  isFailure,
  type Logger,
  type PhysicalOffset,
} from '../../base/index.ts';
import { type Answer, handleAsync, type RequestTable } from '../../remoting/index.ts';
import {
  PromoteReplica,
  PromoteReplicaResponse,
  RequestCode,
  ResponseCode,
} from '../../wire/index.ts';
import type { GroupAuthority } from './authority.ts';
import type { Replica } from './replica.ts';
import { until } from './until.ts';

export interface PromotionParts {
  readonly replica: Replica;
  readonly authority: GroupAuthority;
  /** Makes a slave the master for good; undefined where that is not for an operator to say. */
  readonly promote: (() => Promise<void>) | undefined;
  readonly isServing: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

const longestPromotionMs = 15_000;

/**
 * PROMOTE_REPLICA: an operator lets a slave of a static group lead. The node checks what it can know: that it is whole,
 * that no master is there as far as it sees, and that it is still what the operator looked at.
 */
export class Promotion {
  readonly #parts: PromotionParts;

  constructor(parts: PromotionParts) {
    this.#parts = parts;
  }

  table(): RequestTable {
    return new Map([
      [
        RequestCode.PROMOTE_REPLICA,
        (connection, request) =>
          handleAsync(connection, request, () => this.#answer(PromoteReplica.decode(request).end)),
      ],
    ]);
  }

  async #answer(end: PhysicalOffset): Promise<Answer> {
    const { logger } = this.#parts;
    try {
      const masterEpoch = await this.#promote(end);
      return { code: ResponseCode.SUCCESS, header: [PromoteReplicaResponse, { masterEpoch }] };
    } catch (error) {
      if (!isFailure(error, 'unavailable')) throw error;
      logger.warn('this replica is not promoted', { error });
      return { code: ResponseCode.SYSTEM_ERROR, remark: error.message };
    }
  }

  async #promote(end: PhysicalOffset): Promise<number> {
    const { replica, authority, promote, isServing, clock, logger } = this.#parts;
    const why = this.#whyNot(end);
    if (why !== undefined || promote === undefined) throw new Failure('unavailable', why ?? '');
    logger.warn('an operator promotes this replica: it leads from now on', { end });
    await promote();
    if (!(await until(clock, isServing, clock.monotonicMs() + longestPromotionMs))) {
      const remark = `it is promoted, but does not serve after ${longestPromotionMs} ms`;
      throw new Failure('unavailable', remark);
    }
    return authority.view?.epoch ?? replica.local?.store.epoch ?? 0;
  }

  #whyNot(end: PhysicalOffset): string | undefined {
    const { replica, authority, promote, isServing } = this.#parts;
    if (isServing()) return 'this broker leads already';
    if (promote === undefined) {
      return 'only a slave of a group without a controller is promoted; a controller elects: see ha switchover, controller recover';
    }
    if (replica.damage !== undefined) return `its store failed: ${replica.damage.message}`;
    const store = replica.local?.store;
    if (store === undefined) return 'it has no whole store';
    if (store.log.end === 0) return 'it is empty';
    if (replica.isFollowing) {
      const master = authority.view?.master;
      const where = master === undefined ? '' : ` at ${formatAddress(master.haAddress)}`;
      return `its master${where} is there; stop it first`;
    }
    if (store.log.end !== end) return `its log ends at ${store.log.end} now, not at ${end}`;
    return undefined;
  }
}
