import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isFailure } from '../../base/index.ts';
import { parseFastjson } from './parse.ts';
import { JavaDouble, type JsonValue, type Writable } from './value.ts';
import { javaDouble, writeFastjson, writeStandardJson } from './write.ts';

/** Through JSON, to forget about prototypes. */
const plain = (value: JsonValue): unknown =>
  JSON.parse(JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? Number(item) : item)));

function check(text: string, expected: unknown): void {
  assert.deepEqual(plain(parseFastjson(text)), expected, text);
}

test('JSON is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6, noUnicodeString: false }), (text) => {
      const expected: unknown = JSON.parse(text, (key, value) =>
        key === '$ref' || Object.is(value, -0) ? 0 : value,
      );
      fc.pre(!text.includes('$ref') && !text.includes('-0'));
      check(text, expected);
    }),
  );
});

test('what fastjson writes and accepts is read', () => {
  check('{0:"10.0.0.1:10911",1:"b"}', { 0: '10.0.0.1:10911', 1: 'b' });
  check('{{"brokerName":"b","queueId":0,"topic":"t"}:{"n":1}}', {
    '{"brokerName":"b","queueId":0,"topic":"t"}': { n: 1 },
  });
  check('{ { "topic":"t", queueId:0 } : 1 }', { '{"queueId":0,"topic":"t"}': 1 });
  check("{a:'x',\"b\":'\\'',$c:1,d-e:2,}", { a: 'x', b: "'", $c: 1, 'd-e': 2 });
  check('[1,2,]', [1, 2]);
  check('[,1,,2]', [1, 2]);
  check('/* c */ {"a"/**/:1 // x\n}', { a: 1 });
  check('[1.5,-2e3,+3,.5,1L,2.0D]', [1.5, -2000, 3, 0.5, 1, 2]);
  assert.deepEqual(parseFastjson('[9007199254740991,9007199254740993]'), [
    9007199254740991,
    9007199254740993n,
  ]);
  check('"\\u5317\\x41\\0\\v"', '北A\0\v');
  check('[null,true,false,NaN]', [null, true, false, null]);
  check('\ufeff{}', {});
});

test('references stand for what they point at', () => {
  check('{"a":{"b":[1,2]},"c":{"$ref":"$.a"},"d":{"$ref":"$.a.b[1]"}}', {
    a: { b: [1, 2] },
    c: { b: [1, 2] },
    d: 2,
  });
  check('{"a":{"$ref":"$.nothing.here"}}', { a: null });
  check('{"a b":{"x":1},"c":{"$ref":"$[\'a b\'].x"}}', { 'a b': { x: 1 }, c: 1 });
  check('{"a.b":1,"c":{"$ref":"$.a\\\\.b"}}', { 'a.b': 1, c: 1 });
});

function checkRefused(text: string, message: RegExp): void {
  assert.throws(
    () => parseFastjson(text),
    (error) => isFailure(error, 'invalid') && message.test(error.message),
    text.slice(0, 80),
  );
}

test('references cannot make a short text endless', () => {
  checkRefused('{"a":{"b":{"$ref":"$"}}}', /cyclic/);
  checkRefused('{"a":{"$ref":"@"}}', /cyclic/);
  checkRefused('{"a":{"b":{"$ref":".."}}}', /cyclic/);
  const levels = Array.from({ length: 40 }, (_, i) => {
    const below = `{"$ref":"$.l${i + 1}"}`;
    return `"l${i}":[${below},${below}]`;
  });
  checkRefused(`{${levels.join(',')},"l40":1}`, /repeat too much/);
});

test('malformed text is refused with its position', () => {
  checkRefused('', /expected a value at character 0/);
  checkRefused('{"a":1', /expected "," or "}" at character 6/);
  checkRefused('{"a" 1}', /expected ":" at character 5/);
  checkRefused('[1 2]', /expected "," or "]"/);
  checkRefused('{:1}', /expected a key/);
  checkRefused('"abc', /string without an end/);
  checkRefused('"\\u12"', /malformed escape/);
  checkRefused('"\\q"', /unknown escape/);
  checkRefused('1 2', /text after the end/);
  checkRefused('12abc', /malformed number/);
  checkRefused('-', /malformed number/);
  checkRefused('nonsense', /expected a value/);
  checkRefused('/x', /unexpected "\/"/);
  checkRefused('1'.repeat(500), /number is too long/);
});

