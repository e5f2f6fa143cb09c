/**
 * What happened, as a running hash: two runs of one seed must end with the same one. Lines are kept on request, to find
 * where two runs part.
 */
export class Trace {
  readonly lines: string[] | undefined;
  #count = 0;
  #low = 0x811c9dc5;
  #high = 0x9dc5811c;

  constructor(options: { readonly keepLines: boolean }) {
    this.lines = options.keepLines ? [] : undefined;
  }

  /** Notes one thing that happened, with the numbers that matter about it. */
  note(what: string, ...numbers: readonly number[]): void {
    this.#count++;
    for (let index = 0; index < what.length; index++) this.#mix(what.charCodeAt(index));
    for (const number of numbers) {
      this.#mix(number | 0);
      // Keeps thousandths and what is above 32 bits.
      this.#mix(((number * 1000) % 0x1_0000_0000) | 0);
    }
    this.lines?.push(numbers.length === 0 ? what : `${what} ${numbers.join(' ')}`);
  }

  /** How many things were noted. */
  get count(): number {
    return this.#count;
  }

  get hash(): string {
    return [this.#low, this.#high]
      .map((half) => (half >>> 0).toString(16).padStart(8, '0'))
      .join('');
  }

  #mix(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x01000193);
    this.#high = Math.imul(this.#high ^ (value + 0x5bd1e995), 0x5bd1e995) ^ (this.#low >>> 13);
  }
}
