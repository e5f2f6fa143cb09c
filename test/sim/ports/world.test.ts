import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProcessDied, SimWorld } from './index.ts';

test('a seed always gives the same trace, another seed another', async () => {
  const traceOf = async (seed: number): Promise<{ hash: string; lines: readonly string[] }> => {
    const world = new SimWorld(seed, { keepTrace: true });
    const node = world.node('one');
    node.logger.info('starts');
    await world.complete(busyLife(world));
    node.crash({ powerLoss: true });
    return { hash: world.trace.hash, lines: world.trace.lines ?? [] };
  };
  const first = await traceOf(1);
  assert.ok(first.lines.length > 10);
  assert.deepEqual(await traceOf(1), first);
  assert.notEqual((await traceOf(2)).hash, first.hash);
});

test('all promises settle between two events, however long their chain', async () => {
  const world = new SimWorld(1);
  const { clock } = world.node('one');
  let steps = 0;
  const chain = async (): Promise<void> => {
    await clock.sleep(1);
    for (; steps < 5000; steps++) await null;
  };
  const stepsSeen: number[] = [];
  const done = chain();
  world.schedule(1, () => stepsSeen.push(steps));
  await world.run();
  await done;
  assert.deepEqual(stepsSeen, [5000]);
});

test('simulated time passes only as far as it is run', async () => {
  const world = new SimWorld(1);
  const { clock } = world.node('one');
  const startMs = clock.now();
  let wakes = 0;
  const wakeOften = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(100);
      wakes++;
    }
  };
  void wakeOften();
  await world.run({ forMs: 1050 });
  assert.deepEqual([wakes, clock.now() - startMs, clock.monotonicMs()], [10, 1050, 1050]);
  assert.equal(await world.run({ maxEvents: 2 }), 2);
  await world.run({ until: () => wakes === 20 });
  assert.equal(wakes, 20);
});

test('the wall clock jumps, the monotonic one does not', () => {
  const node = new SimWorld(1).node('one');
  const before = node.clock.now();
  node.jumpWallClock(-5000);
  assert.equal(node.clock.now(), before - 5000);
  assert.equal(node.clock.monotonicMs(), 0);
});

test('a dead process does nothing any more', async () => {
  const world = new SimWorld(1);
  const node = world.node('one');
  const { clock, disk, network, keyValueStores, logger } = node;
  const file = await world.complete(disk.open('/file', 'create'));
  const never = (): void => assert.fail('a dead process went on');
  clock.setTimer(10, never);
  clock.afterTurn(never);
  void clock.sleep(10).then(never);
  void file.write(Uint8Array.of(1), 0).then(never);
  void disk.list('/').then(never);
  void keyValueStores.open('/database').then(never);
  const stop = new AbortController();
  void clock.sleep(10, stop.signal).then(never);

  node.crash({ powerLoss: false });
  stop.abort();
  clock.setTimer(1, never);
  clock.afterTurn(never);
  void clock.sleep(1).then(never);
  void file.sync().then(never);
  void disk.makeFolder('/folder').then(never);
  void network.listen({ host: 'one', port: 0 }, () => assert.fail('accepted')).then(never);
  logger.info('ignored');
  assert.throws(() => file.writeNow(Uint8Array.of(1), 1), ProcessDied);
  assert.throws(() => file.readNow(new Uint8Array(1), 0), ProcessDied);
  assert.equal(node.alive, false);

  node.restart();
  await world.run();
  assert.deepEqual(
    (await world.complete(node.disk.list('/'))).filter((entry) => entry.name === 'folder'),
    [],
  );
});

test('what an event of a node throws ends the run, or goes to its handler', async () => {
  const world = new SimWorld(1);
  const node = world.node('one');
  const bug = new Error('bug');
  node.clock.setTimer(1, () => {
    throw bug;
  });
  await assert.rejects(world.run(), bug);

  const seen: unknown[] = [];
  node.onError = (error) => {
    seen.push(error);
    node.crash({ powerLoss: false });
  };
  node.clock.setTimer(1, () => {
    throw bug;
  });
  await world.run();
  assert.deepEqual(seen, [bug]);
  assert.equal(node.alive, false);
});

test('waiting for what never happens is noticed', async () => {
  const world = new SimWorld(1);
  await assert.rejects(world.complete(new Promise(() => {})), /not done/);
});

test('forks of a seed do not depend on what else was drawn', () => {
  const one = new SimWorld(7).random;
  const other = new SimWorld(7).random;
  other.bytes(100);
  assert.deepEqual(one.fork('x').bytes(8), other.fork('x').bytes(8));
  assert.notDeepEqual(one.fork('x').bytes(8), one.fork('y').bytes(8));
});

/** Uses every port of two nodes. */
async function busyLife(world: SimWorld): Promise<void> {
  const { clock, disk, keyValueStores, network, random } = world.node('one');
  const file = await disk.open('/file', 'create');
  await file.write(random.bytes(5000), 0);
  await file.sync();
  file.writeNow(random.bytes(100), 5000);
  const database = await keyValueStores.open('/database');
  await database.write([{ type: 'put', key: random.bytes(2), value: random.bytes(2) }]);
  const ignore = { data() {}, drained() {}, closed() {} };
  const listener = await world.node('two').network.listen({ host: 'two', port: 0 }, () => ignore);
  const connection = await network.connect(
    { host: 'two', port: listener.address.port },
    { timeoutMs: 1000 },
    () => ignore,
  );
  connection.write(random.bytes(10_000));
  await clock.sleep(50);
}

test('a process that stands still does nothing, and then all that came meanwhile, in order', async () => {
  const world = new SimWorld(1);
  const [one, two] = [world.node('one'), world.node('two')];
  const done: string[] = [];
  const note = (what: string): void => void done.push(`${what} at ${Math.floor(world.nowMs)}`);
  one.clock.setTimer(10, () => note('first'));
  one.clock.setTimer(20, () => note('second'));
  const cancelled = one.clock.setTimer(15, () => note('never'));
  two.clock.setTimer(12, () => note('other'));
  one.pause();
  await world.run({ forMs: 50 });
  cancelled.cancel();
  assert.deepEqual(done, ['other at 12']);
  one.resume();
  await world.run({ forMs: 50 });
  assert.deepEqual(done, ['other at 12', 'first at 50', 'second at 50']);
});

test('a process that dies while it stands still does nothing any more', async () => {
  const world = new SimWorld(1);
  const node = world.node('one');
  let isRun = false;
  node.clock.setTimer(10, () => {
    isRun = true;
  });
  node.pause();
  await world.run({ forMs: 20 });
  node.crash({ powerLoss: false });
  node.restart();
  node.resume();
  await world.run({ forMs: 20 });
  assert.equal(isRun, false);
});
