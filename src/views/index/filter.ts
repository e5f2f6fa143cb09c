/**
 * Which hashes a run may hold (Bloom, CACM 13/7, 1970): 12 bits and 4 probes per entry, one false answer in some
 * hundred. Kept in memory, so that a query reads only the runs that have something.
 */
export class HashFilter {
  readonly #words: Uint32Array;
  readonly #mask: number;

  constructor(entries: number) {
    const bits = 2 ** Math.max(5, Math.ceil(Math.log2(entries * 12)));
    this.#words = new Uint32Array(bits / 32);
    this.#mask = bits - 1;
  }

  add(hash: number): void {
    let probe = Math.imul(hash, 0x9e3779b1);
    const step = secondHash(hash);
    for (let count = 0; count < probes; count++) {
      const bit = (probe >>> 3) & this.#mask;
      this.#words[bit >>> 5] = (this.#words[bit >>> 5] as number) | (1 << (bit & 31));
      probe = (probe + step) | 0;
    }
  }

  mayHave(hash: number): boolean {
    let probe = Math.imul(hash, 0x9e3779b1);
    const step = secondHash(hash);
    for (let count = 0; count < probes; count++) {
      const bit = (probe >>> 3) & this.#mask;
      if (((this.#words[bit >>> 5] as number) & (1 << (bit & 31))) === 0) return false;
      probe = (probe + step) | 0;
    }
    return true;
  }
}

const probes = 4;

/** Odd, so that the probes differ. */
function secondHash(hash: number): number {
  return Math.imul(hash ^ (hash >>> 15), 0x85ebca6b) | 1;
}
