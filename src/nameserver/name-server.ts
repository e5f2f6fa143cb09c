import {
  type Address,
  type Clock,
  type Disk,
  formatAddress,
  type Logger,
  type Network,
  type Setting,
  type Timer,
} from '../base/index.ts';
import {
  dispatch,
  RemotingConnection,
  type RemotingPorts,
  RemotingServer,
  readServerTls,
} from '../remoting/index.ts';
import { Configuration } from './configuration.ts';
import { KvConfig } from './kv-config.ts';
import { defaultNameServerOptions, type NameServerOptions } from './options.ts';
import { nameServerProcessors } from './processors.ts';
import { type Member, RouteTable } from './route-table.ts';

export interface NameServerPorts {
  readonly network: Network;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly logger: Logger;
}

/** Tells clients where topics are, from what brokers register. */
export class NameServer implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #configuration: Configuration;
  readonly #options: NameServerOptions;
  readonly #routes: RouteTable;
  readonly #kvConfig: KvConfig;
  #server: RemotingServer | undefined;
  #scan: Timer | undefined;
  #stopped: Promise<void> | undefined;

  /**
   * Options that are not given have their defaults, but for `kvConfigPath`: without one the key-value configuration
   * cannot change. Fails `unavailable`/`addressInUse`, and `corrupt` when the file of that configuration is damaged.
   */
  static async start(
    options: Partial<NameServerOptions>,
    ports: NameServerPorts,
    stop?: AbortSignal,
    /** Settings of keys that mean nothing here: GET_NAMESRV_CONFIG tells them. */
    withoutEffect: readonly Setting[] = [],
  ): Promise<NameServer> {
    const all = { ...defaultNameServerOptions, ...options };
    const logger = ports.logger.child('nameserver');
    const configuration = await Configuration.open(all, withoutEffect, {
      disk: ports.disk,
      logger,
      now: () => ports.clock.now(),
    });
    const kvConfig = await KvConfig.open({ path: all.kvConfigPath }, { disk: ports.disk, logger });
    const { network, clock } = ports;
    const nameServer = new NameServer(configuration, { clock, logger }, kvConfig);
    await nameServer.#listen({ network, clock, logger, disk: ports.disk });
    const stopNow = (): void => {
      nameServer.stop().catch((error: unknown) => logger.error('stopping failed', { error }));
    };
    if (stop?.aborted) stopNow();
    else stop?.addEventListener('abort', stopNow, { once: true });
    return nameServer;
  }

  private constructor(
    configuration: Configuration,
    ports: Pick<NameServerPorts, 'clock' | 'logger'>,
    kvConfig: KvConfig,
  ) {
    this.#configuration = configuration;
    this.#options = configuration.options;
    this.#clock = ports.clock;
    this.#logger = ports.logger;
    this.#kvConfig = kvConfig;
    this.#routes = new RouteTable(configuration.options);
  }

  get address(): Address {
    if (this.#server === undefined) throw new Error('the name server does not listen yet');
    return this.#server.address;
  }

  /** Resolves when all connections are closed and what was acknowledged is on disk. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #listen(ports: RemotingPorts & Pick<NameServerPorts, 'disk'>): Promise<void> {
    const options = this.#options;
    const processors = nameServerProcessors({
      configuration: this.#configuration,
      options,
      routes: this.#routes,
      kvConfig: this.#kvConfig,
      clock: ports.clock,
      logger: ports.logger,
    });
    const tls = await readServerTls(options, ports.disk);
    this.#server = await RemotingServer.listen(
      {
        at: { host: options.bindAddress, port: options.listenPort },
        tls,
        idleTimeoutMs: options.connectionIdleMs,
      },
      ports,
      {
        handle: (connection, request) => dispatch(processors, connection, request),
        closed: (connection) => {
          this.#logGone('its connection closed', this.#routes.ownerGone(connection));
        },
      },
    );
    this.#scheduleScan();
    this.#logger.info('listening', { address: formatAddress(this.address) });
  }

  async #stop(): Promise<void> {
    this.#scan?.cancel();
    await this.#server?.stopAccepting();
    await this.#kvConfig.close();
    await this.#server?.stop();
  }

  #scheduleScan(): void {
    this.#scan = this.#clock.setTimer(this.#options.scanIntervalMs, () => {
      const expired = this.#routes.expire(this.#clock.monotonicMs());
      this.#logGone('no heartbeat', expired);
      for (const { owner } of expired) {
        // A broker that still lives reconnects and registers.
        if (owner instanceof RemotingConnection) owner.close('its broker sent no heartbeat');
      }
      this.#scheduleScan();
    });
  }

  #logGone(reason: string, members: readonly Member[]): void {
    for (const { group, brokerId, address } of members) {
      this.#logger.warn('broker gone', { broker: group.brokerName, id: brokerId, address, reason });
    }
  }
}
