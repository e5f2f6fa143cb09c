import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  epoch,
  isFailure,
  metadataSequence,
  physicalOffset,
  queueOffset,
  timestampMs,
} from '../../base/index.ts';
import {
  commitOffsets,
  createOrUpdateGroup,
  createOrUpdateTopic,
  type Decision,
  decodeMetadataRecord,
  defaultGroup,
  deleteGroup,
  deleteTopic,
  type Entry,
  encodeMetadataRecord,
  type MetadataReader,
  MetadataTables,
  resetOffsets,
  Table,
  takeReset,
} from './index.ts';
import { dump, MemoryKeyValue, persist, settings, TestLog, topicConfig } from './test-tables.ts';

const put = (key: string, value: string, expected = 0): Entry => ({
  operation: 'put',
  table: Table.topic,
  key: Buffer.from(key),
  expected: expected === 0 ? 0 : metadataSequence(expected),
  value: Buffer.from(value),
});
const remove = (key: string, expected: number): Entry => ({
  operation: 'delete',
  table: Table.topic,
  key: Buffer.from(key),
  expected: metadataSequence(expected),
});
const create = (log: TestLog, name: string, fields = {}): Decision =>
  log.run(createOrUpdateTopic(log.tables.appended, topicConfig(name, fields), settings));

test('an appended record is seen by decisions at once, and by answers when it is durable', () => {
  const log = new TestLog();
  create(log, 't');
  assert.equal(log.tables.appended.topic('t')?.writeQueueNums, 4);
  assert.equal(log.tables.applied.topic('t'), undefined);
  assert.equal(log.tables.pendingRecords, 1);
  assert.deepEqual(log.tables.apply(physicalOffset(log.end - 1)), []);
  assert.equal(log.tables.applied.topic('t'), undefined);
  const changes = log.tables.apply(log.end);
  assert.equal(log.tables.applied.topic('t')?.writeQueueNums, 4);
  assert.deepEqual(
    changes.map(({ table, key, before, after }) => [
      table,
      Buffer.from(key).toString(),
      before,
      after?.createdAt,
    ]),
    [[Table.topic, 't', undefined, 50]],
  );
  assert.equal(log.tables.appliedPosition, log.end);
  assert.equal(log.tables.pendingEnd, log.end);
});

test('a topic that is deleted and made again is another incarnation, also while both are pending', () => {
  const log = new TestLog();
  create(log, 't');
  const first = log.tables.appended.topicRow('t');
  create(log, 't', { readQueueNums: 9 });
  assert.equal(log.tables.appended.topicRow('t')?.createdAt, first?.createdAt);
  log.run(deleteTopic(log.tables.appended, 't', settings));
  assert.equal(log.tables.appended.topicRow('t'), undefined);
  create(log, 't');
  const second = log.tables.appended.topicRow('t');
  assert.equal(second?.createdAt, log.records[3]?.start);
  assert.notEqual(second?.createdAt, first?.createdAt);
  const changes = log.tables.apply(log.end);
  assert.deepEqual(
    changes.map(({ before, after }) => [before?.createdAt, after?.createdAt]),
    [
      [undefined, first?.createdAt],
      [first?.createdAt, first?.createdAt],
      [first?.createdAt, undefined],
      [undefined, second?.createdAt],
    ],
  );
  assert.equal(log.tables.applied.topicRow('t'), second);
});

test('within one record entries follow each other', () => {
  const log = new TestLog();
  log.append([put('t', '{}')]);
  log.append([remove('t', 1), put('t', '{"perm":4}'), put('t', '{"perm":2}', 2)]);
  assert.equal(log.tables.appended.topic('t')?.perm, 2);
  assert.equal(log.tables.appended.topicRow('t')?.createdAt, log.records[1]?.start);
  const prefix: Entry = {
    ...remove('', 1),
    operation: 'deletePrefix',
    key: Buffer.from('a'),
    expected: 0,
  };
  log.append([put('a1', '{}'), put('a2', '{}'), prefix, put('a3', '{}')]);
  log.applyAll();
  assert.deepEqual(
    Array.from(log.tables.applied.topics(), ({ topicName }) => topicName),
    ['t', 'a3'],
  );
});

