/**
 * What to do about a failure:
 * - `invalid`: the request is wrong; fix it, do not repeat it
 * - `unavailable`: not now; repeat it later
 * - `fenced`: this node no longer leads; stop acting as if it did
 * - `corrupt`: stored bytes are damaged; do not serve them
 * - `closed`: what was used is closed; let go
 */
export type FailureKind = 'invalid' | 'unavailable' | 'fenced' | 'corrupt' | 'closed';

/** Reasons that a caller tells apart within a kind. */
export type FailureReason =
  | 'diskFull'
  | 'notFound'
  | 'alreadyExists'
  | 'locked'
  | 'timeout'
  | 'tooLarge'
  | 'addressInUse'
  | 'connectionLost'
  | 'busy'
  | 'installing'
  /** An fsync or a cut failed: what the store holds is not known any more, and the process must end. */
  | 'unsafe';

/** The one class of thrown failures. Bugs are assertion errors instead. */
export class Failure extends Error {
  readonly kind: FailureKind;
  readonly reason: FailureReason | undefined;

  constructor(
    kind: FailureKind,
    message: string,
    options: { reason?: FailureReason; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Failure';
    this.kind = kind;
    this.reason = options.reason;
  }
}

export function isFailure(
  error: unknown,
  kind?: FailureKind,
  reason?: FailureReason,
): error is Failure {
  return (
    error instanceof Failure &&
    (kind === undefined || error.kind === kind) &&
    (reason === undefined || error.reason === reason)
  );
}

/** The message of any thrown value, with the messages of its causes. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined
    ? error.message
    : `${error.message}: ${describeError(error.cause)}`;
}
