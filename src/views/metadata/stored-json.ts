import { Failure, isFailure } from '../../base/index.ts';
import type { JsonValue, Writable } from '../../wire/index.ts';
import { canonicalJson } from './canonical-json.ts';
import { bufferOf } from './key-text.ts';

/** A wire schema, as far as rows need it. */
interface Schema<T> {
  readonly name: string;
  fromJson(value: JsonValue, path: string): T;
  toJson(value: T): Writable;
}

export function encodeStored<T>(schema: Schema<T>, value: T): Uint8Array {
  return Buffer.from(canonicalJson(schema.toJson(value)), 'utf8');
}

/**
 * Tolerates fields that the schema does not know, and takes its defaults for missing ones. Fails `corrupt` when the
 * bytes are no such JSON.
 */
export function decodeStored<T>(schema: Schema<T>, bytes: Uint8Array): T {
  try {
    // What is stored is canonical, so that the platform's strict parser, the fastest one, will do.
    const json: unknown = JSON.parse(bufferOf(bytes).toString('utf8'));
    return schema.fromJson(json as JsonValue, schema.name);
  } catch (error) {
    if (error instanceof SyntaxError || isFailure(error, 'invalid')) {
      throw new Failure('corrupt', `a stored ${schema.name} cannot be read`, { cause: error });
    }
    throw error;
  }
}
