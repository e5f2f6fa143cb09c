import { type Failure, isFailure } from '../../base/index.ts';

/** Files of a store are not what they were. Not so when a disk fails now: they may be whole, and the process ends. */
export const isDamage = (error: unknown): error is Failure =>
  isFailure(error, 'corrupt') && error.reason !== 'unsafe';
