import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { type BrokerId, brokerId, physicalOffset } from '../../base/index.ts';
import { admissible, type FollowerState, membershipChange, noteProgress } from './membership.ts';

const [one, two, three] = [brokerId(1), brokerId(2), brokerId(3)];
const limits = {
  ...{ silenceMs: 3000, lagMs: 15_000, hysteresisMs: 1000 },
  ...{ admissionMs: 1000, admissionBytes: 100, admissionPauseMs: 10_000 },
};
const now = 100_000;

function follower(broker: BrokerId, changes: Partial<FollowerState> = {}): FollowerState {
  return {
    broker,
    incarnation: '0000000000000001',
    isConnected: true,
    isLossy: false,
    isComplete: true,
    written: physicalOffset(500),
    synced: physicalOffset(500),
    applied: physicalOffset(500),
    lastReportMs: now - 100,
    caughtUpMs: now - 100,
    goal: { position: physicalOffset(500), atMs: now - 100 },
    mayJoinFromMs: 0,
    fullUntil: undefined,
    digest: 'equal',
    ...changes,
  };
}

interface Changes {
  readonly sinceMs?: number;
  readonly synced?: number;
  readonly dead?: readonly BrokerId[];
  readonly counted?: readonly BrokerId[];
}

function change(
  set: readonly BrokerId[],
  followers: readonly FollowerState[],
  { sinceMs = 0, synced = 500, dead = [], counted = set }: Changes = {},
) {
  return membershipChange(
    {
      self: one,
      set,
      followers: new Map(followers.map((state) => [state.broker, state])),
      floor: physicalOffset(400),
      synced: physicalOffset(synced),
      counted,
      dead: new Set(dead),
      nowMs: now,
      sinceMs,
    },
    limits,
  )?.set;
}

test('a follower that has everything up to C, synced, joins', () => {
  assert.deepEqual(change([one], [follower(two)]), [one, two]);
});

test('who is behind C, incomplete, gone, unlike or just put out does not join', () => {
  for (const changes of [
    { synced: physicalOffset(399) },
    { isComplete: false },
    { isLossy: true },
    { isConnected: false },
    { digest: 'different' },
    { digest: 'unknown' },
    { mayJoinFromMs: now + 1 },
    { fullUntil: physicalOffset(501) },
  ] as const) {
    assert.equal(change([one], [follower(two, changes)]), undefined, JSON.stringify(changes));
  }
});

test('who is silent for 3 s or behind for longer leaves', () => {
  const silent = follower(two, { lastReportMs: now - 3001 });
  const slow = follower(three, { caughtUpMs: now - 15_001 });
  assert.deepEqual(change([one, two, three], [silent, slow]), [one]);
  assert.deepEqual(change([one, two, three], [follower(two), slow]), [one, two]);
});

test('a member that was never heard of in this epoch has 3 s from its beginning', () => {
  assert.equal(change([one, two], [], { sinceMs: now - 2999 }), undefined);
  assert.deepEqual(change([one, two], [], { sinceMs: now - 3001 }), [one]);
});

test('a member whose tables differ leaves at once', () => {
  assert.deepEqual(change([one, two], [follower(two, { digest: 'different' })]), [one]);
});

test('a member whose disk is full leaves at once, and is well when it has what was written then', () => {
  const full = follower(two, { fullUntil: physicalOffset(600) });
  assert.deepEqual(change([one, two], [full]), [one]);
  assert.equal(change([one, two], [full], { synced: 399 }), undefined, 'nobody else has all');
  noteProgress(full, physicalOffset(700), now);
  assert.deepEqual(change([one, two], [full]), [one]);
  full.written = physicalOffset(600);
  noteProgress(full, physicalOffset(700), now);
  assert.equal(change([one, two], [full]), undefined);
});

test('the leader itself never leaves', () => {
  assert.equal(change([one], []), undefined);
});

test('who is known to be dead leaves at once, unless it is connected', () => {
  assert.deepEqual(change([one, two], [], { sinceMs: now, dead: [two] }), [one]);
  assert.equal(change([one, two], [follower(two)], { sinceMs: now, dead: [two] }), undefined);
});

test('nobody leaves before all who stay have synced what is committed', () => {
  const silent = follower(two, { lastReportMs: now - 3001 });
  assert.equal(change([one, two], [silent], { synced: 399 }), undefined);
  const unsynced = follower(three, { synced: physicalOffset(399) });
  assert.equal(change([one, two, three], [silent, unsynced]), undefined);
  assert.deepEqual(change([one, two, three], [silent, follower(three)]), [one, three]);
});

test('a proposal without an answer is settled when its member is gone', () => {
  const gone = follower(two, { lastReportMs: now - 3001 });
  assert.deepEqual(change([one], [gone], { counted: [one, two] }), [one]);
});

test('under steady load a follower that keeps up has caught up, though it never has all at once', () => {
  const state = follower(two, { written: physicalOffset(0), caughtUpMs: 0 });
  state.goal = { position: physicalOffset(0), atMs: 0 };
  for (let ms = 0; ms <= 60_000; ms += 100) {
    const end = physicalOffset(1000 + ms * 10);
    state.written = physicalOffset(end - 500); // 50 ms behind.
    noteProgress(state, end, ms);
    assert(ms - state.caughtUpMs <= 300, `at ${ms}: ${state.caughtUpMs}`);
  }
});

test('a follower that falls behind has not caught up, whatever it reports', () => {
  const state = follower(two, { written: physicalOffset(0), caughtUpMs: 0 });
  state.goal = { position: physicalOffset(1000), atMs: 0 };
  for (let ms = 0; ms <= 60_000; ms += 100) {
    state.written = physicalOffset(Math.floor(ms / 100));
    noteProgress(state, physicalOffset(1000 + ms * 10), ms);
  }
  assert.equal(state.caughtUpMs, 0);
  state.written = physicalOffset(700_000);
  noteProgress(state, physicalOffset(700_000), 61_000);
  assert.equal(state.caughtUpMs, 61_000);
});

test('writes wait for whoever is near and lacks nothing but an fsync', () => {
  const pick = (changes: Partial<FollowerState>, set: readonly BrokerId[] = [one]) =>
    admissible(
      {
        set,
        followers: new Map([[two, follower(two, changes)]]),
        floor: physicalOffset(600),
        nowMs: now,
      },
      limits,
    )?.broker;
  assert.equal(pick({ synced: physicalOffset(10) }), two);
  assert.equal(pick({ isLossy: true }), two, 'what it lost is made good by that');
  assert.equal(pick({}, [one, two]), undefined, 'it is in the set');
  for (const changes of [
    { written: physicalOffset(499) },
    { isComplete: false },
    { isConnected: false },
    { digest: 'unknown' },
    { mayJoinFromMs: now + 1 },
    { lastReportMs: now - 3001 },
  ] as const) {
    assert.equal(pick(changes), undefined, JSON.stringify(changes));
  }
});
