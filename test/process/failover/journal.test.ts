import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { compare, type Found, Journal, kinds } from './journal.ts';

type Contents = Partial<Record<(typeof kinds)[number], Readonly<Record<string, string>>>>;

const found = (contents: Contents): Found =>
  Object.fromEntries(
    kinds.map((kind) => [kind, new Map(Object.entries(contents[kind] ?? {}))]),
  ) as Record<(typeof kinds)[number], Map<string, string>>;

/** What is wrong with a node that holds `contents`, a line each. */
const faults = (journal: Journal, contents: Contents): string[] =>
  compare(journal, found(contents)).map(({ fault, kind, key }) => `${fault} ${kind} ${key}`);

test('a node that holds everything acknowledged has no faults', () => {
  const journal = new Journal();
  for (const kind of kinds) journal.attempt(kind, 'x', '1').acknowledge();
  const whole = {
    topics: { x: '1' },
    groups: { x: '1' },
    offsets: { x: '1' },
    messages: { x: '1' },
  };
  assert.deepEqual(faults(journal, whole), []);
  assert.deepEqual(journal.acknowledged, { topics: 1, groups: 1, offsets: 1, messages: 1 });
});

for (const kind of kinds) {
  test(`of ${kind}, one acknowledged that is not there is missing`, () => {
    const journal = new Journal(() => 42);
    journal.attempt(kind, 'kept', '1').acknowledge();
    journal.attempt(kind, 'lost', '1').acknowledge();
    assert.deepEqual(compare(journal, found({ [kind]: { kept: '1' } })), [
      { fault: 'missing', kind, key: 'lost', wanted: '1', found: undefined, acknowledgedAtMs: 42 },
    ]);
  });

  test(`of ${kind}, one that is as it was before an acknowledged change is stale`, () => {
    const journal = new Journal();
    journal.attempt(kind, 'x', 'old').acknowledge();
    journal.attempt(kind, 'x', 'new').acknowledge();
    assert.deepEqual(faults(journal, { [kind]: { x: 'old' } }), [`stale ${kind} x`]);
    assert.deepEqual(faults(journal, { [kind]: { x: 'new' } }), []);
  });

  test(`of ${kind}, one that is there after its acknowledged deletion returned`, () => {
    const journal = new Journal();
    journal.attempt(kind, 'x', '1').acknowledge();
    journal.attempt(kind, 'x', undefined).acknowledge();
    assert.deepEqual(faults(journal, { [kind]: { x: '1' } }), [`returned ${kind} x`]);
    assert.deepEqual(faults(journal, {}), []);
  });

  test(`of ${kind}, one that nobody asked for returned`, () => {
    assert.deepEqual(faults(new Journal(), { [kind]: { x: '1' } }), [`returned ${kind} x`]);
  });
}

test('a change whose outcome is unknown may be there or not, and nothing else', () => {
  const journal = new Journal();
  journal.attempt('topics', 'x', 'old').acknowledge();
  journal.attempt('topics', 'x', 'new');
  journal.attempt('topics', 'x', undefined);
  assert.deepEqual(faults(journal, { topics: { x: 'old' } }), []);
  assert.deepEqual(faults(journal, { topics: { x: 'new' } }), []);
  assert.deepEqual(faults(journal, {}), []);
  assert.deepEqual(faults(journal, { topics: { x: 'other' } }), ['stale topics x']);
});

test('an acknowledged change rules out what was open before it', () => {
  const journal = new Journal();
  journal.attempt('groups', 'x', 'open');
  journal.attempt('groups', 'x', 'new').acknowledge();
  assert.deepEqual(faults(journal, { groups: { x: 'open' } }), ['stale groups x']);
});

test('a creation whose outcome is unknown may be there or not', () => {
  const journal = new Journal();
  journal.attempt('groups', 'x', '1');
  assert.deepEqual(faults(journal, {}), []);
  assert.deepEqual(faults(journal, { groups: { x: '1' } }), []);
  assert.deepEqual(faults(journal, { groups: { x: '2' } }), ['returned groups x']);
});

test('a sent message that was never acknowledged may be stored anywhere, an acknowledged one only once', () => {
  const journal = new Journal();
  journal.sent('t open');
  journal.sent('t stored');
  journal.stored('t@0@0', 't stored', 100);
  assert.equal(journal.positionOf('t@0@0'), 100);
  const stored = { 't@0@0': 't stored' };
  assert.deepEqual(faults(journal, { messages: { ...stored, 't@0@1': 't open' } }), []);
  const twice = { ...stored, 't@0@1': 't stored' };
  assert.deepEqual(faults(journal, { messages: twice }), ['returned messages t@0@1']);
});

test('messages of a deleted topic must not be seen in the one that replaced it', () => {
  const journal = new Journal();
  journal.sent('t old');
  journal.stored('t@0@0', 't old', 100);
  journal.forget('messages', (key) => key.startsWith('t@'));
  assert.deepEqual(faults(journal, { messages: { 't@0@0': 't old' } }), []);
  journal.unsend('t');
  assert.deepEqual(faults(journal, { messages: { 't@0@0': 't old' } }), [
    'returned messages t@0@0',
  ]);
});

test('a fault that was settled is not counted again', () => {
  const journal = new Journal();
  journal.attempt('topics', 'x', '1').acknowledge();
  journal.settle('topics', 'x', undefined);
  assert.deepEqual(faults(journal, {}), []);
  assert.deepEqual(journal.acknowledged.topics, 1);
});
