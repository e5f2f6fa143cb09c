import type { Command } from 'commander';
import type { Admin, AnyOperation, Field, NameKind } from '../admin/index.ts';
import { listBrokers, listGroups, listTopics, operations } from '../admin/index.ts';
import { commonOptions, describe, kebab } from './commands.ts';
import { toolCommands } from './mqadmin/index.ts';
import { offeredBy } from './offers.ts';
import { outputFormats } from './output.ts';

/** One thing that may stand where the cursor is. */
export interface Candidate {
  readonly word: string;
  readonly description: string;
}

/** Names that exist, asked for only where one may stand; none when nobody can tell. */
export type AskNames = (
  kind: NameKind,
  nameServers: string | undefined,
) => Promise<readonly string[]>;

/**
 * What may follow `words`, of which the last is unfinished, perhaps empty. Commands and their options come from the
 * catalogue of operations, those that serve from the program.
 */
export async function complete(
  program: Command,
  words: readonly string[],
  ask: AskNames,
): Promise<readonly Candidate[]> {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? '';
  const candidates = await candidatesAfter(program, before, current, ask);
  return candidates.filter(({ word }) => word.startsWith(current));
}

async function candidatesAfter(
  program: Command,
  before: readonly string[],
  current: string,
  ask: AskNames,
): Promise<readonly Candidate[]> {
  if (before[0] === 'mqadmin') {
    return before.length > 1
      ? []
      : toolCommands.map(({ name, summary }) => ({ word: name, description: summary }));
  }
  let command = program;
  let depth = 0;
  for (const word of before) {
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined) break;
    command = next;
    depth += 1;
  }
  const operation = operations.find(({ name }) => name === before.slice(0, depth).join(' '));
  if (operation !== undefined)
    return await inOperation(operation, before.slice(depth), current, ask);
  const offered = offeredBy(command);
  if (offered !== undefined && !current.startsWith('-')) {
    return (await offered()).map((word) => ({ word, description: '' }));
  }
  if (current.startsWith('-') || command.commands.length === 0) return optionsOf(command);
  return command.commands
    .filter((one) => one.summary() !== '') // Of hidden ones.
    .map((one) => ({ word: one.name(), description: one.summary() }));
}

const optionsOf = (command: Command): readonly Candidate[] =>
  command.options.map(({ long, short, description }) => ({
    word: long ?? short ?? '',
    description,
  }));

async function inOperation(
  operation: AnyOperation,
  given: readonly string[],
  current: string,
  ask: AskNames,
): Promise<readonly Candidate[]> {
  const flags = flagsOf(operation);
  const last = given.at(-1);
  const open = flags.find((one) => one.takesValue && one.spellings.includes(last ?? ''));
  const nameServers = nameServersIn(given);
  if (open !== undefined) return await valuesOf(open, nameServers, ask);
  if (current.startsWith('-')) {
    return flags
      .filter(
        ({ isRepeatable, spellings }) =>
          isRepeatable || !spellings.some((one) => given.includes(one)),
      )
      .map(({ spellings: [word = ''], description }) => ({ word, description }));
  }
  const positional = Object.values(operation.fields).filter((field) => field.positional);
  const place = positionalsIn(given, flags);
  const field = positional[place] ?? positional.findLast(({ arity }) => arity === 'many');
  if (field === undefined) return [];
  return await valuesOf({ field }, nameServers, ask);
}

interface Flag {
  readonly spellings: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  readonly isRepeatable: boolean;
  readonly field?: Field<unknown>;
  readonly values?: readonly string[];
}

function flagsOf(operation: AnyOperation): readonly Flag[] {
  const own = Object.entries(operation.fields)
    .filter(([, field]) => !field.positional)
    .map(([name, field]) => ({
      spellings: [`--${kebab(name)}`],
      description: describe(field),
      takesValue: field.arity !== 'flag',
      isRepeatable: field.arity === 'many',
      field,
    }));
  const common = commonOptions(operation).map(({ flags, description }) => ({
    spellings: flags.match(/--?[a-z][a-z-]*/g)?.reverse() ?? [],
    description,
    takesValue: flags.includes('<'),
    isRepeatable: false,
    ...(flags.includes('--output') ? { values: outputFormats } : {}),
  }));
  return [...own, ...common];
}

