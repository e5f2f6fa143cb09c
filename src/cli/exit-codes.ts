import { describeError, isFailure } from '../base/index.ts';
import { oneLine } from './plain-text.ts';

/** What a script can rely on. */
export const ExitCode = {
  done: 0,
  /** The other side refused, or something failed on the way. */
  failed: 1,
  /** The command line is wrong, or a question would have to be answered. */
  usage: 2,
  /** No name server or broker could be reached. */
  unreachable: 3,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** The command line or a configuration is at fault; each problem is one sentence. */
export class UsageMistake extends Error {
  readonly problems: readonly string[];

  constructor(...problems: readonly string[]) {
    super(problems.join('; '));
    this.problems = problems;
  }
}

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageMistake) return ExitCode.usage;
  return isFailure(error, 'unavailable') ? ExitCode.unreachable : ExitCode.failed;
}

/** Lines for a person: one, unless several mistakes were made. */
export function explain(error: unknown): readonly string[] {
  const sentences = error instanceof UsageMistake ? error.problems : [describeError(error)];
  return sentences.map((sentence) => oneLine(sentence).trim());
}
