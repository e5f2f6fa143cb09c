import { setTimeout as sleep } from 'node:timers/promises';
import { Remote } from '../remote.ts';
import type { Round } from '../round.ts';
import { changeSome, workOn } from '../work.ts';
import { Writer } from '../writer.ts';
import { begun } from './steps.ts';

const pauseMs = 30_000;
/** The requests that wait in the socket of the stopped master are answered after it goes on. */
const answerLimitMs = 60_000;
const triesAfterwards = 40;
const triesEveryMs = 100;

/**
 * SIGSTOP of the master for half a minute, with requests before its door; the other one leads meanwhile and changes
 * what was there. After SIGCONT the old one may acknowledge nothing that the new one does not have.
 */
export async function pause(round: Round): Promise<void> {
  const { group, journal, prefix } = round;
  const { master, slave: other } = await begun(round);
  using before = new Remote(master.address);
  const knocking = new Writer(before, journal, answerLimitMs);
  await knocking.defineTopic(`${prefix}before`, { queues: 1, perm: 6, messageType: '' });
  round.killedAtMs = performance.now();
  group.signal(master, 'SIGSTOP');
  const knocks = [
    knocking.defineTopic(`${prefix}knock`, { queues: 1, perm: 6, messageType: '' }),
    knocking.defineGroup(`${prefix}knock`, { retryMaxTimes: 3, consumeEnable: true }),
    knocking.send(`${prefix}before`, 0, 'knock'),
    knocking.commitOffset(`${prefix}group-0`, `${prefix}before`, 0, 0),
  ];
  await round.firstWrite(other);
  await round.at(other, (writer) => changeSome(writer, prefix));
  await round.at(other, (writer) => workOn(writer, `${prefix}meanwhile-`));
  await sleep(Math.max(0, round.killedAtMs + pauseMs - performance.now()));
  group.signal(master, 'SIGCONT');
  const later = { definitions: 0, messages: 0 };
  await round.at(master, async (writer) => {
    for (let index = 0; index < triesAfterwards; index += 1) {
      const topic = `${prefix}after-${index}`;
      if (await writer.defineTopic(topic, { queues: 1, perm: 6, messageType: '' })) {
        later.definitions += 1;
      }
      if (await writer.send(`${prefix}before`, 0, `after ${index}`)) later.messages += 1;
      await sleep(triesEveryMs);
    }
  });
  const answers = await Promise.all(knocks);
  const took = answers.filter(Boolean).length;
  // A former master hands messages on to the new one for a while; what counts is that they are there.
  round.note(
    `answered with success by the deposed one: ${took} of 4 requests that waited, ` +
      `then ${later.definitions} definitions and ${later.messages} messages`,
  );
  if (before.unanswered > 0) round.problem(`${before.unanswered} requests were never answered`);
  await round.compareMaster(other);
  const leader = await group.untilComplete();
  if (leader.name !== other.name) round.problem(`${leader.name} leads again`);
  await round.compareReplica(master);
}
