/** What follows the log: metadata tables, queues, index, snapshots, and the store that feeds and persists them. */
export { type InstallOptions, isInstalling, StoreInstall } from './install.ts';
export { LocalStore, type LocalStoreOptions } from './local-store.ts';
export {
  delaySourceProperty,
  RecordProperties,
  type SpecialProperty,
} from './record-properties.ts';
export type { StoreRecovery } from './recovery.ts';
export { whenThereIsRoom } from './room.ts';
export type { SnapshotReader } from './snapshot-reader.ts';
export { type NewMessage, Store } from './store.ts';
export type { StorePorts } from './store-parts.ts';
export type { GaveUp, Waiter } from './wait-line.ts';
