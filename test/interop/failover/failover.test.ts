/**
 * The official Java client goes through failovers of a replicated group without a restart: a producer and a push
 * consumer with all settings as they come, and another pair that asks for routes each second. Needs the Java lab and
 * `npm run build`; not part of `npm test`.
 */
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { clusterMaster } from '../../process/failover/cluster-master.ts';
import { codes, success } from '../../process/failover/codes.ts';
import type { Group, GroupNode } from '../../process/failover/group.ts';
import { startHoldfastGroup } from '../../process/failover/holdfast-group.ts';
import { compare, Journal } from '../../process/failover/journal.ts';
import { readNode } from '../../process/failover/reader.ts';
import { Remote } from '../../process/failover/remote.ts';
import { workOn } from '../../process/failover/work.ts';
import { Writer } from '../../process/failover/writer.ts';
import { Client } from '../support/client.ts';
import { java5 } from '../support/flavours.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/locations.ts';
import { eventually } from '../support/waiting.ts';
import { missingOf, type Seen, Traffic, textOf } from './traffic.ts';

const limitMs = 240_000;
const patienceMs = 60_000;
const queues = 4;
const fastPollMs = 1000;
/** A controller that has just started calls nobody dead before. */
const settleMs = 10_000;
/** Longer than the client takes to look for routes by itself. */
const stockPollMs = 30_000;
const definitions = 12;
/** Far more than it takes on a busy machine; less than until the next heartbeat of a consumer. */
const longPauseMs = 15_000;

let folder: TemporaryFolder;
let group: Group;
let client: Client;
let fast: Traffic;
let stock: Traffic;
const journal = new Journal();

