import { Command, CommanderError } from 'commander';
import type { CommandContext } from './commands.ts';
import { ExitCode, exitCodeOf, explain } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

/** The program without its commands. Mistakes come out of `runProgram` as exit codes; nothing ends the process. */
export function createProgram(version: string, terminal: Terminal): Command {
  return configure(new Command('holdfast'), terminal)
    .description('A message broker for Node.js, wire-compatible with Apache RocketMQ.')
    .version(version, '-V, --version', 'Show the version.')
    .helpCommand(false)
    .enablePositionalOptions()
    .addHelpText('after', exitCodes);
}

const exitCodes = `
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 cannot reach the other side.
`;

/** Subcommands inherit all of it. */
function configure(command: Command, terminal: Terminal): Command {
  return command
    .exitOverride()
    .helpOption('-h, --help', 'Show this text.')
    .showSuggestionAfterError(true)
    .configureHelp({ showGlobalOptions: false, sortSubcommands: false })
    .configureOutput({
      writeOut: (text) => terminal.write(text),
      writeErr: (text) => terminal.writeError(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'holdfast: ')),
      getOutHelpWidth: () => terminal.columns ?? 100,
      getErrHelpWidth: () => terminal.columns ?? 100,
    });
}

/** A command that has commands of its own. Without one of them it shows its help and is wrong usage. */
export function nounCommand(program: Command, name: string, summary: string): Command {
  return program.command(name).summary(summary).description(summary).helpCommand(false);
}

/** A command for each operation of the catalogue; loaded here, so that servers start without them. */
export async function addOperationCommands(
  program: Command,
  context: CommandContext,
): Promise<void> {
  const { addCommands } = await import('./commands.ts');
  addCommands(program, context);
}

export async function runProgram(
  program: Command,
  parameters: readonly string[],
  terminal: Terminal,
): Promise<ExitCode> {
  try {
    await program.parseAsync([...parameters], { from: 'user' });
    return ExitCode.done;
  } catch (error) {
    // Commander has written its message.
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? ExitCode.done : ExitCode.usage;
    }
    for (const line of explain(error)) terminal.writeError(`holdfast: ${line}\n`);
    return exitCodeOf(error);
  }
}

/** docs/cli.md, with commands that are no operations. Loads the whole catalogue. */
export async function reference(others: readonly Command[]): Promise<string> {
  return (await import('./reference-page.ts')).referencePage(others);
}
