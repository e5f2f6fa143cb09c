import type { Group, GroupNode } from '../../test/process/failover/group.ts';
import { startHoldfastGroup } from '../../test/process/failover/holdfast-group.ts';
import { startJavaGroup } from '../../test/process/failover/java-group.ts';
import type { LoadReport } from '../../test/process/load-generator.ts';
import type { Reading, Reports } from './figures.ts';
import type { Bench } from './row.ts';
import { inRounds, javaHeap, segmentBytes, slackMs } from './servers.ts';

/**
 * Replicated groups that are measured in turn: a master and a slave under a controller, where a message is answered
 * when both have written it. For the Java broker that is controller mode with `allAckInSyncStateSet`: with less its
 * master waits for nobody.
 */
export interface GroupContest extends AsyncDisposable {
  readonly targets: readonly Group[];
}

export async function startGroups(bench: Bench): Promise<GroupContest> {
  const settings = [`mappedFileSizeCommitLog=${segmentBytes}`];
  const targets: Group[] = [];
  const end = async (): Promise<void> => {
    for (const group of targets) await group[Symbol.asyncDispose]();
  };
  try {
    targets.push(await startHoldfastGroup({ settings }));
    if (bench.java) targets.push(await startJavaGroup({ settings, heap: javaHeap }));
  } catch (error) {
    await end();
    throw error;
  }
  return { targets, [Symbol.asyncDispose]: end };
}

/** Like `cpu`, of the follower; the master is the first server of a report. */
export const followerCpu: Reading = ({ servers }) => servers[1]?.cpuUs ?? Number.NaN;
export const longestGap: Reading = ({ longestGapMs }) => longestGapMs;

/** A load on the master of each group in turn, `rounds` times, after one that is not counted. */
export async function alternateGroups(
  bench: Bench,
  contest: GroupContest,
  load: readonly string[] | ((kind: Group['kind']) => readonly string[]),
): Promise<Reports> {
  const { rounds, seconds, warmSeconds } = bench;
  const argsFor = ({ kind }: Group) => (typeof load === 'function' ? load(kind) : load);
  for (const group of contest.targets) {
    await loadGroup(bench, group, argsFor(group), { seconds: 1, warm: warmSeconds });
  }
  return inRounds(bench, rounds, contest, async (group) => {
    const report = await loadGroup(bench, group, argsFor(group), { seconds, warm: 1 });
    // A slave that fell behind would leave the set, and make the master fast by that.
    const inSync = (await group.state())?.inSync.length;
    if (inSync !== 2) throw new Error(`${group.kind}: ${inSync} in the set after a load`);
    return report;
  });
}

/** One run of the load generator against the master, with the CPU of both brokers. */
export async function loadGroup(
  bench: Bench,
  group: Group,
  args: readonly string[],
  { seconds, warm }: { readonly seconds: number; readonly warm: number },
): Promise<LoadReport> {
  const master = await group.untilComplete();
  const [mode = '', ...options] = args;
  const time = ['-d', String(seconds), '--warm', String(warm)];
  return bench.loadGenerator.measure(
    [mode, ...addressAndPids(group, master), ...time, ...options],
    (seconds + warm) * 1000 + slackMs,
  );
}

/** For the load generator: the master first. */
export function addressAndPids(group: Group, master: GroupNode): readonly string[] {
  const nodes = [master, group.other(master)].filter((node) => group.isRunning(node));
  return ['-a', master.address, ...nodes.flatMap((node) => ['-p', String(group.pidOf(node))])];
}
