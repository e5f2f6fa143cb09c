import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { type BrokerId, brokerId, type Epoch, timestampMs } from '../base/index.ts';
import type { ReplicaReportBody } from '../wire/index.ts';
import {
  alterSet,
  applyBrokerId,
  cleanReplicas,
  clearLossy,
  type Decision,
  electMaster,
  recoverGroup,
  registerReplica,
} from './decide.ts';
import { emptyGroup, type GroupState, type LiveReplica } from './state.ts';

const now = timestampMs(1);
const [one, two, three] = [brokerId(1), brokerId(2), brokerId(3)];

const done = (decision: Decision): GroupState => {
  assert('state' in decision, JSON.stringify(decision));
  return decision.state;
};
const refusal = (decision: Decision): string => {
  assert('refused' in decision);
  return decision.remark;
};

const report = (incarnation: string, more: Partial<ReplicaReportBody> = {}): ReplicaReportBody => ({
  incarnation,
  lossless: true,
  complete: true,
  lastEpoch: 0,
  end: 0 as ReplicaReportBody['end'],
  promisedEpoch: 0,
  highestEpoch: 0,
  highestSetEpoch: 0,
  set: [],
  haAddress: 'h:1',
  ...more,
});

/** A start of a replica registers. */
const registered = (
  state: GroupState,
  id: BrokerId,
  said: ReplicaReportBody,
  checkCode = '',
): Decision => registerReplica(state, { id, address: `a:${id}`, checkCode, report: said }, now);

const alive = (incarnation: string, lastEpoch = 1, end = 0): LiveReplica => ({
  incarnation,
  complete: true,
  lastEpoch,
  end,
});

/** Three replicas, of which `one` leads, all in the set. */
function group(): GroupState {
  let state = emptyGroup('c', 'g');
  for (const id of [one, two, three]) state = done(applyBrokerId(state, id, `code ${id}`));
  for (const id of [one, two, three]) {
    state = done(registered(state, id, report(`i${id}`)));
  }
  state = done(electMaster(state, new Map([[one, alive('i1')]]), { reason: 'first' }, now));
  const live = new Map([one, two, three].map((id) => [id, alive(`i${id}`)] as const));
  const change = { master: one, epoch: 1, setEpoch: 1, set: [one, two, three], reason: 'grown' };
  return done(alterSet(state, live, change, now));
}

test('an id is given once, and again to whoever got it', () => {
  const state = done(applyBrokerId(emptyGroup('c', 'g'), one, 'mine'));
  assert.equal(done(applyBrokerId(state, one, 'mine')), state);
  assert.match(refusal(applyBrokerId(state, one, 'yours')), /taken/);
  assert.match(refusal(applyBrokerId(state, three, 'mine')), /not the next one, 2/);
});

test('the greatest lossless live member leads; the set stays, its dead are left to the elected', () => {
  const state = group();
  const live = new Map([
    [two, alive('i2', 1, 50)],
    [three, alive('i3', 1, 70)],
  ]);
  const next = done(electMaster(state, live, { reason: 'dead' }, now));
  assert.equal(next.master, three);
  assert.equal(next.epoch, 2);
  assert.equal(next.masterIncarnation, 'i3');
  assert.deepEqual(next.set, [one, two, three]);
});

test('a start that did not register does not count, nor does an incomplete store', () => {
  const state = group();
  const live = new Map([
    [two, alive('older')],
    [three, { ...alive('i3'), complete: false }],
  ]);
  const why = refusal(electMaster(state, live, { reason: 'dead' }, now));
  assert.match(why, /broker 2 is not there; the files of broker 3 are not whole/);
});

test('a lossy member leads only when all of the set are there and none is lossless', () => {
  let state = group();
  state = done(registered(state, two, report('j2', { lossless: false, lastEpoch: 1 })));
  const alone = new Map([[two, alive('j2', 1, 10)]]);
  assert.match(refusal(electMaster(state, alone, { reason: 'x' }, now)), /lossy/);
  const both = new Map([...alone, [three, alive('i3', 1, 5)]]);
  assert.equal(done(electMaster(state, both, { reason: 'x' }, now)).master, three);
  for (const id of [one, three]) {
    const lossy = report(`j${id}`, { lossless: false, lastEpoch: 1 });
    state = done(registered(state, id, lossy));
  }
  const all = new Map([
    [one, alive('j1', 1, 7)],
    [two, alive('j2', 1, 10)],
    [three, alive('j3', 1, 9)],
  ]);
  const elected = done(electMaster(state, all, { reason: 'x' }, now));
  assert.equal(elected.master, two);
  const marked = elected.replicas.filter(({ lossy }) => lossy).map(({ id }) => id);
  assert.deepEqual(marked, [one, three], 'what the elected one has is what there is');
  all.delete(one);
  assert.match(
    refusal(electMaster(state, all, { reason: 'x' }, now)),
    /not all of the set are there/,
  );
});

