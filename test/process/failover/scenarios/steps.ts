import type { GroupNode } from '../group.ts';
import type { Round } from '../round.ts';
import { changeSome, workOn } from '../work.ts';

/** What several scenarios do in the same way. */

/** Both replicas count, and the master has taken the work of this round. */
export async function begun(round: Round): Promise<{ master: GroupNode; slave: GroupNode }> {
  const { group, prefix } = round;
  const master = await group.untilComplete();
  await round.prepare(master);
  await round.at(master, (writer) => workOn(writer, prefix));
  return { master, slave: group.other(master) };
}

/** The slave is killed, and misses changes and deletes. */
export async function changeWithout(
  round: Round,
  slave: GroupNode,
  master: GroupNode,
): Promise<void> {
  await round.group.kill(slave);
  await round.group.untilAlone(master);
  await round.at(master, (writer) => changeSome(writer, round.prefix));
}

/** The master is killed: the slave leads with everything, and the former master follows it. */
export async function promoteByKill(
  round: Round,
  slave: GroupNode,
  master: GroupNode,
): Promise<void> {
  const { group } = round;
  await round.kill(master);
  await round.firstWrite(slave);
  await round.compareMaster(slave);
  await group.start(master);
  await group.untilComplete();
  await round.compareReplica(master);
}