before(
  async () => {
    folder = await temporaryFolder('interop-failover');
    group = await startHoldfastGroup();
    const startedAt = performance.now();
    const flavour = await java5.build(folder.path);
    const master = await group.untilComplete();
    const nameServer = group.nodes.find(({ kind }) => kind === 'nameserver')?.address ?? '';
    client = new Client({ flavour, nameServer, patienceMs });
    await at(master, async (writer) => {
      for (const topic of ['fast', 'stock']) {
        assert(await writer.defineTopic(topic, { queues, perm: 6, messageType: '' }));
      }
    });
    journal.forget('topics', () => true); // Of those that the Java clients use, below.
    fast = await Traffic.start(client, { topic: 'fast', pollMs: fastPollMs });
    stock = await Traffic.start(client, { topic: 'stock' });
    const leftMs = settleMs - (performance.now() - startedAt);
    await new Promise((resolve) => setTimeout(resolve, leftMs));
  },
  { timeout: limitMs },
);
after(async () => {
  await Promise.all([fast?.end(), stock?.end()]);
  await client?.[Symbol.asyncDispose]();
  await group?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

async function at<T>({ address }: GroupNode, act: (writer: Writer) => Promise<T>): Promise<T> {
  using remote = new Remote(address);
  return await act(new Writer(remote, journal));
}

const say = (name: string, seen: Seen): string =>
  `${name}: ${seen.acknowledged} messages, pauses of the producer ${seen.longestSendPauseMs} ms, ` +
  `of the consumer ${seen.longestReceivePauseMs} ms, ${seen.errors.length} errors`;

async function compareDefinitions(node: GroupNode): Promise<void> {
  using remote = new Remote(node.address);
  assert.deepEqual(compare(journal, await readNode(remote, journal, 'master')), []);
}

test('a planned switch-over: no error comes to the application, whether its routes are a second or 30 seconds old', {
  timeout: limitMs,
}, async (t) => {
  const master = await group.untilComplete();
  const next = group.other(master);
  await at(master, (writer) => workOn(writer, 'failover-planned-', definitions));
  await Promise.all([fast.untilFlows(), stock.untilFlows()]);
  const began = Date.now();
  const said = await group.operate(
    'ha',
    'switchover',
    'broker-a',
    '--to',
    next.address,
    '-o',
    'json',
  );
  t.diagnostic(`writes were stopped ${(JSON.parse(said) as { stoppedMs: number }).stoppedMs} ms`);
  // So that a route that is refreshed only now and then is refreshed once, and was old before.
  await new Promise((resolve) => setTimeout(resolve, stockPollMs + 2000));
  await Promise.all([fast.untilFlows(), stock.untilFlows()]);
  const seen = { fast: fast.seenSince(began), stock: stock.seenSince(began) };
  t.diagnostic(say('poll of 1 s', seen.fast));
  t.diagnostic(say('poll of 30 s', seen.stock));
  assert.equal((await group.untilComplete()).name, next.name);
  assert.equal(await clusterMaster(group), next.address);
  for (const { longestSendPauseMs, longestReceivePauseMs } of [seen.fast, seen.stock]) {
    assert(Math.max(longestSendPauseMs, longestReceivePauseMs) < longPauseMs);
  }
  assert.deepEqual(seen.fast.errors, []);
  assert.deepEqual(seen.stock.errors, []);
  await compareDefinitions(next);
});

test('kill -9 of the master: nothing acknowledged is lost, and producer and consumer go on by themselves', {
  timeout: limitMs,
}, async (t) => {
  const master = await group.untilComplete();
  const next = group.other(master);
  await at(master, (writer) => workOn(writer, 'failover-killed-', definitions));
  await Promise.all([fast.untilFlows(), stock.untilFlows()]);
  const began = Date.now();
  await group.kill(master);
  await fast.untilFlows();
  const seen = fast.seenSince(began);
  t.diagnostic(say('poll of 1 s', seen));
  assert(Math.max(seen.longestSendPauseMs, seen.longestReceivePauseMs) < longPauseMs);
  await stock.untilFlows();
  t.diagnostic(say('poll of 30 s', stock.seenSince(began)));
  assert.equal(await clusterMaster(group), next.address);
  await compareDefinitions(next);
  await group.start(master);
  await group.untilComplete();
  for (const traffic of [fast, stock]) await compareTraffic(traffic, t.diagnostic.bind(t));
});

/** All that was acknowledged came, and the committed offsets get to the ends of the queues. */
async function compareTraffic(traffic: Traffic, say: (text: string) => void): Promise<void> {
  await traffic.end();
  const outcome = () => missingOf(traffic.acknowledged, traffic.received);
  const describe = (): string => `all of ${traffic.topic}: ${outcome().lost.length} did not come`;
  await eventually(patienceMs, describe, () => outcome().lost.length === 0 || undefined);
  const { moved, again } = outcome();
  say(`${traffic.topic}: acknowledged ${traffic.acknowledged.length}, lost 0, twice ${again}`);
  assert.deepEqual(moved, []);
  await traffic.stopConsumer();
  const master = await group.untilComplete();
  for (let queueId = 0; queueId < queues; queueId += 1) {
    const [end, committed] = await places(master, traffic, queueId);
    assert.equal(
      committed,
      end,
      `offset of ${traffic.topic} ${queueId} after the consumer stopped`,
    );
  }
}

async function places(
  node: GroupNode,
  { topic, group: consumerGroup }: Traffic,
  queueId: number,
): Promise<readonly [end: number, committed: number]> {
  using remote = new Remote(node.address);
  const ask = async (code: number, fields: Readonly<Record<string, string | number>>) => {
    const { header } = await remote.request(code, fields);
    assert.equal(header.code, success, header.remark);
    return Number(header.extFields?.['offset']);
  };
  return [
    await ask(codes.maxOffset, { topic, queueId }),
    await ask(codes.queryConsumerOffset, { consumerGroup, topic, queueId }),
  ];
}

test('the comparison sees messages that never came: an operator moves the offset past five of them', {
  timeout: limitMs,
}, async () => {
  const producer = await client.startProducer('skipping');
  const send = (name: string, count: number) =>
    producer.send(
      'sync',
      Array.from({ length: count }, (_, index) => ({
        topic: 'fast',
        body: Buffer.from(`${name} ${index}`),
      })),
    );
  const skipped = await send('skipped', 5);
  await group.operate('offset', 'reset', 'fast-group', 'fast', '--to', 'last', '--yes');
  const later = await send('later', 8);
  const consumer = await client.startConsumer({ group: 'fast-group', topic: 'fast' });
  await consumer.untilReceived(later.length);
  const { lost } = missingOf(
    [...skipped, ...later].map((sent) => ({ ...sent, body: textOf(sent) })),
    consumer.received,
  );
  assert.deepEqual(
    lost,
    skipped.map((sent) => textOf(sent)),
  );
});
