import assert from 'node:assert/strict';
import {
  epoch,
  type KeyValue,
  type Mutation,
  type PhysicalOffset,
  physicalOffset,
  type Range,
  timestampMs,
} from '../../base/index.ts';
import {
  type Decision,
  type Entry,
  type MetadataSettings,
  MetadataTables,
  type RecordClass,
  type TimedRecord,
  type TopicConfig,
  topicDefaults,
} from './index.ts';

export const settings: MetadataSettings = {
  clusterName: 'lab',
  brokerName: 'b1',
  autoCreateTopics: true,
  autoCreateGroups: true,
  defaultTopicQueues: 8,
  clusterTopic: true,
  brokerTopic: true,
  traceTopic: false,
  traceTopicName: 'RMQ_SYS_TRACE_TOPIC',
  mixedMessageType: false,
  maxTopicQueues: 1024,
};

export function topicConfig(topicName: string, fields: Partial<TopicConfig> = {}): TopicConfig {
  return { ...topicDefaults, topicName, readQueueNums: 4, writeQueueNums: 4, ...fields };
}

export interface LoggedRecord {
  readonly record: TimedRecord;
  readonly start: PhysicalOffset;
  readonly end: PhysicalOffset;
}

/** Tables and the log that feeds them; records are 100 bytes long and 50 bytes apart. */
export class TestLog {
  readonly tables: MetadataTables;
  records: LoggedRecord[] = [];
  end = physicalOffset(0);

  constructor(tables = new MetadataTables()) {
    this.tables = tables;
  }

  /** Appends what was decided; fails if it was refused. */
  run(decision: Decision, recordClass: RecordClass = 'definition'): Decision {
    if ('refused' in decision) assert.fail(decision.refused.remark);
    if ('entries' in decision) this.append(decision.entries, recordClass);
    return decision;
  }

  append(entries: readonly Entry[], recordClass: RecordClass = 'definition'): void {
    const sequence = this.tables.nextSequence;
    const record: TimedRecord = {
      class: recordClass,
      epoch: epoch(1),
      sequence,
      timestamp: timestampMs(1_000_000 + sequence),
      cause: '',
      ...(recordClass === 'definition' ? { digest: this.tables.digestAfter(entries) } : {}),
      entries,
    };
    const start = physicalOffset(this.end + 50);
    this.feed({ record, start, end: physicalOffset(start + 100) });
  }

  feed(logged: LoggedRecord): void {
    this.tables.append(logged.record, logged.start, logged.end);
    this.records.push(logged);
    this.end = logged.end;
  }

  applyAll(): void {
    this.tables.apply(this.end);
  }

  cut(position: PhysicalOffset): readonly Entry[] {
    const dropped = this.tables.cut(position);
    this.records = this.records.filter(({ start }) => start < position);
    this.end = this.records.at(-1)?.end ?? this.tables.appliedPosition;
    return dropped;
  }
}

/** All that can be seen of tables, to be compared. */
export function dump(tables: MetadataTables, view: 'appended' | 'applied'): unknown {
  const rows = Array.from(tables[view].all(), ([table, key, { value, version, createdAt }]) =>
    [table, key, Buffer.from(value).toString('latin1'), version, createdAt].join(' '),
  ).sort();
  return { rows, digest: tables.digest(view) };
}

/** A database in memory whose writes happen at once. */
export class MemoryKeyValue implements KeyValue {
  readonly rows = new Map<string, Uint8Array>();

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.rows.get(latin1(key));
  }

  getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    return Promise.all(keys.map((key) => this.get(key)));
  }

  async *scan({
    from,
    to,
    limit = Number.POSITIVE_INFINITY,
  }: Range): AsyncGenerator<readonly [Uint8Array, Uint8Array]> {
    const keys = [...this.rows.keys()].filter((key) => key >= latin1(from) && key < latin1(to));
    for (const key of keys.sort().slice(0, limit)) {
      yield [Buffer.from(key, 'latin1'), this.rows.get(key) as Uint8Array];
    }
  }

  async write(batch: readonly Mutation[]): Promise<void> {
    for (const mutation of batch) {
      assert.notEqual(mutation.type, 'deleteRange');
      if (mutation.type === 'put') this.rows.set(latin1(mutation.key), mutation.value.slice());
      if (mutation.type === 'delete') this.rows.delete(latin1(mutation.key));
    }
  }

  async flush(): Promise<void> {}
  async close(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Writes the next batch, if there is one. */
export async function persist(tables: MetadataTables, keyValue: KeyValue): Promise<void> {
  const batch = tables.takeBatch();
  if (batch === undefined) return;
  await keyValue.write(batch.batch);
  batch.done();
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
