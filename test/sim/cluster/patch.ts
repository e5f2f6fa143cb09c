/** Replaces a method until the returned function is called. */
export function patched<T extends object, K extends keyof T>(
  owner: T,
  key: K,
  replace: (original: T[K]) => T[K],
): () => void {
  const original = owner[key];
  owner[key] = replace(original);
  return () => {
    owner[key] = original;
  };
}

/** The same for what is read through a getter; `replace` gets the object and what it reads. */
export function patchedGetter<T extends object, K extends keyof T>(
  owner: T,
  key: K,
  replace: (self: T, original: () => T[K]) => T[K],
): () => void {
  const original = Object.getOwnPropertyDescriptor(owner, key);
  const get = original?.get;
  if (original === undefined || get === undefined) throw new Error(`no getter ${String(key)}`);
  Object.defineProperty(owner, key, {
    ...original,
    get(this: T): T[K] {
      return replace(this, () => get.call(this) as T[K]);
    },
  });
  return () => Object.defineProperty(owner, key, original);
}

export function all(...undo: readonly (() => void)[]): () => void {
  return () => {
    for (const each of undo.toReversed()) each();
  };
}
