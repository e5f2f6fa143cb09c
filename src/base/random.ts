/** Chance: for identifiers and for spreading load, never for secrets. */
export interface Random {
  /** An integer, 0 <= n < bound; `bound` is at most 2^32. */
  below(bound: number): number;
  /** Fresh random bytes. */
  bytes(count: number): Uint8Array;
}
