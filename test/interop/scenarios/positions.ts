import type { ConsumerOptions } from '../support/client.ts';
import { assertQueueOrder, assertSame, drafts } from '../support/messages.ts';
import { quiet } from '../support/waiting.ts';
import { freshName, newClient, type Scenario } from '../support/world.ts';

/**
 * A consumer uses its start position only when the broker says that its group has no offset. For a queue whose first
 * message is there and in memory, RocketMQ says 0 instead: a new group reads a young topic from its beginning, whatever
 * position its consumers ask for.
 */
export const positions: readonly Scenario[] = [
  startsAtTheBeginning('CONSUME_FROM_FIRST_OFFSET'),
  startsAtTheBeginning('CONSUME_FROM_LAST_OFFSET'),
  startsAtTheBeginning('CONSUME_FROM_TIMESTAMP', '20990101000000'),
];

function startsAtTheBeginning(
  from: NonNullable<ConsumerOptions['from']>,
  timestamp?: string,
): Scenario {
  return {
    name: `${from}: a new group reads a young topic from its first message`,
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('young');
      const producer = await client.startProducer(freshName('producers'));
      const sent = await producer.send('sync', drafts(topic, 20));
      const group = freshName('group');
      const at = timestamp === undefined ? {} : { timestamp };
      const consumer = await client.startConsumer({ group, topic, from, ...at });
      await consumer.untilReceived(sent.length);
      sent.push(...(await producer.send('sync', drafts(topic, 8))));
      await consumer.untilReceived(sent.length);
      await quiet();
      await consumer.stop();
      assertQueueOrder(consumer.received);
      assertSame(consumer.received, sent);
    },
  };
}
