import {
  type GroupConnections,
  isRefusal,
  type QueueConsumption,
  singleRequests,
  versionText,
} from '../../admin/index.ts';
import { type Address, Failure, isFailure, timestampMs } from '../../base/index.ts';
import { UsageMistake } from '../exit-codes.ts';
import { mastersOfCluster } from './clusters.ts';
import { byQueue, columns, front } from './columns.ts';
import {
  addressOf,
  attributes,
  number,
  type ToolCommand,
  type ToolContext,
  text,
  truth,
} from './command.ts';
import { value } from './options.ts';

type Admin = ToolContext['admin'];

export const updateSubGroup: ToolCommand = {
  name: 'updateSubGroup',
  summary: 'Update or create subscription group',
  options: [
    value('b', 'brokerAddr', 'create subscription group to which broker'),
    value('c', 'clusterName', 'create subscription group to which cluster'),
    value('g', 'groupName', 'consumer group name', { isRequired: true }),
    value('s', 'consumeEnable', 'consume enable'),
    value('m', 'consumeFromMinEnable', 'from min offset'),
    value('d', 'consumeBroadcastEnable', 'broadcast'),
    value('o', 'consumeMessageOrderly', 'consume message orderly'),
    value('q', 'retryQueueNums', 'retry queue nums'),
    value('r', 'retryMaxTimes', 'retry max times'),
    value(
      'p',
      'groupRetryPolicy',
      'the json string of retry policy ( exp: {"type":"EXPONENTIAL","exponentialRetryPolicy":{"initial":5000,"max":7200000,"multiplier":2}} {"type":"CUSTOMIZED","customizedRetryPolicy":{"next":[1000,5000,10000]}} )',
    ),
    value('i', 'brokerId', 'consumer from which broker id'),
    value('w', 'whichBrokerWhenConsumeSlowly', 'which broker id when consume slowly'),
    value('a', 'notifyConsumerIdsChanged', 'notify consumerId changed'),
    value(undefined, 'attributes', 'attribute(+a=b,+c=d,-e)'),
  ],
  async run({ admin, given, write }) {
    // What is not given is written with the defaults of RocketMQ's tool, which are not those of a new group.
    const config = {
      groupName: text(given, 'groupName'),
      consumeEnable: truth(given, 'consumeEnable', true),
      consumeFromMinEnable: truth(given, 'consumeFromMinEnable', false),
      consumeBroadcastEnable: truth(given, 'consumeBroadcastEnable', false),
      consumeMessageOrderly: truth(given, 'consumeMessageOrderly', false),
      retryQueueNums: number(given, 'retryQueueNums', 1),
      retryMaxTimes: number(given, 'retryMaxTimes', 16),
      groupRetryPolicy: retryPolicy(text(given, 'groupRetryPolicy')),
      brokerId: number(given, 'brokerId', 0),
      whichBrokerWhenConsumeSlowly: number(given, 'whichBrokerWhenConsumeSlowly', 1),
      notifyConsumerIdsChangedEnable: truth(given, 'notifyConsumerIdsChanged', true),
      groupSysFlag: 0,
      consumeTimeoutMinute: 15,
      attributes: Object.fromEntries(attributes(given, 'attributes')),
    };
    const create = async (address: Address, shown: string): Promise<void> => {
      await singleRequests.createGroup(admin, address, config);
      write(`create subscription group to ${shown} success.\n`);
    };
    const broker = text(given, 'brokerAddr');
    if (broker !== '') await create(addressOf(broker), broker);
    else if (!given.has('clusterName')) throw new UsageMistake('give -b or -c');
    else {
      for (const master of await mastersOfCluster(admin, text(given, 'clusterName'))) {
        await create(master.address, master.text);
      }
    }
    const { attributes: _changes, groupRetryPolicy: policy, ...plain } = config;
    const shown: Readonly<Record<string, unknown>> = {
      ...plain,
      groupRetryPolicy: `GroupRetryPolicy{type=${policy.type}, exponentialRetryPolicy=null, customizedRetryPolicy=null}`,
      subscriptionDataSet: null,
      attributes: '{}',
    };
    const members = shownOrder.map((name) => `${name}=${String(shown[name])}`);
    write(`SubscriptionGroupConfig{${members.join(', ')}}\n`);
  },
};

