import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { encodeCommand, PullMessageResponse } from '../../wire/index.ts';
import { pullRequest, sendRequest, TestBroker } from '../test-broker.ts';

/** A broker with the topic `t` of one queue, and the bodies sent to it. */
async function brokerWith(...bodies: readonly string[]): Promise<TestBroker> {
  const broker = await TestBroker.start();
  await broker.client().createTopic('t');
  for (const body of bodies) await broker.client().send('t', body);
  return broker;
}

test('messages are given from any offset, up to the number that was asked for', async () => {
  const client = (await brokerWith('a', 'b', 'c')).client();
  const all = await client.pull({ offset: 0 });
  assert.deepEqual(all, {
    code: 'SUCCESS',
    remark: 'FOUND',
    next: 3,
    min: 0,
    max: 3,
    bodies: ['a', 'b', 'c'],
  });
  assert.deepEqual((await client.pull({ offset: 1, count: 1 })).bodies, ['b']);
  for (const count of [0, -1]) assert.deepEqual((await client.pull({ count })).bodies, ['a']);
  assert.equal((await client.pull({ count: 2 ** 31 - 1 })).bodies.length, 3);
});

test('offsets where nothing is are answered with where to go on', async () => {
  const broker = await brokerWith('a', 'b');
  const client = broker.client();
  await client.createTopic('empty');
  const check = async (
    topic: string,
    offset: number,
    code: string,
    remark: string,
    next: number,
  ) => {
    const { bodies, max, min, ...answer } = await client.pull({ topic, offset });
    assert.deepEqual(answer, { code, remark, next });
    assert.deepEqual(bodies, []);
  };
  await check('empty', 0, 'PULL_NOT_FOUND', 'NO_MESSAGE_IN_QUEUE', 0);
  await check('empty', 7, 'PULL_OFFSET_MOVED', 'OFFSET_OVERFLOW_BADLY', 0);
  await check('t', 2, 'PULL_NOT_FOUND', 'OFFSET_OVERFLOW_ONE', 2);
  await check('t', 3, 'PULL_OFFSET_MOVED', 'OFFSET_OVERFLOW_BADLY', 2);
  await check('t', Number.MAX_SAFE_INTEGER, 'PULL_OFFSET_MOVED', 'OFFSET_OVERFLOW_BADLY', 2);
  await check('t', -1, 'PULL_OFFSET_MOVED', 'OFFSET_TOO_SMALL', 0);
});

test('a group that may not broadcast is refused while it does', async () => {
  const client = (await brokerWith('a')).client();
  await client.createGroup('g', { consumeBroadcastEnable: false, groupSysFlag: 3 });
  await client.heartbeat({ consumers: { g: ['t'] }, messageModel: 'BROADCASTING' });
  assert.equal((await client.pull({ tags: undefined })).code, 'NO_PERMISSION');
  await client.heartbeat({ consumers: { g: ['t'] }, messageModel: 'CLUSTERING' });
  assert.equal((await client.pull({ tags: undefined })).code, 'SUCCESS');
  const { groupSysFlag } = PullMessageResponse.decode(await client.ask(pullRequest()));
  assert.equal(groupSysFlag, 3);
});

test('pulls that are not allowed or make no sense are refused as the Java broker does', async () => {
  const broker = await brokerWith('a');
  const client = broker.client();
  await client.createGroup('disabled', { consumeEnable: false });
  await client.createTopic('writeOnly', 1, { perm: 2 });
  const code = async (options: Parameters<typeof client.pull>[0]): Promise<string> =>
    (await client.pull(options)).code;
  assert.equal(await code({ group: 'no such/name' }), 'SUBSCRIPTION_GROUP_NOT_EXIST');
  assert.equal(await code({ group: '' }), 'SUBSCRIPTION_GROUP_NOT_EXIST');
  assert.equal(await code({ group: 'disabled' }), 'NO_PERMISSION');
  assert.equal(await code({ topic: 'unknown' }), 'TOPIC_NOT_EXIST');
  assert.equal(await code({ topic: 'writeOnly' }), 'NO_PERMISSION');
  assert.equal(await code({ queueId: 1 }), 'INVALID_PARAMETER');
  assert.equal(await code({ queueId: -1 }), 'INVALID_PARAMETER');
  assert.equal(await code({ expressionType: 'SQL92', tags: 'a > 1' }), 'SYSTEM_ERROR');
  assert.equal(await code({ tags: undefined }), 'SUBSCRIPTION_NOT_EXIST');
  await client.heartbeat({ consumers: { g: ['t'] }, subVersion: 5 });
  assert.equal(await code({ tags: undefined, subVersion: 6 }), 'SUBSCRIPTION_NOT_LATEST');
  assert.equal(await code({ tags: undefined, subVersion: 5 }), 'SUCCESS');
});

test('the log of definitions cannot be pulled', async () => {
  const client = (await brokerWith()).client();
  for (const topic of ['rmq_sys_metadata', 'rmq_sys_epoch']) {
    assert.notEqual((await client.pull({ topic })).code, 'SUCCESS');
  }
});

