import type { Round } from '../round.ts';
import { expectNobody } from './restart-orders.ts';
import { begun, promoteByKill } from './steps.ts';

/**
 * A node loses its disk. In odd rounds the slave, while the master goes on: it must have everything before it can be
 * promoted. In even rounds everything is killed and the empty one starts first: it must not lead.
 */
export async function wipedNode(round: Round): Promise<void> {
  const { group } = round;
  const { master, slave } = await begun(round);
  if (round.number % 2 === 0) {
    await group.kill(...group.nodes);
    await group.wipe(slave);
    for (const node of group.nodes) if (node.kind !== 'broker') await group.start(node);
    const starting = group.start(slave);
    starting.catch(() => {}); // Told below.
    await expectNobody(round, [slave], 'empty and alone');
    await Promise.all([starting, group.start(master)]);
    await round.firstWrite(master);
  } else {
    await group.kill(slave);
    await group.untilAlone(master);
    await group.wipe(slave);
    await group.start(slave);
  }
  await group.untilComplete();
  await round.compareReplica(slave);
  await promoteByKill(round, slave, master);
}
