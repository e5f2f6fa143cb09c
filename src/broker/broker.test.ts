import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { type Disk, Failure, isFailure } from '../base/index.ts';
import { RequestCode, ResponseCode } from '../wire/index.ts';
import {
  answered,
  commitRequest,
  createTopic,
  heartbeatRequest,
  sendRequest,
  TestBroker,
} from './test-broker.ts';

const nameServers = [{ host: 'names', port: 9876 }];

/** A name server that takes connections and never answers. */
async function hungNameServer(broker: TestBroker): Promise<void> {
  const { network } = broker.world.node('names');
  const at = { host: '0.0.0.0', port: 9876 };
  await broker.complete(network.listen(at, () => ({ data() {}, drained() {}, closed() {} })));
}

/** A disk whose fsyncs of files in `folder` take so long. */
function slowSyncs(
  broker: TestBroker,
  folder: string,
  delayMs: () => number,
): (disk: Disk) => Disk {
  return (disk) => ({
    ...bound(disk),
    async open(path, mode) {
      const file = await disk.open(path, mode);
      if (!path.includes(folder)) return file;
      return new Proxy(file, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target);
          if (name === 'sync') {
            return async () => {
              await broker.node.clock.sleep(delayMs());
              await target.sync();
            };
          }
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    },
  });
}

function bound(disk: Disk): Disk {
  const methods = [
    'open',
    'makeFolder',
    'list',
    'rename',
    'remove',
    'syncFolder',
    'usage',
  ] as const;
  return Object.fromEntries(
    methods.map((name) => [name, disk[name].bind(disk)]),
  ) as unknown as Disk;
}

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  try {
    await promise;
  } catch (error) {
    assert(error instanceof Failure, String(error));
    return error;
  }
  return assert.fail('it did not fail');
}

test('what a client asked for is there after a stop and a start', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  await client.createTopic('t', 2);
  await client.createGroup('g');
  await client.send('t', 'a', { queueId: 1 });
  await client.commit('g', 't', 1, 1);
  await broker.stop();
  await broker.start();
  assert.equal(await client.hasTopic('t'), true);
  assert.equal(await client.committed('g', 't', 1), 1);
  assert.deepEqual((await client.pull({ queueId: 1 })).bodies, ['a']);
  assert.equal((await client.send('t', 'b', { queueId: 1 })).offset, 1);
});

test('while it starts, heartbeats and pulls are kept and everything else is refused', async () => {
  const broker = new TestBroker();
  const started = broker.starting();
  await broker.world.run({ forMs: 0.5 });
  const client = broker.client();
  const heartbeat = client.asking(heartbeatRequest('c', { producers: ['p'] }));
  const malformed = client.asking({ code: RequestCode.HEART_BEAT, body: Buffer.from('{') });
  const pull = client.pulling();
  const refused = Promise.all([
    client.asking(sendRequest('t', 'a')),
    client.asking(createTopic('t')),
    client.asking(commitRequest('g', 't', 0, 0)),
  ]);
  const codes = (await broker.complete(refused)).map((response) => answered(response).code);
  assert.deepEqual(codes, ['SERVICE_NOT_AVAILABLE', 'SYSTEM_ERROR', 'SYSTEM_ERROR']);
  await broker.complete(started);
  assert.equal((await broker.complete(heartbeat)).code, ResponseCode.SUCCESS);
  assert.equal((await broker.complete(malformed)).code, ResponseCode.SYSTEM_ERROR);
  assert.equal((await broker.complete(pull)).code, 'TOPIC_NOT_EXIST');
});

test('a port in use is said so, and nothing is left open', async () => {
  const broker = new TestBroker();
  const { network } = broker.node;
  const at = { host: '0.0.0.0', port: broker.options.listenPort };
  const other = await broker.complete(
    network.listen(at, () => ({ data() {}, drained() {}, closed() {} })),
  );
  const failure = await broker.complete(failureOf(broker.starting()));
  assert.deepEqual([failure.kind, failure.reason], ['unavailable', 'addressInUse']);
  await broker.complete(other.close());
  await broker.start();
});

test('a store that another broker has open is left alone', async () => {
  const broker = await TestBroker.start();
  const { clock, disk, keyValueStores, network, random, logger, bootId } = broker.node;
  const { Broker } = await import('./broker.ts');
  const second = Broker.start(
    { ...broker.options, listenPort: 10921 },
    { clock, disk, keyValueStores, network, random, logger, bootId },
  );
  const failure = await broker.complete(failureOf(second));
  assert.deepEqual([failure.kind, failure.reason], ['unavailable', 'locked']);
  assert.equal((await broker.client().createTopic('t')).code, 'SUCCESS');
});

test('a start that fails lets go of the store, so that the next one can open it', async () => {
  const broker = new TestBroker();
  broker.node.drive.failSyncs((path) => path.endsWith('/group') || path.includes('group.'));
  await broker.complete(failureOf(broker.starting()));
  broker.node.drive.failSyncs(undefined);
  await broker.start();
  assert.equal((await broker.client().createTopic('t')).code, 'SUCCESS');
});

