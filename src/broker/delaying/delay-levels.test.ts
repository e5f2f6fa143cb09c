import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { defaultDelayLevelsMs, delayLevels } from './delay-levels.ts';

const places = { homeFolder: '/home', workingFolder: '/work' };
const parse = (text: string) => delayLevels.parse(text, places);

test('the levels of RocketMQ are read and written as its configuration has them', () => {
  const text = '1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h';
  assert.deepEqual(parse(text), { value: defaultDelayLevelsMs });
  assert.equal(delayLevels.format(defaultDelayLevelsMs), text);
  assert.deepEqual(parse(' 90s   1d '), { value: [90_000, 86_400_000] });
});

test('what is no list of durations is refused', () => {
  for (const text of ['', ' ', '1', '1x', '1 s', '-1s', '1s,5s', '1.5s', '1s 5', `${10 ** 10}s`]) {
    assert('problem' in parse(text), text);
  }
  assert('problem' in parse('1s '.repeat(1001)));
});

test('what is written is read back', () => {
  const levels = fc.array(fc.integer({ min: 0, max: 10 ** 6 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(levels, (seconds) => {
      const value = seconds.map((count) => count * 1000);
      assert.deepEqual(parse(delayLevels.format(value)), { value });
    }),
  );
});
