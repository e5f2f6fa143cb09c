/**
 * The ports of `base` on Node: the only folder that touches files, sockets, timers, the clock, the system's random
 * source and native modules. Every error of the operating system leaves here as a `Failure`.
 */
export { readBootId } from './boot-id.ts';
export { nodeClock } from './clock.ts';
export { nodeDisk } from './disk.ts';
export { nodeHttp } from './http.ts';
export { nodeKeyValueStores } from './key-value.ts';
export { createLogger, type LoggerOptions, type NodeLogger } from './logger.ts';
export { nodeNetwork } from './network.ts';
export { startProcessMeter } from './process-meter.ts';
export { nodeRandom } from './random.ts';
