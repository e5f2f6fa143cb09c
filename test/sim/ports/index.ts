/**
 * The ports in memory, with simulated time and seeded faults: what simulated clusters and tests of crashes are built on.
 * A `SimWorld` has nodes; each has the ports of `base`, a drive that can fail, and lives that end by `crash`.
 */
export { SimClock } from './clock.ts';
export { SimDisk } from './disk.ts';
export { type CrashPlan, SimDrive } from './drive.ts';
export type { FileInode, Inode } from './inodes.ts';
export { SimKeyValueStores } from './key-value.ts';
export { SimLogger, type SimLogLine } from './logger.ts';
export { type NetworkFaults, SimNetwork } from './network.ts';
export { ProcessDied } from './process.ts';
export { SimRandom } from './random.ts';
export { type RunLimits, Scheduler } from './scheduler.ts';
export { Trace } from './trace.ts';
export { SimNode, SimWorld, type SimWorldOptions } from './world.ts';
