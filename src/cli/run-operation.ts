import type { Command } from 'commander';
import type { Admin, AnyOperation } from '../admin/index.ts';
import { type Address, Failure, optionTypes } from '../base/index.ts';
import { type CommandContext, kebab } from './commands.ts';
import { UsageMistake } from './exit-codes.ts';
import { type OutputFormat, outputFormats, printerOf, showChanges } from './output.ts';
import type { Terminal } from './terminal.ts';

interface CommonOptions {
  readonly namesrv?: string;
  readonly output: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  /** `true` without seconds. */
  readonly watch?: string | true;
}

interface Wish {
  readonly nameServers: readonly Address[];
  readonly input: Readonly<Record<string, unknown>>;
  readonly format: OutputFormat;
  readonly watchMs: number | undefined;
}

/** Reads the command line, asks where it must, and shows the outcome. */
export async function runOperation(
  operation: AnyOperation,
  command: Command,
  context: CommandContext,
): Promise<void> {
  const { terminal } = context;
  const options = command.opts<CommonOptions>();
  const wish = await readWish(operation, command, terminal);
  const { input, format } = wish;
  const subject = `${operation.name} ${command.args.join(' ')}`.trim();
  if (operation.effect === 'destroy' && options.yes !== true && options.dryRun !== true) {
    if (!terminal.interactive) {
      throw new UsageMistake(`${subject}: cannot be undone; add --yes to do it`);
    }
  }
  await using connection = await context.connect(wish.nameServers);
  const { admin } = connection;
  if (operation.preview !== undefined && options.dryRun === true) {
    const changes = await operation.preview(admin, input);
    terminal.write(await showChanges(changes, format, terminal));
    return;
  }
  if (operation.effect === 'destroy' && options.yes !== true) {
    await confirm(operation, subject, admin, input, terminal);
  }
  const print = await printerOf(operation, format, terminal);
  if (operation.kind === 'stream') {
    const items = operation.run(admin, input, context.stopSignal());
    for await (const item of items) terminal.write(print(item));
    return;
  }
  if (wish.watchMs === undefined) {
    const output = await operation.run(admin, input);
    terminal.write(print(output));
    const verdict = operation.verdict?.(output);
    if (verdict !== undefined) throw new Failure('invalid', verdict);
    return;
  }
  const watch = await printerOf(operation, format, terminal, { isRepeated: true });
  const stop = context.stopSignal();
  while (!stop.aborted) {
    const shown = watch(await operation.run(admin, input));
    if (stop.aborted) return;
    terminal.write(format === 'table' ? redrawn(shown, terminal) : shown);
    await admin.clock.sleep(wish.watchMs, stop);
  }
}

/** On a screen from its top left corner on, cut to its height; elsewhere one after the other. */
function redrawn(text: string, { columns, rows }: Terminal): string {
  if (columns === undefined) return `${text}\n`;
  const lines = text.split('\n').slice(0, Math.max(1, (rows ?? 24) - 1));
  // Each line clears what is left of the one before it, which flickers less than to clear all first.
  return `\u001b[H${lines.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`;
}

async function confirm(
  operation: AnyOperation,
  subject: string,
  admin: Admin,
  input: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<void> {
  const changes = (await operation.preview?.(admin, input)) ?? [];
  terminal.writeError(await showChanges(changes, 'table', terminal));
  const answer = await terminal.ask(`${subject}: this cannot be undone. Go on? [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) throw new UsageMistake(`${subject}: not done`);
}

/** All mistakes together. */
async function readWish(
  operation: AnyOperation,
  command: Command,
  terminal: Terminal,
): Promise<Wish> {
  const options = command.opts<CommonOptions>();
  const problems: string[] = [];
  const nameServers = readNameServers(options.namesrv, terminal, problems);
  const input = await readInput(operation, command, terminal, problems);
  const format = outputFormats.find((one) => one === options.output);
  if (format === undefined) {
    problems.push(`--output must be ${outputFormats.join(', ')}, not "${options.output}"`);
  }
  const watchMs = readWatch(options.watch, problems);
  if (problems.length > 0 || format === undefined) throw new UsageMistake(...problems);
  return { nameServers, input, format, watchMs };
}

function readWatch(option: string | true | undefined, problems: string[]): number | undefined {
  if (option === undefined) return undefined;
  const seconds = option === true ? 2 : Number(option);
  if (seconds >= 0.1 && seconds <= 86_400) return seconds * 1000;
  problems.push(`--watch must be seconds from 0.1 on, not "${option}"`);
  return undefined;
}

async function readInput(
  operation: AnyOperation,
  command: Command,
  terminal: Terminal,
  problems: string[],
): Promise<Record<string, unknown>> {
  const input: Record<string, unknown> = {};
  const options = command.opts<Record<string, unknown>>();
  const positional = [...command.args];
  for (const [name, field] of Object.entries(operation.fields)) {
    const given = !field.positional
      ? options[name]
      : field.arity === 'many'
        ? positional.splice(0)
        : positional.shift();
    const texts = given === undefined || given === false ? [] : [given].flat().map(String);
    if (field.readsInput && texts[0] === '-') {
      input[name] = await terminal.readInput();
      continue;
    }
    const read = field.read(texts);
    if ('value' in read) input[name] = read.value;
    else problems.push(`${field.positional ? kebab(name) : `--${kebab(name)}`} ${read.problem}`);
  }
  return input;
}

export function readNameServers(
  option: string | undefined,
  terminal: Terminal,
  problems: string[],
): readonly Address[] {
  const text = option ?? (terminal.environment['NAMESRV_ADDR'] || '127.0.0.1:9876');
  const origin = option === undefined ? 'NAMESRV_ADDR' : '--namesrv';
  const read = optionTypes.addresses.parse(text, { homeFolder: '/', workingFolder: '/' });
  if ('problem' in read) problems.push(`${origin} ${read.problem}`);
  else if (read.value.length === 0) problems.push(`${origin} must name a name server`);
  else return read.value;
  return [];
}
