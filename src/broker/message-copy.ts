import { type NewMessage, RecordProperties } from '../views/index.ts';
import { encodeHost, encodeProperties, type StoredMessage } from '../wire/index.ts';
import type { TopicState } from './topics.ts';

/** A stored message once more: what it says, with these properties, to be appended to another queue. */
export function copyOfMessage(
  message: StoredMessage,
  to: { readonly topic: TopicState; readonly queueId: number },
  stated: ReadonlyMap<string, string>,
): NewMessage {
  const properties = encodeProperties(stated);
  const known = new RecordProperties();
  known.scan(properties, 0, properties.length);
  return {
    queue: to.topic.queues.queue(to.queueId),
    topic: to.topic.bytes,
    flag: message.flag,
    sysFlag: message.sysFlag,
    bornTimestamp: message.bornTimestamp,
    bornHost: encodeHost(message.bornHost),
    reconsumeTimes: message.reconsumeTimes,
    preparedTransactionOffset: 0,
    body: message.body,
    properties,
    propertiesLength: properties.length,
    known,
    tagsCode: known.tagsCode(properties),
  };
}
