import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { type Disk, Failure } from '../../base/index.ts';
import { GetBrokerConfigResponse, RequestCode } from '../../wire/index.ts';
import type { BrokerOptions } from '../options.ts';
import { TestBroker, type TestClient } from '../test-broker.ts';

const update = (client: TestClient, text: string) =>
  client.answer({
    code: RequestCode.UPDATE_BROKER_CONFIG,
    body: new TextEncoder().encode(text),
  });

async function configuration(client: TestClient): Promise<Map<string, string>> {
  const { code, body } = await client.ask({ code: RequestCode.GET_BROKER_CONFIG });
  assert.equal(code, 0);
  const lines = new TextDecoder().decode(body).trimEnd().split('\n');
  return new Map(lines.map((line) => [line.split('=')[0] ?? '', line.replace(/^[^=]*=/, '')]));
}

async function version(client: TestClient): Promise<{ counter: number; timestamp: number }> {
  const response = await client.ask({ code: RequestCode.GET_BROKER_CONFIG });
  return JSON.parse(GetBrokerConfigResponse.decode(response).version);
}

/** Starts the process again, with a configuration that differs by `changes`. */
async function restarted(broker: TestBroker, changes: Partial<BrokerOptions>): Promise<void> {
  Object.assign(broker.options, changes);
  await broker.crash({ powerLoss: true });
}

test('each key is told, with its value here or the default of RocketMQ', async () => {
  const client = (await TestBroker.start({ permission: 4 })).client();
  const keys = await configuration(client);
  assert(keys.size > 450, String(keys.size));
  assert.equal(keys.get('brokerPermission'), '4');
  assert.equal(keys.get('deleteWhen'), '04');
  assert.equal(keys.get('pullMessageThreadPoolNums'), '20');
  assert.equal(keys.get('messageDelayLevel')?.split(' ').length, 18);
  assert.equal(keys.get('controllerAddr'), '');
  for (const key of ['brokerConfigPath', 'tls.server.keyPassword', 'initAuthenticationUser']) {
    assert.equal(keys.has(key), false, key);
  }
});

test('a change is in force at once, after a power loss too, and counted', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  await client.createTopic('t');
  const before = await version(client);
  assert.equal(before.counter, 0);
  assert.equal((await update(client, 'brokerPermission=2\nmaxMessageSize=2k\n')).code, 'SUCCESS');
  assert.equal((await client.pull()).code, 'NO_PERMISSION');
  await restarted(broker, {});
  const after = await version(client);
  assert.equal(after.counter, 1);
  assert(after.timestamp >= before.timestamp);
  assert.equal((await client.pull()).code, 'NO_PERMISSION');
  assert.equal((await update(client, 'brokerPermission=6')).code, 'SUCCESS');
  assert.equal((await client.pull()).code, 'PULL_NOT_FOUND');
  assert.equal((await client.send('t', 'x'.repeat(3000))).code, 'MESSAGE_ILLEGAL');
});

test('a request that is wrong in one key changes none, and says all that is wrong', async () => {
  const client = (await TestBroker.start()).client();
  const answer = await update(
    client,
    'brokerPermission=2\nfileReservedTime=abc\nflushDiskTyp=X\nlistenPort=1\nputMessageTimeout=1\n',
  );
  assert.equal(answer.code, 'INVALID_PARAMETER');
  for (const what of [
    /fileReservedTime: must be a duration/,
    /flushDiskTyp: unknown key; did you mean flushDiskType\?/,
    /listenPort: changes at a restart only/,
    /putMessageTimeout: has no effect here/,
  ]) {
    assert.match(answer.remark ?? '', what);
  }
  assert.equal((await configuration(client)).get('brokerPermission'), '6');
});

test('a key of the black list is refused with the code and text of RocketMQ', async () => {
  const client = (await TestBroker.start({ configBlackList: 'deleteWhen' })).client();
  for (const key of ['configBlackList', 'brokerConfigPath', 'deleteWhen']) {
    assert.deepEqual(await update(client, `longPollingEnable=false\n${key}=05\n`), {
      code: 'NO_PERMISSION',
      remark: 'Can not update config in black list.',
    });
  }
  assert.equal((await configuration(client)).get('longPollingEnable'), 'true');
});

test('the whole configuration can be sent back and changes nothing', async () => {
  const client = (await TestBroker.start()).client();
  const keys = await configuration(client);
  keys.delete('configBlackList');
  const text = [...keys].map(([key, value]) => `${key}=${value}\n`).join('');
  assert.equal((await update(client, text)).remark, undefined);
  assert.equal((await version(client)).counter, 0);
});

