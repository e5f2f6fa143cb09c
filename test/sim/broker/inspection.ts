import { physicalOffset, queueOffset } from '../../../src/base/index.ts';
import { delaySourceProperty, type LocalStore, type Store } from '../../../src/views/index.ts';
import {
  decodeMetadataRecord,
  METADATA_TOPIC,
  MetadataTables,
} from '../../../src/views/metadata/index.ts';
import type { Queue } from '../../../src/views/queues/index.ts';
import { SCHEDULE_TOPIC } from '../../../src/views/schedule/index.ts';
import { decodeStoredMessage, type StoredMessage } from '../../../src/wire/index.ts';
import { ensure } from './violation.ts';

/** The positions of a store, in the order of docs/protocol.md, and how they may move. Asked after each event. */
export class PositionWatch {
  readonly #store: Store;
  #commitPoint = 0;
  #durablePoint = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  check(): void {
    const { log, tables, queues, commitPoint, durablePoint } = this.#store;
    const { begin, end, written, synced } = log;
    const applied = tables.appliedPosition;
    const isOrdered =
      begin <= synced &&
      tables.persistedPosition <= applied &&
      tables.persistedPosition <= synced &&
      queues.persistedPosition <= synced &&
      applied <= durablePoint &&
      durablePoint <= commitPoint &&
      commitPoint <= end &&
      durablePoint <= synced &&
      synced <= written &&
      written <= end;
    ensure(
      isOrdered && commitPoint >= this.#commitPoint && durablePoint >= this.#durablePoint,
      'invariant',
      () =>
        `positions out of order: begin ${begin}, persisted ${tables.persistedPosition} and ${queues.persistedPosition}, ` +
        `applied ${applied}, D ${durablePoint}, C ${commitPoint}, synced ${synced}, written ${written}, end ${end}`,
    );
    this.#commitPoint = commitPoint;
    this.#durablePoint = durablePoint;
  }
}

/** The messages of a queue that lie in the log, in its order. */
export type QueueContent = readonly StoredMessage[];

/** By topic and queue id. */
export type LogContent = ReadonlyMap<string, ReadonlyMap<number, QueueContent>>;

/**
 * Reads the whole log of an idle store: the messages of each queue of the topics that exist, by topic and queue id.
 * Fails when the queues do not say the same. When the log begins at 0 and `replay` is wanted, compares the tables with
 * those that follow from it.
 */
export async function readLog(
  local: LocalStore,
  options: { readonly replay: boolean },
): Promise<LogContent> {
  const { store } = local;
  const { log, tables } = store;
  const content = new Map<string, Map<number, StoredMessage[]>>();
  let lastStoredAt = 0;
  const fresh = options.replay && log.begin === 0 ? new MetadataTables() : undefined;
  await log.scan(log.begin, log.written, ({ bytes, at, size, position }) => {
    const record = decodeStoredMessage(bytes.slice(at, at + size));
    const { storeTimestamp } = record;
    ensure(
      storeTimestamp >= lastStoredAt,
      'invariant',
      () =>
        `the record at ${position} is stored at ${storeTimestamp}, the one before at ${lastStoredAt}`,
    );
    lastStoredAt = storeTimestamp;
    if (record.topic === METADATA_TOPIC && fresh !== undefined) {
      const end = physicalOffset(position + size);
      const metadata = decodeMetadataRecord(record.body);
      fresh.append({ ...metadata, timestamp: record.storeTimestamp }, position, end);
      fresh.apply(end);
    }
    const row = tables.appended.topicRow(record.topic);
    if (row === undefined || row.createdAt > position) return;
    let queues = content.get(record.topic);
    if (queues === undefined) {
      queues = new Map();
      content.set(record.topic, queues);
    }
    const queue = queues.get(record.queueId);
    if (queue === undefined) queues.set(record.queueId, [record]);
    else queue.push(record);
  });
  if (fresh !== undefined) compareTables(fresh, tables);
  for (const topicQueues of store.queues) {
    ensure(
      tables.appended.topicRow(topicQueues.topic)?.createdAt === topicQueues.incarnation,
      'P2',
      () => `queues of ${topicQueues.topic} are kept, which was deleted`,
    );
    for (const queue of topicQueues) {
      await compareQueue(store, queue, content.get(queue.topic)?.get(queue.queueId) ?? []);
    }
  }
  return content;
}

