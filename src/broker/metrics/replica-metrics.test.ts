import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { brokerId, Failure } from '../../base/index.ts';
import { RequestCode, SwitchOver } from '../../wire/index.ts';
import { TestGroup, type TestReplica } from '../replication/test-group.ts';
import { ofPages, Pages } from './test-pages.ts';

const options = { ...ofPages, flushIntervalMs: 100, cleanIntervalMs: 200 };

async function pair(kind: 'static' | 'controlled', seed: string) {
  const group = new TestGroup(seed);
  const replicas =
    kind === 'static' ? group.staticPair(options) : await group.controlled(['one', 'two'], options);
  const [one, two] = replicas as [TestReplica, TestReplica];
  const pages = new Map<TestReplica, Pages>();
  for (const replica of [one, two]) {
    const own = new Pages();
    pages.set(replica, own);
    replica.http = own.http;
    await replica.start();
  }
  await group.runFor(5000);
  assert.equal((await one.client.createTopic('t', 1)).code, 'SUCCESS');
  assert.equal((await one.client.send('t', 'hello')).code, 'SUCCESS');
  await group.runFor(1000);
  const pagesOf = (replica: TestReplica): Pages => pages.get(replica) as Pages;
  const read = (replica: TestReplica) => group.world.complete(pagesOf(replica).metrics());
  return { group, one, two, pagesOf, read };
}

test('a follower tells its role, its positions, and how far it is behind', async () => {
  const { group, one, two, read } = await pair('static', 'follower');
  const page = await read(two);
  const { commitPoint, applied, epoch } = await two.status();
  assert.equal(page.get('holdfast_role{role="slave"}'), 1);
  assert.equal(page.get('holdfast_role{role="master"}'), 0);
  assert.equal(page.get('holdfast_following'), 1);
  assert.equal(page.get('holdfast_commit_point'), commitPoint);
  assert.equal(page.get('holdfast_applied_position'), applied);
  assert.equal(page.get('holdfast_epoch'), epoch);
  assert.equal(page.get('holdfast_store_damaged'), 0);
  assert.equal(page.get('holdfast_store_complete'), 1);
  assert.equal(page.get('holdfast_replication_lag_bytes'), 0);
  assert(Number(page.get('holdfast_leader_silence_seconds')) < 1);
  assert.equal(page.has('holdfast_in_sync'), false, 'without a controller nobody tells it');
  const ofMaster = await read(one);
  assert.equal(ofMaster.get('holdfast_role{role="master"}'), 1);
  assert.equal(ofMaster.get('holdfast_in_sync'), 1);
  assert.equal(ofMaster.get('holdfast_follower_connected{broker_id="1"}'), 1);
  assert.equal(ofMaster.get('holdfast_follower_lag_bytes{broker_id="1"}'), 0);

  one.crash({ powerLoss: false });
  await group.runFor(5000);
  const alone = await read(two);
  assert.equal(alone.get('holdfast_following'), 0);
  assert.equal(alone.has('holdfast_replication_lag_bytes'), false);
  assert.equal(alone.get('holdfast_commit_point'), commitPoint);
});

test('a follower that cannot write is behind, and its leader says so', async () => {
  const { group, one, two, read } = await pair('static', 'behind');
  two.node.drive.setFreeBytes(0);
  for (let count = 0; count < 5; count++) {
    await one.client.send('t', 'x'.repeat(30_000));
    await group.runFor(1000);
  }
  const lag = (await read(one)).get('holdfast_follower_lag_bytes{broker_id="1"}');
  assert(Number(lag) > 30_000, String(lag));
});

test('a follower that does not know how much of its queues is committed tells what it knows', async () => {
  const { group, one, two, read } = await pair('static', 'unheard');
  assert.equal((await one.client.createGroup('g')).code, 'SUCCESS');
  assert.equal((await one.client.commit('g', 't', 0, 1)).code, 'SUCCESS');
  await group.runFor(2000);
  one.syncMs = 120_000; // D stays where it is, and so what is applied.
  await one.client.send('t', 'x');
  await group.runFor(10_000);
  one.crash({ powerLoss: false });
  await two.stop();
  two.crash({ powerLoss: false });
  await two.start();
  await group.runFor(1000);
  const store = two.broker?.replica?.local?.store;
  assert(store !== undefined && store.commitPoint < store.queues.persistedPosition);
  const page = await read(two);
  assert.equal(page.get('holdfast_commit_point'), store.commitPoint);
  assert.equal(page.get('holdfast_role{role="slave"}'), 1);
});

test('a damaged follower alarms, also when it has no store that it could open', async () => {
  const { group, one, two, read } = await pair('controlled', 'damaged');
  const master = await group.master([one, two]);
  const other = master === one ? two : one;
  assert.equal((await read(other)).get('holdfast_in_sync'), 1);
  await group.world.complete(
    other.broker?.replica?.local?.markDamaged(new Failure('corrupt', 'for the test')) ??
      assert.fail('it is open'),
  );
  other.crash({ powerLoss: false });
  master.crash({ powerLoss: false });
  other.starting().catch(assert.fail);
  await group.runFor(2000);
  const page = await read(other);
  assert.equal(page.get('holdfast_role{role="waiting"}'), 1);
  assert.equal(page.get('holdfast_store_damaged'), 1);
  assert.equal(page.get('holdfast_store_complete'), 0);
  assert.equal(page.has('holdfast_commit_point'), false);
  assert.equal(page.get('holdfast_connections'), 0);
});

test('the page stays where it is when the roles change', async () => {
  const { group, one, two, pagesOf, read } = await pair('controlled', 'switched');
  const master = await group.master([one, two]);
  const other = master === one ? two : one;
  const target = brokerId((await other.status()).brokerId);
  const { code } = await master.client.answer({
    code: RequestCode.SWITCH_OVER,
    header: [SwitchOver, { brokerId: target }],
  });
  assert.equal(code, 'SUCCESS');
  await group.runFor(3000);
  for (const [replica, role] of [
    [master, 'slave'],
    [other, 'master'],
  ] as const) {
    const { listened, closed } = pagesOf(replica);
    assert.deepEqual({ listened, closed }, { listened: 1, closed: false });
    const page = await read(replica);
    assert.equal(page.get(`holdfast_role{role="${role}"}`), 1);
    assert.equal(page.get('holdfast_log_end_position'), (await replica.status()).end);
    assert(Number(page.get('holdfast_fsync_seconds_count')) > 0);
  }
});
