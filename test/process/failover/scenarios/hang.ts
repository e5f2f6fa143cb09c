import type { Round } from '../round.ts';
import { workOn } from '../work.ts';

/** SIGSTOP of the master until the other one leads: nobody sees a closed connection, only that nothing comes. */
export async function hang(round: Round): Promise<void> {
  const { group } = round;
  const master = await group.untilComplete();
  const other = group.other(master);
  await round.prepare(master);
  await round.at(master, (writer) => workOn(writer, round.prefix));
  round.killedAtMs = performance.now();
  group.signal(master, 'SIGSTOP');
  try {
    await round.firstWrite(other);
    await round.compareMaster(other);
  } finally {
    group.signal(master, 'SIGCONT');
  }
  await group.untilComplete();
  await round.compareReplica(master);
}
