import { Controller } from '../../../src/controller/controller.ts';
import type { CommitLog } from '../../../src/log/index.ts';
import {
  METADATA_TOPIC,
  MetadataReader,
  MetadataTables,
  Table,
} from '../../../src/views/metadata/index.ts';
import { Store } from '../../../src/views/store.ts';
import { recordSizeAt, topicRangeAt } from '../../../src/wire/index.ts';
import { type FileInode, SimDrive } from '../ports/index.ts';
import type { ClusterBug } from './golden-bugs.ts';
import { all, patched } from './patch.ts';

/** Faults of Apache RocketMQ, by the number of their issue, as what they would be here. */
export const upstreamBugs: readonly ClusterBug[] = [
  {
    name: '#9206: a slave has the definitions in memory only',
    // The check that each node makes of itself finds it too.
    breaks: ['P1', 'P10'],
    within: 100,
    // A byte of its log tells it at once; here it is the definitions that must be missed.
    options: { withoutLogs: true },
    introduce: () => {
      const followers = new WeakSet<MetadataTables>();
      return all(
        patched(
          Store.prototype,
          'ingest',
          (original) =>
            function (this: Store, bytes) {
              followers.add(this.tables);
              const from = this.log.end;
              original.call(this, bytes);
              hideMetadata(this.log, from, bytes);
            },
        ),
        patched(
          MetadataTables.prototype,
          'takeBatch',
          (original) =>
            function (this: MetadataTables) {
              return followers.has(this) ? undefined : original.call(this);
            },
        ),
      );
    },
  },
  {
    name: '#9984: a slave deletes all definitions and adds them again, each time that it synchronises',
    breaks: ['P1'],
    within: 100,
    introduce: () => {
      const empty = new WeakSet<MetadataReader>();
      const heard = new WeakMap<Store, number>();
      return all(
        patched(
          Store.prototype,
          'pointsFromLeader',
          (original) =>
            function (this: Store, commitPoint, durablePoint) {
              const count = (heard.get(this) ?? 0) + 1;
              heard.set(this, count);
              if (count % 20 === 0) empty.add(this.tables.applied);
              if (count % 20 === 4) empty.delete(this.tables.applied);
              original.call(this, commitPoint, durablePoint);
            },
        ),
        patched(
          MetadataReader.prototype,
          'topic',
          (original) =>
            function (this: MetadataReader, name) {
              return empty.has(this) ? undefined : original.call(this, name);
            },
        ),
        patched(
          MetadataReader.prototype,
          'group',
          (original) =>
            function (this: MetadataReader, name) {
              return empty.has(this) ? undefined : original.call(this, name);
            },
        ),
      );
    },
  },
  {
    // Of 2,000 upstream; a seed has some hundred topics.
    name: '#10195: a replica that is filled gets the first page of a table, of 10 entries',
    breaks: ['P1', 'P6'],
    within: 100,
    introduce: () =>
      patched(
        MetadataTables.prototype,
        'snapshotContent',
        (original) =>
          function (this: MetadataTables) {
            const content = original.call(this);
            const counts = new Map<number, number>();
            const rows = [...content.rows].filter(([table]) => {
              const count = (counts.get(table) ?? 0) + 1;
              counts.set(table, count);
              return count <= 10;
            });
            const { total: digest } = MetadataTables.restore({ ...content, rows }).digest(
              'applied',
            );
            return { ...content, rows, digest };
          },
      ),
  },
  {
    name: '#9499: a topic with an attribute stops a slave’s synchronisation of that round',
    breaks: ['P1', 'P6'],
    within: 100,
    introduce: () => {
      let isIngesting = false;
      return all(
        patched(
          Store.prototype,
          'ingest',
          (original) =>
            function (this: Store, bytes) {
              isIngesting = true;
              try {
                original.call(this, bytes);
              } finally {
                isIngesting = false;
              }
            },
        ),
        patched(
          MetadataTables.prototype,
          'append',
          (original) =>
            function (this: MetadataTables, record, start, end) {
              const hasAttribute = record.entries.some(
                (entry) =>
                  entry.table === Table.topic &&
                  entry.operation === 'put' &&
                  Buffer.from(entry.value ?? []).includes('message.type'),
              );
              if (!isIngesting || !hasAttribute) return original.call(this, record, start, end);
              const { digest: _, ...rest } = record;
              original.call(this, { ...rest, entries: [] }, start, end);
            },
        ),
      );
    },
  },
  {
    name: '#9616: definitions are answered before the other replicas have them',
    breaks: ['P1', 'P2'],
    within: 100,
    introduce: () => {
      // The beginning of an epoch is waited for all the same.
      const serving = new WeakSet<Store>();
      return all(
        patched(
          Store.prototype,
          'lead',
          (original) =>
            async function (this: Store, grant) {
              await original.call(this, grant);
              serving.add(this);
            },
        ),
        patched(
          Store.prototype,
          'whenDurable',
          (original) =>
            function (this: Store, position, waiter) {
              const early = Math.min(position, this.durablePoint) as typeof position;
              original.call(this, serving.has(this) ? early : position, waiter);
            },
        ),
      );
    },
  },
  {
    name: '#10666: a cut of the log is one in memory, and the old tail is back after a crash',
    // What is back in the place of what was written since is no log.
    breaks: ['P4', 'P10', 'invariant'],
    within: 100,
    options: { scenario: 'its log is cut when it comes back' },
    introduce: () => {
      const tails = new Map<FileInode, { readonly from: number; readonly bytes: Uint8Array }>();
      return all(
        patched(
          SimDrive.prototype,
          'truncate',
          (original) =>
            function (this: SimDrive, file, size) {
              const bytes = new Uint8Array(Math.max(0, file.current.size - size));
              file.current.read(bytes, size);
              if (bytes.some((byte) => byte !== 0)) tails.set(file, { from: size, bytes });
              original.call(this, file, size);
            },
        ),
        patched(
          SimDrive.prototype,
          'crash',
          (original) =>
            function (this: SimDrive, options) {
              original.call(this, options);
              for (const [file, { from, bytes }] of tails) {
                const now = new Uint8Array(bytes.length);
                file.current.read(now, from);
                file.write(
                  now.map((byte, index) => byte || (bytes[index] ?? 0)),
                  from,
                );
                file.sync(file.mark);
              }
              tails.clear();
            },
        ),
      );
    },
  },
  {
    name: '#10578: an election compares positions by the low 12 bits of their difference',
    breaks: ['P4'],
    within: 100,
    options: { scenario: 'all lose power' },
    introduce: () =>
      patched(
        Controller.prototype,
        'live',
        (original) =>
          function (this: Controller, name) {
            const cut = [...original.call(this, name)].map(
              ([id, live]) => [id, { ...live, end: live.end % 4096 }] as const,
            );
            return new Map(cut);
          },
      ),
  },
];

/** What was appended from there on says nothing of definitions any more, before it is written. */
function hideMetadata(log: CommitLog, from: number, bytes: Uint8Array): void {
  const name = Buffer.from(METADATA_TOPIC);
  for (let at = 0; at < bytes.length; ) {
    const size = recordSizeAt(bytes, at);
    const position = (from + at) as typeof log.end;
    const written = position + size <= log.end ? log.readTail(position, size) : undefined;
    if (written !== undefined) {
      const { start, end } = topicRangeAt(written, 0);
      const topic = written.subarray(start, end);
      if (name.equals(topic)) topic[0] = (topic[0] ?? 0) ^ 1;
    }
    at += size;
  }
}