test('a change holds until the configuration says something else about its key', async () => {
  const broker = await TestBroker.start();
  const client = broker.client();
  await update(client, 'brokerPermission=4\ndeleteWhen=05\n');
  await restarted(broker, { permission: 2 });
  assert.equal((await configuration(client)).get('brokerPermission'), '2');
  assert.equal((await configuration(client)).get('deleteWhen'), '05');
  assert(broker.lines.some(({ message }) => message === 'a change made at run time is void'));
  await update(client, 'deleteWhen=04');
  await restarted(broker, { deleteHours: [6] });
  assert.equal((await configuration(client)).get('deleteWhen'), '06');
});

test('a change that cannot be written is an error and has not happened', async () => {
  const broker = new TestBroker();
  let fails = false;
  broker.around = (disk): Disk => ({
    ...bound(disk),
    open: async (path, mode) => {
      if (fails && path.includes('broker.changes')) {
        throw new Failure('unavailable', `${path}: no space`, { reason: 'diskFull' });
      }
      return await disk.open(path, mode);
    },
  });
  await broker.start();
  const client = broker.client();
  fails = true;
  assert.notEqual((await update(client, 'brokerPermission=4')).code, 'SUCCESS');
  assert.equal((await configuration(client)).get('brokerPermission'), '6');
  fails = false;
  assert.equal((await update(client, 'brokerPermission=4')).code, 'SUCCESS');
});

test('a damaged file of changes keeps the broker from starting, and is named', async () => {
  const broker = await TestBroker.start();
  await update(broker.client(), 'brokerPermission=4');
  await broker.stop();
  const path = '/store/config/broker.changes';
  const file = await broker.complete(broker.node.disk.open(path, 'write'));
  await broker.complete(file.write(new Uint8Array([0x30]), 12));
  await broker.complete(file.close());
  await assert.rejects(broker.start(), /broker\.changes is damaged/);
});

test('messages may become larger at run time as far as the log holds them', async () => {
  const client = (await TestBroker.start()).client();
  const answer = await update(client, 'maxMessageSize=1m');
  assert.match(answer.remark ?? '', /^maxMessageSize: more than \d+ takes a restart/);
});

test('how messages are flushed may change between two of them', async () => {
  const broker = await TestBroker.start({ flushIntervalMs: 60_000 });
  const client = broker.client();
  await client.createTopic('t');
  await update(client, 'flushDiskType=SYNC_FLUSH');
  assert.equal((await client.send('t', 'kept')).code, 'SUCCESS');
  await update(client, 'flushDiskType=ASYNC_FLUSH');
  assert.equal((await client.send('t', 'lost')).code, 'SUCCESS');
  await broker.crash({ powerLoss: true });
  assert.deepEqual((await client.pull({ topic: 't' })).bodies, ['kept']);
});

test('how much a pull gives, and how long it waits, follow the options of the moment', async () => {
  const client = (await TestBroker.start()).client();
  await client.createTopic('t');
  for (const body of ['a', 'b', 'c']) await client.send('t', body);
  const pull = () => client.pull({ topic: 't', count: 32 });
  assert.equal((await pull()).bodies.length, 3);
  await update(client, 'maxTransferCountOnMessageInMemory=2');
  assert.equal((await pull()).bodies.length, 2);
});

test('topics that a send creates follow the options at the time of the send', async () => {
  const client = (await TestBroker.start({ autoCreateTopics: false })).client();
  assert.equal((await client.send('a', 'x')).code, 'TOPIC_NOT_EXIST');
  await update(client, 'autoCreateTopicEnable=true\ndefaultTopicQueueNums=3\n');
  assert.equal((await client.send('a', 'x', { queues: 8 })).code, 'SUCCESS');
  assert.equal((await client.send('a', 'x', { queueId: 2 })).code, 'SUCCESS');
  assert.equal((await client.send('a', 'x', { queueId: 3 })).code, 'INVALID_PARAMETER');
  await update(client, 'autoCreateTopicEnable=false');
  assert.equal((await client.send('b', 'x')).code, 'TOPIC_NOT_EXIST');
});

/** Its methods, which a spread of an instance would not have. */
function bound(disk: Disk): Disk {
  return {
    open: (path, mode) => disk.open(path, mode),
    list: (folder) => disk.list(folder),
    makeFolder: (path) => disk.makeFolder(path),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    syncFolder: (path) => disk.syncFolder(path),
    usage: (path) => disk.usage(path),
  };
}

test('who changed an option is logged, with what it was before', async () => {
  const broker = await TestBroker.start();
  await update(broker.client('admin'), 'brokerPermission=4');
  const { fields } = broker.lines.find(({ message }) => message === 'an option was changed') ?? {};
  assert.match(String(fields?.['by']), /^admin:\d+$/);
  assert.deepEqual(
    [fields?.['key'], fields?.['before'], fields?.['after']],
    ['brokerPermission', '6', '4'],
  );
});
