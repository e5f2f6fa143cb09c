/** JSON bodies as schemas, of the same kinds as headers. Field names are those of the wire. */
import { Failure } from '../../base/index.ts';
import { encodeText } from '../bytes.ts';
import { parseFastjson, parseQuickly } from '../json/parse.ts';
import { isJsonObject, type JsonValue, type Writable, type WritableObject } from '../json/value.ts';
import { writeFastjson, writeStandardJson } from '../json/write.ts';
import { type JsonKind, unexpected } from './kinds.ts';

export type BodyFields = { readonly [property: string]: JsonKind<unknown> };

type Optional<F extends BodyFields> = {
  [P in keyof F]: F[P] extends JsonKind<infer T> ? (undefined extends T ? P : never) : never;
}[keyof F];
type ValueOf<K> = K extends JsonKind<infer T> ? T : never;

export type BodyValue<F extends BodyFields> = {
  readonly [P in Exclude<keyof F, Optional<F>>]: ValueOf<F[P]>;
} & { readonly [P in Optional<F>]?: ValueOf<F[P]> };

/** `standard` is for clients that ask for it; everything else reads and expects fastjson's form. */
export type Dialect = 'fastjson' | 'standard';

export interface Body<F extends BodyFields = BodyFields> extends JsonKind<BodyValue<F>> {
  readonly fields: F;
  /** Tolerant of what fastjson tolerates; unknown fields are ignored. Throws `Failure('invalid')` that names the field. */
  decode(source: Uint8Array | string): BodyValue<F>;
  encode(value: BodyValue<F>, dialect?: Dialect): Uint8Array;
}

/** The values that a body schema describes. */
export type BodyOf<B> = B extends Body<infer F> ? BodyValue<F> : never;

/** A JSON object with these fields. */
export function body<F extends BodyFields>(name: string, fields: F): Body<F> {
  const entries = Object.entries(fields);
  const it: Body<F> = {
    name,
    isOptional: false,
    fields,
    fromJson(value, path) {
      if (!isJsonObject(value)) throw unexpected(path, value, name);
      const decoded: Record<string, unknown> = {};
      for (const [property, kind] of entries) {
        const item = value[property];
        if (item !== undefined && item !== null) {
          decoded[property] = kind.fromJson(item, `${path}.${property}`);
        } else if (kind.absent !== undefined) {
          decoded[property] = kind.absent;
        } else if (!kind.isOptional) {
          throw new Failure('invalid', `${path}.${property} is missing, expected ${kind.name}`);
        }
      }
      // Each field of the schema was decoded by its own kind, or is optional and absent.
      return decoded as BodyValue<F>;
    },
    toJson(value) {
      const object: Record<string, Writable> = {};
      for (const [property, kind] of entries) {
        const item: unknown = value[property as keyof BodyValue<F>];
        if (item !== undefined) object[property] = kind.toJson(item);
      }
      return object;
    },
    decode: (source) => it.fromJson(parseQuickly(source), name),
    encode(value, dialect = 'fastjson') {
      const json = it.toJson(value);
      return encodeText(dialect === 'fastjson' ? writeFastjson(json) : writeStandardJson(json));
    },
  };
  return it;
}

export function listOf<T>(kind: JsonKind<T>): JsonKind<readonly T[]> {
  return {
    name: `list of ${kind.name}`,
    isOptional: false,
    parts: [kind],
    fromJson(value, path) {
      if (!Array.isArray(value)) throw unexpected(path, value, `a list of ${kind.name}`);
      return value.map((item: JsonValue, i) => kind.fromJson(item, `${path}[${i}]`));
    },
    toJson: (value) => value.map((item) => kind.toJson(item)),
  };
}

/** Keys are text, whole numbers, or objects (`MessageQueue`); fastjson writes each as what it is. */
export function mapOf<K, V>(keys: JsonKind<K>, values: JsonKind<V>): JsonKind<ReadonlyMap<K, V>> {
  const hasObjectKeys = 'fields' in keys;
  return {
    name: `map from ${keys.name} to ${values.name}`,
    isOptional: false,
    parts: [keys, values],
    fromJson(value, path) {
      if (!isJsonObject(value)) throw unexpected(path, value, `a map from ${keys.name}`);
      const map = new Map<K, V>();
      for (const [text, item] of Object.entries(value)) {
        const at = `${path}[${text}]`;
        const key = keys.fromJson(hasObjectKeys ? parseFastjson(text) : text, at);
        if (item !== null) map.set(key, values.fromJson(item, at));
      }
      return map;
    },
    toJson(value) {
      const map = new Map<string | number | WritableObject, Writable>();
      for (const [key, item] of value) {
        // Text, number or object: what `keys` can be.
        map.set(keys.toJson(key) as string | number | WritableObject, values.toJson(item));
      }
      return map;
    },
  };
}
