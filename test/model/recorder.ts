// Holds what happens to a simulated group against the invariants of the model: after each event what the nodes have is
// put into the words of docs/model/replication.qnt. What a leader may answer counts as answered, as it does there.

import { crc32 } from 'node:zlib';
import type { Broker } from '../../src/broker/broker.ts';
import type { TestReplica } from '../../src/broker/replication/test-group.ts';
import { EPOCH_TOPIC } from '../../src/log/index.ts';
import type { LocalStore } from '../../src/views/index.ts';
import { checkRecord, queueIdAt, queueOffsetAt, topicRangeAt } from '../../src/wire/index.ts';
import type { SimNode } from '../sim/ports/index.ts';
import type { State } from './search.ts';
import { ListValue, MapValue, RecordValue, type SetValue, setOf, type Value } from './values.ts';

/** Of the model: the variables that its invariants read. */
const variables = ['nodes', 'acknowledged', 'lost', 'undone'] as const;

/** A record of the log, as the model sees it. */
interface Entry {
  readonly value: RecordValue;
  readonly id: number;
  readonly epoch: number;
  readonly isAnswered: boolean;
  /** Of the log, exclusive. */
  readonly end: number;
}

/** What a node was seen to have. While it is down that is what it had. */
interface Seen {
  readonly replica: TestReplica;
  /** Of its broker; 0 before it has one. */
  id: number;
  broker: Broker | undefined;
  local: LocalStore | undefined;
  incarnation: number;
  /** It started, and its log was not looked at since. */
  isNewStart: boolean;
  log: Entry[];
  written: number;
  promised: number;
  /** How many entries its tables have applied; they never undo. */
  applied: readonly Entry[];
  leads: number;
  serves: boolean;
  /** Of what it leads: entries that were looked at as messages, and as definitions. */
  committed: number;
  durable: number;
}

interface Acknowledgement {
  readonly value: RecordValue;
  readonly key: string;
}

export class Recorder {
  readonly #nodes: Seen[];
  readonly #acknowledged = new Map<string, Acknowledgement>();
  readonly #lost = new Map<string, RecordValue>();
  readonly #entries = new Map<string, { id: number; values: Map<number, RecordValue> }>();
  readonly #offsets = new Map<string, number>();
  #isUndone = false;
  /** Something else than the end of a log moved. */
  hasTurned = false;
  hasMoved = false;

