/** Bounds of one connection, so that a peer cannot make this process hold more than a known amount for it. */
export interface ConnectionLimits {
  /** A connection that neither sent nor received anything for this long is closed. */
  readonly idleTimeoutMs: number;
  /** Above this much unsent output nothing more is read from the connection until all of it is sent. */
  readonly maxOutputBytes: number;
  /** A peer that reads nothing of what waits for it for this long is closed. */
  readonly stalledTimeoutMs: number;
  /** Requests of this side without an answer. */
  readonly maxPendingRequests: number;
  /** Requests of the peer whose answers are worked on. Above this nothing more is read until some are answered. */
  readonly maxUnansweredRequests: number;
  /** Likewise, of the bytes of those requests. */
  readonly maxUnansweredBytes: number;
  /** Memory for frames that are not complete, over all connections together. */
  readonly maxPartialBytes: number;
}

export const defaultConnectionLimits: ConnectionLimits = {
  idleTimeoutMs: 120_000,
  maxOutputBytes: 8 * 1024 * 1024,
  stalledTimeoutMs: 30_000,
  maxPendingRequests: 4096,
  maxUnansweredRequests: 1024,
  maxUnansweredBytes: 32 * 1024 * 1024,
  maxPartialBytes: 256 * 1024 * 1024,
};

/**
 * Output that answers to requests from before reading paused may add: beyond so many times `maxOutputBytes` the
 * connection is closed.
 */
export const outputOverrun = 8;
