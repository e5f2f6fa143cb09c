import {
  type OptionsOf,
  type OptionType,
  option,
  optionTypes,
  type RefusedKey,
} from '../base/index.ts';
import { tlsClientOptions, tlsServerOptions } from '../remoting/options.ts';
import { defaultDelayLevelsMs, delayLevels } from './delaying/delay-levels.ts';
import { replicationOptions } from './replication/options.ts';

const { addresses, boolean, bytes, choice, duration, hoursOfDay, integer } = optionTypes;
const { optionalPath, optionalText, path, percent, text } = optionTypes;

/** RocketMQ takes the name or the number of an exporter. */
const metricsExporter: OptionType<'DISABLE' | 'PROM'> = {
  name: 'DISABLE, PROM',
  parse: (input) => {
    const name = input.toUpperCase();
    if (name === 'DISABLE' || name === '0') return { value: 'DISABLE' };
    if (name === 'PROM' || name === '2') return { value: 'PROM' };
    const known = ['OTLP_GRPC', '1', 'LOG', '3'].includes(name);
    const why = known ? `${input} is not built; Prometheus can read PROM` : `not "${input}"`;
    return { problem: `must be DISABLE or PROM: ${why}` };
  },
  format: (value) => value,
};

/**
 * What a broker can be told. Sizes are bytes and times milliseconds in code, whatever the unit of the key. An entry
 * without `key` is ours: RocketMQ has nothing like it.
 */