test('tags are filtered, and the offset goes on behind what was dropped', async () => {
  const broker = await brokerWith();
  const client = broker.client();
  for (const TAGS of ['a', '标签', 'a', 'b']) {
    await client.send('t', TAGS, { properties: { TAGS } });
  }
  await client.send('t', 'none');
  const check = async (tags: string, bodies: readonly string[], next: number) => {
    const answer = await client.pull({ tags });
    assert.deepEqual([answer.bodies, answer.next], [bodies, next]);
  };
  await check('a', ['a', 'a'], 5);
  await check(' b || 标签', ['标签', 'b'], 5);
  await check('*', ['a', '标签', 'a', 'b', 'none'], 5);
  const { code, remark, next } = await client.pull({ tags: 'c' });
  assert.deepEqual(
    { code, remark, next },
    {
      code: 'PULL_RETRY_IMMEDIATELY',
      remark: 'NO_MATCHED_MESSAGE',
      next: 5,
    },
  );
});

test('a pull at the end of a queue waits for the next message', async () => {
  const broker = await brokerWith('a');
  const consumer = broker.client('consumer');
  const waiting = consumer.pulling({ offset: 1, suspendMs: 20_000 });
  await broker.runFor(5000);
  const began = broker.world.nowMs;
  await broker.client().send('t', 'b');
  assert.deepEqual((await broker.complete(waiting)).bodies, ['b']);
  assert(broker.world.nowMs - began < 100, 'it is answered at once');
});

test('a pull that comes in the turn of a send, behind it, is answered with its message', async () => {
  const broker = await brokerWith('a');
  const client = broker.client();
  // One connection and one turn: the send is appended and not committed when the pull is looked at.
  const sent = client.asking(sendRequest('t', 'b'));
  const waiting = client.pulling({ offset: 1, suspendMs: 20_000 });
  await broker.complete(sent);
  const began = broker.world.nowMs;
  assert.deepEqual((await broker.complete(waiting)).bodies, ['b']);
  assert(broker.world.nowMs - began < 100, 'it is answered at once');
});

test('a pull that finds nothing in time is told so, as soon as it asked for', async () => {
  const broker = await brokerWith('a');
  const began = broker.world.nowMs;
  const { code, next } = await broker.client().pull({ offset: 1, suspendMs: 3000 });
  assert.deepEqual({ code, next }, { code: 'PULL_NOT_FOUND', next: 1 });
  const took = broker.world.nowMs - began;
  assert(took >= 3000 && took < 3500, `it took ${took} ms`);
});

test('a waiting pull sleeps on while messages come that its filter drops', async () => {
  const broker = await brokerWith('a');
  const consumer = broker.client('consumer');
  const producer = broker.client();
  const waiting = consumer.pulling({ offset: 1, tags: 'wanted', suspendMs: 20_000 });
  let answers = 0;
  void waiting.then(() => answers++);
  await broker.runFor(50);
  for (let count = 0; count < 5; count++) {
    await producer.send('t', 'x', { properties: { TAGS: 'other' } });
    await broker.runFor(100);
  }
  assert.equal(answers, 0, 'nothing that it wants came');
  await producer.send('t', 'y', { properties: { TAGS: 'wanted' } });
  const answer = await broker.complete(waiting);
  assert.deepEqual([answer.bodies, answer.next], [['y'], 7]);
});

test('a waiting pull whose filter dropped everything learns how far it came', async () => {
  const broker = await brokerWith('a');
  const waiting = broker.client('consumer').pulling({ offset: 1, tags: 'wanted', suspendMs: 3000 });
  await broker.runFor(100);
  await broker.client().send('t', 'x', { properties: { TAGS: 'other' } });
  const { code, next } = await broker.complete(waiting);
  assert.deepEqual({ code, next }, { code: 'PULL_NOT_FOUND', next: 2 });
});

test('many waiting pulls of one queue are answered by one message', async () => {
  const broker = await brokerWith('a');
  const waiting = Array.from({ length: 1000 }, () =>
    broker.client('consumer').pulling({ offset: 1, suspendMs: 20_000 }),
  );
  await broker.runFor(50);
  await broker.client().send('t', 'b');
  const answers = await broker.complete(Promise.all(waiting));
  assert(answers.every(({ bodies }) => bodies.length === 1));
});

test('a waiting pull of a topic that is deleted is answered', async () => {
  const broker = await brokerWith('a');
  const waiting = broker.client('consumer').pulling({ offset: 1, suspendMs: 20_000 });
  await broker.runFor(50);
  await broker.client().deleteTopic('t');
  assert.equal((await broker.complete(waiting)).code, 'PULL_NOT_FOUND');
});

test('a topic that is deleted and created again begins at offset 0, without old messages', async () => {
  const broker = await brokerWith('old', 'old');
  const client = broker.client();
  const waiting = broker.client('consumer').pulling({ offset: 2, suspendMs: 20_000 });
  await broker.runFor(50);
  await client.deleteTopic('t');
  await client.createTopic('t');
  assert.equal((await broker.complete(waiting)).code, 'PULL_NOT_FOUND');
  assert.equal((await client.send('t', 'new')).offset, 0);
  assert.deepEqual((await client.pull()).bodies, ['new']);
});

