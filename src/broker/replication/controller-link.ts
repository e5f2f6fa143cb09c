import {
  type Address,
  type BrokerId,
  brokerId,
  type Clock,
  type Disk,
  describeError,
  epoch as epochOf,
  Failure,
  formatAddress,
  isFailure,
  type Logger,
  type Network,
  parseAddress,
  type Random,
  type Timer,
} from '../../base/index.ts';
import { readChecksummed, replaceChecksummed } from '../../log/index.ts';
import { RemotingClient } from '../../remoting/index.ts';
import {
  AlterSyncStateSet,
  ApplyBrokerId,
  BrokerHeartbeat,
  ClearLossy,
  ElectMaster,
  GetNextBrokerId,
  GetNextBrokerIdResponse,
  GroupViewBody,
  type IncomingCommand,
  NotifyRoleChanged,
  RegisterReplica,
  ReplicaReportBody,
  RequestCode,
  ResponseCode,
  SyncStateSetBody,
} from '../../wire/index.ts';
import type {
  GroupAuthority,
  GroupView,
  ProposalOutcome,
  ReplicaReport,
  SetProposal,
} from './authority.ts';

export interface ControllerLinkOptions {
  readonly clusterName: string;
  readonly brokerName: string;
  readonly controllers: readonly Address[];
  readonly heartbeatMs: number;
  readonly storePath: string;
  /** For clients. */
  readonly address: Address;
}

export interface ControllerLinkPorts {
  readonly network: Network;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly random: Random;
  readonly logger: Logger;
}

const requestTimeoutMs = 3000;
const retryMs = 500;
/** Protocol rule 13: from the sending of the last heartbeat that was answered. */
const leaseMs = 6000;
const identityFile = 'brokerIdentity';

/**
 * A broker's side of its controllers: gets it an id, registers each of its starts, and tells it who leads. Brokers go on
 * as they are while no controller answers.
 */