test('depth, length and number of values are limited', () => {
  checkRefused('['.repeat(65), /more than 64 levels/);
  checkRefused('{a:'.repeat(1_000_000), /more than 64 levels/);
  checkRefused('{{'.repeat(100), /more than 64 levels/);
  const limits = { maxLength: 10, maxDepth: 4, maxValues: 3 };
  assert.throws(() => parseFastjson('[1,2,3]', limits), /too many values/);
  assert.throws(() => parseFastjson('[          ]', limits), /12 characters, at most 10/);
});

test('no key reaches a prototype', () => {
  const value = parseFastjson('{"__proto__":{"polluted":1},"constructor":{"prototype":{"p":1}}}');
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  assert.deepEqual(Object.keys(value as object), ['__proto__', 'constructor']);
  assert.equal(Object.getPrototypeOf(value), null);
});

test('any text is read or refused', () => {
  const pieces = fc.constantFrom(
    ...['{', '}', '[', ']', ':', ',', '"', "'", '\\', '\\u00', '1', '-', '.', 'e5', 'true', 'null'],
    ...['$ref', '"$ref":"$"', '"$ref":".."', '/*', '*/', '//', '\n', ' ', 'a', '{{', '北'],
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
      try {
        parseFastjson(parts.join(''));
      } catch (error) {
        if (!isFailure(error, 'invalid')) throw error;
      }
    }),
    { numRuns: 2000 },
  );
});

const broker = new Map<number, Writable>([
  [0, 'a:1'],
  [1, 'b:2'],
]);
const queue = { topic: 't', queueId: 0, brokerName: 'b' };

test('fastjson writes compact text with sorted fields, bare numbers and objects as keys', () => {
  assert.equal(
    writeFastjson({ brokerAddrs: broker, a: null }),
    '{"brokerAddrs":{0:"a:1",1:"b:2"}}',
  );
  assert.equal(
    writeFastjson({ offsetTable: new Map([[queue, 5]]), tps: new JavaDouble(0) }),
    '{"offsetTable":{{"brokerName":"b","queueId":0,"topic":"t"}:5},"tps":0.0}',
  );
  assert.equal(writeFastjson('a"\\\u0001\u2028/北'), '"a\\"\\\\\\u0001\\u2028/北"');
  assert.equal(writeFastjson([undefined, null, true, 1n, Number.NaN]), '[null,null,true,1,null]');
});

test('standard JSON has quoted, sorted keys and ASCII only', () => {
  assert.equal(
    writeStandardJson({ z: new Map([...broker].reverse()), a: '北/"' }),
    '{"a":"\\u5317\\/\\"","z":{"0":"a:1","1":"b:2"}}',
  );
  assert.equal(writeStandardJson({ n: 9007199254740993n }), '{"n":"9007199254740993"}');
  assert.doesNotThrow(() => JSON.parse(writeStandardJson({ m: new Map([[queue, 1]]) })));
});

test('doubles are written as Double.toString writes them', () => {
  const check = (value: number, expected: string) => assert.equal(javaDouble(value), expected);
  check(0, '0.0');
  check(1, '1.0');
  check(1.5, '1.5');
  check(-0.001, '-0.001');
  check(0.0001, '1.0E-4');
  check(9_999_999, '9999999.0');
  check(1e7, '1.0E7');
  check(1.25e20, '1.25E20');
});

test('what is written is read back', () => {
  const leaf = fc.oneof(fc.string({ unit: 'grapheme' }), fc.maxSafeInteger(), fc.boolean());
  const value = fc.letrec<{ value: Writable }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('value')),
      fc.dictionary(fc.string({ unit: 'grapheme' }), tie('value'), { noNullPrototype: true }),
    ),
  })).value;
  fc.assert(
    fc.property(value, (written) => {
      fc.pre(!JSON.stringify(written).includes('$ref'));
      check(writeFastjson(written), written);
      check(writeStandardJson(written), written);
    }),
  );
});

test('a value that contains itself is refused', () => {
  const list: Writable[] = [];
  list.push(list);
  assert.throws(() => writeFastjson(list), /nested too deep/);
});
