import {
  type Address,
  describeError,
  isFailure,
  physicalOffset,
  queueOffset,
  timestampMs,
} from '../../../src/base/index.ts';
import { type OutgoingRequest, RemotingClient } from '../../../src/remoting/index.ts';
import {
  CreateTopic,
  DeleteSubscriptionGroup,
  DeleteTopic,
  decodeOffsetMessageId,
  decodeStoredMessages,
  encodeBatch,
  encodeProperties,
  type Fields,
  GetAllSubscriptionGroups,
  GetAllTopicConfig,
  GetMaxOffset,
  GetTopic,
  GroupName,
  HeartbeatData,
  type IncomingCommand,
  OffsetResponse,
  PullMessage,
  PullMessageResponse,
  PullSysFlag,
  QueryConsumerOffset,
  QueryMessage,
  QueueOfTopic,
  RequestCode,
  ResetOffset,
  ResponseCode,
  requestCodeName,
  SendMessageResponse,
  SendMessageV2,
  type StoredMessage,
  SubscriptionData,
  SubscriptionGroupConfig,
  SubscriptionGroupWrapper,
  TopicConfig,
  TopicConfigSerializeWrapper,
  UpdateConsumerOffset,
  ViewMessage,
} from '../../../src/wire/index.ts';
import type { SimNode } from '../ports/index.ts';

/** `unknown`: it may have happened, may still happen, or not. */
export type Outcome<T> =
  | { readonly type: 'done'; readonly value: T }
  | { readonly type: 'refused'; readonly code: number; readonly remark: string }
  | { readonly type: 'unknown'; readonly why: string };

export interface Sent {
  readonly queueId: number;
  readonly queueOffset: number;
  /** Of each message, in order. */
  readonly positions: readonly number[];
  /** Stored, but its fsync took too long: FLUSH_DISK_TIMEOUT. */
  readonly isLate: boolean;
}

export interface Pulled {
  readonly state: 'found' | 'nothing' | 'retry' | 'moved';
  readonly remark: string;
  readonly next: number;
  readonly min: number;
  readonly max: number;
  readonly messages: readonly StoredMessage[];
}

export interface SendOptions {
  readonly topic: string;
  readonly queueId: number;
  readonly queues: number;
  readonly properties?: ReadonlyMap<string, string>;
}

export interface PullOptions {
  readonly group: string;
  readonly topic: string;
  readonly queueId: number;
  readonly offset: number;
  readonly count: number;
  readonly suspendMs?: number;
  /** Commits this offset by the way. */
  readonly commit?: number;
}

const timeoutMs = 60_000;
const done: ReadonlySet<number> = new Set([ResponseCode.SUCCESS]);

/** Everything that a simulated client asks a broker, over real frames. */
export class WireClient {
  readonly node: SimNode;
  readonly #to: Address;
  readonly #client: RemotingClient;
  readonly #note: (text: string) => void;

  /** `note` is told every request and what became of it. */
  constructor(node: SimNode, to: Address, note: (text: string) => void) {
    const { clock, network, logger } = node;
    this.node = node;
    this.#note = note;
    this.#to = to;
    this.#client = new RemotingClient({}, { clock, network, logger });
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  // Messages.

  send(options: SendOptions, body: Uint8Array): Promise<Outcome<Sent>> {
    return this.#send(RequestCode.SEND_MESSAGE_V2, options, body, false);
  }

  sendBatch(options: SendOptions, bodies: readonly Uint8Array[]): Promise<Outcome<Sent>> {
    const properties = encodeProperties(options.properties ?? new Map());
    const batch = encodeBatch(bodies.map((body) => ({ flag: 0, body, properties })));
    return this.#send(RequestCode.SEND_BATCH_MESSAGE, options, batch, true);
  }

  async sendOneway(options: SendOptions, body: Uint8Array): Promise<void> {
    await this.#oneway({
      code: RequestCode.SEND_MESSAGE_V2,
      header: [SendMessageV2, this.#sendHeader(options, false)],
      body,
    });
  }

