import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { PutTimes } from './put-times.ts';

test('times are counted in the classes of RocketMQ', () => {
  const times = new PutTimes();
  for (const ms of [-5, 0, 1, 9, 10, 49, 100, 999, 4999, 9999, 10_000, 1e9]) times.add(ms);
  assert.equal(
    times.distribution(),
    '[<=0ms]:2 [0~10ms]:2 [10~50ms]:2 [50~100ms]:0 [100~200ms]:1 [200~500ms]:0 [500ms~1s]:1 ' +
      '[1~2s]:0 [2~3s]:0 [3~4s]:0 [4~5s]:1 [5~10s]:1 [10s~]:2 ',
  );
  assert.equal(times.longestMs, 1e9);
});

test('percentiles are those of the last full minute, and the classes begin anew with each', () => {
  const times = new PutTimes();
  for (let ms = 1; ms <= 1000; ms++) times.add(ms);
  assert.equal(times.percentile99, 0);
  for (let second = 0; second < 60; second++) times.second();
  assert.equal(times.percentile99, 990);
  assert.equal(times.percentile999, 999);
  assert.match(times.distribution(), /^\[<=0ms\]:0 \[0~10ms\]:0 /);
  for (let second = 0; second < 60; second++) times.second();
  assert.equal(times.percentile99, 0);
});
