import type { OptionType, Places } from './options.ts';
import { type Address, formatAddress } from './values.ts';

const text: OptionType<string> = {
  name: 'text',
  parse: (input) => ({ value: input }),
  format: (value) => value,
};

/** The empty text means that there is none. */
const optionalText: OptionType<string | undefined> = {
  name: 'text',
  parse: (input) => ({ value: input === '' ? undefined : input }),
  format: (value) => value ?? '',
};

const integer: OptionType<number> = {
  name: 'whole number',
  parse: (input) => parseInteger(input, 'a whole number'),
  format: String,
};

/** As in Java, without regard to case; unlike there, anything else is a mistake and not false. */
const boolean: OptionType<boolean> = {
  name: 'true or false',
  parse: (input) => {
    const lower = input.toLowerCase();
    if (lower === 'true' || lower === 'false') return { value: lower === 'true' };
    return { problem: `must be true or false, not ${quoted(input)}` };
  },
  format: String,
};

/** Written in percent, used as a share from 0 to 1. */
const percent: OptionType<number> = {
  name: 'percent',
  parse: (input) => {
    const read = parseInteger(input.replace(/\s*%$/, ''), 'a percentage');
    return 'problem' in read ? read : { value: read.value / 100 };
  },
  format: (value) => String(Math.round(value * 100)),
};

const byteUnits = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 } as const;

/** Bytes; also `64k`, `16m`, `1g`, `2t` in powers of 1024. */
const bytes: OptionType<number> = {
  name: 'bytes',
  parse: (input) => parseQuantity(input, byteUnits, 1, 'a number of bytes, such as 65536 or 64k'),
  format: String,
};

const durationUnits = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type DurationUnit = keyof typeof durationUnits;

/** A plain number is in `unit`, as RocketMQ's key has it; also `500ms`, `30s`, `5m`, `72h`, `7d`. Milliseconds in code. */
function duration(unit: DurationUnit): OptionType<number> {
  return {
    name: { ms: 'milliseconds', s: 'seconds', m: 'minutes', h: 'hours', d: 'days' }[unit],
    parse: (input) =>
      parseQuantity(input, durationUnits, durationUnits[unit], 'a duration, such as 500ms or 72h'),
    format: (value) => String(value / durationUnits[unit]),
  };
}

function choice<const Choice extends string>(...choices: Choice[]): OptionType<Choice> {
  return {
    name: choices.join(', '),
    parse: (input) => {
      const value = choices.find((one) => one === input);
      if (value !== undefined) return { value };
      return { problem: `must be one of ${choices.join(', ')}, not ${quoted(input)}` };
    },
    format: (value) => value,
  };
}

/** Absolute in code, with `/` between folders. `~` is the home folder; else it is relative to where the program started. */
const path: OptionType<string> = {
  name: 'path',
  parse: (input, places) =>
    input === '' ? { problem: 'must not be empty' } : { value: absolutePath(input, places) },
  format: (value) => value,
};

const optionalPath: OptionType<string | undefined> = {
  name: 'path',
  parse: (input, places) => ({
    value: input === '' ? undefined : absolutePath(input, places),
  }),
  format: (value) => value ?? '',
};

/** `host:port`, several separated by `;`. */
const addresses: OptionType<readonly Address[]> = {
  name: 'host:port;host:port',
  parse: (input) => {
    const value: Address[] = [];
    for (const part of input.split(/[;,]/).map((piece) => piece.trim())) {
      if (part === '') continue;
      const address = parseAddress(part);
      if (address === undefined) return { problem: `must be host:port, not ${quoted(part)}` };
      value.push(address);
    }
    return { value };
  },
  format: (value) => value.map(formatAddress).join(';'),
};

/** Hours of the day at which something happens, `;` between them. */
const hoursOfDay: OptionType<readonly number[]> = {
  name: 'hours of the day',
  parse: (input) => {
    const parts = input.split(';').map((part) => part.trim());
    if (parts.every((part) => /^([01]?\d|2[0-3])$/.test(part))) return { value: parts.map(Number) };
    return { problem: `must be hours from 00 to 23 with ; between them, not ${quoted(input)}` };
  },
  format: (value) => value.map((hour) => String(hour).padStart(2, '0')).join(';'),
};

/** `host:port` or `[IPv6]:port`; undefined when it is neither. */
export function parseAddress(input: string): Address | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(input);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

const quoted = (input: string): string => (input === '' ? 'nothing' : `"${input}"`);

function parseInteger(input: string, what: string): { value: number } | { problem: string } {
  const value = Number(input);
  if (/^[+-]?\d+$/.test(input) && Number.isSafeInteger(value)) return { value };
  return { problem: `must be ${what}, not ${quoted(input)}` };
}

function parseQuantity(
  input: string,
  units: Readonly<Record<string, number>>,
  plainUnit: number,
  what: string,
): { value: number } | { problem: string } {
  const match = /^([+-]?\d+)\s*([a-z]*)$/.exec(input.toLowerCase());
  const suffix = match?.[2] ?? '';
  const unit = suffix === '' ? plainUnit : units[suffix];
  const value = Number(match?.[1]) * (unit ?? Number.NaN);
  if (Number.isSafeInteger(value)) return { value };
  return { problem: `must be ${what}, not ${quoted(input)}` };
}

function absolutePath(input: string, places: Places): string {
  const forward = input.replaceAll('\\', '/');
  const parts =
    forward === '~' || forward.startsWith('~/')
      ? `${places.homeFolder}/${forward.slice(1)}`
      : isAbsolute(forward)
        ? forward
        : `${places.workingFolder}/${forward}`;
  const resolved: string[] = [];
  for (const part of parts.replaceAll('\\', '/').split('/')) {
    if (part === '..') resolved.pop();
    else if (part !== '' && part !== '.') resolved.push(part);
  }
  const joined = resolved.join('/');
  return /^[A-Za-z]:/.test(joined) ? joined : `/${joined}`;
}

const isAbsolute = (forward: string): boolean => /^(?:\/|[A-Za-z]:\/)/.test(forward);

/** The types that an option may have. */
export const optionTypes = {
  text,
  optionalText,
  integer,
  boolean,
  percent,
  bytes,
  duration,
  choice,
  path,
  optionalPath,
  addresses,
  hoursOfDay,
} as const;