test('a record that does not fit ends the process and changes nothing', () => {
  const log = new TestLog();
  log.append([put('t', '{}')]);
  const before = dump(log.tables, 'appended');
  const wrong: (readonly Entry[])[] = [
    [put('t', '{}')],
    [put('t', '{}', 2)],
    [put('u', '{}', 1)],
    [remove('t', 2)],
    [remove('u', 1)],
    [put('u', '{}'), put('u', '{}')],
    [put('u', '{}'), remove('t', 1), put('t', '{}', 1)],
  ];
  for (const entries of wrong) {
    assert.throws(() => log.append(entries, 'progress'), { name: 'AssertionError' });
    assert.deepEqual(dump(log.tables, 'appended'), before);
  }
  const { record, end } = log.records[0] as TestLog['records'][0];
  const next = { ...record, sequence: metadataSequence(2), entries: [] };
  const at = (
    from: number,
  ): [ReturnType<typeof physicalOffset>, ReturnType<typeof physicalOffset>] => [
    physicalOffset(from),
    physicalOffset(from + 100),
  ];
  assert.throws(() => log.tables.append(record, ...at(end)), /comes after 1/);
  assert.throws(() => log.tables.append({ ...next, sequence: metadataSequence(3) }, ...at(end)));
  assert.throws(() => log.tables.append(next, ...at(end - 1)), /lies below/);
  assert.throws(() => log.tables.append({ ...next, epoch: epoch(0) }, ...at(end)), /has epoch/);
});

test('a row that is no offset is damage', () => {
  const log = new TestLog();
  const entry = (key: string, value: string): Entry => ({
    operation: 'put',
    table: Table.consumerOffset,
    key: Buffer.from(key),
    expected: 0,
    value: Buffer.from(value),
  });
  for (const bad of [
    entry('g\0t\0\0\0\0\0', 'short'),
    entry('gt', '8 bytes.'),
    entry('g\0t\0', '8 bytes.'),
  ]) {
    assert.throws(
      () => log.append([bad], 'progress'),
      (error) => isFailure(error, 'corrupt'),
    );
  }
});

test('a definition whose digest is not that of the tables ends the process', () => {
  const log = new TestLog();
  create(log, 't');
  const { record } = log.records[0] as TestLog['records'][0];
  const other = new MetadataTables();
  const damaged = { ...record, entries: [put('t', '{}')] };
  assert.throws(
    () => other.append(damaged, physicalOffset(50), physicalOffset(150)),
    /makes the tables' digest [0-9a-f]{32}, and its writer had [0-9a-f]{32}/,
  );
});

test('the digest is the sum of hashes of rows, whatever their history', () => {
  const log = new TestLog();
  log.append([put('a', '1'), put('b', '2')]);
  const other = new TestLog();
  other.append([put('b', '0')]);
  other.append([put('x', '1'), put('a', '1')]);
  other.append([put('b', '2', 1), remove('x', 2)]);
  assert.deepEqual(log.tables.digest('appended'), other.tables.digest('appended'));
  assert.equal(log.tables.digest('appended').total, expectedSum());
  other.append([remove('a', 2), remove('b', 3)]);
  assert.equal(other.tables.digest('appended').total, '0'.repeat(32));
});

test('data versions follow the newest record that touched a table, and the epoch', () => {
  const log = new TestLog();
  create(log, 't');
  log.run(createOrUpdateGroup(log.tables.appended, defaultGroup('g')));
  assert.equal(log.tables.dataVersion(Table.topic).counter, 0);
  log.applyAll();
  assert.deepEqual(log.tables.dataVersion(Table.topic), {
    counter: 1,
    timestamp: 1_000_001,
    stateVersion: 1,
  });
  assert.equal(log.tables.dataVersion(Table.subscriptionGroup).counter, 2);
  assert.equal(log.tables.dataVersion(Table.consumerOffset).counter, 0);
  log.tables.noteEpoch(epoch(7), timestampMs(5_000_000), physicalOffset(log.end));
  log.tables.apply(log.end);
  assert.equal(log.tables.dataVersion(Table.topic).stateVersion, 1);
  log.tables.apply(physicalOffset(log.end + 100));
  assert.deepEqual(log.tables.dataVersion(Table.topic), {
    counter: 1,
    timestamp: 5_000_000,
    stateVersion: 7,
  });
});

test('an epoch record can be cut like any other', () => {
  const log = new TestLog();
  create(log, 't');
  log.tables.noteEpoch(epoch(2), timestampMs(5), log.end);
  assert.throws(() =>
    log.tables.noteEpoch(epoch(1), timestampMs(5), physicalOffset(log.end + 100)),
  );
  assert.deepEqual(log.tables.cut(log.end), []);
  // The record of epoch 1 fits again.
  create(log, 'u');
  log.applyAll();
  assert.equal(log.tables.dataVersion(Table.topic).stateVersion, 1);
});

