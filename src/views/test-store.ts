/** What tests of the store share: a small store on a simulated node, topics, and messages that tell who wrote them. */
import { strict as assert } from 'node:assert';
import { type SimLogLine, type SimNode, SimWorld } from '../../test/sim/ports/index.ts';
import { brokerId, type Failure, queueOffset } from '../base/index.ts';
import { bodyRangeAt } from '../wire/index.ts';
import { LocalStore, type LocalStoreOptions } from './local-store.ts';
import {
  createOrUpdateTopic,
  type Decision,
  deleteTopic,
  type MetadataSettings,
  topicDefaults,
} from './metadata/index.ts';
import type { Queue } from './queues/index.ts';
import { RecordProperties } from './record-properties.ts';
import type { NewMessage, Store } from './store.ts';
import type { GaveUp, Waiter } from './wait-line.ts';

const hour = 3_600_000;
const everyHour = Array.from({ length: 24 }, (_, hourOfDay) => hourOfDay);

/** Everything that keeps a store happens only when a test asks for it. */
export const quiet: LocalStoreOptions = {
  folder: '/store',
  self: brokerId(0),
  syncFlush: false,
  flushIntervalMs: 10 * hour,
  keyIndex: true,
  delayLevelsMs: [1000, 5000],
  inSyncReplicas: 1,
  maxUncommittedBytes: 2 ** 20,
  log: {
    segmentBytes: 16 * 1024,
    maxRecordBytes: 8 * 1024,
    tailBytes: 32 * 1024,
    chunkBytes: 8 * 1024,
    syncedMarkIntervalMs: 20,
  },
  persistIntervalMs: 10 * hour,
  queueMemoryBytes: 2 ** 20,
  intervalMs: 10 * hour,
  retainMs: hour,
  deleteHours: everyHour,
  maxUsedRatio: 0.75,
  maxLogBytes: 0,
  cleanForciblyRatio: 0.85,
  refuseWritesRatio: 0.9,
  snapshotIntervalMs: 10 * hour,
  databaseFlushIntervalMs: 10 * hour,
  scrubIntervalMs: 10 * hour,
};

const settings: MetadataSettings = {
  clusterName: 'cluster',
  brokerName: 'broker',
  autoCreateTopics: true,
  autoCreateGroups: true,
  defaultTopicQueues: 8,
  clusterTopic: true,
  brokerTopic: true,
  traceTopic: false,
  traceTopicName: 'RMQ_SYS_TRACE_TOPIC',
  mixedMessageType: false,
  maxTopicQueues: 65_536,
};

export class TestStore {
  readonly world: SimWorld;
  readonly node: SimNode;
  readonly options: LocalStoreOptions;
  readonly lines: SimLogLine[] = [];
  failed: Failure | undefined;
  #local: LocalStore | undefined;

  constructor(changes: Partial<LocalStoreOptions> = {}, seed: number | string = 1) {
    this.world = new SimWorld(seed, { log: (line) => void this.lines.push(line) });
    this.node = this.world.node('n');
    this.options = { ...quiet, ...changes };
  }

  static async open(
    changes: Partial<LocalStoreOptions> = {},
    seed: number | string = 1,
  ): Promise<TestStore> {
    const store = new TestStore(changes, seed);
    await store.open();
    return store;
  }

