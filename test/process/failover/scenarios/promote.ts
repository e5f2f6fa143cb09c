import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterMaster } from '../cluster-master.ts';
import type { GroupNode } from '../group.ts';
import type { Round } from '../round.ts';
import { begun } from './steps.ts';

const delaysMs = [0, 10, 100, 500, 2000];
const formerMs = 6000;
const lookEveryMs = 300;

/**
 * No controller: the master is killed, and an operator promotes the slave with `holdfast ha promote`. The old master
 * returns as a slave; in every second round only after it was started as the master that it was, by mistake. In every
 * third one the new master is started again, as a master of the configuration.
 */
export async function promote(round: Round): Promise<void> {
  const { group } = round;
  round.delayMs = delaysMs[(round.number - 1) % delaysMs.length] ?? 0;
  const { master, slave } = await begun(round);
  await expectRefusal(round, slave);
  await round.meddle(master);
  await sleep(round.delayMs);
  await round.kill(master);
  const said = await promoteByOperator(round, slave);
  await round.firstWrite(slave);
  round.note(`promoted in epoch ${said.epoch}; not proven: ${said.notProven.join(', ')}`);
  await round.compareMaster(slave);
  if (round.number % 2 === 0) await startAsItWas(round, master, slave);
  if (round.number % 3 === 0) {
    await group.kill(slave);
    await rm(join(group.storeOf(slave), 'promoted'));
    await group.configure(slave, { brokerRole: 'SYNC_MASTER', brokerId: '0' });
    await group.start(slave);
    await round.firstWrite(slave);
    await round.compareMaster(slave);
  }
  await returnAsSlave(round, master, slave);
  await group.untilComplete();
  await round.compareReplica(master);
}

interface Promoted {
  readonly epoch: number;
  readonly proven: readonly string[];
  readonly notProven: readonly string[];
}

/** With a look at it first, as a careful operator does; what it says must be what is known. */
async function promoteByOperator(round: Round, slave: GroupNode): Promise<Promoted> {
  const { group } = round;
  const command = ['ha', 'promote', '--broker', slave.address, '-o', 'json'];
  const shown = await group.operate(...command, '--dry-run');
  const said = JSON.parse(await group.operate(...command, '--yes')) as Promoted;
  const expected = [
    [said.proven, /its log ends at \d+/],
    [said.proven, /holds all that it knew as committed/],
    [said.notProven, /that it was in the in-sync set/],
    [said.notProven, /that nothing above \d+ was acknowledged/],
    [said.notProven, /that the master at \S+ is dead, and stays so/],
  ] as const;
  for (const [texts, pattern] of expected) {
    if (!texts.some((text) => pattern.test(text))) round.problem(`promote does not say ${pattern}`);
  }
  for (const text of [...said.proven, ...said.notProven]) {
    if (!shown.includes(text)) round.problem(`--dry-run does not say: ${text}`);
  }
  return said;
}

/** While its master is there a slave is not promoted. */
async function expectRefusal(round: Round, slave: GroupNode): Promise<void> {
  const command = ['ha', 'promote', '--broker', slave.address, '--yes'];
  const said = await round.group.operate(...command).then(
    () => 'done',
    (failure: Error) => failure.message,
  );
  if (!/is there; stop it first/.test(said)) round.problem(`promoted beside its master: ${said}`);
}

/** The name server must go on to name the promoted one, and the group must keep what it has. */
async function startAsItWas(round: Round, former: GroupNode, leader: GroupNode): Promise<void> {
  const { group } = round;
  await group.start(former).catch((failure: Error) => round.note(failure.message));
  const began = performance.now();
  while (performance.now() - began < formerMs) {
    const named = await clusterMaster(group);
    if (named !== leader.address) round.problem(`the name server names ${named} as the master`);
    await sleep(lookEveryMs);
  }
  await round.compareMaster(leader);
  await group.kill(former);
}

async function returnAsSlave(round: Round, node: GroupNode, leader: GroupNode): Promise<void> {
  const { group } = round;
  const ids = (await group.state())?.ids ?? new Map<string, number>();
  const used = [...ids.values()];
  const brokerId = [1, 2, 3].find((id) => !used.includes(id));
  await rm(join(group.storeOf(node), 'promoted'), { force: true });
  const [host, port] = leader.address.split(':');
  await group.configure(node, {
    ...{ brokerRole: 'SLAVE', brokerId: String(brokerId) },
    haMasterAddress: `${host}:${Number(port) + 1}`,
  });
  await group.start(node);
}
