import type { Command } from 'commander';
import type { Terminal } from '../cli/index.ts';

export interface ServerContext {
  readonly terminal: Terminal;
  stopSignal(): AbortSignal;
}

/** `dev` and `start`: the commands that serve until they are told to stop. */
export function addServerCommands(program: Command, context: ServerContext): void {
  program
    .command('dev')
    .summary('Run a name server and a broker in one process, for development and tests.')
    .description(
      'Run a name server and a broker in one process, for development and tests, reachable from this machine only.',
    )
    .option(
      '--data <folder>',
      'Where the data is kept. Without it: a temporary folder, removed at the end.',
    )
    .option('--namesrv-port <port>', 'Port of the name server; 0 picks a free one.', '9876')
    .option('--broker-port <port>', 'Port of the broker; 0 picks a free one.', '10911')
    .option(
      '--set <key=value>',
      'An option, as in docs/configuration.md. May be repeated.',
      collect,
    )
    .option('--json', 'First line on standard output: one JSON object, when it can serve.')
    .action(async (options: DevOptions) => (await launch()).launchDev(options, context));
  program
    .command('start')
    .summary('Run the roles of an installation.')
    .description('Run the roles of an installation, with a configuration file as RocketMQ has it.')
    .requiredOption(
      '--role <roles>',
      'nameserver, controller, broker, or several with commas between them.',
    )
    .option('-c, --config <file>', 'Configuration: Java properties, with the keys of RocketMQ.')
    .option('--set <key=value>', 'An option; wins over the file. May be repeated.', collect)
    .option('--json', 'First line on standard output: one JSON object, when it can serve.')
    .action(async (options: StartOptions) => (await launch()).launchRoles(options, context));
}

const names: ReadonlySet<string> = new Set(['dev', 'start']);

export const isServer = ([command]: readonly string[]): boolean => names.has(command ?? '');

export interface DevOptions {
  readonly data?: string;
  readonly namesrvPort: string;
  readonly brokerPort: string;
  readonly set?: readonly string[];
  readonly json?: boolean;
}

export interface StartOptions {
  readonly role: string;
  readonly config?: string;
  readonly set?: readonly string[];
  readonly json?: boolean;
}

export const collect = (text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  text,
];

/** The servers are loaded only by a command that starts one. */
const launch = () => import('./launch.ts');
