/** Of RocketMQ, as far as they are used here; written down apart from `src/wire`, so that a mistake there shows. */
export const codes = {
  pullMessage: 11,
  queryConsumerOffset: 14,
  updateConsumerOffset: 15,
  createTopic: 17,
  allTopics: 21,
  maxOffset: 30,
  minOffset: 31,
  viewMessage: 33,
  allConsumerOffsets: 43,
  clusterInfo: 106,
  createGroup: 200,
  allGroups: 201,
  deleteGroup: 207,
  deleteTopic: 215,
  resetOffset: 222,
  sendMessage: 310,
  topicConfig: 351,
  groupConfig: 352,
  electMaster: 1002,
  syncStateData: 1006,
  /** Ours. */
  replicaStatus: 40_001,
  groupHistory: 40_004,
} as const;

export const success = 0;
export const topicNotExist = 17;
export const queryNotFound = 22;
export const groupNotExist = 26;
