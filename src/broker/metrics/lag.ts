import type { Clock } from '../../base/index.ts';
import type { Store } from '../../views/index.ts';
import { storeTimeAt } from '../administration/queue-times.ts';
import { readableEnd } from '../readable.ts';
import type { Consumers } from '../sessions/consumers.ts';
import type { Statistics } from '../statistics/statistics.ts';
import type { TopicState, Topics } from '../topics.ts';
import { Turns } from '../turns.ts';

export interface LagParts {
  readonly store: Store;
  readonly topics: Topics;
  readonly consumers: Consumers;
  readonly statistics: Statistics;
  readonly clock: Clock;
}

/** How far a group is behind on one topic. Source: `ConsumerLagCalculator`. */
export interface LagOfQueues {
  readonly group: string;
  readonly topic: string;
  /** Messages that were not delivered. */
  readonly ready: number;
  /** Messages that were delivered and not committed. */
  readonly inflight: number;
  /** Age of the oldest message that is not committed; 0 when there is none. */
  readonly lagLatencyMs: number;
  /** Age of the oldest message that is not delivered; 0 when there is none. */
  readonly queueingLatencyMs: number;
}

/** What one reader of metrics is told, five times over, is worked out once. */
const keptMs = 5000;
/** More groups and topics than metrics have room for are not looked at. */
const maxLags = 50_000;

/** The lags of all groups, as they were a few seconds ago at most. */
export class Lags {
  readonly #parts: LagParts;
  #lags: Promise<readonly LagOfQueues[]> | undefined;
  #readAtMs = 0;

  constructor(parts: LagParts) {
    this.#parts = parts;
  }

  read(): Promise<readonly LagOfQueues[]> {
    const now = this.#parts.clock.monotonicMs();
    if (this.#lags === undefined || now - this.#readAtMs > keptMs) {
      this.#readAtMs = now;
      this.#lags = allLags(this.#parts);
    }
    return this.#lags;
  }
}

async function allLags(parts: LagParts): Promise<LagOfQueues[]> {
  const turns = new Turns(parts.clock);
  const lags: LagOfQueues[] = [];
  for await (const lag of lagsOfGroups(parts, turns)) {
    lags.push(lag);
    if (lags.length > maxLags) break;
  }
  return lags;
}

/**
 * All groups with the topics that they subscribe to; of those that are not online, with the topics that they have
 * offsets on. One group at a time, as its offsets are now.
 */
async function* lagsOfGroups(parts: LagParts, turns: Turns): AsyncGenerator<LagOfQueues> {
  const { store, consumers, topics } = parts;
  const groups = [...store.tables.applied.groups()].map(({ groupName }) => groupName);
  for (const group of groups) {
    await turns.next();
    const offsets = new Map<string, Map<number, number>>();
    for (const { topic, queueId, offset } of store.tables.applied.offsetsOfGroup(group)) {
      const queues = offsets.get(topic) ?? new Map<number, number>();
      offsets.set(topic, queues);
      queues.set(queueId, offset);
    }
    const subscribed = consumers.group(group)?.subscriptions;
    const names = subscribed === undefined ? offsets.keys() : subscribed.keys();
    for (const name of [...names]) {
      const topic = topics.find(name);
      if (topic === undefined || topic.isHidden) continue;
      yield await lagOf(parts, turns, group, topic, offsets.get(name));
    }
  }
}

async function lagOf(
  { store, statistics, clock }: LagParts,
  turns: Turns,
  group: string,
  topic: TopicState,
  offsets: ReadonlyMap<number, number> | undefined,
): Promise<LagOfQueues> {
  const pulls = statistics.find(topic.name)?.findGroup(group);
  let ready = 0;
  let inflight = 0;
  let oldestLag = Number.POSITIVE_INFINITY;
  let oldestReady = Number.POSITIVE_INFINITY;
  for (let queueId = 0; queueId < topic.config.readQueueNums; queueId++) {
    await turns.next();
    const queue = topic.queues.find(queueId);
    const end = queue && readableEnd(store, queue);
    if (queue === undefined || end === undefined) continue;
    const committed = Math.min(end, Math.max(queue.min, offsets?.get(queueId) ?? 0));
    const pulled = Math.min(end, Math.max(committed, pulls?.pullOffset(queueId) ?? 0));
    ready += end - pulled;
    inflight += pulled - committed;
    if (committed < end) oldestLag = older(oldestLag, await storeTimeAt(store, queue, committed));
    if (pulled < end) oldestReady = older(oldestReady, await storeTimeAt(store, queue, pulled));
  }
  const age = (time: number): number =>
    time === Number.POSITIVE_INFINITY ? 0 : clock.now() - time;
  return {
    group,
    topic: topic.name,
    ready,
    inflight,
    lagLatencyMs: age(oldestLag),
    queueingLatencyMs: age(oldestReady),
  };
}

/** Below 0: it cannot be read. */
const older = (one: number, other: number): number => (other < 0 ? one : Math.min(one, other));