/** Source: `SubscriptionGroupConfig`, method `toString`. */
const shownOrder = [
  'groupName',
  'consumeEnable',
  'consumeFromMinEnable',
  'consumeBroadcastEnable',
  'consumeMessageOrderly',
  'retryQueueNums',
  'retryMaxTimes',
  'groupRetryPolicy',
  'brokerId',
  'whichBrokerWhenConsumeSlowly',
  'notifyConsumerIdsChangedEnable',
  'groupSysFlag',
  'consumeTimeoutMinute',
  'subscriptionDataSet',
  'attributes',
] as const;

/** The broker checks what is in it. */
function retryPolicy(json: string): { readonly type: string } {
  if (json === '') return { type: 'CUSTOMIZED' };
  try {
    const policy: unknown = JSON.parse(json);
    if (typeof policy === 'object' && policy !== null && 'type' in policy) {
      return { ...policy, type: String(policy.type) };
    }
  } catch {
    // Told below.
  }
  throw new Failure('invalid', `groupRetryPolicy must be JSON with a type, not "${json}"`);
}

export const deleteSubGroup: ToolCommand = {
  name: 'deleteSubGroup',
  summary: 'Delete subscription group from broker.',
  options: [
    value('b', 'brokerAddr', 'delete subscription group from which broker'),
    value('c', 'clusterName', 'delete subscription group from which cluster'),
    value('g', 'groupName', 'subscription group name', { isRequired: true }),
    value('r', 'removeOffset', 'remove offset'),
  ],
  async run({ admin, given, write }) {
    const group = text(given, 'groupName');
    const cleanOffset = truth(given, 'removeOffset', false);
    const broker = text(given, 'brokerAddr');
    const cluster = text(given, 'clusterName');
    if (broker !== '') {
      await singleRequests.deleteGroup(admin, addressOf(broker), group, cleanOffset);
      write(`delete subscription group [${group}] from broker [${broker}] success.\n`);
    } else if (cluster !== '') {
      for (const master of await mastersOfCluster(admin, cluster)) {
        await singleRequests.deleteGroup(admin, master.address, group, cleanOffset);
        write(
          `delete subscription group [${group}] from broker [${master.text}] in cluster [${cluster}] success.\n`,
        );
      }
    } else throw new UsageMistake('give -b or -c');
  },
};

const retryPrefix = '%RETRY%';

export const consumerProgress: ToolCommand = {
  name: 'consumerProgress',
  summary: "Query consumers' progress, speed",
  options: [
    value('g', 'groupName', 'consumer group name'),
    value('t', 'topicName', 'topic name'),
    value('s', 'showClientIP', 'Show Client IP per Queue'),
    value('c', 'cluster', 'Cluster name or lmq parent topic, lmq is used to find the route.'),
  ],
  async run(context) {
    const group = text(context.given, 'groupName');
    await (group === '' ? allGroups(context) : oneGroup(context, group));
  },
};

async function mastersOfTopic(admin: Admin, topic: string): Promise<readonly Address[]> {
  const route = await singleRequests.route(admin, topic);
  const brokers = Array.isArray(route['brokerDatas']) ? route['brokerDatas'] : [];
  return brokers.flatMap((broker: { brokerAddrs?: Readonly<Record<string, string>> }) => {
    const master = broker.brokerAddrs?.['0'];
    return master === undefined ? [] : [addressOf(master)];
  });
}

interface Consumption {
  readonly queues: readonly QueueConsumption[];
  readonly tps: number;
  readonly connections: GroupConnections | undefined;
  readonly masters: readonly Address[];
}

