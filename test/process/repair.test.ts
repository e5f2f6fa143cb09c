import { strict as assert } from 'node:assert';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { request } from '../interop/support/frames.ts';
import { eventually } from '../interop/support/waiting.ts';
import { damageFile, hasContent } from './damaged-store.ts';
import { type ClusterNode, LocalCluster } from './local-cluster.ts';

/**
 * A replica whose files were damaged or removed while it was stopped: it names what it lacks, repairs itself from its
 * leader, and holds the same topics.
 */
const limitMs = 180_000;
/** One sealed segment is checked in each round of maintenance. */
const sayLimitMs = 60_000;
const updateTopic = 17;
const topicConfig = 351;
const sendMessage = 310;
const topics = Array.from({ length: 20 }, (_, index) => `kept-${index}`);

let cluster: LocalCluster;

before(
  async () => {
    cluster = await LocalCluster.start([
      ...['--replicas', '2', '--set', 'mappedFileSizeCommitLog=1m'],
      ...['--set', 'maxMessageSize=262144', '--set', 'cleanResourceInterval=500'],
    ]);
    const { address } = await cluster.broker('master');
    for (const topic of topics) await createTopic(address, topic);
    const body = Buffer.alloc(200_000, 'x');
    for (let sent = 0; sent < 20; sent += 1) {
      const fields = {
        ...{ a: 'producers', b: topics[0]!, c: 'TBW102', d: '4', e: '0', f: '0' },
        ...{ g: String(Date.now()), h: '0', i: '', j: '0', k: 'false', l: '0', m: 'false' },
      };
      const { header } = await request(address, sendMessage, fields, body);
      assert.equal(header.code, 0, header.remark);
    }
  },
  { timeout: limitMs },
);
after(() => cluster?.[Symbol.asyncDispose]());

async function createTopic(address: string, topic: string): Promise<void> {
  const { header } = await request(address, updateTopic, {
    ...{ topic, defaultTopic: 'TBW102', readQueueNums: '1', writeQueueNums: '1' },
    ...{ perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false' },
  });
  assert.equal(header.code, 0, header.remark);
}

async function segmentsOf(slave: ClusterNode): Promise<readonly string[]> {
  const folder = join(cluster.storeOf(slave), 'commitlog');
  const used: string[] = [];
  for (const name of (await readdir(folder)).sort()) {
    if (await hasContent(join(folder, name))) used.push(join(folder, name));
  }
  assert.ok(used.length >= 4, used.join(' '));
  return used;
}

/** `damage` returns the path that must be named. `by`: what the log says once the slave is whole. */
function repairs(
  what: string,
  by: 'the store is installed' | 'the store is recovered' | 'the store is new',
  damage: (slave: ClusterNode) => Promise<string>,
): void {
  test(`${what}: the slave names it, and repairs itself`, { timeout: limitMs }, async () => {
    const slave = await cluster.broker('slave');
    await cluster.stopNode(slave);
    const path = await damage(slave);
    const before = (await cluster.logOf(slave)).length;
    await cluster.startNode(slave);
    for (const line of [path, by]) await says(slave, before, line);
    await cluster.inSync();
    assert.notEqual((await cluster.broker('master')).name, slave.name);
    await checkWhole(slave, `after-${what.replaceAll(' ', '-')}`);
  });
}

async function says(node: ClusterNode, from: number, line: string): Promise<void> {
  await eventually(sayLimitMs, `"${line}" in the log of ${node.name}`, async () =>
    (await cluster.logOf(node)).slice(from).includes(line) ? true : undefined,
  );
}

/** It has all topics, one more that is made now, and the whole log. */
async function checkWhole(slave: ClusterNode, added: string): Promise<void> {
  await createTopic((await cluster.broker('master')).address, added);
  topics.push(added);
  for (const topic of topics) {
    await eventually(sayLimitMs, `${topic} on ${slave.name}`, async () => {
      const { header } = await request(slave.address, topicConfig, { topic });
      return header.code === 0 ? true : undefined;
    });
  }
  assert.ok((await segmentsOf(slave)).length >= 4, 'it has the whole log again');
}

repairs('the newest segment damaged', 'the store is installed', async (slave) => {
  const path = (await segmentsOf(slave)).at(-1)!;
  await damageFile(path, 0);
  return path;
});

repairs('a segment in the middle removed', 'the store is installed', async (slave) => {
  const path = (await segmentsOf(slave))[1]!;
  await rm(path);
  return path;
});

repairs('the manifest of metadata removed', 'the store is recovered', async (slave) => {
  const folder = join(cluster.storeOf(slave), 'metadata');
  const manifest = (await readdir(folder)).find((name) => name.startsWith('MANIFEST'));
  await rm(join(folder, manifest!));
  return folder;
});

repairs('an older segment damaged', 'the store is installed', async (slave) => {
  const path = (await segmentsOf(slave))[1]!;
  await damageFile(path, 0.5);
  return path;
});

repairs('all files removed', 'the store is new', async (slave) => {
  const folder = cluster.storeOf(slave);
  await rm(folder, { recursive: true });
  return folder;
});

test('damaged, and nobody else there: the slave names it and changes nothing, stops when told to, and is repaired later', {
  timeout: limitMs,
}, async () => {
  const [master, slave] = [await cluster.broker('master'), await cluster.broker('slave')];
  await cluster.stopNode(slave);
  const path = (await segmentsOf(slave)).at(-1)!;
  await damageFile(path, 0);
  const damaged = await readFile(path);
  await cluster.stopNode(master);
  const before = (await cluster.logOf(slave)).length;
  const starting = cluster.startNode(slave).then(
    () => 'started',
    (error: Error) => error.message,
  );
  await says(slave, before, path);
  const nodes = await cluster.nodes();
  const now = nodes.find(({ name }) => name === slave.name)!;
  assert.equal(now.role, 'slave');
  await cluster.stopNode(now);
  assert.match(await starting, /stopped before it could serve/);
  assert.deepEqual(await readFile(path), damaged);

  await cluster.startNode(master);
  await cluster.startNode(slave);
  await cluster.inSync();
  assert.equal((await cluster.broker('master')).name, master.name);
  await checkWhole(slave, 'after-both-were-down');
});
