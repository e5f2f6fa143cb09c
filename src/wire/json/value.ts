/**
 * What the parser returns: objects have no prototype, whole numbers beyond 2^53 are `bigint`. A key that was an object
 * (fastjson writes maps with `MessageQueue` keys so) has become the key's own compact text.
 */
export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** A number that Java declares as `double`: fastjson writes 0 as `0.0`. */
export class JavaDouble {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/**
 * What the writers take. Keys of a `Map` are written as what they are: numbers unquoted, objects as objects; those of a
 * plain object are text. `undefined` fields are left out.
 */
export type Writable =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | JavaDouble
  | readonly Writable[]
  | ReadonlyMap<string | number | WritableObject, Writable>
  | WritableObject;
export interface WritableObject {
  readonly [key: string]: Writable;
}

/** Narrows to an object that is not an array. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
