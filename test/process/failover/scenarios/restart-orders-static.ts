import { setTimeout as sleep } from 'node:timers/promises';
import type { Round } from '../round.ts';
import { begun, changeWithout } from './steps.ts';

const slaveAloneMs = 5000;
const lookEveryMs = 500;

interface Order {
  readonly name: string;
  readonly isSlaveFirst: boolean;
  /** Whether only the master counts when everything is killed, since the slave was killed before. */
  readonly isAlone: boolean;
}

const orders: readonly Order[] = [
  { name: 'master, slave', isSlaveFirst: false, isAlone: false },
  { name: 'slave, master', isSlaveFirst: true, isAlone: false },
  { name: 'slave that misses changes, master', isSlaveFirst: true, isAlone: true },
  { name: 'master, slave that misses changes', isSlaveFirst: false, isAlone: true },
];

/** No controller: everything is killed; the brokers start again one after the other. */
export async function restartOrdersStatic(round: Round): Promise<void> {
  const { group } = round;
  const order = orders[(round.number - 1) % orders.length] as Order;
  round.note(`order ${order.name}`);
  const { master, slave } = await begun(round);
  if (order.isAlone) await changeWithout(round, slave, master);
  await group.kill(...group.nodes);
  for (const node of group.nodes) if (node.kind !== 'broker') await group.start(node);
  if (order.isSlaveFirst) {
    await group.start(slave);
    const began = performance.now();
    while (performance.now() - began < slaveAloneMs) {
      if (await round.tryWrite(slave)) {
        round.problem(`${slave.name} took a message as a slave`);
        break;
      }
      await sleep(lookEveryMs);
    }
  }
  await group.start(master);
  await round.firstWrite(master);
  await round.compareMaster(master);
  if (!order.isSlaveFirst) await group.start(slave);
  await group.untilComplete();
  await round.compareReplica(slave);
}
