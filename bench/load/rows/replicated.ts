import { cpu, figure, loadFigures, type Reports } from '../figures.ts';
import { alternateGroups, followerCpu, startGroups } from '../groups.ts';
import { atLeast, atMost, type Figure, type Row, type Side, sides } from '../row.ts';

export const replicatedSend: Row = {
  name: 'replicated-send',
  title:
    'send, 8 x 8, answered when master and slave have written it (Java: controller mode, allAckInSyncStateSet)',
  async run(bench) {
    await using contest = await startGroups(bench);
    const reports = await alternateGroups(bench, contest, ['send', '-c', '8', '-w', '8']);
    return [
      ...loadFigures('send', 'message', reports, { rate: [atLeast(4, 'java')] }),
      figure('send: CPU of the follower per message', 'µs', reports, followerCpu),
      followerShare('send', reports),
    ];
  },
};

export const replicatedTopics: Row = {
  name: 'replicated-topics',
  title: 'acknowledged topic creates, durable on master and slave: 16 in flight, and one at a time',
  async run(bench) {
    await using contest = await startGroups(bench);
    // As many as either creates in a few seconds: compilers need thousands, the Java broker would take minutes for them.
    const create = (holdfast: number, java: number, inFlight: readonly string[]) =>
      alternateGroups(bench, contest, (kind) => {
        const count = Math.ceil((kind === 'java' ? java : holdfast) * bench.scale);
        return ['create-topics', ...inFlight, '-n', String(count)];
      });
    // One at a time first: what a create costs the Java broker grows with the topics there.
    const one = await create(1500, 500, ['-c', '1', '-w', '1']);
    const many = await create(10_000, 500, ['-c', '4', '-w', '4']);
    return [
      ...loadFigures('create 4 x 4', 'topic', many, { rate: [atLeast(3000)] }),
      figure('create 4 x 4: CPU of the follower per topic', 'µs', many, followerCpu),
      ...loadFigures('create 1 x 1', 'topic', one, { p50: [atMost(5000)] }),
    ];
  },
};

/** What a replicated message costs the follower, as part of what it costs the master. */
function followerShare(what: string, reports: Reports): Figure {
  const values: Partial<Record<Side, number[]>> = {};
  for (const side of sides) {
    if (reports[side] === undefined) continue;
    values[side] = reports[side].map((report) => followerCpu(report) / cpu(report));
  }
  return {
    ...{ what: `${what}: CPU of the follower / of the master`, unit: '', values },
    aims: [atMost(0.5)],
  };
}