test('who started again is elected anew, with a new epoch', () => {
  let state = group();
  state = done(registered(state, one, report('again', { lastEpoch: 1 })));
  const live = new Map([[one, alive('again', 1, 9)]]);
  const next = done(electMaster(state, live, { reason: 'again' }, now));
  assert.deepEqual([next.master, next.epoch, next.masterIncarnation], [one, 2, 'again']);
});

test('changes of the set are compared with epoch and set epoch, in the order of RocketMQ', () => {
  const state = group();
  const live = new Map([one, two, three].map((id) => [id, alive(`i${id}`)] as const));
  const change = { master: one, epoch: 1, setEpoch: 2, set: [one], reason: 'x' };
  const codeOf = (decision: Decision) => ('refused' in decision ? decision.refused : 0);
  assert.equal(codeOf(alterSet(state, live, { ...change, master: two }, now)), 2002);
  assert.equal(codeOf(alterSet(state, live, { ...change, epoch: 2 }, now)), 2000);
  assert.equal(codeOf(alterSet(state, live, { ...change, setEpoch: 1 }, now)), 2001);
  assert.equal(codeOf(alterSet(state, live, { ...change, set: [one, brokerId(9)] }, now)), 2003);
  assert.equal(codeOf(alterSet(state, live, { ...change, set: [two] }, now)), 2013);
  const smaller = done(alterSet(state, live, change, now));
  assert.deepEqual([smaller.set, smaller.setEpoch], [[one], 3]);
  const back = { ...change, setEpoch: 3, set: [one, two] };
  assert.equal(codeOf(alterSet(smaller, new Map(), back, now)), 2006);
});

test('a lossy replica joins the set only after its start was made good', () => {
  let state = group();
  const live = new Map([
    [one, alive('i1')],
    [two, alive('j2')],
  ]);
  state = done(
    alterSet(state, live, { master: one, epoch: 1, setEpoch: 2, set: [one], reason: '' }, now),
  );
  const lossy = report('j2', { lossless: false, lastEpoch: 1 });
  state = done(registered(state, two, lossy));
  const grow = { master: one, epoch: 1, setEpoch: 3, set: [one, two], reason: '' };
  assert.match(refusal(alterSet(state, live, grow, now)), /not made good/);
  const older = { master: one, epoch: 1, id: two, incarnation: 'i2' };
  assert.match(refusal(clearLossy(state, older)), /started again/);
  state = done(clearLossy(state, { ...older, incarnation: 'j2' }));
  assert.deepEqual(done(alterSet(state, live, grow, now)).set, [one, two]);
});

test('a history that is not known here freezes the group until an operator recovers it', () => {
  const state = group();
  const ahead = report('k2', { promisedEpoch: 9, lastEpoch: 9 });
  const frozen = done(registered(state, two, ahead));
  assert.match(frozen.frozen ?? '', /knows epoch 9/);
  const live = new Map([[three, alive('i3')]]);
  assert.match(refusal(electMaster(frozen, live, { reason: 'x' }, now)), /frozen/);
  const all = new Map([
    [one, { ...ahead, set: [one, two], highestSetEpoch: 4 }],
    [two, ahead],
  ]);
  const without = (...ids: readonly BrokerId[]) =>
    new Map([...all].filter(([id]) => !ids.includes(id)));
  assert.match(refusal(recoverGroup(frozen, without(one), false, now)), /led epoch 9 is not there/);
  assert.match(refusal(recoverGroup(frozen, without(two), false, now)), /broker 2 of the set/);
  // Who told of epoch 9 does not live any more: what it had is not forgotten.
  const older = new Map([[three, report('i3', { promisedEpoch: 1, set: [three] })]]);
  assert.match(refusal(recoverGroup(frozen, older, false, now)), /led epoch 9 is not there/);
  const recovered = done(recoverGroup(frozen, all, false, now));
  assert.deepEqual([recovered.frozen, recovered.told, recovered.epoch], [undefined, undefined, 9]);
  assert.deepEqual([recovered.set, recovered.setEpoch], [[one, two], 5]);
  const both = new Map([
    [one, alive('i1', 9, 7)],
    [two, alive('k2', 9, 9)],
  ]);
  assert.equal(done(electMaster(recovered, both, { reason: 'x' }, now)).epoch, 10);
  const forced = done(recoverGroup(frozen, without(one), true, now));
  assert.deepEqual([forced.epoch, forced.set], [9, [one, two, three]]);
});

