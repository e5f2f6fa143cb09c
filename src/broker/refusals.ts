import { describeError, Failure } from '../base/index.ts';
import type { Refusal } from '../views/metadata/index.ts';
import { ResponseCode } from '../wire/index.ts';

/** The RocketMQ answer to a failed append of a message or of a definition. Bugs are thrown on. */
export function refusalOf(failure: unknown, what: 'message' | 'definition'): Refusal {
  if (!(failure instanceof Failure)) throw failure;
  return { code: codeOf(failure, what), remark: describeError(failure) };
}

function codeOf(failure: Failure, what: 'message' | 'definition'): number {
  switch (failure.kind) {
    case 'invalid':
      return what === 'message' ? ResponseCode.MESSAGE_ILLEGAL : ResponseCode.SYSTEM_ERROR;
    case 'unavailable':
      if (failure.reason === 'busy') return ResponseCode.SYSTEM_BUSY;
      break;
    case 'fenced':
    case 'corrupt':
    case 'closed':
      break;
  }
  return what === 'message' ? ResponseCode.SERVICE_NOT_AVAILABLE : ResponseCode.SYSTEM_ERROR;
}
