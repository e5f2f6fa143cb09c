import { strict as assert } from 'node:assert';
import { assertContent, drafts, type Received, type Sent } from '../support/messages.ts';
import { quiet } from '../support/waiting.ts';
import { freshName, newClient, type Scenario } from '../support/world.ts';

/** By level; RocketMQ's first levels. */
const delaysMs: readonly number[] = [0, 1000, 5000, 10_000];
/** Clocks of one machine, and a broker that looks at a level every 100 ms. */
const earlyMs = 20;

export const delaying: readonly Scenario[] = [
  {
    name: 'delay levels: each message comes once, when its time has come and soon after',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('delayed');
      const producer = await client.startProducer(freshName('producers'));
      const [warmUp] = await producer.send('sync', drafts(topic, 1));
      const consumer = await client.startConsumer({ group: freshName('group'), topic });
      await consumer.untilReceived(1); // Its first rebalance can take longer than a delay.
      const levels = [2, 1, 0, 1, 2, 1, 3];
      const sent = await producer.send('sync', delayed(topic, levels));
      await consumer.untilReceived(1 + sent.length);
      await quiet();
      await consumer.stop();
      const received = consumer.received.filter(({ id }) => id !== warmUp?.id);
      assertDelayed(received, sent);
      for (const message of received) {
        const { late } = timesOf(message, sent);
        assert.ok(late < 5000, `a message ${late} ms after its time`);
      }
    },
  },
  {
    name: 'delay levels: what waits lives through a restart of the broker, what came does not come again',
    isAlone: true,
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('waiting');
      const group = freshName('group');
      const producer = await client.startProducer(freshName('producers'));
      const sent = await producer.send('sync', delayed(topic, [1, 2, 1, 2]));
      sent.push(...(await producer.send('sync', delayed(topic, [0]))));
      await using consuming = newClient(world);
      const before = await consuming.startConsumer({ group, topic });
      await before.untilReceived(3);
      await before.stop();
      await world.target.stop();
      await world.target.start();
      const after = await consuming.startConsumer({ group: freshName('group'), topic });
      await after.untilReceived(sent.length);
      await quiet();
      await after.stop();
      assertDelayed(after.received, sent);
    },
  },
];

function delayed(topic: string, levels: readonly number[]): ReturnType<typeof drafts> {
  return drafts(topic, levels.length, (index) => ({
    tags: `level${levels[index]}`,
    keys: `key-${index}`,
    properties: { city: 'Zürich' },
    delayLevel: levels[index] as number,
  }));
}

/** Each came once, with its content, into the queue that was chosen for it, and not before its time. */
function assertDelayed(received: readonly Received[], sent: readonly Sent[]): void {
  const ids = (list: readonly { id: string | undefined }[]): string[] =>
    list.map(({ id }) => id ?? '').sort();
  assert.deepEqual(ids(received), ids(sent), 'ids of what was received');
  for (const message of received) {
    const { original, late } = timesOf(message, sent);
    assertContent(message, original, `delayed message ${message.id}`);
    assert.equal(message.queue, original.queue, 'queue of a delayed message');
    assert.ok(late >= -earlyMs, `a message ${-late} ms before its time`);
  }
}

function timesOf(message: Received, sent: readonly Sent[]): { original: Sent; late: number } {
  const original = sent.find(({ id }) => id === message.id);
  assert.ok(original !== undefined);
  const delayMs = delaysMs[original.delayLevel ?? 0] as number;
  return { original, late: message.storedAt - (message.bornAt + delayMs) };
}