/**
 * Each delayed message was delivered exactly once, in the order of its level, as it was sent; those from `until` on may
 * still wait (undefined: none may). One whose topic was deleted since is not delivered.
 */
export function checkDeliveries(
  store: Store,
  content: LogContent,
  until: (queueId: number) => number | undefined,
): void {
  const copies = new Map<string, StoredMessage>();
  for (const record of [...content.values()].flatMap((queues) => [...queues.values()].flat())) {
    const source = record.properties.get(delaySourceProperty);
    if (source === undefined) continue;
    const other = copies.get(source)?.physicalOffset;
    const { physicalOffset: position } = record;
    ensure(other === undefined, 'P4', () => `${source} was delivered at ${other} and ${position}`);
    copies.set(source, record);
  }
  for (const [queueId, records] of content.get(SCHEDULE_TOPIC) ?? []) {
    let lastAt = 0;
    for (const record of records) {
      const { queueOffset: offset, physicalOffset: position, properties } = record;
      const what = `the message that waited at ${queueId}:${offset}, position ${position},`;
      const copy = copies.get(`${queueId}:${offset}`);
      if (copy === undefined) {
        const row = store.tables.appended.topicRow(properties.get('REAL_TOPIC') ?? '');
        const isAlive = row !== undefined && row.createdAt <= position;
        const mayWait = offset >= (until(queueId) ?? Number.POSITIVE_INFINITY);
        ensure(!isAlive || mayWait, 'P4', () => `${what} was not delivered`);
        continue;
      }
      const isSame = Buffer.compare(copy.body, record.body) === 0;
      ensure(isSame, 'P4', () => `${what} was delivered with other bytes`);
      ensure(copy.physicalOffset > lastAt, 'P4', () => `${what} was delivered before another`);
      lastAt = copy.physicalOffset;
    }
  }
}

function compareTables(fresh: MetadataTables, tables: MetadataTables): void {
  const text = (digest: unknown): string =>
    JSON.stringify(digest, (_key, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value instanceof Map ? [...value] : value,
    );
  const [expected, found] = [text(fresh.digest('appended')), text(tables.digest('appended'))];
  ensure(
    expected === found,
    'invariant',
    () => `the digest of the tables is ${found}, and the log gives ${expected}`,
  );
}

async function compareQueue(store: Store, queue: Queue, records: QueueContent): Promise<void> {
  const name = `queue ${queue.topic}/${queue.queueId}`;
  const first = records[0]?.queueOffset ?? queue.next;
  ensure(
    queue.min <= first && queue.next === first + records.length,
    'P4',
    () =>
      `${name} is ${queue.min}..${queue.next}, and the log has ${first}..${first + records.length}`,
  );
  ensure(
    queue.min === first,
    'P4',
    () => `${name} begins at ${queue.min}, and the log has nothing below ${first}`,
  );
  for (let offset: number = queue.min; offset < queue.next; ) {
    const entries = await store.queues.read(queue, queueOffset(offset), 64, store.log.written);
    ensure(entries.count > 0, 'P4', () => `${name} has no entry at ${offset}`);
    for (let index = 0; index < entries.count; index++) {
      const record = records[offset - queue.min];
      ensure(
        record?.queueOffset === offset &&
          record.physicalOffset === entries.position(index) &&
          record.size === entries.size(index),
        'P4',
        () =>
          `${name}: entry ${offset} is at ${entries.position(index)}, and the log has ${record?.queueOffset} at ${record?.physicalOffset}`,
      );
      offset++;
    }
  }
}
