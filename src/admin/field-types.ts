import {
  type BrokerId,
  brokerId as brokerIdOf,
  type OptionType,
  optionTypes,
  type TimestampMs,
  timestampMs,
} from '../base/index.ts';

const text: OptionType<string> = {
  name: 'text',
  parse: (input) => (input === '' ? { problem: 'must not be empty' } : { value: input }),
  format: (value) => value,
};

/** Bytes of a message, given as text. */
const payload: OptionType<Uint8Array> = {
  name: 'text',
  parse: (input) =>
    input === '' ? { problem: 'must not be empty' } : { value: new TextEncoder().encode(input) },
  format: (value) => new TextDecoder().decode(value),
};

const natural: OptionType<number> = {
  name: 'whole number',
  parse: (input, places) => {
    const read = optionTypes.integer.parse(input, places);
    if ('value' in read && read.value < 0) return { problem: `must not be below 0: ${input}` };
    return read;
  },
  format: String,
};

/** An attribute of a topic or group. On the wire `+` and `-` before the name mean set and remove; here options do. */
const attribute: OptionType<readonly [name: string, value: string]> = {
  name: 'name=value',
  parse: (input, places) =>
    /^[+-]/.test(input)
      ? { problem: `must be NAME=VALUE without "${input.slice(0, 1)}", not "${input}"` }
      : assignment.parse(input, places),
  format: ([name, value]) => `${name}=${value}`,
};

const assignment: OptionType<readonly [name: string, value: string]> = {
  name: 'name=value',
  parse: (input) => {
    const end = input.indexOf('=');
    if (end <= 0) return { problem: `must be NAME=VALUE, not "${input}"` };
    return { value: [input.slice(0, end), input.slice(end + 1)] };
  },
  format: ([name, value]) => `${name}=${value}`,
};

/** Bits of RocketMQ's permission; people may say `rw`. */
const permission: OptionType<number> = {
  name: 'r, w, rw or a number',
  parse: (input) => {
    const value = permissions[input.toLowerCase()];
    return value === undefined
      ? { problem: `must be r (4), w (2), rw (6) or none (0), not "${input}"` }
      : { value };
  },
  format: (value) => permissionText(value),
};

const permissions: Readonly<Record<string, number>> = {
  none: 0,
  '0': 0,
  w: 2,
  '2': 2,
  r: 4,
  '4': 4,
  rw: 6,
  '6': 6,
};

export function permissionText(perm: number): string {
  const letters = `${(perm & 4) === 0 ? '' : 'r'}${(perm & 2) === 0 ? '' : 'w'}`;
  return letters === '' ? 'none' : letters;
}

/** Where to begin in a queue. */
export type StartingPoint = 'first' | 'last' | number;

const startingPoint: OptionType<StartingPoint> = {
  name: 'first, last or an offset',
  parse: (input, places) => {
    if (input === 'first' || input === 'last') return { value: input };
    const read = natural.parse(input, places);
    return 'value' in read ? read : { problem: `must be first, last or an offset, not "${input}"` };
  },
  format: String,
};

/** A moment, or how long ago it was when the operation runs. */
export type TimePoint = { readonly at: number } | { readonly agoMs: number };

const timePoint: OptionType<TimePoint> = {
  name: 'time',
  parse: (input, places) => {
    if (input === 'now') return { value: { agoMs: 0 } };
    if (/^\d{9,}$/.test(input)) return { value: { at: Number(input) } };
    if (/^\d+(ms|s|m|h|d)$/.test(input)) {
      const read = optionTypes.duration('ms').parse(input, places);
      return 'value' in read ? { value: { agoMs: read.value } } : read;
    }
    // Without a zone it is the time of the place where the program runs.
    const at = /^\d{4}-\d\d-\d\d/.test(input) ? Date.parse(withTime(input)) : Number.NaN;
    if (!Number.isNaN(at)) return { value: { at } };
    return {
      problem: `must be a time such as "2026-01-31 14:00:00", milliseconds since 1970, 10m (ago) or now, not "${input}"`,
    };
  },
  format: (value) => ('at' in value ? String(value.at) : `${value.agoMs}ms`),
};

/** A date alone would be read as UTC. */
const withTime = (input: string): string =>
  input.length === 10 ? `${input}T00:00:00` : input.replace(' ', 'T');

export function momentOf(point: TimePoint, now: number): TimestampMs {
  return timestampMs('at' in point ? point.at : Math.max(0, now - point.agoMs));
}

/** Where in its queues a group is to go on. */
export type OffsetTarget = 'first' | 'last' | TimePoint;

const offsetTarget: OptionType<OffsetTarget> = {
  name: 'first, last or a time',
  parse: (input, places) => {
    if (input === 'first' || input === 'last') return { value: input };
    const read = timePoint.parse(input, places);
    return 'value' in read
      ? read
      : { problem: `must be first or last, or ${read.problem.slice(8)}` };
  },
  format: (value) => (typeof value === 'string' ? value : timePoint.format(value)),
};

const positive: OptionType<number> = {
  name: 'whole number',
  parse: (input, places) => {
    const read = optionTypes.integer.parse(input, places);
    if ('value' in read && read.value < 1) return { problem: `must be at least 1: ${input}` };
    return read;
  },
  format: String,
};

const brokerId: OptionType<BrokerId> = {
  name: 'whole number',
  parse: (input, places) => {
    const read = natural.parse(input, places);
    return 'value' in read ? { value: brokerIdOf(read.value) } : read;
  },
  format: String,
};

/** The types that fields of operations have. */
export const fields = {
  text,
  payload,
  natural,
  assignment,
  attribute,
  permission,
  startingPoint,
  timePoint,
  offsetTarget,
  positive,
  brokerId,
  boolean: optionTypes.boolean,
  addresses: optionTypes.addresses,
} as const;
