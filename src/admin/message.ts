import { inflateSync } from 'node:zlib';
import { formatAddress } from '../base/index.ts';
import {
  encodeHost,
  encodeOffsetMessageId,
  PropertyName,
  type StoredMessage,
  SysFlag,
} from '../wire/index.ts';
import {
  dictionary,
  integer,
  long,
  maybe,
  record,
  type ShapeOf,
  text,
  timestamp,
} from './shape.ts';

export const Message = record({
  messageId: text,
  offsetMessageId: text,
  topic: text,
  broker: text,
  queueId: integer,
  queueOffset: long,
  tags: maybe(text),
  keys: maybe(text),
  properties: dictionary,
  bornTimestamp: timestamp,
  bornHost: text,
  storeTimestamp: timestamp,
  storeHost: text,
  reconsumeTimes: integer,
  /** When it is UTF-8. */
  body: maybe(text),
  /** Else, and when it is compressed in a way that is not known here. */
  bodyBase64: maybe(text),
});
export type Message = ShapeOf<typeof Message>;

export function messageOf(stored: StoredMessage, broker: string): Message {
  const { properties, storeHost, physicalOffset } = stored;
  const offsetMessageId = encodeOffsetMessageId(encodeHost(storeHost), physicalOffset);
  const body = bodyOf(stored);
  const bodyText = decodeUtf8(body);
  return {
    messageId: properties.get(PropertyName.UNIQ_KEY) ?? offsetMessageId,
    offsetMessageId,
    topic: stored.topic,
    broker,
    queueId: stored.queueId,
    queueOffset: stored.queueOffset,
    tags: properties.get(PropertyName.TAGS),
    keys: properties.get(PropertyName.KEYS),
    properties: Object.fromEntries(properties),
    bornTimestamp: stored.bornTimestamp,
    bornHost: formatAddress(stored.bornHost),
    storeTimestamp: stored.storeTimestamp,
    storeHost: formatAddress(storeHost),
    reconsumeTimes: stored.reconsumeTimes,
    body: bodyText,
    bodyBase64: bodyText === undefined ? Buffer.from(body).toString('base64') : undefined,
  };
}

/** Clients compress bodies of 4 KiB and more. */
function bodyOf({ body, sysFlag }: StoredMessage): Uint8Array {
  if ((sysFlag & SysFlag.COMPRESSED) === 0) return body;
  const type = sysFlag & SysFlag.COMPRESSION_TYPE;
  // Older clients set no type and use zlib.
  if (type !== SysFlag.COMPRESSION_ZLIB && type !== 0) return body;
  try {
    return inflateSync(body, { maxOutputLength: maxBodyBytes });
  } catch {
    return body; // Whoever looks at a damaged message wants to see it.
  }
}

const maxBodyBytes = 256 * 1024 * 1024;

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined; // Not text, which is no mistake.
  }
}
