import type { TimestampMs } from '../base/index.ts';

export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json };

/** What an operation gives: its type, and how it is written for programs. */
export interface Shape<T> {
  toJson(value: T): Json;
  /** For the reference page, as TypeScript would have it. */
  readonly form: Form;
}

/** A word, the form of each item of a list, or the forms of members. */
export type Form =
  | string
  | { readonly each: Form }
  | { readonly members: Readonly<Record<string, Form>> };

export type ShapeOf<S> = S extends Shape<infer T> ? T : never;

export const text: Shape<string> = { toJson: (value) => value, form: 'text' };
export const integer: Shape<number> = { toJson: (value) => value, form: 'number' };
export const flag: Shape<boolean> = { toJson: (value) => value, form: 'true or false' };

/** Rounded to three digits behind the point. */
export const decimal: Shape<number> = {
  toJson: (value) => Math.round(value * 1000) / 1000,
  form: 'number',
};

/** 64 bits on the wire: written as a string, since programs that read JSON into doubles would round it. */
export const long: Shape<number> = { toJson: String, form: 'number as text' };

/** Milliseconds since 1970, as a string for the same reason. */
export const timestamp: Shape<TimestampMs> = { toJson: String, form: 'milliseconds as text' };

export function list<T>(item: Shape<T>): Shape<readonly T[]> {
  return {
    toJson: (values) => values.map((value) => item.toJson(value)),
    form: { each: item.form },
  };
}

/** Texts by name, such as the properties of a message. */
export const dictionary: Shape<Readonly<Record<string, string>>> = {
  toJson: (value) => ({ ...value }),
  form: 'texts by name',
};

/** Absent in JSON when undefined. */
export function maybe<T>(shape: Shape<T>): Shape<T | undefined> {
  return {
    toJson: (value) => (value === undefined ? null : shape.toJson(value)),
    form: typeof shape.form === 'string' ? `${shape.form}, or absent` : shape.form,
  };
}

type RecordOf<M extends Readonly<Record<string, Shape<unknown>>>> = {
  readonly [Name in keyof M]: ShapeOf<M[Name]>;
};

export function record<M extends Readonly<Record<string, Shape<unknown>>>>(
  members: M,
): Shape<RecordOf<M>> {
  return {
    toJson: (value) => {
      const json: Record<string, Json> = {};
      for (const [name, member] of Object.entries(members)) {
        const part = value[name as keyof RecordOf<M>]; // A value has the members of its shape.
        if (part !== undefined) json[name] = member.toJson(part);
      }
      return json;
    },
    form: {
      members: Object.fromEntries(
        Object.entries(members).map(([name, member]) => [name, member.form]),
      ),
    },
  };
}
