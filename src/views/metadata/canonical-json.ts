import type { Writable, WritableObject } from '../../wire/index.ts';

/**
 * The one way to write a value: keys sorted by UTF-16 code units, no blanks, escapes as `JSON.stringify` writes them,
 * `undefined` fields left out. Equal values give equal bytes on every node, which digests rely on. Throws for what JSON
 * cannot say exactly: numbers that are not finite, fractions of Java, maps with keys that are no text.
 */
export function canonicalJson(value: Writable): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') {
    return JSON.stringify(value);
  }
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value instanceof Map) return canonicalFields([...value]);
  if (isPlainObject(value)) return canonicalFields(Object.entries(value));
  throw new TypeError(`no canonical JSON for ${String(value)}`);
}

function canonicalFields(entries: (readonly [unknown, Writable])[]): string {
  const fields: (readonly [string, Writable])[] = entries.map(([key, value]) => {
    if (typeof key !== 'string') throw new TypeError('canonical JSON has text keys only');
    return [key, value];
  });
  fields.sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
  return `{${fields
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${JSON.stringify(key)}:${canonicalJson(value)}`)
    .join(',')}}`;
}

function isList(value: Writable): value is readonly Writable[] {
  return Array.isArray(value);
}

function isPlainObject(value: Writable): value is WritableObject {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
