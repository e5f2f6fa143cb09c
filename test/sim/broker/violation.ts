/** The promises of design section 1, and what must hold inside. */
export type PromiseName =
  | 'P1'
  | 'P2'
  | 'P3'
  | 'P4'
  | 'P5'
  | 'P6'
  | 'P7'
  | 'P8'
  | 'P9'
  | 'P10'
  | 'liveness'
  | 'invariant'
  | 'bug';

/** A promise was broken: what a simulation looks for. */
export class Violation extends Error {
  readonly promise: PromiseName;

  constructor(promise: PromiseName, message: string) {
    super(`${promise}: ${message}`);
    this.name = 'Violation';
    this.promise = promise;
  }
}

export function ensure(
  condition: boolean,
  promise: PromiseName,
  message: () => string,
): asserts condition {
  if (!condition) throw new Violation(promise, message());
}
