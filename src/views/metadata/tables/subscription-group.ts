import { SubscriptionGroupConfig } from '../../../wire/index.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';

/**
 * Value of table 2 (subscriptionGroup); the key is the group's name, UTF-8. RocketMQ's `SubscriptionGroupConfig`, with
 * attributes as they are stored: without the `+` of the request.
 */
export type { SubscriptionGroupConfig };

export function defaultGroup(groupName: string): SubscriptionGroupConfig {
  return SubscriptionGroupConfig.fromJson({ groupName }, 'SubscriptionGroupConfig');
}

export function encodeGroupConfig(config: SubscriptionGroupConfig): Uint8Array {
  return encodeStored(SubscriptionGroupConfig, config);
}

/** `name` is the row's key, which counts. Fails `corrupt`. */
export function decodeGroupConfig(value: Uint8Array, name: string): SubscriptionGroupConfig {
  return { ...decodeStored(SubscriptionGroupConfig, value), groupName: name };
}
