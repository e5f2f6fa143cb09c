import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { queueOffset } from '../../base/index.ts';
import { LocalStore } from '../../views/index.ts';
import {
  commitOffsets,
  type Digest,
  type Entry,
  MetadataTables,
} from '../../views/metadata/index.ts';
import type { BrokerOptions } from '../options.ts';
import { TestGroup, type TestReplica } from './test-group.ts';

const quick = { flushIntervalMs: 100, cleanIntervalMs: 200, metadataScrubIntervalMs: 2000 };
const topics = ['a', 'b', 'c'];

interface Pair {
  readonly group: TestGroup;
  readonly master: TestReplica;
  readonly other: TestReplica;
}

async function pair(
  kind: 'static' | 'controlled',
  changes: Partial<BrokerOptions> = quick,
): Promise<Pair> {
  const group = new TestGroup(kind);
  const replicas =
    kind === 'static' ? group.staticPair(changes) : await group.controlled(['one', 'two'], changes);
  for (const replica of replicas) await replica.start();
  const master = await group.master(replicas);
  const other = replicas.find((replica) => replica !== master) as TestReplica;
  await group.runFor(3000);
  for (const topic of topics) {
    assert.equal((await master.client.createTopic(topic, 4)).code, 'SUCCESS');
  }
  await master.client.createGroup('g');
  await master.client.commit('g', 'a', 0, 0);
  await group.runFor(1000);
  assert.equal((await master.status()).syncStateSet.length, 2);
  return { group, master, other };
}

const rowOfB = Buffer.from('\x01b', 'latin1');

