import { setTimeout as sleep } from 'node:timers/promises';
import type { Round } from '../round.ts';
import { begun, changeWithout } from './steps.ts';

const delaysMs = [0, 10, 100, 500, 2000];

/**
 * No controller: kill -9 of the master, whose slave leads by no means, until it starts again. In even rounds the slave
 * is killed before, and misses what the master takes alone.
 */
export async function killStatic(round: Round): Promise<void> {
  const { group } = round;
  round.delayMs = delaysMs[(round.number - 1) % delaysMs.length] ?? 0;
  const { master, slave } = await begun(round);
  const isAlone = round.number % 2 === 0;
  if (isAlone) await changeWithout(round, slave, master);
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
