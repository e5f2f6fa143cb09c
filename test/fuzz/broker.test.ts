import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimRandom } from '../sim/ports/index.ts';
import { fuzzBroker } from './broker.ts';

test('a broker survives what strangers send, and loses nothing of its clients', async () => {
  const seed = process.env['HOLDFAST_PROPERTY_SEED'] ?? String(process.pid + Date.now());
  const report = await fuzzBroker(new SimRandom(`${seed}/broker`), 60).catch((error: unknown) => {
    throw new Error(`seed ${seed}`, { cause: error });
  });
  // Neither is everything refused at the door nor is everything harmless.
  assert(report.closed > 0 && report.answers > 0, JSON.stringify(report));
});
