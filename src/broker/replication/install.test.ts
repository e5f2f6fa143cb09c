import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { RemotingServer } from '../../remoting/index.ts';
import { isInstalling } from '../../views/index.ts';
import {
  RegisterBroker,
  RegisterBrokerResponse,
  RequestCode,
  ResponseCode,
} from '../../wire/index.ts';
import { TestGroup, type TestReplica } from './test-group.ts';

const small = { maxStoreBytes: 128 * 1024, cleanIntervalMs: 200, flushIntervalMs: 100 };

/** A master whose log has lost its first segments, with topics from below and above. */
async function livedIn(
  seed: number | string = 1,
): Promise<readonly [TestGroup, TestReplica, TestReplica]> {
  const group = new TestGroup(seed);
  const [one, two] = group.staticPair(small);
  await liveIn(group, one);
  return [group, one, two];
}

async function liveIn(group: TestGroup, one: TestReplica): Promise<void> {
  await one.start();
  for (let i = 0; i < 20; i++) await one.client.createTopic(`t${i}`, 1);
  await one.client.send('t0', 'first');
  for (let i = 0; i < 20; i++) await one.client.send('t1', 'x'.repeat(20_000));
  await group.runFor(2000);
  await one.client.createTopic('last', 1);
  assert((await one.status()).begin > 0, 'segments went');
}

async function checkJoined(group: TestGroup, one: TestReplica, two: TestReplica): Promise<void> {
  assert.equal((await one.client.createTopic('after', 1)).code, 'SUCCESS');
  await group.runFor(1000);
  const [leader, follower] = [await one.status(), await two.status()];
  assert.deepEqual(leader.syncStateSet, [0, 1]);
  assert.equal(follower.sequence, leader.sequence);
  assert.equal(follower.digest, leader.digest);
  assert.equal(follower.end, leader.end);
  assert.equal(follower.applied, leader.applied);
  for (const topic of ['t0', 't19', 'last', 'after']) assert(await two.client.hasTopic(topic));
}

test('an empty slave installs what its master retains, follows, and joins the set', async () => {
  const [group, one, two] = await livedIn();
  await two.start();
  await group.runFor(5000);
  await checkJoined(group, one, two);
});

test('a slave that lost its store installs it anew, and does not count before it has all', async () => {
  const [group, one, two] = await livedIn();
  await two.start();
  await group.runFor(5000);
  await checkJoined(group, one, two);
  two.crash({ powerLoss: true });
  await two.wipe();
  await two.start();
  const { durablePoint } = await one.status();
  const created = await one.client.createTopic('meanwhile', 1);
  const status = await one.status();
  // Only once its store is whole again, or it is out of the set, does anything become durable.
  const isDurable = status.durablePoint > durablePoint;
  assert.equal(isDurable, created.code === 'SUCCESS');
  await group.runFor(8000);
  await checkJoined(group, one, two);
});

test('a slave that dies while it installs begins anew, whenever that is', async () => {
  let interrupted = 0;
  for (let afterOperations = 20; afterOperations < 160; afterOperations += 14) {
    const [group, one, two] = await livedIn(afterOperations);
    two.node.crashAt({ afterOperations, when: 'after', powerLoss: true });
    two.starting().catch(() => {}); // It dies.
    await group.runFor(2000);
    two.crash({ powerLoss: true });
    const { disk } = two.node;
    if (await group.world.complete(isInstalling(disk, two.options.storePath))) interrupted++;
    await two.start();
    await group.runFor(6000);
    await checkJoined(group, one, two);
  }
  assert(interrupted > 2, `${interrupted} installations were interrupted`);
});

test('a master that dies while a slave installs from it finds it again', async () => {
  for (const afterMs of [20, 100, 200]) {
    const [group, one, two] = await livedIn(`master ${afterMs}`);
    two.starting().catch(assert.fail);
    await group.runFor(afterMs);
    one.crash({ powerLoss: true });
    await one.start();
    await group.runFor(8000);
    await checkJoined(group, one, two);
  }
});

/** A name server that knows where the master is, and tells whoever registers. */
async function startNameServer(group: TestGroup): Promise<{ readonly slaves: number[] }> {
  const { network, clock, logger } = group.world.node('names');
  const slaves: number[] = [];
  let master: RegisterBroker | undefined;
  await group.world.complete(
    RemotingServer.listen(
      { at: { host: 'names', port: 9876 } },
      { network, clock, logger },
      {
        handle(connection, request) {
          if (request.code !== RequestCode.REGISTER_BROKER) {
            connection.answer(request, { code: ResponseCode.SUCCESS });
            return;
          }
          const registered = RegisterBroker.decode(request);
          if (registered.brokerId === 0) master = registered;
          else slaves.push(registered.brokerId);
          connection.answer(request, {
            code: ResponseCode.SUCCESS,
            header: [
              RegisterBrokerResponse,
              { haServerAddr: master?.haServerAddr, masterAddr: master?.brokerAddr },
            ],
          });
        },
        closed() {},
      },
    ),
  );
  return { slaves };
}

test('a slave that is told of no master finds it through the name server, also in the middle of an installation', async () => {
  for (const afterOperations of [1000, 60, 80, 100]) {
    const group = new TestGroup(`names ${afterOperations}`);
    const { slaves } = await startNameServer(group);
    const nameServers = [{ host: 'names', port: 9876 }];
    const [one, two] = group.staticPair({ ...small, nameServers, haMasterAddress: undefined });
    await liveIn(group, one);
    two.node.crashAt({ afterOperations, when: 'after', powerLoss: true });
    two.starting().catch(() => {}); // It dies.
    await group.runFor(4000);
    two.crash({ powerLoss: true });
    const { disk } = two.node;
    const isInstalled = !(await group.world.complete(isInstalling(disk, two.options.storePath)));
    assert.equal(isInstalled, afterOperations === 1000);
    one.crash({ powerLoss: false });
    two.starting().catch(assert.fail);
    await group.runFor(3000);
    await one.start();
    await group.runFor(8000);
    await checkJoined(group, one, two);
    assert(slaves.every((id) => id === 1) && slaves.length > 0, slaves.join());
  }
});
