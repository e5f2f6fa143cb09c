import { Failure } from '../../base/index.ts';
import type { JsonValue } from './value.ts';

/** A container on the way from the root to where a reference stands. */
type Path = readonly JsonValue[];

/** Levels of the tree with its references followed. */
const maxDepth = 200;

/**
 * Replaces `{"$ref":"..."}`, which fastjson writes for an instance that it has written before. Paths are `$` (root), `@`
 * (the object that holds the reference), `..` (its parent) and `$.name[0].name`. A path that leads nowhere becomes null,
 * as in fastjson. Repeating a value counts against `maxValues`, so that a short text cannot stand for an endless one.
 */
export function resolveReferences(root: JsonValue, maxValues: number): JsonValue {
  let left = maxValues;

  const spend = (value: JsonValue, depth: number): void => {
    if (--left < 0 || depth > maxDepth) {
      throw new Failure('invalid', 'JSON: references are cyclic or repeat too much');
    }
    if (typeof value !== 'object' || value === null) return;
    for (const child of Array.isArray(value) ? value : Object.values(value)) {
      spend(child, depth + 1);
    }
  };

  const visit = (container: JsonValue, path: Path): void => {
    if (typeof container !== 'object' || container === null) return;
    const below = [...path, container];
    // Both kinds were made by the parser, for this tree alone: writing into them is safe.
    const entries = container as Record<string, JsonValue>;
    for (const key of Object.keys(entries)) {
      const child = entries[key]!;
      const reference = referenceOf(child);
      if (reference === undefined) visit(child, below);
      else entries[key] = follow(root, below, reference);
    }
  };

  if (referenceOf(root) !== undefined) return null;
  visit(root, []);
  spend(root, 0);
  return root;
}

function referenceOf(value: JsonValue): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const reference = (value as { readonly [key: string]: JsonValue })['$ref'];
  return typeof reference === 'string' ? reference : undefined;
}

/** `holders` are the containers from the root to the one that holds the reference. */
function follow(root: JsonValue, holders: Path, reference: string): JsonValue {
  if (reference === '@') return holders.at(-1) ?? null;
  if (reference === '..') return holders.at(-2) ?? null;
  if (!reference.startsWith('$')) return null;
  let value: JsonValue = root;
  for (const [, name, index, quoted] of reference.slice(1).matchAll(steps)) {
    if (typeof value !== 'object' || value === null) return null;
    const key = (name ?? index ?? quoted ?? '').replace(/\\(.)/g, '$1');
    const entries = value as { readonly [key: string]: JsonValue };
    if (!Object.hasOwn(entries, key)) return null;
    value = entries[key]!;
  }
  return value;
}

const steps = /\.((?:\\.|[^.[\\])+)|\[(\d+)\]|\[["']([^"']*)["']\]/g;
