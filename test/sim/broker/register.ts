/** One step in the life of a value: what it may be after it. */
interface Version<T> {
  readonly candidates: readonly T[];
  /**
   * The log contains what made it below this position, so that it survives any crash once that is synced; 0 when its
   * acknowledgement alone promises that. Undefined: nobody knows whether it happened.
   */
  readonly end: number | undefined;
}

/**
 * What a value that is kept in the log may be, as its clients know it: changes that were acknowledged, changes of which
 * nobody knows whether they happened, and what a crash may have undone. Changes come one at a time.
 */
export class Register<T> {
  #versions: Version<T>[];

  constructor(initial: T) {
    this.#versions = [{ candidates: [initial], end: 0 }];
  }

  /** Acknowledged. Candidates for which `to` says so cannot have been there. */
  changed(to: (before: T) => T | Impossible, end: number): void {
    const after = this.#after(to);
    if (end === 0) this.#versions = [];
    this.#versions.push({ candidates: after.length > 0 ? after : this.now(), end });
  }

  /** It may have happened, or may still happen. */
  perhapsChanged(to: (before: T) => T | Impossible): void {
    this.#versions.push({ candidates: this.#after(to), end: undefined });
  }

  /** What a reader of the newest state may find now. */
  now(): readonly T[] {
    return this.#since(this.#versions.findLastIndex(({ end }) => end !== undefined));
  }

  /** What may be left when the log survives up to `position`; also what a reader of the tables applied up to it may find. */
  upTo(position: number): readonly T[] {
    return this.#since(
      this.#versions.findLastIndex(({ end }) => end !== undefined && end <= position),
    );
  }

  /** A crash left the log up to `position` for sure. */
  crashed(position: number): void {
    this.settle(this.upTo(position));
  }

  /** It is one of these, durably. */
  settle(candidates: readonly T[]): void {
    this.#versions = [{ candidates, end: 0 }];
  }

  #since(index: number): readonly T[] {
    return unique(this.#versions.slice(Math.max(0, index)).flatMap(({ candidates }) => candidates));
  }

  #after(to: (before: T) => T | Impossible): readonly T[] {
    return unique(
      this.now()
        .map(to)
        .filter((value): value is T => value !== impossible),
    );
  }
}

/** The change cannot have been acknowledged from there. */
export const impossible: unique symbol = Symbol('impossible');
export type Impossible = typeof impossible;

function unique<T>(values: readonly T[]): readonly T[] {
  return [...new Set(values)];
}
