import { type BrokerId, brokerId, formatAddress } from '../base/index.ts';
import {
  type Answer,
  handleAsync,
  type Processor,
  type RemotingConnection,
  type RequestTable,
} from '../remoting/index.ts';
import {
  AlterSyncStateSet,
  AlterSyncStateSetResponse,
  ApplyBrokerId,
  BrokerHeartbeat,
  CleanBrokerData,
  ClearLossy,
  ControllerMetadata,
  ElectMaster,
  ElectMasterBody,
  ElectMasterResponse,
  GetNextBrokerId,
  GetNextBrokerIdResponse,
  GetReplicaInfo,
  GetReplicaInfoResponse,
  GroupHistory,
  type IncomingCommand,
  RecoverGroup,
  RegisterReplica,
  RegisterReplicaResponse,
  RequestCode,
  ResponseCode,
  SyncStateData,
  SyncStateSetBody,
} from '../wire/index.ts';
import type { Controller } from './controller.ts';
import {
  alterSet,
  applyBrokerId,
  cleanReplicas,
  clearLossy,
  type Decision,
  electMaster,
  recoverGroup,
  registerReplica,
} from './decide.ts';
import { type GroupState, isLive, replicaOf } from './state.ts';
import { readReport, viewText } from './view-text.ts';

const ok: Answer = { code: ResponseCode.SUCCESS };

/** What a controller answers. Source: `ControllerRequestProcessor`. */
export function controllerProcessors(controller: Controller): RequestTable {
  const eventually =
    (answer: (request: IncomingCommand, from: RemotingConnection) => Promise<Answer>): Processor =>
    (connection, request) =>
      handleAsync(connection, request, () => answer(request, connection));
  return new Map<number, Processor>([
    [RequestCode.CONTROLLER_ALTER_SYNC_STATE_SET, eventually((r) => alter(controller, r))],
    [RequestCode.CONTROLLER_ELECT_MASTER, eventually((r) => elect(controller, r))],
    [
      RequestCode.CONTROLLER_REGISTER_BROKER,
      eventually((r, from) => register(controller, r, from)),
    ],
    [RequestCode.CONTROLLER_GET_REPLICA_INFO, (c, r) => c.answer(r, replicaInfo(controller, r))],
    [RequestCode.CONTROLLER_GET_METADATA_INFO, (c, r) => c.answer(r, metadata(controller))],
    [RequestCode.CONTROLLER_GET_SYNC_STATE_DATA, (c, r) => c.answer(r, syncStates(controller, r))],
    [RequestCode.GET_CONTROLLER_CONFIG, (c, r) => c.answer(r, configuration(controller))],
    [RequestCode.CLEAN_BROKER_DATA, eventually((r) => clean(controller, r))],
    [RequestCode.CONTROLLER_GET_NEXT_BROKER_ID, (c, r) => c.answer(r, nextId(controller, r))],
    [RequestCode.CONTROLLER_APPLY_BROKER_ID, eventually((r) => applyId(controller, r))],
    [RequestCode.BROKER_HEARTBEAT, eventually((r, from) => heartbeat(controller, r, from))],
    [RequestCode.CONTROLLER_CLEAR_LOSSY, eventually((r) => clear(controller, r))],
    [RequestCode.CONTROLLER_RECOVER_GROUP, eventually((r) => recover(controller, r))],
    [RequestCode.CONTROLLER_GET_HISTORY, (c, r) => c.answer(r, history(controller, r))],
  ]);
}

const unknownGroup = (name: string): Answer => ({
  code: ResponseCode.CONTROLLER_BROKER_METADATA_NOT_EXIST,
  remark: `no broker of the group ${name} ever registered`,
});

