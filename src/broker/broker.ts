import {
  type Address,
  type BrokerId,
  besides,
  type ClientTls,
  type Clock,
  type Disk,
  Failure,
  formatAddress,
  type HttpServers,
  isFailure,
  type KeyValueStores,
  type Logger,
  type Network,
  type PhysicalOffset,
  type ProcessMeter,
  type Random,
  type Setting,
} from '../base/index.ts';
import { incarnationBytes } from '../log/index.ts';
import {
  dispatch,
  RemotingClient,
  type RemotingConnection,
  RemotingServer,
  type RequestTable,
  readClientTls,
  readServerTls,
} from '../remoting/index.ts';
import { defaultLinkOptions } from '../replication/link/index.ts';
import { LocalStore, StoreInstall } from '../views/index.ts';
import { encodeHost, type IncomingCommand, ResponseCode } from '../wire/index.ts';
import { Configuration } from './administration/configuration.ts';
import { Forwarding } from './forwarding.ts';
import { HeldRequests } from './held-requests.ts';
import { leadLine, recoveryLine } from './log-lines.ts';
import { MasterSearch } from './master-search.ts';
import { BrokerMetrics } from './metrics/broker-metrics.ts';
import type { BrokerOptions } from './options.ts';
import type { RegisteredAs } from './registration.ts';
import type { MasterView } from './replication/authority.ts';
import {
  controlledIdentity,
  type GroupIdentity,
  haListenAt,
  readSecret,
  staticIdentity,
} from './replication/identity.ts';
import { InSync } from './replication/in-sync.ts';
import { MetadataRequests } from './replication/metadata-requests.ts';
import { Promotion } from './replication/promotion.ts';
import { Replica } from './replication/replica.ts';
import type { ReplicaHost, ReplicaRole } from './replication/replica-host.ts';
import { ReplicaRequests } from './replication/replica-requests.ts';
import { SwitchOver } from './replication/switchover.ts';
import {
  decideByRole,
  type KnownMaster,
  type Role,
  unavailable,
  waitsForHandOver,
} from './role.ts';
import { Serving } from './serving.ts';
import { OnlineClients } from './sessions/online-clients.ts';
import { localStoreOptions } from './store-options.ts';

export interface BrokerPorts {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly keyValueStores: KeyValueStores;
  readonly network: Network;
  readonly random: Random;
  readonly logger: Logger;
  /** The present run of the operating system; undefined where it does not tell. */
  readonly bootId: string | undefined;
  /** For metrics. */
  readonly http?: HttpServers;
  readonly startProcessMeter?: () => ProcessMeter;
}

export interface BrokerDescription {
  readonly cluster: string;
  readonly name: string;
  /** Of the replica in its group. */
  readonly id: number;
  readonly role: 'master' | 'slave';
  /** Where clients reach it. */
  readonly address: Address;
  /** Where those with `vipChannelEnabled` do, if it listens there. */
  readonly fastAddress: Address | undefined;
}

const emptyTable: RequestTable = new Map();

/**
 * One replica of one broker group, serving clients. It listens before its store is open, so that nobody is told that
 * something does not exist while it is merely loading; it registers as what it is once it leads or follows.
 */
export class Broker implements ReplicaHost {
  /** Resolves with the reason when the broker can no longer promise anything; then the process must end. */
  readonly failed: Promise<Failure>;
  readonly #configuration: Configuration;
  readonly #options: BrokerOptions;
  readonly #ports: BrokerPorts;
  readonly #held = new HeldRequests();
  readonly #address: Address;
  readonly #server: RemotingServer;
  readonly #client: RemotingClient;
  readonly #forwarding: Forwarding;
  readonly #online = new OnlineClients();
  #fail: (failure: Failure) => void = () => {};
  #role: Role = 'waiting';
  /** Where clients reach the master that this node follows, as far as it knows. */
  #master: Address | undefined;
  /** Monotonic; until then requests that are the master's are handed on. */
  #forwardsUntilMs = 0;
  #identity: GroupIdentity | undefined;
  #anyRole: RequestTable = emptyTable;
  #replica: Replica | undefined;
  #inSync: InSync | undefined;
  #switchOver: SwitchOver | undefined;
  #serving: Serving | undefined;
  #masterSearch: MasterSearch | undefined;
  #metrics: BrokerMetrics | undefined;
  #whenInRole: () => void = () => {};
  /** Of a start that is not done yet. */
  #startFailed: ((failure: Failure) => void) | undefined;
  #stopped: Promise<void> | undefined;

