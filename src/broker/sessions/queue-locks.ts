import type { Clock } from '../../base/index.ts';
import type { RemotingConnection } from '../../remoting/index.ts';
import {
  type IncomingCommand,
  LockBatchRequest,
  LockBatchResponse,
  type MessageQueue,
  ResponseCode,
} from '../../wire/index.ts';

/** A lock that its client does not renew is free after that; clients renew every 20 s. */
const lockMs = 60_000;

interface QueueLock {
  clientId: string;
  /** By the monotonic clock. */
  renewedMs: number;
}

/**
 * LOCK_BATCH_MQ (41), UNLOCK_BATCH_MQ (42): which member of a group may consume a queue in order. Kept in memory: after
 * a restart the members lock again. The lock of a member that died ends by its age, not with its connection, since what
 * it got may still be in work. Source: `RebalanceLockManager`.
 */
export class QueueLocks {
  readonly #clock: Clock;
  /** By group, then by queue. */
  readonly #groups = new Map<string, Map<string, QueueLock>>();
  #sweepAtMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  lock(connection: RemotingConnection, request: IncomingCommand): void {
    const { clientId, consumerGroup, mqSet } = LockBatchRequest.decode(request.body);
    this.#sweep();
    const lockOKMQSet = mqSet.filter((queue) => this.#take(consumerGroup, queue, clientId));
    connection.answer(request, {
      code: ResponseCode.SUCCESS,
      body: LockBatchResponse.encode({ lockOKMQSet }),
    });
  }

  unlock(connection: RemotingConnection, request: IncomingCommand): void {
    const { clientId, consumerGroup, mqSet } = LockBatchRequest.decode(request.body);
    const locks = this.#groups.get(consumerGroup);
    for (const queue of mqSet) {
      const key = keyOf(queue);
      if (locks?.get(key)?.clientId === clientId) locks.delete(key);
    }
    if (locks?.size === 0) this.#groups.delete(consumerGroup);
    connection.answer(request, { code: ResponseCode.SUCCESS });
  }

  /** Whether a member of the group consumes in order: some lock has not ended. */
  isLocked(group: string): boolean {
    const locks = this.#groups.get(group);
    if (locks === undefined) return false;
    for (const lock of locks.values()) if (!this.#hasEnded(lock)) return true;
    return false;
  }

  #take(group: string, queue: MessageQueue, clientId: string): boolean {
    let locks = this.#groups.get(group);
    if (locks === undefined) {
      locks = new Map();
      this.#groups.set(group, locks);
    }
    const key = keyOf(queue);
    const lock = locks.get(key);
    const renewedMs = this.#clock.monotonicMs();
    if (lock === undefined) {
      locks.set(key, { clientId, renewedMs });
    } else {
      if (lock.clientId !== clientId && !this.#hasEnded(lock)) return false;
      lock.clientId = clientId;
      lock.renewedMs = renewedMs;
    }
    return true;
  }

  #hasEnded(lock: QueueLock): boolean {
    return this.#clock.monotonicMs() - lock.renewedMs > lockMs;
  }

  /** Now and then, so that groups which are gone take no memory. */
  #sweep(): void {
    if (this.#clock.monotonicMs() < this.#sweepAtMs) return;
    this.#sweepAtMs = this.#clock.monotonicMs() + lockMs;
    for (const [group, locks] of this.#groups) {
      for (const [key, lock] of locks) if (this.#hasEnded(lock)) locks.delete(key);
      if (locks.size === 0) this.#groups.delete(group);
    }
  }
}

function keyOf({ brokerName, topic, queueId }: MessageQueue): string {
  return `${queueId} ${brokerName} ${topic}`;
}
