// Values of a Quint specification: immutable, with a hash of 53 bits that stands for equality. A search of 10^7 states
// meets two different values with one hash with a probability below 10^-2 per million of billions of pairs: it is a test
// tool, and a collision can only hide a state.

/** Everything but numbers, strings and booleans. `hash` is 0 until it is asked for. */
export type Composite = RecordValue | ListValue | SetValue | MapValue | VariantValue;
export type Value = number | string | boolean | Composite;

export class RecordValue {
  hash = 0;
  readonly fields: Readonly<Record<string, Value>>;
  constructor(fields: Readonly<Record<string, Value>>) {
    this.fields = fields;
  }
}

export class ListValue {
  hash = 0;
  readonly items: readonly Value[];
  constructor(items: readonly Value[]) {
    this.items = items;
  }
}

/** The items are different, and in the order of their hashes. */
export class SetValue {
  hash = 0;
  readonly items: readonly Value[];
  constructor(items: readonly Value[]) {
    this.items = items;
  }
}

/** The keys are different, and in the order of their hashes. */
export class MapValue {
  hash = 0;
  readonly keys: readonly Value[];
  readonly values: readonly Value[];
  constructor(keys: readonly Value[], values: readonly Value[]) {
    this.keys = keys;
    this.values = values;
  }
}

export class VariantValue {
  hash = 0;
  readonly label: string;
  readonly value: Value;
  constructor(label: string, value: Value) {
    this.label = label;
    this.value = value;
  }
}

/** Two lanes of 32 bits, of which 53 bits are kept. */
class Mixer {
  #low = 0x9e3779b9;
  #high = 0x85ebca6b;

  add(hash: number): void {
    const low = hash | 0;
    const high = (hash / 4294967296) | 0;
    this.#low = Math.imul(this.#low ^ low, 0x85ebca77) ^ Math.imul(high, 0x27d4eb2f);
    this.#low ^= this.#low >>> 15;
    this.#high = Math.imul(this.#high ^ high ^ this.#low, 0xc2b2ae3d) + low;
    this.#high ^= this.#high >>> 13;
  }

  /** Never 0. */
  get hash(): number {
    return (this.#high >>> 11) * 4294967296 + (this.#low >>> 0) || 1;
  }
}

const strings = new Map<string, number>();

function ofString(text: string): number {
  let known = strings.get(text);
  if (known === undefined) {
    const mixer = new Mixer();
    for (let at = 0; at < text.length; at++) mixer.add(text.charCodeAt(at) + 1);
    known = mixer.hash;
    strings.set(text, known);
  }
  return known;
}

export function hashOf(value: Value): number {
  switch (typeof value) {
    case 'number':
      return value + 0x10000;
    case 'string':
      return ofString(value);
    case 'boolean':
      return value ? 3 : 2;
    case 'object':
      if (value.hash === 0) value.hash = compute(value);
      return value.hash;
  }
}

function compute(value: Composite): number {
  const mixer = new Mixer();
  mixer.add(ofString(value.constructor.name));
  if (value instanceof RecordValue) {
    // Records of one type are made with their fields in any order.
    for (const name of Object.keys(value.fields).sort()) {
      mixer.add(ofString(name));
      mixer.add(hashOf(value.fields[name] ?? 0));
    }
  } else if (value instanceof MapValue) {
    for (const [at, key] of value.keys.entries()) {
      mixer.add(hashOf(key));
      mixer.add(hashOf(value.values[at] ?? 0));
    }
  } else if (value instanceof VariantValue) {
    mixer.add(ofString(value.label));
    mixer.add(hashOf(value.value));
  } else {
    mixer.add(value.items.length);
    for (const item of value.items) mixer.add(hashOf(item));
  }
  return mixer.hash;
}

export function equal(a: Value, b: Value): boolean {
  return a === b || (typeof a === 'object' && typeof b === 'object' && hashOf(a) === hashOf(b));
}

/** A set of these, each once. */
export function setOf(items: readonly Value[]): SetValue {
  if (items.length < 2) return new SetValue(items);
  const sorted = [...items].sort((a, b) => hashOf(a) - hashOf(b));
  return new SetValue(sorted.filter((item, at) => at === 0 || !same(item, sorted[at - 1])));
}

function same(a: Value, b: Value | undefined): boolean {
  return b !== undefined && hashOf(a) === hashOf(b);
}

/** As Quint writes it. */
export function show(value: Value): string {
  if (typeof value !== 'object') return String(value);
  if (value instanceof RecordValue) {
    return `{ ${Object.entries(value.fields)
      .map(([name, field]) => `${name}: ${show(field)}`)
      .join(', ')} }`;
  }
  if (value instanceof MapValue) {
    return `Map(${value.keys.map((key, at) => `${show(key)} -> ${show(value.values[at] ?? 0)}`).join(', ')})`;
  }
  if (value instanceof VariantValue) return value.label;
  const items = value.items.map(show).join(', ');
  return value instanceof SetValue ? `Set(${items})` : `[${items}]`;
}
