import Table from 'cli-table3';
import stringWidth from 'string-width';
import { oneLine } from './plain-text.ts';

export interface Column<Row> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** May be cut to make the table fit. Names are never cut unless they are all that is wide. */
  readonly shrinkable?: boolean;
  cell(row: Row): string | number | undefined;
  /** How it is shown, where that is not as plain text. Colours in the text itself would be shown as dots. */
  style?(row: Row): ((text: string) => string) | undefined;
}

/** Columns of text without lines around them. With `width` no line is wider, counted in places of a terminal. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  options: { readonly width: number | undefined; readonly title?: (text: string) => string },
): string {
  const titleStyle = options.title ?? ((text) => text);
  const cells = rows.map((row) => columns.map((column) => oneLine(String(column.cell(row) ?? ''))));
  const widths = columns.map((column, index) =>
    Math.max(stringWidth(column.title), ...cells.map((row) => stringWidth(row[index] ?? ''))),
  );
  const fitted = fit(columns, widths, options.width);
  const table = new Table({
    // Cut before it is coloured, so that the colour ends with it.
    head: columns.map(({ title }, index) => titleStyle(shortened(title, fitted[index] ?? 0))),
    colWidths: fitted.map((width) => width + gap),
    colAligns: columns.map(({ align }) => align ?? 'left'),
    chars: noLines,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': gap, compact: true },
  });
  for (const [at, row] of rows.entries()) {
    const shown = columns.map((column, index) => {
      const text = cells[at]?.[index] ?? '';
      const style = column.style?.(row);
      return style === undefined || text === '' ? text : style(text);
    });
    table.push(shown);
  }
  return `${table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')}\n`;
}

/** Titles are plain letters. */
const shortened = (title: string, width: number): string =>
  title.length <= width ? title : `${title.slice(0, width - 1)}…`;

/** Blanks between columns. */
const gap = 2;

/** A shrinkable column keeps at least this many places. */
const smallestWidth = 8;

/** Takes what is too much from the widest shrinkable column, place by place; then from any. */
function fit(
  columns: readonly Column<never>[],
  wanted: readonly number[],
  available: number | undefined,
): number[] {
  const widths = [...wanted];
  if (available === undefined) return widths;
  // The blanks behind the last column are cut off again.
  let excess = widths.reduce((sum, width) => sum + width + gap, -gap) - available;
  for (const anyColumn of [false, true]) {
    while (excess > 0) {
      let widest = -1;
      for (const [index, width] of widths.entries()) {
        if (!anyColumn && columns[index]?.shrinkable !== true) continue;
        if (width > smallestWidth && width > (widths[widest] ?? 0)) widest = index;
      }
      const width = widths[widest];
      if (width === undefined) break;
      widths[widest] = width - 1;
      excess -= 1;
    }
  }
  return widths;
}

const noLines = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
} as const;