async function alter(controller: Controller, request: IncomingCommand): Promise<Answer> {
  const { brokerName, masterBrokerId, masterEpoch, reason } = AlterSyncStateSet.decode(request);
  const { syncStateSet, syncStateSetEpoch } = SyncStateSetBody.decode(request.body);
  const known = controller.group(brokerName);
  if (known === undefined) return unknownGroup(brokerName);
  const change = {
    master: masterBrokerId,
    epoch: masterEpoch,
    setEpoch: syncStateSetEpoch,
    set: syncStateSet,
    reason: reason ?? `asked for by broker ${masterBrokerId}`,
  };
  const decision = await controller.change(known.cluster, brokerName, (group) =>
    alterSet(group, controller.live(brokerName), change, controller.now()),
  );
  if ('refused' in decision) return { code: decision.refused, remark: decision.remark };
  const { setEpoch, set } = decision.state;
  const groupView = viewText(controller.view(decision.state));
  return {
    code: ResponseCode.SUCCESS,
    header: [AlterSyncStateSetResponse, { newSyncStateSetEpoch: setEpoch, groupView }],
    body: SyncStateSetBody.encode({ syncStateSet: set, syncStateSetEpoch: setEpoch }),
  };
}

/** Of an operator, with a broker that shall lead, or of a broker that finds no master. */
async function elect(controller: Controller, request: IncomingCommand): Promise<Answer> {
  const { brokerName, brokerId: by, designateElect } = ElectMaster.decode(request);
  const group = controller.group(brokerName);
  if (group === undefined) {
    return {
      code: ResponseCode.CONTROLLER_BROKER_NEED_TO_BE_REGISTERED,
      remark: `no broker of the group ${brokerName} ever registered`,
    };
  }
  const designate = designateElect === true && by !== undefined && by >= 0 ? by : undefined;
  const reason = designate === undefined ? 'asked for' : `an operator wants broker ${designate}`;
  const decision = await controller.elect(group, { by, designate, reason });
  const now = controller.group(brokerName) ?? group;
  const isRefused = 'refused' in decision;
  return {
    code: isRefused ? decision.refused : ResponseCode.SUCCESS,
    remark: isRefused ? decision.remark : undefined,
    header: [
      ElectMasterResponse,
      {
        masterBrokerId: now.master,
        masterAddress: masterAddress(now),
        masterEpoch: now.epoch,
        syncStateSetEpoch: now.setEpoch,
      },
    ],
    body: ElectMasterBody.encode({
      brokerMemberGroup: {
        cluster: now.cluster,
        brokerName,
        brokerAddrs: new Map(now.replicas.map(({ id, address }) => [String(id), address])),
      },
      syncStateSet: now.set,
    }),
  };
}

async function register(
  controller: Controller,
  request: IncomingCommand,
  from: RemotingConnection,
): Promise<Answer> {
  const fields = RegisterReplica.decode(request);
  const { clusterName, brokerName, brokerId: id, brokerAddress, replicaReport } = fields;
  if (replicaReport === undefined) {
    const remark =
      'replicas of RocketMQ cannot take part in this group: they do not say what they hold';
    return { code: ResponseCode.CONTROLLER_INVALID_REQUEST, remark };
  }
  const report = readReport(replicaReport);
  const known = controller.group(brokerName);
  if (known !== undefined && known.cluster !== clusterName) {
    const remark = `the group ${brokerName} belongs to the cluster ${known.cluster}`;
    return { code: ResponseCode.CONTROLLER_INVALID_REQUEST, remark };
  }
  const registration = {
    ...{ id, report, address: brokerAddress },
    checkCode: fields.checkCode ?? '',
  };
  const decision = await controller.change(clusterName, brokerName, (group) =>
    registerReplica(group, registration, controller.now()),
  );
  if ('refused' in decision) return { code: decision.refused, remark: decision.remark };
  controller.heard(brokerName, id, from, report);
  await controller.review(brokerName);
  const group = controller.group(brokerName) ?? decision.state;
  const view = controller.view(group);
  return {
    code: ResponseCode.SUCCESS,
    header: [
      RegisterReplicaResponse,
      {
        clusterName,
        brokerName,
        masterBrokerId: view.master?.broker,
        masterAddress: view.master?.address,
        masterEpoch: group.epoch,
        syncStateSetEpoch: group.setEpoch,
        groupView: viewText(view),
      },
    ],
    body: SyncStateSetBody.encode({ syncStateSet: group.set, syncStateSetEpoch: group.setEpoch }),
  };
}

