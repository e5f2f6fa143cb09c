import {
  type Address,
  type BrokerId,
  type Clock,
  type Disk,
  Failure,
  formatAddress,
  isFailure,
  type Logger,
  type Network,
  type Random,
  type Timer,
} from '../base/index.ts';
import { dispatch, type RemotingConnection, RemotingServer } from '../remoting/index.ts';
import {
  type GroupViewBody,
  NotifyRoleChanged,
  type ReplicaReportBody,
  RequestCode,
  ResponseCode,
  SyncStateSetBody,
} from '../wire/index.ts';
import { type Decision, type ElectionWish, electMaster, frozenBy } from './decide.ts';
import type { ControllerOptions } from './options.ts';
import { controllerProcessors } from './processors.ts';
import {
  emptyGroup,
  type GroupState,
  isLive,
  type LiveReplica,
  type LiveReplicas,
  replicaOf,
  replicasOf,
} from './state.ts';
import {
  type ControllerStore,
  EmbeddedStore,
  type SetOutcome,
  type StateProposal,
} from './store.ts';
import { viewText } from './view-text.ts';

export interface ControllerPorts {
  readonly network: Network;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly random: Random;
  readonly logger: Logger;
}

interface Live extends LiveReplica {
  readonly heardMs: number;
  readonly connection: RemotingConnection;
  readonly report: ReplicaReportBody;
}

/** What a controller answers that does not decide. */
const anyoneAnswers: ReadonlySet<number> = new Set([
  RequestCode.CONTROLLER_GET_METADATA_INFO,
  RequestCode.GET_CONTROLLER_CONFIG,
]);

const notLeading: Decision = {
  refused: ResponseCode.CONTROLLER_NOT_LEADER,
  remark: 'this controller does not decide any more',
};

const retryMs = 10;

const noReplicas: ReadonlyMap<BrokerId, Live> = new Map();

/**
 * Decides for each broker group who leads and who counts (design section 3). It never sees a message or a topic. What
 * it decides is durable before anybody is told; who lives is known from heartbeats only, and forgotten at its end.
 */
export class Controller {
  readonly options: ControllerOptions;
  /** Resolves with the reason when it can decide nothing durably any more; then the process must end. */
  readonly failed: Promise<Failure>;
  #fail: (failure: Failure) => void = () => {};
  readonly #store: ControllerStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #live = new Map<string, Map<BrokerId, Live>>();
  /** Of each group those who were heard and then called dead. */
  readonly #dead = new Map<string, Set<BrokerId>>();
  /** Since when it decides: before that it may not have heard of anybody. */
  #sinceMs: number;
  /** No other start of a controller has it. */
  readonly #incarnation: string;
  #decisions = 0;
  /** Why groups have no master, as it was last said. */
  readonly #leaderless = new Map<string, string>();
  #server: RemotingServer | undefined;
  #timer: Timer | undefined;
  #stopped: Promise<void> | undefined;

  /** Fails `unavailable`/`addressInUse`, and `corrupt` when its file is damaged. */
  static async start(
    options: ControllerOptions,
    ports: ControllerPorts,
    shared?: ControllerStore,
  ): Promise<Controller> {
    const logger = ports.logger.child('controller');
    const store = shared ?? (await EmbeddedStore.open(options.storePath, ports.disk));
    if (options.isNew) await store.settle();
    const { clock, network, random } = ports;
    const controller = new Controller(options, store, { clock, random, logger });
    await controller.#listen({ clock, network, logger });
    return controller;
  }

