import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toYaml } from './yaml.ts';

test('objects and lists are blocks', () => {
  const value = {
    topic: '订单',
    brokers: ['a', 'b'],
    queues: [
      { id: 0, maxOffset: '9' },
      { id: 1, nested: { deep: [[1, 2], []] } },
    ],
    none: null,
    empty: {},
  };
  assert.equal(
    toYaml(value),
    `topic: 订单
brokers:
  - a
  - b
queues:
  - id: 0
    maxOffset: "9"
  - id: 1
    nested:
      deep:
        - - 1
          - 2
        - []
none: null
empty: {}
`,
  );
});

test('texts that could be read as something else stand in quotes', () => {
  for (const text of [
    '',
    'true',
    'No',
    '12',
    '1e3',
    '-',
    '- a',
    'a: b',
    '#c',
    '*',
    '~',
    '2026-01-01',
    'a\nb',
  ]) {
    assert.equal(toYaml(text), `${JSON.stringify(text)}\n`);
  }
  for (const text of ['rw', 'broker-a', '%RETRY%g', 'message.type', 'a b']) {
    const shown = toYaml(text).trim();
    assert.ok(shown === text || shown === JSON.stringify(text), shown);
  }
});

test('a text in quotes is a text of JSON again, whatever is in it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const shown = toYaml(text).slice(0, -1);
      assert.equal(shown.startsWith('"') ? JSON.parse(shown) : shown, text);
      assert.ok(!/[\n\u0085\u2028\u2029]/.test(shown));
    }),
  );
});
