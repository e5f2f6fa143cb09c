/** A broker group in one simulated world, for tests of roles and replication. */
import { type SimLogLine, type SimNode, SimWorld } from '../../../test/sim/ports/index.ts';
import type { Disk, DiskFile, Failure, HttpServers, KeyValue } from '../../base/index.ts';
import { Controller, type ControllerOptions, controllerOptions } from '../../controller/index.ts';
import { type OutgoingRequest, RemotingClient } from '../../remoting/index.ts';
import { type Fields, type IncomingCommand, ReplicaStatus, RequestCode } from '../../wire/index.ts';
import { Broker } from '../broker.ts';
import type { BrokerOptions } from '../options.ts';
import { TestClient, testOptions } from '../test-broker.ts';

export class TestReplica {
  readonly name: string;
  readonly node: SimNode;
  readonly options: BrokerOptions;
  readonly client: TestClient;
  /** As they were opened last, by folder. */
  readonly databases = new Map<string, KeyValue>();
  readonly #world: SimWorld;
  failed: Failure | undefined;
  /** It must end, for this reason. */
  onFailed: (failure: Failure) => void = () => {};
  /** Serves metrics, if the options say so. */
  http: HttpServers | undefined;
  /** How long its disk needs to replace a file. */
  renameMs = 0;
  /** ... and to sync one. */
  syncMs = 0;
  #broker: Broker | undefined;

  constructor(world: SimWorld, name: string, changes: Partial<BrokerOptions>) {
    this.#world = world;
    this.name = name;
    this.node = world.node(name);
    this.options = testOptions({ advertisedHost: name, bindAddress: name, ...changes });
    this.client = new TestClient(world, `client-of-${name}`, name);
  }

  async start(): Promise<void> {
    await this.#world.complete(this.starting(), { forMs: 60_000 });
  }

  async starting(): Promise<void> {
    const { clock, keyValueStores, network, random, logger, bootId } = this.node;
    const disk = this.#slowed(this.node.disk);
    const open = async (folder: string): Promise<KeyValue> => {
      const database = await keyValueStores.open(folder);
      this.databases.set(folder, database);
      return database;
    };
    const ports = {
      ...{ clock, disk, keyValueStores: { open }, network, random, logger, bootId },
      ...(this.http !== undefined && { http: this.http }),
    };
    this.#broker = await Broker.start(this.options, ports);
    void this.#broker.failed.then((failure) => {
      this.failed = failure;
      this.onFailed(failure);
    });
  }

  #slowed(disk: Disk): Disk {
    const rename = async (from: string, to: string): Promise<void> => {
      if (this.renameMs > 0) await this.node.clock.sleep(this.renameMs);
      await disk.rename(from, to);
    };
    const open = async (...args: Parameters<Disk['open']>): Promise<DiskFile> => {
      const file = await disk.open(...args);
      const sync = async (): Promise<void> => {
        if (this.syncMs > 0) await this.node.clock.sleep(this.syncMs);
        await file.sync();
      };
      return instead(file, { sync });
    };
    return instead(disk, { rename, open });
  }

  /** Of the present start; undefined while it is down. */
  get broker(): Broker | undefined {
    return this.#broker;
  }

  get role(): string {
    return this.#broker?.describe().role ?? 'none';
  }

  /** In its group; undefined while it is down. */
  get id(): number | undefined {
    return this.#broker?.describe().id;
  }

  async stop(): Promise<void> {
    await this.#world.complete(this.stopping(), { forMs: 60_000 });
  }

  async stopping(): Promise<void> {
    await this.#broker?.stop();
  }

  crash(options: { readonly powerLoss: boolean }): void {
    this.node.crash(options);
    this.node.restart();
    this.client.reconnect();
    this.#broker = undefined;
  }

  /** Somebody removes its store. */
  async wipe(): Promise<void> {
    await this.#world.complete(this.node.disk.remove(this.options.storePath));
  }

  async status(): Promise<ReplicaStatus> {
    const response = await this.client.ask({ code: RequestCode.GET_REPLICA_STATUS });
    return ReplicaStatus.decode(response.body);
  }
}

