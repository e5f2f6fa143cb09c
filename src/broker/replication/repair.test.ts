import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { MetadataTables, Table } from '../../views/metadata/index.ts';
import { ResponseCode } from '../../wire/index.ts';
import type { BrokerOptions } from '../options.ts';
import { TestGroup, type TestReplica } from './test-group.ts';

const quick = { flushIntervalMs: 100, cleanIntervalMs: 200 };

/** Inverts bytes in the segment that many before the newest one; returns its path. */
async function damageSegment(
  group: TestGroup,
  replica: TestReplica,
  before = 0,
  at = 40,
): Promise<string> {
  const { disk } = replica.node;
  return await group.world.complete(
    (async () => {
      const folder = `${replica.options.storePath}/commitlog`;
      const used: string[] = [];
      for (const { name } of await disk.list(folder)) {
        await using file = await disk.open(`${folder}/${name}`, 'read');
        const start = new Uint8Array(64);
        await file.read(start, 0);
        if (start.some((byte) => byte !== 0)) used.push(`${folder}/${name}`);
      }
      const path = used.at(-1 - before);
      assert(path !== undefined, used.join());
      await using file = await disk.open(path, 'write');
      const bytes = new Uint8Array(8);
      await file.read(bytes, at);
      await file.write(
        bytes.map((byte) => byte ^ 0xff),
        at,
      );
      await file.sync();
      return path;
    })(),
  );
}

/** Of what a replica remembers of its group. */
async function damageGroupFile(group: TestGroup, replica: TestReplica): Promise<string> {
  const path = `${replica.options.storePath}/group`;
  await group.world.complete(
    (async () => {
      await using file = await replica.node.disk.open(path, 'write');
      await file.write(Buffer.from('x'), 20);
      await file.sync();
    })(),
  );
  return path;
}

async function filesOf(group: TestGroup, replica: TestReplica): Promise<string> {
  const { disk } = replica.node;
  const names = ['', '/commitlog', '/checksums', '/snapshots'];
  const lists = [];
  for (const name of names) {
    lists.push(await group.world.complete(disk.list(`${replica.options.storePath}${name}`)));
  }
  return JSON.stringify(lists);
}

const topics = ['a', 'b', 'c'];

async function checkWhole(group: TestGroup, master: TestReplica, slave: TestReplica) {
  assert.equal((await master.client.createTopic('after', 1)).code, 'SUCCESS');
  await group.runFor(1000);
  const [leader, follower] = [await master.status(), await slave.status()];
  assert.equal(leader.syncStateSet.length, 2);
  assert.equal(follower.end, leader.end);
  assert.equal(follower.digest, leader.digest);
  assert.equal(follower.damage, undefined);
  for (const topic of [...topics, 'after']) assert(await slave.client.hasTopic(topic), topic);
}

const naming = (group: TestGroup, path: string): number =>
  group.lines.filter(({ fields, level }) => {
    return level === 'error' && JSON.stringify(fields, errorText).includes(path);
  }).length;

const errorText = (_key: string, value: unknown): unknown =>
  value instanceof Error ? value.message : value;

async function pair(
  kind: 'static' | 'controlled',
  seed: string,
  options: Partial<BrokerOptions> = quick,
): Promise<readonly [TestGroup, TestReplica, TestReplica]> {
  const group = new TestGroup(seed);
  const replicas =
    kind === 'static' ? group.staticPair(options) : await group.controlled(['one', 'two'], options);
  const [one, two] = replicas as [TestReplica, TestReplica];
  await one.start();
  await two.start();
  await group.runFor(3000);
  for (const topic of topics) {
    assert.equal((await one.client.createTopic(topic, 1)).code, 'SUCCESS');
  }
  await group.runFor(1000);
  return [group, one, two];
}

for (const kind of ['static', 'controlled'] as const) {
  test(`a ${kind} replica with a damaged file names it, stays as it is while nobody leads, and is repaired by its leader`, async () => {
    const [group, one, two] = await pair(kind, kind);
    await two.stop();
    await group.runFor(4000);
    one.crash({ powerLoss: false });
    const path = await damageSegment(group, two);
    const before = await filesOf(group, two);
    two.crash({ powerLoss: false });
    two.starting().catch(assert.fail);
    await group.runFor(30_000);
    const status = await two.status();
    assert.match(status.damage ?? '', new RegExp(path));
    assert.equal(status.role, 'waiting');
    assert.equal(await filesOf(group, two), before);
    assert.equal(naming(group, path), 1);
    await one.start();
    await group.runFor(8000);
    assert.equal(one.role, 'master');
    await checkWhole(group, one, two);
    assert.equal(naming(group, path), 1);
  });
}

