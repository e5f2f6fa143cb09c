import { AssertionError } from 'node:assert';
import { describeError, Failure } from '../base/index.ts';
import { ResponseCode } from '../wire/index.ts';

export interface FailureResponse {
  readonly code: number;
  readonly remark: string;
}

/**
 * The one place that turns a thrown value into a response. A handler that knows RocketMQ's code for what went wrong
 * answers with it; what it throws is what the Java broker would throw as an exception, which it answers with code 1 and
 * the text. Clients repeat a send after 1, 2 and 14, so that the choice there is what a person reads.
 */
export function responseFor(error: unknown): FailureResponse {
  const remark = describeError(error);
  if (!(error instanceof Failure)) return { code: ResponseCode.SYSTEM_ERROR, remark };
  switch (error.kind) {
    case 'invalid':
    case 'corrupt':
      return { code: ResponseCode.SYSTEM_ERROR, remark };
    case 'unavailable':
      return { code: codeForUnavailable(error), remark };
    case 'fenced':
    case 'closed':
      return { code: ResponseCode.SERVICE_NOT_AVAILABLE, remark };
  }
}

function codeForUnavailable(failure: Failure): number {
  switch (failure.reason) {
    case 'busy':
      return ResponseCode.SYSTEM_BUSY;
    case 'diskFull':
      return ResponseCode.SERVICE_NOT_AVAILABLE;
    default:
      return ResponseCode.SYSTEM_ERROR;
  }
}

/** Anything but a `Failure` is a bug: a failed assertion, or an error of the language. */
export function isBug(error: unknown): boolean {
  return error instanceof AssertionError || !(error instanceof Failure);
}
