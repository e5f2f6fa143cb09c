import { strict as assert } from 'node:assert';
import { membersOf } from '../support/definitions.ts';
import { request } from '../support/frames.ts';
import { assertSame, drafts, nextOffsets } from '../support/messages.ts';
import { eventually, quiet } from '../support/waiting.ts';
import { freshName, newClient, type Scenario } from '../support/world.ts';
import { withAdministration } from './administration.ts';

interface RunningInfo {
  readonly subscriptions: readonly string[];
  readonly offsets: Readonly<Record<string, number>>;
  readonly type: string;
  readonly threads: boolean;
}

export const inspecting: readonly Scenario[] = [
  {
    name: 'a running consumer tells what it does, and is given a message by hand',
    needs: 'administration',
    async run(world) {
      await using client = newClient(world);
      await using administration = await withAdministration(world);
      const topic = freshName('inspected');
      const group = freshName('group');
      const producer = await client.startProducer(freshName('producers'));
      const sent = await producer.send('sync', drafts(topic, 12));
      const consumer = await client.startConsumer({ group, topic });
      await consumer.untilReceived(sent.length);
      const [clientId = ''] = await membersOf(world, group);
      const target = { group, clientId, topic };
      assert.deepEqual(await administration.ask('consumerConnections', { group }), [clientId]);

      let shown: RunningInfo | undefined;
      const offsets = Object.fromEntries(nextOffsets(sent));
      const what = (): string => `offsets in the running info (${JSON.stringify(shown?.offsets)})`;
      await eventually(world.patienceMs, what, async () => {
        shown = await administration.ask<RunningInfo>('runningInfo', target);
        return JSON.stringify(shown.offsets) === JSON.stringify(offsets) ? true : undefined;
      });
      assert.equal(shown?.type, 'CONSUME_PASSIVELY', 'type of the consumer');
      assert.ok(shown?.subscriptions.includes(`${topic} *`), 'subscription of the consumer');
      assert.ok(shown?.threads, 'stacks of the threads of the consumer');
      const status = await administration.ask('consumeStatus', target);
      assert.deepEqual(status, { [clientId]: offsets }, 'offsets by client');

      const messageId = sent[5]?.offsetId;
      const result = await administration.ask('consumeDirectly', { ...target, messageId });
      assert.equal(result, 'CR_SUCCESS', 'a message by hand');
      await consumer.untilReceived(sent.length + 1);
      await quiet();
      await consumer.stop();
      const byHand = consumer.received.at(-1);
      // Its id is the one of its place with 4.9.8.
      assert.deepEqual(
        Buffer.from(byHand?.body ?? []),
        Buffer.from(sent[5]?.body ?? []),
        'message by hand',
      );
      await assert.rejects(
        administration.ask('runningInfo', target),
        /not online|not exist|No/i,
        'running info of a consumer that stopped',
      );
    },
  },
  {
    name: 'offsets of a group are set back to a time while its consumer runs, and the messages come again',
    needs: 'administration',
    async run(world) {
      await using client = newClient(world);
      await using administration = await withAdministration(world);
      const topic = freshName('again');
      const group = freshName('group');
      const producer = await client.startProducer(freshName('producers'));
      const before = await producer.send('sync', drafts(topic, 8));
      await new Promise((resolve) => setTimeout(resolve, 20)); // Later store times.
      const after = await producer.send('sync', drafts(topic, 8));
      const sent = [...before, ...after];
      const consumer = await client.startConsumer({ group, topic });
      await consumer.untilReceived(sent.length);
      const timestamp = Math.min(
        ...consumer.received
          .filter(({ id }) => after.some((message) => message.id === id))
          .map(({ storedAt }) => storedAt),
      );
      const offsets = await administration.ask('resetOffsets', { group, topic, timestamp });
      assert.deepEqual(offsets, { 0: 2, 1: 2, 2: 2, 3: 2 }, 'offsets of the time');
      await consumer.untilReceived(sent.length + after.length);
      const later = await producer.send('sync', drafts(topic, 4));
      await consumer.untilReceived(sent.length + after.length + later.length);
      await quiet();
      await consumer.stop();
      assertSame(consumer.received.slice(sent.length), [...after, ...later]);
    },
  },
  {
    name: 'consumers set their offsets back themselves where the broker leaves it to them',
    isAlone: true,
    async run(world) {
      const { broker } = world;
      const serverSide = async (is: boolean): Promise<void> => {
        const change = Buffer.from(`useServerSideResetOffset=${is}`);
        const { header } = await request(broker, updateBrokerConfig, {}, change);
        assert.equal(header.code, 0, header.remark);
      };
      await using client = newClient(world);
      const topic = freshName('theirs');
      const group = freshName('group');
      const producer = await client.startProducer(freshName('producers'));
      const sent = await producer.send('sync', drafts(topic, 16));
      const consumer = await client.startConsumer({ group, topic });
      await consumer.untilReceived(sent.length);
      const reset = { group, topic, timestamp: '0', isForce: 'true' };
      await serverSide(false);
      try {
        let body = '';
        // Until the consumer has committed offsets of all queues, the broker does not know its group.
        await eventually(world.patienceMs, 'an accepted reset', async () => {
          const response = await request(broker, resetOffsets, reset);
          body = Buffer.from(response.body).toString();
          return response.header.code === 0 ? true : undefined;
        });
        assert.equal(body.match(/\}:0/g)?.length, 4, `offsets of the beginning: ${body}`);
        await consumer.untilReceived(2 * sent.length);
        await quiet();
        assertSame(consumer.received.slice(sent.length), sent);
        await consumer.stop();
        const offline = await request(broker, resetOffsets, reset);
        assert.equal(offline.header.code, consumerNotOnline, offline.header.remark);
      } finally {
        await serverSide(true);
      }
    },
  },
];

const updateBrokerConfig = 25;
const resetOffsets = 222;
const consumerNotOnline = 206;
