import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { brokerId, isFailure, physicalOffset } from '../base/index.ts';
import { SetPositions } from './set-positions.ts';

const [a, b, c] = [brokerId(1), brokerId(2), brokerId(3)];
const at = physicalOffset;
const invalid = (error: unknown): boolean => isFailure(error, 'invalid');

function setOf(...members: (typeof a)[]): SetPositions {
  return new SetPositions({
    self: a,
    members,
    setEpoch: 1,
    position: at(100),
    commitPoint: at(100),
    durablePoint: at(100),
  });
}

test('a set of one commits what it wrote and makes durable what it synced', () => {
  const set = SetPositions.ofOne(a, at(100));
  assert.deepEqual([set.commitPoint, set.durablePoint], [100, 100]);
  set.advanceWritten(at(250));
  assert.deepEqual([set.commitPoint, set.durablePoint], [250, 100]);
  set.advanceSynced(at(200));
  assert.deepEqual([set.commitPoint, set.durablePoint], [250, 200]);
});

test('the slowest member decides, and one that was not heard of holds all back', () => {
  const set = setOf(a, b);
  set.advanceWritten(at(300));
  set.advanceSynced(at(300));
  assert.deepEqual([set.commitPoint, set.durablePoint], [100, 100]);
  set.connected(b, at(200), at(150));
  assert.deepEqual([set.commitPoint, set.durablePoint], [200, 150]);
  set.report(b, at(300), at(300));
  assert.deepEqual([set.commitPoint, set.durablePoint], [300, 300]);
});

test('a follower outside the set does not count', () => {
  const set = setOf(a);
  set.connected(c, at(50), at(50));
  set.advanceWritten(at(300));
  assert.equal(set.commitPoint, 300);
});

test('C and D wait for what an admitted follower has synced, and never go back', () => {
  const set = setOf(a);
  set.advanceWritten(at(200));
  set.advanceSynced(at(150));
  set.admit(at(120));
  set.advanceWritten(at(300));
  set.advanceSynced(at(300));
  assert.deepEqual([set.commitPoint, set.durablePoint], [200, 150]);
  set.admit(at(250));
  assert.deepEqual([set.commitPoint, set.durablePoint], [250, 250], 'not what it wrote');
  set.connected(c, at(300), at(250));
  set.propose([a, c]);
  set.admit(undefined);
  assert.deepEqual([set.commitPoint, set.durablePoint], [300, 250], 'a member counts as ever');
  const other = setOf(a);
  other.admit(at(90));
  other.advanceWritten(at(300));
  assert.equal(other.commitPoint, 100);
  other.admit(undefined);
  assert.equal(other.commitPoint, 300);
});

test('a proposal counts at once, also when it is smaller, until a later set epoch is confirmed', () => {
  const set = setOf(a, b);
  set.connected(b, at(100), at(100));
  set.connected(c, at(100), at(100));
  set.propose([a, b, c]);
  set.advanceWritten(at(300));
  set.report(b, at(300), at(100));
  assert.equal(set.commitPoint, 100, 'c counts');
  set.confirm([a, b], 1);
  assert.equal(set.commitPoint, 100, 'an old set epoch says nothing');
  set.propose([a]);
  assert.equal(set.commitPoint, 100, 'who would leave still counts');
  set.confirm([a], 2);
  assert.equal(set.commitPoint, 300);
  assert.deepEqual(set.counted, [a]);
});

test('a member that joins again with less holds C where it is, and does not lower it', () => {
  const set = setOf(a, b);
  set.advanceWritten(at(300));
  set.connected(b, at(300), at(100));
  assert.equal(set.commitPoint, 300);
  set.connected(b, at(150), at(120));
  assert.deepEqual([set.commitPoint, set.durablePoint], [300, 100]);
  set.advanceWritten(at(400));
  assert.equal(set.commitPoint, 300);
});

test('what a member had not synced does not count once its session ended', () => {
  const set = setOf(a, b);
  set.advanceWritten(at(300));
  set.connected(b, at(200), at(150));
  assert.equal(set.commitPoint, 200);
  set.disconnected(b);
  assert.equal(set.commitPoint, 200, 'answers that were given stay given');
  set.connected(b, at(150), at(150));
  assert.equal(set.commitPoint, 200);
  set.report(b, at(250), at(150));
  assert.equal(set.commitPoint, 250);
});

