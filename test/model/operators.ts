// Quint's operators on the values of `values.ts`, under Quint's names. Translated specifications call them as `q.name`.

import type { Value } from './values.ts';
import {
  equal,
  hashOf,
  ListValue,
  MapValue,
  RecordValue,
  SetValue,
  setOf,
  VariantValue,
} from './values.ts';

export { show } from './values.ts';

export const eq = equal;
export const neq = (a: Value, b: Value): boolean => !equal(a, b);
export const not = (a: boolean): boolean => !a;
export const iuminus = (a: number): number => -a;

const setOfItems = (...items: Value[]): SetValue => setOf(items);

export { setOfItems as Set };
export const List = (...items: Value[]): ListValue => new ListValue(items);
export const Tup = (...items: Value[]): ListValue => new ListValue(items);
/** Counted from 1. */
export const item = (tuple: ListValue, at: number): Value => present(tuple.items[at - 1]);
export const to = (low: number, high: number): SetValue =>
  setOf(Array.from({ length: Math.max(0, high - low + 1) }, (_, at) => low + at));

export function Rec(...parts: Value[]): RecordValue {
  const fields: Record<string, Value> = {};
  for (let at = 0; at < parts.length; at += 2) fields[String(parts[at])] = present(parts[at + 1]);
  return new RecordValue(fields);
}

/** `{ ...record, name: value }`. The optimised form of a record with one field changed. */
function withField(record: RecordValue, name: string, value: Value): RecordValue {
  if (equal(present(record.fields[name]), value)) return record;
  return new RecordValue({ ...record.fields, [name]: value });
}

export { withField as with };

export const variant = (label: string, value: Value): VariantValue =>
  new VariantValue(label, value);

/** The arguments after the value are pairs of a label and a function of what is inside. */
export function matchVariant(value: VariantValue, ...cases: unknown[]): unknown {
  for (let at = 0; at < cases.length; at += 2) {
    const then = cases[at + 1];
    if ((cases[at] === value.label || cases[at] === '_') && typeof then === 'function') {
      return then(value.value);
    }
  }
  throw new Error(`no case for ${value.label}`);
}

export const contains = (set: SetValue, item: Value): boolean =>
  set.items.some((each) => equal(each, item));
export const union = (a: SetValue, b: SetValue): SetValue =>
  b.items.length === 0 ? a : setOf([...a.items, ...b.items]);
export const exclude = (a: SetValue, b: SetValue): SetValue =>
  new SetValue(a.items.filter((each) => !contains(b, each)));
export const filter = (set: SetValue, keep: (item: Value) => boolean): SetValue =>
  new SetValue(set.items.filter(keep));
export const map = (set: SetValue, make: (item: Value) => Value): SetValue =>
  setOf(set.items.map(make));
export const forall = (set: SetValue, holds: (item: Value) => boolean): boolean =>
  set.items.every(holds);
export const exists = (set: SetValue, holds: (item: Value) => boolean): boolean =>
  set.items.some(holds);
export const fold = (set: SetValue, start: Value, step: (so: Value, item: Value) => Value): Value =>
  set.items.reduce<Value>((so, item) => step(so, item), start);
export const size = (set: SetValue): number => set.items.length;
export const subseteq = (a: SetValue, b: SetValue): boolean =>
  a.items.every((each) => contains(b, each));
export function powerset(set: SetValue): SetValue {
  const subsets: Value[][] = [[]];
  for (const item of set.items) subsets.push(...subsets.map((each) => [...each, item]));
  return setOf(subsets.map(setOf));
}

export const length = (list: ListValue): number => list.items.length;
export const nth = (list: ListValue, at: number): Value => present(list.items[at]);
export const append = (list: ListValue, item: Value): ListValue =>
  new ListValue([...list.items, item]);
export const slice = (list: ListValue, from: number, end: number): ListValue =>
  from === 0 && end >= list.items.length ? list : new ListValue(list.items.slice(from, end));
export const select = (list: ListValue, keep: (item: Value) => boolean): ListValue =>
  new ListValue(list.items.filter(keep));
export const indices = (list: ListValue): SetValue => to(0, list.items.length - 1);

export const get = (map: MapValue, key: Value): Value => present(map.values[indexOf(map, key)]);
export function set(map: MapValue, key: Value, value: Value): MapValue {
  const at = indexOf(map, key);
  if (equal(present(map.values[at]), value)) return map;
  return new MapValue(map.keys, map.values.with(at, value));
}
export const mapBy = (keys: SetValue, make: (key: Value) => Value): MapValue =>
  new MapValue(keys.items, keys.items.map(make));

function indexOf(map: MapValue, key: Value): number {
  const at = map.keys.findIndex((each) => equal(each, key));
  if (at < 0) throw new Error(`the map has no key with hash ${hashOf(key)}`);
  return at;
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a value that does not exist was read');
  return value;
}
