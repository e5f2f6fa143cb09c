import { strict as assert } from 'node:assert';
import type { Client } from '../support/client.ts';
import {
  assertIs,
  drafts,
  type Received,
  type ReceivedLine,
  readable,
  type Sent,
} from '../support/messages.ts';
import { eventually } from '../support/waiting.ts';
import { freshName, newClient, type Scenario, type World } from '../support/world.ts';

export const administration: readonly Scenario[] = [
  {
    name: 'a topic is created with its queues, listed, used, deleted, and then gone',
    needs: 'administration',
    async run(world) {
      await using client = await withAdministration(world);
      const topic = freshName('managed');
      await client.ask('createTopic', { topic, queues: 7 });
      await untilListed(client, 'topics', topic, true);
      const producer = await client.startProducer(freshName('producers'));
      const sent = await producer.send('sync', drafts(topic, 14));
      const used = [...new Set(sent.map(({ queue }) => queue))].sort();
      assert.deepEqual(used, [0, 1, 2, 3, 4, 5, 6], 'queues of the topic');
      await client.ask('deleteTopic', { topic, nameServer: world.nameServer });
      await untilListed(client, 'topics', topic, false);
    },
  },
  {
    name: 'a group is created, listed, deleted, and then gone',
    notOnJava: 'the request that deletes a group creates it again',
    needs: 'administration',
    async run(world) {
      await using client = await withAdministration(world);
      const group = freshName('managed');
      assert.equal((await client.ask<string[]>('groups', {})).includes(group), false);
      await client.ask('createGroup', { group });
      await untilListed(client, 'groups', group, true);
      await client.ask('deleteGroup', { group });
      await untilListed(client, 'groups', group, false);
    },
  },
  {
    name: 'an automatically created topic is listed',
    needs: 'administration',
    async run(world) {
      await using client = await withAdministration(world);
      const topic = freshName('listed');
      assert.equal((await client.ask<string[]>('topics', {})).includes(topic), false);
      const producer = await client.startProducer(freshName('producers'));
      await producer.send('sync', drafts(topic, 1));
      await untilListed(client, 'topics', topic, true);
    },
  },
  {
    name: 'a message is found by its offset id, by its unique key and by each of its keys',
    needs: 'administration',
    async run(world) {
      await using client = await withAdministration(world);
      const topic = freshName('found');
      const producer = await client.startProducer(freshName('producers'));
      const sent = await producer.send(
        'sync',
        drafts(topic, 12, (index) => ({ keys: `own-${index} third-${index % 3}`, tags: 'T' })),
      );
      for (const message of sent) {
        const view = (messageId: string | undefined): Promise<Received> =>
          withoutOffsetId(client.ask<ReceivedLine>('view', { topic, messageId }));
        assertIs(await view(message.offsetId), message);
        const byUniqueKey = await eventually(world.patienceMs, 'query by unique key', () =>
          view(message.id).catch(() => undefined),
        );
        assertIs(byUniqueKey, message);
      }
      for (const [key, wanted] of [
        ['own-7', sent.filter((_, index) => index === 7)],
        ['third-1', sent.filter((_, index) => index % 3 === 1)],
      ] as const) {
        const found = await eventually(world.patienceMs, `query by ${key}`, async () => {
          const list = await client
            .ask<ReceivedLine[]>('queryByKey', { topic, key })
            .catch(() => []);
          return list.length >= wanted.length ? list : undefined;
        });
        assert.equal(found.length, wanted.length, `messages with the key ${key}`);
        const byOffsetId = new Map(found.map((line) => [line.id, line]));
        for (const message of wanted) {
          const line = byOffsetId.get(message.id ?? '');
          assert.ok(line !== undefined, `message ${message.id} among those with the key ${key}`);
          assertIs(await withoutOffsetId(Promise.resolve(line)), message);
        }
      }
    },
  },
  {
    name: 'the offsets of a queue: its ends, and the first message at or after a time',
    needs: 'administration',
    async run(world) {
      await using client = await withAdministration(world);
      const topic = freshName('ranges');
      const producer = await client.startProducer(freshName('producers'));
      const sent: Sent[] = [];
      for (let index = 0; index < 5; index += 1) {
        sent.push(...(await producer.send('sync', drafts(topic, 2), 1)));
        await new Promise((resolve) => setTimeout(resolve, 20)); // Later store times.
      }
      const queue = { topic, queue: 1, brokerName: world.target.brokerName };
      const range = await client.ask('queueRange', queue);
      assert.deepEqual(range, { min: 0, max: 10 }, 'range of the queue');
      const empty = await client.ask('queueRange', { ...queue, queue: 2 });
      assert.deepEqual(empty, { min: 0, max: 0 }, 'range of an empty queue');
      const search = (timestamp: number): Promise<number> =>
        client.ask('searchOffset', { ...queue, timestamp });
      const times: number[] = [];
      for (const { offsetId } of sent) {
        times.push(
          (await client.ask<ReceivedLine>('view', { topic, messageId: offsetId })).storedAt,
        );
      }
      for (const time of times) {
        assert.equal(await search(time), times.indexOf(time), 'first offset at a time');
      }
      assert.equal(await search((times[3] as number) + 1), 4, 'first offset after a time');
      assert.equal(await search((times[0] as number) - 60_000), 0, 'offset of an early time');
      assert.equal(await search((times[9] as number) + 60_000), 10, 'offset of a late time');
    },
  },
];

/** What a query shows has its unique key as id, like what a consumer gets, but nothing else to compare ids with. */
async function withoutOffsetId(line: Promise<ReceivedLine>): Promise<Received> {
  const { offsetId: _, ...message } = readable(await line);
  return message;
}

export async function withAdministration(world: World): Promise<Client> {
  const client = newClient(world);
  await client.ask('startAdmin', { nameServer: world.nameServer, broker: world.broker });
  return client;
}

async function untilListed(
  client: Client,
  list: 'topics' | 'groups',
  name: string,
  isWanted: boolean,
): Promise<void> {
  await eventually(
    client.patienceMs,
    `${name} ${isWanted ? 'among' : 'gone from'} the ${list}`,
    async () =>
      (await client.ask<string[]>(list, {})).includes(name) === isWanted ? true : undefined,
  );
}