test('what a member reported before it lost its store does not count for what comes later', () => {
  const set = setOf(a, b, c);
  set.advanceWritten(at(300));
  set.advanceSynced(at(300));
  set.connected(b, at(300), at(300));
  set.connected(c, at(200), at(200));
  assert.deepEqual([set.commitPoint, set.durablePoint, set.writtenBy(2)], [200, 200, 300]);
  set.disconnected(b);
  set.forget(b);
  assert.deepEqual([set.commitPoint, set.durablePoint], [200, 200], 'nothing goes back');
  assert.equal(set.writtenBy(2), 200);
  set.report(c, at(300), at(300));
  assert.deepEqual([set.commitPoint, set.durablePoint], [200, 200], 'b holds nothing for certain');
  assert.throws(() => set.report(b, at(300), at(300)), invalid);
  set.connected(b, at(250), at(250));
  assert.deepEqual([set.commitPoint, set.durablePoint], [250, 250]);
});

test('claims that cannot be are refused', () => {
  const set = setOf(a, b);
  assert.throws(() => set.connected(b, at(101), at(0)), invalid);
  assert.throws(() => set.connected(b, at(90), at(91)), invalid);
  assert.throws(() => set.report(b, at(90), at(90)), invalid);
  set.connected(b, at(90), at(80));
  assert.throws(() => set.report(b, at(89), at(80)), invalid);
  assert.throws(() => set.report(b, at(90), at(79)), invalid);
  assert.throws(() => set.connected(a, at(90), at(80)), invalid);
});

test('whatever happens, C and D only rise, D stays at or below C, and C is nowhere above a counted member', () => {
  const member = fc.constantFrom(b, c);
  const position = fc.integer({ min: 0, max: 1000 }).map(at);
  const step = fc.oneof(
    fc.record({ kind: fc.constant('write' as const), by: fc.integer({ min: 0, max: 50 }) }),
    fc.record({ kind: fc.constant('sync' as const) }),
    fc.record({ kind: fc.constant('join' as const), member, written: position, synced: position }),
    fc.record({ kind: fc.constant('leave' as const), member }),
    fc.record({ kind: fc.constant('forget' as const), member }),
    fc.record({
      kind: fc.constant('report' as const),
      member,
      written: position,
      synced: position,
    }),
    fc.record({ kind: fc.constant('propose' as const), set: fc.subarray([b, c]) }),
    fc.record({ kind: fc.constant('confirm' as const), set: fc.subarray([b, c]) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const set = setOf(a, b);
      let own = 100;
      let setEpoch = 1;
      for (const taken of steps) {
        const before = [set.commitPoint, set.durablePoint] as const;
        try {
          if (taken.kind === 'write') own += taken.by;
          if (taken.kind === 'write') set.advanceWritten(at(own));
          else if (taken.kind === 'sync') set.advanceSynced(at(own));
          else if (taken.kind === 'join') set.connected(taken.member, taken.written, taken.synced);
          else if (taken.kind === 'leave') set.disconnected(taken.member);
          else if (taken.kind === 'forget') set.forget(taken.member);
          else if (taken.kind === 'report') set.report(taken.member, taken.written, taken.synced);
          else if (taken.kind === 'propose') set.propose([a, ...taken.set]);
          else set.confirm([a, ...taken.set], ++setEpoch);
        } catch (error) {
          if (!invalid(error)) throw error;
        }
        assert(set.commitPoint >= before[0] && set.durablePoint >= before[1]);
        assert(set.durablePoint <= set.commitPoint);
        assert(set.commitPoint <= own);
      }
    }),
  );
});

test('while it is not decided that somebody leaves, C is taken over what is synced', () => {
  const set = setOf(a, b);
  set.advanceWritten(at(300));
  set.advanceSynced(at(200));
  set.connected(b, at(150), at(150));
  assert.equal(set.commitPoint, 150);
  set.propose([a]);
  set.report(b, at(300), at(150));
  assert.equal(set.commitPoint, 150, 'written by both, synced by neither');
  set.report(b, at(300), at(300));
  assert.equal(set.commitPoint, 200);
  set.confirm([a], 2);
  assert.equal(set.commitPoint, 300, 'what is written counts again');
});
