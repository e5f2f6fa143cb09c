import { strict as assert } from 'node:assert';
import { drafts } from '../support/messages.ts';
import { eventually } from '../support/waiting.ts';
import { freshName, newClient, type Scenario } from '../support/world.ts';

const traceTopic = 'RMQ_SYS_TRACE_TOPIC';

/** Between the fields of a record, and after each record. */
const fieldEnd = '\u0001';
const recordEnd = '\u0002';

export const tracing: readonly Scenario[] = [
  {
    name: 'trace: clients that trace fill RMQ_SYS_TRACE_TOPIC with what they sent and consumed',
    async run(world) {
      await using client = newClient(world);
      await using readerProcess = newClient(world);
      const topic = freshName('traced');
      const group = freshName('group');
      // The topic must be there before the Go client traces anything.
      const plain = await client.startProducer(freshName('producers'));
      await plain.send('sync', drafts(traceTopic, 1));
      const producer = await client.startProducer(freshName('producers'), { trace: true });
      const sent = await producer.send('sync', drafts(topic, 8));
      const consumer = await client.startConsumer({ group, topic, trace: true });
      await consumer.untilReceived(sent.length);
      const reader = await readerProcess.startConsumer({
        group: freshName('reader'),
        topic: traceTopic,
      });
      const missing = (): string[] => {
        const records = reader.received.flatMap(({ body }) =>
          Buffer.from(body).toString().split(recordEnd),
        );
        const wanted = ['Pub', 'SubBefore', 'SubAfter'].flatMap((kind) =>
          sent.map(({ id }) => ({ kind, id: id ?? '' })),
        );
        return wanted
          .filter(({ kind, id }) => {
            const isOf = (record: string): boolean => {
              const fields = record.split(fieldEnd);
              return fields[0] === kind && fields.includes(id);
            };
            return !records.some(isOf);
          })
          .map(({ kind, id }) => `${kind} ${id}`);
      };
      const what = (): string => `all trace records (missing: ${missing().join(', ')})`;
      await eventually(world.patienceMs, what, () => (missing().length === 0 ? true : undefined));
      const mine = reader.received.filter(({ body }) => Buffer.from(body).includes(topic));
      const keys = new Set(mine.flatMap((message) => (message.keys ?? '').trim().split(' ')));
      for (const { id } of sent) assert.ok(keys.has(id ?? ''), `trace with the key ${id}`);
      await consumer.stop();
      await producer.stop();
      await reader.stop();
    },
  },
];
