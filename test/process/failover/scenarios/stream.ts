import { setTimeout as sleep } from 'node:timers/promises';
import type { Round } from '../round.ts';
import type { Writer } from '../writer.ts';

const everyMs = 300;
const longestMs = 16_000;
const shortestMs = 8_000;

/** A topic and a group each 0.3 s, kill -9 of the master at a random moment; the old master returns and follows. */
export async function stream(round: Round): Promise<void> {
  const { group } = round;
  const master = await group.untilComplete();
  const other = group.other(master);
  await round.prepare(master);
  round.delayMs = Math.round(shortestMs + round.random() * (longestMs - shortestMs));
  await round.at(master, async (writer) => {
    const stop = new AbortController();
    const creating = createUntil(stop.signal, writer, round.prefix);
    await sleep(round.delayMs);
    await round.kill(master);
    stop.abort();
    await creating;
  });
  await round.firstWrite(other);
  await round.compareMaster(other);
  await group.start(master);
  await group.untilComplete();
  await round.compareReplica(master);
}

async function createUntil(stop: AbortSignal, writer: Writer, prefix: string): Promise<void> {
  for (let index = 0; !stop.aborted; index += 1) {
    const topic = `${prefix}topic-${index}`;
    const group = `${prefix}group-${index}`;
    const began = performance.now();
    const messageType = index % 2 === 0 ? 'NORMAL' : '';
    await writer.defineTopic(topic, { queues: 2, perm: 6, messageType });
    await writer.defineGroup(group, { retryMaxTimes: 5, consumeEnable: true });
    await writer.send(topic, 0, '0');
    await writer.commitOffset(group, topic, 0, 1);
    const leftMs = Math.max(0, began + everyMs - performance.now());
    await sleep(leftMs, undefined, { signal: stop }).catch(() => {}); // Told to stop.
  }
}
