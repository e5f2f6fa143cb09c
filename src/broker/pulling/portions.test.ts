import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import type { Clock } from '../../base/index.ts';
import { type PortionReader, Portions } from './portions.ts';

/** Turns that end when the test says so. */
class Turns {
  #actions: (() => void)[] = [];

  /** Of the timer that is set. */
  timer: (() => void) | undefined;

  readonly clock = {
    afterTurn: (action: () => void) => void this.#actions.push(action),
    setTimer: (_forMs: number, action: () => void) => {
      this.timer = action;
      return { cancel: () => {} };
    },
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

class Reader implements PortionReader {
  isBehind = false;
  waiting = 0;

  postpone(): void {
    this.waiting++;
  }

  settled(): void {
    this.waiting--;
  }
}

const fast = new Reader();

test('a portion is worked on at once, the rest turn by turn and in its order', () => {
  const turns = new Turns();
  const portions = new Portions(turns.clock, 100);
  const done: number[] = [];
  for (const name of [1, 2, 3, 4, 5]) portions.take(50, fast, () => done.push(name));
  assert.deepEqual(done, [1, 2]);
  turns.end();
  assert.deepEqual(done, [1, 2, 3, 4]);
  portions.take(50, fast, () => done.push(6));
  assert.deepEqual(done, [1, 2, 3, 4], 'nobody is overtaken');
  turns.end();
  assert.deepEqual(done, [1, 2, 3, 4, 5, 6]);
});

test('what is larger than a portion is one by itself, and nothing is scheduled for nothing', () => {
  const turns = new Turns();
  const portions = new Portions(turns.clock, 100);
  const done: number[] = [];
  for (const name of [1, 2, 3]) portions.take(1000, fast, () => done.push(name));
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
  for (const name of [1, 2]) portions.take(100, fast, () => done.push(name));
  portions.finish();
  assert.deepEqual(done, [1, 2]);
  turns.end();
  assert.deepEqual(done, [1, 2]);
});

test('whoever reads slowly gets nothing more until it has caught up, and others do not wait for it', () => {
  const turns = new Turns();
  const portions = new Portions(turns.clock, 100);
  const done: string[] = [];
  const slow = new Reader();
  portions.take(100, slow, () => done.push('slow 1'));
  for (const name of ['slow 2', 'slow 3']) portions.take(50, slow, () => done.push(name));
  portions.take(50, fast, () => done.push('fast'));
  assert.deepEqual([done, slow.waiting, fast.waiting], [['slow 1'], 2, 1]);
  slow.isBehind = true;
  turns.end();
  assert.deepEqual([done, slow.waiting, fast.waiting], [['slow 1', 'fast'], 2, 0]);
  turns.end();
  assert(turns.isQuiet, 'it is not looked at in every turn');
  slow.isBehind = false;
  turns.timer?.();
  turns.end();
  assert.deepEqual([done, slow.waiting], [['slow 1', 'fast', 'slow 2', 'slow 3'], 0]);
});
