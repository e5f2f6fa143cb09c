/**
 * The official Java client reads from the slave of a group without a controller while its master is dead, and goes on
 * at the master when that is back. Needs the Java lab and `npm run build`; not part of `npm test`. With
 * HOLDFAST_TARGET=java the same is asked of Apache's brokers.
 */
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { codes, success } from '../../process/failover/codes.ts';
import type { Group, GroupNode } from '../../process/failover/group.ts';
import { startHoldfastGroup } from '../../process/failover/holdfast-group.ts';
import { startJavaGroup } from '../../process/failover/java-group.ts';
import { Journal } from '../../process/failover/journal.ts';
import { Remote } from '../../process/failover/remote.ts';
import { Writer } from '../../process/failover/writer.ts';
import { Client } from '../support/client.ts';
import { java5 } from '../support/flavours.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/locations.ts';
import type { Sent } from '../support/messages.ts';
import type { Consumer } from '../support/push.ts';
import { targetKind } from '../support/target.ts';
import { eventually } from '../support/waiting.ts';
import { textOf } from './traffic.ts';

const limitMs = 280_000;
const patienceMs = 90_000;
const pollMs = 1000;
const topic = 'read-from-slave';
const queues = 4;
const messages = 400;

let folder: TemporaryFolder;
let group: Group;
let client: Client;
/** In a process of its own, which can be paused. */
let earlyClient: Client;

before(
  async () => {
    folder = await temporaryFolder('interop-slave-reads');
    const isJava = targetKind() === 'java';
    group = await (isJava ? startJavaGroup : startHoldfastGroup)({ mode: 'static' });
    const flavour = await java5.build(folder.path);
    const options = { flavour, nameServer: group.nameServer, patienceMs };
    client = new Client(options);
    earlyClient = new Client(options);
  },
  { timeout: limitMs },
);
after(async () => {
  await client?.[Symbol.asyncDispose]();
  await earlyClient?.[Symbol.asyncDispose]();
  await group?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

test('readers go on at the slave while the master is dead, and at the master when it is back', {
  timeout: limitMs,
}, async (t) => {
  const [master, slave] = group.brokers as [GroupNode, GroupNode];
  await defineTopic(master);
  const early = await earlyClient.startConsumer({ group: 'early', topic, pollMs });
  const first = await send('before', messages);
  await early.untilReceived(first.length);
  for (const [code, fields] of [
    [codes.topicConfig, { topic }],
    [codes.groupConfig, { group: 'early' }],
  ] as const) {
    // The Java slave asks its master for them once a minute.
    await eventually(patienceMs, `${JSON.stringify(fields)} at the slave`, async () => {
      using remote = new Remote(slave.address);
      return (await remote.request(code, fields)).header.code === success || undefined;
    });
  }

  earlyClient.pause();
  const unread = await send('unread', messages);
  await group.kill(master);
  earlyClient.resume();
  const sinceMs = Date.now();
  await untilReceivedAll(early, [...first, ...unread]);
  t.diagnostic(`who had been there got the rest from the slave after ${Date.now() - sinceMs} ms`);
  // Of a group that its master never heard of.
  const late = await client.startConsumer({ group: 'late', topic, pollMs });
  const lateSinceMs = Date.now();
  await untilReceivedAll(late, [...first, ...unread]);
  t.diagnostic(`who came later got all from it after ${Date.now() - lateSinceMs} ms`);

  await group.start(master);
  const backSinceMs = Date.now();
  const last = await send('after', messages);
  for (const consumer of [early, late]) {
    await untilReceivedAll(consumer, [...first, ...unread, ...last]);
  }
  t.diagnostic(`both got what came later ${Date.now() - backSinceMs} ms after the start`);
  for (const [name, consumer] of [
    ['early', early],
    ['late', late],
  ] as const) {
    t.diagnostic(`${name}: ${consumer.received.length - 3 * messages} came twice`);
    await untilCommitted(master, name);
    await consumer.stop();
  }
});

async function defineTopic({ address }: GroupNode): Promise<void> {
  await eventually(patienceMs, 'the topic is defined', async () => {
    using remote = new Remote(address);
    const writer = new Writer(remote, new Journal());
    const wanted = { queues, perm: 6, messageType: '' };
    return (await writer.defineTopic(topic, wanted)) || undefined;
  });
}

/** All of them acknowledged, so that the slave has them. */
async function send(name: string, count: number): Promise<Sent[]> {
  const bodies = Array.from({ length: count }, (_, index) => ({
    topic,
    body: Buffer.from(`${name} ${index}`),
  }));
  const producer = await client.startProducer(`${name}-producers`, { pollMs, retries: 2 });
  // A master that has just come back may not have its slave yet, or not be in the route.
  const sent = await eventually(patienceMs, `${name} is sent`, () =>
    producer.send('sync', bodies).catch(() => undefined),
  );
  await producer.stop();
  return sent;
}

async function untilReceivedAll(consumer: Consumer, all: readonly Sent[]): Promise<void> {
  const missing = (): string[] => {
    const bodies = new Set(consumer.received.map(textOf));
    return all.map(textOf).filter((body) => !bodies.has(body));
  };
  const describe = (): string => `all messages (${missing().length} of ${all.length} did not come)`;
  await eventually(patienceMs, describe, () => missing().length === 0 || undefined);
}

/** What was consumed at the slave is committed too, once there is somebody to commit it to. */
async function untilCommitted({ address }: GroupNode, consumerGroup: string): Promise<void> {
  using remote = new Remote(address);
  const ask = async (code: number, fields: Readonly<Record<string, string | number>>) => {
    const { header } = await remote.request(code, fields);
    return header.code === success ? Number(header.extFields?.['offset']) : undefined;
  };
  for (let queueId = 0; queueId < queues; queueId += 1) {
    const end = await ask(codes.maxOffset, { topic, queueId });
    assert(end !== undefined);
    await eventually(
      patienceMs,
      `${consumerGroup} commits ${end} of queue ${queueId}`,
      async () => {
        const committed = await ask(codes.queryConsumerOffset, { consumerGroup, topic, queueId });
        return committed === end || undefined;
      },
    );
  }
}
