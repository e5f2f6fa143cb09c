import {
  type Disk,
  type DiskFile,
  isFailure,
  type PhysicalOffset,
  type QueueOffset,
} from '../../../src/base/index.ts';
import { OffsetCommits } from '../../../src/broker/offset-commits.ts';
import { LocalStore, Store } from '../../../src/views/index.ts';
import { MetadataTables, Table } from '../../../src/views/metadata/index.ts';
import { Queues } from '../../../src/views/queues/index.ts';
import { DelayProgress } from '../../../src/views/schedule/index.ts';
import { storeFolder } from './options.ts';
import type { PortWrappers } from './sim-broker.ts';

/** A bug that was or could have been, put back by means of the test tree: the simulation must notice it. */
export interface GoldenBug {
  /** Goes on after "it is noticed when". */
  readonly name: string;
  /** Seeds that are tried at most. */
  readonly within: number;
  /** Between the broker and its ports. */
  readonly wrappers?: PortWrappers;
  /** Changes the code under test; returns what undoes that. */
  readonly install?: () => () => void;
}

export const goldenBugs: readonly GoldenBug[] = [
  {
    name: 'the tables are written ahead of the synced log',
    within: 20,
    install: () =>
      patch(MetadataTables.prototype, 'takeBatch', (takeBatch) => {
        return function (this: MetadataTables) {
          this.apply(this.pendingEnd);
          return takeBatch.call(this);
        };
      }),
  },
  {
    name: 'the queues are written ahead of the synced log',
    within: 20,
    install: () =>
      patch(Queues.prototype, 'takeBatch', (takeBatch) => {
        return function (this: Queues, _synced, contained) {
          return takeBatch.call(this, contained, contained);
        };
      }),
  },
  {
    name: 'a queue begins at 0 again after all its messages have expired',
    within: 200,
    install: () => patch(Queues.prototype, 'raiseNext', () => () => {}),
  },
  {
    name: 'a message is acknowledged before its fsync',
    within: 20,
    // An asynchronous master, which a broker is unless told, waits for its own fsync.
    install: () =>
      patch(Store.prototype, 'whenSynced', () => {
        return function (this: Store, position, waiter) {
          this.whenWritten(position, waiter);
        };
      }),
  },
  {
    name: 'a definition is acknowledged before its fsync',
    within: 20,
    install: () =>
      installEarlyDefinitions((store, position, waiter) => store.whenCommitted(position, waiter)),
  },
  {
    name: 'a definition is acknowledged before it is written and applied',
    within: 20,
    install: () => installEarlyDefinitions((_store, _position, waiter) => waiter.reached()),
  },
  {
    name: 'a replay overlooks that a topic was deleted',
    within: 100,
    install: installReplayWithoutDeletes,
  },
  {
    name: 'a write to a full disk is taken for a success',
    within: 50,
    wrappers: { disk: (disk) => withFiles(disk, swallowFullDisk) },
  },
  {
    name: 'an fsync of the log does nothing',
    within: 20,
    wrappers: { disk: (disk) => withFiles(disk, (file) => withSync(file, async () => {})) },
  },
  {
    name: 'a failed fsync of the log is overlooked',
    within: 100,
    wrappers: {
      disk: (disk) => withFiles(disk, (file) => withSync(file, () => file.sync().catch(() => {}))),
    },
  },
  {
    name: 'messages that could not be written stay in their queues',
    within: 100,
    install: () => patch(Queues.prototype, 'cut', () => () => {}),
  },
  {
    name: 'a broker that was full stays so',
    within: 300,
    install: installLastingRefusal,
  },
  {
    name: 'an offset is shown before it is in the log',
    within: 100,
    install: installOffsetsShownEarly,
  },
  {
    name: 'queues are written as of an older position than the deletes they contain',
    within: 300,
    install: () => {
      const older = new WeakMap<Queues, { calls: number; position: PhysicalOffset }>();
      return patch(Queues.prototype, 'takeBatch', (takeBatch) => {
        return function (this: Queues, synced, contained) {
          const known = older.get(this) ?? { calls: 0, position: synced };
          if (known.calls++ % 10 === 0) known.position = synced;
          older.set(this, known);
          return takeBatch.call(this, known.position, contained);
        };
      });
    },
  },
  {
    name: 'delay progress is not recovered',
    within: 50,
    install: () =>
      patch(DelayProgress, 'load', () => async () => {
        // What the replay brings is there all the same.
        return new DelayProgress();
      }),
  },
  {
    name: 'delay progress is written ahead of the synced log',
    within: 50,
    install: () =>
      patch(DelayProgress.prototype, 'takeBatch', (takeBatch) => {
        return function (this: DelayProgress) {
          return takeBatch.call(this, Number.POSITIVE_INFINITY);
        };
      }),
  },
];