test('what is applied cannot be cut, and what is durable never shrinks', () => {
  const log = new TestLog();
  create(log, 't');
  log.applyAll();
  assert.throws(() => log.tables.cut(physicalOffset(log.end - 1)), /cannot be cut/);
  assert.throws(() => log.tables.apply(physicalOffset(log.end - 1)), /never shrinks/);
});

test('a cut tells what it dropped', () => {
  const log = new TestLog();
  create(log, 't');
  log.append([put('a', '{}')]);
  log.append([put('b', '{}')]);
  const position = log.records[1]?.start ?? physicalOffset(0);
  assert.deepEqual(
    log.cut(position).map(({ key }) => Buffer.from(key).toString()),
    ['a', 'b'],
  );
  assert.equal(log.tables.nextSequence, 2);
});

test('a cut right after an older change of the same key was applied leaves that change', () => {
  const log = new TestLog();
  log.append([put('t', '1')]);
  const border = log.end;
  log.append([put('t', '2', 1)]);
  log.tables.apply(border);
  log.cut(border);
  assert.equal(log.tables.appended.get(Table.topic, Buffer.from('t'))?.version, 1);
  log.append([put('t', '3', 1)]);
  log.applyAll();
  assert.equal(Buffer.from(log.tables.appended.topicRow('t')?.value ?? []).toString(), '3');
});

test('values keep the fields that this version does not know, byte for byte', async () => {
  const log = new TestLog();
  const value = '{"zNew":{"b":1, "a":2},"perm":4}';
  log.append([put('t', value)]);
  log.applyAll();
  assert.equal(log.tables.applied.topic('t')?.perm, 4);
  assert.equal(log.tables.applied.topic('t')?.topicName, 't');
  const keyValue = new MemoryKeyValue();
  await persist(log.tables, keyValue);
  const loaded = await MetadataTables.load(keyValue);
  assert.equal(Buffer.from(loaded?.applied.topicRow('t')?.value ?? []).toString(), value);
});

test('a stored value that cannot be read is damage when it is asked for, and harms no other', () => {
  const log = new TestLog();
  log.append([put('bad', 'no json'), put('list', '[]'), put('good', '{}')]);
  assert.throws(
    () => log.tables.appended.topic('bad'),
    (error) => isFailure(error, 'corrupt'),
  );
  assert.throws(
    () => log.tables.appended.topic('list'),
    (error) => isFailure(error, 'corrupt'),
  );
  assert.equal(log.tables.appended.topic('good')?.perm, 6);
});

test('offsets are found by group and by topic, pending ones too', () => {
  const log = new TestLog();
  for (const name of ['t', 'u']) create(log, name);
  for (const name of ['g', 'h'])
    log.run(createOrUpdateGroup(log.tables.appended, defaultGroup(name)));
  const commit = (group: string, topic: string, queueId: number, value: number): void => {
    const offset = queueOffset(value);
    log.run(commitOffsets(log.tables.appended, [{ group, topic, queueId, offset }]), 'progress');
  };
  commit('g', 't', 0, 1);
  commit('h', 't', 0, 2);
  log.applyAll();
  commit('g', 'u', 1, 3);
  commit('g', 't', 0, 4);
  const offset = (group: string, topic: string, queueId: number, value: number) => ({
    group,
    topic,
    queueId,
    offset: value,
  });
  const { appended, applied } = log.tables;
  assert.deepEqual(appended.offsetsOfGroup('g'), [offset('g', 't', 0, 4), offset('g', 'u', 1, 3)]);
  assert.deepEqual(appended.offsetsOfTopic('t'), [offset('g', 't', 0, 4), offset('h', 't', 0, 2)]);
  assert.deepEqual(applied.offsetsOfGroup('g'), [offset('g', 't', 0, 1)]);
  assert.equal(appended.offset('g', 't', 0), 4);
  assert.equal(applied.offset('g', 't', 0), 1);
  log.run(deleteGroup(appended, 'g'));
  assert.deepEqual(appended.offsetsOfGroup('g'), []);
  assert.equal(appended.offset('g', 't', 0), undefined);
  assert.equal(applied.offset('g', 't', 0), 1);
});

test('names that are not ASCII are keys like others', () => {
  const log = new TestLog();
  log.append([{ ...put('é\u{1f600}', '{}') }]);
  assert.deepEqual(
    Array.from(log.tables.appended.topics(), ({ topicName }) => topicName),
    ['é\u{1f600}'],
  );
  assert.notEqual(log.tables.appended.topicRow('é\u{1f600}'), undefined);
});

// Random commands against a model that knows nothing of overlays and digests.

