/** What tests of the broker share: a broker on a simulated node, and clients on other nodes that speak real frames. */
import { type SimLogLine, type SimNode, SimWorld } from '../../test/sim/ports/index.ts';
import {
  type Disk,
  Failure,
  type HttpServers,
  type KeyValueStores,
  queueOffset,
  timestampMs,
} from '../base/index.ts';
import {
  type Answer,
  type OutgoingRequest,
  RemotingClient,
  type RemotingConnection,
} from '../remoting/index.ts';
import {
  CreateTopic,
  DeleteSubscriptionGroup,
  DeleteTopic,
  decodeStoredMessages,
  encodeProperties,
  type Fields,
  GetTopic,
  HeartbeatData,
  type IncomingCommand,
  OffsetResponse,
  PullMessage,
  PullMessageResponse,
  PullSysFlag,
  QueryConsumerOffset,
  QueueOfTopic,
  RequestCode,
  ResponseCode,
  responseCodeName,
  SendMessageResponse,
  SendMessageV2,
  SubscriptionGroupConfig,
  UpdateConsumerOffset,
} from '../wire/index.ts';
import { Broker } from './broker.ts';
import { type BrokerOptions, brokerOptions } from './options.ts';

const port = 10911;
const timeoutMs = 120_000;

/** The defaults of the table, with a store so small that segments roll and expire within a test. */
export function testOptions(changes: Partial<BrokerOptions> = {}): BrokerOptions {
  const values = Object.entries(brokerOptions).map(([name, { default: value }]) => [name, value]);
  return {
    // Each option has its default.
    ...(Object.fromEntries(values) as unknown as BrokerOptions),
    storePath: '/store',
    listenPort: port,
    segmentBytes: 64 * 1024,
    tailBytes: 256 * 1024,
    maxMessageBytes: 32 * 1024,
    ...changes,
  };
}

export class TestBroker {
  readonly world: SimWorld;
  readonly node: SimNode;
  /** What was logged, oldest first. */
  readonly lines: SimLogLine[] = [];
  readonly options: BrokerOptions;
  /** Why the broker asked for the end of its process. */
  failed: Failure | undefined;
  /** Puts something between the broker and its disk. */
  around: (disk: Disk) => Disk = (disk) => disk;
  /** Serves metrics, if the options say so. */
  http: HttpServers | undefined;
  /** Makes all calls of databases fail while it is true. */
  databasesFail = false;
  #broker: Broker | undefined;
  readonly #clients = new Map<string, TestClient>();

  constructor(changes: Partial<BrokerOptions> = {}, seed: number | string = 1) {
    this.world = new SimWorld(seed, { log: (line) => void this.lines.push(line) });
    this.node = this.world.node('broker');
    this.options = testOptions(changes);
  }

  static async start(
    changes: Partial<BrokerOptions> = {},
    seed: number | string = 1,
  ): Promise<TestBroker> {
    const broker = new TestBroker(changes, seed);
    await broker.start();
    return broker;
  }

  async start(): Promise<void> {
    await this.complete(this.starting());
  }

  /** For tests that do something while it starts. */
  async starting(): Promise<Broker> {
    const { clock, disk, keyValueStores, network, random, logger, bootId } = this.node;
    const stores = failing(keyValueStores, () => this.databasesFail);
    const ports = {
      clock,
      disk: this.around(disk),
      keyValueStores: stores,
      network,
      random,
      logger,
      bootId,
      ...(this.http !== undefined && { http: this.http }),
    };
    const broker = await Broker.start(this.options, ports);
    this.#broker = broker;
    void broker.failed.then((failure) => {
      this.failed = failure;
    });
    return broker;
  }

  async stop(): Promise<void> {
    await this.complete(this.stopping());
  }

  async stopping(): Promise<void> {
    await this.#broker?.stop();
  }

