import type { Command } from 'commander';
import type { Terminal } from '../cli/index.ts';
import { collect } from './server-commands.ts';

/** `config check` and `config show`: what a configuration says, without starting anything. */
export function addConfigCommands(program: Command, terminal: Terminal): void {
  const summary = 'Check a configuration and show what it means.';
  const noun = program.command('config').summary(summary).description(summary).helpCommand(false);
  noun
    .command('check')
    .summary('Tell every mistake of a configuration file, and what has no effect.')
    .description(
      'Tell every mistake of a configuration file, and which keys of RocketMQ have no effect. Exit code 2 when there are mistakes.',
    )
    .argument('<file>', 'Configuration: Java properties, with the keys of RocketMQ.')
    .option('--role <roles>', roleHelp, 'broker')
    .option('--set <key=value>', 'An option; wins over the file. May be repeated.', collect)
    .option('--json', 'One JSON object.')
    .action(async (file: string, options: CheckOptions) =>
      (await load()).checkConfiguration(file, options, terminal),
    );
  noun
    .command('show')
    .summary('Show the value of every option.')
    .description('Show the value of every option, as a server started with the same words has it.')
    .argument('[keys...]', 'Only these keys.')
    .option('-c, --config <file>', 'Configuration: Java properties, with the keys of RocketMQ.')
    .option('--role <roles>', roleHelp, 'broker')
    .option('--set <key=value>', 'An option; wins over the file. May be repeated.', collect)
    .option('--origin', 'Tell where each value comes from.')
    .option('--json', 'A JSON array.')
    .action(async (keys: readonly string[], options: ShowOptions) =>
      (await load()).showConfiguration(keys, options, terminal),
    );
}

const roleHelp = 'nameserver, controller, broker, or several with commas between them.';

export interface CheckOptions {
  readonly role: string;
  readonly set?: readonly string[];
  readonly json?: boolean;
}

export interface ShowOptions extends CheckOptions {
  readonly config?: string;
  readonly origin?: boolean;
}

const load = () => import('./config.ts');
