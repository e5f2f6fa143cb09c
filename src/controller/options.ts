import { type OptionsOf, option, optionTypes, type RefusedKey } from '../base/index.ts';

const { boolean, duration, integer, path, text } = optionTypes;

/** What a controller can be told. */
export const controllerOptions = {
  bindAddress: option({
    key: 'bindAddress',
    type: text,
    default: '0.0.0.0',
    description: 'Address of this machine on which to listen.',
  }),
  listenPort: option({
    key: 'listenPort',
    type: integer,
    default: 9878,
    range: [0, 65_535],
    description: 'Port for brokers and tools; 0 picks a free one.',
  }),
  storePath: option({
    key: 'controllerStorePath',
    type: path,
    default: '~/holdfast/controller',
    description: 'Folder of what the controller has decided.',
  }),
  heartbeatTimeoutMs: option({
    key: 'controllerHeartBeatTimeoutMills',
    type: duration('ms'),
    default: 10_000,
    range: [500, 600_000],
    description:
      'A replica that said nothing for so long is dead; also how long a controller that starts waits before it calls anyone so.',
  }),
  isNew: option({
    key: 'controllerIsNew',
    type: boolean,
    default: false,
    description:
      'This controller never had a file: a group of which it does not know is new, and elects at once. Otherwise a controller without a file waits for controllerHeartBeatTimeoutMills, so that no empty broker leads a group whose history the controller has lost.',
  }),
  scanIntervalMs: option({
    key: 'scanNotActiveBrokerInterval',
    type: duration('ms'),
    default: 500,
    range: [50, 60_000],
    description: 'How often replicas are looked at.',
  }),
  electUnclean: option({
    key: 'enableElectUncleanMaster',
    type: boolean,
    default: false,
    description:
      'Whether a replica may lead that may lack acknowledged messages, when nobody else can. Never silent.',
  }),
} as const;

export type ControllerOptions = OptionsOf<typeof controllerOptions>;

const isMany = (value: string): boolean => value.includes(';');

/** Settings of RocketMQ that would promise what this controller does not do. */
export const refusedControllerKeys: readonly RefusedKey[] = [
  {
    key: 'controllerDLegerPeers',
    refuses: isMany,
    reason: 'several controllers need a store that they share, which is not there yet; run one',
  },
  {
    key: 'jRaftInitConf',
    refuses: (value) => value.includes(','),
    reason: 'several controllers need a store that they share, which is not there yet; run one',
  },
];