export class ControllerLink implements GroupAuthority {
  onView: (view: GroupView) => void = () => {};
  readonly #options: ControllerLinkOptions;
  readonly #ports: ControllerLinkPorts;
  readonly #client: RemotingClient;
  #self: BrokerId = brokerId(0);
  #view: GroupView | undefined;
  #report: () => ReplicaReport = () => {
    throw new Error('the link was not started');
  };
  #haAddress = '';
  #checkCode = '';
  #isRegistered = false;
  #current = 0;
  #timer: Timer | undefined;
  #isStopped = false;
  #isBusy = false;
  /** Something is to be told that the exchange under way may not say. */
  #mustTell = false;
  #isFailing = false;
  /** Monotonic; until then this node may believe that it still leads. */
  leaseUntilMs = 0;

  constructor(options: ControllerLinkOptions, ports: ControllerLinkPorts) {
    this.#options = options;
    this.#ports = ports;
    const handle = (_connection: unknown, request: IncomingCommand): void => {
      if (request.code === RequestCode.NOTIFY_BROKER_ROLE_CHANGED) this.#notified(request);
    };
    this.#client = new RemotingClient({ handler: { handle, closed: () => {} } }, ports);
  }

  get view(): GroupView | undefined {
    return this.#view;
  }

  /** The id of this replica, which it keeps for good; waits for a controller if it has none yet. */
  async identify(): Promise<BrokerId> {
    const { clusterName, brokerName, storePath } = this.#options;
    const { disk, clock, logger, random } = this.#ports;
    await disk.makeFolder(storePath);
    const path = `${storePath}/${identityFile}`;
    const known = await readChecksummed(disk, path);
    if (known !== undefined) {
      const [cluster, name, id, checkCode = ''] = known.split('#');
      if (cluster !== clusterName || name !== brokerName) {
        const mine = `${clusterName}/${brokerName}`;
        throw new Failure('invalid', `${path} is of ${cluster}/${name}, not of ${mine}`);
      }
      this.#self = brokerId(Number(id));
      this.#checkCode = checkCode;
      return this.#self;
    }
    // Goes with the id from now on: so a repeated request is known for what it is, and who got the id for who it is.
    this.#checkCode = Buffer.from(random.bytes(8)).toString('hex');
    for (;;) {
      try {
        const id = await this.#newId();
        const line = [clusterName, brokerName, id, this.#checkCode].join('#');
        await replaceChecksummed(disk, path, line);
        this.#self = id;
        return id;
      } catch (error) {
        if (!isFailure(error, 'unavailable')) throw error;
        this.#failing(error);
        if (this.#isStopped) throw error;
        logger.debug('no id yet', { error });
        await clock.sleep(retryMs);
      }
    }
  }

  /** Registers this start and goes on with heartbeats, until `stop`. */
  start(report: () => ReplicaReport, haAddress: Address): void {
    this.#report = report;
    this.#haAddress = formatAddress(haAddress);
    this.#beat();
  }

  /** What the replica says of itself has changed in a way that elections depend on. */
  reportNow(): void {
    if (this.#isStopped) return;
    this.#mustTell = this.#isBusy;
    void this.#exchange();
  }

  async proposeSet(proposal: SetProposal): Promise<ProposalOutcome> {
    const { brokerName } = this.#options;
    let response: IncomingCommand;
    try {
      response = await this.#ask({
        code: RequestCode.CONTROLLER_ALTER_SYNC_STATE_SET,
        header: [
          AlterSyncStateSet,
          {
            brokerName,
            masterBrokerId: this.#self,
            masterEpoch: proposal.epoch,
            reason: proposal.reason,
          },
        ],
        body: SyncStateSetBody.encode({
          syncStateSet: proposal.set,
          syncStateSetEpoch: proposal.setEpoch,
        }),
      });
    } catch (error) {
      if (!isFailure(error, 'unavailable')) throw error;
      return 'unknown';
    }
    if (response.code !== ResponseCode.SUCCESS) {
      return { refused: response.remark ?? `code ${response.code}` };
    }
    const view = this.#take(response.text('groupView'));
    return view === undefined ? 'unknown' : { confirmed: view };
  }

  async clearLossy(member: BrokerId, incarnation: string): Promise<boolean> {
    const view = this.#view;
    if (view === undefined) return false;
    const { brokerName } = this.#options;
    const header = {
      ...{ brokerName, brokerId: member, incarnation },
      masterBrokerId: this.#self,
      masterEpoch: view.epoch,
    };
    try {
      const response = await this.#ask({
        code: RequestCode.CONTROLLER_CLEAR_LOSSY,
        header: [ClearLossy, header],
      });
      return response.code === ResponseCode.SUCCESS;
    } catch (error) {
      if (!isFailure(error, 'unavailable')) throw error;
      return false;
    }
  }

  /** A planned change of the master. `unknown`: it may have been decided. */
  async elect(target: BrokerId): Promise<'elected' | 'unknown' | { readonly refused: string }> {
    const { clusterName, brokerName } = this.#options;
    const header = { clusterName, brokerName, brokerId: target, designateElect: true };
    try {
      const response = await this.#ask({
        code: RequestCode.CONTROLLER_ELECT_MASTER,
        header: [ElectMaster, header],
      });
      if (response.code === ResponseCode.SUCCESS) return 'elected';
      return { refused: response.remark ?? `code ${response.code}` };
    } catch (error) {
      if (!isFailure(error, 'unavailable')) throw error;
      return 'unknown';
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#client.close();
  }

  async #newId(): Promise<BrokerId> {
    const { clusterName, brokerName } = this.#options;
    const names = { clusterName, brokerName };
    const next = await this.#ask({
      code: RequestCode.CONTROLLER_GET_NEXT_BROKER_ID,
      header: [GetNextBrokerId, names],
    });
    const { nextBrokerId } = GetNextBrokerIdResponse.decode(next);
    const applied = await this.#ask({
      code: RequestCode.CONTROLLER_APPLY_BROKER_ID,
      header: [
        ApplyBrokerId,
        { ...names, appliedBrokerId: nextBrokerId, registerCheckCode: this.#checkCode },
      ],
    });
    if (applied.code === ResponseCode.SUCCESS) return nextBrokerId;
    throw new Failure('unavailable', applied.remark ?? `code ${applied.code}`);
  }

  #beat(): void {
    if (this.#isStopped) return;
    void this.#exchange();
    this.#timer = this.#ports.clock.setTimer(this.#options.heartbeatMs, () => this.#beat());
  }

  /** One at a time; never rejects. */
  async #exchange(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    const sentMs = this.#ports.clock.monotonicMs();
    try {
      if (!this.#isRegistered) await this.#register();
      await this.#heartbeat();
      this.leaseUntilMs = sentMs + leaseMs;
      if (this.#isFailing) this.#ports.logger.info('a controller answers again');
      this.#isFailing = false;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#failing(error);
    } finally {
      this.#isBusy = false;
    }
    if (this.#mustTell) {
      this.#mustTell = false;
      this.reportNow();
    }
  }

  #failing(error: Failure): void {
    if (this.#isFailing || this.#isStopped) return;
    this.#isFailing = true;
    const isRefused = isFailure(error, 'invalid');
    const what = isRefused ? 'the controller refuses this broker' : 'no controller answers';
    this.#ports.logger[isRefused ? 'error' : 'warn'](`${what}; it goes on as it is`, {
      controllers: this.#options.controllers.map(formatAddress),
      reason: describeError(error),
    });
  }

  async #register(): Promise<void> {
    const { clusterName, brokerName, address } = this.#options;
    const response = await this.#ask({
      code: RequestCode.CONTROLLER_REGISTER_BROKER,
      header: [
        RegisterReplica,
        {
          ...{ clusterName, brokerName, brokerId: this.#self },
          brokerAddress: formatAddress(address),
          checkCode: this.#checkCode,
          replicaReport: this.#reportText(),
        },
      ],
    });
    if (response.code !== ResponseCode.SUCCESS) {
      throw new Failure('invalid', response.remark ?? `code ${response.code}`);
    }
    this.#isRegistered = true;
    this.#take(response.text('groupView'));
  }

  async #heartbeat(): Promise<void> {
    const { clusterName, brokerName, address } = this.#options;
    const response = await this.#ask({
      code: RequestCode.BROKER_HEARTBEAT,
      header: [
        BrokerHeartbeat,
        {
          ...{ clusterName, brokerName, brokerId: this.#self },
          brokerAddr: formatAddress(address),
          replicaReport: this.#reportText(),
        },
      ],
    });
    if (response.code === ResponseCode.CONTROLLER_BROKER_NEED_TO_BE_REGISTERED) {
      this.#isRegistered = false;
      throw new Failure('unavailable', 'the controller does not know this start any more');
    }
    if (response.code !== ResponseCode.SUCCESS) {
      throw new Failure('invalid', response.remark ?? `code ${response.code}`);
    }
    this.#take(response.text('groupView'));
  }

  #reportText(): string {
    const body = ReplicaReportBody.encode({ ...this.#report(), haAddress: this.#haAddress });
    return new TextDecoder().decode(body);
  }

  #notified(request: IncomingCommand): void {
    this.#take(NotifyRoleChanged.decode(request).groupView);
  }

  /** Older views than the one that is known say nothing. */
  #take(text: string | undefined): GroupView | undefined {
    if (text === undefined) return undefined;
    const body = GroupViewBody.decode(new TextEncoder().encode(text));
    const { master, frozen } = body;
    const haAddress = master && parseAddress(master.haAddress);
    const view: GroupView = {
      epoch: epochOf(body.epoch),
      setEpoch: body.setEpoch,
      set: body.set,
      dead: body.dead,
      lossy: body.lossy,
      replicas: body.replicas,
      frozen,
      master:
        master === undefined || haAddress === undefined
          ? undefined
          : {
              broker: master.broker,
              incarnation: master.incarnation,
              address: parseAddress(master.address),
              haAddress,
            },
    };
    const known = this.#view;
    const isOlder =
      known !== undefined &&
      (view.epoch < known.epoch || (view.epoch === known.epoch && view.setEpoch < known.setEpoch));
    if (isOlder) return known;
    const isSame = known !== undefined && JSON.stringify(known) === JSON.stringify(view);
    this.#view = view;
    if (!isSame) this.onView(view);
    return view;
  }

  /** The controller that answered last is asked first; then the others, once each. */
  async #ask(request: Parameters<RemotingClient['request']>[1]): Promise<IncomingCommand> {
    const { controllers } = this.#options;
    let failure: Failure | undefined;
    for (let tried = 0; tried < controllers.length; tried++) {
      const index = (this.#current + tried) % controllers.length;
      const at = controllers[index] as Address;
      try {
        const response = await this.#client.request(at, request, { timeoutMs: requestTimeoutMs });
        if (response.code === ResponseCode.CONTROLLER_NOT_LEADER) continue;
        this.#current = index;
        return response;
      } catch (error) {
        if (!isFailure(error, 'unavailable')) throw error;
        failure = error;
        // Its connection may have been to another process.
        this.#isRegistered = false;
      }
    }
    throw failure ?? new Failure('unavailable', 'no controller leads');
  }
}
