import type { TimestampMs } from '../base/index.ts';
import type { CommitLog } from '../log/index.ts';
import {
  bodyCrc,
  encodeStoredMessage,
  type MessageToStore,
  storedMessageSize,
} from '../wire/index.ts';

/** What a record says beside its place in the log. */
export interface RecordContent {
  /** UTF-8. */
  topic: Uint8Array;
  flag: number;
  sysFlag: number;
  bornTimestamp: number;
  /** Address and port, 8 or 20 bytes. */
  bornHost: Uint8Array;
  reconsumeTimes: number;
  preparedTransactionOffset: number;
  body: Uint8Array;
  /** The first `propertiesLength` bytes count. */
  properties: Uint8Array;
  propertiesLength: number;
}

const noBytes = new Uint8Array(0);

const ipv4HostBytes = 8;
const unspecifiedHost = new Uint8Array(ipv4HostBytes);

/** Of records that no client sent. */
export const systemMessage = {
  flag: 0,
  sysFlag: 0,
  bornHost: unspecifiedHost,
  reconsumeTimes: 0,
  preparedTransactionOffset: 0,
  properties: noBytes,
  propertiesLength: 0,
};

/** Puts records into the place that the log reserved for them. Nothing is allocated per record. */
export class RecordWriter {
  /** What records state as the host that stored them: address and port, 8 or 20 bytes. */
  storeHost: Uint8Array = unspecifiedHost;
  readonly #log: CommitLog;
  /** Filled anew for each record. */
  readonly #record: MessageToStore = {
    ...systemMessage,
    queueId: 0,
    queueOffset: 0,
    physicalOffset: 0,
    bornTimestamp: 0,
    storeTimestamp: 0,
    storeHost: unspecifiedHost,
    body: noBytes,
    bodyCrc: 0,
    topic: noBytes,
  };

  /** What properties came in last, and the part that counted: often as long as that of the next message. */
  #scratch: Uint8Array = noBytes;
  #filled: Uint8Array = noBytes;

  constructor(log: CommitLog) {
    this.#log = log;
  }

  sizeOf(message: RecordContent): number {
    return storedMessageSize(
      message.topic.length,
      message.propertiesLength,
      message.body.length,
      message.bornHost.length > ipv4HostBytes,
      this.storeHost.length > ipv4HostBytes,
    );
  }

  /** Into what the log reserved, `within` bytes after its beginning. */
  encode(
    message: RecordContent,
    queueId: number,
    offset: number,
    within: number,
    storeTimestamp: TimestampMs,
  ): void {
    const log = this.#log;
    const record = this.#record;
    record.queueId = queueId;
    record.flag = message.flag;
    record.queueOffset = offset;
    record.physicalOffset = log.position + within;
    record.sysFlag = message.sysFlag;
    record.bornTimestamp = message.bornTimestamp;
    record.bornHost = message.bornHost;
    record.storeTimestamp = storeTimestamp;
    record.storeHost = this.storeHost;
    record.reconsumeTimes = message.reconsumeTimes;
    record.preparedTransactionOffset = message.preparedTransactionOffset;
    record.body = message.body;
    record.bodyCrc = bodyCrc(message.body);
    record.topic = message.topic;
    record.properties = this.#propertiesOf(message);
    record.propertiesLength = message.propertiesLength;
    const { target, targetView, targetAt } = log;
    encodeStoredMessage(target, targetView, targetAt + within, record);
  }

  #propertiesOf({ properties, propertiesLength }: RecordContent): Uint8Array {
    if (properties.length === propertiesLength) return properties;
    if (properties !== this.#scratch || propertiesLength !== this.#filled.length) {
      this.#scratch = properties;
      this.#filled = properties.subarray(0, propertiesLength);
    }
    return this.#filled;
  }
}