  async pull(options: PullOptions): Promise<Outcome<Pulled>> {
    const { suspendMs = 0, commit } = options;
    const sysFlag =
      PullSysFlag.SUBSCRIPTION |
      (suspendMs > 0 ? PullSysFlag.SUSPEND : 0) |
      (commit === undefined ? 0 : PullSysFlag.COMMIT_OFFSET);
    return await this.#call(
      {
        code: RequestCode.PULL_MESSAGE,
        header: [
          PullMessage,
          {
            consumerGroup: options.group,
            topic: options.topic,
            queueId: options.queueId,
            queueOffset: queueOffset(options.offset),
            maxMsgNums: options.count,
            sysFlag,
            commitOffset: queueOffset(commit ?? 0),
            suspendTimeoutMillis: suspendMs,
            subscription: '*',
            subVersion: 0,
            expressionType: 'TAG',
          },
        ],
      },
      (response) => {
        const header = PullMessageResponse.decode(response);
        const state = pullStates.get(response.code) ?? 'nothing';
        return {
          state,
          remark: response.remark ?? '',
          next: header.nextBeginOffset,
          min: header.minOffset,
          max: header.maxOffset,
          messages: state === 'found' ? decodeStoredMessages(response.body) : [],
        };
      },
      pullCodes,
    );
  }

  view(topic: string, position: number): Promise<Outcome<readonly StoredMessage[]>> {
    return this.#call(
      {
        code: RequestCode.VIEW_MESSAGE_BY_ID,
        header: [ViewMessage, { topic, offset: physicalOffset(position) }],
      },
      (response) => decodeStoredMessages(response.body),
    );
  }

  query(topic: string, key: string): Promise<Outcome<readonly StoredMessage[]>> {
    return this.#call(
      {
        code: RequestCode.QUERY_MESSAGE,
        header: [
          QueryMessage,
          {
            topic,
            key,
            maxNum: 32,
            beginTimestamp: timestampMs(0),
            endTimestamp: timestampMs(Number.MAX_SAFE_INTEGER),
          },
        ],
      },
      (response) =>
        response.code === ResponseCode.SUCCESS ? decodeStoredMessages(response.body) : [],
      new Set([ResponseCode.SUCCESS, ResponseCode.QUERY_NOT_FOUND]),
    );
  }

  // Offsets.

  maxOffset(topic: string, queueId: number): Promise<Outcome<number>> {
    return this.#call(
      { code: RequestCode.GET_MAX_OFFSET, header: [GetMaxOffset, { topic, queueId }] },
      offsetOf,
    );
  }

  minOffset(topic: string, queueId: number): Promise<Outcome<number>> {
    return this.#call(
      { code: RequestCode.GET_MIN_OFFSET, header: [QueueOfTopic, { topic, queueId }] },
      offsetOf,
    );
  }

  commitOffset(
    group: string,
    topic: string,
    queueId: number,
    offset: number,
  ): Promise<Outcome<void>> {
    return this.#call(commitRequest(group, topic, queueId, offset), () => {});
  }

  async commitOffsetOneway(
    group: string,
    topic: string,
    queueId: number,
    offset: number,
  ): Promise<void> {
    await this.#oneway(commitRequest(group, topic, queueId, offset));
  }

  /** Undefined: the broker says that there is none. */
  queryOffset(group: string, topic: string, queueId: number): Promise<Outcome<number | undefined>> {
    return this.#call(
      {
        code: RequestCode.QUERY_CONSUMER_OFFSET,
        header: [
          QueryConsumerOffset,
          { consumerGroup: group, topic, queueId, setZeroIfNotFound: false },
        ],
      },
      (response) =>
        response.code === ResponseCode.QUERY_NOT_FOUND ? undefined : offsetOf(response),
      new Set([ResponseCode.SUCCESS, ResponseCode.QUERY_NOT_FOUND]),
    );
  }

  resetOffset(
    group: string,
    topic: string,
    queueId: number,
    offset: number,
  ): Promise<Outcome<void>> {
    return this.#call(
      {
        code: RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
        header: [
          ResetOffset,
          { group, topic, queueId, offset: queueOffset(offset), timestamp: -1, isForce: true },
        ],
      },
      () => {},
    );
  }

  heartbeat(group: string, topic: string): Promise<Outcome<void>> {
    return this.#call(
      {
        code: RequestCode.HEART_BEAT,
        body: HeartbeatData.encode({
          clientID: this.node.name,
          heartbeatFingerprint: 0,
          producerDataSet: [],
          withoutSub: false,
          consumerDataSet: [
            {
              consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
              consumeType: 'CONSUME_PASSIVELY',
              groupName: group,
              messageModel: 'CLUSTERING',
              subscriptionDataSet: [
                SubscriptionData.decode(JSON.stringify({ topic, subString: '*' })),
              ],
              unitMode: false,
            },
          ],
        }),
      },
      () => {},
    );
  }

  // Definitions.

  createTopic(config: TopicConfig): Promise<Outcome<void>> {
    const attributes = [...config.attributes]
      .map(([key, value]) => (value === '' ? key : `${key}=${value}`))
      .join(',');
    return this.#call(
      {
        code: RequestCode.UPDATE_AND_CREATE_TOPIC,
        header: [
          CreateTopic,
          {
            topic: config.topicName ?? '',
            defaultTopic: 'TBW102',
            readQueueNums: config.readQueueNums,
            writeQueueNums: config.writeQueueNums,
            perm: config.perm,
            topicFilterType: config.topicFilterType,
            topicSysFlag: config.topicSysFlag,
            order: config.order,
            attributes,
          },
        ],
      },
      () => {},
    );
  }

  deleteTopic(topic: string): Promise<Outcome<void>> {
    return this.#call(
      { code: RequestCode.DELETE_TOPIC_IN_BROKER, header: [DeleteTopic, { topic }] },
      () => {},
    );
  }

  createGroup(config: SubscriptionGroupConfig): Promise<Outcome<void>> {
    return this.#call(
      {
        code: RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
        body: SubscriptionGroupConfig.encode(config),
      },
      () => {},
    );
  }

  deleteGroup(groupName: string): Promise<Outcome<void>> {
    return this.#call(
      {
        code: RequestCode.DELETE_SUBSCRIPTIONGROUP,
        header: [DeleteSubscriptionGroup, { groupName, cleanOffset: true }],
      },
      () => {},
    );
  }

  topic(topic: string): Promise<Outcome<TopicConfig | undefined>> {
    return this.#call(
      { code: RequestCode.GET_TOPIC_CONFIG, header: [GetTopic, { topic }] },
      (response) =>
        response.code === ResponseCode.SUCCESS ? TopicConfig.decode(response.body) : undefined,
      new Set([ResponseCode.SUCCESS, ResponseCode.TOPIC_NOT_EXIST]),
    );
  }

  group(group: string): Promise<Outcome<SubscriptionGroupConfig | undefined>> {
    return this.#call(
      { code: RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG, header: [GroupName, { group }] },
      (response) =>
        response.code === ResponseCode.SUCCESS
          ? SubscriptionGroupConfig.decode(response.body)
          : undefined,
      new Set([ResponseCode.SUCCESS, ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST]),
    );
  }

  allTopics(): Promise<Outcome<ReadonlyMap<string, TopicConfig>>> {
    return this.#call(
      { code: RequestCode.GET_ALL_TOPIC_CONFIG, header: [GetAllTopicConfig, {}] },
      (response) => TopicConfigSerializeWrapper.decode(response.body).topicConfigTable,
    );
  }

  allGroups(): Promise<Outcome<ReadonlyMap<string, SubscriptionGroupConfig>>> {
    return this.#call(
      {
        code: RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG,
        header: [GetAllSubscriptionGroups, {}],
      },
      (response) => SubscriptionGroupWrapper.decode(response.body).subscriptionGroupTable,
    );
  }

  // The ways to ask.

  #send(
    code: number,
    options: SendOptions,
    body: Uint8Array,
    batch: boolean,
  ): Promise<Outcome<Sent>> {
    return this.#call(
      { code, header: [SendMessageV2, this.#sendHeader(options, batch)], body },
      (response) => {
        const { msgId, queueId, queueOffset } = SendMessageResponse.decode(response);
        const positions = msgId.split(',').map((id) => decodeOffsetMessageId(id).physicalOffset);
        const isLate = response.code === ResponseCode.FLUSH_DISK_TIMEOUT;
        return { queueId, queueOffset, positions, isLate };
      },
      new Set([ResponseCode.SUCCESS, ResponseCode.FLUSH_DISK_TIMEOUT]),
    );
  }

  #sendHeader({ topic, queueId, queues, properties }: SendOptions, batch: boolean) {
    return {
      producerGroup: 'producers',
      topic,
      defaultTopic: 'TBW102',
      defaultTopicQueueNums: queues,
      queueId,
      sysFlag: 0,
      bornTimestamp: this.node.clock.now(),
      flag: 0,
      properties: Buffer.from(encodeProperties(properties ?? new Map())).toString(),
      reconsumeTimes: 0,
      unitMode: false,
      batch,
    };
  }

  async #call<F extends Fields, T>(
    request: OutgoingRequest<F>,
    decode: (response: IncomingCommand) => T,
    successes: ReadonlySet<number> = done,
  ): Promise<Outcome<T>> {
    const outcome = await this.#outcome(request, decode, successes);
    const said = outcome.type === 'done' ? shown(outcome.value) : Object.values(outcome).join(' ');
    this.#note(`${this.node.name} ${described(request)}: ${said}`);
    return outcome;
  }

  async #outcome<F extends Fields, T>(
    request: OutgoingRequest<F>,
    decode: (response: IncomingCommand) => T,
    successes: ReadonlySet<number>,
  ): Promise<Outcome<T>> {
    let response: IncomingCommand;
    try {
      response = await this.#client.request(this.#to, request, { timeoutMs });
    } catch (error) {
      if (!isFailure(error)) throw error;
      return { type: 'unknown', why: describeError(error) };
    }
    const { code } = response;
    const remark = response.remark ?? '';
    if (successes.has(code)) return { type: 'done', value: decode(response) };
    if (remark.startsWith('outcome unknown')) return { type: 'unknown', why: remark };
    return { type: 'refused', code, remark };
  }

  async #oneway<F extends Fields>(request: OutgoingRequest<F>): Promise<void> {
    this.#note(`${this.node.name} ${described(request)}, oneway`);
    try {
      await this.#client.oneway(this.#to, request);
    } catch (error) {
      if (!isFailure(error)) throw error; // Lost, as a request without an answer may be.
    }
  }
}

