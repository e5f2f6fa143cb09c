import { setTimeout as sleep } from 'node:timers/promises';
import type { GroupNode } from '../group.ts';
import type { Round } from '../round.ts';
import { changeSome, workOn } from '../work.ts';

const delaysMs = [0, 10, 100, 500, 2000];

/**
 * kill -9 of the master a while after the last answer; the old master returns and follows. Of three replicas two are
 * killed in the end: in odd rounds one master after the other, in even ones the master and a slave at once.
 */
export async function kill(round: Round): Promise<void> {
  const { group } = round;
  const master = await group.untilComplete();
  const others = group.others(master);
  await round.prepare(master);
  round.delayMs = delaysMs[(round.number - 1) % delaysMs.length] ?? 0;
  await round.at(master, (writer) => workOn(writer, round.prefix));
  await round.meddle(master);
  await sleep(round.delayMs);
  const atOnce = others.length > 1 && round.number % 2 === 0 ? others.slice(1) : [];
  await round.kill(master, ...atOnce);
  const rest = others.filter((node) => !atOnce.includes(node));
  let leader = await round.firstWrite(...rest);
  await round.compareMaster(leader);
  const dead: GroupNode[] = [master, ...atOnce];
  if (rest.length > 1) {
    await round.at(leader, (writer) => changeSome(writer, round.prefix));
    await round.kill(leader);
    dead.push(leader);
    leader = await round.firstWrite(...rest.filter((node) => node !== leader));
    await round.compareMaster(leader);
  }
  for (const node of dead) await group.start(node);
  await group.untilComplete();
  for (const node of group.others(leader)) await round.compareReplica(node);
}