export const brokerOptions = {
  // Identity
  clusterName: option({
    key: 'brokerClusterName',
    type: text,
    default: 'DefaultCluster',
    description: 'Cluster that the broker belongs to.',
  }),
  brokerName: option({
    key: 'brokerName',
    type: text,
    default: 'broker-a',
    description: 'Name of the broker group; its replicas share it.',
  }),
  regionId: option({
    key: 'regionId',
    type: text,
    default: 'DefaultRegion',
    description: 'Region that is written into messages and answers as `MSG_REGION`.',
  }),

  configBlackList: option({
    key: 'configBlackList',
    type: text,
    default: 'configBlackList;brokerConfigPath',
    description: 'Keys that nobody may change while the broker runs, `;` between them.',
  }),

  ...replicationOptions,

  // Network
  bindAddress: option({
    key: 'bindAddress',
    type: text,
    default: '0.0.0.0',
    description: 'Address of this machine on which to listen.',
  }),
  listenPort: option({
    key: 'listenPort',
    type: integer,
    default: 10911,
    range: [0, 65_535],
    description: 'Port for clients and tools; 0 picks a free one.',
  }),
  fastListenPort: option({
    type: integer,
    default: -1,
    range: [-1, 65_535],
    description:
      'Second port, for clients with `vipChannelEnabled`, which look for it two below the first; -1 is there unless it is in use, 0 is none.',
  }),
  ...tlsServerOptions,
  ...tlsClientOptions,
  advertisedHost: option({
    key: 'brokerIP1',
    type: optionalText,
    default: undefined,
    description:
      'Host that clients are told to connect to; empty is the first address of this machine.',
  }),
  nameServers: option({
    key: 'namesrvAddr',
    type: addresses,
    default: [],
    changeable: true,
    description: 'Name servers to register at; else the environment variable `NAMESRV_ADDR`.',
  }),
  registerIntervalMs: option({
    key: 'registerNameServerPeriod',
    type: duration('ms'),
    default: 30_000,
    range: [100, 3_600_000],
    changeable: true,
    description: 'Time between registrations at the name servers.',
  }),
  registerTimeoutMs: option({
    key: 'registerBrokerTimeoutMills',
    type: duration('ms'),
    default: 24_000,
    range: [100, 600_000],
    changeable: true,
    description: 'How long a registration may take.',
  }),
  connectionIdleMs: option({
    key: 'serverChannelMaxIdleTimeSeconds',
    type: duration('s'),
    default: 120_000,
    range: [1000, 86_400_000],
    description: 'A connection without traffic for so long is closed.',
  }),
  sessionTimeoutMs: option({
    key: 'channelExpiredTimeout',
    type: duration('ms'),
    default: 120_000,
    range: [1000, 86_400_000],
    changeable: true,
    description: 'A client without a heartbeat for so long is forgotten.',
  }),

  // Store
  storePath: option({
    key: 'storePathRootDir',
    type: path,
    default: '~/holdfast/store',
    description: 'Folder of all data.',
  }),
  commitLogPath: option({
    key: 'storePathCommitLog',
    type: optionalPath,
    default: undefined,
    description:
      'Folder of the commit log: `commitlog` in the folder of all data, and no other for now.',
  }),
  segmentBytes: option({
    key: 'mappedFileSizeCommitLog',
    type: bytes,
    default: 2 ** 30,
    range: [64 * 1024, 2 ** 31 - 1],
    description: 'Size of a commit log file. Cannot change once there is data.',
  }),
  flushDiskType: option({
    key: 'flushDiskType',
    type: choice('ASYNC_FLUSH', 'SYNC_FLUSH'),
    default: 'ASYNC_FLUSH',
    changeable: true,
    description:
      'When a message is acknowledged: ASYNC_FLUSH once written (survives a crash of the process), SYNC_FLUSH once fsynced (survives a loss of power).',
  }),
  flushIntervalMs: option({
    key: 'flushIntervalCommitLog',
    type: duration('ms'),
    default: 500,
    range: [1, 60_000],
    changeable: true,
    description: 'Longest time between a write and its fsync with ASYNC_FLUSH.',
  }),
  syncFlushTimeoutMs: option({
    key: 'syncFlushTimeout',
    type: duration('ms'),
    default: 5000,
    range: [100, 600_000],
    changeable: true,
    description: 'After how long a send that waits for its fsync is answered FLUSH_DISK_TIMEOUT.',
  }),
  tailBytes: option({
    type: bytes,
    default: 64 * 2 ** 20,
    range: [2 ** 20, 2 ** 34],
    description:
      'Memory for the newest part of the log, from which consumers at the end are served.',
  }),
  metadataScrubIntervalMs: option({
    type: duration('ms'),
    default: 600_000,
    range: [1000, 86_400_000],
    changeable: true,
    description:
      'How often the metadata in the database are checked against those in memory; they also are when replicas differ.',
  }),
  metadataFlushIntervalMs: option({
    type: duration('ms'),
    default: 60_000,
    range: [100, 3_600_000],
    changeable: true,
    description: 'Time between flushes of the tables and queues to disk when something changed.',
  }),
  snapshotIntervalMs: option({
    type: duration('ms'),
    default: 3_600_000,
    range: [1000, 7 * 86_400_000],
    changeable: true,
    description: 'Time between snapshots of the metadata tables when something changed.',
  }),
  offsetCoalesceMs: option({
    type: duration('ms'),
    default: 200,
    range: [0, 10_000],
    description: 'How long one-way offset commits are gathered before they become one record.',
  }),
  definitionTimeoutMs: option({
    type: duration('ms'),
    default: 3000,
    range: [100, 60_000],
    description:
      'After how long a change of topics or groups that is not yet safe is answered "outcome unknown".',
  }),

  // Retention
  reservedTimeMs: option({
    key: 'fileReservedTime',
    type: duration('h'),
    default: 72 * 3_600_000,
    range: [3_600_000, 100 * 365 * 86_400_000],
    changeable: true,
    description: 'How long messages are kept.',
  }),
  deleteHours: option({
    key: 'deleteWhen',
    type: hoursOfDay,
    default: [4],
    changeable: true,
    description:
      'Hours of the day, local time, at which expired files are deleted, such as `04` or `04;16`.',
  }),
  cleanIntervalMs: option({
    key: 'cleanResourceInterval',
    type: duration('ms'),
    default: 10_000,
    range: [100, 3_600_000],
    changeable: true,
    description: 'Time between looks for files to delete.',
  }),
  diskMaxUsedRatio: option({
    key: 'diskMaxUsedSpaceRatio',
    type: percent,
    default: 0.75,
    range: [0.1, 0.95],
    changeable: true,
    description: 'Above this share of the disk in use, expired files are deleted at any hour.',
  }),
  diskCleanRatio: option({
    key: 'diskSpaceCleanForciblyRatio',
    type: percent,
    default: 0.85,
    range: [0.3, 0.95],
    changeable: true,
    description:
      'Above this share of the disk in use, the oldest files are deleted although they have not expired.',
  }),
  diskFullRatio: option({
    key: 'diskSpaceWarningLevelRatio',
    type: percent,
    default: 0.9,
    range: [0.35, 0.98],
    changeable: true,
    description:
      'Above this share of the disk in use, sends are refused until space is free again.',
  }),
  cleanForcibly: option({
    key: 'cleanFileForciblyEnable',
    type: boolean,
    default: true,
    changeable: true,
    description: 'Whether files may be deleted before they expire when the disk fills up.',
  }),
  maxStoreBytes: option({
    type: bytes,
    default: 0,
    range: [0, 2 ** 53 - 1],
    changeable: true,
    description: 'The oldest files are deleted when the log takes more than this; 0 is no limit.',
  }),

  // Topics and groups
  permission: option({
    key: 'brokerPermission',
    type: integer,
    default: 6,
    range: [0, 7],
    changeable: true,
    description: 'What clients may do here: 2 write, 4 read, 6 both.',
  }),
  autoCreateTopics: option({
    key: 'autoCreateTopicEnable',
    type: boolean,
    default: true,
    changeable: true,
    description: 'Whether a send to an unknown topic creates it.',
  }),
  autoCreateGroups: option({
    key: 'autoCreateSubscriptionGroup',
    type: boolean,
    default: true,
    changeable: true,
    description: 'Whether a consumer of an unknown group creates it.',
  }),
  defaultTopicQueues: option({
    key: 'defaultTopicQueueNums',
    type: integer,
    default: 8,
    range: [1, 1024],
    changeable: true,
    description: 'Queues of a topic that a send creates, at most.',
  }),
  clusterTopic: option({
    key: 'clusterTopicEnable',
    type: boolean,
    default: true,
    description:
      'Whether there is a topic with the name of the cluster, from which others may be created.',
  }),
  brokerTopic: option({
    key: 'brokerTopicEnable',
    type: boolean,
    default: true,
    description:
      'Whether there is a topic with the name of the broker, from which others may be created.',
  }),
  traceTopic: option({
    key: 'traceTopicEnable',
    type: boolean,
    default: false,
    description: 'Whether this broker keeps the trace topic.',
  }),
  traceTopicName: option({
    key: 'msgTraceTopicName',
    type: text,
    default: 'RMQ_SYS_TRACE_TOPIC',
    description: 'Name of the trace topic.',
  }),
  traceOn: option({
    key: 'traceOn',
    type: boolean,
    default: true,
    description: 'Whether clients are told that they may write traces.',
  }),

  // Sending
  maxMessageBytes: option({
    key: 'maxMessageSize',
    type: bytes,
    default: 4 * 2 ** 20,
    range: [1024, 15 * 2 ** 20],
    changeable: true,
    description: 'Largest body of a message, or of a batch of messages.',
  }),
  acceptSendsFrom: option({
    key: 'startAcceptSendRequestTimeStamp',
    type: integer,
    default: 0,
    range: [0, 2 ** 53 - 1],
    changeable: true,
    description: 'Time in milliseconds since 1970 before which sends are refused; 0 is always.',
  }),

  delayLevelsMs: option({
    key: 'messageDelayLevel',
    type: delayLevels,
    default: defaultDelayLevelsMs,
    description: 'How long messages of each delay level wait, level 1 first.',
  }),

  serverSideReset: option({
    key: 'useServerSideResetOffset',
    type: boolean,
    default: true,
    changeable: true,
    description:
      'Whether a reset of offsets is the broker’s to record; otherwise the consumers that are online are told to do it.',
  }),

  // Pulling
  longPolling: option({
    key: 'longPollingEnable',
    type: boolean,
    default: true,
    changeable: true,
    description: 'Whether a pull that finds nothing waits as long as the client asked.',
  }),
  shortPollingMs: option({
    key: 'shortPollingTimeMills',
    type: duration('ms'),
    default: 1000,
    range: [10, 60_000],
    changeable: true,
    description: 'How long it waits without long polling.',
  }),
  maxMemoryPullCount: option({
    key: 'maxTransferCountOnMessageInMemory',
    type: integer,
    default: 32,
    range: [1, 10_000],
    changeable: true,
    description: 'Most messages that one pull gives from memory.',
  }),
  maxMemoryPullBytes: option({
    key: 'maxTransferBytesOnMessageInMemory',
    type: bytes,
    default: 256 * 1024,
    range: [1024, 15 * 2 ** 20],
    changeable: true,
    description: 'Most bytes that one pull gives from memory; one message is always given.',
  }),
  maxDiskPullCount: option({
    key: 'maxTransferCountOnMessageInDisk',
    type: integer,
    default: 8,
    range: [1, 10_000],
    changeable: true,
    description: 'Most messages that one pull reads from disk.',
  }),
  maxDiskPullBytes: option({
    key: 'maxTransferBytesOnMessageInDisk',
    type: bytes,
    default: 64 * 1024,
    range: [1024, 15 * 2 ** 20],
    changeable: true,
    description: 'Most bytes that one pull reads from disk; one message is always given.',
  }),
  notifyConsumerChanges: option({
    key: 'notifyConsumerIdsChangedEnable',
    type: boolean,
    default: true,
    changeable: true,
    description: 'Whether the members of a group are told at once when one joins or leaves.',
  }),

  // Queries
  keyIndex: option({
    key: 'messageIndexEnable',
    type: boolean,
    default: true,
    changeable: true,
    description: 'Whether messages can be found by key.',
  }),
  defaultQueryCount: option({
    key: 'defaultQueryMaxNum',
    type: integer,
    default: 32,
    range: [1, 10_000],
    changeable: true,
    description: 'Messages that a query by key gives when it does not say how many.',
  }),
  maxQueryCount: option({
    key: 'maxMsgsNumBatch',
    type: integer,
    default: 64,
    range: [1, 10_000],
    changeable: true,
    description: 'Most messages that a query by key gives.',
  }),

  // Metrics
  metricsExporter: option({
    key: 'metricsExporterType',
    type: metricsExporter,
    default: 'DISABLE',
    description: 'PROM: Prometheus can read the metrics of the broker by HTTP, at `/metrics`.',
  }),
  metricsPort: option({
    key: 'metricsPromExporterPort',
    type: integer,
    default: 5557,
    range: [0, 65_535],
    description: 'Port of the metrics; 0 picks a free one.',
  }),
  metricsHost: option({
    key: 'metricsPromExporterHost',
    type: optionalText,
    default: undefined,
    description: 'Address on which metrics are served; empty is that of the broker.',
  }),
} as const;