function commitRequest(group: string, topic: string, queueId: number, offset: number) {
  return {
    code: RequestCode.UPDATE_CONSUMER_OFFSET,
    header: [
      UpdateConsumerOffset,
      { consumerGroup: group, topic, queueId, commitOffset: queueOffset(offset) },
    ],
  } as const;
}

/** A line of the trace: the request and those of its fields that tell something. */
function described<F extends Fields>({ code, header, body }: OutgoingRequest<F>): string {
  const said: string[] = [requestCodeName(code) ?? String(code)];
  if (header === undefined && body instanceof Uint8Array) said.push(Buffer.from(body).toString());
  header?.[0].encode(header[1], (key, text) => {
    if (!dullKeys.has(key)) said.push(`${key}=${text.slice(0, 60)}`);
  });
  return said.join(' ');
}

const dullKeys: ReadonlySet<string> = new Set([
  ...['a', 'c', 'f', 'g', 'h', 'j', 'k', 'subscription', 'subVersion', 'expressionType'],
  ...['defaultTopic', 'setZeroIfNotFound', 'isForce', 'timestamp'],
]);

function shown(value: unknown): string {
  if (value === undefined) return 'done';
  if (value instanceof Map) return `${value.size} entries`;
  if (Array.isArray(value)) return `${value.length} messages`;
  return JSON.stringify(value, (key, item: unknown) => {
    if (key === 'messages' && Array.isArray(item)) return item.length;
    return item instanceof Map ? [...item] : item;
  });
}

function offsetOf(response: IncomingCommand): number {
  return OffsetResponse.decode(response).offset;
}

const pullStates: ReadonlyMap<number, Pulled['state']> = new Map([
  [ResponseCode.SUCCESS, 'found'],
  [ResponseCode.PULL_NOT_FOUND, 'nothing'],
  [ResponseCode.PULL_RETRY_IMMEDIATELY, 'retry'],
  [ResponseCode.PULL_OFFSET_MOVED, 'moved'],
]);
const pullCodes: ReadonlySet<number> = new Set(pullStates.keys());
