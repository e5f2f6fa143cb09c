import { eventually } from '../../../test/interop/support/waiting.ts';
import { codes } from '../../../test/process/failover/codes.ts';
import type { Group, GroupNode } from '../../../test/process/failover/group.ts';
import { startHoldfastGroup } from '../../../test/process/failover/holdfast-group.ts';
import { Remote } from '../../../test/process/failover/remote.ts';
import type { LoadReport } from '../../../test/process/load-generator.ts';
import { addressAndPids, loadGroup } from '../groups.ts';
import { atMost, type Bench, type Figure, ours, type Row } from '../row.ts';
import { usedCpuMs } from '../servers.ts';

const allTopics = 100_000;
const queues = 4;
const segmentBytes = 2 ** 28;
const messagesOfGigabyte = 840_000;
/** More than is kept, so that the topics are in no record of the log, and the node must install a snapshot. */
const surplusGigabytes = 0.5;
const sentPerSecond = 1000;
const longMs = 1_800_000;

export const join: Row = {
  name: 'join',
  title:
    'an empty node joins a group with 100,000 topics and a log of --gigabytes: time, and what a producer notices',
  async run(bench) {
    const keptBytes = Math.round(bench.gigabytes * 2 ** 30 * bench.scale);
    await using group = await startHoldfastGroup({
      settings: [
        `mappedFileSizeCommitLog=${Math.min(segmentBytes, roundedUp(keptBytes / 4))}`,
        `maxStoreBytes=${keptBytes}`,
        'cleanResourceInterval=1000',
      ],
    });
    const master = await group.untilComplete();
    const slave = group.other(master);
    await group.kill(slave);
    await group.untilAlone(master);
    await group.wipe(slave);
    await fill(bench, master);
    const { begin, end } = await eventually(longMs, 'a log whose beginning is gone', async () => {
      const extent = await extentOf(master);
      return extent.begin > 0 && extent.end - extent.begin < keptBytes * 1.5 ? extent : undefined;
    });
    bench.progress('a send load, before it joins');
    const load = ['send', '-r', String(sentPerSecond)];
    const alone = await measureAlone(bench, group, master, load);
    bench.progress('it joins');
    const sending = bench.loadGenerator.begin([
      ...['send', ...addressAndPids(group, master), '-r', String(sentPerSecond)],
    ]);
    const cpuBefore = usedCpuMs(group.pidOf(master));
    const began = performance.now();
    await group.start(slave);
    await group.untilComplete(longMs);
    const joinedMs = performance.now() - began;
    const masterCpuMs = usedCpuMs(group.pidOf(master)) - cpuBefore;
    const beside = await sending.end();
    const slaveCpuMs = usedCpuMs(group.pidOf(slave));
    bench.progress('a send load, with both in the set');
    const after = await loadGroup(bench, group, load, { seconds: bench.seconds, warm: 1 });
    const mb = (end - begin) / 2 ** 20;
    return [
      ours('retained log', 'MB', mb),
      ours('from its start until it counts', 's', joinedMs / 1000),
      ours('the log in that time', 'MB/s', mb / (joinedMs / 1000)),
      ours('CPU of the master meanwhile, with the load', 's', masterCpuMs / 1000),
      ours('CPU of the new node', 's', slaveCpuMs / 1000),
      ...noticed('before', alone),
      ...noticed('while it joins', beside, [atMost(100)]),
      ...noticed('afterwards', after),
    ];
  },
};

async function fill(bench: Bench, { address }: GroupNode): Promise<void> {
  const { loadGenerator, scale, gigabytes } = bench;
  const topics = String(Math.round(allTopics * scale));
  bench.progress(`creates ${topics} topics`);
  const create = ['create-topics', '-a', address, '-n', topics, '-q', String(queues)];
  await loadGenerator.measure([...create, '--prefix', 'join-'], longMs);
  const messages = String(Math.round(messagesOfGigabyte * (gigabytes + surplusGigabytes) * scale));
  bench.progress(`sends ${messages} messages`);
  await loadGenerator.measure(['send', '-a', address, '-n', messages], longMs);
}

function measureAlone(
  bench: Bench,
  group: Group,
  master: GroupNode,
  [mode = '', ...options]: readonly string[],
): Promise<LoadReport> {
  const time = ['-d', String(bench.seconds), '--warm', '1'];
  const args = [mode, ...addressAndPids(group, master), ...time, ...options];
  return bench.loadGenerator.measure(args, longMs);
}

function noticed(when: string, report: LoadReport, aims: Figure['aims'] = []): readonly Figure[] {
  return [
    ours(`send ${when}: longest time without an answer`, 'ms', report.longestGapMs, aims),
    ours(`send ${when}: p99`, 'µs', report.latencyUs.p99),
    ours(`send ${when}: p99.9`, 'µs', report.latencyUs.p999),
    ours(`send ${when}: cores of everybody else`, '', report.otherCores),
  ];
}

/** Where the log of a broker begins and ends. */
async function extentOf(
  node: GroupNode,
): Promise<{ readonly begin: number; readonly end: number }> {
  using remote = new Remote(node.address);
  const answer = await remote.request(codes.replicaStatus);
  return JSON.parse(Buffer.from(answer.body).toString()) as { begin: number; end: number };
}

/** Of 1 MiB. */
const roundedUp = (bytes: number): number => Math.ceil(bytes / 2 ** 20) * 2 ** 20;
