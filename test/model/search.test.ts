import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as operators from './operators.ts';
import type { System } from './search.ts';
import { searchAll, walk } from './search.ts';
import type { Declaration, Expression } from './translate.ts';
import { translate } from './translate.ts';
import { equal, hashOf, RecordValue, setOf, show } from './values.ts';

const limits = { maxStates: 1000, maxDepth: 100, maySpend: () => true };

/** Adds 2 or 3 up to 12, never reaching `forbidden` unless it can be reached. */
function adder(forbidden: number): System {
  return {
    init: (_, visit) => visit([0], 'init'),
    step: ([at], visit) =>
      [2, 3].some((more) => Number(at) + more <= 12 && visit([Number(at) + more], `add ${more}`)),
    violated: ([at]) => (at === forbidden ? 'never' : undefined),
  };
}

test('the nearest violation is found, with the steps to it', () => {
  const found = searchAll(adder(6), limits);
  assert.equal(found.invariant, 'never');
  assert.deepEqual(found.trace, ['add 3', 'add 3']);
});

test('a search of all states says that it was one', () => {
  const found = searchAll(adder(1), limits);
  assert.equal(found.invariant, undefined);
  assert.equal(found.complete, true);
  assert.equal(found.states, 12);
});

test('a search that was cut off does not claim to be complete', () => {
  assert.equal(searchAll(adder(1), { ...limits, maxStates: 5 }).complete, false);
  assert.equal(searchAll(adder(1), { ...limits, maxDepth: 2 }).complete, false);
});

test('walks end at a violation', () => {
  const found = walk(adder(4), { maxWalks: 10, maxSteps: 10, maySpend: () => true });
  assert.deepEqual([found.invariant, found.trace], ['never', ['add 2', 'add 2']]);
});

test('values are equal when their contents are, whatever the order they were given in', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -9, max: 9 })),
      fc.array(fc.integer({ min: -9, max: 9 })),
      (a, b) => {
        const same =
          JSON.stringify([...new Set(a)].sort()) === JSON.stringify([...new Set(b)].sort());
        assert.equal(equal(setOf(a), setOf(b)), same);
        assert.equal(hashOf(setOf(a)), hashOf(setOf([...a].reverse())));
      },
    ),
  );
  assert.ok(equal(new RecordValue({ a: 1, b: true }), new RecordValue({ b: true, a: 1 })));
  assert.ok(!equal(new RecordValue({ a: 1 }), new RecordValue({ b: 1 })));
  assert.equal(show(operators.List(1, operators.Set(2))), '[1, Set(2)]');
});

test('an invariant that is asked for in the middle of a step does not change what the step reads', () => {
  const at: Expression = { kind: 'name', name: 'm::at' };
  const number = (value: number): Expression => ({ kind: 'int', value });
  const app = (opcode: string, ...args: Expression[]): Expression => ({
    kind: 'app',
    opcode,
    args,
  });
  const define = (name: string, qualifier: string, expr: Expression): Declaration => ({
    kind: 'def',
    name: `m::${name}`,
    qualifier,
    expr,
  });
  const { source } = translate(
    [
      { kind: 'var', name: 'm::at' },
      define('init', 'action', app('assign', at, number(0))),
      define(
        'step',
        'action',
        app(
          'actionAny',
          app('assign', at, app('iadd', at, number(1))),
          app(
            'actionAll',
            app('ilt', at, number(2)),
            app('assign', at, app('iadd', at, number(10))),
          ),
        ),
      ),
      define('small', 'val', app('ilt', at, number(12))),
    ],
    { init: 'init', step: 'step', invariants: ['small'] },
  );
  const system: System = new Function('q', 'order', source)(operators, (count: number) => [
    ...Array(count).keys(),
  ]);
  const seen: unknown[] = [];
  system.step([1], (state) => {
    seen.push(state[0], system.violated(state));
    return false;
  });
  assert.deepEqual(seen, [2, undefined, 11, undefined]);
  assert.equal(searchAll(system, limits).trace.length, 3);
});
