import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../base/index.ts';
import { WaitLine } from './wait-line.ts';

const why = new Failure('unavailable', 'no room', { reason: 'diskFull' });

function waiterInto(told: string[], name: string) {
  return {
    reached: () => told.push(`${name} reached`),
    gaveUp: (outcome: string) => told.push(`${name} ${outcome}`),
  };
}

test('waiters are told in order, each once, when their position is passed', () => {
  const line = new WaitLine();
  const told: string[] = [];
  for (const position of [10, 10, 20, 30]) line.push(position, waiterInto(told, `${position}`));
  line.release(9);
  assert.deepEqual(told, []);
  line.release(20);
  assert.deepEqual(told, ['10 reached', '10 reached', '20 reached']);
  for (const waiter of line.takeAbove(-1)) waiter.gaveUp('unknown', why);
  assert.deepEqual(told.slice(3), ['30 unknown']);
  assert.equal(line.length, 0);
});

test('what was cut away is refused, the rest still waits', () => {
  const line = new WaitLine();
  const told: string[] = [];
  for (const position of [10, 20, 30]) line.push(position, waiterInto(told, `${position}`));
  for (const waiter of line.takeAbove(10)) waiter.gaveUp('refused', why);
  assert.deepEqual(told, ['20 refused', '30 refused']);
  line.push(20, waiterInto(told, 'again'));
  line.release(20);
  assert.deepEqual(told.slice(2), ['10 reached', 'again reached']);
});

test('who waited too long is told so, and those behind still wait', () => {
  const line = new WaitLine();
  const told: string[] = [];
  line.push(10, { ...waiterInto(told, 'first'), deadlineMs: 100 });
  line.push(20, { ...waiterInto(told, 'second'), deadlineMs: 150 });
  line.giveUpLate(99);
  assert.deepEqual(told, []);
  line.giveUpLate(100);
  assert.deepEqual(told, ['first late']);
  line.release(20);
  assert.deepEqual(told, ['first late', 'second reached']);
});

test('a position below an earlier one is a bug', () => {
  const line = new WaitLine();
  line.push(10, waiterInto([], 'a'));
  assert.throws(() => line.push(9, waiterInto([], 'b')), assert.AssertionError);
});

test('any sequence of pushes, releases and cuts tells everybody exactly once', () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant('push' as const), by: fc.integer({ min: 0, max: 50 }) }),
    fc.record({ type: fc.constant('release' as const), by: fc.integer({ min: 0, max: 3000 }) }),
    fc.record({ type: fc.constant('cut' as const), by: fc.integer({ min: 0, max: 200 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 3000 }), (steps) => {
      const line = new WaitLine();
      const told = new Map<number, string>();
      let end = 0;
      let released = 0;
      let pushed = 0;
      for (const { type, by } of steps) {
        if (type === 'push') {
          end += by;
          const id = pushed++;
          const tell = (what: string) => {
            assert(!told.has(id), 'told once');
            told.set(id, what);
          };
          line.push(end, { reached: () => tell('reached'), gaveUp: (outcome) => tell(outcome) });
        } else if (type === 'release') {
          released = Math.max(released, Math.min(end, by));
          line.release(released);
        } else {
          end = Math.max(released, end - by);
          for (const waiter of line.takeAbove(end)) waiter.gaveUp('refused', why);
        }
        assert.equal(told.size + line.length, pushed);
      }
      for (const waiter of line.takeAbove(-1)) waiter.gaveUp('unknown', why);
      assert.equal(told.size, pushed);
    }),
    { numRuns: 50 },
  );
});