  /** Ends the process without a stop and starts a new one. */
  async crash(options: { readonly powerLoss: boolean }): Promise<void> {
    this.node.crash(options);
    this.node.restart();
    for (const client of this.#clients.values()) client.reconnect();
    await this.start();
  }

  client(name = 'client'): TestClient {
    const known = this.#clients.get(name);
    if (known !== undefined) return known;
    const client = new TestClient(this.world, name, 'broker');
    this.#clients.set(name, client);
    return client;
  }

  async complete<T>(promise: Promise<T>): Promise<T> {
    return await this.world.complete(promise, { forMs: 600_000 });
  }

  async runFor(forMs: number): Promise<void> {
    await this.world.run({ forMs });
  }
}

function failing(stores: KeyValueStores, fails: () => boolean): KeyValueStores {
  const check = (what: string): void => {
    if (fails()) throw new Failure('unavailable', `${what}: input/output error`);
  };
  return {
    async open(folder, options) {
      const database = await stores.open(folder, options);
      return {
        get: async (key) => {
          check('get');
          return await database.get(key);
        },
        getMany: async (keys) => {
          check('get');
          return await database.getMany(keys);
        },
        async *scan(range) {
          check('scan');
          yield* database.scan(range);
        },
        write: async (batch) => {
          check('write');
          await database.write(batch);
        },
        flush: async () => {
          check('flush');
          await database.flush();
        },
        close: () => database.close(),
        [Symbol.asyncDispose]: () => database.close(),
      };
    },
  };
}

export interface SendOptions {
  readonly queueId?: number;
  readonly properties?: Readonly<Record<string, string>>;
  readonly defaultTopic?: string;
  readonly queues?: number;
  readonly batch?: boolean;
  readonly more?: Partial<Parameters<typeof SendMessageV2.encode>[0]>;
}

export interface PullOptions {
  readonly group?: string;
  readonly topic?: string;
  readonly queueId?: number;
  readonly offset?: number;
  readonly count?: number;
  readonly suspendMs?: number;
  readonly commit?: number;
  /** Absent: what the heartbeat said. */
  readonly tags?: string | undefined;
  readonly subVersion?: number;
  readonly expressionType?: string;
}

/** What an answer says, for comparisons. */
export interface Answered {
  readonly code: string;
  readonly remark: string | undefined;
}

export interface Pulled extends Answered {
  readonly next: number;
  readonly min: number;
  readonly max: number;
  /** Bodies, as text. */
  readonly bodies: readonly string[];
}

/** A client on a node of its own. Each call runs the world until it is answered; `...ing` calls do not. */
export class TestClient {
  /** Codes of the requests that the broker sent. */
  readonly told: number[] = [];
  /** What it answers to requests of the broker, by code; to others it says nothing. */
  readonly answers = new Map<number, (request: IncomingCommand) => Answer>();
  readonly name: string;
  readonly #world: SimWorld;
  #client: RemotingClient;
  readonly #to: { readonly host: string; readonly port: number };

  constructor(world: SimWorld, name: string, to: string) {
    this.name = name;
    this.#world = world;
    this.#to = { host: to, port };
    this.#client = this.#newClient();
  }

  /** A new connection: of the old one it may not have heard yet that nobody is at its other end. */
  reconnect(): void {
    void this.#client.close();
    this.#client = this.#newClient();
  }

  #newClient(): RemotingClient {
    const { clock, network, logger } = this.#world.node(this.name);
    const handle = (connection: RemotingConnection, request: IncomingCommand): void => {
      this.told.push(request.code);
      const answer = this.answers.get(request.code);
      if (answer !== undefined) connection.answer(request, answer(request));
    };
    return new RemotingClient({ handler: { handle, closed() {} } }, { clock, network, logger });
  }

  asking<F extends Fields>(request: OutgoingRequest<F>): Promise<IncomingCommand> {
    return this.#client.request(this.#to, request, { timeoutMs });
  }

  async ask<F extends Fields>(request: OutgoingRequest<F>): Promise<IncomingCommand> {
    return await this.#world.complete(this.asking(request), { forMs: 600_000 });
  }

  async answer<F extends Fields>(request: OutgoingRequest<F>): Promise<Answered> {
    return answered(await this.ask(request));
  }

  async oneway<F extends Fields>(request: OutgoingRequest<F>): Promise<void> {
    await this.#world.complete(this.#client.oneway(this.#to, request));
    await this.#world.run({ forMs: 20 });
  }

  async close(): Promise<void> {
    await this.#world.complete(this.#client.close());
    await this.#world.run({ forMs: 20 });
  }

  // Definitions.

