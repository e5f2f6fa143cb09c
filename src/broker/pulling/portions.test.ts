import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import type { Clock } from '../../base/index.ts';
import { Portions } from './portions.ts';

/** Turns that end when the test says so. */
class Turns {
  #actions: (() => void)[] = [];

  readonly clock = {
    afterTurn: (action: () => void) => void this.#actions.push(action),
  } as unknown as Clock;

  end(): void {
    const actions = this.#actions;
    this.#actions = [];
    for (const action of actions) action();
  }

  get isQuiet(): boolean {
    return this.#actions.length === 0;
  }
}

test('a portion is worked on at once, the rest turn by turn and in its order', () => {
  const turns = new Turns();
  const portions = new Portions(turns.clock, 100);
  const done: number[] = [];
  for (const name of [1, 2, 3, 4, 5]) portions.take(50, () => done.push(name));
  assert.deepEqual(done, [1, 2]);
  turns.end();
  assert.deepEqual(done, [1, 2, 3, 4]);
  portions.take(50, () => done.push(6));
  assert.deepEqual(done, [1, 2, 3, 4], 'nobody is overtaken');
  turns.end();
  assert.deepEqual(done, [1, 2, 3, 4, 5, 6]);
});

test('what is larger than a portion is one by itself, and nothing is scheduled for nothing', () => {
  const turns = new Turns();
  const portions = new Portions(turns.clock, 100);
  const done: number[] = [];
  for (const name of [1, 2, 3]) portions.take(1000, () => done.push(name));
  for (const expected of [[1], [1, 2], [1, 2, 3]]) {
    assert.deepEqual(done, expected);
    turns.end();
  }
  turns.end();
  assert(turns.isQuiet);
});

test('at a stop all that waits is worked on', () => {
  const turns = new Turns();
  const portions = new Portions(turns.clock, 100);
  const done: number[] = [];
  for (const name of [1, 2]) portions.take(100, () => done.push(name));
  portions.finish();
  assert.deepEqual(done, [1, 2]);
  turns.end();
  assert.deepEqual(done, [1, 2]);
});
