import { request } from '../support/frames.ts';
import {
  assertPlaces,
  assertQueueOrder,
  assertSame,
  drafts,
  nextOffsets,
  type Place,
  type Received,
  type Sent,
} from '../support/messages.ts';
import { eventually, quiet } from '../support/waiting.ts';
import { freshName, newClient, type Scenario, type World } from '../support/world.ts';

export const offsets: readonly Scenario[] = [
  {
    name: 'a consumer that stopped and starts again gets what came meanwhile and nothing twice',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('stopped');
      const group = freshName('group');
      const producer = await client.startProducer(freshName('producers'));
      let before = await producer.send('sync', drafts(topic, 60));
      let next: ReadonlyMap<number, number> = new Map();
      for (let round = 0; round < 3; round += 1) {
        await using consuming = newClient(world);
        const consumer = await consuming.startConsumer({ group, topic });
        await consumer.untilReceived(before.length);
        await quiet();
        await consumer.stop();
        assertQueueOrder(consumer.received, next);
        assertSame(consumer.received, before);
        await untilCommitted(world, group, topic, before);
        next = nextOffsets(before);
        before = await producer.send('sync', drafts(topic, 20 + round));
      }
    },
  },
  {
    name: 'after a consumer was killed, the next one goes on: nothing is lost, only its last messages may come twice',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('killed');
      const group = freshName('group');
      const producer = await client.startProducer(freshName('producers'));
      const sent = await producer.send('sync', drafts(topic, 60));
      await using doomed = newClient(world);
      const killed = await doomed.startConsumer({ group, topic });
      await killed.untilReceived(sent.length);
      await doomed.kill();
      const later = await producer.send('sync', drafts(topic, 40));
      await using heir = newClient(world);
      const consumer = await heir.startConsumer({ group, topic });
      await untilAll(consumer.received, later, world.patienceMs);
      await consumer.stop();
      assertSuffixes(consumer.received, [...sent, ...later]);
    },
  },
  {
    name: 'after a clean restart of the broker: all messages are there, and no consumed one comes again',
    isAlone: true,
    async run(world) {
      const topic = freshName('restarted');
      const group = freshName('group');
      const before = await sendAndConsume(world, topic, group);
      await world.target.stop();
      await world.target.start();
      await using client = newClient(world);
      const producer = await client.startProducer(freshName('producers'));
      const after = await producer.send('sync', drafts(topic, 30));
      assertPlaces([...before, ...after]);
      const consumer = await client.startConsumer({ group, topic });
      await consumer.untilReceived(after.length);
      await quiet();
      await consumer.stop();
      assertQueueOrder(consumer.received, nextOffsets(before));
      assertSame(consumer.received, after);
      const newcomer = await client.startConsumer({ group: freshName('group'), topic });
      await newcomer.untilReceived(before.length + after.length);
      await quiet();
      await newcomer.stop();
      assertSame(newcomer.received, [...before, ...after]);
    },
  },
  {
    name: 'a connected producer and consumer live through a restart of the broker',
    isAlone: true,
    run: (world) => throughRestart(world, {}),
  },
  {
    name: 'so does a consumer that names its subscriptions only once',
    needs: 'short heartbeats',
    isAlone: true,
    run: (world) => throughRestart(world, { shortHeartbeats: true }),
  },
  {
    name: 'after the broker was killed: all messages are there, only the last consumed ones may come again',
    isAlone: true,
    async run(world) {
      const topic = freshName('crashed');
      const group = freshName('group');
      const before = await sendAndConsume(world, topic, group);
      await world.target.kill();
      await world.target.start();
      await using client = newClient(world);
      const producer = await client.startProducer(freshName('producers'));
      const after = await producer.send('sync', drafts(topic, 30));
      assertPlaces([...before, ...after]);
      const consumer = await client.startConsumer({ group, topic });
      await untilAll(consumer.received, after, world.patienceMs);
      await consumer.stop();
      assertSuffixes(consumer.received, [...before, ...after]);
      const newcomer = await client.startConsumer({ group: freshName('group'), topic });
      await newcomer.untilReceived(before.length + after.length);
      await quiet();
      await newcomer.stop();
      assertSame(newcomer.received, [...before, ...after]);
    },
  },
];

