import { cpus } from 'node:os';
import { type Aim, type Figure, type Row, type Side, sides } from './row.ts';

export interface RowResult {
  readonly row: string;
  readonly title: string;
  readonly seconds: number;
  readonly figures: readonly Figure[];
  /** Instead of figures, when the row could not be measured. */
  readonly failure?: string;
}

/** One aim, and whether the medians reach it. */
interface Judgement {
  readonly aim: string;
  readonly reached: boolean;
}

/** Where and when; without it a figure says nothing. */
export function machine(): Readonly<Record<string, string>> {
  return {
    at: new Date().toISOString(),
    processor: `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores`,
    node: process.version,
  };
}

/** Everything, for programs: values of each round, medians, ratios to the Java broker, aims. */
export function resultAsJson({ figures, ...result }: RowResult): object {
  return {
    ...result,
    figures: figures.map((figure) => ({
      what: figure.what,
      unit: figure.unit,
      values: figure.values,
      medians: medians(figure),
      ratioToJava: ratio(figure, 'java'),
      ratioToEcho: ratio(figure, 'echo'),
      aims: judge(figure),
    })),
  };
}

const header = ['', 'Holdfast', 'Java', 'ratio', 'echo', 'ratio', 'spread', 'aim'];

/** For people: medians, ratios, and the smallest and largest value of Holdfast. */
export function resultAsTable({ row, title, seconds, figures, failure }: RowResult): string {
  const lines = [`${row}: ${title} (${seconds.toFixed(0)} s)`];
  if (failure !== undefined) return [...lines, `  FAILED: ${failure}`].join('\n');
  const rows = figures.map((figure) => {
    const { holdfast = Number.NaN, java, echo } = medians(figure);
    const all = figure.values.holdfast ?? [];
    const spread = all.length < 2 ? '' : `${text(Math.min(...all))}-${text(Math.max(...all))}`;
    const aims = judge(figure).map(({ aim, reached }) => `${reached ? 'ok' : 'MISSED'}: ${aim}`);
    return [
      `${figure.what}${figure.unit === '' ? '' : ` (${figure.unit})`}`,
      ...[holdfast, java, ratio(figure, 'java'), echo, ratio(figure, 'echo')].map(text),
      spread,
      aims.join('; '),
    ];
  });
  const cells = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  for (const row of cells) {
    const padded = row.map((cell, column) => {
      const isText = column === 0 || column === row.length - 1;
      return isText ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
    });
    lines.push(`  ${padded.join('  ')}`.trimEnd());
  }
  return lines.join('\n');
}

/** The rows and what they are to reach, without a measurement. */
export function listOfRows(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ name }) => name.length));
  return rows.map(({ name, title }) => `${name.padEnd(width)}  ${title}`).join('\n');
}

/** Three or four digits are all that a shared machine can tell. */
function text(value: number | undefined): string {
  if (value === undefined) return '';
  if (Number.isNaN(value)) return '?';
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString('en');
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

function medians({ values }: Figure): Partial<Record<Side, number>> {
  const entries = sides.flatMap((side) =>
    values[side] === undefined ? [] : [[side, median(values[side])] as const],
  );
  return Object.fromEntries(entries);
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** Of Holdfast's median to that of another side. */
function ratio(figure: Figure, side: Side): number | undefined {
  const { holdfast, [side]: other } = medians(figure);
  return holdfast === undefined || other === undefined ? undefined : holdfast / other;
}

/** Aims that compare with a side that was not measured say nothing and are left out. */
function judge(figure: Figure): readonly Judgement[] {
  return (figure.aims ?? []).flatMap((aim) => {
    const value = aim.times === undefined ? medians(figure).holdfast : ratio(figure, aim.times);
    if (value === undefined) return [];
    const reached = aim.bound === 'at least' ? value >= aim.value : value <= aim.value;
    return [{ aim: aimAsText(aim), reached }];
  });
}

function aimAsText({ bound, value, times }: Aim): string {
  return `${bound} ${text(value)}${times === undefined ? '' : ` x ${times}`}`;
}
