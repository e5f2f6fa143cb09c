import { deflateSync } from 'node:zlib';
import { encodeText, writeInt32 } from '../bytes.ts';
import { writeFastjson } from '../json/write.ts';
import { type BodyOf, body, listOf } from '../schema/body.ts';
import { text, withDefault } from '../schema/kinds.ts';
import { DataVersion, type TopicConfig, TopicConfigSerializeWrapper } from './topics.ts';

/** REGISTER_BROKER (103). Source: `RegisterBrokerBody`. */
export const RegisterBrokerBody = body('RegisterBrokerBody', {
  filterServerList: withDefault(listOf(text), []),
  topicConfigSerializeWrapper: withDefault(TopicConfigSerializeWrapper, {
    dataVersion: { counter: 0, stateVersion: 0, timestamp: 0 },
    topicConfigTable: new Map(),
  }),
});
export type RegisterBrokerBody = BodyOf<typeof RegisterBrokerBody>;

/**
 * The compressed form: zlib of
 *
 * ```
 * 4 + n DataVersion as JSON | topics 4 | per topic 4 + n text | 4 + n filter servers as JSON | mappings 4 (0)
 * ```
 *
 * The text of a topic: name, read queues, write queues, perm, filter type, attributes as JSON, separated by blanks.
 */
export function encodeCompressedRegisterBroker(value: RegisterBrokerBody): Uint8Array {
  const { dataVersion, topicConfigTable } = value.topicConfigSerializeWrapper;
  const parts = [
    sized(DataVersion.encode(dataVersion)),
    number(topicConfigTable.size),
    ...[...topicConfigTable].map(([name, topic]) => sized(encodeText(topicText(name, topic)))),
    sized(encodeText(writeFastjson(value.filterServerList))),
    number(0),
  ];
  return deflateSync(Buffer.concat(parts));
}

function number(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeInt32(bytes, 0, value);
  return bytes;
}

function sized(content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + content.length);
  writeInt32(bytes, 0, content.length);
  bytes.set(content, 4);
  return bytes;
}

function topicText(name: string, topic: TopicConfig): string {
  const { readQueueNums, writeQueueNums, perm, topicFilterType, attributes } = topic;
  const json = writeFastjson(attributes);
  return `${name} ${readQueueNums} ${writeQueueNums} ${perm} ${topicFilterType} ${json}`;
}
