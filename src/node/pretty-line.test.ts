import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogFields } from '../base/index.ts';
import { prettyLine } from './pretty-line.ts';

const plain = (text: string): string => text;

function check(log: LogFields, expected: readonly string[], width = 100): void {
  const style = { message: plain, faint: plain, width };
  assert.deepEqual(prettyLine({ level: 'info', time: 'now', ...log }, style).split('\n'), expected);
}

test('fields follow the message, lists with commas and texts with blanks in quotes', () => {
  check({ component: 'store', msg: 'opened', position: 12, roles: ['a', 'b'], why: 'no space' }, [
    'store: opened  position=12  roles=a,b  why="no space"',
  ]);
  check({ msg: 'bare', empty: '', none: null, nested: { a: 1 } }, [
    'bare  empty=""  none=null  nested={"a":1}',
  ]);
});

test('fields go on in more lines where the screen is narrow', () => {
  const log = { msg: 'twenty letters in all', first: 'a'.repeat(10), second: 'b'.repeat(10) };
  check(log, ['twenty letters in all', '    first=aaaaaaaaaa', '    second=bbbbbbbbbb'], 35);
  check(log, ['twenty letters in all  first=aaaaaaaaaa', '    second=bbbbbbbbbb'], 70);
});

test('a failure shows what it says and what it was caused by, a bug shows where it is', () => {
  check(
    { msg: 'no', error: { kind: 'corrupt', message: 'bad', stack: 'x\n at y', cause: 'EIO' } },
    ['no', '    bad', '    by EIO'],
  );
  check({ msg: 'bug', error: { message: 'oops', stack: 'Error: oops\n at y' } }, [
    'bug',
    '    Error: oops',
    '     at y',
  ]);
});

test('text from outside cannot steer the terminal', () => {
  check({ msg: 'topic\u001b[31m', topic: 'a\u009b2J', by: '\u202eabc' }, [
    'topic·[31m  topic=a·2J  by=·abc',
  ]);
});
