import { runOrThrow } from '../../../interop/support/processes.ts';
import { Load } from '../load.ts';
import { isInOwnNetwork } from '../own-network.ts';
import type { Round } from '../round.ts';
import { changeSome } from '../work.ts';
import { expectNobody } from './restart-orders.ts';
import { begun, promoteByKill } from './steps.ts';

const commandLimitMs = 10_000;

/**
 * Packets between master and slave get lost in one direction: in odd rounds what the master sends, in even ones what it
 * should get. It must go on alone, and the slave must not lead; after the cut both hold the same. In every third round
 * the master is killed while the slave misses changes.
 */
export async function oneWayCut(round: Round): Promise<void> {
  const { group, prefix } = round;
  const { master, slave } = await begun(round);
  const load = new Load(group, round.journal, prefix);
  const isFromMaster = round.number % 2 === 1;
  round.note(isFromMaster ? 'what the master sends is lost' : 'what the slave sends is lost');
  try {
    await load.untilMore();
    const heal = await cut(isFromMaster ? 'sport' : 'dport', replicationPort(master.address));
    try {
      const began = performance.now();
      await group.untilAlone(master);
      await load.untilMore();
      round.note(`goes on alone after ${Math.round(performance.now() - began)} ms`);
      await round.at(master, (writer) => changeSome(writer, prefix));
      if (round.number % 3 === 0) {
        await load.end();
        await round.kill(master);
        await expectNobody(round, [slave], 'alone, behind');
        await group.start(master);
        await round.firstWrite(master);
      }
    } finally {
      await heal();
    }
    await group.untilComplete();
  } finally {
    await load.end();
  }
  if (load.unanswered > 0) round.problem(`${load.unanswered} requests were never answered`);
  await round.compareMaster(master);
  await round.compareReplica(slave);
  await promoteByKill(round, slave, master);
}

/** `holdfast cluster` puts it one above the port for clients. */
const replicationPort = (address: string): number => Number(address.split(':')[1]) + 1;

/** In the network of this process, where routes by port come before those of the machine itself. */
async function cut(which: 'sport' | 'dport', port: number): Promise<() => Promise<void>> {
  if (!isInOwnNetwork()) throw new Error('not in the network of this machine');
  const rule = ['pref', '1', 'ipproto', 'tcp', which, String(port), 'blackhole'];
  const change = (act: 'add' | 'del'): Promise<string> =>
    runOrThrow('ip', ['rule', act, ...rule], { limitMs: commandLimitMs });
  await change('add');
  return async () => {
    await change('del');
  };
}