  private constructor(
    options: ControllerOptions,
    store: ControllerStore,
    ports: { readonly clock: Clock; readonly random: Random; readonly logger: Logger },
  ) {
    this.options = options;
    this.#store = store;
    this.#clock = ports.clock;
    this.#logger = ports.logger;
    this.#sinceMs = ports.clock.monotonicMs();
    this.#incarnation = Buffer.from(ports.random.bytes(8)).toString('hex');
    store.onLeading = () => this.#leads();
    store.onChange = (before, after) => this.#changed(before, after);
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  get address(): Address {
    if (this.#server === undefined) throw new Error('the controller does not listen yet');
    return this.#server.address;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  group(name: string): GroupState | undefined {
    return this.#store.read().get(name)?.state;
  }

  groups(): readonly GroupState[] {
    return [...this.#store.read().values()].map(({ state }) => state);
  }

  live(name: string): LiveReplicas {
    return this.#live.get(name) ?? noReplicas;
  }

  /** Whether it decides; where several share a store, one of them does. */
  get isLeading(): boolean {
    return this.#store.isLeading;
  }

  /** Where the one that decides listens, as far as it is known. */
  get leader(): string | undefined {
    return this.isLeading ? formatAddress(this.address) : this.#store.leader;
  }

  now(): ReturnType<Clock['now']> {
    return this.#clock.now();
  }

  /** Changes a group by a decision that is made against what is stored, and tells who must know. */
  async change(
    cluster: string,
    name: string,
    decide: (group: GroupState) => Decision,
  ): Promise<Decision> {
    for (;;) {
      if (!this.isLeading) return notLeading;
      const stored = this.#store.read().get(name);
      const before = stored?.state ?? emptyGroup(cluster, name);
      const decision = decide(before);
      const after = decision.state;
      if (after === undefined || after === before) return decision;
      const state = after.replicas.length === 0 ? undefined : after;
      const id = `${this.#incarnation}-${++this.#decisions}`;
      const revision = stored?.revision ?? 0;
      const outcome = await this.#set({ name, revision, decision: id, state });
      if (outcome === 'set') return decision;
      // A store that is shared tells soon what another controller did.
      if (outcome === 'changed' && this.#store.read().get(name)?.revision === stored?.revision) {
        await this.#clock.sleep(retryMs);
      }
    }
  }

  async #set(proposal: StateProposal): Promise<SetOutcome> {
    try {
      return await this.#store.compareAndSet(proposal);
    } catch (error) {
      this.#checkStore();
      if (!isFailure(error, 'unavailable')) throw error;
      const stored = await this.#store.readNow(proposal.name);
      if (stored?.decision !== proposal.decision) throw error;
      return 'set';
    }
  }

  /** Whoever was heard by another controller must be heard here, before anybody is called dead. */
  #leads(): void {
    this.#live.clear();
    this.#dead.clear();
    this.#leaderless.clear();
    this.#sinceMs = this.#clock.monotonicMs();
    this.#logger.info(this.isLeading ? 'this controller decides' : 'another controller decides');
  }

  #changed(before: GroupState | undefined, after: GroupState | undefined): void {
    if (after === undefined) {
      this.#logger.warn('a group is forgotten', { group: before?.name });
      return;
    }
    const known = before ?? emptyGroup(after.cluster, after.name);
    this.#logChange(known, after);
    this.#notify(after, known);
  }