async function heartbeat(
  controller: Controller,
  request: IncomingCommand,
  from: RemotingConnection,
): Promise<Answer> {
  const { brokerName, brokerId: id, replicaReport } = BrokerHeartbeat.decode(request);
  if (id === undefined || replicaReport === undefined) return ok;
  const group = controller.group(brokerName);
  const report = readReport(replicaReport);
  if (group === undefined || replicaOf(group, id)?.incarnation !== report.incarnation) {
    return {
      code: ResponseCode.CONTROLLER_BROKER_NEED_TO_BE_REGISTERED,
      remark: `this start of broker ${id} has not registered`,
    };
  }
  const wasLive = isLive(group, controller.live(brokerName), id);
  controller.heard(brokerName, id, from, report);
  await controller.checkHistory(brokerName, id, report);
  if (!wasLive) await controller.review(brokerName);
  const now = controller.group(brokerName) ?? group;
  return { code: ResponseCode.SUCCESS, extFields: { groupView: viewText(controller.view(now)) } };
}

function replicaInfo(controller: Controller, request: IncomingCommand): Answer {
  const { brokerName } = GetReplicaInfo.decode(request);
  const group = controller.group(brokerName);
  if (group === undefined) return unknownGroup(brokerName);
  return {
    code: ResponseCode.SUCCESS,
    header: [
      GetReplicaInfoResponse,
      {
        masterBrokerId: group.master,
        masterAddress: masterAddress(group),
        masterEpoch: group.epoch,
        groupView: viewText(controller.view(group)),
      },
    ],
    body: SyncStateSetBody.encode({ syncStateSet: group.set, syncStateSetEpoch: group.setEpoch }),
  };
}

function metadata(controller: Controller): Answer {
  const header = {
    group: 'holdfast',
    controllerLeaderId: 'n0',
    controllerLeaderAddress: controller.leader ?? '',
    isLeader: controller.isLeading,
    peers: `n0:${formatAddress(controller.address)}`,
  };
  return { code: ResponseCode.SUCCESS, header: [ControllerMetadata, header] };
}

function syncStates(controller: Controller, request: IncomingCommand): Answer {
  const wanted = JSON.parse(new TextDecoder().decode(request.body)) as unknown;
  if (!Array.isArray(wanted)) {
    return {
      code: ResponseCode.CONTROLLER_INVALID_REQUEST,
      remark: 'the body is no list of names',
    };
  }
  const table = new Map(
    wanted.flatMap((name: unknown) => {
      const group = controller.group(String(name));
      if (group === undefined) return [];
      const live = controller.live(group.name);
      const identities = group.replicas.map(({ id, address }) => ({
        ...{ brokerName: group.name, brokerId: id, brokerAddress: address },
        alive: isLive(group, live, id),
      }));
      const info = {
        masterBrokerId: group.master ?? brokerId(-1),
        masterAddress: masterAddress(group),
        masterEpoch: group.epoch,
        syncStateSetEpoch: group.setEpoch,
        inSyncReplicas: identities.filter(({ brokerId: id }) => group.set.includes(id)),
        notInSyncReplicas: identities.filter(({ brokerId: id }) => !group.set.includes(id)),
      };
      return [[group.name, info] as const];
    }),
  );
  return { code: ResponseCode.SUCCESS, body: SyncStateData.encode({ replicasInfoTable: table }) };
}

function configuration({ options }: Controller): Answer {
  const lines = [
    `listenPort=${options.listenPort}`,
    `controllerStorePath=${options.storePath}`,
    `controllerHeartBeatTimeoutMills=${options.heartbeatTimeoutMs}`,
    `scanNotActiveBrokerInterval=${options.scanIntervalMs}`,
    `enableElectUncleanMaster=${options.electUnclean}`,
  ];
  return { code: ResponseCode.SUCCESS, body: Buffer.from(`${lines.join('\n')}\n`) };
}