async function consumptionOf(
  admin: Admin,
  group: string,
  topic: string,
  routeTopic: string,
): Promise<Consumption> {
  const masters = await mastersOfTopic(admin, routeTopic);
  const queues: QueueConsumption[] = [];
  let tps = 0;
  let connections: GroupConnections | undefined;
  for (const master of masters) {
    const found = await singleRequests.consumption(admin, master, group, topic);
    queues.push(...found.queues);
    tps += found.tps;
    connections ??= await singleRequests.connections(admin, master, group);
  }
  return { queues: queues.sort(byQueue), tps, connections, masters };
}

async function oneGroup({ admin, given, write, terminal }: ToolContext, group: string) {
  const topic = text(given, 'topicName');
  const routeTopic = text(given, 'cluster') || topic || `${retryPrefix}${group}`;
  const { queues, tps, connections, masters } = await consumptionOf(
    admin,
    group,
    topic,
    routeTopic,
  );
  const showsClients = truth(given, 'showClientIP', false);
  const owners = new Map<string, string>();
  if (showsClients) {
    for (const client of connections?.clients ?? []) {
      for (const master of masters) {
        const own = await singleRequests.queuesOfClient(admin, master, group, client.clientId);
        const [ip = ''] = client.clientId.split('@');
        for (const queue of own) owners.set(keyOf(queue), ip);
      }
    }
  }
  const client = showsClients ? '%-20s ' : '';
  write(
    columns(
      `%-64s  %-32s  %-4s  %-20s  %-20s  ${client}%-20s %-20s%s`,
      '#Topic',
      '#Broker Name',
      '#QID',
      '#Broker Offset',
      '#Consumer Offset',
      ...(showsClients ? ['#Client IP'] : []),
      '#Diff',
      '#Inflight',
      '#LastTime',
    ),
  );
  let diffTotal = 0;
  let inflightTotal = 0;
  for (const queue of queues) {
    const diff = queue.brokerOffset - queue.consumerOffset;
    const inflight = queue.pullOffset - queue.consumerOffset;
    diffTotal += diff;
    inflightTotal += inflight;
    const time = timestampMs(queue.lastTimestamp);
    write(
      columns(
        `%-64s  %-32s  %-4s  %-20s  %-20s  ${client}%-20s %-20s %s`,
        front(queue.topic, 64),
        front(queue.broker, 32),
        queue.queueId,
        queue.brokerOffset,
        queue.consumerOffset,
        ...(showsClients ? [owners.get(keyOf(queue)) ?? 'N/A'] : []),
        diff,
        inflight,
        time > 0 ? terminal.localTime(time).slice(0, 19) : 'N/A',
      ),
    );
  }
  write(`\nConsume TPS: ${tps.toFixed(2)}\n`);
  write(`Consume Diff Total: ${diffTotal}\n`);
  write(`Consume Inflight Total: ${inflightTotal}\n`);
}

const keyOf = (queue: { topic: string; broker: string; queueId: number }): string =>
  `${queue.topic} ${queue.broker} ${queue.queueId}`;

const allColumns = '%-64s  %-6s  %-24s %-5s  %-14s  %-7s  %s';

async function allGroups({ admin, write }: ToolContext): Promise<void> {
  write(
    columns(allColumns, '#Group', '#Count', '#Version', '#Type', '#Model', '#TPS', '#Diff Total'),
  );
  const rows: { readonly count: number; readonly diff: number; readonly line: string }[] = [];
  for (const topic of await singleRequests.topics(admin)) {
    if (!topic.startsWith(retryPrefix)) continue;
    const group = topic.slice(retryPrefix.length);
    const found = await consumptionOf(admin, group, '', topic).catch(nobody);
    const { queues, tps, connections } = found;
    const diff = queues.reduce((sum, one) => sum + one.brokerOffset - one.consumerOffset, 0);
    const clients = connections?.clients ?? [];
    const version = Math.min(...clients.map((client) => client.version));
    const line = columns(
      allColumns,
      front(group, 64),
      clients.length,
      clients.length === 0 ? 'OFFLINE' : `V${versionText(version).replaceAll('.', '_')}`,
      typeText(connections),
      connections?.messageModel ?? '',
      Math.trunc(tps),
      diff,
    );
    rows.push({ count: clients.length, diff, line });
  }
  rows.sort((a, b) => b.count - a.count || b.diff - a.diff);
  for (const { line } of rows) write(line);
}