test('a controller that lost its file takes replicas back under their ids, frozen and lossy', () => {
  const history = { lastEpoch: 7, promisedEpoch: 7 };
  let state = done(registered(emptyGroup('c', 'g'), two, report('i2', history), 'code 2'));
  assert.match(state.frozen ?? '', /broker 2 knows epoch 7/);
  assert.deepEqual([state.nextBrokerId, state.replicas.map(({ lossy }) => lossy)], [3, [true]]);
  state = done(registered(state, one, report('i1', history), 'code 1'));
  assert.deepEqual(
    state.replicas.map(({ id, checkCode }) => [id, checkCode]),
    [
      [one, 'code 1'],
      [two, 'code 2'],
    ],
  );
  const reports = new Map([
    [one, report('i1', { ...history, highestSetEpoch: 12, set: [one, two] })],
    [two, report('i2', history)],
  ]);
  state = done(recoverGroup(state, reports, false, now));
  assert.deepEqual([state.epoch, state.set, state.setEpoch], [7, [one, two], 13]);
  // Nobody remembers whose earlier stop lost something: with one missing nobody leads.
  const alone = new Map([[two, alive('i2', 7, 50)]]);
  assert.match(refusal(electMaster(state, alone, { reason: 'x' }, now)), /lossy/);
  const both = new Map([...alone, [one, alive('i1', 7, 60)]]);
  assert.equal(done(electMaster(state, both, { reason: 'x' }, now)).master, one);
});

test('an id that was given to an empty broker is not the id of the one that comes with a history', () => {
  let state = done(applyBrokerId(emptyGroup('c', 'g'), one, 'of the empty one'));
  state = done(registered(state, one, report('e'), 'of the empty one'));
  state = done(electMaster(state, new Map([[one, alive('e', 0)]]), { reason: 'first' }, now));
  const older = report('o', { lastEpoch: 5, promisedEpoch: 5, highestSetEpoch: 8, set: [one] });
  const decision = registered(state, one, older, 'of the older one');
  assert.match(refusal(decision), /id 1 was given to another broker \(a:1\)/);
  assert('refused' in decision && decision.state !== undefined);
  assert.match(decision.state.frozen ?? '', /the broker at a:1 knows epoch 5/);
  // Nor does the empty one lead again when nobody else is there.
  const empty = new Map([[one, report('e', { promisedEpoch: 1, set: [one] })]]);
  assert.match(refusal(recoverGroup(decision.state, empty, false, now)), /led epoch 5/);
  // Without more of a history it is only refused.
  const lesser = registered(state, one, report('l', { lastEpoch: 1 }), 'of a lesser one');
  assert('refused' in lesser && lesser.state === undefined);
});

test('an empty replica is never first where others have history', () => {
  let state = emptyGroup('c', 'g');
  state = done(applyBrokerId(state, one, 'a'));
  const known = report('i1', { promisedEpoch: 4, lastEpoch: 4 });
  state = done(registered(state, one, known));
  assert(state.frozen !== undefined);
});

test('a member that comes back empty counts as lossy until it has all again; in a new group nobody does', () => {
  const empty = report('emptied', { lossless: false });
  const lossyOf = (state: GroupState) => state.replicas.filter(({ lossy }) => lossy);
  const state = done(registered(group(), two, empty));
  assert.deepEqual(
    lossyOf(state).map(({ id }) => id),
    [two],
  );
  // It has installed a part of what the others have.
  const live = new Map([[two, alive('emptied', 1, 500)]]);
  assert.match(refusal(electMaster(state, live, { reason: 'x' }, now)), /lossy/);
  let fresh = done(applyBrokerId(emptyGroup('c', 'g'), one, 'code'));
  fresh = done(registered(fresh, one, empty));
  assert.deepEqual(lossyOf(fresh), []);
});

test('a member that has lost its log does not lead, though it says nothing of it', () => {
  const live = new Map([[two, alive('i2', 0, 0)]]);
  assert.match(refusal(electMaster(group(), live, { reason: 'x' }, now)), /broker 2 is empty/);
});

test('who lives is forgotten only when the operator says so', () => {
  const state = group();
  const live = new Map([[two, alive('i2')]]);
  assert.match(refusal(cleanReplicas(state, live, [two], false, now)), /lives/);
  const cleaned = done(cleanReplicas(state, live, [three], false, now));
  assert.deepEqual([cleaned.set, cleaned.replicas.length], [[one, two, three], 2]);
});