  get local(): LocalStore {
    assert(this.#local !== undefined, 'opened');
    return this.#local;
  }

  get store(): Store {
    return this.local.store;
  }

  async open(): Promise<void> {
    const { clock, disk, keyValueStores, random, logger, bootId } = this.node;
    const ports = { clock, disk, keyValueStores, random, logger, bootId };
    this.#local = await this.complete(LocalStore.open(this.options, ports));
    this.store.onFatal = (failure) => {
      this.failed = failure;
    };
    await this.complete(this.local.promote());
    await this.idle();
  }

  async close(): Promise<void> {
    await this.complete(this.local.close());
  }

  /** Ends the process, does something to what is stored, and opens it again. */
  async crash(options: { readonly powerLoss: boolean }, meanwhile?: () => Promise<void>) {
    this.node.crash(options);
    this.node.restart();
    await meanwhile?.();
    await this.open();
  }

  async complete<T>(promise: Promise<T>): Promise<T> {
    return await this.world.complete(promise, { forMs: 60_000 });
  }

  /** Lets the turn end and what it began in the background be done. */
  async idle(): Promise<void> {
    await this.world.run({ forMs: 200 });
  }

  /** Writes and fsyncs, and writes the views to their databases; flushes those with `flush`. */
  async settle(): Promise<void> {
    await this.complete(this.store.syncAll());
    await this.idle();
  }

  async maintain(): Promise<void> {
    await this.complete(this.local.maintenance.run());
  }

  // Topics.

  change(decision: Decision): void {
    assert('entries' in decision, JSON.stringify(decision));
    this.store.change('definition', decision.entries, 'test');
  }

  createTopicNow(topicName: string, queues = 1): void {
    const numbers = { readQueueNums: queues, writeQueueNums: queues };
    const config = { ...topicDefaults, ...numbers, topicName };
    this.change(createOrUpdateTopic(this.store.tables.appended, config, settings));
  }

  async createTopic(topicName: string, queues = 1): Promise<void> {
    this.createTopicNow(topicName, queues);
    await this.settle();
  }

  deleteTopicNow(topicName: string): void {
    this.change(deleteTopic(this.store.tables.appended, topicName, settings));
  }

  queue(topic: string, queueId = 0): Queue {
    const row = this.store.tables.appended.topicRow(topic);
    assert(row !== undefined, `topic ${topic}`);
    return this.store.queues.topic(topic, row.createdAt).queue(queueId);
  }

  // Messages.

  appendNow(topic: string, body: string | Uint8Array, queueId = 0): void {
    this.store.append(this.message(topic, body, queueId));
  }

  message(topic: string, body: string | Uint8Array, queueId = 0): NewMessage {
    const properties = new TextEncoder().encode(`KEYS\u0001key-${topic}\u0002`);
    const known = new RecordProperties();
    known.scan(properties, 0, properties.length);
    return {
      queue: this.queue(topic, queueId),
      topic: new TextEncoder().encode(topic),
      flag: 0,
      sysFlag: 0,
      bornTimestamp: 0,
      bornHost: Uint8Array.of(127, 0, 0, 1, 0, 0, 0, 1),
      reconsumeTimes: 0,
      preparedTransactionOffset: 0,
      body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
      properties,
      propertiesLength: properties.length,
      known,
      tagsCode: 0,
    };
  }

  async append(topic: string, body: string | Uint8Array, queueId = 0): Promise<void> {
    this.appendNow(topic, body, queueId);
    await this.idle();
  }

  /** Appends large messages until the log is in its `count`-th next segment. */
  async fillSegments(count: number, topic = 'filler'): Promise<void> {
    if (this.store.tables.appended.topicRow(topic) === undefined) await this.createTopic(topic);
    const { segments } = this.store.log;
    const sealed = (): number => segments.call(this.store.log).at(-1)?.base ?? 0;
    for (let rolled = 0, last = sealed(); rolled < count; ) {
      await this.append(topic, new Uint8Array(3000));
      if (sealed() === last) continue;
      last = sealed();
      rolled++;
    }
  }

  /** Smallest and next offset of a queue, and the bodies in between. */
  async contentOf(topic: string, queueId = 0): Promise<[min: number, next: number, ...string[]]> {
    const queue = this.queue(topic, queueId);
    const { store } = this;
    const bodies: string[] = [];
    for (let offset: number = queue.min; offset < queue.readable(store.commitPoint); ) {
      const read = store.queues.read(queue, queueOffset(offset), 32, store.commitPoint);
      const entries = read instanceof Promise ? await this.complete(read) : read;
      assert(entries.count > 0, `entries of ${topic}/${queueId} from ${offset}`);
      for (let index = 0; index < entries.count; index++, offset++) {
        const { log } = store;
        const record = await this.complete(log.read(entries.position(index), entries.size(index)));
        const { start, end } = bodyRangeAt(record, 0);
        bodies.push(new TextDecoder().decode(record.subarray(start, end)));
      }
    }
    return [queue.min, queue.next, ...bodies];
  }
}

/** Notes what it was told. */
export class TestWaiter implements Waiter {
  outcome: 'reached' | GaveUp | undefined;
  why: Failure | undefined;

  reached(): void {
    assert(this.outcome === undefined, 'told once');
    this.outcome = 'reached';
  }

  gaveUp(outcome: GaveUp, why: Failure): void {
    assert(this.outcome === undefined, 'told once');
    this.outcome = outcome;
    this.why = why;
  }
}
