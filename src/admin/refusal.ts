import { Failure } from '../base/index.ts';
import { type IncomingCommand, ResponseCode, responseCodeName } from '../wire/index.ts';

/** The other side answered, and said no. The message begins with RocketMQ's name of the code. */
export class Refusal extends Failure {
  readonly code: number;
  /** What the other side wrote beside the code. */
  readonly remark: string;

  constructor(code: number, remark: string) {
    const name = responseCodeName(code);
    const label = name === String(code) ? `response code ${code}` : `${name} (${code})`;
    super('invalid', remark === '' ? label : `${label}: ${remark}`);
    this.name = 'Refusal';
    this.code = code;
    this.remark = remark;
  }
}

export function isRefusal(error: unknown, ...codes: readonly number[]): error is Refusal {
  return error instanceof Refusal && (codes.length === 0 || codes.includes(error.code));
}

/** The response, or a `Refusal` when its code is none of those that mean success. */
export function orRefusal(
  response: IncomingCommand,
  successes: readonly number[] = [ResponseCode.SUCCESS],
): IncomingCommand {
  if (successes.includes(response.code)) return response;
  throw new Refusal(response.code, shorten(response.remark ?? ''));
}

/** The Java broker sends whole stack traces and the address of a page of help. */
function shorten(remark: string): string {
  const firstLine = remark.split('\n', 1)[0] ?? '';
  return firstLine.replace(/\s*See https?:\S+ for further details\.?/i, '').trim();
}
