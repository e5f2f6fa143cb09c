import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { SimWorld } from '../../../test/sim/ports/index.ts';
import { StatsItem } from './stats-item.ts';
import { Ticks } from './ticks.ts';

const tickMs = 10_000;

function started() {
  const world = new SimWorld(1, { log: () => {} });
  const ticks = new Ticks(world.node('n').clock, () => {});
  ticks.start();
  return { ticks, runFor: (forMs: number) => world.run({ forMs }) };
}

test('nothing is in a window until it was sampled', () => {
  const { ticks } = started();
  const item = new StatsItem(ticks);
  item.add(5, 1);
  assert.deepEqual(item.lastMinute(), { sum: 0, tps: 0, avgpt: 0 });
});

test('the first sample spans one interval, the sixth the whole minute', async () => {
  const { ticks, runFor } = started();
  const item = new StatsItem(ticks);
  item.add(30, 3);
  await runFor(tickMs);
  assert.deepEqual(item.lastMinute(), { sum: 30, tps: 3, avgpt: 10 });
  await runFor(tickMs);
  assert.deepEqual(item.lastMinute(), { sum: 30, tps: 1.5, avgpt: 10 });
  await runFor(4 * tickMs);
  assert.deepEqual(item.lastMinute(), { sum: 30, tps: 0.5, avgpt: 10 });
  await runFor(tickMs);
  assert.deepEqual(item.lastMinute(), { sum: 0, tps: 0, avgpt: 0 });
});

test('an hour is sampled every ten minutes, a day every hour', async () => {
  const { ticks, runFor } = started();
  const item = new StatsItem(ticks);
  item.add(3600, 1);
  assert.equal(item.lastHour().sum, 0);
  await runFor(600_000);
  assert.deepEqual(item.lastHour(), { sum: 3600, tps: 6, avgpt: 3600 });
  assert.equal(item.lastDay().sum, 0);
  await runFor(3_000_000);
  assert.deepEqual(item.lastHour(), { sum: 3600, tps: 1, avgpt: 3600 });
  assert.deepEqual(item.lastDay(), { sum: 3600, tps: 1, avgpt: 3600 });
  await runFor(600_000);
  assert.equal(item.lastHour().sum, 0);
});

test('calls that are not counted have no mean', async () => {
  const { ticks, runFor } = started();
  const item = new StatsItem(ticks);
  item.add(10, 0);
  await runFor(tickMs);
  assert.deepEqual(item.lastMinute(), { sum: 10, tps: 1, avgpt: 0 });
});

test('an item that is looked at now and then tells what one tells that is sampled at each tick', async () => {
  const steps = fc.array(fc.record({ add: fc.nat(100), ticks: fc.nat(15), look: fc.boolean() }), {
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const ticks = { now: 0 } as Ticks;
      const item = new StatsItem(ticks);
      const samples: number[] = [];
      let value = 0;
      for (const { add, ticks: count, look } of all) {
        item.add(add, 1);
        value += add;
        for (let tick = 0; tick < count; tick++) {
          ticks.now++;
          if (samples.length === 0) samples.push(0);
          samples.push(value);
        }
        if (!look) continue;
        const kept = samples.slice(-7);
        const sum = kept.length < 2 ? 0 : (kept.at(-1) ?? 0) - (kept[0] ?? 0);
        assert.equal(item.lastMinute().sum, sum);
      }
    }),
  );
});