/** A group that cannot be asked about has a row without figures. */
function nobody(error: unknown): Consumption {
  if (!isRefusal(error) && !isFailure(error, 'unavailable')) throw error;
  return { queues: [], tps: 0, connections: undefined, masters: [] };
}

function typeText(connections: GroupConnections | undefined): string {
  if (connections === undefined || connections.clients.length === 0) return '';
  return connections.consumeType === 'CONSUME_ACTIVELY' ? 'PULL' : 'PUSH';
}

export const resetOffsetByTime: ToolCommand = {
  name: 'resetOffsetByTime',
  summary: 'Reset consumer offset by timestamp(without client restart).',
  options: [
    value('g', 'group', 'set the consumer group', { isRequired: true }),
    value('t', 'topic', 'set the topic', { isRequired: true }),
    value('s', 'timestamp', 'set the timestamp[now|currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]', {
      isRequired: true,
    }),
    value('f', 'force', 'set the force rollback by timestamp switch[true|false]. Deprecated.'),
    value('c', 'cluster', 'Cluster name or lmq parent topic, lmq is used to find the route.'),
    value('b', 'broker', 'broker addr'),
    value('q', 'queue', 'queue id'),
    value('o', 'offset', 'Expect queue offset, not support old version broker'),
  ],
  async run({ admin, given, write }) {
    const group = text(given, 'group');
    const topic = text(given, 'topic');
    const written = text(given, 'timestamp');
    const timestamp = timeOf(written, admin.clock.now());
    const times = `timestamp(string)[${written}], timestamp(long)[${timestamp}]`;
    const broker = text(given, 'broker');
    const start = `start reset consumer offset by specified, group[${group}], topic[${topic}]`;
    if (broker !== '') {
      const queueId = number(given, 'queue', -1);
      if (queueId < 0) throw new UsageMistake('give -q with -b');
      write(`${start}, queueId[${queueId}], broker[${broker}], ${times}\n`);
      const address = addressOf(broker);
      const offset = given.has('offset')
        ? number(given, 'offset', 0)
        : await singleRequests.offsetByTime(admin, address, topic, queueId, timestamp);
      await singleRequests.commitOffset(admin, address, { group, topic, queueId, offset });
      await singleRequests.resetOffset(admin, address, { group, topic, queueId, offset });
      write(`reset consumer offset to ${offset}\n`);
      return;
    }
    const isForce = truth(given, 'force', true);
    write(`${start}, force[${isForce}], ${times}\n`);
    const lines: string[] = [];
    for (const master of await mastersOfTopic(admin, text(given, 'cluster') || topic)) {
      const request = { topic, group, timestamp, isForce };
      const reset = await singleRequests.resetOffsets(admin, master, request);
      for (const queue of reset) {
        lines.push(columns('%-40s  %-40s  %-40s', queue.broker, queue.queueId, queue.offset));
      }
    }
    write(columns('%-40s  %-40s  %-40s', '#brokerName', '#queueId', '#offset'));
    for (const line of lines) write(line);
  },
};

/** `now`, milliseconds since 1970 (below 0: the end), or a local time as RocketMQ's tool writes it. */
function timeOf(written: string, now: number): number {
  if (written === 'now') return now;
  if (/^-?\d+$/.test(written)) return Number(written);
  const match = /^(\d{4}-\d\d-\d\d)#(\d\d:\d\d:\d\d):(\d{3})$/.exec(written);
  const time = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2]}.${match[3]}`);
  if (!Number.isNaN(time)) return time;
  throw new Failure(
    'invalid',
    `timestamp must be now, currentTimeMillis or yyyy-MM-dd#HH:mm:ss:SSS, not "${written}"`,
  );
}
