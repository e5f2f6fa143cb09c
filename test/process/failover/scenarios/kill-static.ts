import { setTimeout as sleep } from 'node:timers/promises';
import type { Round } from '../round.ts';
import { changeSome, workOn } from '../work.ts';

const delaysMs = [0, 10, 100, 500, 2000];

/**
 * No controller: kill -9 of the master, whose slave leads by no means, until it starts again. In even rounds the slave
 * is killed before, and misses what the master takes alone.
 */
export async function killStatic(round: Round): Promise<void> {
  const { group } = round;
  const master = await group.untilComplete();
  const slave = group.other(master);
  await round.prepare(master);
  round.delayMs = delaysMs[(round.number - 1) % delaysMs.length] ?? 0;
  await round.at(master, (writer) => workOn(writer, round.prefix));
  const isAlone = round.number % 2 === 0;
  if (isAlone) {
    await group.kill(slave);
    await group.untilAlone(master);
    await round.at(master, (writer) => changeSome(writer, round.prefix));
  }
  await round.meddle(master);
  await sleep(round.delayMs);
  await round.kill(master);
  if (!isAlone) {
    const taker = await round.tryWrite(slave);
    if (taker !== undefined) round.problem(`${taker.name} took a message as a slave`);
  }
  await group.start(master);
  await round.firstWrite(master);
  await round.compareMaster(master);
  if (isAlone) await group.start(slave);
  await group.untilComplete();
  await round.compareReplica(slave);
}
