import type { Round } from '../round.ts';
import { begun, changeWithout, promoteByKill } from './steps.ts';

/** A slave that was down during deletes and changes comes back and is promoted. */
export async function staleSlave(round: Round): Promise<void> {
  const { group } = round;
  const { master, slave } = await begun(round);
  await changeWithout(round, slave, master);
  await group.start(slave);
  await group.untilComplete();
  await promoteByKill(round, slave, master);
}
