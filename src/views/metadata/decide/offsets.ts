import { strict as assert } from 'node:assert';
import type { QueueOffset } from '../../../base/index.ts';
import { ResponseCode } from '../../../wire/index.ts';
import { Table } from '../catalogue.ts';
import type { KeyText } from '../key-text.ts';
import type { MetadataReader } from '../reader.ts';
import type { Entry } from '../record.ts';
import { encodeOffsetValue, type OffsetKey, offsetKeyText } from '../tables/consumer-offset.ts';
import {
  type Decision,
  decisionOf,
  deleteEntry,
  type MetadataSettings,
  putEntry,
  type Refusal,
  refuse,
} from './decision.ts';
import { autoCreateGroup } from './groups.ts';

export interface OffsetCommit extends OffsetKey {
  readonly offset: QueueOffset;
}

/**
 * Why UPDATE_CONSUMER_OFFSET (15) refuses a commit; undefined when it does not. Source:
 * `ConsumerManageProcessor.updateConsumerOffset`.
 */
export function refuseCommit(
  state: MetadataReader,
  { group, topic }: { readonly group: string; readonly topic: string },
): Refusal | undefined {
  if (state.groupRow(group) === undefined) {
    return {
      code: ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
      remark: `Group ${group} not exist!`,
    };
  }
  if (state.topicRow(topic) === undefined) {
    return { code: ResponseCode.TOPIC_NOT_EXIST, remark: `Topic ${topic} not exist!` };
  }
  return undefined;
}

/**
 * Offsets that consumers committed, as absolute values; of several for one queue the last counts. A lower value is
 * recorded, as RocketMQ does. Left out are values that are stored already, commits for a queue whose reset its consumer
 * has not seen yet, and those of a group or topic that does not exist (any more): a late commit must not bring back
 * what a delete removed.
 */
export function commitOffsets(state: MetadataReader, commits: readonly OffsetCommit[]): Decision {
  const newest = new Map<KeyText, OffsetCommit>();
  for (const commit of commits) {
    if (refuseCommit(state, commit) === undefined) newest.set(offsetKeyText(commit), commit);
  }
  const entries: Entry[] = [];
  for (const [key, { offset }] of newest) {
    if (state.find(Table.resetOffset, key) !== undefined) continue;
    entries.push(...putEntry(state, Table.consumerOffset, key, encodeOffsetValue(offset)));
  }
  return decisionOf(entries);
}

export interface ResetOffsets {
  readonly group: string;
  readonly topic: string;
  readonly targets: readonly ResetTarget[];
}

export interface ResetTarget {
  readonly queueId: number;
  readonly offset: QueueOffset;
  /** Smallest and next offset of the queue, when the offset was given by the user and must lie in between. */
  readonly range?: { readonly min: QueueOffset; readonly max: QueueOffset };
}

/**
 * INVOKE_BROKER_TO_RESET_OFFSET (222): each queue gets the offset, and a reset that its consumer is told with the next
 * pull. Source:
 * `AdminBrokerProcessor.resetOffsetInner`, `ConsumerOffsetManager.assignResetOffset`.
 */
export function resetOffsets(state: MetadataReader, command: ResetOffsets): Decision {
  const { group, topic, targets } = command;
  assert(
    new Set(targets.map(({ queueId }) => queueId)).size === targets.length,
    'a queue is reset once in a request',
  );
  if (state.topicRow(topic) === undefined) {
    return refuse(ResponseCode.TOPIC_NOT_EXIST, `Topic ${topic} does not exist`);
  }
  if (state.groupRow(group) === undefined) {
    return refuse(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, `Group ${group} does not exist`);
  }
  if (targets.length === 0) return refuse(ResponseCode.SYSTEM_ERROR, 'No queues to reset.');
  const entries: Entry[] = [];
  for (const { queueId, offset, range } of targets) {
    // RocketMQ admits one above the end.
    if (range !== undefined && (offset < range.min || offset > range.max + 1)) {
      return refuse(
        ResponseCode.SYSTEM_ERROR,
        `Target offset ${offset} not in consume queue range [${range.min}-${range.max}]`,
      );
    }
    const key = offsetKeyText({ group, topic, queueId });
    const value = encodeOffsetValue(offset);
    entries.push(...putEntry(state, Table.consumerOffset, key, value));
    entries.push(...putEntry(state, Table.resetOffset, key, value));
  }
  return decisionOf(entries);
}

export interface CloneOffsets {
  readonly from: string;
  readonly to: string;
  readonly topics: readonly string[];
}

/**
 * CLONE_GROUP_OFFSET (314): on each topic where the source has offsets, those of the destination become the same, and
 * resets that its consumers have not seen are void. The destination comes by itself where groups may. Source:
 * `ConsumerOffsetManager.cloneOffset`, which needs no group.
 */
export function cloneOffsets(
  state: MetadataReader,
  { from, to, topics }: CloneOffsets,
  settings: MetadataSettings,
): Decision {
  if (from === to) return { unchanged: true };
  const group = autoCreateGroup(state, to, settings);
  if ('refused' in group) return group;
  const entries: Entry[] = [];
  const wanted = new Set(topics.filter((topic) => state.topicRow(topic) !== undefined));
  const values = new Map<KeyText, QueueOffset>();
  const copied = new Set<string>();
  for (const { topic, queueId, offset } of state.offsetsOfGroup(from)) {
    if (!wanted.has(topic)) continue;
    copied.add(topic);
    values.set(offsetKeyText({ group: to, topic, queueId }), offset);
  }
  for (const queue of state.offsetsOfGroup(to)) {
    const key = offsetKeyText(queue);
    if (!copied.has(queue.topic) || values.has(key)) continue;
    entries.push(...deleteEntry(state, Table.consumerOffset, key));
  }
  for (const queue of state.resetsOfGroup(to)) {
    if (!copied.has(queue.topic)) continue;
    entries.push(...deleteEntry(state, Table.resetOffset, offsetKeyText(queue)));
  }
  for (const [key, offset] of values) {
    entries.push(...putEntry(state, Table.consumerOffset, key, encodeOffsetValue(offset)));
  }
  if (entries.length === 0) return { unchanged: true };
  return decisionOf([...('entries' in group ? group.entries : []), ...entries]);
}

/**
 * A pull on this queue is about to tell the consumer of the pending reset: the reset goes, its offset stays as the
 * committed one. Unchanged when there is none. Source: `ConsumerOffsetManager.queryThenEraseResetOffset`.
 */
export function takeReset(state: MetadataReader, queue: OffsetKey): Decision {
  const key = offsetKeyText(queue);
  const reset = state.find(Table.resetOffset, key);
  if (reset === undefined) return { unchanged: true };
  return decisionOf([
    ...putEntry(state, Table.consumerOffset, key, reset.value),
    ...deleteEntry(state, Table.resetOffset, key),
  ]);
}
