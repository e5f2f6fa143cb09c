import { type MessageRequestMode, ResponseCode } from '../../../wire/index.ts';
import { Table } from '../catalogue.ts';
import type { MetadataReader } from '../reader.ts';
import type { Entry } from '../record.ts';
import {
  encodeRequestMode,
  requestModeKeyText,
  requestModeTopicSuffix,
} from '../tables/message-request-mode.ts';
import { type Decision, decisionOf, deleteEntry, putEntry, refuse } from './decision.ts';
import { retryPrefix } from './names.ts';

/** SET_MESSAGE_REQUEST_MODE (401). Source: `QueryAssignmentProcessor.setMessageRequestMode`. */
export function setRequestMode(state: MetadataReader, mode: MessageRequestMode): Decision {
  const { topic, consumerGroup: group } = mode;
  if (topic.startsWith(retryPrefix)) {
    return refuse(ResponseCode.NO_PERMISSION, 'retry topic is not allowed to set mode');
  }
  if (state.topicRow(topic) === undefined) {
    return refuse(ResponseCode.TOPIC_NOT_EXIST, `topic[${topic}] not exist`);
  }
  if (state.groupRow(group) === undefined) {
    return refuse(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, 'subscription group does not exist');
  }
  const key = requestModeKeyText({ group, topic });
  return decisionOf(putEntry(state, Table.messageRequestMode, key, encodeRequestMode(mode)));
}

/** The modes of all groups on a topic that goes. */
export function deleteRequestModesOfTopic(state: MetadataReader, topic: string): readonly Entry[] {
  const suffix = requestModeTopicSuffix(topic);
  const entries: Entry[] = [];
  for (const [key] of state.rows(Table.messageRequestMode)) {
    if (key.endsWith(suffix)) entries.push(...deleteEntry(state, Table.messageRequestMode, key));
  }
  return entries;
}
