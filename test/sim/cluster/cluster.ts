import { brokerId } from '../../../src/base/index.ts';
import type { TestReplica } from '../../../src/broker/replication/test-group.ts';
import { TestGroup } from '../../../src/broker/replication/test-group.ts';
import { RequestCode, ResponseCode, SwitchOver } from '../../../src/wire/index.ts';
import type { SimRandom } from '../ports/index.ts';

const settleMs = 60_000;

/** A controller and its replicas, with faults, under one seed. */
export class Cluster {
  readonly group: TestGroup;
  readonly replicas: readonly TestReplica[];
  readonly #random: SimRandom;
  readonly #down = new Set<TestReplica>();
  #isControllerDown = false;
  #hasLostMemory = false;
  kills = 0;
  powerLosses = 0;
  cuts = 0;
  switchOvers = 0;

  static async start(
    seed: number,
    size: number,
    random: SimRandom,
    sync: boolean,
  ): Promise<Cluster> {
    const group = new TestGroup(seed);
    const names = ['one', 'two', 'three'].slice(0, size);
    const replicas = await group.controlled(names, {
      flushDiskType: sync ? 'SYNC_FLUSH' : 'ASYNC_FLUSH',
      controllerHeartbeatMs: 500,
    });
    const cluster = new Cluster(group, replicas, random);
    for (const replica of replicas) cluster.#start(replica);
    await cluster.settled();
    return cluster;
  }

  private constructor(group: TestGroup, replicas: readonly TestReplica[], random: SimRandom) {
    this.group = group;
    this.replicas = replicas;
    this.#random = random;
  }

  /**
   * One fault, or the end of one. Without SYNC_FLUSH only a slave beside a living master loses power, once a round: what
   * was acknowledged is in the memory of another machine then.
   */
  disturb(isSync: boolean): void {
    const mayLosePower = isSync;
    const random = this.#random;
    const { network } = this.group.world;
    const replica = random.pick(this.replicas);
    const other = random.pick(['controller', ...this.replicas.map(({ name }) => name)]);
    switch (random.below(10)) {
      case 0:
      case 1:
        this.#crash(replica, false);
        break;
      case 2:
        this.#crash(replica, isSync || this.#mayLoseMemory(replica));
        break;
      case 3:
        network.block(replica.name, other);
        break;
      case 4:
        network.partition([replica.name], [other]);
        break;
      case 5:
        network.heal();
        break;
      case 6:
        network.cut(replica.name, other);
        this.cuts++;
        break;
      case 7:
        network.delay(replica.name, other, random.below(2000));
        break;
      case 8:
        for (const each of this.replicas) this.#crash(each, mayLosePower);
        break;
      default:
        this.#crashController(random.below(2) === 0);
    }
  }

  /** An operator hands the group over, whatever comes of it. */
  switchOver(random: SimRandom): void {
    const master = this.replicas.find(({ role }) => role === 'master');
    const target = random.pick(this.replicas.filter((replica) => replica !== master)).id;
    if (master === undefined || target === undefined) return;
    const header = { brokerId: brokerId(target) };
    master.client.asking({ code: RequestCode.SWITCH_OVER, header: [SwitchOver, header] }).then(
      ({ code }) => {
        if (code === ResponseCode.SUCCESS) this.switchOvers++;
      },
      () => {}, // It may be killed meanwhile.
    );
  }

  /** All faults end; resolves when a master serves and all replicas have caught up, or fails. */
  async settled(): Promise<TestReplica> {
    const { world } = this.group;
    world.network.heal();
    this.#hasLostMemory = false;
    if (this.#isControllerDown) await world.complete(this.#startController());
    for (const replica of [...this.#down]) this.#start(replica);
    const isSettled = (): boolean =>
      this.replicas.filter(({ role }) => role === 'master').length === 1 &&
      this.replicas.every(({ role }) => role !== 'none');
    await world.run({ forMs: settleMs, until: isSettled });
    if (!isSettled()) {
      const roles = this.replicas.map(({ name, role }) => `${name} ${role}`).join(', ');
      throw new Error(`nobody leads ${settleMs} ms after the last fault: ${roles}`);
    }
    await world.run({ forMs: 8000 });
    return await this.group.master(this.replicas, settleMs);
  }

  /** Runs for so long, with what was started. */
  async run(forMs: number): Promise<void> {
    await this.group.world.run({ forMs });
  }

  #mayLoseMemory(replica: TestReplica): boolean {
    const hasMaster = this.replicas.some(
      (other) => other.role === 'master' && !this.#down.has(other),
    );
    if (replica.role !== 'slave' || !hasMaster || this.#hasLostMemory) return false;
    this.#hasLostMemory = true;
    return true;
  }

  #start(replica: TestReplica): void {
    this.#down.delete(replica);
    replica.starting().catch((error: unknown) => {
      // A crash while it starts is not its failure.
      if (!this.#down.has(replica)) throw error;
    });
  }

  #crash(replica: TestReplica, powerLoss: boolean): void {
    if (this.#down.has(replica)) return;
    this.#down.add(replica);
    replica.crash({ powerLoss });
    if (powerLoss) this.powerLosses++;
    else this.kills++;
    this.group.world.schedule(this.#random.below(8000), () => {
      if (this.#down.has(replica)) this.#start(replica);
    });
  }

  #crashController(powerLoss: boolean): void {
    if (this.#isControllerDown) return;
    this.#isControllerDown = true;
    this.group.crashController({ powerLoss });
    this.group.world.schedule(this.#random.below(8000), () => {
      if (this.#isControllerDown) void this.#startController();
    });
  }

  async #startController(): Promise<void> {
    this.#isControllerDown = false;
    await this.group.startingController();
  }
}