/** Changes the topic `b` in the database, behind the store's back, to have 9 queues, or removes it. */
async function tamper(
  group: TestGroup,
  replica: TestReplica,
  how: 'changed' | 'gone' = 'changed',
): Promise<void> {
  const database = replica.databases.get(`${replica.options.storePath}/metadata`);
  assert(database !== undefined);
  const change = async (): Promise<void> => {
    const row = await database.get(rowOfB);
    assert(row !== undefined, 'it was persisted');
    if (how === 'gone') {
      await database.write([{ type: 'delete', key: rowOfB }]);
      return;
    }
    const text = Buffer.from(row)
      .toString('latin1')
      .replaceAll(/Nums":4/g, 'Nums":9');
    const value = Buffer.from(text, 'latin1');
    assert.notDeepEqual(value, Buffer.from(row));
    await database.write([{ type: 'put', key: rowOfB, value }]);
  };
  await group.world.complete(change());
}

interface Evidence {
  readonly problems: readonly string[];
  readonly tables: readonly { readonly table: string }[];
  readonly rows: readonly {
    readonly table: string;
    readonly key: string;
    readonly memory: string | { readonly value: string };
    readonly database: string | { readonly value: string };
  }[];
}

async function evidenceOf(group: TestGroup, replica: TestReplica): Promise<readonly Evidence[]> {
  const { disk } = replica.node;
  const folder = `${replica.options.storePath}/evidence`;
  const read = async (): Promise<Evidence[]> => {
    const files = await disk.list(folder);
    return await Promise.all(
      files.map(async ({ name }) => {
        await using file = await disk.open(`${folder}/${name}`, 'read');
        const bytes = new Uint8Array(await file.size());
        await file.read(bytes, 0);
        return JSON.parse(new TextDecoder().decode(bytes)) as Evidence;
      }),
    );
  };
  return await group.world.complete(read());
}

async function checkEqual(group: TestGroup, master: TestReplica, slave: TestReplica) {
  assert.equal((await master.client.createTopic('after', 1)).code, 'SUCCESS');
  await group.runFor(2000);
  const [leader, follower] = [await master.status(), await slave.status()];
  assert.deepEqual([leader.role, follower.role], ['master', 'slave']);
  assert.equal(leader.syncStateSet.length, 2);
  assert.deepEqual([follower.digest, follower.end], [leader.digest, leader.end]);
  assert.deepEqual([leader.damage, follower.damage], [undefined, undefined]);
  for (const replica of [master, slave]) {
    for (const topic of [...topics, 'after']) assert(await replica.client.hasTopic(topic), topic);
    const database = replica.databases.get(`${replica.options.storePath}/metadata`);
    assert(database !== undefined);
    // Its rows are those of its header.
    assert.notEqual(await group.world.complete(MetadataTables.load(database)), undefined);
  }
}

const alarms = (group: TestGroup): readonly string[] =>
  group.lines.filter(({ level }) => level === 'error').map(({ message }) => message);

for (const kind of ['static', 'controlled'] as const) {
  test(`a ${kind} follower whose database was changed finds it, keeps the evidence, and installs its store anew`, async () => {
    for (const how of ['changed', 'gone'] as const) {
      const { group, master, other } = await pair(kind);
      await tamper(group, other, how);
      await group.runFor(8000);
      const [evidence, ...more] = await evidenceOf(group, other);
      assert(evidence !== undefined);
      assert.equal(more.length, 0, 'found once');
      assert.deepEqual(
        evidence.tables.map(({ table }) => table),
        ['topic'],
      );
      const [row, ...others] = evidence.rows;
      assert.equal(others.length, 0);
      assert.deepEqual([row?.table, row?.key], ['topic', 'b']);
      assert(typeof row?.memory === 'object' && /Nums":4/.test(row.memory.value));
      if (how === 'gone') assert.equal(row.database, 'no row');
      else assert(typeof row.database === 'object' && /Nums":9/.test(row.database.value));
      assert(alarms(group).includes('a row of metadata is damaged'));
      assert(alarms(group).includes('the metadata of this node are damaged'));
      assert.equal(master.role, 'master');
      await checkEqual(group, master, other);
      const names = await group.world.complete(other.node.disk.list(other.options.storePath));
      assert(names.some(({ name }) => name === 'metadata.set-aside'));
    }
  });
}

test('a master whose database was changed hands over, and installs its store anew', async () => {
  const { group, master, other } = await pair('controlled');
  await master.client.send('a', 'kept');
  await tamper(group, master);
  await group.runFor(12_000);
  assert.equal((await evidenceOf(group, master)).length, 1);
  assert.deepEqual([master.role, other.role], ['slave', 'master']);
  const pulled = await other.client.pull({ topic: 'a', group: 'g', offset: 0 });
  assert.equal(pulled.bodies.length, 1);
  await checkEqual(group, other, master);
});

test('a damaged master without an in-sync follower goes on, says so, and hands over when there is one', async () => {
  const { group, master, other } = await pair('controlled');
  other.crash({ powerLoss: false });
  await group.runFor(12_000);
  await tamper(group, master);
  await group.runFor(5000);
  assert.equal((await master.client.createTopic('d', 1)).code, 'SUCCESS');
  assert.match((await master.status()).damage ?? '', /the metadata of this store are damaged/);
  await other.start();
  await group.runFor(15_000);
  assert.deepEqual([master.role, other.role], ['slave', 'master']);
  assert(await other.client.hasTopic('d'));
  await checkEqual(group, other, master);
});

test('a damaged master whose follower is slow stops writes in vain for no more than a tenth of the time', async () => {
  const { group, master, other } = await pair('controlled');
  other.syncMs = 20_000; // It is waited for at a hand-over for 1.5 s.
  await tamper(group, master);
  const before = group.lines.length;
  for (let second = 0; second < 40; second++) {
    void master.client.sending('a', 'not synced there yet');
    await group.runFor(1000);
  }
  const attempts = group.lines.slice(before).filter(({ message }) => {
    return message === 'the group is handed over: no more writes here';
  });
  assert.equal(master.role, 'master');
  assert(attempts.length >= 2 && attempts.length <= 4, `${attempts.length} attempts`);
  other.syncMs = 0;
  await group.runFor(20_000);
  assert.deepEqual([master.role, other.role], ['slave', 'master']);
});

test('a damaged master of a group without a controller goes on, and says so', async () => {
  const { group, master, other } = await pair('static');
  await tamper(group, master);
  await group.runFor(5000);
  assert.match((await master.status()).damage ?? '', /the metadata of this store are damaged/);
  assert.equal((await master.client.createTopic('d', 1)).code, 'SUCCESS');
  await group.runFor(5000);
  assert.equal((await evidenceOf(group, master)).length, 1, 'found once');
  // Its next start rebuilds what the database holds from a snapshot, or the log.
  master.crash({ powerLoss: false });
  await master.start();
  await group.runFor(5000);
  await checkEqual(group, master, other);
});

const noScrub = { ...quick, metadataScrubIntervalMs: 3_600_000 };
const wrong = 'ff'.repeat(16) as Digest;

/** The stores that replicas open while `work` runs, newest last. */
async function withStores(
  work: (storeOf: (replica: TestReplica) => LocalStore) => Promise<void>,
): Promise<void> {
  const opened: (readonly [clock: unknown, local: LocalStore])[] = [];
  const { open } = LocalStore;
  LocalStore.open = async (options, ports) => {
    const local = await open.call(LocalStore, options, ports);
    opened.push([ports.clock, local]);
    return local;
  };
  try {
    await work((replica) => {
      const own = opened.filter(([clock]) => clock === replica.node.clock);
      return (own.at(-1) as (typeof opened)[number])[1];
    });
  } finally {
    LocalStore.open = open;
  }
}

test('replicas that differ check themselves: a follower that finds nothing wrong installs the store of its leader', async () => {
  await withStores(async (storeOf) => {
    const { group, master, other } = await pair('controlled', noScrub);
    const { tables } = storeOf(other).store;
    const { sequence } = tables.newestDigest;
    Object.defineProperty(tables, 'newestDigest', { value: { sequence, digest: wrong } });
    await group.runFor(8000);
    assert(alarms(group).includes('a follower holds other metadata at an equal position'));
    assert(alarms(group).includes('the leader holds other metadata at an equal position'));
    assert.equal(master.role, 'master');
    assert.notEqual(storeOf(other).store.tables, tables, 'it was installed anew');
    await checkEqual(group, master, other);
  });
});

test('replicas that differ check themselves: a damaged leader puts nobody out of the set, and hands over', async () => {
  await withStores(async (storeOf) => {
    const { group, master, other } = await pair('controlled', noScrub);
    await tamper(group, master);
    const { tables } = storeOf(master).store;
    tables.digestBehind = () => wrong;
    const { tables: right } = storeOf(other).store;
    await group.runFor(12_000);
    assert.deepEqual([master.role, other.role], ['slave', 'master']);
    const installs = group.lines.filter(({ message, node }) => {
      return (
        node === other.name &&
        message === 'the store is removed, and installed anew from the leader'
      );
    });
    assert.deepEqual(installs, []);
    assert.deepEqual(right.applied.topic('b')?.readQueueNums, 4);
    assert(!alarms(group).includes('the leader holds other metadata at an equal position'));
    await checkEqual(group, other, master);
  });
});

/** Its total becomes that of another value than the row has, as if a bit of it had changed. */
function breakTotal({ store }: LocalStore, clientGroup: string, topic: string): void {
  const { tables } = store;
  const decided = (offset: number): readonly Entry[] => {
    const commit = { group: clientGroup, topic, queueId: 0, offset: queueOffset(offset) };
    const decision = commitOffsets(tables.appended, [commit]);
    assert('entries' in decision && decision.entries.length === 1);
    return decision.entries;
  };
  const entries = [...decided(5)];
  tables.digestAfter(entries);
  entries.splice(0, 1, ...decided(6));
  store.change('progress', entries, 'test');
}

for (const kind of ['static', 'controlled'] as const) {
  test(`a ${kind} leader whose totals are not those of its rows finds that, and keeps no healthy follower out`, async () => {
    await withStores(async (storeOf) => {
      const { group, master, other } = await pair(kind, noScrub);
      breakTotal(storeOf(master), 'g', 'a');
      const { tables: right } = storeOf(other).store;
      await group.runFor(12_000);
      assert(alarms(group).includes('a follower holds other metadata at an equal position'));
      assert(!alarms(group).includes('the leader holds other metadata at an equal position'));
      const [evidence] = await evidenceOf(group, master);
      assert.match(evidence?.problems[0] ?? '', /table consumerOffset has the digest/);
      assert.equal(storeOf(other).store.tables, right, 'its store is the one that it was');
      if (kind === 'controlled') {
        assert.deepEqual([master.role, other.role], ['slave', 'master']);
        await checkEqual(group, other, master);
        return;
      }
      const { damage, syncStateSet } = await master.status();
      assert.match(damage ?? '', /the metadata of this store are damaged/);
      assert.equal(syncStateSet.length, 2);
      master.crash({ powerLoss: false });
      await master.start();
      await group.runFor(5000);
      await checkEqual(group, master, other);
    });
  });
}

test('a damaged leader hands its metadata on to nobody; its next start makes them whole', async () => {
  const small = { ...noScrub, maxStoreBytes: 128 * 1024 };
  const { group, master, other } = await pair('controlled', small);
  for (let i = 0; i < 20; i++) await master.client.send('a', 'x'.repeat(20_000));
  await group.runFor(2000);
  assert((await master.status()).begin > 0, 'an empty replica needs a snapshot');
  other.crash({ powerLoss: false });
  await other.wipe();
  await tamper(group, master);
  const starting = other.starting();
  await group.runFor(20_000);
  assert.match((await master.status()).damage ?? '', /the metadata of this store are damaged/);
  assert.notEqual(other.role, 'master');
  const told = group.lines.some(({ node, fields }) => {
    return node === other.name && String(fields['why']).includes('this leader are damaged');
  });
  assert(told, 'the replica says why it waits');
  assert.equal((await evidenceOf(group, master)).length, 1, 'found once');
  assert.equal((await master.client.createTopic('d', 1)).code, 'SUCCESS');
  master.crash({ powerLoss: false });
  await master.start();
  await group.world.complete(starting);
  await group.runFor(10_000);
  await checkEqual(group, master, other);
});
