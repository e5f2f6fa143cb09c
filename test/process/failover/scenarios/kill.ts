import { setTimeout as sleep } from 'node:timers/promises';
import type { Round } from '../round.ts';
import { workOn } from '../work.ts';

const delaysMs = [0, 10, 100, 500, 2000];

/** kill -9 of the master a while after the last answer; the old master returns and follows. */
export async function kill(round: Round): Promise<void> {
  const { group } = round;
  const master = await group.untilComplete();
  const other = group.other(master);
  await round.prepare(master);
  round.delayMs = delaysMs[(round.number - 1) % delaysMs.length] ?? 0;
  await round.at(master, (writer) => workOn(writer, round.prefix));
  await round.meddle(master);
  await sleep(round.delayMs);
  await round.kill(master);
  await round.firstWrite(other);
  await round.compareMaster(other);
  await group.start(master);
  await group.untilComplete();
  await round.compareReplica(master);
}
