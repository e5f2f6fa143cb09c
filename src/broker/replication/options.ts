import { type OptionType, option, optionTypes } from '../../base/index.ts';

const { addresses, boolean, bytes, choice, duration, integer } = optionTypes;
const { optionalPath, optionalText } = optionTypes;

const atLeastOne: OptionType<number | 'auto'> = {
  name: 'auto or whole number',
  parse: (input, places) => {
    if (input === 'auto') return { value: 'auto' };
    const read = integer.parse(input, places);
    const isNumber = 'value' in read && read.value >= 1;
    return isNumber ? read : { problem: `must be auto or a number from 1 on, not "${input}"` };
  },
  format: String,
};

/** Options of a broker group with more than one replica; part of `brokerOptions`. */
export const replicationOptions = {
  brokerId: option({
    key: 'brokerId',
    type: integer,
    default: 0,
    range: [0, 2 ** 31 - 1],
    description:
      'Number of the replica in a group without a controller: 0 is the master, slaves have others. A controller gives its own.',
  }),
  brokerRole: option({
    key: 'brokerRole',
    type: choice('ASYNC_MASTER', 'SYNC_MASTER', 'SLAVE'),
    default: 'ASYNC_MASTER',
    description:
      'Role in a group without a controller. `SYNC_MASTER` answers a send when all of the in-sync set have the message, `ASYNC_MASTER` when it has it itself; a promoted slave, and whoever a controller elected, does as `SYNC_MASTER`.',
  }),
  controllerMode: option({
    key: 'enableControllerMode',
    type: boolean,
    default: false,
    description:
      'A controller decides which replica leads; `brokerId` and `brokerRole` mean nothing then.',
  }),
  controllers: option({
    key: 'controllerAddr',
    type: addresses,
    default: [],
    description: 'Controllers, all of them.',
  }),
  controllerHeartbeatMs: option({
    key: 'brokerHeartbeatInterval',
    type: duration('ms'),
    default: 1000,
    range: [50, 10_000],
    description: 'How often a controller is told how this replica is doing.',
  }),
  haListenPort: option({
    key: 'haListenPort',
    type: integer,
    default: 0,
    range: [-1, 65_535],
    description:
      'Port for the other replicas of the group; 0 is one above `listenPort`, -1 is none: then nobody can follow this broker.',
  }),
  haAdvertisedHost: option({
    key: 'brokerIP2',
    type: optionalText,
    default: undefined,
    description: 'Host at which the other replicas connect; empty is `brokerIP1`.',
  }),
  haMasterAddress: option({
    key: 'haMasterAddress',
    type: optionalText,
    default: undefined,
    description:
      'Where a slave without a controller finds its master, `host:port`; empty: the name servers know.',
  }),
  haSharedSecretFile: option({
    type: optionalPath,
    default: undefined,
    description:
      'File with the secret that all replicas of the group know and prove to each other. Without one anybody who reaches the port can follow.',
  }),
  haMaxTimeSlaveNotCatchup: option({
    key: 'haMaxTimeSlaveNotCatchup',
    type: duration('ms'),
    default: 15_000,
    range: [1000, 3_600_000],
    description: 'A replica that has not caught up for so long leaves the in-sync set.',
  }),
  haMaxUnreportedBytes: option({
    type: bytes,
    default: 8 * 2 ** 20,
    range: [64 * 1024, 2 ** 30],
    description: 'Bytes that may be on the way to a replica that has not reported them.',
  }),
  minInSyncReplicas: option({
    key: 'minInSyncReplicas',
    type: integer,
    default: 1,
    range: [1, 1000],
    changeable: true,
    description:
      'While fewer replicas are in sync, the master included, sends that wait for the set are refused.',
  }),
  inSyncReplicas: option({
    key: 'inSyncReplicas',
    type: integer,
    default: 1,
    range: [1, 1000],
    changeable: true,
    description:
      'Replicas that must have a message, the master included, before a send that waits for the set is answered; all of the set must in any case.',
  }),
  allAckInSyncStateSet: option({
    key: 'allAckInSyncStateSet',
    type: boolean,
    default: false,
    changeable: true,
    description:
      'The set alone decides when a message is answered: `inSyncReplicas` means nothing then.',
  }),
  slaveTimeoutMs: option({
    key: 'slaveTimeout',
    type: duration('ms'),
    default: 3000,
    range: [1, 600_000],
    changeable: true,
    description:
      'A message that fewer than `inSyncReplicas` replicas have after this time is answered with FLUSH_SLAVE_TIMEOUT.',
  }),
  totalReplicas: option({
    key: 'totalReplicas',
    type: integer,
    default: 1,
    range: [1, 1000],
    changeable: true,
    description:
      'Replicas of a group without a controller; the master counts those that it has seen since it leads if they are more.',
  }),
  metadataMinInSyncReplicas: option({
    type: atLeastOne,
    default: 'auto',
    changeable: true,
    description:
      'While fewer replicas are in sync, the master included, definitions of topics, groups and the like are refused; `auto` is half of the replicas of the group, rounded up.',
  }),
  definitionForwardMs: option({
    type: duration('ms'),
    default: 60_000,
    range: [0, 600_000],
    description: 'For how long a former master hands requests on to the new one.',
  }),
} as const;