test('a start waits for the next segment when the last one is full', async () => {
  const broker = await TestBroker.start({ segmentBytes: 64 * 1024 });
  const client = broker.client();
  await client.createTopic('t');
  const positionOf = async (bodyBytes: number): Promise<number> => {
    const { id } = await client.send('t', new Uint8Array(bodyBytes));
    return Number.parseInt(id.slice(16), 16);
  };
  const first = await positionOf(1000);
  let end = 2 * (await positionOf(1000)) - first;
  const size = (end - first) / 2;
  while (end + 2 * size < 64 * 1024) end = (await positionOf(1000)) + size;
  await positionOf(1000 + (64 * 1024 - end) - size - 8);
  broker.node.crash({ powerLoss: false });
  broker.node.restart();
  // As if the crash had come before the next segment was there; and now creating it takes its time.
  await broker.complete(broker.node.disk.remove('/store/commitlog/00000000000000065536'));
  broker.around = slowSyncs(broker, 'commitlog/00000000000000065536', () => 2000);
  await broker.start();
  assert.equal((await client.send('t', 'after')).code, 'SUCCESS');
});

test('the advertised host may be an IPv6 address or a name', async () => {
  for (const advertisedHost of ['2001:db8::7', 'broker-0.brokers.example']) {
    const broker = await TestBroker.start({ advertisedHost });
    const sent = await broker.client().send('t', 'a');
    assert.equal(sent.code, 'SUCCESS');
    assert.deepEqual((await broker.client().pull()).bodies, ['a']);
  }
});

test('it serves although a name server does not answer, and stops although that goes on', async () => {
  const broker = new TestBroker({ nameServers });
  await hungNameServer(broker);
  await broker.start();
  assert(broker.world.nowMs < 5000, `it took ${broker.world.nowMs} ms to start`);
  const client = broker.client();
  assert.equal((await client.createTopic('t')).code, 'SUCCESS');
  await broker.runFor(60_000);
  const began = broker.world.nowMs;
  await broker.stop();
  assert(broker.world.nowMs - began < 5000, `it took ${broker.world.nowMs - began} ms to stop`);
});

test('it starts and serves without its name server', async () => {
  const broker = await TestBroker.start({ nameServers });
  assert.equal((await broker.client().createTopic('t')).code, 'SUCCESS');
  await broker.stop();
});

test('a stop answers a thousand waiting pulls although the disk is full, and a second one is safe', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  await client.createTopic('t');
  const waiting = Array.from({ length: 1000 }, () =>
    broker.client('consumer').pulling({ suspendMs: 20_000 }),
  );
  await broker.runFor(50);
  broker.node.drive.setFreeBytes(0);
  await client.oneway(commitRequest('g', 't', 0, 0));
  const stopped = Promise.all([broker.stopping(), broker.stopping()]);
  const codes = new Set((await broker.complete(Promise.all(waiting))).map(({ code }) => code));
  assert.deepEqual([...codes], ['PULL_NOT_FOUND']);
  await broker.complete(stopped);
  await broker.stop();
  broker.node.drive.setFreeBytes(2 ** 30);
  await broker.start();
  assert.equal(await broker.client().hasTopic('t'), true);
});

test('a stop answers what waits for an fsync', async () => {
  const broker = new TestBroker({ flushDiskType: 'SYNC_FLUSH' });
  let delayMs = 0;
  broker.around = slowSyncs(broker, 'commitlog/', () => delayMs);
  await broker.start();
  const client = broker.client();
  await client.createTopic('t');
  delayMs = 1000;
  const sent = client.sending('t', 'a');
  await broker.runFor(20);
  const stopped = broker.stopping();
  assert.equal((await broker.complete(sent)).code, ResponseCode.SUCCESS);
  await broker.complete(stopped);
});

test('an fsync that takes long is told as such, and does not hold up those who do not wait for it', async () => {
  const broker = new TestBroker({ flushDiskType: 'SYNC_FLUSH' });
  let delayMs = 0;
  broker.around = slowSyncs(broker, 'commitlog/', () => delayMs);
  await broker.start();
  const client = broker.client();
  await client.createTopic('t');
  delayMs = 10_000;
  const began = broker.world.nowMs;
  const synced = client.sending('t', 'a');
  const defined = client.asking(createTopic('u'));
  const written = await client.send('t', 'b', { properties: { WAIT: 'false' } });
  assert.deepEqual([written.code, written.offset], ['SUCCESS', 1]);
  assert(broker.world.nowMs - began < 100, 'the message that does not wait');
  const definition = await broker.complete(defined);
  assert.equal(definition.code, ResponseCode.SYSTEM_ERROR);
  assert.match(definition.remark ?? '', /outcome unknown/);
  assert.equal((await broker.complete(synced)).code, ResponseCode.FLUSH_DISK_TIMEOUT);
  await broker.runFor(30_000);
  assert.equal(await client.hasTopic('u'), true, 'it did happen');
  assert.deepEqual((await client.pull()).bodies, ['a', 'b']);
});