async function clean(controller: Controller, request: IncomingCommand): Promise<Answer> {
  const fields = CleanBrokerData.decode(request);
  const group = controller.group(fields.brokerName);
  if (group === undefined) return unknownGroup(fields.brokerName);
  const ids = (fields.brokerControllerIdsToClean ?? '')
    .split(';')
    .filter((text) => text.trim() !== '')
    .map((text) => brokerId(Number(text)));
  const wanted: readonly BrokerId[] = ids.length > 0 ? ids : group.replicas.map(({ id }) => id);
  const decision = await controller.change(group.cluster, group.name, (state) =>
    cleanReplicas(
      state,
      controller.live(state.name),
      wanted,
      fields.isCleanLivingBroker === true,
      controller.now(),
    ),
  );
  return 'refused' in decision ? { code: decision.refused, remark: decision.remark } : ok;
}

function nextId(controller: Controller, request: IncomingCommand): Answer {
  const { clusterName, brokerName } = GetNextBrokerId.decode(request);
  const nextBrokerId = controller.group(brokerName)?.nextBrokerId ?? brokerId(1);
  const header = { clusterName, brokerName, nextBrokerId };
  return { code: ResponseCode.SUCCESS, header: [GetNextBrokerIdResponse, header] };
}

async function applyId(controller: Controller, request: IncomingCommand): Promise<Answer> {
  const fields = ApplyBrokerId.decode(request);
  const { clusterName, brokerName, appliedBrokerId, registerCheckCode } = fields;
  const decision = await controller.change(clusterName, brokerName, (group) =>
    applyBrokerId(group, appliedBrokerId, registerCheckCode),
  );
  if ('refused' in decision) return { code: decision.refused, remark: decision.remark };
  return { code: ResponseCode.SUCCESS, extFields: { clusterName, brokerName } };
}

async function clear(controller: Controller, request: IncomingCommand): Promise<Answer> {
  const {
    brokerName,
    masterBrokerId,
    masterEpoch,
    brokerId: id,
    incarnation,
  } = ClearLossy.decode(request);
  const group = controller.group(brokerName);
  if (group === undefined) return unknownGroup(brokerName);
  const said = { master: masterBrokerId, epoch: masterEpoch, id, incarnation };
  const decision = await controller.change(group.cluster, brokerName, (state) =>
    clearLossy(state, said),
  );
  return 'refused' in decision ? { code: decision.refused, remark: decision.remark } : ok;
}

async function recover(controller: Controller, request: IncomingCommand): Promise<Answer> {
  const { brokerName, electBrokerId } = RecoverGroup.decode(request);
  const group = controller.group(brokerName);
  if (group === undefined) return unknownGroup(brokerName);
  const designate = electBrokerId;
  const reason = `an operator accepts the loss of messages and wants broker ${designate}`;
  // One decision: whoever accepts that this one lacks something has not accepted anybody else.
  const decision = await controller.change(group.cluster, brokerName, (state) => {
    const isForced = designate !== undefined;
    const thawed: Decision =
      state.frozen === undefined
        ? { state }
        : recoverGroup(state, controller.reports(state), isForced, controller.now());
    if ('refused' in thawed || designate === undefined) return thawed;
    const wish = { designate, unclean: true, reason };
    return electMaster(thawed.state, controller.live(brokerName), wish, controller.now());
  });
  if ('refused' in decision) return { code: decision.refused, remark: decision.remark };
  await controller.review(brokerName);
  return ok;
}

function history(controller: Controller, request: IncomingCommand): Answer {
  const { brokerName } = GetReplicaInfo.decode(request);
  const group = controller.group(brokerName);
  if (group === undefined) return unknownGroup(brokerName);
  const entries = group.history.map((entry) => ({ ...entry }));
  return { code: ResponseCode.SUCCESS, body: GroupHistory.encode({ entries }) };
}

const masterAddress = ({ replicas, master }: GroupState): string | undefined =>
  replicas.find(({ id }) => id === master)?.address;
