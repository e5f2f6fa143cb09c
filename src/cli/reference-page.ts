import type { Command } from 'commander';
import { type AnyOperation, type Field, type Form, operations } from '../admin/index.ts';
import { argumentName, commonOptions, describe, kebab, nouns } from './commands.ts';
import { toolCommands } from './mqadmin/index.ts';
import { commonToolOptions, usageOf } from './mqadmin/options.ts';

/** docs/cli.md, from the catalogue of operations, and of commands that are none from what they say of themselves. */
export function referencePage(others: readonly Command[]): string {
  const sections = Object.entries(nouns).flatMap(([noun, about]) => {
    const own = operations.filter(({ name }) => nounOf(name) === noun);
    return own.length === 0 ? [] : [`## ${noun}\n\n${about}\n\n${own.map(entry).join('\n')}`];
  });
  const local = others.map((command) => `${localSection(command)}\n`).join('');
  return `${introduction}\n${overview()}\n${sections.join('\n')}\n${local}${mqadmin()}`;
}

const nounOf = (name: string): string => name.split(' ').slice(0, -1).join(' ');

const introduction = `# Command line

This page is written from the catalogue of operations by \`npm run reference\`; do not edit it.

Every command works over the remoting protocol, with Holdfast and with Apache RocketMQ.

| What | How |
|---|---|
| Name servers | \`-n HOST:PORT\` (several with \`;\` between them), else \`NAMESRV_ADDR\`, else \`127.0.0.1:9876\` |
| For people | Tables that fit the terminal; colours at a terminal only, none with \`NO_COLOR\` |
| For programs | \`-o json\` or \`-o yaml\`. Numbers of 64 bits are texts, lists are arrays of objects, what is absent is left out. Operations that go on give one JSON document a line |
| Before a change | \`--dry-run\` shows what would change: where, what, now, then. After a change the result is read back from the broker |
| What destroys | Shows what would be gone and asks; where nobody can answer it wants \`--yes\` |
| To watch | \`-w\`, \`-w 5\`: again every 2 or 5 seconds, redrawn on a terminal |
| Times | \`"2026-01-31 14:00:00"\` (local), with a zone \`2026-01-31T14:00:00Z\`, milliseconds since 1970, \`10m\` (ago), \`now\` |
| Completion | \`source <(holdfast completion bash)\`; also \`zsh\`, \`fish\`. Names of topics, groups and brokers come from the cluster |

| Exit code | Meaning |
|---|---|
| 0 | done |
| 1 | refused or failed; one line with RocketMQ's response code by name |
| 2 | wrong usage, or a question that nobody could answer; nothing was changed |
| 3 | no name server or broker could be reached |
`;

function overview(): string {
  const rows = operations.map(
    ({ name, summary, effect }) => `| [${name}](#${anchor(name)}) | ${effect} | ${summary} |`,
  );
  return `| Command | Effect | |\n|---|---|---|\n${rows.join('\n')}\n`;
}

const anchor = (name: string): string => `holdfast-${name.replaceAll(' ', '-')}`;

function entry(operation: AnyOperation): string {
  const { name, summary, fields, requests, output, kind } = operation;
  const positional = Object.entries(fields).filter(([, field]) => field.positional);
  const words = positional.map(([field, one]) => argumentName(field, one));
  const usage = ['holdfast', name, '[options]', ...words].join(' ');
  const rows = [
    ...positional.map(([field, one]) => row(argumentName(field, one), describe(one))),
    ...Object.entries(fields)
      .filter(([, field]) => !field.positional)
      .map(([field, one]) => row(flagOf(field, one), describe(one) + required(one))),
    ...commonOptions(operation)
      .filter(({ flags }) => !/--(?:namesrv|output)/.test(flags))
      .map(({ flags, description }) => row(flags, description)),
  ];
  const table = rows.length === 0 ? '' : `\n| | |\n|---|---|\n${rows.join('\n')}\n`;
  const gives = kind === 'stream' ? 'Gives, again and again' : 'Gives';
  return `### holdfast ${name}\n\n${summary}\n\n\`\`\`\n${usage}\n\`\`\`\n${table}
${gives}:\n\n\`\`\`\n${formText(output.form, '')}\n\`\`\`\n
Requests: ${requests.join(', ')}\n`;
}

const required = (field: Field<unknown>): string => (field.arity === 'one' ? ' Required.' : '');

const flagOf = (name: string, field: Field<unknown>): string =>
  field.arity === 'flag' ? `--${kebab(name)}` : `--${kebab(name)} <${field.valueName ?? 'value'}>`;

const row = (name: string, text: string): string =>
  `| \`${name.replaceAll('|', '\\|')}\` | ${text.replaceAll('|', '\\|')} |`;

function formText(form: Form, indent: string): string {
  if (typeof form === 'string') return form;
  if ('each' in form) return `[${formText(form.each, indent)}]`;
  const inner = `${indent}  `;
  const members = Object.entries(form.members).map(
    ([name, member]) => `${inner}${name}: ${formText(member, inner)}`,
  );
  return `{\n${members.join('\n')}\n${indent}}`;
}

function localSection(command: Command): string {
  const own = command.commands.map((each) => localEntry(each, `${command.name()} ${each.name()}`));
  return `## ${command.name()}\n\n${[localEntry(command, command.name()), ...own].join('\n')}`;
}

function localEntry(command: Command, name: string): string {
  const words = command.registeredArguments.map((argument) => `<${argument.name()}>`);
  const rows = command.options.map(({ flags, description, defaultValue }) => {
    const otherwise = defaultValue === undefined ? '' : ` Default: ${String(defaultValue)}.`;
    return row(flags, `${description}${otherwise}`);
  });
  const table = rows.length === 0 ? '' : `\n| | |\n|---|---|\n${rows.join('\n')}\n`;
  const usage = ['holdfast', name, '[options]', ...words].join(' ');
  return `### holdfast ${name}\n\n${command.description()}\n\n\`\`\`\n${usage}\n\`\`\`\n${table}`;
}

function mqadmin(): string {
  const usages = toolCommands.map(({ name, options }) =>
    usageOf(name, [...options, ...commonToolOptions]),
  );
  return `## mqadmin

\`holdfast mqadmin COMMAND\`, or a link named \`mqadmin\` to the program, stands in for RocketMQ's own tool (5.5.0) in the ten
commands that scripts use most: the same options, columns and texts. It differs where the tool hides what happened: a
failure is one line on standard error with an exit code that is not 0, where the tool prints a stack trace and ends with 0;
\`-h\` needs no other options.

\`\`\`
${usages.join('\n')}\`\`\`
`;
}