test('a replica that cannot read what it promised never leads with that store, and installs it anew under the newest epoch', async () => {
  const [group, one, two] = await pair('controlled', 'forgotten');
  // Epoch 2, of a leader that does not come back soon.
  one.crash({ powerLoss: false });
  await group.master([two], 30_000);
  await one.start();
  await group.runFor(5000);
  assert.equal((await two.status()).syncStateSet.length, 2);
  await one.stop();
  two.crash({ powerLoss: false });
  const path = await damageGroupFile(group, one);
  one.crash({ powerLoss: false });
  for (let start = 0; start < 2; start++) {
    one.starting().catch(assert.fail);
    await group.runFor(15_000);
    const { damage, role } = await one.status();
    assert.match(damage ?? '', new RegExp(`${path} is damaged`));
    assert.equal(role, 'waiting');
    one.crash({ powerLoss: true });
  }
  one.starting().catch(assert.fail);
  await two.start();
  await group.runFor(10_000);
  assert.equal(two.role, 'master');
  await checkWhole(group, two, one);
  const names = await group.world.complete(one.node.disk.list(one.options.storePath));
  assert(names.some(({ name }) => name === 'group.set-aside'));
  const { promisedEpoch } = one.broker?.replica?.local?.group ?? {};
  assert.equal(promisedEpoch, (await two.status()).epoch);
  two.crash({ powerLoss: false });
  await group.master([one], 30_000);
});

test('a slave without a controller that cannot read what it promised ends, and is left to a person', async () => {
  const [group, , two] = await pair('static', 'forgotten by a slave');
  await two.stop();
  const path = await damageGroupFile(group, two);
  const before = await filesOf(group, two);
  two.crash({ powerLoss: false });
  await assert.rejects(two.start(), new RegExp(`${path} is damaged`));
  two.crash({ powerLoss: false });
  assert.equal(await filesOf(group, two), before);
});

test('a replica that dies in the middle of its repair, and comes back alone, does not lead; with its leader it is whole', async () => {
  const states = new Set<string>();
  for (let afterOperations = 2; afterOperations < 300; afterOperations += 9) {
    const [group, one, two] = await pair('controlled', `dies ${afterOperations}`);
    await two.stop();
    await damageSegment(group, two);
    two.crash({ powerLoss: false });
    two.node.crashAt({ afterOperations, when: 'after', powerLoss: true });
    two.starting().catch(() => {}); // It dies.
    await group.world.run({ forMs: 5000, until: () => !two.node.alive });
    if (two.node.alive) break;
    one.crash({ powerLoss: true });
    two.crash({ powerLoss: true });
    two.starting().catch(assert.fail);
    for (let second = 0; second < 15; second++) {
      await group.runFor(1000);
      assert.notEqual(two.role, 'master');
    }
    states.add(
      (await two.status()).damage?.replace(/.* (is damaged|did not end).*/, '$1') ?? 'whole',
    );
    await one.start();
    await group.runFor(10_000);
    assert.equal((await group.master([one, two])).name, 'one');
    await checkWhole(group, one, two);
  }
  assert.deepEqual([...states].sort(), ['did not end', 'is damaged', 'whole']);
});

test('a full disk interrupts a repair, which goes on when there is room', async () => {
  for (const afterMs of [40, 80, 120, 160, 200, 240, 280, 320]) {
    const [group, one, two] = await pair('static', `full ${afterMs}`);
    await two.stop();
    await damageSegment(group, two);
    two.crash({ powerLoss: false });
    two.starting().catch(assert.fail);
    await group.runFor(afterMs);
    two.node.drive.setFreeBytes(0);
    await group.runFor(10_000);
    two.node.drive.setFreeBytes(1_000_000_000);
    await group.runFor(15_000);
    await checkWhole(group, one, two);
  }
});

test('a damaged replica that was the last of its set is never elected, and nobody leads without it', async () => {
  const [group, one, two] = await pair('controlled', 'last');
  one.crash({ powerLoss: false });
  await group.master([two], 30_000);
  assert.equal((await two.client.createTopic('alone', 1)).code, 'SUCCESS');
  await group.runFor(3000);
  await two.stop();
  const path = await damageSegment(group, two);
  two.crash({ powerLoss: false });
  two.starting().catch(assert.fail);
  one.starting().catch(assert.fail);
  const roles = new Set<string>();
  for (let second = 0; second < 40; second++) {
    await group.runFor(1000);
    roles.add(one.role).add(two.role);
  }
  assert(!roles.has('master'), [...roles].join());
  assert.match((await two.status()).damage ?? '', new RegExp(path));
  const name = path.slice(path.lastIndexOf('/') + 1);
  assert((await filesOf(group, two)).includes(name), 'the damaged file is still there');
});