async function throughRestart(
  world: World,
  options: { readonly shortHeartbeats?: boolean },
): Promise<void> {
  await using client = newClient(world);
  const topic = freshName('through');
  const producer = await client.startProducer(freshName('producers'), { retries: 5 });
  const sent = await producer.send('sync', drafts(topic, 40));
  const consumer = await client.startConsumer({ group: freshName('group'), topic, ...options });
  await consumer.untilReceived(sent.length);
  await world.target.stop();
  await world.target.start();
  sent.push(...(await untilSent(() => producer.send('sync', drafts(topic, 1)))));
  sent.push(...(await producer.send('sync', drafts(topic, 40))));
  await consumer.untilReceived(sent.length);
  await quiet();
  await consumer.stop();
  assertPlaces(sent);
  assertQueueOrder(consumer.received);
  assertSame(consumer.received, sent);
}

/** Sends 60 messages, lets a consumer of `group` get them all, and stops it. */
async function sendAndConsume(world: World, topic: string, group: string): Promise<Sent[]> {
  await using client = newClient(world);
  const producer = await client.startProducer(freshName('producers'));
  const sent = await producer.send('sync', drafts(topic, 60));
  const consumer = await client.startConsumer({ group, topic });
  await consumer.untilReceived(sent.length);
  await quiet();
  await consumer.stop();
  assertSame(consumer.received, sent);
  await untilCommitted(world, group, topic, sent);
  return sent;
}

const queryConsumerOffset = 14;

/**
 * The broker has the offsets that a stopped consumer committed. It commits one-way, so neither side knows when the
 * other is done, and a process that ends, or a broker that stops, at that moment may lose what is on its way.
 */
async function untilCommitted(
  world: World,
  consumerGroup: string,
  topic: string,
  consumed: readonly Place[],
): Promise<void> {
  for (const [queue, next] of nextOffsets(consumed)) {
    let shown: string | undefined;
    const what = (): string => `committed offset ${next} of queue ${queue} (it is ${shown})`;
    await eventually(world.patienceMs, what, async () => {
      const fields = { consumerGroup, topic, queueId: String(queue) };
      const { header } = await request(world.target.broker, queryConsumerOffset, fields);
      shown = header.extFields?.['offset'];
      return shown === String(next) ? true : undefined;
    });
  }
}

const place = ({ queue, offset }: Place): string => `${queue}/${offset}`;

async function untilAll(
  received: readonly Received[],
  wanted: readonly Sent[],
  patienceMs: number,
): Promise<void> {
  const missing = (): string[] => {
    const got = new Set(received.map(place));
    return wanted.map(place).filter((key) => !got.has(key));
  };
  await eventually(
    patienceMs,
    () => `${wanted.length} messages (missing: ${missing().slice(0, 20).join(' ')})`,
    () => (missing().length === 0 ? true : undefined),
  );
  await quiet();
}

/** From each queue came the last messages in their order, from somewhere on, none twice. */
function assertSuffixes(received: readonly Received[], sent: readonly Sent[]): void {
  const firsts = new Map<number, number>();
  for (const { queue, offset } of received) {
    if (!firsts.has(queue)) firsts.set(queue, offset);
  }
  assertQueueOrder(received, firsts);
  const wanted = sent.filter(({ queue, offset }) => offset >= (firsts.get(queue) ?? Infinity));
  assertSame(received, wanted);
}

/** The first send after a restart may meet the connection that the restart closed. Nothing of it was stored then. */
async function untilSent(send: () => Promise<Sent[]>): Promise<Sent[]> {
  return eventually(60_000, 'a send after the restart', () => send().catch(() => undefined));
}