test('the first send to a new topic waits for an fsync only so long, and holds up no definition', async () => {
  const broker = new TestBroker();
  let delayMs = 0;
  broker.around = slowSyncs(broker, 'commitlog/', () => delayMs);
  await broker.start();
  const client = broker.client();
  delayMs = 30_000;
  const began = broker.world.nowMs;
  const sent = client.sending('fresh', 'x');
  const defined = client.asking(createTopic('u'));
  assert.equal((await broker.complete(sent)).code, ResponseCode.SUCCESS);
  assert.match((await broker.complete(defined)).remark ?? '', /outcome unknown/);
  assert(broker.world.nowMs - began < 4000, `${broker.world.nowMs - began} ms`);
});

test('a failed fsync ends it: everybody is told, and nothing is acknowledged any more', async () => {
  const broker = await TestBroker.start({ flushDiskType: 'SYNC_FLUSH' });
  const client = broker.client();
  await client.createTopic('t');
  broker.node.drive.failSyncs((path) => path.includes('commitlog/'));
  const sent = await client.send('t', 'a');
  assert.equal(sent.code, 'SERVICE_NOT_AVAILABLE');
  assert.match(sent.remark ?? '', /outcome unknown/);
  assert(broker.failed !== undefined && isFailure(broker.failed, 'corrupt'));
  broker.node.drive.failSyncs(undefined);
  assert.equal((await client.send('t', 'b')).code, 'SERVICE_NOT_AVAILABLE');
  assert.equal((await client.createTopic('u')).code, 'SYSTEM_ERROR');
  await broker.stop();
});

test('a full disk refuses messages with 14 and definitions with 1, and recovers without a restart', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  await client.createTopic('t');
  await client.createGroup('g');
  await client.send('t', 'a');
  broker.node.drive.setFreeBytes(0);
  assert.equal((await client.send('t', 'b'.repeat(8000))).code, 'SERVICE_NOT_AVAILABLE');
  let count = 0;
  while (count < 40 && (await client.createTopic(`fits${count}`)).code === 'SUCCESS') count++;
  assert.equal((await client.createTopic('u')).code, 'SYSTEM_ERROR');
  await broker.runFor(20_000); // The watermark is passed, too.
  assert.equal((await client.send('t', 'c')).code, 'SERVICE_NOT_AVAILABLE');
  assert.equal((await client.createTopic('u')).code, 'SYSTEM_ERROR');
  assert.equal((await client.deleteTopic('t')).code, 'SYSTEM_ERROR');
  assert.deepEqual((await client.pull()).bodies, ['a']);
  assert.equal((await client.heartbeat({ consumers: { g: ['t'] } })).code, 'SUCCESS');
  broker.node.drive.setFreeBytes(2 ** 30);
  await broker.runFor(20_000);
  const sent = await client.send('t', 'd');
  assert.deepEqual([sent.code, sent.offset], ['SUCCESS', 1]);
  assert.equal((await client.createTopic('u')).code, 'SUCCESS');
  assert.deepEqual((await client.pull()).bodies, ['a', 'd']);
});

test('databases that fail for a while cost no message, no definition and no offset', async () => {
  const broker = await TestBroker.start({
    metadataFlushIntervalMs: 500,
    cleanIntervalMs: 200,
    maxStoreBytes: 64 * 1024,
  });
  const client = broker.client();
  await client.createTopic('t');
  await client.createGroup('g');
  await client.send('t', 'before');
  await broker.runFor(2000);
  broker.databasesFail = true;
  const sent: string[] = ['before'];
  for (let count = 0; count < 40; count++) {
    const body = `${count} ${'x'.repeat(5000)}`;
    assert.equal((await client.send('t', body)).code, 'SUCCESS');
    sent.push(body);
    await broker.runFor(100);
  }
  assert.equal((await client.createTopic('u')).code, 'SUCCESS');
  assert.equal((await client.commit('g', 't', 0, 7)).code, 'SUCCESS');
  assert.equal(await client.minOffset('t'), 0, 'nothing that a database lacks is deleted');
  await assert.rejects(broker.crash({ powerLoss: false }), /input\/output error/);
  broker.databasesFail = false;
  await broker.start();
  const bodies: string[] = [];
  for (let offset = 0; offset < sent.length; ) {
    const pulled = await client.pull({ offset });
    bodies.push(...pulled.bodies);
    offset = pulled.next;
  }
  assert.deepEqual(bodies, sent);
  assert.equal(await client.hasTopic('u'), true);
  assert.equal(await client.committed('g', 't'), 7);
  await broker.runFor(5000);
  assert(Number(await client.minOffset('t')) > 0, 'and then it goes');
});
