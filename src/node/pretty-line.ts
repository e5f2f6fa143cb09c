import type { LogFields } from '../base/index.ts';

/** How the words of a line look; without colours each gives back its text. */
export interface LineStyle {
  readonly message: (text: string) => string;
  readonly faint: (text: string) => string;
  /** Places on the screen that a line may take. */
  readonly width: number;
}

/**
 * What follows time and level in a line for a person: component, message, and the fields as `key=value`, on more lines
 * where one is too short. Errors come last: the sentences of a failure, the stack of what is a bug. Text from outside
 * cannot steer the terminal.
 */
export function prettyLine(log: LogFields, style: LineStyle): string {
  const { component, msg, error, level: _level, time: _time, ...fields } = log;
  const head = printable(component === undefined ? String(msg) : `${component}: ${msg}`);
  const lines: string[] = [style.message(head)];
  let used = prefixPlaces + head.length;
  for (const [key, value] of Object.entries(fields)) {
    const text = valueText(value);
    const places = key.length + 1 + text.length;
    const pair = style.faint(`${key}=`) + text;
    if (used + 2 + places <= style.width) {
      lines[lines.length - 1] += `  ${pair}`;
      used += 2 + places;
    } else {
      lines.push(indent + pair);
      used = indent.length + places;
    }
  }
  for (const line of errorLines(error)) lines.push(indent + style.faint(printable(line)));
  return lines.join('\n');
}

/** As in `[16:33:33.982] ERROR: `. */
const prefixPlaces = 22;
const indent = '    ';

function valueText(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (text === undefined) return '-';
  const isList = Array.isArray(value) && value.every((one) => /^[\w.:/-]+$/.test(String(one)));
  if (isList) return value.join(',') || '-';
  if (typeof value === 'string' && /["=\s]|^$/.test(text)) return printable(JSON.stringify(text));
  return printable(text);
}

/** An error as pino's serializer leaves it. */
interface SerializedError {
  readonly message?: unknown;
  readonly stack?: unknown;
  readonly cause?: unknown;
  /** A `Failure` has one. */
  readonly kind?: unknown;
}

function errorLines(error: unknown): string[] {
  if (error === undefined || error === null) return [];
  if (typeof error !== 'object') return [String(error)];
  const { message, stack, cause, kind }: SerializedError = error;
  const isFailure = typeof kind === 'string';
  const own = isFailure || typeof stack !== 'string' ? String(message) : stack;
  const [first = '', ...others] = own.split('\n');
  return [
    first,
    ...others,
    ...errorLines(cause).map((line, at) => (at === 0 ? `by ${line}` : line)),
  ];
}

/** Shows characters that could move the cursor, recolour the screen or turn the direction of text as a dot. */
const printable = (text: string): string =>
  text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '·');
