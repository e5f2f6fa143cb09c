import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Histogram } from './histogram.ts';

test('a percentile is at most one per cent above the exact one, and never below it', () => {
  const duration = fc.oneof(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 60_000, noNaN: true }),
  );
  fc.assert(
    fc.property(
      fc.array(duration, { minLength: 1, maxLength: 200 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (durations, share) => {
        const histogram = new Histogram();
        for (const one of durations) histogram.record(one);
        const micros = durations.map((one) => Math.round(one * 1000)).sort((a, b) => a - b);
        const exact = micros[Math.max(1, Math.ceil(share * micros.length)) - 1] ?? 0;
        const shown = Math.round(histogram.percentileMs(share) * 1000);
        assert.ok(shown >= exact, `${shown} < ${exact}`);
        assert.ok(shown <= exact * 1.01 + 1, `${shown} is far above ${exact}`);
      },
    ),
  );
});

test('the largest duration is exact, and the highest percentile is not above it', () => {
  const histogram = new Histogram();
  for (const one of [0.25, 1234.567, 3]) histogram.record(one);
  assert.equal(histogram.maxMs, 1234.567);
  assert.equal(histogram.percentileMs(1), 1234.567);
  assert.equal(histogram.count, 3);
});

test('nothing recorded is 0, also after it was cleared', () => {
  const histogram = new Histogram();
  assert.equal(histogram.percentileMs(0.99), 0);
  histogram.record(5);
  histogram.clear();
  assert.deepEqual([histogram.count, histogram.maxMs, histogram.percentileMs(0.5)], [0, 0, 0]);
});

test('what is longer than half an hour counts as that, and what is negative as nothing', () => {
  const histogram = new Histogram();
  histogram.record(1e12);
  histogram.record(-5);
  assert.equal(Math.floor(histogram.maxMs / 60_000), 35);
  assert.equal(histogram.percentileMs(0.5), 0);
});
