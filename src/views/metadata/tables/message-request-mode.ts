import { MessageRequestMode } from '../../../wire/index.ts';
import { type KeyText, keyTextOfName } from '../key-text.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';

/**
 * Table 6 (messageRequestMode): how a group gets the messages of a topic. Key: group, 0, topic, both UTF-8; value: the
 * body of SET_MESSAGE_REQUEST_MODE as canonical JSON.
 */
export interface RequestModeKey {
  readonly group: string;
  readonly topic: string;
}

export function requestModeKeyText({ group, topic }: RequestModeKey): KeyText {
  return requestModeGroupPrefix(group) + keyTextOfName(topic);
}

/** What all keys of a group begin with. */
export function requestModeGroupPrefix(group: string): KeyText {
  return `${keyTextOfName(group)}\0`;
}

/** What all keys of a topic end with, since neither name holds a zero byte. */
export function requestModeTopicSuffix(topic: string): KeyText {
  return `\0${keyTextOfName(topic)}`;
}

export function encodeRequestMode(mode: MessageRequestMode): Uint8Array {
  return encodeStored(MessageRequestMode, mode);
}

/** Fails `corrupt`. */
export function decodeRequestMode(value: Uint8Array): MessageRequestMode {
  return decodeStored(MessageRequestMode, value);
}
