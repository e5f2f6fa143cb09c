import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { SimWorld } from '../../../test/sim/ports/index.ts';
import { exposition, histogramSamples, type Metric, type Sample } from './exposition.ts';

async function written(...metrics: Metric[]): Promise<string[]> {
  const world = new SimWorld(1, { log: () => {} });
  const { clock } = world.node('n');
  const read = async (): Promise<string[]> => {
    const pieces: string[] = [];
    for await (const piece of exposition(metrics, { cluster: 'c' }, clock)) pieces.push(piece);
    return pieces;
  };
  return await world.complete(read());
}

function metric(samples: readonly Sample[], type: Metric['type'] = 'gauge'): Metric {
  return { name: 'm', type, help: 'Words.', samples: () => samples };
}

test('a metric has its help, its type and a line for each sample', async () => {
  const metrics = metric([{ value: 1.5 }, { value: 0, labels: { topic: 't', kind: 'k' } }]);
  assert.deepEqual(await written(metrics), [
    '# HELP m Words.\n# TYPE m gauge\nm{cluster="c"} 1.5\nm{cluster="c",topic="t",kind="k"} 0\n',
  ]);
});

test('labels hold any text, and values any number', async () => {
  const labels = { topic: 'a"b\\c\nd%|é' };
  const [text = ''] = await written(metric([{ labels, value: Number.POSITIVE_INFINITY }]));
  assert.match(text, /m\{cluster="c",topic="a\\"b\\\\c\\nd%\|é"\} \+Inf\n$/);
});

test('the classes of a histogram add up', async () => {
  const samples = [...histogramSamples([1, 10], [2, 3, 4], 99, { topic: 't' })];
  const [text = ''] = await written(metric(samples, 'histogram'));
  assert.deepEqual(text.split('\n').slice(2), [
    'm_bucket{cluster="c",topic="t",le="1"} 2',
    'm_bucket{cluster="c",topic="t",le="10"} 5',
    'm_bucket{cluster="c",topic="t",le="+Inf"} 9',
    'm_sum{cluster="c",topic="t"} 99',
    'm_count{cluster="c",topic="t"} 9',
    '',
  ]);
});

test('many samples come in pieces, and more than Prometheus should take are left out', async () => {
  const many = Array.from({ length: 60_000 }, (_, value) => ({ value }));
  const pieces = await written(metric(many));
  assert(pieces.length > 50, 'others get their turn in between');
  assert(pieces.every((piece) => piece.length < 100_000));
  const lines = pieces.join('').split('\n');
  assert.equal(lines.filter((line) => line.startsWith('m{')).length, 50_000);
  assert.match(pieces.at(-1) ?? '', /# more than 50000 samples: the rest is left out\n$/);
});