/** Replaces a method until the returned function is called. */
function patch<T extends object, K extends keyof T>(
  target: T,
  name: K,
  make: (original: T[K]) => T[K],
): () => void {
  const original = target[name];
  target[name] = make(original);
  return () => {
    target[name] = original;
  };
}

/** `wait` takes the place of waiting until a definition is durable and applied. */
function installEarlyDefinitions(
  wait: (...parameters: [Store, ...Parameters<Store['whenDurable']>]) => void,
): () => void {
  const definitions = new WeakMap<Store, Set<number>>();
  const undoChange = patch(Store.prototype, 'change', (change) => {
    return function (this: Store, recordClass, entries, cause) {
      const end = change.call(this, recordClass, entries, cause);
      if (recordClass === 'definition') {
        definitions.set(this, (definitions.get(this) ?? new Set()).add(end));
      }
      return end;
    };
  });
  const undoWait = patch(Store.prototype, 'whenDurable', (whenDurable) => {
    return function (this: Store, position, waiter) {
      if (definitions.get(this)?.has(position)) wait(this, position, waiter);
      else whenDurable.call(this, position, waiter);
    };
  });
  return () => {
    undoWait();
    undoChange();
  };
}

/** Only while a store opens, so that records of the running broker stay as they are. */
function installReplayWithoutDeletes(): () => void {
  let opening = 0;
  const undoOpen = patch(LocalStore, 'open', (open) => async (options, ports) => {
    opening++;
    try {
      return await open.call(LocalStore, options, ports);
    } finally {
      opening--;
    }
  });
  const undoAppend = patch(MetadataTables.prototype, 'append', (append) => {
    return function (this: MetadataTables, record, start, end) {
      const isDelete = ({ operation, table }: (typeof record.entries)[number]): boolean =>
        operation === 'delete' && table === Table.topic;
      const entries =
        opening > 0 ? record.entries.filter((entry) => !isDelete(entry)) : record.entries;
      const { digest: _digest, ...rest } = record;
      append.call(this, entries === record.entries ? record : { ...rest, entries }, start, end);
    };
  });
  return () => {
    undoAppend();
    undoOpen();
  };
}

function installLastingRefusal(): () => void {
  const original = Object.getOwnPropertyDescriptor(Store.prototype, 'refusal');
  if (original === undefined) throw new Error('a store has no refusal');
  Object.defineProperty(Store.prototype, 'refusal', {
    ...original,
    set(this: Store, failure: Store['refusal']) {
      if (failure !== undefined) original.set?.call(this, failure);
    },
  });
  return () => Object.defineProperty(Store.prototype, 'refusal', original);
}

/** A query answers what is pending at once. */
function installOffsetsShownEarly(): () => void {
  const pending = new WeakMap<OffsetCommits, Map<string, QueueOffset>>();
  const undoNote = patch(OffsetCommits.prototype, 'note', (note) => {
    return function (this: OffsetCommits, commit) {
      const values = pending.get(this) ?? new Map<string, QueueOffset>();
      pending.set(
        this,
        values.set(`${commit.group} ${commit.topic} ${commit.queueId}`, commit.offset),
      );
      note.call(this, commit);
    };
  });
  const undoQuery = patch(OffsetCommits.prototype, 'query', (query) => {
    return function (this: OffsetCommits, group, topic, queueId, inquirer) {
      const value = pending.get(this)?.get(`${group} ${topic} ${queueId}`);
      if (value === undefined) query.call(this, group, topic, queueId, inquirer);
      else inquirer.found(value);
    };
  });
  return () => {
    undoQuery();
    undoNote();
  };
}

/** The same disk, but for the files of the log. */
function withFiles(disk: Disk, change: (file: DiskFile) => DiskFile): Disk {
  return delegate(disk, {
    open: async (path, mode) => {
      const file = await disk.open(path, mode);
      return path.startsWith(`${storeFolder}/commitlog/`) ? change(file) : file;
    },
  });
}

function withSync(file: DiskFile, sync: () => Promise<void>): DiskFile {
  return delegate(file, { sync });
}

function swallowFullDisk(file: DiskFile): DiskFile {
  return delegate(file, {
    writeNow(bytes, position) {
      try {
        file.writeNow(bytes, position);
      } catch (error) {
        if (!isFailure(error, 'unavailable', 'diskFull')) throw error;
      }
    },
  });
}

/** The object with some of its methods replaced; its private state stays its own. */
function delegate<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(_target, name) {
      const replaced: unknown = Reflect.get(methods, name);
      if (replaced !== undefined) return replaced;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
