import type { Clock } from '../../base/index.ts';

/** Name and value of each label. */
export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  /** Absent: the name of the metric. */
  readonly suffix?: '_bucket' | '_sum' | '_count';
  readonly labels?: Labels;
  readonly value: number;
}

/** One metric of the text format of Prometheus, with its samples as they are when somebody asks. */
export interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  samples(): Iterable<Sample> | AsyncIterable<Sample>;
}

export const contentType = 'text/plain; version=0.0.4; charset=utf-8';

/** Samples of one metric at most, as RocketMQ's `metricsOtelCardinalityLimit`. */
const maxSamples = 50_000;
/** Samples that are written before others get their turn: about a millisecond. */
const samplesAtOnce = 500;

/**
 * The metrics as text, in pieces. Whatever their number, the event loop is held for about a millisecond at a time, and
 * nothing is kept but the piece in hand.
 */
export async function* exposition(
  metrics: Iterable<Metric>,
  common: Labels,
  clock: Clock,
): AsyncGenerator<string> {
  const commonText = labelsText(common);
  let piece = '';
  let count = 0;
  for (const { name, type, help, samples } of metrics) {
    piece += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
    let ofMetric = 0;
    for await (const { suffix = '', labels = {}, value } of samples()) {
      if (++ofMetric > maxSamples) {
        piece += `# more than ${maxSamples} samples: the rest is left out\n`;
        break;
      }
      piece += `${name}${suffix}{${joined(commonText, labelsText(labels))}} ${numberText(value)}\n`;
      if (++count % samplesAtOnce > 0) continue;
      yield piece;
      piece = '';
      await clock.sleep(0);
    }
  }
  if (piece !== '') yield piece;
}

/** Samples of a histogram: what is at or below each bound, then sum and count. */
export function* histogramSamples(
  bounds: readonly number[],
  counts: ArrayLike<number>,
  sum: number,
  labels: Labels = {},
): Generator<Sample> {
  let total = 0;
  for (let at = 0; at < counts.length; at++) {
    total += counts[at] as number;
    const bound = bounds[at];
    const le = bound === undefined ? '+Inf' : numberText(bound);
    yield { suffix: '_bucket', labels: { ...labels, le }, value: total };
  }
  yield { suffix: '_sum', labels, value: sum };
  yield { suffix: '_count', labels, value: total };
}

function labelsText(labels: Labels): string {
  let text = '';
  for (const name in labels) text = joined(text, `${name}="${escaped(labels[name] ?? '')}"`);
  return text;
}

const joined = (one: string, other: string): string =>
  one === '' || other === '' ? one + other : `${one},${other}`;

function escaped(value: string): string {
  return /[\\"\n]/.test(value)
    ? value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))
    : value;
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}
