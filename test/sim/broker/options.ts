import { type BrokerOptions, brokerOptions } from '../../../src/broker/options.ts';

/** Where a simulated broker keeps its data, on its own drive. */
export const storeFolder = '/store';
export const brokerPort = 10911;
/** Some are due within a life, some after it. */
export const delayLevelsMs: readonly number[] = [15, 60];

/** The defaults of the options table. */
function defaults(): BrokerOptions {
  const values = Object.entries(brokerOptions).map(([name, { default: value }]) => [name, value]);
  // Each option has its default.
  return Object.fromEntries(values) as unknown as BrokerOptions;
}

/** A broker so small that everything which is rare on a real one happens within a simulated second. */
export function smallBroker(changes: Partial<BrokerOptions> = {}): BrokerOptions {
  return {
    ...defaults(),
    storePath: storeFolder,
    listenPort: brokerPort,
    segmentBytes: 16 * 1024,
    tailBytes: 32 * 1024,
    maxMessageBytes: 2048,
    maxStoreBytes: 64 * 1024,
    flushIntervalMs: 50,
    metadataFlushIntervalMs: 150,
    snapshotIntervalMs: 400,
    cleanIntervalMs: 100,
    offsetCoalesceMs: 20,
    defaultTopicQueues: 2,
    delayLevelsMs,
    ...changes,
  };
}