  /**
   * Opens the store, promotes the node and registers it. Fails `unavailable` (port in use, store locked), `corrupt`,
   * naming the file, or `closed` when `stop` comes before it has a role, for which it may wait long; then nothing is left
   * open.
   */
  static async start(
    configured: BrokerOptions,
    ports: BrokerPorts,
    /** Settings of keys that mean nothing here: GET_BROKER_CONFIG tells them. */
    withoutEffect: readonly Setting[] = [],
    stop?: AbortSignal,
  ): Promise<Broker> {
    const { disk, clock } = ports;
    const configuration = await Configuration.open(configured, withoutEffect, {
      disk,
      logger: ports.logger.child('broker'),
      now: () => clock.now(),
    });
    const { options } = configuration;
    const serverTls = await readServerTls(options, ports.disk);
    const clientTls = await readClientTls(options, ports.disk);
    let broker: Broker | undefined;
    const server = await RemotingServer.listen(
      {
        at: { host: options.bindAddress, port: options.listenPort },
        alsoAt: fastAddressOf(options),
        mayLackOther: options.fastListenPort < 0,
        tls: serverTls,
        idleTimeoutMs: options.connectionIdleMs,
      },
      { ...ports, logger: ports.logger.child('remoting') },
      {
        handle: (connection, request) => broker?.handle(connection, request),
        closed: (connection) => broker?.closed(connection),
      },
    );
    broker = new Broker(configuration, ports, server, clientTls);
    try {
      await broker.#start(stop);
    } catch (error) {
      await broker.#abandon().catch(() => {}); // That it could not start is what to tell.
      throw error;
    }
    return broker;
  }

