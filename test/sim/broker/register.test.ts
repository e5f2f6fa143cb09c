import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { Locks } from './locks.ts';
import { impossible, Register } from './register.ts';

const set =
  (value: string) =>
  (_before: string): string =>
    value;

test('an acknowledged change is the value, whatever was possible before', () => {
  const register = new Register('a');
  register.perhapsChanged(set('b'));
  assert.deepEqual(register.now(), ['a', 'b']);
  register.changed(set('c'), 100);
  assert.deepEqual(register.now(), ['c']);
});

test('a crash may undo what is not synced, and no more', () => {
  const register = new Register('a');
  register.changed(set('b'), 100);
  register.changed(set('c'), 200);
  register.perhapsChanged(set('d'));
  assert.deepEqual(register.upTo(50), ['a', 'b', 'c', 'd']);
  register.crashed(150);
  assert.deepEqual(register.now(), ['b', 'c', 'd']);
});

test('what an acknowledgement makes safe survives any crash', () => {
  const register = new Register('a');
  register.changed(set('b'), 100);
  register.changed(set('c'), 0);
  register.crashed(0);
  assert.deepEqual(register.now(), ['c']);
});

test('a change that was impossible from a candidate rules it out', () => {
  const register = new Register('a');
  register.perhapsChanged(set('b'));
  register.changed((before) => (before === 'a' ? impossible : `${before}!`), 0);
  assert.deepEqual(register.now(), ['b!']);
});

test('what was observed is all that is left', () => {
  const register = new Register('a');
  register.perhapsChanged(set('b'));
  register.settle(['b']);
  assert.deepEqual(register.upTo(0), ['b']);
});

test('a subject is shared, or taken alone', async () => {
  const locks = new Locks();
  const taken: boolean[] = [];
  await locks.with({ shared: ['topic'] }, async () => {
    taken.push(await locks.with({ shared: ['topic'] }, async () => {}));
    taken.push(await locks.with({ alone: ['topic'] }, async () => {}));
  });
  await locks.with({ alone: ['topic'] }, async () => {
    taken.push(await locks.with({ shared: ['topic'] }, async () => {}));
  });
  taken.push(await locks.with({ alone: ['topic'] }, async () => {}));
  assert.deepEqual(taken, [true, false, false, true]);
});
