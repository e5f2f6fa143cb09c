import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JavaDouble, type Writable } from '../../wire/index.ts';
import { canonicalJson } from './canonical-json.ts';

function check(value: Writable, expected: string): void {
  assert.equal(canonicalJson(value), expected);
}

test('keys are sorted at every depth, and there are no blanks', () => {
  check({ b: 1, a: [true, null, { d: 'x', c: -2 }] }, '{"a":[true,null,{"c":-2,"d":"x"}],"b":1}');
});

test('maps are objects, and fields that are undefined are left out', () => {
  check(
    {
      m: new Map([
        ['z', 1],
        ['a', 2],
      ]),
      gone: undefined,
    },
    '{"m":{"a":2,"z":1}}',
  );
});

test('text is escaped as JSON does, and stays UTF-8 otherwise', () => {
  check('a"\\\n\u00e9\u2028', '"a\\"\\\\\\n\u00e9\u2028"');
});

test('what JSON cannot say exactly is refused', () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, 1n, new JavaDouble(0)] as Writable[]) {
    assert.throws(() => canonicalJson({ bad }), TypeError);
  }
  assert.throws(() => canonicalJson(new Map([[1, 2]])), TypeError);
});

test('the order in which fields were set makes no difference, and nothing is lost', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (json) => {
      // JSON has no negative zero.
      const value = JSON.parse(JSON.stringify(json)) as Writable;
      const text = canonicalJson(value);
      assert.deepEqual(JSON.parse(text), value);
      assert.equal(canonicalJson(reversed(value)), text);
    }),
    { numRuns: 200 },
  );
});

function reversed(value: Writable): Writable {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return new Map(
    Object.entries(value as Record<string, Writable>)
      .reverse()
      .map(([key, field]) => [key, reversed(field)]),
  );
}
