import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryFolder } from '../interop/support/locations.ts';
import { startTarget } from '../interop/support/target.ts';
import { GroupWriter, missingGroups } from './group-writer.ts';
import { LoadGenerator, untilUnderLoad, type Verdict } from './load-generator.ts';

export interface KillLoopOptions {
  readonly rounds: number;
  /** How the broker ends: at once, or in order and with status 0. */
  readonly signal?: 'SIGKILL' | 'SIGTERM';
  /** Decides the moments of the kills; what the kill meets there, the machine decides. */
  readonly seed: number;
  /** Load before a kill takes at most this many milliseconds. */
  readonly longestMs?: number;
  readonly report: (line: string) => void;
  /** Between kill and start; for the proof that the loop sees a loss. */
  readonly whileDown?: (dataFolder: string) => Promise<void>;
}

export interface KillLoopResult {
  readonly messages: number;
  readonly topics: number;
  readonly groups: number;
  /** A line for each fault that was found; none is right. */
  readonly faults: readonly string[];
}

/** Milliseconds of load before a kill, and after the restart. */
const shortestMs = 20;
const usualLongestMs = 1500;
const afterMs = 300;

/** What earlier rounds got acknowledged is checked as often as this, and after the last; the newest two each time. */
const roundsBetweenFullChecks = 20;

const messagesPerSecond = '1500';
const topicsPerSecond = '40';

/**
 * Ends the broker while it takes messages, topics and groups, starts it again on the same data, and checks each time
 * that everything acknowledged in this and the round before is there, and now and then, of all rounds. The load goes on over the restart, so that the
 * recovered broker also numbers new messages.
 */
export async function killLoop(options: KillLoopOptions): Promise<KillLoopResult> {
  const { report } = options;
  const loadGenerator = await LoadGenerator.build();
  await using folder = await temporaryFolder('kill-loop');
  await using target = await startTarget({ settings: { flushDiskType: 'SYNC_FLUSH' } });
  const { signal = 'SIGKILL', longestMs = usualLongestMs } = options;
  const nextMs = randomDelays(options.seed, longestMs);
  const faults: string[] = [];
  const groups: string[] = [];
  /** Of each round, as its last check found them. */
  const messages: number[] = [];
  const topics: number[] = [];

  for (let round = 1; round <= options.rounds && faults.length === 0; round += 1) {
    const journals = journalsOf(folder.path, round);
    const prefix = `kill-${round}-`;
    const addressed = ['-a', target.broker];
    const loads = [
      loadGenerator.begin([
        ...['send', ...addressed, '-t', `${prefix}messages`, '-j', journals.messages],
        ...['-c', '4', '-w', '4', '-q', '4', '-s', '300', '-r', messagesPerSecond],
      ]),
      loadGenerator.begin([
        ...['create-topics', ...addressed, '--prefix', `${prefix}topic-`, '-j', journals.topics],
        ...['-c', '2', '-w', '1', '-r', topicsPerSecond],
      ]),
    ];
    const groupWriter = new GroupWriter(target.broker, `${prefix}group-`);
    const delayMs = nextMs();
    await untilUnderLoad(target.broker, `${prefix}messages`);
    await sleep(delayMs);
    if (signal === 'SIGKILL') await target.kill();
    else {
      const status = (await target.stop()) ?? 0;
      if (status !== 0) faults.push(`after ${signal} ${round}: status ${status}`);
    }
    await options.whileDown?.(target.dataFolder);
    const began = performance.now();
    await target.start();
    const startMs = Math.round(performance.now() - began);
    await sleep(afterMs);
    await Promise.all([...loads.map((load) => load.end()), groupWriter.end()]);
    groups.push(...groupWriter.acknowledged);

    const check = (what: string, { journal, faults: count, text }: Verdict): number => {
      if (count !== 0) faults.push(`after ${signal} ${round}: ${what}: ${text}`);
      return journal;
    };
    const isFull = round % roundsBetweenFullChecks === 0 || round === options.rounds;
    const oldest = isFull ? 1 : Math.max(1, round - 1);
    for (let checked = round; checked >= oldest; checked -= 1) {
      const journals = journalsOf(folder.path, checked);
      const ofRound = `of round ${checked}`;
      const found = await loadGenerator.verifyMessages(target.broker, journals.messages);
      messages[checked] = check(`messages ${ofRound}`, found);
      const defined = await loadGenerator.verifyTopics(target.broker, journals.topics);
      topics[checked] = check(`topics ${ofRound}`, defined);
    }
    const missing = await missingGroups(target.broker, groups);
    if (missing.length > 0)
      faults.push(`after ${signal} ${round}: groups ${missing.join(' ')} missing`);
    report(
      `round ${round}: ${signal} after ${delayMs} ms, ready after ${startMs} ms; so far ` +
        `${sum(messages)} messages, ${sum(topics)} topics, ${groups.length} groups acknowledged`,
    );
    for (const fault of faults) report(fault);
  }
  return { messages: sum(messages), topics: sum(topics), groups: groups.length, faults };
}

const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0);

function journalsOf(folder: string, round: number): { messages: string; topics: string } {
  return { messages: join(folder, `${round}.messages`), topics: join(folder, `${round}.topics`) };
}

/** Delays in whole milliseconds. Mulberry32: a small generator that a seed decides. */
function randomDelays(seed: number, longestMs: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    const fraction = ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    return Math.round(shortestMs + fraction * (longestMs - shortestMs));
  };
}
