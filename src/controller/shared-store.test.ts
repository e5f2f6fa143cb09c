import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { type SimNode, SimWorld } from '../../test/sim/ports/index.ts';
import { Failure } from '../base/index.ts';
import { TestReplica } from '../broker/replication/test-group.ts';
import { RemotingClient } from '../remoting/index.ts';
import { ElectMaster, RequestCode, ResponseCode } from '../wire/index.ts';
import { Controller } from './controller.ts';
import { type ControllerOptions, controllerOptions } from './options.ts';
import type { GroupState } from './state.ts';
import type { ControllerStore, SetOutcome, StateProposal, Stored } from './store.ts';

/** What several controllers share: a stand-in for etcd, which loses answers when it is told to. */
class SharedState {
  readonly groups = new Map<string, Stored>();
  readonly stores: SharedStore[] = [];
  /** Its answers are lost, after the change was made or before. */
  loses: 'after' | 'before' | undefined;
  leading: SharedStore | undefined;

  lead(store: SharedStore | undefined): void {
    const before = this.leading;
    this.leading = store;
    before?.onLeading();
    store?.onLeading();
  }

  set(from: SharedStore, { name, revision, decision, state }: StateProposal): SetOutcome {
    const before = this.groups.get(name);
    if ((before?.revision ?? 0) !== revision) return 'changed';
    if (this.leading !== from) return 'notLeading';
    if (state === undefined) this.groups.delete(name);
    else this.groups.set(name, { revision: revision + 1, decision, state });
    for (const store of this.stores) store.told(before?.state, state);
    return 'set';
  }
}

class SharedStore implements ControllerStore {
  readonly description = 'a store that controllers share';
  readonly isSettled = true;
  readonly failure = undefined;
  onLeading = (): void => {};
  onChange = (_before: GroupState | undefined, _after: GroupState | undefined): void => {};
  readonly address: string;
  readonly #shared: SharedState;
  readonly #node: SimNode;

  constructor(shared: SharedState, node: SimNode, address: string) {
    this.#shared = shared;
    this.#node = node;
    this.address = address;
    shared.stores.push(this);
  }

  get isLeading(): boolean {
    return this.#shared.leading === this;
  }

  get leader(): string | undefined {
    return this.#shared.leading?.address;
  }

  async settle(): Promise<void> {}

  read(): ReadonlyMap<string, Stored> {
    return this.#shared.groups;
  }

  async readNow(name: string): Promise<Stored | undefined> {
    await this.#node.clock.sleep(1);
    return this.#shared.groups.get(name);
  }

  async compareAndSet(proposal: StateProposal): Promise<SetOutcome> {
    await this.#node.clock.sleep(2);
    const { loses } = this.#shared;
    const outcome = loses === 'before' ? undefined : this.#shared.set(this, proposal);
    await this.#node.clock.sleep(2);
    if (loses !== undefined || outcome === undefined) {
      throw new Failure('unavailable', 'no answer of the store');
    }
    return outcome;
  }

  told(before: GroupState | undefined, after: GroupState | undefined): void {
    if (this.#node.alive) this.onChange(before, after);
  }

  async close(): Promise<void> {}
}

const hosts = ['c1', 'c2'] as const;
const port = 9878;

async function started(seed: string) {
  const world = new SimWorld(seed);
  const shared = new SharedState();
  const controllers: Controller[] = [];
  for (const host of hosts) {
    const node = world.node(host);
    const store = new SharedStore(shared, node, `${host}:${port}`);
    if (host === 'c1') shared.lead(store);
    const values = Object.entries(controllerOptions).map(([name, { default: value }]) => [
      name,
      value,
    ]);
    const options = {
      ...(Object.fromEntries(values) as unknown as ControllerOptions),
      ...{ bindAddress: host, listenPort: port },
    };
    controllers.push(await world.complete(Controller.start(options, node, store)));
  }
  const replicas = ['one', 'two'].map(
    (name) =>
      new TestReplica(world, name, {
        controllerMode: true,
        controllers: hosts.map((host) => ({ host, port })),
      }),
  );
  const [one, two] = replicas as [TestReplica, TestReplica];
  for (const replica of replicas) await replica.start();
  await world.run({ forMs: 5000 });
  return { world, shared, controllers, one, two };
}

async function asked(world: SimWorld, host: string) {
  const client = new RemotingClient({}, world.node('operator'));
  const request = {
    code: RequestCode.CONTROLLER_ELECT_MASTER,
    header: [ElectMaster, { brokerName: 'broker-a' }] as const,
  };
  const response = await world.complete(
    client.request({ host, port }, request, { timeoutMs: 3000 }),
  );
  await world.complete(client.close());
  return response;
}

test('one of two controllers decides; the other one says who does, and goes on in its place', async () => {
  const { world, shared, one, two } = await started('two');
  const refused = await asked(world, 'c2');
  assert.equal(refused.code, ResponseCode.CONTROLLER_NOT_LEADER);
  assert.match(refused.remark ?? '', /c1:9878/);
  const master = one.role === 'master' ? one : two;
  const other = master === one ? two : one;
  assert.equal((await master.client.createTopic('t', 1)).code, 'SUCCESS');
  world.node('c1').crash({ powerLoss: false });
  shared.lead(shared.stores[1]);
  await world.run({ forMs: 3000 });
  assert.equal(master.role, 'master', 'whoever decides now calls nobody dead at once');
  master.crash({ powerLoss: false });
  await world.run({ forMs: 20_000, until: () => other.role === 'master' });
  assert.equal(other.role, 'master');
  assert(await other.client.hasTopic('t'));
  assert.equal(shared.groups.get('broker-a')?.state.epoch, 2);
});

test('the answer to a decision is lost: whether it was made is read, and it is not made twice', async () => {
  for (const loses of ['after', 'before'] as const) {
    const { world, shared, one, two } = await started(`lost ${loses}`);
    const master = one.role === 'master' ? one : two;
    const other = master === one ? two : one;
    shared.loses = loses;
    master.crash({ powerLoss: false });
    await world.run({ forMs: 15_000 });
    const epoch = shared.groups.get('broker-a')?.state.epoch;
    assert.equal(epoch, loses === 'after' ? 2 : 1);
    assert.equal(other.role === 'master', loses === 'after');
    shared.loses = undefined;
    await world.run({ forMs: 5000 });
    assert.equal(other.role, 'master');
    assert.equal(shared.groups.get('broker-a')?.state.epoch, 2);
  }
});

test('a controller that decides no more has its decision refused', async () => {
  const { world, shared, controllers } = await started('deposed');
  const [first, second] = controllers as [Controller, Controller];
  const before = shared.groups.get('broker-a');
  const deciding = first.change('DefaultCluster', 'broker-a', (group) => ({
    state: { ...group, frozen: 'by hand' },
  }));
  shared.lead(shared.stores[1]); // While it is on its way.
  const decision = await world.complete(deciding);
  assert('refused' in decision && decision.refused === ResponseCode.CONTROLLER_NOT_LEADER);
  assert.equal(shared.groups.get('broker-a')?.state.frozen, before?.state.frozen);
  assert.deepEqual([first.isLeading, second.isLeading], [false, true]);
});
