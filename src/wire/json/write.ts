import { Failure } from '../../base/index.ts';
import { quote } from './text.ts';
import { JavaDouble, type Writable, type WritableObject } from './value.ts';

/** Deeper than anything that is written here: a value that contains itself ends as a failure, not as a full stack. */
const maxDepth = 100;

/**
 * JSON as fastjson 1.2.x writes it, which the Java and Go clients and tools depend on: compact, fields in alphabetical
 * order, numeric keys without quotes, objects as keys, null fields left out.
 */
export function writeFastjson(value: Writable): string {
  return write(value, fastjson, 0);
}

/**
 * JSON for clients that asked for the standard form: all keys quoted and sorted, ASCII only, `/` escaped, whole numbers
 * beyond 2^53 as strings. Source: `RouteInfo` with `SerializerFeature.BrowserCompatible`, `QuoteFieldNames`,
 * `MapSortField`.
 */
export function writeStandardJson(value: Writable): string {
  return write(value, standard, 0);
}

interface Dialect {
  text(value: string): string;
  key(key: string | number | WritableObject, depth: number): string;
  bigint(value: bigint): string;
}

const fastjson: Dialect = {
  text: quote,
  key: (key, depth) =>
    typeof key === 'number'
      ? String(key)
      : typeof key === 'string'
        ? quote(key)
        : write(key, fastjson, depth),
  bigint: String,
};

const standard: Dialect = {
  text: quoteForBrowsers,
  key: (key, depth) =>
    quoteForBrowsers(typeof key === 'object' ? write(key, fastjson, depth) : String(key)),
  bigint: (value) => `"${value}"`,
};

function write(value: Writable, dialect: Dialect, depth: number): string {
  switch (typeof value) {
    case 'string':
      return dialect.text(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null';
    case 'bigint':
      return dialect.bigint(value);
    case 'undefined':
      return 'null';
  }
  if (value === null) return 'null';
  if (value instanceof JavaDouble) return javaDouble(value.value);
  if (depth > maxDepth) throw new Failure('invalid', 'JSON: value is nested too deep');
  if (Array.isArray(value)) {
    return `[${value.map((item: Writable) => write(item, dialect, depth + 1)).join(',')}]`;
  }
  const fields: string[] = [];
  if (value instanceof Map) {
    for (const [key, item] of value as ReadonlyMap<string | number | WritableObject, Writable>) {
      const written = write(item, dialect, depth + 1);
      fields.push(`${dialect.key(key, depth + 1)}:${written}`);
    }
    if (dialect === standard) fields.sort();
  } else {
    const object = value as WritableObject;
    for (const key of Object.keys(object).sort()) {
      const item = object[key];
      if (item === undefined || item === null) continue;
      fields.push(`${dialect.text(key)}:${write(item, dialect, depth + 1)}`);
    }
  }
  return `{${fields.join(',')}}`;
}

/** As `Double.toString` of Java: always with a fraction; an exponent outside 10^-3 and 10^7. */
export function javaDouble(value: number): string {
  if (!Number.isFinite(value)) return 'null';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const magnitude = Math.abs(value);
  if (magnitude >= 1e-3 && magnitude < 1e7) {
    const text = String(value);
    return text.includes('.') ? text : `${text}.0`;
  }
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string];
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}E${Number(exponent)}`;
}

const notPlainAscii = /[^\u0020-\u007e]/g;

function quoteForBrowsers(text: string): string {
  return JSON.stringify(text)
    .replaceAll('/', '\\/')
    .replace(notPlainAscii, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
