import { strict as assert } from 'node:assert';
import { defineTopic } from '../support/definitions.ts';
import { assertSame, drafts } from '../support/messages.ts';
import { quiet } from '../support/waiting.ts';
import { freshName, newClient, type Scenario } from '../support/world.ts';

const manyQueues = 256;

export const connecting: readonly Scenario[] = [
  connects('TLS: a producer and a consumer talk to the same ports encrypted', { tls: true }),
  {
    ...connects('VIP channel: a producer and a consumer use the port two below', { vip: true }),
    needs: 'vip channel',
  },
  {
    name: 'many queues: a consumer of 256 queues gets what is sent to any of them',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('many');
      await defineTopic(world, { topic, readQueues: manyQueues, writeQueues: manyQueues });
      const producer = await client.startProducer(freshName('producers'));
      const sent = await producer.send('sync', drafts(topic, manyQueues));
      const used = new Set(sent.map(({ queue }) => queue));
      assert.equal(used.size, manyQueues, 'queues that were written');
      const consumer = await client.startConsumer({ group: freshName('group'), topic });
      await consumer.untilReceived(sent.length);
      sent.push(...(await producer.send('sync', drafts(topic, manyQueues)))); // To waiting pulls.
      await consumer.untilReceived(sent.length);
      await quiet();
      await consumer.stop();
      assertSame(consumer.received, sent);
    },
  },
];

function connects(name: string, how: { readonly tls?: boolean; readonly vip?: boolean }): Scenario {
  return {
    name,
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('connected');
      const producer = await client.startProducer(freshName('producers'), how);
      const sent = await producer.send('sync', drafts(topic, 12));
      const consumer = await client.startConsumer({ group: freshName('group'), topic, ...how });
      await consumer.untilReceived(sent.length);
      sent.push(...(await producer.send('sync', drafts(topic, 4))));
      await consumer.untilReceived(sent.length);
      await quiet();
      await consumer.stop();
      assertSame(consumer.received, sent);
    },
  };
}