  #checkStore(): void {
    const { failure } = this.#store;
    if (failure !== undefined) this.#fail(failure);
  }

  /** A replica registered or sent a heartbeat over this connection. */
  heard(
    name: string,
    id: BrokerId,
    connection: RemotingConnection,
    report: ReplicaReportBody,
  ): void {
    const { incarnation, complete, lastEpoch, end } = report;
    const replicas = this.#live.get(name) ?? new Map<BrokerId, Live>();
    this.#live.set(name, replicas);
    const heardMs = this.#clock.monotonicMs();
    replicas.set(id, { incarnation, complete, lastEpoch, end, heardMs, connection, report });
    this.#dead.get(name)?.delete(id);
  }

  /** Rule 12, at each heartbeat. */
  async checkHistory(name: string, id: BrokerId, report: ReplicaReportBody): Promise<void> {
    const group = this.group(name);
    if (group === undefined || frozenBy(group, id, report, this.now()) === group) return;
    await this.change(group.cluster, name, (state) => ({
      state: frozenBy(state, id, report, this.now()),
    }));
  }

  /** What live replicas said last, for a group that is taken out of its freeze. */
  reports(group: GroupState): ReadonlyMap<BrokerId, ReplicaReportBody> {
    const live = this.#live.get(group.name) ?? noReplicas;
    const there = [...live].filter(([id]) => isLive(group, live, id));
    return new Map(there.map(([id, { report }]) => [id, report]));
  }

  async elect(group: GroupState, wish: ElectionWish): Promise<Decision> {
    return await this.change(group.cluster, group.name, (state) => {
      if (this.#mayBeForgotten(state) && wish.unclean !== true) return this.#refuseEarly(state);
      return electMaster(state, this.live(group.name), wish, this.now());
    });
  }

  /** Elects, if the group has no master that lives, and if it may be said who is dead. */
  async review(name: string): Promise<void> {
    const group = this.group(name);
    if (group === undefined || group.frozen !== undefined || !this.isLeading) return;
    const live = this.live(name);
    if (this.#isLed(group, live)) return;
    const areAllThere = group.set.every((id) => isLive(group, live, id));
    if (this.#mayBeForgotten(group) || (this.#isEarly && !areAllThere)) return;
    const reason = this.#whyElect(group);
    const decision = await this.elect(group, { reason, unclean: this.options.electUnclean });
    this.#sayLeaderless(name, 'refused' in decision ? decision.remark : undefined);
  }

  /** Once for each reason: it is looked at again and again. */
  #sayLeaderless(name: string, why: string | undefined): void {
    if (this.#leaderless.get(name) === why) return;
    if (why === undefined) this.#leaderless.delete(name);
    else {
      this.#leaderless.set(name, why);
      this.#logger.warn('nobody leads', { group: name, why });
    }
  }

  /** What replicas of a group are told. */
  view(group: GroupState): GroupViewBody {
    const live = this.live(group.name);
    const mayLead = this.#isLed(group, live) || this.#isMasterUnheard(group, live);
    const master =
      group.master !== undefined && mayLead ? replicaOf(group, group.master) : undefined;
    return {
      epoch: group.epoch,
      setEpoch: group.setEpoch,
      set: group.set,
      dead: group.set.filter((id) => !isLive(group, live, id) && this.#isCalledDead(group, id)),
      lossy: group.replicas.filter(({ lossy }) => lossy).map(({ id }) => id),
      replicas: replicasOf(group),
      master: master && {
        broker: master.id,
        incarnation: group.masterIncarnation,
        address: master.address,
        haAddress: master.haAddress,
      },
      frozen: group.frozen,
    };
  }

  /** It has not listened for long enough to call those dead of whom it did not hear. */
  get #isEarly(): boolean {
    return this.#earlyForMs > 0;
  }

  get #earlyForMs(): number {
    return this.#sinceMs + this.options.heartbeatTimeoutMs - this.#clock.monotonicMs();
  }

  /** A group without a history may have one that was lost here: whoever knows of it must have been heard. */
  #mayBeForgotten({ epoch }: GroupState): boolean {
    return epoch === 0 && !this.#store.isSettled && this.#isEarly;
  }

  #refuseEarly({ name }: GroupState): Decision {
    const remark =
      `this controller is new, or has lost its file: it waits ${Math.ceil(this.#earlyForMs / 1000)} s more for ` +
      `replicas of ${name} whose history it may have forgotten`;
    return { refused: ResponseCode.CONTROLLER_ELECT_MASTER_FAILED, remark };
  }

  #isCalledDead({ name }: GroupState, id: BrokerId): boolean {
    return !this.#isEarly || this.#dead.get(name)?.has(id) === true;
  }

  /** Its followers must not leave a master because this controller started: it may lead on, until it is called dead. */
  #isMasterUnheard(group: GroupState, live: LiveReplicas): boolean {
    const { master, frozen } = group;
    if (frozen !== undefined || master === undefined || live.has(master)) return false;
    return !this.#isCalledDead(group, master);
  }

  #isLed(group: GroupState, live: LiveReplicas): boolean {
    const { master, masterIncarnation } = group;
    return (
      group.frozen === undefined &&
      master !== undefined &&
      isLive(group, live, master) &&
      live.get(master)?.incarnation === masterIncarnation
    );
  }

  #whyElect({ master, epoch, masterIncarnation, replicas }: GroupState): string {
    if (epoch === 0) return 'the first master of the group';
    const known = replicas.find(({ id }) => id === master);
    if (known === undefined) return 'the group had no master';
    return known.incarnation === masterIncarnation
      ? `broker ${known.id} is dead`
      : `broker ${known.id} has started again`;
  }

  async #listen(ports: Omit<ControllerPorts, 'disk' | 'random'>): Promise<void> {
    const { bindAddress, listenPort, scanIntervalMs } = this.options;
    const processors = controllerProcessors(this);
    this.#server = await RemotingServer.listen(
      { at: { host: bindAddress, port: listenPort } },
      ports,
      {
        handle: (connection, request) => {
          if (this.isLeading || anyoneAnswers.has(request.code)) {
            dispatch(processors, connection, request);
          } else {
            connection.answer(request, {
              code: ResponseCode.CONTROLLER_NOT_LEADER,
              remark: `this controller does not decide; ${this.leader ?? 'nobody is known to'}`,
            });
          }
        },
        closed: (connection) => this.#closed(connection),
      },
    );
    this.#watch(scanIntervalMs);
    this.#logger.info('the controller listens', {
      address: formatAddress(this.address),
      groups: this.groups().length,
      store: this.#store.description,
    });
    if (!this.#store.isSettled) {
      this.#logger.warn('this controller has no file: it is new, or has lost it', {
        firstElectionsAfterMs: this.options.heartbeatTimeoutMs,
        hint: 'controllerIsNew=true, for the first start only, saves the wait',
      });
    }
  }

  #watch(intervalMs: number): void {
    this.#timer = this.#clock.setTimer(intervalMs, () => {
      const dueMs = this.#clock.monotonicMs() - this.options.heartbeatTimeoutMs;
      for (const [name, replicas] of this.#live) {
        for (const [id, { heardMs }] of replicas) {
          if (heardMs < dueMs) this.#died(name, id, 'it sent no heartbeat');
        }
      }
      for (const { name } of this.groups()) this.#reviewSoon(name);
      if (this.#sinceMs < dueMs) this.#settleSoon();
      this.#watch(intervalMs);
    });
  }

  #closed(connection: RemotingConnection): void {
    for (const [name, replicas] of this.#live) {
      for (const [id, live] of replicas) {
        if (live.connection === connection) this.#died(name, id, 'its connection closed');
      }
    }
  }

  #died(name: string, id: BrokerId, why: string): void {
    this.#live.get(name)?.delete(id);
    const dead = this.#dead.get(name) ?? new Set();
    this.#dead.set(name, dead.add(id));
    this.#logger.warn('a replica is dead', { group: name, broker: id, why });
    const group = this.group(name);
    // The leader need not wait for it any longer.
    if (group !== undefined) this.#tell(group);
    this.#reviewSoon(name);
  }

  #reviewSoon(name: string): void {
    this.review(name).catch((error: unknown) => {
      if (!(error instanceof Failure)) throw error;
      this.#logger.error('a decision could not be made durable', { group: name, error });
    });
  }

  /** Whoever had a history has been heard: from now on a group without one is a new group. */
  #settleSoon(): void {
    this.#store.settle().catch((error: unknown) => {
      if (!(error instanceof Failure)) throw error;
      this.#logger.error('the file of the controller cannot be written', { error });
      this.#checkStore();
    });
  }

  #notify(group: GroupState, before: GroupState): void {
    const isNews =
      group.epoch !== before.epoch ||
      group.setEpoch !== before.setEpoch ||
      group.frozen !== before.frozen;
    if (isNews) this.#tell(group);
  }

  #tell(group: GroupState): void {
    const { master, epoch, setEpoch, set, name } = group;
    const body = SyncStateSetBody.encode({ syncStateSet: set, syncStateSetEpoch: setEpoch });
    for (const { connection } of this.#live.get(name)?.values() ?? []) {
      if (!connection.isUsable) continue;
      connection.oneway({
        code: RequestCode.NOTIFY_BROKER_ROLE_CHANGED,
        header: [
          NotifyRoleChanged,
          {
            masterAddress: master === undefined ? undefined : replicaOf(group, master)?.address,
            masterEpoch: epoch,
            syncStateSetEpoch: setEpoch,
            masterBrokerId: master,
            groupView: viewText(this.view(group)),
          },
        ],
        body,
      });
    }
  }

  #logChange(before: GroupState, after: GroupState): void {
    for (const entry of after.history.slice(-3)) {
      if (before.history.includes(entry)) continue;
      const { what, epoch, setEpoch, master, set, reason } = entry;
      const level = what === 'frozen' ? 'error' : 'info';
      this.#logger[level]('a decision', {
        ...{ group: after.name, what, epoch, setEpoch, master: master ?? 'nobody', set, reason },
      });
    }
  }

  async #stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#server?.stop();
    await this.#store.close();
  }
}
