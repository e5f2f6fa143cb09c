import { setTimeout as sleep } from 'node:timers/promises';
import type { GroupNode, Mode } from './group.ts';
import { startHoldfastGroup } from './holdfast-group.ts';
import { startJavaGroup } from './java-group.ts';
import { type Counts, Journal, kinds } from './journal.ts';
import { type Figures, Round } from './round.ts';
import { scenarios } from './scenarios/index.ts';

export interface FailoverOptions {
  readonly target: 'holdfast' | 'java';
  readonly mode?: Mode;
  /** Brokers of the group. */
  readonly replicas?: number;
  readonly scenario: string;
  readonly rounds: number;
  readonly seed: number;
  readonly report: (line: string) => void;
  readonly meddle?: (round: Round, master: GroupNode) => Promise<void>;
}

/** A controller that has just started calls nobody dead before its heartbeat timeout (docs/protocol.md). */
const settleMs = 10_000;

/** Plays the rounds of a scenario one after the other on one group; what earlier ones made is compared each time. */
export async function failover(options: FailoverOptions): Promise<readonly Figures[]> {
  const { target, scenario, rounds, seed, report, mode = 'controller', replicas = 2 } = options;
  const found = scenarios[mode][scenario];
  if (found === undefined) throw new Error(`no scenario ${scenario} in ${mode} mode`);
  const { play, settings = [] } = found;
  await using group = await (target === 'java'
    ? startJavaGroup()
    : startHoldfastGroup({ mode, replicas, settings }));
  await group.untilComplete();
  if (mode === 'controller') await sleep(settleMs);
  const journal = new Journal();
  const all: Figures[] = [];
  for (let number = 1; number <= rounds; number += 1) {
    const round = new Round(scenario, number, seed + number - 1, group, journal);
    round.meddle = async (master) => options.meddle?.(round, master);
    let isWhole = true;
    try {
      await play(round);
    } catch (failure) {
      isWhole = false;
      round.problem(failure instanceof Error ? failure.message : String(failure));
    }
    const figures = round.end();
    all.push(figures);
    for (const line of linesOf(figures)) report(line);
    if (isWhole) continue;
    for (const node of group.brokers) report(await lastLines(group.logOf(node), node.name));
    break; // What comes after is not what the scenario means.
  }
  return all;
}

export function linesOf(figures: Figures): readonly string[] {
  const { scenario, target, round, seed, delayMs, acknowledged, firstWriteMs } = figures;
  const { missing, stale, returned, oldestLossMs, replicaFaults } = figures;
  const line = [
    `${scenario} ${target} round ${round}: seed ${seed}, delay ${delayMs} ms`,
    `acknowledged ${text(acknowledged)}`,
    `missing ${text(missing)}${oldestLossMs === undefined ? '' : ` (the oldest definition ${oldestLossMs} ms before the kill)`}`,
    `stale ${text(stale)}`,
    `returned ${text(returned)}`,
    ...(firstWriteMs === undefined ? [] : [`first write after ${firstWriteMs} ms`]),
    ...(replicaFaults === undefined ? [] : [`other replica: ${replicaFaults} faults`]),
  ].join('; ');
  return [
    line,
    ...figures.notes.map((note) => `  ${note}`),
    ...figures.problems.map((problem) => `  PROBLEM ${problem}`),
  ];
}

/** Topics/groups/offsets/messages. */
const text = (counts: Counts): string => kinds.map((kind) => counts[kind]).join('/');

const shownLines = 15;

async function lastLines(log: Promise<string>, name: string): Promise<string> {
  const lines = (await log.catch(() => '')).trimEnd().split('\n').slice(-shownLines);
  return lines.map((line) => `  ${name}: ${line}`).join('\n');
}
