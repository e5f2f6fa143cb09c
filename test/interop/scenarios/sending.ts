import { strict as assert } from 'node:assert';
import type { Client } from '../support/client.ts';
import {
  assertPlaces,
  assertQueueOrder,
  assertSame,
  type Draft,
  drafts,
  readOffsetId,
  type Sent,
} from '../support/messages.ts';
import type { Consumer } from '../support/push.ts';
import { quiet } from '../support/waiting.ts';
import { freshName, newClient, type Scenario, type World } from '../support/world.ts';

/** Larger than what clients send uncompressed (4 KiB), and than one page of anything. */
const largeBodyBytes = 300_000;

export const sending: readonly Scenario[] = [
  {
    name: 'synchronous sends: each message is where its acknowledgement says, with its content and ids',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('sync');
      const producer = await client.startProducer(freshName('producers'));
      const messages = drafts(topic, 40, (index) => ({
        tags: `tag${index % 3}`,
        keys: `key-${index}`,
        properties: { city: `Zürich ${index}`, 用户: '名字' },
      }));
      const sent = await producer.send('sync', messages);
      assertPlaces(sent);
      assertQueueOrder(sent);
      assertOffsetIds(sent, world);
      await receivesExactly(client, topic, sent);
    },
  },
  {
    name: 'asynchronous sends: all are acknowledged, each with a place of its own',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('async');
      const producer = await client.startProducer(freshName('producers'));
      // The first one creates the topic: at once, 200 first messages would each ask for it.
      const first = await producer.send('sync', drafts(topic, 1));
      const sent = [...first, ...(await producer.send('async', drafts(topic, 200)))];
      assertPlaces(sent);
      assertOffsetIds(sent, world);
      await receivesExactly(client, topic, sent);
    },
  },
  {
    name: 'one-way sends: all arrive, though nobody says where',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('oneway');
      const producer = await client.startProducer(freshName('producers'));
      const messages = drafts(topic, 100);
      await producer.send('sync', messages.slice(0, 1)); // Creates the topic.
      await producer.sendOneway(messages.slice(1));
      const consumer = await client.startConsumer({ group: freshName('group'), topic });
      await consumer.untilReceived(messages.length);
      await quiet();
      await consumer.stop();
      assertQueueOrder(consumer.received);
      const bodies = (list: readonly { body: Uint8Array }[]): string[] =>
        list.map(({ body }) => Buffer.from(body).toString('base64')).sort();
      assert.deepEqual(bodies(consumer.received), bodies(messages), 'bodies');
    },
  },
  {
    name: 'a batch: its messages stand one after the other in one queue, each with its own content',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('batch');
      const producer = await client.startProducer(freshName('producers'));
      const sent: Sent[] = [];
      for (const size of [10, 1, 33]) {
        const messages = drafts(topic, size, (index) => ({
          tags: `size${size}`,
          properties: { place: String(index) },
        }));
        sent.push(...(await producer.sendBatch(messages)));
      }
      assertPlaces(sent);
      assertOffsetIds(sent, world);
      await receivesExactly(client, topic, sent);
    },
  },
  {
    name: 'large and compressed bodies come back byte for byte',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('large');
      const producer = await client.startProducer(freshName('producers'));
      const bodies = [
        Buffer.alloc(largeBodyBytes, 'compressible '),
        Buffer.alloc(largeBodyBytes).map((_, index) => noise(index)),
        Buffer.from(Array.from({ length: 256 }, (_, value) => value)),
        Buffer.from([0]),
      ];
      const messages = bodies.map((body): Draft => ({ topic, body }));
      const sent = await producer.send('sync', messages);
      await receivesExactly(client, topic, sent);
    },
  },
  {
    name: 'bodies compressed with LZ4, Zstandard and zlib come back byte for byte',
    needs: 'lz4 and zstd',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('compressed');
      const sent: Sent[] = [];
      for (const compression of ['LZ4', 'ZSTD', 'ZLIB'] as const) {
        const producer = await client.startProducer(freshName('producers'), { compression });
        const body = Buffer.alloc(largeBodyBytes, `compressible by ${compression} `);
        sent.push(...(await producer.send('sync', [{ topic, body }])));
      }
      await receivesExactly(client, topic, sent);
    },
  },
  {
    name: 'an automatically created topic has the queues that the producer asked for, all of them used',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('created');
      const producer = await client.startProducer(freshName('producers'));
      const sent = await producer.send('sync', drafts(topic, 16));
      const counts = [0, 1, 2, 3].map((queue) => sent.filter((s) => s.queue === queue).length);
      assert.deepEqual(counts, [4, 4, 4, 4], 'messages in each queue');
      assertPlaces(sent);
      await receivesExactly(client, topic, sent);
    },
  },
];

/** A scrambled byte for each index: nothing that compresses. */
const noise = (index: number): number => (Math.imul(index + 1, 2654435761) >>> 13) & 0xff;

/** A new group that starts at the beginning gets all of `sent`, once, in the order of each queue. */
export async function receivesExactly(
  client: Client,
  topic: string,
  sent: readonly Sent[],
): Promise<Consumer> {
  const consumer = await client.startConsumer({ group: freshName('group'), topic });
  await consumer.untilReceived(sent.length);
  await quiet();
  await consumer.stop();
  assertQueueOrder(consumer.received);
  assertSame(consumer.received, sent);
  return consumer;
}

/** Offset ids name the broker and positions that rise with the offsets of a queue. */
function assertOffsetIds(sent: readonly Sent[], world: World): void {
  const last = new Map<number, number>();
  for (const { offsetId, queue } of [...sent].sort((a, b) => a.offset - b.offset)) {
    const { address, position } = readOffsetId(offsetId);
    assert.equal(address, world.target.broker, 'address in an offset id');
    assert.ok(position > (last.get(queue) ?? -1), `position in the log of queue ${queue}`);
    last.set(queue, position);
  }
}