test('old messages are read from the files, in smaller portions', async () => {
  const broker = await brokerWith();
  const client = broker.client();
  for (let count = 0; count < 20; count++) await client.send('t', `${count}`);
  await broker.crash({ powerLoss: false });
  const bodies: string[] = [];
  for (let offset = 0; offset < 20; ) {
    const { next, bodies: portion } = await client.pull({ offset });
    assert(portion.length > 0 && portion.length <= broker.options.maxDiskPullCount);
    bodies.push(...portion);
    offset = next;
  }
  assert.deepEqual(
    bodies,
    Array.from({ length: 20 }, (_, count) => `${count}`),
  );
});

test('whoever asks for more old messages than it reads gets all of them in its time', async () => {
  const broker = await TestBroker.start({ segmentBytes: 2 ** 20, tailBytes: 2 ** 20 });
  const client = broker.client();
  await client.createTopic('t');
  const body = 'x'.repeat(30_000);
  for (let count = 0; count < 40; count++) await client.send('t', body);
  await broker.crash({ powerLoss: false });
  for (let offset = 0; offset < 16; ) offset = (await client.pull({ offset })).next;

  let received = 0;
  let isClosed = false;
  const address = { host: 'broker', port: broker.options.listenPort };
  const connection = await broker.complete(
    broker.world.node('slow').network.connect(address, { timeoutMs: 1000 }, () => ({
      data: (bytes) => {
        received += bytes.length;
      },
      drained() {},
      closed() {
        isClosed = true;
      },
    })),
  );
  connection.pauseReading();
  // Far more than may wait for a connection.
  const pulls = 500;
  for (let opaque = 0; opaque < pulls; opaque++) {
    const pull = pullRequest({ offset: opaque % 8, count: 8 });
    connection.write(encodeCommand({ ...pull, opaque, encoding: 'json' }));
  }
  await broker.runFor(2000);
  assert.equal(isClosed, false);
  connection.resumeReading();
  await broker.runFor(20_000);
  assert(received > pulls * 8 * body.length, `${received} bytes`);
  assert.equal(isClosed, false);
});

test('a topic that is deleted while its messages are read from a file does no harm', async () => {
  const broker = await brokerWith();
  const client = broker.client();
  for (let count = 0; count < 20; count++) await client.send('t', `${count}`);
  await broker.crash({ powerLoss: false });
  const reading = Array.from({ length: 50 }, () => client.pulling({ offset: 3 }));
  const deleted = client.deleteTopic('t');
  await deleted;
  await broker.complete(Promise.all(reading));
  assert.equal((await client.pull({ offset: 3 })).code, 'TOPIC_NOT_EXIST');
});

test('a message that cannot be read is an error of that pull alone', async () => {
  const broker = await brokerWith('a', 'b');
  await broker.crash({ powerLoss: false });
  broker.node.drive.failReads((path) => path.includes('commitlog'));
  const client = broker.client();
  assert.equal((await client.pull()).code, 'SYSTEM_ERROR');
  broker.node.drive.failReads(undefined);
  assert.deepEqual((await client.pull()).bodies, ['a', 'b']);
});

test('a consumer far behind, whose messages expire while it reads, comes through to the end', async () => {
  for (let seed = 0; seed < 4; seed++) {
    const broker = await TestBroker.start(
      {
        maxStoreBytes: 2 * 64 * 1024,
        cleanIntervalMs: 100,
        tailBytes: 2 ** 17,
        segmentBytes: 65_536,
      },
      seed,
    );
    const producer = broker.client('producer');
    const consumer = broker.client('consumer');
    await producer.createTopic('t');
    let isDone = false;
    const produced = (async () => {
      for (let count = 0; count < 150; count++) {
        await producer.sending('t', `${count} ${'x'.repeat(4000)}`);
        await broker.node.clock.sleep(5);
      }
      isDone = true;
    })();
    const seen: number[] = [];
    const consumed = (async () => {
      for (let offset = 0; ; ) {
        const { code, next, bodies, max } = await consumer.pulling({ offset });
        const isRemoved = code === 'PULL_RETRY_IMMEDIATELY'; // In the very moment of the pull.
        assert(
          isRemoved || ['SUCCESS', 'PULL_OFFSET_MOVED', 'PULL_NOT_FOUND'].includes(code),
          code,
        );
        const goesOn = next > offset || next >= max || (isRemoved && next === offset);
        assert(goesOn, `offset ${offset} leads to ${next} of ${max}`);
        for (const body of bodies) seen.push(Number.parseInt(body, 10));
        offset = next;
        if (isDone && next >= max) return;
        await broker.node.clock.sleep(300);
      }
    })();
    await broker.complete(Promise.all([produced, consumed]));
    assert.equal(seen.at(-1), 149);
    assert.deepEqual(
      seen,
      [...new Set(seen)].sort((a, b) => a - b),
    );
    assert(seen.length < 150, 'some expired');
  }
});
