import { Table, type TableNumber, tableNumbers } from './catalogue.ts';
import type { KeyText } from './key-text.ts';
import { offsetKeyTextOf, splitOffsetKey } from './tables/consumer-offset.ts';

/** What is known per key of one table. Iteration is in the order in which keys were inserted (offsets: group by group). */
export interface RowMap<V> {
  readonly size: number;
  get(key: KeyText): V | undefined;
  set(key: KeyText, value: V): void;
  delete(key: KeyText): void;
  entries(prefix: KeyText): Iterable<readonly [KeyText, V]>;
}

/** The row maps of all tables, one per table number. */
export class TableMaps<V> {
  readonly topic = new FlatRowMap<V>();
  readonly subscriptionGroup = new FlatRowMap<V>();
  readonly consumerOffset = new OffsetRowMap<V>();
  readonly resetOffset = new OffsetRowMap<V>();
  readonly messageRequestMode = new FlatRowMap<V>();
  readonly #maps: Readonly<Record<TableNumber, RowMap<V>>> = {
    [Table.topic]: this.topic,
    [Table.subscriptionGroup]: this.subscriptionGroup,
    [Table.consumerOffset]: this.consumerOffset,
    [Table.resetOffset]: this.resetOffset,
    [Table.messageRequestMode]: this.messageRequestMode,
  };

  of(table: TableNumber): RowMap<V> {
    return this.#maps[table];
  }

  get size(): number {
    let size = 0;
    for (const table of tableNumbers) size += this.#maps[table].size;
    return size;
  }
}

export class FlatRowMap<V> implements RowMap<V> {
  readonly #rows = new Map<KeyText, V>();

  get size(): number {
    return this.#rows.size;
  }

  get(key: KeyText): V | undefined {
    return this.#rows.get(key);
  }

  set(key: KeyText, value: V): void {
    this.#rows.set(key, value);
  }

  delete(key: KeyText): void {
    this.#rows.delete(key);
  }

  *entries(prefix: KeyText): Iterable<readonly [KeyText, V]> {
    for (const entry of this.#rows) if (entry[0].startsWith(prefix)) yield entry;
  }
}

/** By group, then topic, then queue: what belongs to a group or a topic is found without walking all offsets. */
export class OffsetRowMap<V> implements RowMap<V> {
  readonly #groups = new Map<KeyText, Map<KeyText, Map<number, V>>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  at(group: KeyText, topic: KeyText, queueId: number): V | undefined {
    return this.#groups.get(group)?.get(topic)?.get(queueId);
  }

  get(key: KeyText): V | undefined {
    const { group, topic, queueId } = splitOffsetKey(key);
    return this.at(group, topic, queueId);
  }

  set(key: KeyText, value: V): void {
    const { group, topic, queueId } = splitOffsetKey(key);
    const topics = childOf(this.#groups, group);
    const queues = childOf(topics, topic);
    const before = queues.size;
    queues.set(queueId, value);
    this.#size += queues.size - before;
  }

  delete(key: KeyText): void {
    const { group, topic, queueId } = splitOffsetKey(key);
    const topics = this.#groups.get(group);
    const queues = topics?.get(topic);
    if (topics === undefined || queues === undefined || !queues.delete(queueId)) return;
    this.#size--;
    if (queues.size > 0) return;
    topics.delete(topic);
    if (topics.size === 0) this.#groups.delete(group);
  }

  *entries(prefix: KeyText): Iterable<readonly [KeyText, V]> {
    const groupEnd = prefix.indexOf('\0');
    if (groupEnd < 0) {
      for (const group of this.#groups.keys()) {
        if (group.startsWith(prefix)) yield* this.#entriesOfGroup(group);
      }
      return;
    }
    for (const entry of this.#entriesOfGroup(prefix.slice(0, groupEnd))) {
      if (entry[0].startsWith(prefix)) yield entry;
    }
  }

  *entriesOfTopic(topic: KeyText): Iterable<readonly [KeyText, V]> {
    for (const [group, topics] of this.#groups) {
      const queues = topics.get(topic);
      if (queues === undefined) continue;
      for (const [queueId, value] of queues) yield [offsetKeyTextOf(group, topic, queueId), value];
    }
  }

  *#entriesOfGroup(group: KeyText): Iterable<readonly [KeyText, V]> {
    for (const [topic, queues] of this.#groups.get(group) ?? []) {
      for (const [queueId, value] of queues) yield [offsetKeyTextOf(group, topic, queueId), value];
    }
  }
}

function childOf<K, V>(parents: Map<KeyText, Map<K, V>>, key: KeyText): Map<K, V> {
  const known = parents.get(key);
  if (known !== undefined) return known;
  const made = new Map<K, V>();
  parents.set(key, made);
  return made;
}
