import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  decodeProperties,
  formatProperties,
  parseAssignments,
  parseProperties,
} from './properties.ts';

function check(text: string, expected: readonly (readonly [string, string])[]): void {
  const read = parseProperties(text, 'broker.conf');
  assert.deepEqual(read.problems, []);
  assert.deepEqual(
    read.settings.map(({ key, value }) => [key, value]),
    expected,
  );
}

test('a key ends at =, : or a blank, with blanks around it', () => {
  check('a=1\nb:2\nc 3\nd\t4\n  e = 5\nf :  6\n', [
    ['a', '1'],
    ['b', '2'],
    ['c', '3'],
    ['d', '4'],
    ['e', '5'],
    ['f', '6'],
  ]);
});

test('only the first separator separates', () => {
  check('namesrvAddr=10.0.0.1:9876;10.0.0.2:9876\na==b\n', [
    ['namesrvAddr', '10.0.0.1:9876;10.0.0.2:9876'],
    ['a', '=b'],
  ]);
});

test('comments and empty lines are nothing', () => {
  check('# a=1\n! b=2\n\n   # c=3\n \t\nd=4 # not a comment', [['d', '4 # not a comment']]);
});

test('a key alone has an empty value', () => {
  check('a\nb=\nc: \n', [
    ['a', ''],
    ['b', ''],
    ['c', ''],
  ]);
});

test('an odd backslash at the end continues the line, without the blanks that follow', () => {
  check('a=one, \\\n    two\\\n  ,three\nb=x\\\\\nc=y', [
    ['a', 'one, two,three'],
    ['b', 'x\\'],
    ['c', 'y'],
  ]);
  check('a=1\\', [['a', '1']]);
  check('a=1\\\n# not a comment', [['a', '1# not a comment']]);
});

test('escapes stand for characters', () => {
  check('a\\ b\\=c=\\t\\n\\u0041\\:\\q', [['a b=c', '\t\nA:q']]);
  check('name=\\u6d88\\u606f', [['name', '消息']]);
});

test('blanks behind a value are dropped unless escaped', () => {
  check('listenPort=10911  \t\na=b\\ \n', [
    ['listenPort', '10911'],
    ['a', 'b '],
  ]);
});

test('lines may end as on any system', () => {
  check('a=1\r\nb=2\rc=3', [
    ['a', '1'],
    ['b', '2'],
    ['c', '3'],
  ]);
});

test('each setting knows its line', () => {
  const { settings } = parseProperties('# first\na=1\\\n2\n\nb=3\n', 'broker.conf');
  assert.deepEqual(
    settings.map(({ origin }) => origin),
    ['broker.conf:2', 'broker.conf:5'],
  );
});

test('a malformed unicode escape is a problem with its line, and the rest is read', () => {
  const read = parseProperties('a=\\u12x4\nb=1\n', 'broker.conf');
  assert.deepEqual(read.problems, [
    'broker.conf:1: \\u must be followed by four hexadecimal digits',
  ]);
  assert.deepEqual(read.settings, [{ key: 'b', value: '1', origin: 'broker.conf:2' }]);
});

test('what is escaped comes back as it was', () => {
  const escaped = (text: string) =>
    Array.from(text.matchAll(/[\s\S]/g), ([unit]) => {
      const code = unit.charCodeAt(0).toString(16).padStart(4, '0');
      return /[A-Za-z0-9]/.test(unit) ? unit : `\\u${code}`;
    }).join('');
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string(), (key, value) => {
      check(`${escaped(key)}=${escaped(value)}`, [[key, value]]);
    }),
  );
});

test('what is written is read back, whatever encoding the reader assumes', () => {
  const texts = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }));
  fc.assert(
    fc.property(fc.dictionary(texts, texts), (entries) => {
      const pairs = Object.entries(entries).filter(([key]) => key !== '');
      const text = formatProperties(pairs);
      assert.match(text, /^[\t\f\n\x20-\x7e]*$/);
      const read = parseProperties(decodeProperties(Buffer.from(text, 'latin1')), 'x');
      assert.deepEqual(
        new Map(read.settings.map(({ key, value }) => [key, value])),
        new Map(pairs),
      );
    }),
  );
});

test('bytes are UTF-8, or else ISO-8859-1', () => {
  assert.equal(decodeProperties(Buffer.from('a=消', 'utf8')), 'a=消');
  assert.equal(decodeProperties(Buffer.from('\ufeffa=1', 'utf8')), 'a=1');
  assert.equal(decodeProperties(Uint8Array.of(0x61, 0x3d, 0xe9, 0x85)), 'a=\u00e9\u0085');
});

test('any text is read without an exception', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('\\', 'u', 'a', '=', ' ', '\n', '#') }),
      (text) => {
        parseProperties(text, 'x');
      },
    ),
  );
});

test('an assignment of the command line is split at its first =', () => {
  assert.deepEqual(parseAssignments(['a=b=c', 'path=C:\\temp', 'empty='], '--set'), {
    settings: [
      { key: 'a', value: 'b=c', origin: '--set' },
      { key: 'path', value: 'C:\\temp', origin: '--set' },
      { key: 'empty', value: '', origin: '--set' },
    ],
    problems: [],
  });
});

test('an assignment without a key or = is a problem', () => {
  const { problems } = parseAssignments(['a', '=b', ''], '--set');
  assert.deepEqual(problems, [
    '--set a: must be KEY=VALUE',
    '--set =b: must be KEY=VALUE',
    '--set : must be KEY=VALUE',
  ]);
});
