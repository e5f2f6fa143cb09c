import { cp, mkdir, open, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run, runOrThrow } from '../../../interop/support/processes.ts';
import type { GroupNode } from '../group.ts';
import { Load } from '../load.ts';
import type { Round } from '../round.ts';
import { workOn } from '../work.ts';

const diskBytes = 192 * 2 ** 20;
const mountMs = 10_000;
const fullMs = 8000;
const longestMs = 60_000;
const betweenMs = 100;

/**
 * The disk of a node gets full under load, and has room again, without a restart: of the slave in odd rounds, which is
 * put out of the set, of the master in even ones, which refuses. Then the master is killed, and the other one leads.
 * Only root may mount the small disk.
 */
export async function diskFull(round: Round): Promise<void> {
  const { group, prefix } = round;
  const isMaster = round.number % 2 === 0;
  const node = isMaster ? await group.untilComplete() : group.other(await group.untilComplete());
  const store = group.storeOf(node);
  await group.stop(node);
  const whyNot = await moveToSmallDisk(store);
  if (whyNot !== undefined) {
    round.note(`SKIPPED: a small disk cannot be mounted: ${whyNot}`);
    await group.start(node);
    await group.untilComplete();
    return;
  }
  try {
    await group.start(node);
    let master = await group.untilComplete();
    if ((master === node) !== isMaster) {
      await group.elect(group.other(master));
      await sleep(2000);
      master = await group.untilComplete();
    }
    round.note(`the disk of ${node.name}, ${master === node ? 'the master' : 'the slave'}`);
    await round.prepare(master);
    await round.at(master, (writer) => workOn(writer, prefix));
    await fillUnderLoad(round, node, master);
    master = await group.untilComplete();
    await round.compareMaster(master);
    await round.compareReplica(group.other(master));
    await round.kill(master);
    const next = group.other(master);
    await round.firstWrite(next);
    await round.compareMaster(next);
    await group.start(master);
    await group.untilComplete();
    await round.compareReplica(master);
  } finally {
    await group.stop(node);
    await moveBack(store);
    await group.start(node);
  }
}

async function fillUnderLoad(round: Round, node: GroupNode, master: GroupNode): Promise<void> {
  const { group, prefix } = round;
  const filler = join(group.storeOf(node), 'filler');
  const load = new Load(group, round.journal, prefix);
  try {
    await load.untilMore();
    await fill(filler);
    const began = performance.now();
    const isOver = async (): Promise<boolean> =>
      node === master
        ? performance.now() - began > fullMs
        : (await group.state())?.inSync.length === 1;
    // Large messages, so that the segment that is there already is full soon.
    const taken = await round.at(master, async (writer) => {
      let count = 0;
      for (let index = 0; !(await isOver()); index += 1) {
        const body = `large ${index} ${'x'.repeat(100_000)}`;
        if (await writer.send(`${prefix}topic-0`, 0, body, { limitMs: 1000 })) count += 1;
        if (performance.now() - began > longestMs) throw new Error('the full disk is not noticed');
        await sleep(betweenMs);
      }
      return count;
    });
    round.note(
      `full for ${Math.round(performance.now() - began)} ms; ${taken} large messages were taken`,
    );
    if (node !== master) await load.untilMore(); // Alone.
    await rm(filler);
    await load.untilMore();
    await group.untilComplete();
  } finally {
    await rm(filler, { force: true });
    await load.end();
  }
  // A message waits for the slave until the group does not count on it any more.
  round.note(`${load.unanswered} requests had no answer after 8 s`);
}

/** All that is free. */
async function fill(path: string): Promise<void> {
  await using file = await open(path, 'w');
  const page = Buffer.alloc(64 * 1024);
  for (;;) {
    const { bavail, bsize } = await statfs(path);
    const take = Math.min(page.length, bavail * bsize);
    if (take <= 0) return;
    try {
      await file.write(page.subarray(0, take));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
      throw error;
    }
  }
}

/** Undefined when it was done. */
async function moveToSmallDisk(store: string): Promise<string | undefined> {
  await rename(store, `${store}.kept`);
  await mkdir(store);
  const options = ['-t', 'tmpfs', '-o', `size=${diskBytes}`, 'tmpfs', store];
  const { code, stderr } = await run('mount', options, { limitMs: mountMs });
  if (code === 0) {
    await cp(`${store}.kept`, store, { recursive: true });
    await rm(`${store}.kept`, { recursive: true });
    return undefined;
  }
  await rm(store, { recursive: true });
  await rename(`${store}.kept`, store);
  return stderr.trim();
}

async function moveBack(store: string): Promise<void> {
  await cp(store, `${store}.kept`, { recursive: true });
  await runOrThrow('umount', ['--lazy', store], { limitMs: mountMs });
  await rm(store, { recursive: true });
  await rename(`${store}.kept`, store);
}
