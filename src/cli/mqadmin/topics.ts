import { type QueueStatistics, singleRequests } from '../../admin/index.ts';
import { type Address, Failure, timestampMs } from '../../base/index.ts';
import { mastersOfCluster } from './clusters.ts';
import { byQueue, columns, front, javaDouble, prettyJson } from './columns.ts';
import {
  addressOf,
  attributes,
  javaMap,
  number,
  type ToolCommand,
  type ToolContext,
  text,
  truth,
} from './command.ts';
import { switchOption, value } from './options.ts';

export const updateTopic: ToolCommand = {
  name: 'updateTopic',
  summary: 'Update or create topic',
  options: [
    value('b', 'brokerAddr', 'create topic to which broker', { isAlternative: true }),
    value('c', 'clusterName', 'create topic to which cluster', { isAlternative: true }),
    value('t', 'topic', 'topic name', { isRequired: true }),
    value('r', 'readQueueNums', 'set read queue nums'),
    value('w', 'writeQueueNums', 'set write queue nums'),
    value('a', 'attributes', 'attribute(+a=b,+c=d,-e)'),
    value('p', 'perm', "set topic's permission(2|4|6), intro[2:W 4:R; 6:RW]"),
    value('o', 'order', "set topic's order(true|false)"),
    value('u', 'unit', 'is unit topic (true|false)'),
    value('s', 'hasUnitSub', 'has unit sub (true|false)'),
  ],
  async run({ admin, given, write }) {
    const changes = attributes(given, 'attributes');
    const config = {
      topic: text(given, 'topic'),
      readQueueNums: number(given, 'readQueueNums', 8),
      writeQueueNums: number(given, 'writeQueueNums', 8),
      perm: number(given, 'perm', 6),
      topicSysFlag:
        (truth(given, 'unit', false) ? 1 : 0) | (truth(given, 'hasUnitSub', false) ? 2 : 0),
      order: truth(given, 'order', false),
      attributes: [...changes].map(([key, set]) => (set === '' ? key : `${key}=${set}`)).join(','),
    };
    const create = async (address: Address, shown: string): Promise<void> => {
      await singleRequests.createTopic(admin, address, config);
      write(`create topic to ${shown} success.\n`);
    };
    const broker = text(given, 'brokerAddr');
    if (broker !== '') {
      if (config.order) {
        const name = await nameOfBroker(admin, broker);
        const entry = `${name}:${config.writeQueueNums}`;
        const before = await singleRequests.keyValue(admin, orderNamespace, config.topic);
        const others = (before ?? '').split(';').filter((one) => !one.startsWith(`${name}:`));
        const all = [...others, entry].filter((one) => one !== '').join(';');
        await singleRequests.putKeyValue(admin, orderNamespace, config.topic, all);
        write(`set broker orderConf. isOrder=true, orderConf=[${entry}]\n`);
      }
      await create(addressOf(broker), broker);
    } else {
      const masters = await mastersOfCluster(admin, text(given, 'clusterName'));
      for (const { address, text: shown } of masters) await create(address, shown);
      if (config.order) {
        const all = masters.map(({ name }) => `${name}:${config.writeQueueNums}`).join(';');
        await singleRequests.putKeyValue(admin, orderNamespace, config.topic, all);
        write(`set cluster orderConf. isOrder=true, orderConf=[${all}]\n`);
      }
    }
    write(
      `TopicConfig [topicName=${config.topic}, readQueueNums=${config.readQueueNums}, ` +
        `writeQueueNums=${config.writeQueueNums}, perm=${permissionLetters(config.perm)}, ` +
        `topicFilterType=SINGLE_TAG, topicSysFlag=${config.topicSysFlag}, order=${config.order}, ` +
        `attributes=${javaMap(changes)}]\n`,
    );
  },
};

/** Where name servers keep the queues of ordered topics. Source: `NamesrvUtil`. */
const orderNamespace = 'ORDER_TOPIC_CONFIG';

const permissionLetters = (perm: number): string =>
  `${perm & 4 ? 'R' : '-'}${perm & 2 ? 'W' : '-'}${perm & 1 ? 'X' : '-'}`;

async function nameOfBroker(admin: ToolContext['admin'], address: string): Promise<string> {
  const { addresses } = await singleRequests.clusterInfo(admin);
  for (const [name, byId] of addresses) if ([...byId.values()].includes(address)) return name;
  throw new Failure('invalid', `the name server knows no broker at ${address}`);
}

export const deleteTopic: ToolCommand = {
  name: 'deleteTopic',
  summary: 'Delete topic from broker and NameServer.',
  options: [
    value('t', 'topic', 'topic name', { isRequired: true }),
    value('c', 'clusterName', 'delete topic from which cluster', { isRequired: true }),
  ],
  async run({ admin, given, write }) {
    const topic = text(given, 'topic');
    const cluster = text(given, 'clusterName');
    for (const { address } of await mastersOfCluster(admin, cluster)) {
      await singleRequests.deleteTopic(admin, address, topic);
    }
    write(`delete topic [${topic}] from cluster [${cluster}] success.\n`);
    for (const nameServer of admin.nameServers) {
      await singleRequests.forgetTopic(admin, nameServer, topic, cluster);
    }
    write(`delete topic [${topic}] from NameServer success.\n`);
  },
};

