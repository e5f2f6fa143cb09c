import { setTimeout as sleep } from 'node:timers/promises';
import { runOrThrow } from '../../../test/interop/support/processes.ts';
import { program } from '../../../test/interop/support/target-holdfast.ts';
import type { Group } from '../../../test/process/failover/group.ts';
import { startHoldfastGroup } from '../../../test/process/failover/holdfast-group.ts';
import { type Figures, isFaultless } from '../../../test/process/failover/round.ts';
import { failover } from '../../../test/process/failover/run.ts';
import type { LoadReport } from '../../../test/process/load-generator.ts';
import { faults } from '../figures.ts';
import { addressAndPids } from '../groups.ts';
import { type Aim, atMost, type Bench, type Figure, ours, type Row, type Side } from '../row.ts';
import { slackMs } from '../servers.ts';

const sentPerSecond = 2000;
const commandLimitMs = 60_000;
const beforeMs = 2000;
/** Of the load beside a change: the command alone takes a second to start on a busy machine. */
const loadSeconds = 10;

interface HandOver {
  readonly report: LoadReport;
  /** By the master's own account. */
  readonly stoppedMs: number;
}

export const switchover: Row = {
  name: 'switchover',
  title: `holdfast ha switchover beside ${sentPerSecond} sends a second to the former master: what the producer notices`,
  async run(bench) {
    await using group = await startHoldfastGroup();
    const changes: HandOver[] = [];
    // The first one warms both up.
    for (let round = 0; round <= bench.rounds; round += 1) {
      bench.progress(`change ${round} of ${bench.rounds}`);
      const change = await handOver(bench, group);
      if (round > 0) changes.push(change);
    }
    const values = (read: (change: HandOver) => number): Figure['values'] => ({
      holdfast: changes.map(read),
    });
    const gaps = changes.map(({ report }) => report.longestGapMs);
    return [
      {
        what: 'longest time without an acknowledgement',
        unit: 'ms',
        values: { holdfast: gaps },
        aims: [atMost(2000)],
      },
      ours('the longest of all changes', 'ms', Math.max(...gaps), [atMost(2000)]),
      {
        what: 'longest latency, from the intended start',
        unit: 'ms',
        values: values(({ report }) => report.latencyUs.max / 1000),
      },
      {
        what: 'no write taken, as the master says',
        unit: 'ms',
        values: values(({ stoppedMs }) => stoppedMs),
      },
      {
        what: 'acknowledged',
        unit: '/s',
        values: values(({ report }) => report.rate),
      },
      ours(
        'refused or without an answer, all changes',
        '',
        changes.reduce((sum, { report }) => sum + faults(report), 0),
        [atMost(0)],
      ),
    ];
  },
};

/** The producer stays with the former master, which hands on what it gets, as clients do until they poll the route. */
async function handOver(bench: Bench, group: Group): Promise<HandOver> {
  const master = await group.untilComplete();
  const args = ['send', ...addressAndPids(group, master), '-r', String(sentPerSecond)];
  const sending = bench.loadGenerator.measure(
    [...args, '-d', String(loadSeconds), '--warm', '1', '--reconnect'],
    loadSeconds * 1000 + slackMs,
  );
  sending.catch(() => {}); // Awaited below.
  await sleep(beforeMs);
  const to = ['--to', group.other(master).address, '-n', group.nameServer, '-o', 'json'];
  const command = [program(), 'ha', 'switchover', group.brokerName, ...to];
  const text = await runOrThrow(process.execPath, command, { limitMs: commandLimitMs });
  const { stoppedMs } = JSON.parse(text) as { stoppedMs: number };
  return { report: await sending, stoppedMs };
}

export const failoverTime: Row = {
  name: 'failover-time',
  title:
    'kill -9 of the master until the other one acknowledges a send, as a client sees it that knows both (--rounds 20)',
  run: (bench) => measureFailures(bench, 'kill', [atMost(1000)], [atMost(3000)]),
};

export const hangTime: Row = {
  name: 'hang-time',
  title:
    'SIGSTOP of the master until the other one acknowledges a send: the heartbeat timeout and what comes after it',
  run: (bench) => measureFailures(bench, 'hang', [], []),
};

async function measureFailures(
  bench: Bench,
  scenario: 'kill' | 'hang',
  aims: readonly Aim[],
  aimsOfWorst: readonly Aim[],
): Promise<readonly Figure[]> {
  const play = (target: 'holdfast' | 'java', rounds: number): Promise<readonly Figures[]> =>
    failover({ target, scenario, rounds, seed: 1, report: bench.progress });
  const ownRounds = await play('holdfast', bench.rounds);
  const javaRounds = bench.java ? await play('java', Math.min(bench.rounds, 3)) : [];
  const times = timesOf(ownRounds);
  const values: Partial<Record<Side, readonly number[]>> = {
    holdfast: times,
    ...(bench.java && { java: timesOf(javaRounds) }),
  };
  return [
    { what: 'first acknowledged send', unit: 'ms', values, aims },
    ours(`the worst of ${times.length}`, 'ms', Math.max(...times), aimsOfWorst),
    ours(
      'rounds with a loss or a problem',
      '',
      ownRounds.filter((figures) => !isFaultless(figures)).length,
      [atMost(0)],
    ),
  ];
}

const timesOf = (rounds: readonly Figures[]): readonly number[] =>
  rounds.flatMap(({ firstWriteMs }) => (firstWriteMs === undefined ? [] : [firstWriteMs]));
