import assert from 'node:assert/strict';
import { type FailureKind, type FailureReason, isFailure } from '../../../../src/base/index.ts';

/** A port under test: the one on Node, or its simulated twin. */
export interface Subject<Port> {
  readonly name: string;
  /** Gives `body` a fresh port, and whatever drives it until the body is done. */
  run(body: (port: Port) => Promise<void>): Promise<void>;
}

export async function assertFails(
  action: Promise<unknown> | (() => unknown),
  kind: FailureKind,
  reason?: FailureReason,
): Promise<void> {
  try {
    await (typeof action === 'function' ? action() : action);
  } catch (error) {
    assert.ok(isFailure(error), `not a Failure: ${String(error)}`);
    assert.deepEqual([error.kind, error.reason], [kind, reason]);
    return;
  }
  assert.fail('did not fail');
}

export const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

/** Plain, so that a Buffer and a Uint8Array of the same bytes are equal. */
export const plain = (value: Uint8Array | undefined): readonly number[] | undefined =>
  value && [...value];
