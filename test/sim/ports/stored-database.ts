import type { Mutation, Range } from '../../../src/base/index.ts';
import type { SimProcess } from './process.ts';
import type { SimRandom } from './random.ts';

/** A database as its folder holds it. */
export class StoredDatabase {
  /** The process that has it open; one that died does not count. */
  openedBy: SimProcess | undefined;
  damaged = false;
  /** Blocks that are read fail; what was not read yet is not noticed. */
  readsAreDamaged = false;
  #current = new Entries();
  readonly #flushed = new Entries();
  #unflushed: (readonly Mutation[])[] = [];
  #flushedBatches = 0;

  get current(): Entries {
    return this.#current;
  }

  /** Identifies the batches so far. */
  get mark(): number {
    return this.#flushedBatches + this.#unflushed.length;
  }

  write(batch: readonly Mutation[]): void {
    const copy = batch.map(copyOf);
    this.#current.apply(copy);
    this.#unflushed.push(copy);
  }

  /** Makes the batches before `mark` survive a crash. */
  flush(mark: number): void {
    const batches = this.#unflushed.splice(0, Math.max(0, mark - this.#flushedBatches));
    for (const batch of batches) this.#flushed.apply(batch);
    this.#flushedBatches += batches.length;
  }

  /** Keeps all, or any first part that includes what was flushed: the port promises no more for either kind of crash. */
  crash(random: SimRandom): void {
    const count = this.#unflushed.length;
    this.flush(this.#flushedBatches + (random.chance(0.5) ? count : random.below(count + 1)));
    this.#unflushed = [];
    this.#current = this.#flushed.clone();
  }
}

/** Keys are strings of one character per byte, which compare as the bytes do. */
export class Entries {
  readonly #values = new Map<string, Uint8Array>();
  #sortedKeys: string[] | undefined = [];

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#values.get(textOf(key))?.slice();
  }

  in(range: Range): (readonly [Uint8Array, Uint8Array])[] {
    const keys = this.#keysIn(range);
    if (range.reverse) keys.reverse();
    return keys
      .slice(0, range.limit)
      .map((key) => [
        Buffer.from(key, 'latin1'),
        this.#values.get(key)?.slice() ?? new Uint8Array(),
      ]);
  }

  apply(batch: readonly Mutation[]): void {
    for (const mutation of batch) {
      switch (mutation.type) {
        case 'put':
          this.#put(textOf(mutation.key), mutation.value);
          break;
        case 'delete':
          this.#delete(textOf(mutation.key));
          break;
        case 'deleteRange':
          for (const key of this.#keysIn(mutation)) this.#delete(key);
      }
    }
  }

  clone(): Entries {
    const copy = new Entries();
    for (const [key, value] of this.#values) copy.#put(key, value);
    return copy;
  }

  #put(key: string, value: Uint8Array): void {
    if (!this.#values.has(key)) this.#sortedKeys = undefined;
    this.#values.set(key, value);
  }

  #delete(key: string): void {
    if (this.#values.delete(key)) this.#sortedKeys = undefined;
  }

  #keysIn(range: { readonly from: Uint8Array; readonly to: Uint8Array }): string[] {
    this.#sortedKeys ??= [...this.#values.keys()].sort();
    const start = firstAtLeast(this.#sortedKeys, textOf(range.from));
    return this.#sortedKeys.slice(
      start,
      Math.max(start, firstAtLeast(this.#sortedKeys, textOf(range.to))),
    );
  }
}

function firstAtLeast(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] ?? key) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}

function copyOf(mutation: Mutation): Mutation {
  switch (mutation.type) {
    case 'put':
      return { type: 'put', key: mutation.key.slice(), value: mutation.value.slice() };
    case 'delete':
      return { type: 'delete', key: mutation.key.slice() };
    case 'deleteRange':
      return { type: 'deleteRange', from: mutation.from.slice(), to: mutation.to.slice() };
  }
}
