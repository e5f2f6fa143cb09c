import { strict as assert } from 'node:assert';
import { membersOf, succeed } from '../support/definitions.ts';
import { assertNothingLost, Load } from '../support/load.ts';
import { drafts, groupByQueue, type Received } from '../support/messages.ts';
import { eventually, quiet } from '../support/waiting.ts';
import { freshName, newClient, type Scenario, type World } from '../support/world.ts';

const lockQueues = 41;
const unlockQueues = 42;

/** A broker gives the locks of a client that disappeared to another one after this time. */
const lockLifeMs = 60_000;
/** Messages of a queue that a client may have in hand. */
const inHand = 5;

export const orderly: readonly Scenario[] = [
  {
    name: 'orderly: each queue comes in its order, and a message that fails comes again before the next one',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('orderly');
      const producer = await client.startProducer(freshName('producers'));
      const failing = (index: number): boolean => index % 7 === 3;
      const sent = await producer.send(
        'sync',
        drafts(topic, 40, (index) => (failing(index) ? { tags: 'failing' } : {})),
      );
      const group = freshName('group');
      const consumer = await client.startConsumer({ group, topic, orderly: true, failures: 2 });
      const turns = sent.flatMap((message) =>
        (message.tags === 'failing' ? [0, 1, 2] : [0]).map((attempt) => ({ ...message, attempt })),
      );
      await consumer.untilReceived(turns.length);
      await quiet();
      await consumer.stop();
      const text = ({ offset, attempt }: { offset: number; attempt: number }): string =>
        `${offset} attempt ${attempt}`;
      const received = groupByQueue(consumer.received);
      for (const [queue, wanted] of groupByQueue(turns)) {
        assert.deepEqual(received.get(queue)?.map(text), wanted.map(text), `queue ${queue}`);
      }
    },
  },
  {
    name: 'orderly: while a consumer has the locks of its queues nobody else gets them, afterwards anybody does',
    async run(world) {
      await using client = newClient(world);
      const topic = freshName('locked');
      const group = freshName('group');
      const producer = await client.startProducer(freshName('producers'));
      const sent = await producer.send('sync', drafts(topic, 16));
      const consumer = await client.startConsumer({ group, topic, orderly: true });
      await consumer.untilReceived(sent.length);
      const owner = (await membersOf(world, group))[0] ?? '';
      const stranger = `${owner}-other`;
      const ask = (code: number, clientId: string): Promise<number[]> =>
        locks(world, code, { topic, consumerGroup: group, clientId });
      assert.deepEqual(await ask(lockQueues, stranger), [], 'locks of another client');
      assert.deepEqual(await ask(lockQueues, owner), [0, 1, 2, 3], 'locks of the consumer');
      await ask(unlockQueues, stranger); // Not its own: changes nothing.
      assert.deepEqual(await ask(lockQueues, stranger), [], 'locks after a false unlock');
      await consumer.stop();
      await eventually(world.patienceMs, 'locks of the client after', async () =>
        (await ask(lockQueues, stranger)).length === 4 ? true : undefined,
      );
      assert.deepEqual(await ask(lockQueues, owner), [], 'locks of the client before');
      await ask(unlockQueues, stranger);
      assert.deepEqual(await ask(lockQueues, owner), [0, 1, 2, 3], 'locks that were given back');
    },
  },
  {
    name: 'orderly: a second consumer joins and is killed, and the order of each queue stays',
    async run(world) {
      await using producing = newClient(world);
      await using firstProcess = newClient(world);
      await using secondProcess = newClient(world);
      const topic = freshName('relay');
      const options = { topic, group: freshName('group'), orderly: true, pauseMs: 10 };
      const producer = await producing.startProducer(freshName('producers'));
      const patienceMs = world.patienceMs + lockLifeMs;
      await using load = await Load.begin(producer, topic, { patienceMs, pauseMs: 150 });

      const first = await firstProcess.startConsumer(options);
      await first.untilReceived(100);
      const second = await secondProcess.startConsumer(options);
      await load.untilShared([first, second]);
      const all = (): Received[] =>
        [...first.received, ...second.received].sort((a, b) => a.at - b.at);
      if (world.flavour.commitsWhatItGivesAway) assertLittleRepeated(all());
      await secondProcess.kill();
      await load.untilShared([first]);

      const sent = await load.end();
      await assertNothingLost([first, second], sent, world.patienceMs);
      assertFirstsInOrder(all());
    },
  },
];

/** What is in hand when a queue is given away may come twice; the rest was committed before the unlock. */
function assertLittleRepeated(received: readonly Received[]): void {
  for (const [queue, messages] of groupByQueue(received)) {
    const offsets = messages.map(({ offset }) => offset);
    const repeated = offsets.length - new Set(offsets).size;
    assert.ok(repeated <= inHand, `${repeated} messages of queue ${queue} came to both consumers`);
  }
}

/** Without what came again, the messages of each queue came in its order. */
function assertFirstsInOrder(received: readonly Received[]): void {
  for (const [queue, messages] of groupByQueue(received)) {
    const firsts = [...new Set(messages.map(({ offset }) => offset))];
    assert.deepEqual(
      firsts,
      firsts.map((_, index) => index),
      `order of queue ${queue}`,
    );
  }
}

/** The queues of the topic that the client has then; nothing for an unlock. */
async function locks(
  world: World,
  code: number,
  { topic, ...asked }: { topic: string; consumerGroup: string; clientId: string },
): Promise<number[]> {
  const { brokerName } = world.target;
  const mqSet = [0, 1, 2, 3].map((queueId) => ({ topic, brokerName, queueId }));
  const body = Buffer.from(JSON.stringify({ ...asked, mqSet }));
  const response = await succeed(world, code, {}, body);
  const { lockOKMQSet = [] } = JSON.parse(Buffer.from(response.body).toString() || '{}') as {
    lockOKMQSet?: readonly { readonly queueId: number }[];
  };
  return lockOKMQSet.map(({ queueId }) => queueId).sort();
}
