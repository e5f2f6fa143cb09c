import type { Command } from 'commander';
import {
  type Admin,
  type AnyOperation,
  type Field,
  type NameKind,
  operations,
} from '../admin/index.ts';
import type { Address } from '../base/index.ts';
import { UsageMistake } from './exit-codes.ts';
import { nounCommand } from './program.ts';
import { readNameServers, runOperation } from './run-operation.ts';
import type { Terminal } from './terminal.ts';

/** What operations talk through, for as long as a command runs. */
export interface Connection extends AsyncDisposable {
  readonly admin: Admin;
}

export interface CommandContext {
  readonly terminal: Terminal;
  connect(nameServers: readonly Address[]): Promise<Connection>;
  /** Aborts when the person wants the command to end. Asked for by commands that would go on for ever. */
  stopSignal(): AbortSignal;
}

/** What the nouns are about. */
export const nouns: Readonly<Record<string, string>> = {
  topic: 'Create, change, list, show and remove topics.',
  group: 'Create, change, list, show and remove consumer groups; how far they are behind.',
  msg: 'Send, follow, look up and find messages.',
  offset: 'Show, reset, set and copy the offsets of consumer groups.',
  client: 'List producers and consumers.',
  broker: 'List and show brokers; show and change their configuration.',
  'broker config': 'Show and change the configuration of a broker (alone: get).',
  ha: 'Replicated groups: how replicas do, who led when and why, and planned changes of the master.',
  controller: 'What only an operator decides for a group.',
  meta: 'Compare the metadata of replicas.',
  bench: 'Measure a broker under load.',
};

/** A command for each operation of the catalogue. */
export function addCommands(program: Command, context: CommandContext): void {
  for (const operation of operations) {
    const words = operation.name.split(' ');
    const verb = words.pop() ?? '';
    let parent = program;
    for (const [depth, word] of words.entries()) {
      const path = words.slice(0, depth + 1).join(' ');
      parent =
        parent.commands.find((command) => command.name() === word) ??
        nounCommand(parent, word, nouns[path] ?? path);
    }
    // A noun below a noun shows what it is about when nothing else is asked for.
    const isDefault = words.length > 1 && verb === 'get';
    addOperation(parent.command(verb, { isDefault }), operation, context);
  }
  program
    .command('mqadmin')
    .summary("Commands of RocketMQ's own tool, with its options and its output.")
    .usage('COMMAND [options]')
    .argument('[words...]')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (words: readonly string[]) => {
      const { runMqadmin } = await import('./mqadmin/index.ts');
      await runMqadmin(words, context);
    });
  program
    .command('completion')
    .summary('Print a script that lets bash, zsh or fish complete commands and names.')
    .argument('<shell>', 'bash, zsh or fish')
    .action(async (shell: string) => {
      const { completionScripts, shells } = await import('./completion.ts');
      const known = shells.find((one) => one === shell);
      if (known === undefined) {
        throw new UsageMistake(`shell must be ${shells.join(', ')}, not "${shell}"`);
      }
      context.terminal.write(completionScripts[known]);
    });
  // What those scripts ask: the words so far, of which the last is unfinished.
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (words: readonly string[]) => {
      const { complete } = await import('./completion.ts');
      const candidates = await complete(program, words, (kind, nameServers) =>
        namesIn(context, kind, nameServers),
      );
      const lines = candidates.map(({ word, description }) => `${word}\t${description}\n`);
      context.terminal.write(lines.join(''));
    });
}

/** Longer nobody wants to wait after a tab. */
const namesWithinMs = 2_000;

/** None when the cluster cannot be asked: a completion is no place for complaints. */
async function namesIn(
  { terminal, connect }: CommandContext,
  kind: NameKind,
  nameServers: string | undefined,
): Promise<readonly string[]> {
  const problems: string[] = [];
  const addresses = readNameServers(nameServers, terminal, problems);
  if (problems.length > 0) return [];
  const { namesOf } = await import('./completion.ts');
  await using connection = await connect(addresses);
  const { admin } = connection;
  const late = admin.clock.sleep(namesWithinMs).then((): readonly string[] => []);
  return await Promise.race([namesOf(admin, kind).catch(() => []), late]);
}

function addOperation(command: Command, operation: AnyOperation, context: CommandContext): void {
  command.summary(operation.summary).description(operation.summary);
  for (const [name, field] of Object.entries(operation.fields)) {
    if (field.positional) command.argument(argumentName(name, field), describe(field));
    else if (field.arity === 'flag') command.option(`--${kebab(name)}`, describe(field));
    else {
      const flags = `--${kebab(name)} <${field.valueName ?? 'value'}>`;
      const collect = (text: string, before: string[] | undefined) => [...(before ?? []), text];
      if (field.arity === 'one') command.requiredOption(flags, describe(field), collect);
      else command.option(flags, describe(field), collect);
    }
  }
  for (const { flags, description, fallback } of commonOptions(operation)) {
    command.option(flags, description, fallback);
  }
  command.action(async () => {
    await runOperation(operation, command, context);
  });
}

interface CommonOption {
  readonly flags: string;
  readonly description: string;
  readonly fallback?: string;
}

/** What can be said to every operation of this kind, beside its own fields. */
export function commonOptions(operation: AnyOperation): readonly CommonOption[] {
  const { effect, kind, preview } = operation;
  return [
    ...(preview === undefined
      ? []
      : [{ flags: '--dry-run', description: 'Only show what would change.' }]),
    ...(effect === 'destroy' ? [{ flags: '-y, --yes', description: 'Do not ask.' }] : []),
    ...(effect === 'read' && kind === 'once'
      ? [{ flags: '-w, --watch [seconds]', description: 'Show again every so often (2 s).' }]
      : []),
    {
      flags: '-n, --namesrv <host:port>',
      description: 'Name servers, separated by ";" (default: $NAMESRV_ADDR, else 127.0.0.1:9876).',
    },
    {
      flags: '-o, --output <format>',
      description: 'table for people; json, yaml for programs.',
      fallback: 'table',
    },
  ];
}

/** As a usage line has it. */
export function argumentName(name: string, field: Field<unknown>): string {
  const shown = `${field.valueName ?? kebab(name)}${field.arity === 'many' ? '...' : ''}`;
  return field.arity === 'one' ? `<${shown}>` : `[${shown}]`;
}

export function describe(field: Field<unknown>): string {
  const repeat = field.arity === 'many' && !field.positional ? ' May be repeated.' : '';
  const fallback = field.defaultText === undefined ? '' : ` (default: ${field.defaultText})`;
  return `${field.description}${repeat}${fallback}`;
}

export const kebab = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
