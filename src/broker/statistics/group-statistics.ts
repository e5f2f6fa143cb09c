import type { Statistics } from './statistics.ts';
import { StatsItem } from './stats-item.ts';
import type { Ticks } from './ticks.ts';
import type { TopicStatistics } from './topic-statistics.ts';

/**
 * Messages that consumers sent back, that went to the dead-letter topic, that were acknowledged, and whose checkpoints
 * were written; messages and bytes that were no longer in memory.
 */
export type RareItem =
  | 'sendBacks'
  | 'deadLetters'
  | 'acks'
  | 'checkpoints'
  | 'fromDisk'
  | 'fromDiskBytes';

/** What is counted of one group on one topic. */
export class GroupStatistics {
  readonly group: string;
  readonly gets: StatsItem;
  readonly getBytes: StatsItem;
  /** What happens in few groups. */
  readonly rare: { [Name in RareItem]?: StatsItem } = {};
  readonly #topic: TopicStatistics;
  readonly #all: Statistics;
  readonly #ticks: Ticks;
  /** Milliseconds that pulls took, by queue id, with holes. */
  readonly #latencies: (StatsItem | undefined)[] = [];
  /** Where the last pull of a queue began, by queue id, with holes. */
  readonly #pullOffsets: (number | undefined)[] = [];

  constructor(group: string, topic: TopicStatistics, all: Statistics, ticks: Ticks) {
    this.group = group;
    this.#topic = topic;
    this.#all = all;
    this.#ticks = ticks;
    this.gets = new StatsItem(ticks);
    this.getBytes = new StatsItem(ticks);
  }

  /** One answer carried so many messages of a queue and took so long to read. */
  got(queueId: number, messages: number, bytes: number, elapsedMs: number): void {
    this.gets.add(messages, 1);
    this.getBytes.add(bytes, 1);
    let latency = this.#latencies[queueId];
    if (latency === undefined) {
      latency = new StatsItem(this.#ticks);
      this.#latencies[queueId] = latency;
    }
    latency.add(elapsedMs, 1);
    const all = this.#all;
    all.found(elapsedMs);
    all.brokerGets.add(messages, 0);
    if (!this.#topic.isSystem) all.getsWithoutSystem.add(messages, 0);
  }

  /** One call of that kind, about so many messages or bytes. */
  count(name: RareItem, value: number): void {
    let item = this.rare[name];
    if (item === undefined) {
      item = new StatsItem(this.#ticks);
      this.rare[name] = item;
    }
    item.add(value, 1);
  }

  latency(queueId: number): StatsItem | undefined {
    return this.#latencies[queueId];
  }

  /** Undefined when the group never pulled from the queue. */
  pullOffset(queueId: number): number | undefined {
    return this.#pullOffsets[queueId];
  }

  notePull(queueId: number, offset: number): void {
    this.#pullOffsets[queueId] = offset;
  }
}
