import { Command } from 'commander';
import { reference } from '../cli/index.ts';
import { addClusterCommands } from './cluster-commands.ts';
import { nodeTerminal, stopSignal } from './node-terminal.ts';

/** docs/cli.md */
export function referenceOfAll(): Promise<string> {
  const program = new Command('holdfast');
  addClusterCommands(program, { terminal: nodeTerminal, stopSignal });
  return reference(program.commands);
}
