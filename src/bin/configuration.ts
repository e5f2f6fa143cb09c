import {
  keysWithoutEffect,
  type OptionRules,
  type Places,
  parseAssignments,
  type ReadSettings,
  readOptions,
  type Setting,
} from '../base/index.ts';
import { brokerKeys, brokerOptions, refusedBrokerKeys } from '../broker/index.ts';
import { controllerOptions, refusedControllerKeys } from '../controller/index.ts';
import { nameServerKeys, nameServerOptions, refusedNameServerKeys } from '../nameserver/index.ts';
import { networkKeys } from '../remoting/index.ts';
import { processOptions } from './process-options.ts';

export type Role = 'nameserver' | 'controller' | 'broker';

/** In the order of `firstTableOnly`: in a file for several roles `listenPort` is the broker's, else the name server's. */
export const tables = {
  broker: brokerOptions,
  nameserver: nameServerOptions,
  controller: controllerOptions,
  process: processOptions,
} as const;

/** Keys of RocketMQ, for what an option is not. */
export const rocketmqKeys = [...brokerKeys, ...nameServerKeys, ...networkKeys];

export type Configuration = Extract<
  ReturnType<typeof readOptions<typeof tables>>,
  { readonly options: unknown }
>;

export interface ConfigurationSources {
  readonly roles: ReadonlySet<Role>;
  /** Weakest first. */
  readonly sources: readonly ReadSettings[];
  readonly places: Places;
}

/** All mistakes in all sources, or what the roles are told. */
export function readConfiguration({
  roles,
  sources,
  places,
}: ConfigurationSources): Configuration | { readonly problems: readonly string[] } {
  const settings = sources.flatMap((source) => source.settings);
  const rules: OptionRules = {
    places,
    refused: [...refusedBrokerKeys, ...refusedNameServerKeys, ...refusedControllerKeys],
    withoutEffect: keysWithoutEffect(rocketmqKeys),
    firstTableOnly: new Set(['listenPort']),
  };
  const read = readOptions(inOrder(roles), settings, rules);
  const problems = [
    ...sources.flatMap((source) => source.problems),
    ...('problems' in read ? read.problems : problemsBetween(read)),
  ];
  return 'problems' in read || problems.length > 0 ? { problems } : read;
}

/** The tables of the roles first. */
function inOrder(roles: ReadonlySet<Role>): typeof tables {
  const own = (['broker', 'nameserver', 'controller'] as const).filter((role) => roles.has(role));
  return { ...Object.fromEntries(own.map((role) => [role, tables[role]])), ...tables };
}

/** What no option can tell alone. */
function problemsBetween(configuration: Configuration): readonly string[] {
  return [...problemsOfPaths(configuration), ...problemsOfReplicas(configuration)];
}

function problemsOfPaths({ options, origins }: Configuration): readonly string[] {
  const { storePath, commitLogPath } = options.broker;
  if (commitLogPath === undefined || commitLogPath === `${storePath}/commitlog`) return [];
  const place = `${origins.broker['commitLogPath']}: storePathCommitLog`;
  return [`${place}: must be commitlog in storePathRootDir, that is ${storePath}/commitlog`];
}

function problemsOfReplicas({ options, origins }: Configuration): readonly string[] {
  const { controllerMode, controllers, brokerId, brokerRole } = options.broker;
  if (controllerMode) {
    if (controllers.length > 0) return [];
    const place = origins.broker['controllerMode'];
    return [`${place}: enableControllerMode=true: needs controllerAddr`];
  }
  if (brokerRole === 'SLAVE' && brokerId === 0) {
    return [`${origins.broker['brokerRole']}: brokerRole=SLAVE: needs a brokerId above 0`];
  }
  if (brokerRole !== 'SLAVE' && brokerId > 0) {
    const place = origins.broker['brokerId'];
    return [`${place}: brokerId=${brokerId}: only a slave has one above 0; set brokerRole=SLAVE`];
  }
  return [];
}

/** What a development server has instead of the defaults for installations. */
export function developmentSettings(dataFolder: string): ReadSettings {
  return settingsOf('holdfast dev', {
    'broker.storePathRootDir': `${dataFolder}/store`,
    'broker.brokerIP1': '127.0.0.1',
    'nameserver.kvConfigPath': `${dataFolder}/nameserver/kvConfig.json`,
    'nameserver.configStorePath': `${dataFolder}/nameserver/namesrv.changes`,
    'controller.controllerStorePath': `${dataFolder}/controller`,
    // A group of one has no followers, and several may run on one machine.
    'broker.haListenPort': '-1',
    bindAddress: '127.0.0.1',
    mappedFileSizeCommitLog: '64m',
  });
}

export function settingsOf(
  origin: string,
  values: Readonly<Record<string, string | undefined>>,
): ReadSettings {
  const settings: Setting[] = [];
  for (const [key, value] of Object.entries(values)) {
    if (value !== undefined) settings.push({ key, value, origin });
  }
  return { settings, problems: [] };
}

export const commandLineSettings = (assignments: readonly string[]): ReadSettings =>
  parseAssignments(assignments, '--set');
