import { strict as assert } from 'node:assert';
import { request } from '../support/frames.ts';
import { assertQueueOrder, assertSame, drafts, nextOffsets } from '../support/messages.ts';
import { quiet } from '../support/waiting.ts';
import { freshName, newClient, type Scenario } from '../support/world.ts';

const queryConsumerOffset = 14;
const queryNotFound = 22;

export const broadcasting: readonly Scenario[] = [
  {
    name: 'broadcast: each member gets everything and goes on from its own offsets; the broker keeps none',
    async run(world) {
      await using client = newClient(world);
      await using otherClient = newClient(world);
      const topic = freshName('broadcast');
      const group = freshName('group');
      const producer = await client.startProducer(freshName('producers'));
      const sent = await producer.send('sync', drafts(topic, 20));
      const options = { group, topic, broadcast: true };
      const name = freshName('member');
      const first = await client.startConsumer({ ...options, name });
      const second = await otherClient.startConsumer(options);
      for (const member of [first, second]) await member.untilReceived(sent.length);
      await first.stop();
      const later = await producer.send('sync', drafts(topic, 12));
      const again = await client.startConsumer({ ...options, name });
      await again.untilReceived(later.length);
      await second.untilReceived(sent.length + later.length);
      await quiet();
      await again.stop();
      await second.stop();
      assertSame(first.received, sent);
      assertSame(again.received, later);
      assertQueueOrder(again.received, nextOffsets(sent));
      assertSame(second.received, [...sent, ...later]);
      const fields = { consumerGroup: group, topic, queueId: '0', setZeroIfNotFound: 'false' };
      const { header } = await request(world.target.broker, queryConsumerOffset, fields);
      assert.equal(header.code, queryNotFound, 'the group has no offset at the broker');
    },
  },
];