export type BrokerOptions = OptionsOf<typeof brokerOptions>;

const isTrue = (value: string): boolean => value.toLowerCase() === 'true';

/** Settings of RocketMQ that would promise what this broker does not do. */
export const refusedBrokerKeys: readonly RefusedKey[] = [
  {
    key: 'enableDLegerCommitLog',
    refuses: isTrue,
    reason: 'the DLedger commit log is not supported and will not be',
  },
  {
    key: 'enableBrokerContainer',
    refuses: isTrue,
    reason: 'broker containers are not supported; start one process per broker',
  },
  {
    key: 'isBrokerContainer',
    refuses: isTrue,
    reason: 'broker containers are not supported; start one process per broker',
  },
  {
    key: 'isInBrokerContainer',
    refuses: isTrue,
    reason: 'broker containers are not supported; start one process per broker',
  },
  {
    key: 'brokerConfigPaths',
    refuses: (value) => value !== '',
    reason: 'broker containers are not supported; start one process per broker',
  },
  {
    key: 'enableSlaveActingMaster',
    refuses: isTrue,
    reason: 'a slave never acts as master here',
  },
  { key: 'enableRemoteEscape', refuses: isTrue, reason: 'a slave never acts as master here' },
  {
    key: 'duplicationEnable',
    refuses: isTrue,
    reason: 'a replica is kept by its in-sync set, not by duplication',
  },
  {
    key: 'aclEnable',
    refuses: isTrue,
    reason: 'access control is not there yet, and without it anybody could connect',
  },
  {
    key: 'authenticationEnabled',
    refuses: isTrue,
    reason: 'access control is not there yet, and without it anybody could connect',
  },
  {
    key: 'authorizationEnabled',
    refuses: isTrue,
    reason: 'access control is not there yet, and without it anybody could connect',
  },
  {
    key: 'fetchNamesrvAddrByAddressServer',
    refuses: isTrue,
    reason: 'name servers are not looked up; name them in namesrvAddr',
  },
  {
    key: 'fetchNameSrvAddrByDnsLookup',
    refuses: isTrue,
    reason: 'name servers are not looked up; name them in namesrvAddr',
  },
  {
    key: 'messageStorePlugIn',
    refuses: (value) => value !== '',
    reason: 'plug-ins of Java do not run here',
  },
  {
    key: 'readOnlyCommitLogStorePaths',
    refuses: (value) => value !== '',
    reason: 'the commit log has one folder',
  },
  {
    key: 'storePathCommitLog',
    refuses: (value) => value.includes(','),
    reason: 'the commit log has one folder',
  },
];
