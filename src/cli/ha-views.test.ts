import assert from 'node:assert/strict';
import { test } from 'node:test';
import stringWidth from 'string-width';
import type { HistoryEntry, ReplicaGroup, ReplicaRow, VerifiedGroup } from '../admin/index.ts';
import { timestampMs } from '../base/index.ts';
import { groupHistory, replicaGroups, verifiedGroups } from './ha-views.ts';
import type { Screen } from './screen.ts';

const plain = (text: string): string => text;
const screen = (width: number | undefined): Screen => ({
  ...{ width, strong: plain, faint: plain, bad: plain, moment: String },
});

const large = 12_345_678_901;

const row = (id: number, more: Partial<ReplicaRow> = {}): ReplicaRow => ({
  ...{ id, role: 'slave', address: `127.0.0.1:1091${id}`, reachable: true, epoch: 3, end: large },
  ...{ synced: large, commitPoint: large, durablePoint: large, applied: large, sequence: 5 },
  ...{ digest: 'aabbccddeeff', lag: 0, inSet: true, why: undefined },
  ...more,
});

const group: ReplicaGroup = {
  ...{ cluster: 'c', group: 'g', controller: '127.0.0.1:9878', epoch: 3, setEpoch: 7, set: [1] },
  problems: ['the master has no in-sync follower'],
  replicas: [
    row(1, { role: 'master' }),
    row(2, { inSet: false, why: 'it installs a snapshot and the log' }),
    row(3, { role: 'unreachable', reachable: false, why: 'cannot be reached' }),
  ],
};

test('the table of a group fits 80 and 120 columns, and no reason is cut', () => {
  for (const width of [80, 120]) {
    const text = replicaGroups([group], screen(width));
    const lines = text.split('\n');
    const table = lines.slice(lines.findIndex((line) => line.startsWith('ID')));
    for (const line of table) assert(stringWidth(line) <= width, line);
    for (const { address } of group.replicas) assert(text.includes(String(address)), text);
    assert.equal(text.includes('…'), false, text);
    assert.match(text, /^broker 2 is not in the set: it installs a snapshot and the log$/m);
    assert.match(text, /^broker 3 is in the set, but cannot be reached$/m);
    assert.match(text, /^! the master has no in-sync follower$/m);
    assert.equal(/COMMIT +APPLIED/.test(text), width === 120);
  }
});

test('the history fits 80 columns with its reasons below, and 120 beside', () => {
  const entry: HistoryEntry = {
    ...{ group: 'g', time: timestampMs(1_800_000_000_000), what: 'set', epoch: 3, setEpoch: 7 },
    ...{ master: 1, set: [1, 2, 3], reason: 'broker 2 has not caught up for 15000 ms' },
  };
  const first = { ...entry, what: 'elected', master: undefined, set: [], reason: 'the first' };
  const narrow = groupHistory([first, entry], screen(80)).split('\n');
  for (const line of narrow) assert(stringWidth(line) <= 80, line);
  assert.match(narrow[1] ?? '', /elected +3 +- +- \(7\)$/);
  assert.deepEqual([narrow[2], narrow[4]], ['    the first', `    ${entry.reason}`]);
  const wide = groupHistory([first, entry], screen(120)).split('\n');
  assert.match(wide[2] ?? '', /set +3 +1 +1 2 3 \(7\) +broker 2 has not caught up for 15000 ms$/);
});

test('a verification names replicas, tables and keys that differ, and is one line when none does', () => {
  const replica = { address: '127.0.0.1:1', role: 'slave', newest: 9, applied: large };
  const equal: VerifiedGroup = {
    ...{ cluster: 'c', group: 'g', equal: true, sequence: 9, tables: [], differences: [] },
    replicas: [{ ...replica, id: 1, digest: 'aabbccddee', why: undefined }],
  };
  const [heading, ...others] = verifiedGroups([equal], screen(80)).trimEnd().split('\n');
  assert.equal(heading, 'group g of c: all replicas are equal, behind metadata record 9');
  assert.equal(others.length, 3);
  const digests = [
    { id: 1, digest: 'aabbccddee' },
    { id: 2, digest: '1122334455' },
  ];
  const values = [
    { id: 1, value: '{}', version: 3 },
    { id: 2, value: undefined, version: undefined },
  ];
  const text = verifiedGroups(
    [
      {
        ...{ ...equal, equal: false },
        replicas: [
          ...equal.replicas,
          { ...replica, id: 2, digest: undefined, why: 'it is damaged' },
        ],
        tables: [{ table: 'topic', equal: false, digests }],
        differences: [{ table: 'topic', key: 'orders', values }],
      },
    ],
    screen(80),
  );
  assert.match(text, /^group g of c: not all replicas are known to be equal/m);
  assert.match(text, /^! broker 2: it is damaged$/m);
  assert.match(text, /^! table topic differs \(1: aabbccdd, 2: 11223344\)$/m);
  assert.match(text, /^topic orders\n {2}broker 1: \{\}\n {2}broker 2: -$/m);
});
