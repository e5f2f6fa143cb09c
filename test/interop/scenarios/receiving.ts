import { assertQueueOrder, assertSame, drafts, type Sent } from '../support/messages.ts';
import { quiet } from '../support/waiting.ts';
import { freshName, newClient, type Scenario } from '../support/world.ts';

const tags = ['TagA', 'TagB', 'TagC', '标签', 'Größe'];

export const receiving: readonly Scenario[] = [
  {
    name: 'a waiting push consumer gets what is sent later, once and in the order of each queue',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('waiting');
      const producer = await client.startProducer(freshName('producers'));
      const sent = await producer.send('sync', drafts(topic, 4));
      const consumer = await client.startConsumer({ group: freshName('group'), topic });
      await consumer.untilReceived(sent.length);
      for (let round = 0; round < 10; round += 1) {
        sent.push(...(await producer.send('sync', drafts(topic, 8))));
        await consumer.untilReceived(sent.length);
      }
      await quiet();
      await consumer.stop();
      assertQueueOrder(consumer.received);
      assertSame(consumer.received, sent);
    },
  },
  {
    name: 'two groups each get everything',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('groups');
      const producer = await client.startProducer(freshName('producers'));
      const sent = await producer.send('sync', drafts(topic, 30));
      for (const group of [freshName('group'), freshName('group')]) {
        const consumer = await client.startConsumer({ group, topic });
        await consumer.untilReceived(sent.length);
        await quiet();
        await consumer.stop();
        assertQueueOrder(consumer.received);
        assertSame(consumer.received, sent);
      }
    },
  },
  tagScenario('TagA || TagC', ['TagA', 'TagC']),
  tagScenario('标签', ['标签']),
  tagScenario('Größe||TagB', ['Größe', 'TagB']),
];

function tagScenario(expression: string, wanted: readonly string[]): Scenario {
  return {
    name: `tags: a consumer of "${expression}" gets those messages and no others`,
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('tags');
      const producer = await client.startProducer(freshName('producers'));
      const group = freshName('group');
      const send = (): Promise<Sent[]> =>
        producer.send(
          'sync',
          drafts(topic, 60, (index) => ({ tags: tags[index % tags.length] as string })),
        );
      const fitting = (messages: readonly Sent[]): Sent[] =>
        messages.filter((message) => wanted.includes(message.tags as string));
      const expected = fitting(await send());
      const consumer = await client.startConsumer({ group, topic, expression });
      await consumer.untilReceived(expected.length);
      expected.push(...fitting(await send())); // These meet a pull that waits.
      await consumer.untilReceived(expected.length);
      await quiet();
      await consumer.stop();
      assertSame(consumer.received, expected);
    },
  };
}
