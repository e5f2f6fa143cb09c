import type { Round } from '../round.ts';
import { changeSome, workOn } from '../work.ts';

/** A slave that was down during deletes and changes comes back and is promoted. */
export async function staleSlave(round: Round): Promise<void> {
  const { group } = round;
  const master = await group.untilComplete();
  const slave = group.other(master);
  await round.prepare(master);
  await round.at(master, (writer) => workOn(writer, round.prefix));
  await group.kill(slave);
  await group.untilAlone(master);
  await round.at(master, (writer) => changeSome(writer, round.prefix));
  await group.start(slave);
  await group.untilComplete();
  await round.kill(master);
  await round.firstWrite(slave);
  await round.compareMaster(slave);
  await group.start(master);
  await group.untilComplete();
  await round.compareReplica(master);
}