type Command =
  | { readonly type: 'topic' | 'deleteTopic'; readonly topic: string; readonly perm: number }
  | { readonly type: 'group' | 'deleteGroup'; readonly group: string }
  | {
      readonly type: 'commit' | 'reset' | 'takeReset';
      readonly group: string;
      readonly topic: string;
      readonly queueId: number;
      readonly value: number;
    }
  | { readonly type: 'apply' | 'cut'; readonly records: number }
  | { readonly type: 'epoch' | 'persist' | 'failToPersist' };

const topic = fc.constantFrom('a', 'b', 'ab');
const group = fc.constantFrom('g', 'h', 'gg');
const commands = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ type: fc.constant('topic'), topic, perm: fc.constantFrom(4, 6) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant('deleteTopic'), topic, perm: fc.constant(0) }),
    },
    { weight: 3, arbitrary: fc.record({ type: fc.constant('group'), group }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('deleteGroup'), group }) },
    {
      weight: 6,
      arbitrary: fc.record({
        type: fc.constantFrom('commit', 'commit', 'reset', 'takeReset'),
        group,
        topic,
        queueId: fc.nat(1),
        value: fc.nat(3),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ type: fc.constantFrom('apply', 'apply', 'cut'), records: fc.nat(4) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ type: fc.constantFrom('epoch', 'persist', 'failToPersist') }),
    },
  ) as fc.Arbitrary<Command>,
  { maxLength: 60, size: 'max' },
);

/** Rows by readable key, each with the value as text. */
type Model = ReadonlyMap<string, string>;

function step(model: Model, command: Command): Model {
  const next = new Map(model);
  const drop = (matches: (key: string) => boolean): void => {
    for (const key of model.keys()) if (matches(key)) next.delete(key);
  };
  switch (command.type) {
    case 'topic':
      return next.set(`topic ${command.topic}`, String(command.perm));
    case 'deleteTopic':
      drop((key) => key === `topic ${command.topic}` || key.split(' ')[2] === command.topic);
      return next;
    case 'group':
      return next.set(`group ${command.group}`, '');
    case 'deleteGroup':
      drop((key) => key.split(' ')[1] === command.group && !key.startsWith('topic'));
      return next;
    case 'commit':
    case 'reset':
    case 'takeReset': {
      const key = `${command.group} ${command.topic} ${command.queueId}`;
      const pending = model.get(`reset ${key}`);
      if (command.type === 'takeReset') {
        next.delete(`reset ${key}`);
        return next;
      }
      if (!model.has(`topic ${command.topic}`) || !model.has(`group ${command.group}`))
        return model;
      if (command.type === 'commit' && pending !== undefined) return model;
      next.set(`offset ${key}`, String(command.value));
      if (command.type === 'reset') next.set(`reset ${key}`, String(command.value));
      return next;
    }
    default:
      return model;
  }
}

function decide(reader: MetadataReader, command: Command): Decision {
  switch (command.type) {
    case 'topic':
      return createOrUpdateTopic(
        reader,
        topicConfig(command.topic, { perm: command.perm }),
        settings,
      );
    case 'deleteTopic':
      return deleteTopic(reader, command.topic, settings);
    case 'group':
      return createOrUpdateGroup(reader, defaultGroup(command.group));
    case 'deleteGroup':
      return deleteGroup(reader, command.group);
    case 'commit':
      return commitOffsets(reader, [{ ...command, offset: queueOffset(command.value) }]);
    case 'reset': {
      const target = { queueId: command.queueId, offset: queueOffset(command.value) };
      return resetOffsets(reader, { ...command, targets: [target] });
    }
    case 'takeReset':
      return takeReset(reader, command);
    default:
      return { unchanged: true };
  }
}

function modelOf(reader: MetadataReader): Record<string, string> {
  const rows: Record<string, string> = {};
  for (const { topicName, perm } of reader.topics()) rows[`topic ${topicName}`] = String(perm);
  for (const { groupName } of reader.groups()) {
    rows[`group ${groupName}`] = '';
  }
  for (const name of ['g', 'h', 'gg']) {
    for (const { topic, queueId, offset } of reader.offsetsOfGroup(name)) {
      rows[`offset ${name} ${topic} ${queueId}`] = String(offset);
    }
    for (const { topic, queueId, offset } of reader.resetsOfGroup(name)) {
      rows[`reset ${name} ${topic} ${queueId}`] = String(offset);
    }
  }
  return rows;
}

