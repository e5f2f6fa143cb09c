import { benchConsume } from './bench/consume.ts';
import { benchEndToEnd } from './bench/end-to-end.ts';
import { benchMetadata } from './bench/metadata.ts';
import { benchProduce } from './bench/produce.ts';
import { getBrokerConfig, setBrokerConfig } from './broker-config.ts';
import { brokerInfo, listBrokers } from './brokers.ts';
import { listClients } from './clients.ts';
import { recoverGroup } from './controller-recover.ts';
import { findMessages, getMessage } from './finding.ts';
import { createGroup, deleteGroup, editGroup } from './group-changes.ts';
import { groupInfo, groupLag, listGroups } from './groups.ts';
import { haHistory } from './ha-history.ts';
import { promoteReplica } from './ha-promote.ts';
import { haStatus } from './ha-status.ts';
import { switchOver } from './ha-switchover.ts';
import { verifyMetadata } from './meta-verify.ts';
import { copyOffsets, resetOffsets, setOffset } from './offset-changes.ts';
import { showOffsets } from './offsets.ts';
import type { AnyOperation } from './operation.ts';
import { tailTopic } from './reading.ts';
import { sendMessage } from './sending.ts';
import { createTopic, deleteTopic, editTopic } from './topic-changes.ts';
import { listTopics, topicInfo, topicRoute } from './topics.ts';

/** All operations, in the order in which a person meets them. Faces are made from this list. */
export const operations: readonly AnyOperation[] = [
  createTopic,
  editTopic,
  listTopics,
  topicInfo,
  topicRoute,
  deleteTopic,
  createGroup,
  editGroup,
  listGroups,
  groupInfo,
  groupLag,
  deleteGroup,
  sendMessage,
  tailTopic,
  getMessage,
  findMessages,
  showOffsets,
  resetOffsets,
  setOffset,
  copyOffsets,
  listClients,
  listBrokers,
  brokerInfo,
  getBrokerConfig,
  setBrokerConfig,
  haStatus,
  haHistory,
  switchOver,
  promoteReplica,
  recoverGroup,
  verifyMetadata,
  benchProduce,
  benchConsume,
  benchEndToEnd,
  benchMetadata,
];