export const topicList: ToolCommand = {
  name: 'topicList',
  summary: 'Fetch all topic list from name server',
  options: [switchOption('c', 'clusterModel', 'clusterModel')],
  async run({ admin, given, write }) {
    const topics = await singleRequests.topics(admin);
    if (!given.has('clusterModel')) {
      for (const topic of topics) write(`${topic}\n`);
      return;
    }
    write(columns('%-20s  %-48s  %-48s', '#Cluster Name', '#Topic', '#Consumer Group'));
    const { clusters, addresses } = await singleRequests.clusterInfo(admin);
    for (const topic of topics) {
      if (/^%(?:RETRY|DLQ)%/.test(topic)) continue;
      const names = await brokersOf(admin, topic);
      const cluster = [...clusters].find(([, brokers]) =>
        names.some((one) => brokers.includes(one)),
      );
      const master = names
        .map((name) => addresses.get(name)?.get(0))
        .find((one) => one !== undefined);
      const groups =
        master === undefined
          ? []
          : await singleRequests.groupsOfTopic(admin, addressOf(master), topic);
      for (const group of groups.length === 0 ? [''] : groups) {
        write(
          columns(
            '%-20s  %-64s  %-64s',
            front(cluster?.[0] ?? '', 20),
            front(topic, 64),
            front(group, 64),
          ),
        );
      }
    }
  },
};

interface Route {
  readonly brokerDatas: readonly {
    readonly cluster: string;
    readonly brokerName: string;
    readonly brokerAddrs: Readonly<Record<string, string>>;
  }[];
  readonly queueDatas: readonly {
    readonly brokerName: string;
    readonly readQueueNums: number;
    readonly writeQueueNums: number;
    readonly perm: number;
  }[];
}

async function brokersOf(admin: ToolContext['admin'], topic: string): Promise<readonly string[]> {
  const route = readRoute(await singleRequests.route(admin, topic));
  return route.brokerDatas.map(({ brokerName }) => brokerName);
}

/** A name server that leaves something out has nothing there. */
function readRoute(route: object): Route {
  return { brokerDatas: [], queueDatas: [], ...route };
}

export const topicRoute: ToolCommand = {
  name: 'topicRoute',
  summary: 'Examine topic route info',
  options: [
    value('t', 'topic', 'topic name', { isRequired: true }),
    switchOption('l', 'list', 'Use list format to print data'),
  ],
  async run({ admin, given, write }) {
    const raw = await singleRequests.route(admin, text(given, 'topic'));
    if (!given.has('list')) {
      write(`${prettyJson(withDefaults(raw))}\n`);
      return;
    }
    const pattern = '%-45s %-32s %-50s %-10s %-11s %-5s';
    write(
      columns(
        pattern,
        '#ClusterName',
        '#BrokerName',
        '#BrokerAddrs',
        '#ReadQueue',
        '#WriteQueue',
        '#Perm',
      ).replace(/ +\n$/, '\n'),
    );
    const { brokerDatas, queueDatas } = readRoute(raw);
    const brokers = new Map(brokerDatas.map((broker) => [broker.brokerName, broker]));
    for (const queue of queueDatas) {
      const broker = brokers.get(queue.brokerName);
      write(
        columns(
          pattern,
          broker?.cluster ?? '',
          queue.brokerName,
          javaMap(Object.entries(broker?.brokerAddrs ?? {})),
          queue.readQueueNums,
          queue.writeQueueNums,
          queue.perm,
        ),
      );
    }
    write(`${'-'.repeat(158)}\n`);
    const sum = (name: 'readQueueNums' | 'writeQueueNums') =>
      queueDatas.reduce((total, queue) => total + queue[name], 0);
    write(
      columns(pattern, 'Total:', brokers.size, '', sum('readQueueNums'), sum('writeQueueNums'), ''),
    );
  },
};

/** As RocketMQ's classes would be written, whose members have defaults. */
function withDefaults(raw: Readonly<Record<string, unknown>>): object {
  const { brokerDatas, ...rest } = raw;
  const brokers = Array.isArray(brokerDatas) ? brokerDatas : [];
  const named = {
    filterServerTable: {},
    ...rest,
    brokerDatas: brokers.map((broker: object) => sorted({ enableActingMaster: false, ...broker })),
  };
  return sorted(named);
}

const sorted = (value: object): object =>
  Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));

export const topicStatus: ToolCommand = {
  name: 'topicStatus',
  summary: 'Examine topic Status info',
  options: [
    value('t', 'topic', 'topic name', { isRequired: true }),
    value('c', 'cluster', 'cluster name or lmq parent topic, lmq is used to find the route.'),
  ],
  async run({ admin, given, write, terminal }) {
    const topic = text(given, 'topic');
    const route = readRoute(await singleRequests.route(admin, text(given, 'cluster') || topic));
    const queues: QueueStatistics[] = [];
    let putTps = 0;
    for (const { brokerAddrs } of route.brokerDatas) {
      const master = brokerAddrs['0'];
      if (master === undefined) continue;
      const found = await singleRequests.topicStatistics(admin, addressOf(master), topic);
      queues.push(...found.queues);
      putTps += found.putTps;
    }
    write(
      columns(
        '%-32s  %-4s  %-20s  %-20s    %s',
        '#Broker Name',
        '#QID',
        '#Min Offset',
        '#Max Offset',
        '#Last Updated',
      ),
    );
    for (const queue of queues.sort(byQueue)) {
      const time = timestampMs(queue.lastUpdateTimestamp);
      write(
        columns(
          '%-32s  %-4s  %-20s  %-20s    %s',
          front(queue.broker, 32),
          queue.queueId,
          queue.minOffset,
          queue.maxOffset,
          time > 0 ? terminal.localTime(time).replace('.', ',') : '',
        ),
      );
    }
    write(`\nTopic Put TPS: ${javaDouble(putTps)}\n`);
  },
};
