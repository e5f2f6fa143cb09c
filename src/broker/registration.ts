import { crc32 } from 'node:zlib';
import {
  type Address,
  brokerId as brokerIdOf,
  type Clock,
  describeError,
  formatAddress,
  type Logger,
  parseAddress,
  type Timer,
} from '../base/index.ts';
import type { RemotingClient, RemotingConnection } from '../remoting/index.ts';
import type { Store } from '../views/index.ts';
import { type AppliedChange, type DataVersion, Table } from '../views/metadata/index.ts';
import {
  BrokerIdentity,
  DataVersion as DataVersionBody,
  encodeCompressedRegisterBroker,
  Permission,
  QueryDataVersionResponse,
  RegisterBroker,
  RegisterBrokerBody,
  RegisterBrokerResponse,
  RequestCode,
  ResponseCode,
  responseCodeName,
  type TopicConfig,
} from '../wire/index.ts';
import { isHiddenTopic } from './topics.ts';

export interface RegistrationOptions {
  readonly clusterName: string;
  readonly brokerName: string;
  readonly nameServers: readonly Address[];
  readonly registerIntervalMs: number;
  readonly registerTimeoutMs: number;
  /** What clients may do here, whatever topics say. */
  readonly permission: number;
}

/** What the broker is at the moment. */
export interface RegisteredAs {
  /** 0 is the master. */
  readonly brokerId: number;
  /** For the other replicas. */
  readonly haAddress: Address;
}

export interface RegistrationParts {
  readonly store: Pick<Store, 'tables' | 'epoch'>;
  readonly client: RemotingClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registered: () => RegisteredAs;
  /** A name server knows a master of the group, and where. */
  readonly onMaster?: (haAddress: Address, address: Address | undefined) => void;
}

/** How long a start waits for the name servers. */
const startTimeoutMs = 3000;
/** How long a definition waits for the name servers before it is answered all the same; a stop likewise. */
const announceTimeoutMs = 1000;
const retryIntervalMs = 1000;
const readWrite = Permission.READ | Permission.WRITE;
/** From so many topics on, a registration is sent compressed. */
const compressFrom = 1000;

/**
 * Keeps the name servers informed: everything at first and when a name server lost it, single topics as they change,
 * and in between the version of the topic table, which also keeps the registration alive. Nothing is sent before the
 * node has its epoch.
 */
export class Registration {
  #links: readonly NameServerLink[];
  readonly #newLink: (address: Address) => NameServerLink;
  readonly #options: RegistrationOptions;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #started = false;

  constructor(
    /** Addresses, times and the permission may change. */
    options: RegistrationOptions,
    parts: RegistrationParts,
    /** Where clients reach this broker. */
    advertised: Address,
  ) {
    this.#clock = parts.clock;
    this.#options = options;
    this.#newLink = (address) => new NameServerLink(address, options, parts, advertised);
    this.#links = options.nameServers.map(this.#newLink);
  }