test('when all members of the set were removed, an operator can still force an election', () => {
  const small = { ...group(), set: [one, two] };
  const state = done(cleanReplicas(small, new Map(), [one, two], false, now));
  const live = new Map([[three, alive('i3')]]);
  assert.match(refusal(electMaster(state, live, { reason: 'x' }, now)), /not in the in-sync set/);
  const forced = done(electMaster(state, live, { reason: 'x', unclean: true }, now));
  assert.deepEqual([forced.master, forced.set], [three, [three]]);
});

test('a member that was removed and comes back may have lost something that is not remembered', () => {
  let state = done(registered(group(), two, report('j2', { lossless: false, lastEpoch: 1 })));
  state = done(cleanReplicas(state, new Map(), [two], false, now));
  assert.deepEqual(state.set, [one, two, three], 'the master alone takes somebody out of the set');
  state = done(registered(state, two, report('k2', { lastEpoch: 1, promisedEpoch: 1 })));
  assert.deepEqual([state.frozen, state.nextBrokerId], [undefined, 4]);
  const live = new Map([[two, alive('k2', 1, 10)]]);
  assert.match(refusal(electMaster(state, live, { reason: 'x' }, now)), /broker 2 was lossy/);
});

test('a member that was removed and comes back empty does not lead with the part that it has copied', () => {
  let state = done(cleanReplicas(group(), new Map(), [two], false, now));
  state = done(registered(state, two, report('e2', { lossless: false })));
  const live = new Map([[two, alive('e2', 1, 10)]]);
  assert.match(refusal(electMaster(state, live, { reason: 'x' }, now)), /broker 2 was lossy/);
});

test('marks of an old state are not believed when the group is recovered', () => {
  const ahead = report('k1', {
    lastEpoch: 2,
    promisedEpoch: 2,
    highestSetEpoch: 5,
    set: [one, two],
  });
  const frozen = done(registered(group(), one, ahead));
  const reports = new Map([
    [one, ahead],
    [two, report('i2', { lastEpoch: 1, promisedEpoch: 2 })],
  ]);
  const state = done(recoverGroup(frozen, reports, false, now));
  const behind = new Map([[two, alive('i2', 1, 10)]]);
  assert.match(refusal(electMaster(state, behind, { reason: 'x' }, now)), /broker 2 was lossy/);
  const both = new Map([...behind, [one, alive('k1', 2, 100)]]);
  assert.equal(done(electMaster(state, both, { reason: 'x' }, now)).master, one);
});

test('whatever is asked, epochs and set epochs only rise, and an epoch has one master', () => {
  const id = fc.constantFrom(one, two, three);
  const step = fc.record({
    kind: fc.constantFrom('elect', 'restart', 'alter', 'designate'),
    id,
    lossless: fc.boolean(),
    set: fc.subarray([one, two, three]),
    end: fc.integer({ min: 0, max: 100 }),
    dead: fc.subarray([one, two, three]),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let state = group();
      const masters = new Map<Epoch, BrokerId>();
      const starts = new Map<BrokerId, number>([one, two, three].map((broker) => [broker, 0]));
      for (const taken of steps) {
        const live = new Map(
          state.replicas
            .filter((replica) => !taken.dead.includes(replica.id))
            .map(
              ({ id: broker, incarnation }) => [broker, alive(incarnation, 1, taken.end)] as const,
            ),
        );
        let decision: Decision;
        if (taken.kind === 'elect') decision = electMaster(state, live, { reason: 'x' }, now);
        else if (taken.kind === 'designate') {
          decision = electMaster(state, live, { reason: 'x', designate: taken.id }, now);
        } else if (taken.kind === 'alter' && state.master !== undefined) {
          const { master, epoch, setEpoch } = state;
          decision = alterSet(
            state,
            live,
            { master, epoch, setEpoch, set: taken.set, reason: 'x' },
            now,
          );
        } else {
          const count = (starts.get(taken.id) ?? 0) + 1;
          starts.set(taken.id, count);
          const said = report(`${taken.id} ${count}`, { lossless: taken.lossless, lastEpoch: 1 });
          decision = registered(state, taken.id, said);
        }
        if ('refused' in decision) continue;
        const next = decision.state;
        assert(next.epoch >= state.epoch && next.setEpoch >= state.setEpoch);
        if (next.set !== state.set) assert(next.setEpoch > state.setEpoch);
        if (next.master !== undefined) {
          const known = masters.get(next.epoch) ?? next.master;
          assert.equal(next.master, known);
          masters.set(next.epoch, known);
          assert(next.set.includes(next.master));
        }
        state = next;
      }
    }),
  );
});
