import { setTimeout as sleep } from 'node:timers/promises';
import { type SeenBySender, Sending, stockPollMs } from '../../../test/interop/failover/sending.ts';
import { Client } from '../../../test/interop/support/client.ts';
import { java5 } from '../../../test/interop/support/flavours.ts';
import { temporaryFolder } from '../../../test/interop/support/locations.ts';
import type { Group } from '../../../test/process/failover/group.ts';
import { Journal } from '../../../test/process/failover/journal.ts';
import { Remote } from '../../../test/process/failover/remote.ts';
import { Writer } from '../../../test/process/failover/writer.ts';
import { type GroupContest, startGroups } from '../groups.ts';
import { type Aim, atMost, type Bench, type Figure, type Row, type Side, sides } from '../row.ts';
import { inRounds } from '../servers.ts';

const topic = 'client-failover';
const fastPollMs = 1000;
/** A controller that has just started calls nobody dead before; Java's slave has copied the topic by then, too. */
const settleMs = 10_000;
const patienceMs = 90_000;
const flowing = 40;
/** So that what a poll leads to is seen, too. */
const afterPollMs = 2000;
/** How old the routes of a stock client are when the master is killed. The rest until its next poll is the pause. */
const agesMs = [10_000, 20_000];
const plannedAgeMs = 10_000;
/** Clients of both wait for a poll of theirs; when exactly it comes differs by this. */
const samePoll = 1.05;

interface Application {
  readonly kind: Group['kind'];
  readonly group: Group;
  readonly client: Client;
}

export const clientFailover: Row = {
  name: 'client-failover',
  title:
    'the longest time without an acknowledgement that the official Java client sees when its master is killed or replaced (--rounds 5)',
  async run(bench) {
    await using folder = await temporaryFolder('bench-client');
    await using contest = await startGroups(bench);
    await prepare(contest);
    const flavour = await java5.build(folder.path);
    const targets = contest.targets.map((group): Application => {
      const { kind, nameServer } = group;
      return { kind, group, client: new Client({ flavour, nameServer, patienceMs }) };
    });
    try {
      return await measure(bench, targets);
    } finally {
      for (const { client } of targets) await client[Symbol.asyncDispose]();
    }
  },
};

async function prepare({ targets }: GroupContest): Promise<void> {
  for (const group of targets) {
    using remote = new Remote((await group.untilComplete()).address);
    const writer = new Writer(remote, new Journal());
    if (!(await writer.defineTopic(topic, { queues: 4, perm: 6, messageType: '' }))) {
      throw new Error(`${group.kind}: no topic could be made`);
    }
  }
  await sleep(settleMs);
}

async function measure(bench: Bench, targets: readonly Application[]): Promise<readonly Figure[]> {
  const play = async (what: string, rounds: number, watchOf: (round: number) => Watch) => {
    const seen = await inRounds(bench, rounds, { targets }, async (application, round) => {
      const { longestPauseMs, errors, acknowledged } = await watch(application, watchOf(round));
      const first = errors.length === 0 ? '' : `, the first: ${errors[0]}`;
      bench.progress(
        `${what}: ${longestPauseMs} ms, ${acknowledged} acknowledged, ${errors.length} errors${first}`,
      );
      return { longestPauseMs, errors: errors.length };
    });
    return { what, seen };
  };
  const fast = await play('kill -9, poll of 1 s', bench.rounds, () => {
    return { pollMs: fastPollMs, ageMs: 0, change: killMaster };
  });
  const stock = await play(
    'kill -9, poll of 30 s',
    Math.min(bench.rounds, agesMs.length),
    (round) => ({ ageMs: agesMs[round - 1] ?? 0, change: killMaster }),
  );
  const planned = await play('planned change, poll of 30 s', 1, () => {
    return { ageMs: plannedAgeMs, change: replaceMaster };
  });
  return [
    ...figuresOf(fast, [atMost(1500)]),
    ...figuresOf(stock, [atMost(samePoll, 'java')]),
    ...figuresOf(planned, [atMost(2000)], [atMost(0)]),
  ];
}

interface Played {
  readonly what: string;
  readonly seen: Readonly<
    Partial<Record<Side, readonly { readonly longestPauseMs: number; readonly errors: number }[]>>
  >;
}

function figuresOf(
  { what, seen }: Played,
  aims: readonly Aim[],
  aimsOfErrors: readonly Aim[] = [],
): readonly Figure[] {
  const pauses: Partial<Record<Side, readonly number[]>> = {};
  const errors: Partial<Record<Side, readonly number[]>> = {};
  for (const side of sides) {
    if (seen[side] === undefined) continue;
    pauses[side] = seen[side].map(({ longestPauseMs }) => longestPauseMs);
    errors[side] = seen[side].map((each) => each.errors);
  }
  return [
    { what: `${what}: longest time without an acknowledgement`, unit: 'ms', values: pauses, aims },
    { what: `${what}: errors of the producer`, unit: '', values: errors, aims: aimsOfErrors },
  ];
}

interface Watch {
  readonly pollMs?: number;
  /** Of the routes when the change begins. */
  readonly ageMs: number;
  readonly change: (group: Group) => Promise<void>;
}

/** What a new producer sees of a change, until it goes on and has asked for the routes again. */
async function watch(
  { group, client }: Application,
  { pollMs = stockPollMs, ageMs, change }: Watch,
): Promise<SeenBySender> {
  await group.untilComplete();
  const startedAt = performance.now();
  const untilAge = (wantedMs: number): Promise<void> =>
    sleep(Math.max(0, startedAt + wantedMs - performance.now()));
  const sending = await Sending.start(client, { topic, pollMs });
  try {
    await sending.untilMore(flowing, patienceMs);
    await untilAge(ageMs);
    const beganMs = Date.now();
    await change(group);
    await untilAge(pollMs + afterPollMs);
    await sending.untilMore(flowing, patienceMs);
    return sending.seenSince(beganMs);
  } finally {
    await sending.end();
    await sending.stopProducer();
    for (const broker of group.brokers) if (!group.isRunning(broker)) await group.start(broker);
  }
}

async function killMaster(group: Group): Promise<void> {
  await group.kill(await group.untilComplete());
}

/** As an operator does: with our command, and of the other kind by asking the controller for it. */
async function replaceMaster(group: Group): Promise<void> {
  const next = group.other(await group.untilComplete());
  if (group.kind === 'holdfast') {
    await group.operate('ha', 'switchover', group.brokerName, '--to', next.address);
  } else if (!(await group.elect(next))) {
    throw new Error(`the controller refuses to elect ${next.name}`);
  }
}
