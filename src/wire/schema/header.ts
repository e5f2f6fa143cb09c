/** Headers as schemas: ext fields are text on the wire, and a kind says what the text means. */
import { Failure } from '../../base/index.ts';
import type { IncomingCommand } from '../frames/incoming-command.ts';
import type { Kind } from './kinds.ts';

export interface Field<T> {
  readonly wireKey: string;
  readonly kind: Kind<T>;
}

export type Fields = { readonly [property: string]: Field<unknown> };

type Optional<F extends Fields> = {
  [P in keyof F]: F[P] extends Field<infer T> ? (undefined extends T ? P : never) : never;
}[keyof F];
type ValueOf<F> = F extends Field<infer T> ? T : never;

export type HeaderValue<F extends Fields> = {
  readonly [P in Exclude<keyof F, Optional<F>>]: ValueOf<F[P]>;
} & { readonly [P in Optional<F>]?: ValueOf<F[P]> };

export interface Header<F extends Fields = Fields> {
  readonly name: string;
  readonly fields: F;
  /** Throws `Failure('invalid')` that names header, field and what was expected. Unknown ext fields are ignored. */
  decode(command: ExtSource): HeaderValue<F>;
  /** Calls `emit` for each field that has a value. */
  encode(value: HeaderValue<F>, emit: (wireKey: string, text: string) => void): void;
}

/** The values that a header schema describes. */
export type HeaderOf<H> = H extends Header<infer F> ? HeaderValue<F> : never;

/** What a header is decoded from. */
export type ExtSource = Pick<IncomingCommand, 'text'>;

export function field<T>(wireKey: string, kind: Kind<T>): Field<T> {
  return { wireKey, kind };
}

export function header<F extends Fields>(name: string, fields: F): Header<F> {
  const entries = Object.entries(fields);
  return {
    name,
    fields,
    decode(command) {
      const value: Record<string, unknown> = {};
      for (const [property, { wireKey, kind }] of entries) {
        const text = command.text(wireKey);
        if (text === undefined) {
          if (kind.isOptional) continue;
          throw new Failure('invalid', `${name}: ${label(property, wireKey)} is missing`);
        }
        const parsed: unknown = kind.parse(text);
        if (parsed === undefined) {
          const shown = text.length > 40 ? `${text.slice(0, 40)}...` : text;
          throw new Failure(
            'invalid',
            `${name}: ${label(property, wireKey)} is "${shown}", expected ${kind.name}`,
          );
        }
        value[property] = parsed;
      }
      // Each field of the schema was parsed by its own kind, or is optional and absent.
      return value as HeaderValue<F>;
    },
    encode(value, emit) {
      for (const [property, { wireKey, kind }] of entries) {
        const item: unknown = value[property as keyof HeaderValue<F>];
        if (item !== undefined) emit(wireKey, kind.format(item));
      }
    },
  };
}

function label(property: string, wireKey: string): string {
  return property === wireKey ? property : `${property} (${wireKey})`;
}
