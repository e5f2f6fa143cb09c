/** Values, failures and the ports through which everything else meets the world. Pure: no I/O, no Node modules. */
export type { Clock, Timer } from './clock.ts';
export type { Disk, DiskEntry, DiskFile, DiskUsage } from './disk.ts';
export {
  describeError,
  Failure,
  type FailureKind,
  type FailureReason,
  isFailure,
} from './failure.ts';
export type { HttpAnswer, HttpListener, HttpServers } from './http.ts';
export type { KeyValue, KeyValueStores, Mutation, Range } from './key-value.ts';
export {
  type KeyGroup,
  type KnownKey,
  keysWithoutEffect,
  knownKeys,
  toldKeys,
} from './known-keys.ts';
export { type LogFields, type Logger, type LogLevel, silentLogger } from './logger.ts';
export type {
  ClientTls,
  Connection,
  ConnectionHandler,
  Listener,
  Network,
  ServerTls,
  TlsIdentity,
} from './network.ts';
export { optionTypes, parseAddress } from './option-types.ts';
export {
  type KeyWithoutEffect,
  keyOf,
  nearest,
  type Option,
  type OptionRules,
  type OptionsOf,
  type OptionTable,
  type OptionType,
  option,
  type Places,
  type ReadOptions,
  type RefusedKey,
  readOptions,
  type TablesByName,
} from './options.ts';
export type { ProcessFigures, ProcessMeter } from './process-meter.ts';
export {
  decodeProperties,
  formatProperties,
  parseAssignments,
  parseProperties,
  type ReadSettings,
  type Setting,
} from './properties.ts';
export type { Random } from './random.ts';
export {
  besides,
  type ChangesFile,
  type OptionChange,
  type OptionsVersion,
  RuntimeOptions,
  textsOf,
  type UpdateOutcome,
} from './runtime-options.ts';
export {
  type Address,
  type Brand,
  type BrokerId,
  brokerId,
  type Epoch,
  epoch,
  formatAddress,
  type MetadataSequence,
  metadataSequence,
  type PhysicalOffset,
  physicalOffset,
  type QueueOffset,
  queueOffset,
  type TimestampMs,
  timestampMs,
} from './values.ts';
export { version } from './version.ts';
