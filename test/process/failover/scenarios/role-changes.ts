import { eventually } from '../../../interop/support/waiting.ts';
import type { GroupNode } from '../group.ts';
import { Load } from '../load.ts';
import type { Round } from '../round.ts';

const changes = 30;
const changeLimitMs = 30_000;

/** Role changes under load: every other one planned, the others by kill -9 and the return of what was killed. */
export async function roleChanges(round: Round): Promise<void> {
  const { group } = round;
  let master = await group.untilComplete();
  await round.prepare(master);
  const load = new Load(group, round.journal, round.prefix);
  const pausesMs: number[] = [];
  try {
    for (let change = 1; change <= changes; change += 1) {
      const isPlanned = change % 2 === 0;
      await load.untilMore();
      const next = group.other(master);
      if (isPlanned) {
        const began = performance.now();
        if (!(await group.elect(next))) {
          round.problem(`change ${change}: the controller refuses to elect ${next.name}`);
          break;
        }
        await load.untilMore();
        pausesMs.push(Math.round(performance.now() - began));
      } else {
        await round.kill(master);
        await round.firstWrite(next);
        await group.start(master);
      }
      await untilLeads(round, next);
      master = await group.untilComplete();
    }
  } finally {
    await load.end();
  }
  round.note(`${changes} changes; a write after a planned one after ${pausesMs.join(', ')} ms`);
  if (load.unanswered > 0) round.problem(`${load.unanswered} requests were never answered`);
  await round.compareMaster(master);
  await round.compareReplica(group.other(master));
}

async function untilLeads(round: Round, node: GroupNode): Promise<void> {
  await eventually(changeLimitMs, `${node.name} as the master`, async () => {
    return (await round.group.state())?.master === node.address || undefined;
  });
}
