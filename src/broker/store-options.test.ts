import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { brokerId } from '../base/index.ts';
import { largestMessageBytes, localStoreOptions } from './store-options.ts';
import { testOptions } from './test-broker.ts';

test('what may change at run time is looked up each time', () => {
  const options = testOptions();
  const store = localStoreOptions(options, brokerId(0));
  Object.assign(options, {
    flushDiskType: 'SYNC_FLUSH',
    flushIntervalMs: 7,
    keyIndex: false,
    cleanIntervalMs: 11,
    reservedTimeMs: 3_600_000,
    deleteHours: [1, 2],
    diskMaxUsedRatio: 0.5,
    maxStoreBytes: 12,
    diskCleanRatio: 0.6,
    diskFullRatio: 0.7,
    snapshotIntervalMs: 1001,
    metadataFlushIntervalMs: 101,
  });
  assert.deepEqual(
    [
      store.syncFlush,
      store.flushIntervalMs,
      store.keyIndex,
      store.intervalMs,
      store.retainMs,
      store.deleteHours,
      store.maxUsedRatio,
      store.maxLogBytes,
      store.cleanForciblyRatio,
      store.refuseWritesRatio,
      store.snapshotIntervalMs,
      store.databaseFlushIntervalMs,
    ],
    [true, 7, false, 11, 3_600_000, [1, 2], 0.5, 12, 0.6, 0.7, 1001, 101],
  );
  Object.assign(options, { cleanForcibly: false });
  assert.equal(store.cleanForciblyRatio, 1);
});

test('the log takes messages as large as the options say, and up to a piece of it', () => {
  const large = testOptions({ segmentBytes: 2 ** 30, maxMessageBytes: 12 * 2 ** 20 });
  assert((localStoreOptions(large, brokerId(0)).log.maxRecordBytes ?? 0) >= 12 * 2 ** 20);
  assert.equal(largestMessageBytes(large), 12 * 2 ** 20);
  const small = testOptions({ segmentBytes: 2 ** 30, maxMessageBytes: 4 * 2 ** 20 });
  assert.equal(largestMessageBytes(small), 8 * 2 ** 20 - 64 * 1024);
});
