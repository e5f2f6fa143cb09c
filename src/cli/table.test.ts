import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { oneLine } from './plain-text.ts';
import { type Column, renderTable } from './table.ts';

interface Row {
  readonly name: string;
  readonly text: string;
  readonly count: number;
}

const columns: readonly Column<Row>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'TEXT', shrinkable: true, cell: ({ text }) => text },
  { title: 'N', align: 'right', cell: ({ count }) => count },
];

function lines(rows: readonly Row[], width?: number): readonly string[] {
  const rendered = renderTable(columns, rows, { width });
  assert.ok(rendered.endsWith('\n'));
  return rendered.slice(0, -1).split('\n');
}

test('columns line up and numbers stand to the right', () => {
  assert.deepEqual(
    lines([
      { name: 'a', text: 'x', count: 5 },
      { name: 'longer', text: 'yy', count: 12345 },
    ]),
    ['NAME    TEXT      N', 'a       x         5', 'longer  yy    12345'],
  );
});

test('wide characters take two places', () => {
  const [head = '', wide = '', plain = ''] = lines([
    { name: '订单', text: '消息', count: 1 },
    { name: 'abcd', text: 'efgh', count: 2 },
  ]);
  assert.equal(stringWidth(wide), stringWidth(plain));
  assert.equal(stringWidth(head), stringWidth(plain));
  assert.equal(wide, '订单  消息  1');
});

test('a table that is too wide for the screen loses the end of its text, not its names', () => {
  const rows = [
    { name: 'a-name', text: '很长的消息'.repeat(20), count: 1 },
    { name: 'b-name', text: 'a long message '.repeat(20), count: 22 },
  ];
  for (const width of [30, 40, 79]) {
    const rendered = lines(rows, width);
    for (const line of rendered) assert.ok(stringWidth(line) <= width, `${width}: ${line}`);
    assert.match(rendered[1] ?? '', /^a-name +很.*… +1$/);
    assert.match(rendered[2] ?? '', /^b-name +a l.*… +22$/);
  }
});

test('no line is wider than the screen, whatever is in it', () => {
  // The table library and ours disagree on the width of some rare scripts and emoji; on these they do not.
  const unit = fc.constantFrom(...'aZ09 .-_%|!éß中文消息订单日本語カな한글，！');
  const row = fc.record({
    name: fc.string({ maxLength: 30, unit }),
    text: fc.string({ maxLength: 80, unit }),
    count: fc.nat(),
  });
  fc.assert(
    fc.property(
      fc.array(row, { maxLength: 3 }),
      fc.integer({ min: 40, max: 100 }),
      (rows, width) => {
        for (const line of lines(rows, width)) assert.ok(stringWidth(line) <= width, line);
      },
    ),
    { numRuns: 50 },
  );
});

test('a title that is cut keeps the end of its colour', () => {
  const [title] = renderTable([{ title: 'A LONG TITLE', cell: () => 'x' }], [], {
    width: 8,
    title: (text) => `\u001b[2m${text}\u001b[22m`,
  }).split('\n');
  assert.equal(title, '\u001b[2mA LONG …\u001b[22m');
});

test('without rows there are the titles', () => {
  assert.deepEqual(lines([]), ['NAME  TEXT  N']);
});

test('text from messages cannot steer the terminal', () => {
  assert.equal(oneLine('a\u001b[31mred\u0007'), 'a·[31mred·');
  assert.equal(oneLine('two\nlines\tand\r\nmore\n'), 'two lines and more');
  assert.equal(oneLine('abc\u202edef'), 'abc·def');
});

test('a style is put around what is shown, and takes no places', () => {
  const red = (text: string): string => `\u001b[31m${text}\u001b[39m`;
  const [first, ...others] = columns as [Column<Row>, ...Column<Row>[]];
  const styled = [
    { ...first, style: ({ count }: Row) => (count > 1 ? red : undefined) },
    ...others,
  ];
  const rows = [
    { name: 'one', text: 'x', count: 1 },
    { name: 'two', text: 'y', count: 2 },
  ];
  const plain = renderTable(columns, rows, { width: 40 });
  assert.equal(renderTable(styled, rows, { width: 40 }), plain.replace('two', red('two')));
});