  /** Use `start`. */
  private constructor(
    configuration: Configuration,
    ports: BrokerPorts,
    server: RemotingServer,
    tls: ClientTls | undefined,
  ) {
    const { options } = configuration;
    this.#configuration = configuration;
    this.#options = options;
    this.#ports = ports;
    this.#server = server;
    this.#address = {
      host: options.advertisedHost ?? options.bindAddress,
      port: server.address.port,
    };
    this.#client = new RemotingClient(
      { tls },
      { ...ports, logger: ports.logger.child('remoting') },
    );
    this.#forwarding = new Forwarding(this.#client);
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  /** Undefined before it knows who it is. */
  get replica(): Replica | undefined {
    return this.#replica;
  }

  /** Where clients reach it. */
  get address(): Address {
    return this.#address;
  }

  describe(): BrokerDescription {
    const fast = this.#server.otherAddress;
    return {
      cluster: this.#options.clusterName,
      name: this.#options.brokerName,
      id: this.#identity?.self ?? this.#options.brokerId,
      role: this.#role === 'servingMaster' ? 'master' : 'slave',
      address: this.#address,
      fastAddress: fast && { host: this.#address.host, port: fast.port },
    };
  }

  handle(connection: RemotingConnection, request: IncomingCommand): void {
    if (this.#switchOver?.isHolding === true && waitsForHandOver(request.code)) {
      if (this.#held.hold(connection, request)) return;
      const remark = 'too many requests wait while the group is handed over';
      connection.answer(request, unavailable(request.code, remark));
      return;
    }
    if (this.#role === 'servingMaster') {
      dispatch(this.#serving?.table ?? emptyTable, connection, request);
      return;
    }
    if (this.#role === 'formerMaster' && this.#ports.clock.monotonicMs() > this.#forwardsUntilMs) {
      this.#role = 'slave';
    }
    if (this.#anyRole.has(request.code)) {
      dispatch(this.#anyRole, connection, request);
      return;
    }
    const decision = decideByRole(this.#role, request.code, this.#knownMaster);
    if (decision === 'serve') {
      dispatch(this.#serving?.table ?? emptyTable, connection, request);
    } else if (decision === 'forward') {
      const master = this.#masterAddress as Address; // Only to one that is known.
      this.#forwarding.forward(master, connection, request);
    } else if (decision === 'session') {
      if (this.#serving !== undefined) dispatch(this.#serving.table, connection, request);
      else connection.answer(request, { code: ResponseCode.SUCCESS });
    } else if (decision !== 'hold') {
      connection.answer(request, decision);
    } else if (!this.#held.hold(connection, request)) {
      connection.close('too many requests while the broker starts');
    }
  }

  /**
   * This replica follows a master at the moment, or a controller names one, as that will soon name another one if it is
   * dead.
   */
  get #hasMaster(): boolean {
    if (this.#replica?.isFollowing === true) return true;
    return this.#options.controllerMode && this.#identity?.authority.view?.master !== undefined;
  }

  get #knownMaster(): KnownMaster | undefined {
    if (!this.#hasMaster) return undefined;
    const at = this.#masterAddress;
    return { address: at && formatAddress(at) };
  }

  /** Where clients reach the master. Without a controller a slave may hear of that after it began to follow. */
  get #masterAddress(): Address | undefined {
    const isTold = !this.#options.controllerMode;
    return this.#master ?? (isTold ? this.#identity?.authority.view?.master?.address : undefined);
  }

  closed(connection: RemotingConnection): void {
    if (this.#serving === undefined) this.#online.closed(connection);
    else this.#serving.sessions.closed(connection);
  }

  /**
   * Answers what waits, makes everything durable, unregisters and closes. Idempotent. After a failure of the store it
   * only closes.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Returns when the node serves in a role. */
  async #start(stop: AbortSignal | undefined): Promise<void> {
    const options = this.#options;
    const { disk, random } = this.#ports;
    const inRole = new Promise<void>((resolve, reject) => {
      this.#whenInRole = resolve;
      this.#startFailed = reject;
    });
    inRole.catch(() => {}); // It is asked below, once the store is open.
    const stopNow = (): void =>
      this.#startFailed?.(new Failure('closed', 'it was stopped before it had a role'));
    stop?.addEventListener('abort', stopNow, { once: true });
    if (stop?.aborted) stopNow();
    const incarnation = Buffer.from(random.bytes(incarnationBytes)).toString('hex');
    const replicationPorts = { ...this.#ports, logger: this.#ports.logger.child('replication') };
    const identity = options.controllerMode
      ? await controlledIdentity(options, this.#address, replicationPorts)
      : staticIdentity(options, incarnation, replicationPorts);
    this.#identity = identity;
    const { clusterName: cluster, brokerName: group } = options;
    const secret = await readSecret(disk, options.haSharedSecretFile);
    const replica = new Replica(
      {
        self: identity.self,
        identity: { cluster, group, broker: identity.self, incarnation, secret },
        listenAt: haListenAt(options, this.#address.port),
        link: { ...defaultLinkOptions, maxUnreportedBytes: options.haMaxUnreportedBytes },
        limits: {
          silenceMs: defaultLinkOptions.silenceMs,
          lagMs: options.haMaxTimeSlaveNotCatchup,
          hysteresisMs: setHysteresisMs,
          ...admissionLimits,
        },
        isElected: options.controllerMode,
        openStore: (cutTo) => this.#openStore(identity.self, cutTo),
        openInstall: () => this.#openInstall(identity.self),
      },
      this,
      identity.authority,
      replicationPorts,
    );
    this.#replica = replica;
    const masterAddress = (): string | undefined =>
      this.#masterAddress && formatAddress(this.#masterAddress);
    const isServing = (): boolean => this.#role === 'servingMaster';
    const { self, authority, elect, promote } = identity;
    const inSync = new InSync(options, replica, authority);
    this.#inSync = inSync;
    const requests = new ReplicaRequests(options, {
      ...{ self, replica, inSync, masterAddress, isServing },
    });
    const { clock, logger } = replicationPorts;
    const parts = { self, replica, authority, isServing, clock, logger };
    const switchOver = new SwitchOver(
      { ...parts, elect, client: this.#client },
      {
        appendCommits: () => this.#serving?.appendCommits(),
        release: () => this.#releaseHeld(),
      },
    );
    this.#switchOver = switchOver;
    const promotion = new Promotion({ ...parts, promote });
    const metadata = new MetadataRequests({ self, replica });
    const tables = [requests, metadata, switchOver, promotion].map((part) => part.table());
    this.#anyRole = new Map(tables.flatMap((table) => [...table]));
    const connections = (): number => this.#server.connections.size;
    this.#metrics = await BrokerMetrics.start(
      options,
      { self, replica, authority, inSync, connections },
      { ...this.#ports, logger: this.#ports.logger.child('metrics') },
    );
    await replica.open();
    await identity.begin(replica, this.#haAddress(replica));
    this.#searchMaster();
    replica.start();
    const failure = await Promise.race([inRole, this.failed]);
    this.#startFailed = undefined;
    if (failure !== undefined) throw failure;
  }

  opened(local: LocalStore): void {
    local.store.onFatal = (failure) => this.#failFor(failure);
    this.#identity?.opened(local);
    if (this.#inSync === undefined) throw new Error('the store was opened before its time');
    this.#serving = new Serving(
      this.#options,
      {
        configuration: this.#configuration,
        local,
        inSync: this.#inSync,
        server: this.#server,
        client: this.#client,
        online: this.#online,
        address: this.#address,
        storeHost: this.#storeHost(),
        anyRole: this.#anyRole,
        registered: () =>
          this.#registeredAs(
            this.#role === 'slave' || this.#role === 'formerMaster' ? this.#selfAsSlave() : 0,
          ),
        onDamage: (failure) => void this.#damageMet(local, failure),
        onMaster: (haAddress, address) => this.#identity?.masterFound(haAddress, address),
        master: {
          isThere: () => this.#hasMaster,
          commit: (commit) => {
            const at = this.#masterAddress;
            if (this.#hasMaster && at !== undefined) this.#forwarding.commit(at, commit);
          },
        },
      },
      this.#ports,
    );
    this.#metrics?.opened(this.#serving.figures);
    this.#ports.logger.child('store').info(...recoveryLine(this.#options.storePath, local));
  }

  /** Once it is noted that this store is to be mended, another one leads, if it can: this one is opened again then. */
  async #damageMet(local: LocalStore, failure: Failure): Promise<void> {
    try {
      await local.noteDamage(failure);
      if (failure.kind === 'corrupt') await this.#switchOver?.handOverDamaged();
    } catch (error) {
      this.#ports.logger.error('damaged data was met, and nothing could be done about it', {
        error,
      });
    }
  }

  async lead(local: LocalStore): Promise<void> {
    const serving = this.#serving;
    if (serving === undefined) return;
    await serving.lead();
    this.#ports.logger.child('broker').info(...leadLine(this.describe(), local));
    this.#master = undefined;
    // A name server that does not answer must not keep those waiting who know this broker already.
    if (this.#role !== 'stopping') this.#role = 'servingMaster';
    this.#releaseHeld();
    await serving.registration.start();
    this.#whenInRole();
  }

  follow(_local: LocalStore, master: MasterView): void {
    this.#masterSearch?.stop();
    this.#masterSearch = undefined;
    this.#master = master.address;
    if (this.#role === 'stopping') return;
    const forwards = this.#ports.clock.monotonicMs() <= this.#forwardsUntilMs;
    this.#role = forwards ? 'formerMaster' : 'slave';
    if (forwards) void this.#switchOver?.holdUntilServed();
    this.#releaseHeld();
    void this.#serving?.registration.start();
    this.#whenInRole();
  }

  #releaseHeld(): void {
    // While the group is handed over they wait until the new master serves.
    if (this.#switchOver?.isHolding === true) return;
    this.#held.release((connection, request) => this.handle(connection, request));
  }

  async leave(): Promise<void> {
    if (this.#role === 'servingMaster') {
      this.#forwardsUntilMs = this.#ports.clock.monotonicMs() + this.#options.definitionForwardMs;
    }
    if (this.#role !== 'stopping') this.#role = 'waiting';
    const serving = this.#serving;
    this.#serving = undefined;
    this.#metrics?.closed();
    serving?.stop();
    serving?.registration.abandon();
    this.#searchMaster();
  }

  /** A slave that has nothing to serve with does not register, and must hear of its master all the same. */
  #searchMaster(): void {
    const { controllerMode, brokerRole, haMasterAddress } = this.#options;
    if (controllerMode || brokerRole !== 'SLAVE' || haMasterAddress !== undefined) return;
    if (this.#role === 'stopping' || this.#masterSearch !== undefined) return;
    this.#masterSearch = new MasterSearch(
      this.#options,
      {
        client: this.#client,
        clock: this.#ports.clock,
        logger: this.#ports.logger.child('registration'),
        registered: () => this.#registeredAs(this.#selfAsSlave()),
        onMaster: (haAddress, address) => this.#identity?.masterFound(haAddress, address),
      },
      this.#address,
    );
    void this.#masterSearch.run();
  }

  #registeredAs(brokerId: number): RegisteredAs {
    return { brokerId, haAddress: this.#haAddress(this.#replica) };
  }

  roleChanged(role: ReplicaRole): void {
    this.#ports.logger.child('broker').info('the role of this replica changed', { role });
    if (this.#role === 'stopping') return;
    if (role === 'becomingMaster') {
      const forwards = this.#role === 'formerMaster';
      this.#role = 'becomingMaster';
      if (forwards) void this.#switchOver?.holdUntilServed();
    } else if (role === 'waiting') this.#role = 'waiting';
  }

  leadsDamaged(): void {
    void this.#switchOver?.handOverDamaged();
  }

  /** Without a controller nothing but this node itself can be in the way of its role. A slave may wait for room. */
  roleFailed(failure: Failure): 'tryAgain' | 'giveUp' {
    const { controllerMode, brokerRole } = this.#options;
    if (failure.reason === 'unsafe') {
      this.#failFor(failure);
      this.#startFailed?.(failure);
      return 'giveUp';
    }
    if (this.#startFailed === undefined || controllerMode) return 'tryAgain';
    if (brokerRole === 'SLAVE' && failure.kind === 'unavailable') return 'tryAgain';
    this.#startFailed(failure);
    return 'giveUp';
  }

  async #openStore(self: BrokerId, cutTo: PhysicalOffset | undefined): Promise<LocalStore> {
    const options = besides(localStoreOptions(this.#options, self), { cutTo });
    return await LocalStore.open(options, {
      ...this.#ports,
      logger: this.#ports.logger.child('store'),
    });
  }

  async #openInstall(self: BrokerId): Promise<StoreInstall> {
    const mayForgetGroup = this.#options.controllerMode;
    const options = besides(localStoreOptions(this.#options, self), { mayForgetGroup });
    return await StoreInstall.open(options, {
      ...this.#ports,
      logger: this.#ports.logger.child('store'),
    });
  }

  /** Name servers know the master as 0; a slave must have another number. */
  #selfAsSlave(): number {
    return this.#identity?.self ?? this.#options.brokerId;
  }

  /** Where the other replicas reach this one. */
  #haAddress(replica: Replica | undefined): Address {
    const port = replica?.haAddress?.port ?? this.#address.port + 1;
    return { host: this.#options.haAdvertisedHost ?? this.#address.host, port };
  }

  /** Address and port as records and message ids state them: an IP address, even where clients are told a name. */
  #storeHost(): Uint8Array {
    const { host, port } = this.#address;
    for (const candidate of [host, this.#options.bindAddress]) {
      try {
        return encodeHost({ host: candidate, port });
      } catch (error) {
        if (!isFailure(error, 'invalid')) throw error;
      }
    }
    return encodeHost({ host: '0.0.0.0', port });
  }

  async #stop(): Promise<void> {
    const mayWrite = this.#role === 'servingMaster';
    const isWhole = mayWrite || this.#role === 'slave' || this.#role === 'formerMaster';
    this.#role = 'stopping';
    await this.#server.stopAccepting();
    this.#serving?.stop();
    if (!isWhole) return await this.#abandon();
    try {
      if (mayWrite) this.#serving?.appendCommits();
      await this.#serving?.registration.stop();
      if (mayWrite) await this.#settle();
      await this.#identity?.stop();
      await this.#replica?.stop();
      await this.#release();
    } catch (error) {
      await this.#abandon();
      throw error;
    }
  }

  /** While this node leads still its followers can catch up, and whoever waits for them be told. */
  async #settle(): Promise<void> {
    try {
      await this.#serving?.local.store.settle(longestSettlingMs);
    } catch (error) {
      if (!isFailure(error, 'unavailable')) throw error; // Refused, and told when the store closes.
    }
  }

  /** Lets go of everything without writing any more. */
  async #abandon(): Promise<void> {
    this.#role = 'stopping';
    this.#serving?.stop();
    this.#serving?.registration.abandon();
    try {
      await this.#identity?.stop();
      await this.#replica?.abandon();
    } finally {
      await this.#release();
    }
  }

  async #release(): Promise<void> {
    this.#role = 'stopping';
    this.#masterSearch?.stop();
    await this.#metrics?.stop();
    await this.#server.stop();
    await this.#client.close();
  }

  #failFor(failure: Failure): void {
    this.#role = 'stopping';
    this.#ports.logger.error('the store failed; the process must end', { error: failure });
    this.#fail(failure);
  }
}

/** More than followers take to sync what they have by themselves. */
const longestSettlingMs = 2000;
/** Who was put out of the set for being slow waits so long before it may count again. */
const setHysteresisMs = 1000;
/** A fifth of what a client waits for an answer; a follower with a slow disk costs no more than a tenth of the time. */
const admissionLimits = {
  admissionMs: 600,
  admissionBytes: 2 ** 20,
  admissionPauseMs: 10_000,
};

/** Where Java clients with `vipChannelEnabled` look: two ports below. */
function fastAddressOf(options: BrokerOptions): ((first: Address) => Address) | undefined {
  const { fastListenPort } = options;
  if (fastListenPort === 0) return undefined;
  return ({ host, port }) => ({
    host,
    port: fastListenPort > 0 ? fastListenPort : Math.max(0, port - 2),
  });
}
