import { strict as assert } from 'node:assert';
import { assertQueueOrder, assertSame, drafts, groupByQueue } from '../support/messages.ts';
import { eventually } from '../support/waiting.ts';
import { freshName, newClient, type Scenario } from '../support/world.ts';

export const pulling: readonly Scenario[] = [
  {
    name: 'lite pull with a subscription: polls everything once, commits, and the next consumer goes on from there',
    needs: 'lite pull',
    async run(world) {
      await using client = newClient(world);
      const { brokerName } = world.target;
      const topic = freshName('polled');
      const group = freshName('group');
      const producer = await client.startProducer(freshName('producers'));
      const before = await producer.send('sync', drafts(topic, 24));
      const first = await client.startLitePull({ group, topic });
      const polled = await first.pollAll(before.length);
      assertQueueOrder(polled);
      assertSame(polled, before);
      await first.commit();
      for (const [queue, messages] of groupByQueue(before)) {
        let committed: number | undefined;
        const what = (): string => `committed ${messages.length} of queue ${queue} (${committed})`;
        await eventually(world.patienceMs, what, async () => {
          committed = await first.committed({ brokerName, queue });
          return committed === messages.length ? true : undefined;
        });
      }
      await first.stop();
      const after = await producer.send('sync', drafts(topic, 16));
      const second = await client.startLitePull({ group, topic });
      const rest = await second.pollAll(after.length);
      rest.push(...(await second.poll()));
      await second.stop();
      assertSame(rest, after);
    },
  },
  {
    name: 'lite pull with assigned queues: reads from the place that it is told',
    needs: 'lite pull',
    async run(world) {
      await using client = newClient(world);
      const { brokerName } = world.target;
      const topic = freshName('sought');
      const producer = await client.startProducer(freshName('producers'));
      const sent = await producer.send('sync', drafts(topic, 10), 1);
      await producer.send('sync', drafts(topic, 4), 2);
      const at = { brokerName, queue: 1 };
      const consumer = await client.startLitePull({
        group: freshName('group'),
        topic,
        queues: [1],
      });
      assertSame(await consumer.pollAll(sent.length), sent);
      await consumer.seek(at, 6);
      assertSame(await consumer.pollAll(4), sent.slice(6));
      await consumer.seek(at, 'begin');
      const [first] = await consumer.pollAll(sent.length);
      assert.equal(first?.offset, 0, 'first offset after a seek to the begin');
      const early = (first?.storedAt ?? 0) - 60_000;
      assert.equal(await consumer.offsetForTimestamp(at, early), 0, 'offset of an early time');
      const late = (first?.storedAt ?? 0) + 60_000;
      assert.equal(await consumer.offsetForTimestamp(at, late), 10, 'offset of a late time');
      await consumer.seek(at, 'end');
      const more = await producer.send('sync', drafts(topic, 3), 1);
      assertSame(await consumer.pollAll(more.length), more);
      await consumer.stop();
    },
  },
  {
    name: 'pull: each answer tells what is there, where to go on, and the ends of the queue',
    needs: 'pull',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('pulled');
      const at = { brokerName: world.target.brokerName, queue: 3 };
      const producer = await client.startProducer(freshName('producers'));
      const tags = (index: number): { tags: string } => ({ tags: index < 8 ? 'early' : 'late' });
      const sent = await producer.send('sync', drafts(topic, 12, tags), 3);
      const consumer = await client.startPull({ group: freshName('group'), topic });
      assert.deepEqual(await consumer.queues(), [0, 1, 2, 3], 'queues of the topic');

      const { messages, ...found } = await consumer.pull(at, { offset: 2, count: 5 });
      assert.deepEqual(found, { status: 'FOUND', next: 7, min: 0, max: 12 }, 'a part');
      assertSame(messages, sent.slice(2, 7));
      const late = await consumer.pull(at, { offset: 0, expression: 'late' });
      assert.deepEqual({ status: late.status, next: late.next }, { status: 'FOUND', next: 12 });
      assertSame(late.messages, sent.slice(8));
      const none = await consumer.pull(at, { offset: 0, count: 12, expression: 'other' });
      assert.deepEqual(
        { status: none.status, next: none.next },
        { status: 'NO_MATCHED_MSG', next: 12 },
        'a tag that no message has',
      );
      const end = await consumer.pull(at, { offset: 12 });
      assert.deepEqual({ status: end.status, next: end.next }, { status: 'NO_NEW_MSG', next: 12 });
      const beyond = await consumer.pull(at, { offset: 20 });
      const illegal = { status: 'OFFSET_ILLEGAL', next: 12 };
      assert.deepEqual({ status: beyond.status, next: beyond.next }, illegal, 'beyond the end');

      const waiting = consumer.pull(at, { offset: 12, wait: true });
      const more = await producer.send('sync', drafts(topic, 1), 3);
      assertSame((await waiting).messages, more);

      await consumer.updateOffset(at, 5);
      await eventually(world.patienceMs, 'the offset of the group', async () =>
        (await consumer.fetchOffset(at)) === 5 ? true : undefined,
      );
      await consumer.stop();
    },
  },
];
