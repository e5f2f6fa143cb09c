import { strict as assert } from 'node:assert';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineGroup, defineTopic, succeed } from '../support/definitions.ts';
import { drafts, type Received, readOffsetId, type Sent } from '../support/messages.ts';
import { eventually, quiet } from '../support/waiting.ts';
import { freshName, newClient, type Scenario, type World } from '../support/world.ts';

const sendBack = 36;

/** The first delay level: 1 s. */
const shortly = 1;
/** In which what was given back at that level would have come. */
const retryMs = 2500;
/** Clocks of one machine, and a broker that looks at a level every 100 ms. */
const earlyMs = 20;

export const retrying: readonly Scenario[] = [
  {
    name: 'retry: a message that fails comes again after its delay, with its attempt, until it is done',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('retried');
      const group = freshName('group');
      const producer = await client.startProducer(freshName('producers'));
      const sent = await producer.send('sync', someFailing(topic, 20));
      const wanted = sent.flatMap((message) => turnsOf(message, 2));
      const options = { group, topic, failures: 2, retryDelayLevel: shortly };
      const consumer = await client.startConsumer(options);
      await consumer.untilReceived(wanted.length);
      await quiet();
      await consumer.stop();
      const turns = consumer.received.map(({ id, attempt }) => `${id} attempt ${attempt}`);
      assert.deepEqual(turns.sort(), wanted.sort(), 'turns of the messages');
      for (const message of sent.filter(isFailing)) {
        const [first, ...again] = consumer.received.filter(({ id }) => id === message.id);
        assert.ok(first !== undefined);
        let before = first;
        for (const later of again) {
          assert.equal(later.topic, topic, 'topic of a retry');
          assert.deepEqual(Buffer.from(later.body), Buffer.from(message.body), 'body of a retry');
          assert.equal(later.properties['RETRY_TOPIC'], topic, 'RETRY_TOPIC');
          const origin = later.properties['ORIGIN_MESSAGE_ID'];
          assert.equal(origin, message.offsetId, 'ORIGIN_MESSAGE_ID');
          const waitedMs = later.at - before.at;
          assert.ok(waitedMs >= 1000 - earlyMs, `a retry after ${waitedMs} ms`);
          before = later;
        }
      }
    },
  },
  {
    name: 'retry: what fails too often ends in the dead letter queue of its group, and can be read there',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('dead');
      const group = freshName('group');
      const producer = await client.startProducer(freshName('producers'));
      const sent = await producer.send('sync', someFailing(topic, 10));
      const dead = sent.filter(isFailing);
      // A client learns of a topic that comes later only after 30 s.
      await defineTopic(world, { topic: `%RETRY%${group}`, readQueues: 1, writeQueues: 1 });
      const consumer = await client.startConsumer({
        ...{ group, topic, failures: 99, retryDelayLevel: shortly, maxRetries: 1 },
      });
      await consumer.untilReceived(sent.length + dead.length);
      const reader = await untilStarted(world.patienceMs, () =>
        client.startConsumer({ group: freshName('reader'), topic: `%DLQ%${group}` }),
      );
      await reader.untilReceived(dead.length);
      await quiet();
      await consumer.stop();
      await reader.stop();
      assert.equal(consumer.received.length, sent.length + dead.length, 'turns of the messages');
      const ids = (list: readonly { id: string | undefined }[]): string[] =>
        list.map(({ id }) => id ?? '').sort();
      assert.deepEqual(ids(reader.received), ids(dead), 'messages in the dead letter queue');
      for (const message of reader.received) {
        const original = dead.find(({ id }) => id === message.id);
        assert.ok(original !== undefined);
        assert.deepEqual(Buffer.from(message.body), Buffer.from(original.body), 'a dead body');
        assert.equal(message.properties['RETRY_TOPIC'], topic, 'RETRY_TOPIC of a dead message');
      }
    },
  },
  {
    name: 'retry: retryMaxTimes of the group is the limit for a client that names none',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('limited');
      const groupName = freshName('group');
      await defineGroup(world, { groupName, retryMaxTimes: 0 });
      const producer = await client.startProducer(freshName('producers'));
      const [message] = await producer.send('sync', drafts(topic, 1));
      assert.ok(message !== undefined);
      await giveBack(world, groupName, message);
      const reader = await untilStarted(world.patienceMs, () =>
        client.startConsumer({ group: freshName('reader'), topic: `%DLQ%${groupName}` }),
      );
      await reader.untilReceived(1);
      await reader.stop();
      assert.equal(reader.received[0]?.id, message.id, 'id of the dead message');
    },
  },
  {
    name: 'retry: a group whose retryQueueNums is 0 keeps no failed message',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('dropped');
      const groupName = freshName('group');
      await defineGroup(world, { groupName, retryQueueNums: 0 });
      const producer = await client.startProducer(freshName('producers'));
      const [message] = await producer.send('sync', drafts(topic, 1));
      assert.ok(message !== undefined);
      await giveBack(world, groupName, message);
      const consumer = await client.startConsumer({ group: groupName, topic });
      await consumer.untilReceived(1);
      await sleep(retryMs);
      await consumer.stop();
      assert.deepEqual(attempts(consumer.received), [0], 'turns of the message');
    },
  },
  {
    name: 'retry: what a pull consumer gives back comes to its group again',
    needs: 'pull',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('returned');
      const group = freshName('group');
      const at = { brokerName: world.target.brokerName, queue: 0 };
      const producer = await client.startProducer(freshName('producers'));
      const sent = await producer.send('sync', drafts(topic, 3), 0);
      const giver = await client.startPull({ group, topic });
      await giver.sendBack(at, 1, shortly);
      await giver.stop();
      const consumer = await client.startConsumer({ group, topic });
      await consumer.untilReceived(4);
      await quiet();
      await consumer.stop();
      const [again, another] = consumer.received.filter(({ attempt }) => attempt > 0);
      assert.equal(again?.id, sent[1]?.id, 'id of the message that came again');
      assert.equal(another, undefined, 'another message that came again');
    },
  },
];

function someFailing(topic: string, count: number): ReturnType<typeof drafts> {
  return drafts(topic, count, (index) => (index % 5 === 2 ? { tags: 'failing' } : {}));
}

const isFailing = ({ tags }: Sent): boolean => tags === 'failing';

function turnsOf(message: Sent, failures: number): string[] {
  const count = isFailing(message) ? failures + 1 : 1;
  return Array.from({ length: count }, (_, attempt) => `${message.id} attempt ${attempt}`);
}

const attempts = (received: readonly Received[]): number[] =>
  received.map(({ attempt }) => attempt).sort();

/** As a client that leaves the number of attempts to the group. */
async function giveBack(world: World, group: string, { offsetId, topic }: Sent): Promise<void> {
  const { position } = readOffsetId(offsetId);
  const what = { offset: position, originMsgId: offsetId, originTopic: topic };
  await succeed(world, sendBack, { group, ...what, delayLevel: shortly, unitMode: false });
}

/** The Go client does not start a consumer of a topic that is not there. */
function untilStarted<T>(limitMs: number, begin: () => Promise<T>): Promise<T> {
  return eventually(limitMs, 'start of a consumer', () => begin().catch(() => undefined));
}