  /** Registers everywhere as what the broker is now, until `stop`; resolves when that was tried, or takes long. */
  async start(): Promise<void> {
    if (!this.#started) this.#schedule();
    this.#started = true;
    for (const link of this.#links) link.roleChanged();
    const updates = Promise.all(this.#links.map((link) => link.update()));
    await Promise.race([updates, this.#clock.sleep(startTimeoutMs)]);
  }

  /** Topics changed and are applied. */
  changed(changes: readonly AppliedChange[]): void {
    let isNews = false;
    for (const { table, key } of changes) {
      if (table !== Table.topic) continue;
      const topic = new TextDecoder().decode(key);
      for (const link of this.#links) link.note(topic);
      isNews = true;
    }
    if (isNews && this.#started) for (const link of this.#links) void link.update();
  }

  /** Resolves when every name server that answers knows what is applied now, at the latest after a second. */
  async announced(): Promise<void> {
    const updates = this.#links.filter((link) => !link.isUpToDate).map((link) => link.update());
    if (updates.length === 0) return;
    await Promise.race([Promise.all(updates), this.#clock.sleep(announceTimeoutMs)]);
  }

  /** Registers at once with what clients may do now. */
  permissionChanged(): void {
    for (const link of this.#links) {
      link.permissionChanged();
      if (this.#started) void link.update();
    }
  }

  /** Registers where it is not yet, and takes leave where it was. */
  async nameServersChanged(): Promise<void> {
    const before = new Map(this.#links.map((link) => [link.name, link]));
    this.#links = this.#options.nameServers.map((address) => {
      const known = before.get(formatAddress(address));
      before.delete(formatAddress(address));
      return known ?? this.#newLink(address);
    });
    if (!this.#started) return;
    await Promise.all([
      this.announced(),
      ...[...before.values()].map(async (left) => {
        left.stop();
        await left.unregister();
      }),
    ]);
  }

  async stop(): Promise<void> {
    this.abandon();
    await Promise.all(this.#links.map((link) => link.unregister()));
  }

  /** Tells nobody anything any more. */
  abandon(): void {
    this.#timer?.cancel();
    for (const link of this.#links) link.stop();
  }

  #schedule(): void {
    this.#timer = this.#clock.setTimer(retryIntervalMs, () => {
      for (const link of this.#links) link.tick();
      this.#schedule();
    });
  }
}

/** What one name server knows. */
class NameServerLink {
  readonly #address: Address;
  readonly #options: RegistrationOptions;
  readonly #store: RegistrationParts['store'];
  readonly #client: RemotingClient;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #registered: () => RegisteredAs;
  readonly #onMaster: RegistrationParts['onMaster'];
  readonly #advertised: Address;
  /** Names of topics that changed since they were last told. */
  #changed = new Set<string>();
  /** The version of the topic table that the name server has; undefined: it has nothing of ours, for all we know. */
  #told: DataVersion | undefined;
  /** A name server forgets a broker whose connection closes, so another connection means to begin again. */
  #connection: RemotingConnection | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #lastContactMs: number;
  #isFailing = false;
  #stopped = false;
  #permissionChanges = 0;

  constructor(
    address: Address,
    options: RegistrationOptions,
    parts: RegistrationParts,
    advertised: Address,
  ) {
    this.#address = address;
    this.#options = options;
    this.#store = parts.store;
    this.#client = parts.client;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
    this.#registered = parts.registered;
    this.#onMaster = parts.onMaster;
    this.#advertised = advertised;
    this.#lastContactMs = parts.clock.monotonicMs();
  }

  get #hasNews(): boolean {
    return this.#changed.size > 0 || this.#told === undefined;
  }

  /** Nothing to tell, and nothing being told. */
  get isUpToDate(): boolean {
    return !this.#hasNews && this.#running === undefined;
  }

  /** The address, as people write it. */
  get name(): string {
    return formatAddress(this.#address);
  }

  permissionChanged(): void {
    this.#permissionChanges += 1;
    this.#told = undefined;
  }

  /** The name server knows the broker as something else, if at all. */
  roleChanged(): void {
    this.#told = undefined;
  }

  note(topic: string): void {
    this.#changed.add(topic);
  }

  /** Once a second. */
  tick(): void {
    if (this.#running !== undefined) return;
    if (this.#connection?.isUsable === false) this.#told = undefined;
    void this.update();
  }

  /**
   * Tells the news there are at the time of the call. One exchange at a time: whoever calls during one waits for it and
   * for the next, which is that of all who called meanwhile. Never rejects.
   */
  update(): Promise<void> {
    if (this.#running === undefined) return this.#begin();
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.update();
    });
    return this.#next;
  }

  async #begin(): Promise<void> {
    const due = this.#clock.monotonicMs() - this.#lastContactMs >= this.#options.registerIntervalMs;
    if (this.#stopped || !(due || this.#hasNews)) return;
    this.#running = this.#exchange()
      .then(
        () => {
          if (this.#isFailing) this.#logger.info('registered again', this.#fields());
          this.#isFailing = false;
        },
        (error: unknown) => {
          this.#told = undefined;
          if (this.#isFailing || this.#stopped) return;
          this.#isFailing = true;
          const reason = describeError(error);
          this.#logger.warn('cannot register; trying again each second', {
            ...this.#fields(),
            reason,
          });
        },
      )
      .finally(() => {
        this.#running = undefined;
        this.#lastContactMs = this.#clock.monotonicMs();
      });
    await this.#running;
  }

  stop(): void {
    this.#stopped = true;
  }

  async unregister(): Promise<void> {
    await Promise.race([this.#running, this.#clock.sleep(announceTimeoutMs)]);
    if (this.#told === undefined) return;
    try {
      await this.#client.request(
        this.#address,
        { code: RequestCode.UNREGISTER_BROKER, header: [BrokerIdentity, this.#identity()] },
        { timeoutMs: announceTimeoutMs },
      );
    } catch (error) {
      this.#logger.debug('cannot unregister', { ...this.#fields(), error });
    }
  }

  async #exchange(): Promise<void> {
    const connection = await this.#client.connection(this.#address);
    if (connection !== this.#connection) this.#told = undefined;
    this.#connection = connection;
    if (this.#told !== undefined && this.#changed.size === 0) {
      if (!(await this.#isStale(connection))) return;
      this.#told = undefined;
    }
    const version = this.#version();
    const changed = this.#changed;
    this.#changed = new Set();
    try {
      await this.#register(connection, changed, version);
    } catch (error) {
      for (const topic of changed) this.#changed.add(topic);
      throw error;
    }
    this.#told = version;
  }

  /** Whether the name server's version of our table is another one; asking keeps the registration alive. */
  async #isStale(connection: RemotingConnection): Promise<boolean> {
    const response = await connection.request(
      {
        code: RequestCode.QUERY_DATA_VERSION,
        header: [BrokerIdentity, this.#identity()],
        body: DataVersionBody.encode(this.#version()),
      },
      this.#options.registerTimeoutMs,
    );
    if (response.code !== ResponseCode.SUCCESS) return true;
    return QueryDataVersionResponse.decode(response).changed;
  }

  async #register(
    connection: RemotingConnection,
    changed: ReadonlySet<string>,
    version: DataVersion,
  ): Promise<void> {
    const base = this.#told;
    const topicConfigTable = base === undefined ? this.#allTopics() : this.#topics(changed);
    // Only deletions: the tool that deletes tells the name servers itself, as with RocketMQ.
    const content = {
      filterServerList: [],
      topicConfigSerializeWrapper: { dataVersion: version, topicConfigTable },
    };
    const compressed = topicConfigTable.size >= compressFrom;
    const body = compressed
      ? encodeCompressedRegisterBroker(content)
      : RegisterBrokerBody.encode(content);
    const response = await connection.request(
      {
        code: RequestCode.REGISTER_BROKER,
        header: [
          RegisterBroker,
          {
            ...this.#identity(),
            haServerAddr: formatAddress(this.#registered().haAddress),
            compressed,
            bodyCrc32: crc32(body) & 0x7fff_ffff,
            epoch: this.#store.epoch,
            baseDataVersion:
              base === undefined
                ? undefined
                : new TextDecoder().decode(DataVersionBody.encode(base)),
          },
        ],
        body,
      },
      this.#options.registerTimeoutMs,
    );
    if (response.code !== ResponseCode.SUCCESS) {
      throw new Error(`${responseCodeName(response.code)}: ${response.remark ?? ''}`);
    }
    const { haServerAddr, masterAddr } = RegisterBrokerResponse.decode(response);
    const haAddress = haServerAddr && parseAddress(haServerAddr);
    if (haAddress) this.#onMaster?.(haAddress, masterAddr ? parseAddress(masterAddr) : undefined);
  }

  #allTopics(): Map<string, TopicConfig> {
    const table = new Map<string, TopicConfig>();
    for (const topic of this.#store.tables.applied.topics()) {
      if (!isHiddenTopic(topic.topicName)) table.set(topic.topicName, this.#permitted(topic));
    }
    return table;
  }

  #topics(names: ReadonlySet<string>): Map<string, TopicConfig> {
    const table = new Map<string, TopicConfig>();
    for (const name of names) {
      const topic = this.#store.tables.applied.topic(name);
      if (topic !== undefined && !isHiddenTopic(name)) table.set(name, this.#permitted(topic));
    }
    return table;
  }

  /** What clients may do with a topic here. Source: `BrokerController.registerBrokerAll`. */
  #permitted(topic: TopicConfig): TopicConfig {
    const { permission } = this.#options;
    const isLimited = (permission & readWrite) !== readWrite;
    return isLimited ? { ...topic, perm: topic.perm & permission } : topic;
  }

  /** A name server looks at what it is told only when the version is another one. */
  #version(): DataVersion {
    const version = this.#store.tables.dataVersion(Table.topic);
    return { ...version, counter: version.counter + this.#permissionChanges };
  }

  #identity() {
    const { clusterName, brokerName } = this.#options;
    return {
      clusterName,
      brokerName,
      brokerId: brokerIdOf(this.#registered().brokerId),
      brokerAddr: formatAddress(this.#advertised),
    };
  }

  #fields() {
    return { nameServer: formatAddress(this.#address) };
  }
}
