import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runOrThrow } from '../../../test/interop/support/processes.ts';
import type { Target } from '../../../test/interop/support/target.ts';
import type { LoadReport } from '../../../test/process/load-generator.ts';
import { cpu, figure, loadFigures, p99, type Reports, rate } from '../figures.ts';
import { atLeast, atMost, type Bench, type Figure, type Row, type Side, sides } from '../row.ts';
import { alternate, inRounds, load, readFromDiskMb, startContest } from '../servers.ts';

/** Messages of each of the 8 queues that a pull from the tail repeats: 20 MB in all, which a broker has in memory. */
const tailMessages = 2000;
const coldMessages = 400_000;
/** Written behind the cold ones: what a start reads of a log's end must not be what is measured. */
const newerMessages = 300_000;
/** So that there are files that no start looks at: the Java broker scans the last three. */
const segmentBytes = String(2 ** 26);
const sentPerSecond = 3000;
const longMs = 600_000;

const pull = ['pull', '-c', '8', '-w', '1', '-b', '32'];
const send = ['send', '-c', '8', '-w', '8', '-t', 'beside', '-r', String(sentPerSecond)];

export const pullTail: Row = {
  name: 'pull-tail',
  title: 'pull 32 messages, 8 connections, the newest of each queue',
  async run(bench) {
    await using contest = await startContest(bench);
    for (const target of contest.targets) {
      await fill(bench, target, 'loadgen', 8 * tailMessages);
    }
    const args = [...pull, '--from', String(-tailMessages)];
    const reports = await alternate(bench, contest, args);
    return loadFigures('pull', 'message', reports, { rate: [atLeast(1.3, 'java')] });
  },
};

interface ColdRound {
  readonly sendAlone: LoadReport;
  readonly sendBeside: LoadReport;
  readonly pull: LoadReport;
  readonly diskMb: number;
}

export const pullCold: Row = {
  name: 'pull-cold',
  title: `pull 32 messages, 8 connections, from files not in memory, beside ${sentPerSecond} sends a second`,
  async run(bench) {
    const settings = { mappedFileSizeCommitLog: segmentBytes };
    await using contest = await startContest(bench, settings);
    for (const target of contest.targets) {
      bench.progress(`fills ${target.kind}`);
      await fill(bench, target, 'cold', Math.round(coldMessages * bench.scale));
      await fill(bench, target, 'loadgen', Math.round(newerMessages * bench.scale));
    }
    // A restart for each round costs most of the time.
    const rounds = await inRounds(bench, Math.min(bench.rounds, 2), contest, (target) =>
      coldRound(bench, target),
    );
    const pulls = reportsOf(rounds, (round) => round.pull);
    const alone = reportsOf(rounds, (round) => round.sendAlone);
    const beside = reportsOf(rounds, (round) => round.sendBeside);
    return [
      figure('cold pull: rate', '/s', pulls, rate, [atLeast(1, 'java')]),
      figure('cold pull: p99', 'µs', pulls, p99),
      figure('cold pull: CPU of the server per message, sends included', 'µs', pulls, cpu),
      valuesOf('cold pull: read from the disk', 'MB', rounds, ({ diskMb }) => diskMb),
      figure('send alone: p99', 'µs', alone, p99),
      figure('send beside it: p99', 'µs', beside, p99),
      valuesOf('send: p99 beside it / alone', '', rounds, slowdown, [atMost(2)]),
    ];
  },
};

const slowdown = ({ sendAlone, sendBeside }: ColdRound): number => p99(sendBeside) / p99(sendAlone);

/** A fresh process with compilers warmed on other messages, whose older files are on the disk only. */
async function coldRound(bench: Bench, target: Target): Promise<ColdRound> {
  const { seconds, warmSeconds } = bench;
  await target.stop();
  await target.start();
  await load(bench, target, send, { seconds: 1, warm: warmSeconds / 3 });
  const tail = [...pull, '-t', 'loadgen', '--from', String(-tailMessages)];
  await load(bench, target, tail, { seconds: 1, warm: warmSeconds / 3 });
  const sendAlone = await load(bench, target, send, { seconds, warm: 1 });
  await forgetFiles(target.dataFolder);
  const before = readFromDiskMb(target.pid);
  const time = { seconds, warm: 0 };
  const [pulled, sendBeside] = await Promise.all([
    load(bench, target, [...pull, '-t', 'cold', '--from', '0', '--once'], time),
    load(bench, target, send, time),
  ]);
  const diskMb = readFromDiskMb(target.pid) - before;
  return { sendAlone, sendBeside, pull: pulled, diskMb };
}

async function fill(bench: Bench, { broker }: Target, topic: string, count: number): Promise<void> {
  const args = ['send', '-a', broker, '-t', topic, '-n', String(count)];
  await bench.loadGenerator.measure(args, longMs);
}

/** The operating system drops what it keeps of these files in memory. Pages that a process has mapped stay. */
async function forgetFiles(folder: string): Promise<void> {
  await runOrThrow('sync', ['-f', folder], { limitMs: longMs });
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    // Files may have gone since they were listed.
    const args = [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none'];
    await runOrThrow('dd', args, { limitMs: longMs }).catch(() => {});
  }
}

function reportsOf(
  rounds: Readonly<Partial<Record<Side, readonly ColdRound[]>>>,
  of: (round: ColdRound) => LoadReport,
): Reports {
  return Object.fromEntries(
    sides.flatMap((side) => (rounds[side] === undefined ? [] : [[side, rounds[side].map(of)]])),
  );
}

function valuesOf(
  what: string,
  unit: string,
  rounds: Readonly<Partial<Record<Side, readonly ColdRound[]>>>,
  read: (round: ColdRound) => number,
  aims: Figure['aims'] = [],
): Figure {
  const values = Object.fromEntries(
    sides.flatMap((side) => (rounds[side] === undefined ? [] : [[side, rounds[side].map(read)]])),
  );
  return { what, unit, values, aims };
}
