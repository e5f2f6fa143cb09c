import { UsageMistake } from '../exit-codes.ts';

/** As the options of RocketMQ's tool are declared. */
export interface ToolOption {
  readonly short?: string;
  readonly long: string;
  readonly takesValue: boolean;
  readonly isRequired?: boolean;
  /** One of those that are alternatives must be given. */
  readonly isAlternative?: boolean;
  readonly description: string;
}

export const value = (
  short: string | undefined,
  long: string,
  description: string,
  rest: Pick<ToolOption, 'isRequired' | 'isAlternative'> = {},
): ToolOption => ({
  ...(short === undefined ? {} : { short }),
  long,
  takesValue: true,
  description,
  ...rest,
});

export const switchOption = (short: string, long: string, description: string): ToolOption => ({
  short,
  long,
  takesValue: false,
  description,
});

export const commonToolOptions: readonly ToolOption[] = [
  switchOption('h', 'help', 'Print help'),
  value('n', 'namesrvAddr', "Name server address list, eg: '192.168.0.1:9876;192.168.0.2:9876'"),
];

/** What was given, by the long names of the options. A switch that was given has the empty text. */
export type Given = ReadonlyMap<string, string>;

/** Other words are ignored, as by RocketMQ's tool. */
export function readToolOptions(words: readonly string[], options: readonly ToolOption[]): Given {
  const given = new Map<string, string>();
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (!word.startsWith('-') || word === '-' || word === '--') continue;
    const equals = word.indexOf('=');
    const name = (equals < 0 ? word : word.slice(0, equals)).replace(/^--?/, '');
    const found = find(options, word, name);
    if (found === undefined) throw new UsageMistake(`Unrecognized option: ${word}`);
    const { option, attached } = found;
    if (!option.takesValue) {
      given.set(option.long, '');
      continue;
    }
    const text = equals < 0 ? (attached ?? nextValue(rest, options)) : word.slice(equals + 1);
    if (text === undefined) {
      throw new UsageMistake(`Missing argument for option: ${option.short ?? option.long}`);
    }
    given.set(option.long, text);
  }
  return given;
}

/** An option by its long or short name, or by its first letter with the value behind it. */
function find(options: readonly ToolOption[], word: string, name: string) {
  const exact = options.find(
    ({ short, long }) => long === name || (short === name && !word.startsWith('--')),
  );
  if (exact !== undefined) return { option: exact, attached: undefined };
  if (word.startsWith('--')) return undefined;
  const option = options.find(({ short, takesValue }) => takesValue && short === word[1]);
  return option === undefined ? undefined : { option, attached: word.slice(2) };
}

/** A value may begin with a dash, such as -1, but is not an option itself. */
function nextValue(rest: string[], options: readonly ToolOption[]): string | undefined {
  const [next] = rest;
  if (next === undefined) return undefined;
  const name = next.replace(/^--?/, '');
  const isOption =
    next.startsWith('-') && options.some(({ short, long }) => short === name || long === name);
  return isOption ? undefined : rest.shift();
}

/** The sentence about what is missing; undefined when nothing is. */
export function missingOptions(given: Given, options: readonly ToolOption[]): string | undefined {
  const missing: string[] = [];
  const alternatives = options.filter(({ isAlternative }) => isAlternative);
  if (alternatives.length > 0 && !alternatives.some(({ long }) => given.has(long))) {
    const texts = alternatives.map(({ short, description }) => `-${short} ${description}`);
    missing.push(`[${texts.join(', ')}]`);
  }
  for (const { isRequired, long, short } of options) {
    if (isRequired && !given.has(long)) missing.push(short ?? long);
  }
  if (missing.length === 0) return undefined;
  return `Missing required option${missing.length === 1 ? '' : 's'}: ${missing.join(', ')}`;
}

const usageWidth = 110;

/** As Apache Commons CLI writes it, which RocketMQ's tool uses. */
export function usageOf(command: string, declared: readonly ToolOption[]): string {
  const options = [...declared].sort((a, b) =>
    compare((a.short ?? a.long).toLowerCase(), (b.short ?? b.long).toLowerCase()),
  );
  const written: string[] = [];
  const alternatives = options.filter(({ isAlternative }) => isAlternative);
  for (const option of options) {
    if (option.isAlternative) {
      if (option === alternatives[0]) written.push(`${alternatives.map(bare).join(' | ')} `);
    } else written.push(option.isRequired ? bare(option) : `[${bare(option)}]`);
  }
  const first = wrap(`usage: mqadmin ${command} ${written.join(' ')}`, 7);
  const names = options.map(
    ({ short, long, takesValue }) =>
      ` ${short === undefined ? '   ' : `-${short},`}--${long}${takesValue ? ' <arg>' : ''}`,
  );
  const width = Math.max(...names.map((name) => name.length)) + 3;
  const lines = options.map(({ description }, index) =>
    wrap(`${(names[index] ?? '').padEnd(width)}${description}`, width),
  );
  return `${[first, ...lines].join('\n')}\n`;
}

const bare = ({ short, long, takesValue }: ToolOption): string =>
  `${short === undefined ? `--${long}` : `-${short}`}${takesValue ? ' <arg>' : ''}`;

/** Breaks at the last blank that fits, or in a word that is too long; further lines are indented. */
function wrap(text: string, indent: number): string {
  if (text.length <= usageWidth) return text;
  const blank = text.lastIndexOf(' ', usageWidth);
  const at = blank > indent ? blank : usageWidth;
  const rest = `${' '.repeat(indent)}${text.slice(at).trimStart()}`;
  return `${text.slice(0, at).trimEnd()}\n${wrap(rest, indent)}`;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
