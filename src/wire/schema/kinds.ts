/**
 * What one value means, wherever it stands: as the text of an ext field and in a JSON body. Decoding follows what Java
 * accepts (`Integer.parseInt` and friends for text; numeric strings, 0 and 1 as booleans for JSON), but fails where
 * RocketMQ's decoder logs and leaves a null behind.
 */
import { Failure } from '../../base/index.ts';
import type { JsonValue, Writable } from '../json/value.ts';
import { JavaDouble } from '../json/value.ts';

/** A value in a JSON body. */
export interface JsonKind<T> {
  /** As it stands in the pages of docs/formats and in the hash of a schema. */
  readonly name: string;
  /** May be absent (and is `undefined` then); JSON's null is absent too. */
  readonly isOptional: boolean;
  /** What an absent value is decoded as. */
  readonly absent?: T;
  /** The kinds that this one is made of. */
  readonly parts?: readonly JsonKind<unknown>[];
  /** `path` is where the value stands, for the failure. Throws `Failure('invalid')`. */
  fromJson(value: JsonValue, path: string): T;
  toJson(value: T): Writable;
}

/** A value that can also be the text of an ext field. */
export interface Kind<T> extends JsonKind<T> {
  /** The value, or `undefined` when the text is not one. */
  parse(text: string): T | undefined;
  format(value: T): string;
}

interface Scalar<T> {
  readonly name: string;
  parse(text: string): T | undefined;
  format?(value: T): string;
  /** The value of what is not a string in JSON, or `undefined`. */
  fromJson(value: Exclude<JsonValue, string>): T | undefined;
  toJson?(value: T): Writable;
}

function scalar<T extends string | number | boolean>(it: Scalar<T>): Kind<T> {
  return {
    name: it.name,
    isOptional: false,
    parse: it.parse,
    format: it.format ?? String,
    fromJson(value, path) {
      const decoded = typeof value === 'string' ? it.parse(value) : it.fromJson(value);
      if (decoded === undefined) throw unexpected(path, value, it.name);
      return decoded;
    },
    toJson: it.toJson ?? ((value) => value),
  };
}

export function unexpected(path: string, value: JsonValue, expected: string): Failure {
  const shown =
    typeof value === 'string'
      ? JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value)
      : typeof value === 'object' && value !== null
        ? `an ${Array.isArray(value) ? 'array' : 'object'}`
        : String(value);
  return new Failure('invalid', `${path} is ${shown}, expected ${expected}`);
}

export const text: Kind<string> = scalar({
  name: 'text',
  parse: (value) => value,
  fromJson: (value) =>
    typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
      ? String(value)
      : undefined,
});

const wholeNumber = /^[-+]?[0-9]{1,19}$/;

/** NaN for what is not a whole number; rounded beyond 2^53. */
function parseWhole(value: string): number {
  // Adding 0 makes -0 a plain 0.
  return wholeNumber.test(value) ? Number(value) + 0 : Number.NaN;
}

const isInt = (value: number): number | undefined => ((value | 0) === value ? value : undefined);
const isLong = (value: number): number | undefined =>
  Number.isSafeInteger(value) ? value : undefined;

/** A 32-bit integer. */
export const int: Kind<number> = scalar({
  name: 'int',
  parse: (value) => isInt(parseWhole(value)),
  fromJson: (value) => (typeof value === 'number' ? isInt(value) : undefined),
});

const longKind: Kind<number> = scalar({
  name: 'long',
  parse: (value) => isLong(parseWhole(value)),
  fromJson: (value) => (typeof value === 'number' ? isLong(value) : undefined),
});

const roundedLongKind: Kind<number> = scalar({
  name: 'long, rounded beyond 2^53',
  parse(value) {
    const number = parseWhole(value);
    return Number.isNaN(number) ? undefined : number;
  },
  fromJson: (value) =>
    typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))
      ? Number(value)
      : undefined,
});

/** A 64-bit integer that a `number` holds exactly; others are refused. `T` is the brand it gets. */
export function long<T extends number = number>(): Kind<T> {
  // A brand adds nothing at run time.
  return longKind as Kind<number> as Kind<T>;
}

/**
 * A 64-bit integer that is only compared, and may lie beyond 2^53: times up to `Long.MAX_VALUE`, and the Go client's
 * subscription versions, which are nanoseconds.
 */
export function roundedLong<T extends number = number>(): Kind<T> {
  return roundedLongKind as Kind<number> as Kind<T>;
}

/** As `Boolean.parseBoolean`: text that is not "true" is false. */
export const bool: Kind<boolean> = scalar({
  name: 'bool',
  parse: (value) => value.toLowerCase() === 'true',
  fromJson: (value) =>
    typeof value === 'boolean' ? value : value === 0 ? false : value === 1 ? true : undefined,
});

export const double: Kind<number> = scalar({
  name: 'double',
  parse(value) {
    const number = value.trim() === '' ? Number.NaN : Number(value);
    return Number.isFinite(number) ? number : undefined;
  },
  fromJson(value) {
    const number =
      typeof value === 'number' || typeof value === 'bigint' ? Number(value) : Number.NaN;
    return Number.isFinite(number) ? number : undefined;
  },
  toJson: (value) => new JavaDouble(value),
});

/** A Java enum: its words in the order of their ordinals. Any case is accepted, and in JSON the ordinal. */
export function oneOf<const T extends string>(...words: readonly T[]): Kind<T> {
  return scalar<T>({
    name: `one of ${words.join(', ')}`,
    parse(value) {
      const lower = value.toLowerCase();
      return words.find((word) => word.toLowerCase() === lower);
    },
    fromJson: (value) => (typeof value === 'number' ? words[value] : undefined),
  });
}

export function optional<T>(kind: Kind<T>): Kind<T | undefined>;
export function optional<T>(kind: JsonKind<T>): JsonKind<T | undefined>;
export function optional<T>(kind: JsonKind<T> | Kind<T>): JsonKind<T | undefined> {
  const asJson: JsonKind<T | undefined> = {
    name: `optional ${kind.name}`,
    isOptional: true,
    parts: [kind],
    fromJson: (value, path) => kind.fromJson(value, path),
    toJson: (value) => (value === undefined ? undefined : kind.toJson(value)),
  };
  if (!('parse' in kind)) return asJson;
  const asText: Kind<T | undefined> = {
    ...asJson,
    parse: kind.parse,
    format: (value) => (value === undefined ? '' : kind.format(value)),
  };
  return asText;
}

/** Always has a value once decoded. */
export function withDefault<T>(kind: JsonKind<T>, absent: T): JsonKind<T> {
  const shown = JSON.stringify(absent, (_, value) => (value instanceof Map ? {} : value));
  return {
    name: `${kind.name}, default ${shown}`,
    isOptional: false,
    absent,
    parts: [kind],
    fromJson: (value, path) => kind.fromJson(value, path),
    toJson: (value) => kind.toJson(value),
  };
}
