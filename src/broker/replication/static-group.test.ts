import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { TestGroup } from './test-group.ts';

test('a slave follows its master, joins the set, and holds the same metadata', async () => {
  const group = new TestGroup();
  const [one, two] = group.staticPair();
  await one.start();
  assert.equal((await one.client.createTopic('before', 4)).code, 'SUCCESS');
  await two.start();
  await group.runFor(2000);
  const status = await one.status();
  assert.deepEqual(status.syncStateSet, [0, 1]);
  assert.equal((await one.client.createTopic('after', 4)).code, 'SUCCESS');
  assert.equal((await one.client.createGroup('g')).code, 'SUCCESS');
  await group.runFor(500);
  assert(await two.client.hasTopic('before'));
  assert(await two.client.hasTopic('after'));
  const [leader, follower] = [await one.status(), await two.status()];
  assert.equal(follower.sequence, leader.sequence);
  assert.equal(follower.digest, leader.digest);
  assert.equal(follower.end, leader.end);
  assert.equal(two.role, 'slave');
});

test('a message is acknowledged when the slave has written it, and read from the master', async () => {
  const group = new TestGroup();
  const [one, two] = group.staticPair();
  await one.start();
  await two.start();
  await group.runFor(2000);
  await one.client.createTopic('t', 1);
  const sent = await one.client.send('t', 'hello');
  assert.equal(sent.code, 'SUCCESS');
  const status = await two.status();
  assert(status.end >= (await one.status()).commitPoint);
  const pulled = await one.client.pull({ topic: 't', group: 'g', offset: 0 });
  assert.deepEqual(pulled.bodies, ['hello']);
});

test('a slave changes nothing and says where the master is', async () => {
  const group = new TestGroup();
  const [one, two] = group.staticPair();
  await one.start();
  await two.start();
  await group.runFor(1000);
  const answer = await two.client.createTopic('t', 1);
  assert.equal(answer.code, 'SYSTEM_ERROR');
  assert.match(answer.remark ?? '', /replica/);
});

test('without its slave the master goes on after 3 s, and says so', async () => {
  const group = new TestGroup();
  const [one, two] = group.staticPair();
  await one.start();
  await two.start();
  await group.runFor(2000);
  two.crash({ powerLoss: false });
  const creating = one.client.createTopic('alone', 1);
  assert.notEqual((await creating).code, undefined);
  await group.runFor(4000);
  assert.deepEqual((await one.status()).syncStateSet, [0]);
  assert.equal((await one.client.createTopic('later', 1)).code, 'SUCCESS');
  await two.start();
  await group.runFor(3000);
  assert.deepEqual((await one.status()).syncStateSet, [0, 1]);
  assert(await two.client.hasTopic('later'));
});

test('both may die and come back in any order: all is there', async () => {
  for (const powerLoss of [false, true]) {
    const group = new TestGroup(`both ${powerLoss}`);
    const [one, two] = group.staticPair();
    await one.start();
    await two.start();
    await group.runFor(2000);
    for (let i = 0; i < 10; i++) {
      assert.equal((await one.client.createTopic(`t${i}`, 1)).code, 'SUCCESS');
    }
    one.crash({ powerLoss });
    two.crash({ powerLoss });
    await two.start();
    await group.runFor(500);
    await one.start();
    await group.runFor(3000);
    for (let i = 0; i < 10; i++) {
      assert(await one.client.hasTopic(`t${i}`));
      assert(await two.client.hasTopic(`t${i}`));
    }
    assert.deepEqual((await one.status()).syncStateSet, [0, 1]);
  }
});

test('a slave whose disk is full takes nothing, is put out of the set, and comes back when there is room', async () => {
  const group = new TestGroup();
  const [one, two] = group.staticPair({ flushIntervalMs: 100 });
  await one.start();
  await two.start();
  await group.runFor(2000);
  await one.client.createTopic('t', 1);
  two.node.drive.setFreeBytes(0);
  const large = 'x'.repeat(30_000);
  const answers = [];
  for (let i = 0; i < 5; i++) {
    answers.push((await one.client.send('t', large)).code);
    await group.runFor(1000);
  }
  await group.runFor(20_000);
  assert.deepEqual((await one.status()).syncStateSet, [0]);
  assert.equal((await one.client.send('t', large)).code, 'SUCCESS');
  two.node.drive.setFreeBytes(1_000_000_000);
  await group.runFor(15_000);
  const [leader, follower] = [await one.status(), await two.status()];
  assert.deepEqual(leader.syncStateSet, [0, 1], answers.join());
  assert.equal(follower.end, leader.end);
  assert.equal(follower.damage, undefined);
  assert.equal(two.failed, undefined);
});
