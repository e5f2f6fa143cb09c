import { strict as assert } from 'node:assert';
import {
  defineGroup,
  defineTopic,
  readAndWrite,
  readOnly,
  writeOnly,
} from '../support/definitions.ts';
import { request } from '../support/frames.ts';
import { assertSame, drafts } from '../support/messages.ts';
import { quiet } from '../support/waiting.ts';
import { freshName, newClient, type Scenario } from '../support/world.ts';
import { receivesExactly } from './sending.ts';

const getGroup = 352;

export const permissions: readonly Scenario[] = [
  {
    name: 'permissions: nobody sends to a topic that is only read, nobody reads one that is only written',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('guarded');
      const group = freshName('group');
      const producer = await client.startProducer(freshName('producers'));
      await defineTopic(world, { topic });
      const sent = await producer.send('sync', drafts(topic, 12));
      await defineTopic(world, { topic, perm: readOnly });
      await using late = newClient(world);
      const refused = await late.startProducer(freshName('producers'));
      await assert.rejects(refused.send('sync', drafts(topic, 1)), 'a send to a topic to read');
      await receivesExactly(client, topic, sent);

      await defineTopic(world, { topic, perm: writeOnly });
      await using writing = newClient(world);
      const writer = await writing.startProducer(freshName('producers'));
      sent.push(...(await writer.send('sync', drafts(topic, 4))));
      const { code, remark } = await pull(world.broker, topic, group);
      assert.equal(code, noPermission, `a pull from a topic to write: ${remark}`);

      await defineTopic(world, { topic, perm: readAndWrite });
      await receivesExactly(writing, topic, sent);
    },
  },
  {
    name: 'queue numbers: producers use the queues to write, consumers the queues to read',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('narrow');
      await defineTopic(world, { topic, writeQueues: 6, readQueues: 6 });
      const producer = await client.startProducer(freshName('producers'));
      const wide = await producer.send('sync', drafts(topic, 24));
      assert.deepEqual(queuesOf(wide), [0, 1, 2, 3, 4, 5], 'queues that were written');
      await defineTopic(world, { topic, writeQueues: 2, readQueues: 3 });
      await using other = newClient(world);
      const narrow = await other.startProducer(freshName('producers'));
      const late = await narrow.send('sync', drafts(topic, 8));
      assert.deepEqual(queuesOf(late), [0, 1], 'queues that are written');
      const readable = [...wide, ...late].filter(({ queue }) => queue < 3);
      await receivesExactly(other, topic, readable);
    },
  },
  {
    name: 'groups: one that may not consume gets nothing until it may, and its settings come back as they were set',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('allowed');
      const groupName = freshName('group');
      const settings = {
        groupName,
        consumeFromMinEnable: true,
        consumeBroadcastEnable: true,
        consumeMessageOrderly: true,
        retryQueueNums: 3,
        retryMaxTimes: 5,
      };
      await defineGroup(world, { ...settings, consumeEnable: false });
      const { header, body } = await request(world.broker, getGroup, { group: groupName });
      assert.equal(header.code, 0, header.remark);
      const kept = JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>;
      for (const [name, value] of Object.entries({ ...settings, consumeEnable: false })) {
        assert.equal(kept[name], value, `${name} of the group`);
      }
      const producer = await client.startProducer(freshName('producers'));
      const sent = await producer.send('sync', drafts(topic, 12));
      const consumer = await client.startConsumer({ group: groupName, topic });
      const { code, remark } = await pull(world.broker, topic, groupName);
      assert.equal(code, noPermission, `a pull of a group that may not consume: ${remark}`);
      await quiet();
      assert.deepEqual(consumer.received, [], 'messages of a group that may not consume');
      await defineGroup(world, { ...settings, consumeEnable: true });
      await consumer.untilReceived(sent.length);
      await quiet();
      await consumer.stop();
      assertSame(consumer.received, sent);
    },
  },
];

const pullMessage = 11;
const noPermission = 16;
/** The request brings its own subscription. */
const withSubscription = 4;

async function pull(
  broker: string,
  topic: string,
  consumerGroup: string,
): Promise<{ readonly code: number; readonly remark?: string }> {
  const place = { queueId: '0', queueOffset: '0', maxMsgNums: '1', commitOffset: '0' };
  const { header } = await request(broker, pullMessage, {
    ...{ topic, consumerGroup, ...place, sysFlag: String(withSubscription) },
    ...{ suspendTimeoutMillis: '0', subscription: '*', subVersion: '0', expressionType: 'TAG' },
  });
  return header;
}

function queuesOf(sent: readonly { readonly queue: number }[]): number[] {
  return [...new Set(sent.map(({ queue }) => queue))].sort();
}
