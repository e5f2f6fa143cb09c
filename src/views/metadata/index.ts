/**
 * The metadata tables (topics, groups, consumer offsets, resets): the records that change them, the rules by which
 * requests become records, digests, and their image in RocksDB. Knows no queue and no message.
 */

export { canonicalJson } from './canonical-json.ts';
export {
  isTableNumber,
  METADATA_TOPIC,
  Table,
  type TableNumber,
  tableNumbers,
} from './catalogue.ts';
export {
  type AttributeRule,
  type Attributes,
  alterAttributes,
  groupAttributes,
  parseAttributeChanges,
  topicAttributes,
} from './decide/attributes.ts';
export type { Decision, MetadataSettings, Refusal } from './decide/decision.ts';
export {
  autoCreateGroup,
  automaticGroup,
  createOrUpdateGroup,
  createOrUpdateGroups,
  deleteGroup,
} from './decide/groups.ts';
export {
  builtInGroups,
  deadLetterTopicOf,
  isSystemGroup,
  isSystemTopic,
  popRetryTopicOf,
  refuseGroupName,
  refuseTopicName,
  replyTopicOf,
  retryTopicOf,
  systemTopicNames,
} from './decide/names.ts';
export {
  type CloneOffsets,
  cloneOffsets,
  commitOffsets,
  type OffsetCommit,
  type ResetOffsets,
  type ResetTarget,
  refuseCommit,
  resetOffsets,
  takeReset,
} from './decide/offsets.ts';
export { setRequestMode } from './decide/request-modes.ts';
export { ensureSystemTopics } from './decide/system.ts';
export {
  type AutoCreateTopic,
  autoCreateTopic,
  createDlqTopic,
  createOrUpdateTopic,
  createOrUpdateTopics,
  createRetryTopic,
  deleteTopic,
  templateTopic,
  topicNotExist,
} from './decide/topics.ts';
export {
  type DescribedChange,
  describeChange,
  describeStoredRow,
  readableKey,
  type StoredRow,
  tableName,
} from './described-change.ts';
export { type Digest, digestBytes, digestFromBytes, digestToBytes, RowDigest } from './digest.ts';
export type { ImageBatch, PersistedRow, RowDifference, ScrubReport } from './image.ts';
export { keyText as keyTextOf } from './key-text.ts';
export { MetadataReader, type OffsetEntry } from './reader.ts';
export {
  decodeMetadataRecord,
  type Entry,
  encodeMetadataRecord,
  type MetadataRecord,
  type RecordClass,
} from './record.ts';
export { makeRow, type Row } from './row.ts';
export type { DataVersion } from './state.ts';
export type { OffsetKey } from './tables/consumer-offset.ts';
export { defaultGroup, type SubscriptionGroupConfig } from './tables/subscription-group.ts';
export { type TopicConfig, topicDefaults } from './tables/topic.ts';
export {
  type AppliedChange,
  MetadataTables,
  type TableDigests,
  type TablesContent,
  type TimedRecord,
} from './tables.ts';
