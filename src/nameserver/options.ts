import { type OptionsOf, option, optionTypes, type RefusedKey } from '../base/index.ts';
import { tlsServerOptions } from '../remoting/options.ts';

const { boolean, duration, integer, optionalPath, text } = optionTypes;

/** What a name server can be told. */
export const nameServerOptions = {
  bindAddress: option({
    key: 'bindAddress',
    type: text,
    default: '0.0.0.0',
    description: 'Address of this machine on which to listen.',
  }),
  listenPort: option({
    key: 'listenPort',
    type: integer,
    default: 9876,
    range: [0, 65_535],
    description: 'Port for clients, brokers and tools; 0 picks a free one.',
  }),
  connectionIdleMs: option({
    key: 'serverChannelMaxIdleTimeSeconds',
    type: duration('s'),
    default: 120_000,
    range: [1000, 86_400_000],
    description: 'A connection without traffic for so long is closed.',
  }),
  ...tlsServerOptions,
  kvConfigPath: option({
    key: 'kvConfigPath',
    type: optionalPath,
    default: '~/holdfast/nameserver/kvConfig.json',
    description:
      'File of the key-value and order configuration; empty refuses changes to it. A file of a Java name server is read too.',
  }),
  configStorePath: option({
    key: 'configStorePath',
    type: optionalPath,
    default: '~/holdfast/nameserver/namesrv.changes',
    description:
      'File of the options that were changed while the name server ran; empty refuses changes.',
  }),
  configBlackList: option({
    key: 'configBlackList',
    type: text,
    default: 'configBlackList;configStorePath;kvConfigPath',
    description: 'Keys that nobody may change while the name server runs, `;` between them.',
  }),
  orderMessageEnable: option({
    key: 'orderMessageEnable',
    type: boolean,
    default: false,
    changeable: true,
    description: 'Whether routes carry the order configuration of their topic.',
  }),
  returnOrderTopicConfigToBroker: option({
    key: 'returnOrderTopicConfigToBroker',
    type: boolean,
    default: true,
    changeable: true,
    description: 'Whether the answer to a registration carries the order configuration.',
  }),
  enableAllTopicList: option({
    key: 'enableAllTopicList',
    type: boolean,
    default: true,
    changeable: true,
    description: 'Whether the list of all topics may be asked for.',
  }),
  enableTopicList: option({
    key: 'enableTopicList',
    type: boolean,
    default: true,
    changeable: true,
    description: 'Whether lists of the topics of a cluster or unit may be asked for.',
  }),
  scanIntervalMs: option({
    key: 'scanNotActiveBrokerInterval',
    type: duration('ms'),
    default: 5000,
    range: [10, 600_000],
    changeable: true,
    description: 'Time between searches for brokers whose heartbeats stopped.',
  }),
  deleteTopicWithBrokerRegistration: option({
    key: 'deleteTopicWithBrokerRegistration',
    type: boolean,
    default: false,
    changeable: true,
    description: 'Whether topics that a registration does not name are removed from its broker.',
  }),
  needWaitForService: option({
    key: 'needWaitForService',
    type: boolean,
    default: false,
    description:
      'Whether routes are refused for a while after the start, until brokers have registered.',
  }),
  waitForServiceMs: option({
    key: 'waitSecondsForService',
    type: duration('s'),
    default: 45_000,
    range: [0, 3_600_000],
    description: 'How long routes are refused after the start with `needWaitForService`.',
  }),
} as const;

export type NameServerOptions = OptionsOf<typeof nameServerOptions>;

const ifTrue = (value: string): boolean => value.trim().toLowerCase() === 'true';

/** What RocketMQ's name server can do and this one cannot. */
export const refusedNameServerKeys: readonly RefusedKey[] = [
  {
    key: 'clusterTest',
    refuses: ifTrue,
    reason: 'routes of another environment are not looked up; remove the key',
  },
  {
    key: 'supportActingMaster',
    refuses: ifTrue,
    reason: 'a slave does not act as a master here; remove the key',
  },
  {
    key: 'notifyMinBrokerIdChanged',
    refuses: ifTrue,
    reason: 'it serves acting masters, which are not supported; remove the key',
  },
  {
    key: 'enableControllerInNamesrv',
    refuses: ifTrue,
    reason:
      'the controller is a role of its own: remove the key, and start it with --role controller',
  },
];

/** The defaults, without files: their places are for whoever starts the process to say. */
export const defaultNameServerOptions: NameServerOptions = {
  ...(Object.fromEntries(
    Object.entries(nameServerOptions).map(([name, definition]) => [name, definition.default]),
  ) as NameServerOptions),
  kvConfigPath: undefined,
  configStorePath: undefined,
};
