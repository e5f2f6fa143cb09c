import { GroupStatistics } from './group-statistics.ts';
import type { Statistics } from './statistics.ts';
import { StatsItem } from './stats-item.ts';
import type { Ticks } from './ticks.ts';

/** Kinds of messages, as metrics name them. Source: `TopicMessageType`. */
export const messageKinds = ['normal', 'fifo', 'delay', 'transaction'] as const;
export type MessageKind = (typeof messageKinds)[number];

/** Upper bounds of the classes of stored sizes, in bytes. Source: `BrokerMetricsManager`. */
export const sizeBounds = [1024, 4096, 524_288, 1_048_576, 2_097_152, 4_194_304] as const;

const noSizes = [...sizeBounds.map(() => 0), 0];

/** Messages of one kind that were stored in a topic. */
export class KindStatistics {
  messages = 0;
  bytes = 0;
  /** Requests by the size of what they stored; the last class has no bound. A typed array takes three times the memory. */
  readonly sizes: number[] = noSizes.slice();

  add(messages: number, bytes: number): void {
    this.messages += messages;
    this.bytes += bytes;
    let at = 0;
    while (at < sizeBounds.length && bytes > (sizeBounds[at] as number)) at++;
    // In range: the last class has no bound.
    (this.sizes[at] as number)++;
  }
}

/** What is counted of one topic. */
export class TopicStatistics {
  readonly name: string;
  readonly isSystem: boolean;
  readonly puts: StatsItem;
  readonly putBytes: StatsItem;
  readonly kinds: { [Kind in MessageKind]?: KindStatistics } = {};
  readonly #all: Statistics;
  readonly #ticks: Ticks;
  /** Most of a hundred thousand topics have none, and an empty map is not small. */
  #groups: Map<string, GroupStatistics> | undefined;

  constructor(name: string, isSystem: boolean, all: Statistics, ticks: Ticks) {
    this.name = name;
    this.isSystem = isSystem;
    this.#all = all;
    this.#ticks = ticks;
    this.puts = new StatsItem(ticks);
    this.putBytes = new StatsItem(ticks);
  }

  /** One request stored so many messages of the topic. */
  put(messages: number, bytes: number, kind: MessageKind = 'normal'): void {
    this.puts.add(messages, 1);
    this.putBytes.add(bytes, 1);
    let ofKind = this.kinds[kind];
    if (ofKind === undefined) {
      ofKind = new KindStatistics();
      this.kinds[kind] = ofKind;
    }
    ofKind.add(messages, bytes);
    const all = this.#all;
    // RocketMQ does not count the calls of the broker's own items.
    all.brokerPuts.add(messages, 0);
    all.brokerPutBytes.add(bytes, 0);
    if (!this.isSystem) all.putsWithoutSystem.add(messages, 0);
  }

  /** Gets or creates what is counted of a group that consumes the topic. */
  group(name: string): GroupStatistics {
    this.#groups ??= new Map();
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = new GroupStatistics(name, this, this.#all, this.#ticks);
      this.#groups.set(name, group);
    }
    return group;
  }

  findGroup(name: string): GroupStatistics | undefined {
    return this.#groups?.get(name);
  }

  groups(): Iterable<GroupStatistics> {
    return this.#groups?.values() ?? [];
  }

  forgetGroup(name: string): void {
    this.#groups?.delete(name);
  }
}