/** How many words are neither options nor their values. */
function positionalsIn(given: readonly string[], flags: readonly Flag[]): number {
  let count = 0;
  for (let index = 0; index < given.length; index++) {
    const word = given[index] ?? '';
    const flag = flags.find(({ spellings }) => spellings.includes(word));
    if (flag?.takesValue) index += 1;
    else if (!word.startsWith('-')) count += 1;
  }
  return count;
}

function nameServersIn(given: readonly string[]): string | undefined {
  const at = given.findLastIndex((word) => word === '-n' || word === '--namesrv');
  return at < 0 ? undefined : given[at + 1];
}

async function valuesOf(
  { field, values }: Pick<Flag, 'field' | 'values'>,
  nameServers: string | undefined,
  ask: AskNames,
): Promise<readonly Candidate[]> {
  const names = field?.names;
  const words = values ?? (names === undefined ? choicesOf(field) : await ask(names, nameServers));
  return words.map((word) => ({ word, description: '' }));
}

/** Types with few values say them by their name. */
function choicesOf(field: Field<unknown> | undefined): readonly string[] {
  const name = field?.type.name ?? '';
  const known = choices[name];
  if (known !== undefined) return known;
  return name.includes(', ') ? name.split(', ') : [];
}

const choices: Readonly<Record<string, readonly string[]>> = {
  'true or false': ['true', 'false'],
  'r, w, rw or a number': ['r', 'w', 'rw', 'none'],
  'first, last or an offset': ['first', 'last'],
  'first, last or a time': ['first', 'last'],
};

/** From the cluster, for `AskNames`. */
export async function namesOf(admin: Admin, kind: NameKind): Promise<readonly string[]> {
  switch (kind) {
    case 'topic':
      return (await listTopics.run(admin, { all: false })).map(({ topic }) => topic);
    case 'group':
      return (await listGroups.run(admin, { all: false })).map(({ group }) => group);
    case 'broker':
      return unique((await listBrokers.run(admin, {})).map(({ broker }) => broker));
    case 'cluster':
      return unique((await listBrokers.run(admin, {})).map(({ cluster }) => cluster));
  }
}

const unique = (words: readonly string[]): readonly string[] => [...new Set(words)];

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** For the start-up file of the shell. They ask the program itself, and so are never out of date. */
export const completionScripts: Readonly<Record<Shell, string>> = {
  // Bash breaks words at colons and equals signs too: the words are read from the line, and the candidates
  // lose what stands before the last break.
  bash: `# In ~/.bashrc: source <(holdfast completion bash)
_holdfast() {
  local line="\${COMP_LINE:0:COMP_POINT}" found one current before
  local -a words
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  current="\${words[\${#words[@]}-1]}"
  before="\${current%"\${COMP_WORDS[COMP_CWORD]}"}"
  found="$(holdfast complete -- "\${words[@]:1}" 2>/dev/null)"
  COMPREPLY=()
  while IFS=$'\\t' read -r one _; do
    [[ -n $one ]] && COMPREPLY+=("\${one#"$before"}")
  done <<< "$found"
}
complete -F _holdfast holdfast
`,
  zsh: `# In ~/.zshrc, after compinit: source <(holdfast completion zsh)
_holdfast() {
  local line
  local -a described
  for line in "\${(@f)$(holdfast complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -n $line ]] && described+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  _describe 'holdfast' described
}
compdef _holdfast holdfast
`,
  fish: `# In ~/.config/fish/completions/holdfast.fish: holdfast completion fish | source
complete -c holdfast -f -a '(holdfast complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
};