  async createTopic(topic: string, queues = 1, more: Partial<CreateTopic> = {}): Promise<Answered> {
    return await this.answer(createTopic(topic, queues, more));
  }

  async deleteTopic(topic: string): Promise<Answered> {
    return await this.answer(deleteTopic(topic));
  }

  async createGroup(
    groupName: string,
    more: Partial<SubscriptionGroupConfig> = {},
  ): Promise<Answered> {
    const body = SubscriptionGroupConfig.encode({
      ...SubscriptionGroupConfig.fromJson({ groupName }, ''),
      ...more,
    });
    return await this.answer({ code: RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body });
  }

  async deleteGroup(groupName: string): Promise<Answered> {
    return await this.answer({
      code: RequestCode.DELETE_SUBSCRIPTIONGROUP,
      header: [DeleteSubscriptionGroup, { groupName }],
    });
  }

  async hasTopic(topic: string): Promise<boolean> {
    const { code } = await this.ask({
      code: RequestCode.GET_TOPIC_CONFIG,
      header: [GetTopic, { topic }],
    });
    return code === ResponseCode.SUCCESS;
  }

  // Messages.

  sending(topic: string, body: string | Uint8Array, options: SendOptions = {}) {
    return this.asking(sendRequest(topic, body, options));
  }

  async send(
    topic: string,
    body: string | Uint8Array,
    options: SendOptions = {},
  ): Promise<Answered & { readonly queueId: number; readonly offset: number; id: string }> {
    const response = await this.ask(sendRequest(topic, body, options));
    const isStored = response.text('queueOffset') !== undefined;
    const { queueId, queueOffset, msgId } = isStored
      ? SendMessageResponse.decode(response)
      : { queueId: -1, queueOffset: -1, msgId: '' };
    return { ...answered(response), queueId, offset: queueOffset, id: msgId };
  }

  async pulling(options: PullOptions = {}): Promise<Pulled> {
    return pulled(await this.asking(pullRequest(options)));
  }

  async pull(options: PullOptions = {}): Promise<Pulled> {
    return pulled(await this.ask(pullRequest(options)));
  }

  // Offsets.

  async commit(group: string, topic: string, queueId: number, offset: number): Promise<Answered> {
    return await this.answer(commitRequest(group, topic, queueId, offset));
  }

  async committed(group: string, topic: string, queueId = 0): Promise<number | string> {
    const response = await this.ask({
      code: RequestCode.QUERY_CONSUMER_OFFSET,
      header: [
        QueryConsumerOffset,
        { consumerGroup: group, topic, queueId, setZeroIfNotFound: false },
      ],
    });
    return offsetOf(response);
  }

  async minOffset(topic: string, queueId = 0): Promise<number | string> {
    return offsetOf(
      await this.ask({
        code: RequestCode.GET_MIN_OFFSET,
        header: [QueueOfTopic, { topic, queueId }],
      }),
    );
  }

  async maxOffset(topic: string, queueId = 0): Promise<number | string> {
    return offsetOf(
      await this.ask({
        code: RequestCode.GET_MAX_OFFSET,
        header: [QueueOfTopic, { topic, queueId }],
      }),
    );
  }

  // Sessions.

  async heartbeat(data: {
    readonly consumers?: Readonly<Record<string, readonly string[]>>;
    readonly tags?: string;
    readonly subVersion?: number;
    readonly producers?: readonly string[];
    readonly messageModel?: 'CLUSTERING' | 'BROADCASTING';
    readonly fingerprint?: number;
    readonly withoutSub?: boolean;
  }): Promise<Answered> {
    return await this.answer(heartbeatRequest(this.name, data));
  }
}

function offsetOf(response: IncomingCommand): number | string {
  return response.code === ResponseCode.SUCCESS
    ? OffsetResponse.decode(response).offset
    : responseCodeName(response.code);
}

export function answered(response: IncomingCommand): Answered {
  return { code: responseCodeName(response.code), remark: response.remark };
}

export function createTopic(topic: string, queues = 1, more: Partial<CreateTopic> = {}) {
  const header = { topic, readQueueNums: queues, writeQueueNums: queues, perm: 6, ...more };
  return {
    code: RequestCode.UPDATE_AND_CREATE_TOPIC,
    header: [CreateTopic, header],
  } as const;
}