/** The same, with other methods in the place of some. */
function instead<T extends object>(original: T, methods: Partial<T>): T {
  const get = (_: T, name: string | symbol): unknown => {
    const other: unknown = Reflect.get(methods, name);
    if (other !== undefined) return other;
    const value: unknown = Reflect.get(original, name);
    return typeof value === 'function' ? value.bind(original) : value;
  };
  return new Proxy(original, { get });
}

const controllerPort = 9878;

export class TestGroup {
  controller: Controller | undefined;
  #hadController = false;
  readonly world: SimWorld;
  readonly lines: SimLogLine[] = [];
  /** Told each of them as it comes. */
  onLine: (line: SimLogLine) => void = () => {};

  constructor(seed: number | string = 1) {
    const log = (line: SimLogLine): void => {
      this.lines.push(line);
      this.onLine(line);
    };
    this.world = new SimWorld(seed, { log });
  }

  /** `one` is the master of a group without a controller, `two` its slave. */
  staticPair(changes: Partial<BrokerOptions> = {}): readonly [TestReplica, TestReplica] {
    const one = new TestReplica(this.world, 'one', { brokerRole: 'SYNC_MASTER', ...changes });
    const haMasterAddress = `one:${one.options.listenPort + 1}`;
    const two = new TestReplica(this.world, 'two', {
      ...{ brokerRole: 'SLAVE', brokerId: 1, haMasterAddress },
      ...changes,
    });
    return [one, two];
  }

  /** A controller, and as many replicas as there are names. */
  async controlled(
    names: readonly string[],
    changes: Partial<BrokerOptions> = {},
  ): Promise<readonly TestReplica[]> {
    await this.startController();
    return names.map(
      (name) =>
        new TestReplica(this.world, name, {
          controllerMode: true,
          controllers: [{ host: 'controller', port: controllerPort }],
          ...changes,
        }),
    );
  }

  async startController(): Promise<void> {
    await this.world.complete(this.startingController());
  }

  async startingController(): Promise<void> {
    const { clock, disk, network, random, logger } = this.world.node('controller');
    const values = Object.entries(controllerOptions).map(([name, { default: value }]) => [
      name,
      value,
    ]);
    const options = {
      ...(Object.fromEntries(values) as unknown as ControllerOptions),
      ...{ bindAddress: 'controller', listenPort: controllerPort, storePath: '/controller' },
      isNew: !this.#hadController,
    };
    this.#hadController = true;
    this.controller = await Controller.start(options, { clock, disk, network, random, logger });
  }

  crashController(options: { readonly powerLoss: boolean }): void {
    const node = this.world.node('controller');
    node.crash(options);
    node.restart();
    this.controller = undefined;
  }

  /** Somebody removes what the controller knows, while it is down. */
  async loseControllerFile(): Promise<void> {
    await this.world.complete(this.world.node('controller').disk.remove('/controller'));
  }

  /** What an operator asks of the controller. */
  async askController<F extends Fields>(request: OutgoingRequest<F>): Promise<IncomingCommand> {
    return await this.world.complete(this.askingController(request));
  }

  async askingController<F extends Fields>(request: OutgoingRequest<F>): Promise<IncomingCommand> {
    const client = new RemotingClient({}, this.world.node('operator'));
    const at = { host: 'controller', port: controllerPort };
    try {
      return await client.request(at, request, { timeoutMs: 3000 });
    } finally {
      await client.close();
    }
  }

  /** Waits until one of them serves as the master. */
  async master(replicas: readonly TestReplica[], withinMs = 20_000): Promise<TestReplica> {
    await this.world.run({
      forMs: withinMs,
      until: () => replicas.some(({ role }) => role === 'master'),
    });
    const master = replicas.find(({ role }) => role === 'master');
    if (master === undefined) throw new Error('nobody leads');
    return master;
  }

  async runFor(forMs: number): Promise<void> {
    await this.world.run({ forMs });
  }
}
