/** Configuration of subscription groups. */
import { type BodyOf, body, listOf, mapOf } from '../schema/body.ts';
import {
  bool,
  int,
  long,
  oneOf,
  optional,
  roundedLong,
  text,
  withDefault,
} from '../schema/kinds.ts';
import { DataVersion } from './topics.ts';

/** Source: `CustomizedRetryPolicy`. */
export const CustomizedRetryPolicy = body('CustomizedRetryPolicy', {
  /** Milliseconds, by number of deliveries. */
  next: withDefault(listOf(long()), []),
});
export type CustomizedRetryPolicy = BodyOf<typeof CustomizedRetryPolicy>;

/** Source: `ExponentialRetryPolicy`. */
export const ExponentialRetryPolicy = body('ExponentialRetryPolicy', {
  initial: withDefault(long(), 5_000),
  max: withDefault(long(), 7_200_000),
  multiplier: withDefault(long(), 2),
});
export type ExponentialRetryPolicy = BodyOf<typeof ExponentialRetryPolicy>;

/** Source: `GroupRetryPolicy`. */
export const GroupRetryPolicy = body('GroupRetryPolicy', {
  customizedRetryPolicy: optional(CustomizedRetryPolicy),
  exponentialRetryPolicy: optional(ExponentialRetryPolicy),
  type: withDefault(oneOf('EXPONENTIAL', 'CUSTOMIZED'), 'CUSTOMIZED'),
});
export type GroupRetryPolicy = BodyOf<typeof GroupRetryPolicy>;

/** Source: `SimpleSubscriptionData`. */
export const SimpleSubscriptionData = body('SimpleSubscriptionData', {
  expression: optional(text),
  expressionType: optional(text),
  topic: text,
  version: withDefault(roundedLong(), 0),
});
export type SimpleSubscriptionData = BodyOf<typeof SimpleSubscriptionData>;

/** Source: `SubscriptionGroupConfig`. */
export const SubscriptionGroupConfig = body('SubscriptionGroupConfig', {
  attributes: withDefault(mapOf(text, text), new Map()),
  brokerId: withDefault(long(), 0),
  consumeBroadcastEnable: withDefault(bool, true),
  consumeEnable: withDefault(bool, true),
  consumeFromMinEnable: withDefault(bool, true),
  consumeMessageOrderly: withDefault(bool, false),
  consumeTimeoutMinute: withDefault(int, 15),
  groupName: text,
  groupRetryPolicy: withDefault(GroupRetryPolicy, { type: 'CUSTOMIZED' }),
  groupSysFlag: withDefault(int, 0),
  notifyConsumerIdsChangedEnable: withDefault(bool, true),
  retryMaxTimes: withDefault(int, 16),
  retryQueueNums: withDefault(int, 1),
  subscriptionDataSet: optional(listOf(SimpleSubscriptionData)),
  whichBrokerWhenConsumeSlowly: withDefault(long(), 1),
});
export type SubscriptionGroupConfig = BodyOf<typeof SubscriptionGroupConfig>;

/** UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST (225). Source: `SubscriptionGroupList`. */
export const SubscriptionGroupList = body('SubscriptionGroupList', {
  groupConfigList: listOf(SubscriptionGroupConfig),
});
export type SubscriptionGroupList = BodyOf<typeof SubscriptionGroupList>;

/** Answer to QUERY_TOPIC_CONSUME_BY_WHO (300). Source: `GroupList`. */
export const GroupList = body('GroupList', { groupList: withDefault(listOf(text), []) });
export type GroupList = BodyOf<typeof GroupList>;

/** Answer to GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201). Source: `SubscriptionGroupWrapper`. */
export const SubscriptionGroupWrapper = body('SubscriptionGroupWrapper', {
  dataVersion: withDefault(DataVersion, { counter: 0, stateVersion: 0, timestamp: 0 }),
  forbiddenTable: withDefault(mapOf(text, mapOf(text, int)), new Map()),
  subscriptionGroupTable: withDefault(mapOf(text, SubscriptionGroupConfig), new Map()),
});
export type SubscriptionGroupWrapper = BodyOf<typeof SubscriptionGroupWrapper>;
