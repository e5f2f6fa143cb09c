import { Failure } from '../base/index.ts';
import { type JsonObject, type JsonValue, parseFastjson } from '../wire/index.ts';

/** Reads the JSON of answers. What is absent has the default that RocketMQ's class has; a wrong type fails `invalid`. */
export class JsonReader {
  readonly #value: JsonValue | undefined;
  readonly #path: string;

  constructor(value: JsonValue | undefined, path: string) {
    this.#value = value ?? undefined;
    this.#path = path;
  }

  static parse(body: Uint8Array, name: string): JsonReader {
    return new JsonReader(body.length === 0 ? {} : parseFastjson(body), name);
  }

  get isAbsent(): boolean {
    return this.#value === undefined;
  }

  at(name: string): JsonReader {
    return new JsonReader(this.#object()[name], `${this.#path}.${name}`);
  }

  text(fallback = ''): string {
    if (this.#value === undefined) return fallback;
    if (typeof this.#value === 'object') return this.#wrong('text');
    return String(this.#value);
  }

  /** Also a number in quotes, as some tools write. */
  number(fallback = 0): number {
    const value = this.#value;
    if (value === undefined) return fallback;
    const number = typeof value === 'string' || typeof value === 'bigint' ? Number(value) : value;
    return typeof number === 'number' && Number.isFinite(number) ? number : this.#wrong('a number');
  }

  boolean(fallback: boolean): boolean {
    const value = this.#value;
    if (value === undefined) return fallback;
    return typeof value === 'boolean' ? value : this.#wrong('true or false');
  }

  items(): readonly JsonReader[] {
    const value = this.#value ?? [];
    if (!Array.isArray(value)) return this.#wrong('a list');
    return value.map((item, index) => new JsonReader(item, `${this.#path}[${index}]`));
  }

  entries(): readonly (readonly [key: string, value: JsonReader])[] {
    return Object.entries(this.#object()).map(([key, value]) => [
      key,
      new JsonReader(value, `${this.#path}.${key}`),
    ]);
  }

  texts(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.entries().map(([key, value]) => [key, value.text()]));
  }

  /** All of it, for changing a part. */
  raw(): JsonObject {
    return this.#object();
  }

  #object(): JsonObject {
    const value = this.#value ?? {};
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return this.#wrong('an object');
    }
    return value as JsonObject; // The only JSON value left.
  }

  #wrong(expected: string): never {
    throw new Failure('invalid', `the answer is not as expected: ${this.#path} is not ${expected}`);
  }
}

/** The text of a `MessageQueue` that is the key of a map. */
export function readQueueKey(key: string): {
  readonly topic: string;
  readonly broker: string;
  readonly queueId: number;
} {
  const queue = new JsonReader(parseFastjson(key), 'MessageQueue');
  return {
    topic: queue.at('topic').text(),
    broker: queue.at('brokerName').text(),
    queueId: queue.at('queueId').number(),
  };
}