export function deleteTopic(topic: string) {
  return {
    code: RequestCode.DELETE_TOPIC_IN_BROKER,
    header: [DeleteTopic, { topic }],
  } as const;
}

export function commitRequest(group: string, topic: string, queueId: number, offset: number) {
  return {
    code: RequestCode.UPDATE_CONSUMER_OFFSET,
    header: [
      UpdateConsumerOffset,
      { consumerGroup: group, topic, queueId, commitOffset: queueOffset(offset) },
    ],
  } as const;
}

export function sendRequest(topic: string, body: string | Uint8Array, options: SendOptions = {}) {
  const { queueId = 0, defaultTopic = 'TBW102', queues = 4, properties, batch = false } = options;
  return {
    code: batch ? RequestCode.SEND_BATCH_MESSAGE : RequestCode.SEND_MESSAGE_V2,
    header: [
      SendMessageV2,
      {
        producerGroup: 'producers',
        topic,
        defaultTopic,
        defaultTopicQueueNums: queues,
        queueId,
        sysFlag: 0,
        bornTimestamp: timestampMs(1_700_000_000_000),
        flag: 0,
        ...(properties && {
          properties: new TextDecoder().decode(
            encodeProperties(new Map(Object.entries(properties))),
          ),
        }),
        batch,
        ...options.more,
      },
    ],
    body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
  } as const;
}

export function pullRequest(options: PullOptions = {}) {
  const { group = 'g', topic = 't', queueId = 0, offset = 0, count = 32, suspendMs = 0 } = options;
  const { commit, subVersion = 0, expressionType } = options;
  const tags = 'tags' in options ? options.tags : '*';
  return {
    code: RequestCode.PULL_MESSAGE,
    header: [
      PullMessage,
      {
        consumerGroup: group,
        topic,
        queueId,
        queueOffset: queueOffset(offset),
        maxMsgNums: count,
        sysFlag:
          (tags === undefined ? 0 : PullSysFlag.SUBSCRIPTION) |
          (suspendMs > 0 ? PullSysFlag.SUSPEND : 0) |
          (commit === undefined ? 0 : PullSysFlag.COMMIT_OFFSET),
        commitOffset: queueOffset(commit ?? 0),
        suspendTimeoutMillis: suspendMs,
        ...(tags !== undefined && { subscription: tags }),
        subVersion,
        ...(expressionType !== undefined && { expressionType }),
      },
    ],
  } as const;
}

export function pulled(response: IncomingCommand): Pulled {
  const hasOffsets = response.text('nextBeginOffset') !== undefined;
  const { nextBeginOffset, minOffset, maxOffset } = hasOffsets
    ? PullMessageResponse.decode(response)
    : { nextBeginOffset: -1, minOffset: -1, maxOffset: -1 };
  return {
    ...answered(response),
    next: nextBeginOffset,
    min: minOffset,
    max: maxOffset,
    bodies: decodeStoredMessages(response.body).map(({ body }) => new TextDecoder().decode(body)),
  };
}

export function heartbeatRequest(
  clientId: string,
  data: {
    readonly consumers?: Readonly<Record<string, readonly string[]>>;
    readonly tags?: string;
    readonly subVersion?: number;
    readonly producers?: readonly string[];
    readonly messageModel?: 'CLUSTERING' | 'BROADCASTING';
    /** With it, in the second form. */
    readonly fingerprint?: number;
    readonly withoutSub?: boolean;
  },
) {
  const { consumers = {}, producers = [], tags = '*', subVersion = 1 } = data;
  const body = {
    clientID: clientId,
    heartbeatFingerprint: data.fingerprint ?? 0,
    withoutSub: data.withoutSub ?? false,
    consumerDataSet: Object.entries(consumers).map(([groupName, topics]) => ({
      groupName,
      messageModel: data.messageModel ?? 'CLUSTERING',
      subscriptionDataSet: (data.withoutSub === true ? [] : topics).map((topic) => ({
        topic,
        subString: tags,
        subVersion,
      })),
    })),
    producerDataSet: producers.map((groupName) => ({ groupName })),
  };
  return {
    code: RequestCode.HEART_BEAT,
    body: HeartbeatData.encode(HeartbeatData.fromJson(body, 'heartbeat')),
  };
}