test('a static master with a damaged store does not start, and names the file', async () => {
  const [group, one] = await pair('static', 'master');
  await one.stop();
  const path = await damageSegment(group, one);
  const before = await filesOf(group, one);
  one.crash({ powerLoss: false });
  await assert.rejects(one.start(), new RegExp(path));
  one.crash({ powerLoss: false });
  assert.equal(await filesOf(group, one), before);
});

/** A topic is missing in its tables, as if something had gone wrong when they were made. */
async function forgetTopic(group: TestGroup, replica: TestReplica): Promise<void> {
  const { disk, keyValueStores } = replica.node;
  const path = `${replica.options.storePath}/metadata`;
  await group.world.complete(
    (async () => {
      let database = await keyValueStores.open(path);
      const tables = await MetadataTables.load(database);
      await database.close();
      assert(tables !== undefined, 'there were tables');
      const content = tables.snapshotContent();
      const all = [...content.rows];
      const rows = all.filter(
        ([table, key]) => !(table === Table.topic && Buffer.from(key).toString() === 'b'),
      );
      assert.equal(rows.length, all.length - 1);
      await disk.remove(path);
      database = await keyValueStores.open(path);
      const batch = MetadataTables.restore({ ...content, rows }).takeBatch();
      await database.write(batch?.batch ?? []);
      await database.flush();
      await database.close();
    })(),
  );
}

for (const kind of ['static', 'controlled'] as const) {
  test(`a ${kind} follower whose tables differ from its leader's sets them aside and installs the store anew`, async () => {
    const [group, one, two] = await pair(kind, `differs ${kind}`);
    await two.stop();
    await forgetTopic(group, two);
    two.crash({ powerLoss: false });
    await two.start();
    // Nothing more is defined: that they differ is found by comparing.
    await group.runFor(8000);
    await checkWhole(group, one, two);
    const told = group.lines.filter(({ message }) => message.includes('other metadata'));
    assert.deepEqual(
      told.map(({ message, level }) => [level, message]),
      [
        ['error', 'a follower holds other metadata at an equal position'],
        ['error', 'the leader holds other metadata at an equal position'],
      ],
    );
    const names = await group.world.complete(two.node.disk.list(two.options.storePath));
    assert(names.some(({ name }) => name === 'metadata.set-aside'));
  });
}

for (const kind of ['static', 'controlled'] as const) {
  test(`a ${kind} follower in whose older segments the check finds damage leaves the set and installs the store anew`, async () => {
    const [group, one, two] = await pair(kind, `check ${kind}`);
    for (let sent = 0; sent < 12; sent++) await one.client.send('a', 'x'.repeat(20_000));
    await group.runFor(1000);
    await two.stop();
    const path = await damageSegment(group, two, 2);
    two.crash({ powerLoss: false });
    await two.start();
    await group.runFor(15_000);
    await checkWhole(group, one, two);
    assert.equal(naming(group, path), 1);
    const warnings = group.lines.filter(({ message }) =>
      message.startsWith('the store is removed'),
    );
    assert.equal(warnings.length, 1);
  });

  test(`a ${kind} follower that found damage and died says so again, and counts only when it is repaired`, async () => {
    const [group, one, two] = await pair(kind, `again ${kind}`);
    for (let sent = 0; sent < 12; sent++) await one.client.send('a', 'x'.repeat(20_000));
    await group.runFor(1000);
    await two.stop();
    const path = await damageSegment(group, two, 2);
    two.crash({ powerLoss: false });
    await two.start();
    await group.world.run({ forMs: 5000, until: () => naming(group, path) > 0 });
    one.crash({ powerLoss: false });
    await group.runFor(500);
    two.crash({ powerLoss: true });
    two.starting().catch(assert.fail);
    for (let second = 0; second < 20; second++) {
      await group.runFor(1000);
      assert.notEqual(two.role, 'master');
    }
    assert.match((await two.status()).damage ?? '', new RegExp(path));
    await one.start();
    await group.runFor(10_000);
    await checkWhole(group, one, two);
  });
}