  constructor(replicas: readonly TestReplica[]) {
    this.#nodes = replicas.map((replica) => ({
      replica,
      id: 0,
      broker: undefined,
      local: undefined,
      incarnation: 0,
      isNewStart: true,
      log: [],
      written: 0,
      promised: 0,
      applied: [],
      leads: 0,
      serves: false,
      committed: 0,
      durable: 0,
    }));
  }

  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  /** Looks at all nodes; cheap where nothing happened. */
  look(): void {
    for (const seen of this.#nodes) this.#look(seen);
  }

  /** The values of the variables, in the order in which the model declares them. */
  state(order: readonly string[]): State {
    const ids = this.#nodes.map((_, index) => index + 1);
    const nameless = ids.filter((id) => !this.#nodes.some((seen) => seen.id === id));
    const byId = new Map(this.#nodes.map((seen) => [seen.id || (nameless.pop() ?? 0), seen]));
    const values: Record<(typeof variables)[number], Value> = {
      nodes: new MapValue(
        ids,
        ids.map((id) => nodeValue(byId.get(id) as Seen)),
      ),
      acknowledged: setOf([...this.#acknowledged.values()].map(({ value }) => value)),
      lost: setOf([...this.#lost.values()]),
      undone: this.#isUndone,
    };
    this.hasTurned = false;
    this.hasMoved = false;
    return order.map((name) => {
      const short = name.slice(name.lastIndexOf(':') + 1);
      return short in values ? values[short as keyof typeof values] : 0;
    });
  }

  #look(seen: Seen): void {
    const { broker } = seen.replica;
    if (broker !== seen.broker) {
      seen.broker = broker;
      seen.local = undefined;
      if (broker !== undefined) {
        seen.incarnation++;
        seen.isNewStart = true;
      }
      this.#follows(seen);
    }
    const local = broker?.replica?.local;
    if (local === undefined) {
      if (seen.local !== undefined) this.#follows(seen);
      seen.local = undefined;
      return;
    }
    seen.id = broker?.describe().id ?? 0;
    this.#lookAtLog(seen, local);
    this.#lookAtRole(seen, local);
  }

  #follows(seen: Seen): void {
    seen.leads = 0;
    seen.serves = false;
    this.hasTurned = true;
  }

  #lookAtLog(seen: Seen, local: LocalStore): void {
    const { store } = local;
    const { written } = store.log;
    const isOther = local !== seen.local || written < seen.written;
    if (isOther || written > seen.written) {
      const from = isOther ? 0 : seen.written;
      const before = seen.log;
      if (isOther) seen.log = [];
      this.#read(seen, local, Math.max(from, store.log.begin), written);
      seen.written = written;
      this.hasMoved = true;
      if (isOther) {
        this.hasTurned = true;
        if (seen.isNewStart) this.#noteLost(seen.id, before, seen.log);
        seen.isNewStart = false;
        seen.local = local;
      }
    }
    if (local.promisedEpoch > seen.promised) {
      seen.promised = local.promisedEpoch;
      this.hasTurned = true;
    }
    const applied = countBelow(seen.log, store.tables.appliedPosition);
    if (applied > seen.applied.length) seen.applied = seen.log.slice(0, applied);
    if (seen.applied.length > seen.log.length) this.#isUndone = true;
  }

  #lookAtRole(seen: Seen, local: LocalStore): void {
    const { store } = local;
    const leads = store.role === 'leader' ? store.epoch : 0;
    const serves = leads > 0 && seen.broker?.describe().role === 'master';
    if (leads !== seen.leads || serves !== seen.serves) {
      this.hasTurned = true;
      if (leads !== seen.leads) {
        const first = seen.log.findIndex(({ epoch }) => epoch === leads);
        seen.committed = first < 0 ? seen.log.length : first;
        seen.durable = seen.committed;
      }
      seen.leads = leads;
      seen.serves = serves;
    }
    if (!serves) return;
    const relied = setOf([...store.positions.counted]);
    for (; seen.committed < seen.log.length; seen.committed++) {
      const entry = seen.log[seen.committed] as Entry;
      if (entry.end > store.commitPoint) break;
      this.#acknowledge(seen, seen.committed, false, relied);
    }
    const applied = seen.applied.length;
    for (; seen.durable < Math.min(applied, seen.log.length); seen.durable++) {
      const entry = seen.log[seen.durable] as Entry;
      if (entry.end > store.durablePoint) break;
      this.#acknowledge(seen, seen.durable, true, relied);
    }
  }

  #acknowledge(seen: Seen, position: number, definition: boolean, relied: SetValue): void {
    const entry = seen.log[position] as Entry;
    if (!entry.isAnswered || entry.epoch !== seen.leads) return;
    const key = `${entry.id} ${definition}`;
    if (this.#acknowledged.has(key)) return;
    const by = new RecordValue({ node: seen.id, incarnation: seen.incarnation });
    const value = new RecordValue({
      ...{ entry: entry.value, definition, position, epoch: seen.leads, by, relied },
    });
    this.#acknowledged.set(key, { value, key });
    this.hasMoved = true;
  }

  /** What a start does not find any more. */
  #noteLost(id: number, before: readonly Entry[], after: readonly Entry[]): void {
    for (const [index, entry] of before.entries()) {
      if (after[index]?.id === entry.id) continue;
      this.#lost.set(`${id} ${entry.id}`, new RecordValue({ node: id, id: entry.id }));
    }
  }

  #read(seen: Seen, { store }: LocalStore, from: number, to: number): void {
    const { log } = store;
    const { node, options } = seen.replica;
    for (let position = from; position < to; ) {
      const segmentStart =
        log.begin + Math.floor((position - log.begin) / log.segmentBytes) * log.segmentBytes;
      const end = Math.min(to, segmentStart + log.segmentBytes);
      const path = `${options.storePath}/commitlog/${String(segmentStart).padStart(20, '0')}`;
      const bytes = storedBytes(node, path, position - segmentStart, end - position);
      for (let at = 0; at < bytes.length; ) {
        const record = checkRecord(bytes, at, bytes.length - at, position + at);
        if (record.type !== 'record' && record.type !== 'blank') {
          throw new Error(`${path} at ${position + at}: ${JSON.stringify(record)}`);
        }
        if (record.type === 'record') {
          const content = bytes.subarray(at, at + record.size);
          seen.log.push(this.#entry(content, position + at, epochAt(log.epochs, position + at)));
        }
        at += record.size;
      }
      position = end;
    }
  }

  /** Entries with one id are the same bytes at the same place. */
  #entry(bytes: Uint8Array, position: number, epoch: number): Entry {
    const key = `${position} ${crc32(bytes)}`;
    let known = this.#entries.get(key);
    if (known === undefined) {
      known = { id: this.#entries.size, values: new Map() };
      this.#entries.set(key, known);
    }
    const { start, end } = topicRangeAt(bytes, 0);
    const topic = Buffer.from(bytes.subarray(start, end)).toString();
    const isAnswered = topic !== EPOCH_TOPIC;
    const isInternal = topic.startsWith('rmq_sys_');
    const place = `${topic} ${isInternal ? position : `${queueIdAt(bytes, 0)} ${queueOffsetAt(bytes, 0)}`}`;
    let value = known.values.get(epoch);
    if (value === undefined) {
      const offset = isAnswered ? this.#offset(place) : -1;
      value = new RecordValue({ id: known.id, epoch, offset });
      known.values.set(epoch, value);
    }
    return { value, id: known.id, epoch, isAnswered, end: position + bytes.length };
  }

  /** The model has one queue: each place in a queue here is a number there. */
  #offset(place: string): number {
    const known = this.#offsets.get(place) ?? this.#offsets.size;
    this.#offsets.set(place, known);
    return known;
  }
}

function nodeValue({ log, applied, promised, leads, serves }: Seen): RecordValue {
  return new RecordValue({
    ...{ promised, leads, serves },
    log: new ListValue(log.map(({ value }) => value)),
    applied: new ListValue(applied.map(({ value }) => value)),
  });
}

function countBelow(log: readonly Entry[], position: number): number {
  let low = 0;
  let high = log.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((log[middle] as Entry).end <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}

function epochAt(
  epochs: readonly { readonly epoch: number; readonly start: number }[],
  position: number,
): number {
  return epochs.findLast(({ start }) => start <= position)?.epoch ?? 0;
}

function storedBytes(node: SimNode, path: string, position: number, size: number): Uint8Array {
  const file = node.drive.find(path);
  if (file?.type !== 'file') throw new Error(`${path} is no file of ${node.name}`);
  const bytes = new Uint8Array(size);
  file.current.read(bytes, position);
  return bytes;
}
