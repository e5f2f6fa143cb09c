import { TopicConfig as TopicConfigBody } from '../../../wire/index.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';

/**
 * Value of table 1 (topic); the key is the topic's name, UTF-8. RocketMQ's `TopicConfig`, with attributes as they are
 * stored: without the `+` of the request.
 */
export type TopicConfig = TopicConfigBody & { readonly topicName: string };

export const topicFilterTypes: readonly string[] = ['SINGLE_TAG', 'MULTI_TAG'];

export const topicDefaults: Omit<TopicConfig, 'topicName'> = TopicConfigBody.fromJson(
  {},
  'TopicConfig',
);

export function encodeTopicConfig(config: TopicConfig): Uint8Array {
  return encodeStored(TopicConfigBody, config);
}

/** `name` is the row's key, which counts. Fails `corrupt`. */
export function decodeTopicConfig(value: Uint8Array, name: string): TopicConfig {
  return { ...decodeStored(TopicConfigBody, value), topicName: name };
}