test('a follower that was repaired does not lead before it has all that is committed', async () => {
  const leaders = new Set<string>();
  for (const afterMs of [0, 100, 200, 250, 275, 300, 600, 2000]) {
    const [group, one, two] = await pair('controlled', `early ${afterMs}`, {
      flushIntervalMs: 100,
      cleanIntervalMs: 3000,
    });
    let acknowledged = 0;
    for (let sent = 0; sent < 12; sent++) {
      const { code } = await one.client.send('a', 'x'.repeat(20_000));
      if (code === 'SUCCESS') acknowledged++;
    }
    await group.runFor(1000);
    await two.stop();
    const path = await damageSegment(group, two, 2);
    two.crash({ powerLoss: false });
    await two.start();
    await group.runFor(2000);
    assert.equal((await one.status()).syncStateSet.length, 2);
    // Without it the set stays as it is.
    group.crashController({ powerLoss: false });
    // It takes what is sent now, and is not there any more for what the tables of the master apply next.
    while (naming(group, path) === 0) {
      one.client.sending('a', 'x'.repeat(200)).then(
        ({ code }) => {
          if (code === ResponseCode.SUCCESS) acknowledged++;
        },
        () => {}, // Its connection ends with the master.
      );
      await group.runFor(5);
    }
    const installed = (): boolean =>
      group.lines.some(({ message }) => message === 'the store is installed');
    await group.world.run({ forMs: 5000, until: installed });
    await group.runFor(afterMs);
    one.crash({ powerLoss: false });
    await group.startController();
    await group.runFor(15_000);
    if (two.role !== 'master') await one.start();
    const leader = await group.master([one, two]);
    leaders.add(leader.name);
    await group.runFor(5000);
    const pulled = await leader.client.pull({ topic: 'a', group: 'g', offset: acknowledged - 1 });
    assert(pulled.bodies.length > 0, `${acknowledged} after ${afterMs} ms on ${leader.name}`);
  }
  assert.deepEqual([...leaders].sort(), ['one', 'two']);
});

test('a leader in whose older segments the check finds damage names it, and goes on leading', async () => {
  const [group, one, two] = await pair('controlled', 'leader');
  for (let sent = 0; sent < 12; sent++) await one.client.send('a', 'x'.repeat(20_000));
  await group.runFor(1000);
  two.crash({ powerLoss: false });
  await group.runFor(5000);
  await one.stop();
  const path = await damageSegment(group, one, 2);
  one.crash({ powerLoss: false });
  await one.start();
  await group.runFor(5000);
  assert.equal(one.role, 'master');
  const { damage, role } = await one.status();
  assert.match(damage ?? '', new RegExp(path));
  assert.equal(role, 'master');
  assert.equal(naming(group, path), 1);
  assert.equal((await one.client.createTopic('more', 1)).code, 'SUCCESS');
});

test('a leader hands no damaged record on, and names its file when a follower needs it', async () => {
  const seldom = { cleanIntervalMs: 3_600_000 };
  const [group, one, two] = await pair('controlled', 'handed on', seldom);
  for (let sent = 0; sent < 12; sent++) await one.client.send('a', 'x'.repeat(20_000));
  await group.runFor(1000);
  two.crash({ powerLoss: false });
  await group.runFor(5000);
  await one.stop();
  const path = await damageSegment(group, one, 2, 5000);
  one.crash({ powerLoss: false });
  await one.start();
  await group.runFor(5000);
  assert.equal((await one.status()).damage, undefined, 'nobody has looked there');
  await two.wipe();
  two.starting().catch(assert.fail);
  await group.runFor(20_000);
  assert.match((await one.status()).damage ?? '', new RegExp(path));
  assert.equal(one.role, 'master');
  assert.deepEqual((await one.status()).syncStateSet, [1]);
  const refusals = group.lines.filter(
    ({ node, message }) => node === 'two' && message === 'cannot follow',
  );
  assert(refusals.length > 0 && refusals.length < 10, 'it asks again, and not all the time');
});

test('a static master that lost its store takes none away from its slave', async () => {
  for (const messages of [0, 20]) {
    const [group, one, two] = await pair('static', `emptied ${messages}`);
    const before = await logOf(group, two);
    one.crash({ powerLoss: false });
    await one.wipe();
    await one.start();
    await one.client.createTopic('new', 1);
    // With some of them its new log is longer than the one of the slave.
    for (let sent = 0; sent < messages; sent++) await one.client.send('new', 'x'.repeat(2000));
    await group.runFor(20_000);
    assert.deepEqual((await one.status()).syncStateSet, [0]);
    two.crash({ powerLoss: false });
    two.starting().catch(assert.fail);
    await group.runFor(20_000);
    two.crash({ powerLoss: false });
    assert((await logOf(group, two)).equals(before), 'its log is what it was');
    const refusals = group.lines.filter(
      ({ node, level, message }) =>
        node === 'two' && level === 'error' && message === 'cannot follow',
    );
    assert(refusals.length > 2, 'and it says so');
  }
});

async function logOf(group: TestGroup, replica: TestReplica): Promise<Buffer> {
  const path = `${replica.options.storePath}/commitlog/${'0'.repeat(20)}`;
  return await group.world.complete(
    (async () => {
      await using file = await replica.node.disk.open(path, 'read');
      const bytes = Buffer.alloc(await file.size());
      await file.read(bytes, 0);
      return bytes;
    })(),
  );
}