test('random histories agree with a simple model, through cuts, failed batches and reloads', async () => {
  await fc.assert(
    fc.asyncProperty(commands, async (history) => {
      const log = new TestLog();
      const { tables } = log;
      const keyValue = new MemoryKeyValue();
      let appended: Model = new Map();
      let applied: Model = new Map();
      /** Models after each pending record. */
      let pending: { readonly end: number; readonly start: number; readonly model: Model }[] = [];
      const images: { readonly rows: Map<string, Uint8Array>; readonly position: number }[] = [];
      for (const command of history) {
        switch (command.type) {
          case 'apply': {
            const last = pending[Math.min(command.records, pending.length) - 1];
            const end = last?.end ?? tables.appliedPosition;
            tables.apply(physicalOffset(end));
            if (last !== undefined) applied = last.model;
            pending = pending.filter((each) => each.end > end);
            break;
          }
          case 'cut': {
            const first = pending[command.records];
            if (first === undefined) break;
            log.cut(physicalOffset(first.start));
            pending = pending.slice(0, command.records);
            appended = pending.at(-1)?.model ?? applied;
            break;
          }
          case 'epoch':
            // Refused at once, since the records of the test stay in epoch 1.
            tables.noteEpoch(epoch(2), timestampMs(9), log.end);
            tables.cut(log.end);
            break;
          case 'persist':
            await persist(tables, keyValue);
            images.push({ rows: new Map(keyValue.rows), position: tables.persistedPosition });
            break;
          case 'failToPersist':
            tables.takeBatch()?.failed();
            break;
          default: {
            const decision = decide(tables.appended, command);
            appended = step(appended, command);
            if ('entries' in decision) {
              log.run(decision);
              const { start, end } = log.records.at(-1) as TestLog['records'][0];
              pending.push({ start, end, model: appended });
            }
          }
        }
        assert.deepEqual(modelOf(tables.appended), Object.fromEntries(appended));
        assert.deepEqual(modelOf(tables.applied), Object.fromEntries(applied));
      }
      log.applyAll();
      const whole = dump(tables, 'applied');
      assert.deepEqual(dump(tables, 'appended'), whole);

      // The same records from the beginning, through their bytes.
      const replayed = new TestLog();
      for (const { record, start, end } of log.records) {
        const decoded = decodeMetadataRecord(encodeMetadataRecord(record));
        replayed.feed({ record: { ...decoded, timestamp: record.timestamp }, start, end });
        replayed.tables.apply(end);
      }
      assert.deepEqual(dump(replayed.tables, 'applied'), whole);

      // The records above any image that was ever written.
      for (const { rows, position } of images) {
        const stored = new MemoryKeyValue();
        for (const [key, value] of rows) stored.rows.set(key, value);
        const loaded = await MetadataTables.load(stored);
        assert.ok(loaded !== undefined);
        assert.equal(loaded.appliedPosition, position);
        for (const { record, start, end } of log.records) {
          if (start >= position) loaded.append(record, start, end);
        }
        loaded.apply(log.end);
        assert.deepEqual(dump(loaded, 'applied'), whole);
        for (const table of [Table.topic, Table.consumerOffset] as const) {
          assert.deepEqual(loaded.dataVersion(table), tables.dataVersion(table));
        }
        await persist(loaded, stored);
        const again = await MetadataTables.load(stored);
        assert.ok(again !== undefined);
        assert.deepEqual(dump(again, 'applied'), whole);
      }
    }),
    { numRuns: 60 },
  );
});

test('a cut restores everything to what it was', () => {
  fc.assert(
    fc.property(commands, commands, (before, after) => {
      const log = new TestLog();
      const run = (command: Command): void => {
        const decision = decide(log.tables.appended, command);
        if ('entries' in decision) log.run(decision);
      };
      for (const command of before) {
        run(command);
        if (command.type === 'apply') log.applyAll();
      }
      const state = (): unknown => ({
        appended: dump(log.tables, 'appended'),
        applied: dump(log.tables, 'applied'),
        next: log.tables.nextSequence,
        end: log.tables.pendingEnd,
        versions: log.tables.dataVersion(Table.topic),
      });
      const expected = state();
      const position = log.end;
      for (const command of after) run(command);
      log.cut(physicalOffset(position + 1));
      assert.deepEqual(state(), expected);
      // And what comes next is what would have come.
      run({ type: 'topic', topic: 'new', perm: 6 });
      assert.equal(log.tables.appended.topicRow('new')?.createdAt, position + 50);
    }),
    { numRuns: 60 },
  );
});

function expectedSum(): string {
  // sha256(01 0001 'a' '1') and sha256(01 0001 'b' '2'), first 16 bytes each.
  const a = 0x36f38d264cb31c882ed61ec744db6319n;
  const b = 0xd148a62309d1be8f04bb0c46ee473aa0n;
  return ((a + b) % 2n ** 128n).toString(16).padStart(32, '0');
}
