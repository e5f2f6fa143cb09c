import type { OptionType } from '../base/index.ts';
import type { Admin } from './admin.ts';
import type { Change } from './preview.ts';
import type { Shape } from './shape.ts';

/** One thing that an operation is told. `T` is what the operation gets. */
export interface Field<T> {
  readonly type: OptionType<unknown>;
  readonly description: string;
  /** `one` and `optional` take one value, `many` any number, `flag` none: it is there or not. */
  readonly arity: 'one' | 'optional' | 'many' | 'flag';
  /** Given by its place on a command line instead of its name. */
  readonly positional: boolean;
  /** What stands for the value in a help text. */
  readonly valueName?: string;
  /** `-` on a command line stands for the bytes of standard input. */
  readonly readsInput?: boolean;
  /** For people, where leaving the field out means something. */
  readonly defaultText?: string;
  /** Of what the value is a name, so that a face can offer those that there are. */
  readonly names?: NameKind;
  read(texts: readonly string[]): { readonly value: T } | { readonly problem: string };
}

export type NameKind = 'topic' | 'group' | 'broker' | 'cluster';

export type Fields = Readonly<Record<string, Field<unknown>>>;
export type InputOf<F extends Fields> = {
  readonly [Name in keyof F]: F[Name] extends Field<infer T> ? T : never;
};

/** `destroy` loses something that cannot be had back; faces ask before it. */
export type Effect = 'read' | 'change' | 'destroy';

interface Described<F extends Fields> {
  /** Nouns and a verb: `topic create`. */
  readonly name: string;
  readonly summary: string;
  readonly effect: Effect;
  /** Names of RocketMQ's requests that it sends. */
  readonly requests: readonly string[];
  readonly fields: F;
  /** What it would do, from reading only. Everything that changes something has it. */
  preview?(admin: Admin, input: InputOf<F>): Promise<readonly Change[]>;
}

export interface Operation<F extends Fields, Output> extends Described<F> {
  readonly kind: 'once';
  readonly output: Shape<Output>;
  /** Fails with a `Refusal` when the other side refuses, `unavailable` when it cannot be reached, else `invalid`. */
  run(admin: Admin, input: InputOf<F>): Promise<Output>;
  /** What is wrong by the result, in a sentence: a program that asked must notice. */
  verdict?(output: Output): string | undefined;
}

/** An operation that gives results until it is stopped. */
export interface Stream<F extends Fields, Item> extends Described<F> {
  readonly kind: 'stream';
  readonly output: Shape<Item>;
  run(admin: Admin, input: InputOf<F>, stop: AbortSignal): AsyncIterable<Item>;
}

export type AnyOperation = Operation<Fields, unknown> | Stream<Fields, unknown>;

export function operation<F extends Fields, Output>(
  definition: Omit<Operation<F, Output>, 'kind'>,
): Operation<F, Output> {
  return { kind: 'once', ...definition };
}

export function stream<F extends Fields, Item>(
  definition: Omit<Stream<F, Item>, 'kind'>,
): Stream<F, Item> {
  return { kind: 'stream', ...definition };
}

interface Details {
  readonly positional?: boolean;
  readonly valueName?: string;
  readonly readsInput?: boolean;
  readonly defaultText?: string;
  readonly names?: NameKind;
}

export function one<T>(type: OptionType<T>, description: string, details: Details = {}): Field<T> {
  return {
    ...described(type, description, 'one', details),
    read: ([input]) => (input === undefined ? { problem: 'is missing' } : parse(type, input)),
  };
}

export function optional<T>(
  type: OptionType<T>,
  description: string,
  details: Details = {},
): Field<T | undefined> {
  return {
    ...described(type, description, 'optional', details),
    read: ([input]) => (input === undefined ? { value: undefined } : parse(type, input)),
  };
}

export function withDefault<T>(
  type: OptionType<T>,
  value: T,
  description: string,
  details: Details = {},
): Field<T> {
  return {
    ...described(type, description, 'optional', { defaultText: type.format(value), ...details }),
    read: ([input]) => (input === undefined ? { value } : parse(type, input)),
  };
}

export function many<T>(
  type: OptionType<T>,
  description: string,
  details: Details = {},
): Field<readonly T[]> {
  return {
    ...described(type, description, 'many', details),
    read: (inputs) => {
      const value: T[] = [];
      for (const input of inputs) {
        const read = parse(type, input);
        if ('problem' in read) return read;
        value.push(read.value);
      }
      return { value };
    },
  };
}

export function flag(description: string): Field<boolean> {
  const type: OptionType<boolean> = {
    name: 'flag',
    parse: () => ({ value: true }),
    format: String,
  };
  return {
    ...described(type, description, 'flag', {}),
    read: (inputs) => ({ value: inputs.length > 0 }),
  };
}

function described(
  type: OptionType<unknown>,
  description: string,
  arity: Field<unknown>['arity'],
  { positional = false, ...rest }: Details,
) {
  return { type, description, arity, positional, ...rest };
}

/** No field is a path. */
const places = { homeFolder: '/', workingFolder: '/' } as const;

const parse = <T>(type: OptionType<T>, input: string) => type.parse(input, places);
