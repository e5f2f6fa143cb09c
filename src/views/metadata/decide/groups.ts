import { ResponseCode, type SubscriptionGroupConfig } from '../../../wire/index.ts';
import { Table } from '../catalogue.ts';
import { keyTextOfName } from '../key-text.ts';
import type { MetadataReader } from '../reader.ts';
import type { Entry } from '../record.ts';
import { offsetGroupPrefix } from '../tables/consumer-offset.ts';
import { requestModeGroupPrefix } from '../tables/message-request-mode.ts';
import { defaultGroup, encodeGroupConfig } from '../tables/subscription-group.ts';
import { alterAttributes, groupAttributes } from './attributes.ts';
import {
  type Decision,
  decisionOf,
  deleteEntry,
  deletePrefixEntry,
  type MetadataSettings,
  putEntry,
  type Refusal,
  refuse,
} from './decision.ts';
import { invalid, isSystemGroup, refuseGroupName } from './names.ts';

/**
 * UPDATE_AND_CREATE_SUBSCRIPTIONGROUP (200) and its list form (225). The whole configuration is replaced, but for the
 * attributes: there `config.attributes` is a change set (`+key`, `-key`). Source: `SubscriptionGroupManager`.
 */
export function createOrUpdateGroup(
  state: MetadataReader,
  config: SubscriptionGroupConfig,
): Decision {
  const refused = refuseGroupName(config.groupName);
  if (refused !== undefined) return { refused };
  const current = state.group(config.groupName);
  const altered = alterAttributes(groupAttributes, current?.attributes, config.attributes);
  if ('refused' in altered) return altered;
  return decisionOf(putGroup(state, { ...config, attributes: altered.attributes }));
}

/** Several groups in one record: all or none. */
export function createOrUpdateGroups(
  state: MetadataReader,
  configs: readonly SubscriptionGroupConfig[],
): Decision {
  const entries: Entry[] = [];
  const names = new Set<string>();
  for (const config of configs) {
    if (names.has(config.groupName)) {
      return { refused: invalid(`The group[${config.groupName}] is named twice.`) };
    }
    names.add(config.groupName);
    const decision = createOrUpdateGroup(state, config);
    if ('refused' in decision) return decision;
    if ('entries' in decision) entries.push(...decision.entries);
  }
  return decisionOf(entries);
}

/**
 * DELETE_SUBSCRIPTIONGROUP (207): the group with its offsets, pending resets and request modes, whatever `cleanOffset` says, so that a
 * later group of that name starts as a new one. Its retry and dead letter topics are the tool's to delete. An unknown
 * group is no error.
 */
export function deleteGroup(state: MetadataReader, name: string): Decision {
  if (name.trim() === '') return { refused: invalid('The specified group is blank.') };
  // A zero byte ends the group in keys of offsets: such a name would find those of another group.
  if (name.includes('\0')) return { unchanged: true };
  const prefix = offsetGroupPrefix(name);
  return decisionOf([
    ...deleteEntry(state, Table.subscriptionGroup, keyTextOfName(name)),
    ...deletePrefixEntry(state, Table.consumerOffset, prefix),
    ...deletePrefixEntry(state, Table.resetOffset, prefix),
    ...deletePrefixEntry(state, Table.messageRequestMode, requestModeGroupPrefix(name)),
  ]);
}

/** A consumer of an unknown group. Source: `SubscriptionGroupManager.findSubscriptionGroupConfig`. */
export function autoCreateGroup(
  state: MetadataReader,
  groupName: string,
  settings: MetadataSettings,
): Decision {
  if (state.groupRow(groupName) !== undefined) return { unchanged: true };
  const created = automaticGroup(groupName, settings);
  return 'refused' in created ? created : decisionOf(putGroup(state, created));
}

/** What an unknown group is when it comes by itself, if it may. */
export function automaticGroup(
  groupName: string,
  settings: MetadataSettings,
): SubscriptionGroupConfig | { readonly refused: Refusal } {
  if (!settings.autoCreateGroups && !isSystemGroup(groupName)) {
    return refuse(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, `Group ${groupName} not exist!`);
  }
  const refused = refuseGroupName(groupName);
  return refused === undefined ? defaultGroup(groupName) : { refused };
}

/** A `put` of the whole configuration unless it is what is stored. */
export function putGroup(state: MetadataReader, config: SubscriptionGroupConfig): readonly Entry[] {
  return putEntry(
    state,
    Table.subscriptionGroup,
    keyTextOfName(config.groupName),
    encodeGroupConfig(config),
  );
}
