import { setTimeout as sleep } from 'node:timers/promises';
import type { GroupNode } from '../group.ts';
import type { Round } from '../round.ts';
import { begun, changeWithout } from './steps.ts';

/** Longer than a controller that starts waits before it calls anyone dead. */
const nobodyLeadsMs = 12_000;
const lookEveryMs = 500;

interface Order {
  readonly name: string;
  /** Brokers in the order of their start, by what they were before everything was killed. */
  readonly brokers: readonly ('master' | 'slave')[];
  /** Whether only the master counts when everything is killed, since the slave was killed before. */
  readonly isAlone: boolean;
  readonly controllerLast: boolean;
}

const orders: readonly Order[] = [
  { name: 'master, slave', brokers: ['master', 'slave'], isAlone: false, controllerLast: false },
  { name: 'slave, master', brokers: ['slave', 'master'], isAlone: false, controllerLast: false },
  {
    name: 'slave that misses changes, master',
    brokers: ['slave', 'master'],
    isAlone: true,
    controllerLast: false,
  },
  {
    name: 'master, slave that misses changes',
    brokers: ['master', 'slave'],
    isAlone: true,
    controllerLast: false,
  },
  {
    name: 'master, slave, controller',
    brokers: ['master', 'slave'],
    isAlone: false,
    controllerLast: true,
  },
  {
    name: 'slave that misses changes, master, controller',
    brokers: ['slave', 'master'],
    isAlone: true,
    controllerLast: true,
  },
];

export const orderCount = orders.length;

/** Everything is killed; the nodes start again one after the other. */
export async function restartOrders(round: Round): Promise<void> {
  const { group } = round;
  const order = orders[(round.number - 1) % orders.length] as Order;
  round.note(`order ${order.name}`);
  const { master, slave } = await begun(round);
  if (order.isAlone) await changeWithout(round, slave, master);
  await group.kill(...group.nodes);
  const brokers = order.brokers.map((role) => (role === 'master' ? master : slave));
  const others = group.nodes.filter(({ kind }) => kind !== 'broker');
  if (order.controllerLast) {
    const starting = Promise.all(brokers.map((node) => group.start(node)));
    starting.catch(() => {}); // Told below.
    await expectNobody(round, brokers, 'without a controller');
    for (const node of others) await group.start(node);
    await starting;
    await followUp(round);
    return;
  }
  for (const node of others) await group.start(node);
  const [first, second] = brokers as [GroupNode, GroupNode];
  if (order.isAlone && first === slave) {
    const starting = group.start(first);
    starting.catch(() => {}); // Told below.
    await expectNobody(round, [first], 'alone');
    await Promise.all([starting, group.start(second)]);
    await followUp(round);
    return;
  }
  await group.start(first);
  const leader = await round.firstWrite(first);
  await round.compareMaster(leader);
  await group.start(second);
  await followUp(round);
}

/** Whoever leads has everything, and the other one too. */
async function followUp(round: Round): Promise<void> {
  const { group } = round;
  const leader = await round.firstWrite(...group.brokers);
  await round.compareMaster(leader);
  const complete = await group.untilComplete();
  if (complete.name !== leader.name) round.note(`${complete.name} leads after ${leader.name}`);
  await round.compareReplica(group.other(complete));
}

/** Nobody may take a message, and each must say why. */
export async function expectNobody(
  round: Round,
  nodes: readonly GroupNode[],
  when: string,
): Promise<void> {
  const began = performance.now();
  while (performance.now() - began < nobodyLeadsMs) {
    const taker = await round.tryWrite(...nodes);
    if (taker !== undefined) {
      round.problem(`${taker.name} took a message ${when}`);
      return;
    }
    await sleep(lookEveryMs);
  }
  for (const node of nodes) {
    const why = await round.whyNotLeading(node);
    if (why === undefined) round.problem(`nothing says why ${node.name} does not lead ${when}`);
    else round.note(`${node.name} ${when}: ${why}`);
  }
}
