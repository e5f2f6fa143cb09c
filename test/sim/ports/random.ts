import type { Random } from '../../../src/base/index.ts';

/**
 * Chance that follows from a seed: sfc32 (Chris Doty-Humphrey, PractRand). Parts of a simulation draw from forks, so
 * that one part drawing more does not change what the others draw.
 */
export class SimRandom implements Random {
  readonly seed: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number | string) {
    this.seed = String(seed);
    this.#a = hash(this.seed, 0x9e3779b9);
    this.#b = hash(this.seed, 0x85ebca6b);
    this.#c = hash(this.seed, 0xc2b2ae35);
    for (let round = 0; round < 12; round++) this.#next();
  }

  /** The same for the same seed and name, however much was drawn before. */
  fork(name: string): SimRandom {
    return new SimRandom(`${this.seed}/${name}`);
  }

  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let index = 0; index < count; index++) bytes[index] = this.#next();
    return bytes;
  }

  /** 0 <= n < 1, in steps of 2^-32. */
  fraction(): number {
    return this.#next() / 2 ** 32;
  }

  /** One of them, all equally likely. */
  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  /** from <= n < to. */
  between(from: number, to: number): number {
    return from + this.fraction() * (to - from);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}

/** FNV-1a with a final mix. */
function hash(text: string, start: number): number {
  let value = start | 0;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x7feb352d);
  return value ^ (value >>> 15);
}
