/**
 * Owns the command line: commands made from the catalogue of operations, tables for people, JSON for programs, exit codes.
 */
export type { CommandContext, Connection } from './commands.ts';
export { ExitCode, UsageMistake } from './exit-codes.ts';
export { offer } from './offers.ts';
export { addOperationCommands, createProgram, reference, runProgram } from './program.ts';
export type { Terminal } from './terminal.ts';
