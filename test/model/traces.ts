// `npm run model -- --traces N`: simulated groups under faults, held against the invariants of the model at each step.

import { TestGroup, type TestReplica } from '../../src/broker/replication/test-group.ts';
import { createTopic, deleteTopic, sendRequest } from '../../src/broker/test-broker.ts';
import type { OutgoingRequest } from '../../src/remoting/index.ts';
import type { Fields } from '../../src/wire/index.ts';
import { SimRandom } from '../sim/ports/index.ts';
import { Recorder } from './recorder.ts';
import type { State } from './search.ts';

export interface TraceChecks {
  readonly variables: readonly string[];
  /** Asked at each step. */
  readonly often: (state: State) => string | undefined;
  /** Takes the square of what was acknowledged: asked now and then. */
  readonly rarely: (state: State) => string | undefined;
}

export interface TraceReport {
  readonly seed: number;
  /** Of the model, or how the group failed; undefined when all is well. */
  readonly violated: string | undefined;
  readonly simulatedMs: number;
  readonly states: number;
  readonly acknowledged: number;
  readonly faults: number;
  readonly epochs: number;
}

const rounds = 4;
const clientCount = 2;
/** Without a turn of roles the state is looked at so often. */
const everyMs = 200;

class Stop extends Error {}

/** One history: rounds of faults under load, each followed by a calm in which a master serves again. */
export async function checkTrace(
  seed: number,
  size: number,
  { variables, often, rarely }: TraceChecks,
): Promise<TraceReport> {
  const random = new SimRandom(`trace ${seed}`);
  const isSync = random.below(2) === 0;
  const group = new TestGroup(seed);
  const { world } = group;
  const replicas = await group.controlled(['one', 'two', 'three'].slice(0, size), {
    flushDiskType: isSync ? 'SYNC_FLUSH' : 'ASYNC_FLUSH',
    controllerHeartbeatMs: 500,
  });
  const recorder = new Recorder(replicas);
  let states = 0;
  let faults = 0;
  let checkedMs = 0;
  let violated: string | undefined;
  const check = (): boolean => {
    recorder.look();
    const isDue = recorder.hasMoved && world.nowMs - checkedMs > everyMs;
    if (!recorder.hasTurned && !isDue) return false;
    checkedMs = world.nowMs;
    states++;
    violated ??= often(recorder.state(variables));
    return violated !== undefined;
  };
  const run = async (forMs: number, until: () => boolean = () => false): Promise<void> => {
    await world.run({ forMs, until: () => check() || until() });
    if (violated !== undefined) throw new Stop();
  };
  const faulty = new Faults(group, replicas, random.fork('faults'));
  let isOver = false;
  const clients = Array.from({ length: clientCount }, (_, index) =>
    work(group, replicas, random.fork(`client ${index}`), `t${index}`, () => isOver),
  );
  try {
    for (let round = 0; round < rounds; round++) {
      for (let count = 1 + random.below(3); round > 0 && count > 0; count--) {
        faulty.happen();
        faults++;
        await run(200 + random.below(3000));
      }
      faulty.end();
      const isServed = (): boolean => replicas.some(({ role }) => role === 'master');
      await run(60_000, isServed);
      if (!isServed()) violated = 'nobody leads after the faults';
      await run(4000);
      violated ??= rarely(recorder.state(variables));
      if (violated !== undefined) break;
    }
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
  } finally {
    isOver = true;
  }
  void Promise.allSettled(clients);
  return {
    ...{ seed, violated, states, faults },
    simulatedMs: world.nowMs,
    acknowledged: recorder.acknowledged,
    epochs: group.controller?.groups()[0]?.epoch ?? 0,
  };
}

/** Sends, creates and deletes at whoever takes it, until it is over. */
async function work(
  { world }: TestGroup,
  replicas: readonly TestReplica[],
  random: SimRandom,
  topic: string,
  isOver: () => boolean,
): Promise<void> {
  for (let count = 0; !isOver(); count++) {
    const replica = random.pick(replicas);
    const name = `${topic}-${random.below(4)}`;
    const chance = random.below(10);
    if (chance < 2) await ask(replica, createTopic(name, 1));
    else if (chance < 3) await ask(replica, deleteTopic(name));
    else await ask(replica, sendRequest(topic, `message ${count}`));
    await new Promise<void>((resolve) => world.schedule(random.below(60), resolve));
  }
}

/** The answer does not matter: what may be answered is what the leader has. */
async function ask<F extends Fields>(
  replica: TestReplica,
  request: OutgoingRequest<F>,
): Promise<void> {
  await replica.client.asking(request).catch(() => {});
}

class Faults {
  readonly #group: TestGroup;
  readonly #replicas: readonly TestReplica[];
  readonly #random: SimRandom;
  readonly #down = new Set<TestReplica>();
  #isControllerDown = false;

  constructor(group: TestGroup, replicas: readonly TestReplica[], random: SimRandom) {
    this.#group = group;
    this.#replicas = replicas;
    this.#random = random;
    for (const replica of replicas) this.#start(replica);
  }

  happen(): void {
    const random = this.#random;
    const { network } = this.#group.world;
    const replica = random.pick(this.#replicas);
    const other = random.pick(['controller', ...this.#replicas.map(({ name }) => name)]);
    switch (random.below(8)) {
      case 0:
      case 1:
        this.#crash(replica, false);
        break;
      case 2:
        this.#crash(replica, true);
        break;
      case 3:
        network.block(replica.name, other);
        break;
      case 4:
        network.partition([replica.name], [other]);
        break;
      case 5:
        for (const each of this.#replicas) this.#crash(each, random.below(2) === 0);
        break;
      case 6:
        network.delay(replica.name, other, random.below(2000));
        break;
      default:
        this.#crashController();
    }
  }

  /** All is mended, and everybody starts. */
  end(): void {
    this.#group.world.network.heal();
    this.#startController();
    for (const replica of [...this.#down]) this.#start(replica);
  }

  #start(replica: TestReplica): void {
    this.#down.delete(replica);
    replica.starting().catch((error: unknown) => {
      if (!this.#down.has(replica)) throw error;
    });
  }

  #crash(replica: TestReplica, powerLoss: boolean): void {
    if (this.#down.has(replica)) return;
    this.#down.add(replica);
    replica.crash({ powerLoss });
    this.#group.world.schedule(this.#random.below(6000), () => {
      if (this.#down.has(replica)) this.#start(replica);
    });
  }

  #crashController(): void {
    if (this.#isControllerDown) return;
    this.#isControllerDown = true;
    this.#group.crashController({ powerLoss: true });
    this.#group.world.schedule(this.#random.below(6000), () => this.#startController());
  }

  #startController(): void {
    if (!this.#isControllerDown) return;
    this.#isControllerDown = false;
    void this.#group.startingController();
  }
}
