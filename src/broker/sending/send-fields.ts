import { decodeSendMessage, type IncomingCommand, type SendMessage } from '../../wire/index.ts';

/** What the send path reads of a request: a `SendMessageView`, or a header that had to be decoded. */
export interface SendFields {
  readonly topic: string;
  readonly producerGroup: string;
  readonly defaultTopic: string;
  readonly defaultTopicQueueNums: number;
  readonly queueId: number;
  readonly sysFlag: number;
  readonly bornTimestamp: number;
  readonly flag: number;
  readonly reconsumeTimes: number;
  /** -1 when the request does not say. */
  readonly maxReconsumeTimes: number;
  readonly unitMode: boolean;
  readonly batch: boolean;
  readonly propertiesLength: number;
  copyProperties(target: Uint8Array, at: number): number;
}

/** For headers that are not of the plain shape that the view reads. Fails `invalid`, naming the field. */
export class DecodedSendFields implements SendFields {
  readonly #header: SendMessage;
  readonly #properties: Uint8Array;

  constructor(request: IncomingCommand) {
    this.#header = decodeSendMessage(request);
    this.#properties = new TextEncoder().encode(this.#header.properties ?? '');
  }

  get topic(): string {
    return this.#header.topic;
  }

  get producerGroup(): string {
    return this.#header.producerGroup;
  }

  get defaultTopic(): string {
    return this.#header.defaultTopic;
  }

  get defaultTopicQueueNums(): number {
    return this.#header.defaultTopicQueueNums;
  }

  get queueId(): number {
    return this.#header.queueId;
  }

  get sysFlag(): number {
    return this.#header.sysFlag;
  }

  get bornTimestamp(): number {
    return this.#header.bornTimestamp;
  }

  get flag(): number {
    return this.#header.flag;
  }

  get reconsumeTimes(): number {
    return this.#header.reconsumeTimes ?? 0;
  }

  get maxReconsumeTimes(): number {
    return this.#header.maxReconsumeTimes ?? -1;
  }

  get unitMode(): boolean {
    return this.#header.unitMode ?? false;
  }

  get batch(): boolean {
    return this.#header.batch ?? false;
  }

  get propertiesLength(): number {
    return this.#properties.length;
  }

  copyProperties(target: Uint8Array, at: number): number {
    target.set(this.#properties, at);
    return at + this.#properties.length;
  }
}
