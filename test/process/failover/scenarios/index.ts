import type { Round } from '../round.ts';
import { kill } from './kill.ts';
import { stream } from './stream.ts';

/** Each plays one round on a group that was left whole by the rounds before. */
export const scenarios: Readonly<Record<string, (round: Round) => Promise<void>>> = {
  kill,
  stream,
};
