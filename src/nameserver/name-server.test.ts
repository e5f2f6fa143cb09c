import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SimLogLine, SimWorld } from '../../test/sim/ports/index.ts';
import { isFailure } from '../base/index.ts';
import { type OutgoingRequest, RemotingClient, RemotingServer } from '../remoting/index.ts';
import { type IncomingCommand, RequestCode, ResponseCode } from '../wire/index.ts';
import { NameServer, type NameServerOptions } from './index.ts';

const at = { host: 'nameserver', port: 9876 };

interface Setup {
  readonly world: SimWorld;
  readonly server: NameServer;
  readonly lines: readonly SimLogLine[];
  /** Sends a request from this node and waits for the answer. */
  ask(request: OutgoingRequest & { readonly from?: string }): Promise<IncomingCommand>;
}

async function setup(options: Partial<NameServerOptions> = {}): Promise<Setup> {
  const lines: SimLogLine[] = [];
  const world = new SimWorld(1, { log: (line) => void lines.push(line) });
  const server = await world.complete(
    NameServer.start({ listenPort: 9876, ...options }, world.node('nameserver')),
  );
  const clients = new Map<string, RemotingClient>();
  return {
    world,
    server,
    lines,
    ask({ from = 'client', ...request }) {
      const client = clients.get(from) ?? new RemotingClient({}, world.node(from));
      clients.set(from, client);
      return world.complete(client.request(at, request, { timeoutMs: 3000 }));
    },
  };
}

interface BrokerFields {
  readonly name?: string;
  readonly address?: string;
  readonly topics?: readonly string[];
  readonly from?: string;
  readonly extFields?: Readonly<Record<string, string>>;
}

const identity = ({ name = 'a', address = '10.0.0.1:10911' }: BrokerFields) => ({
  clusterName: 'C',
  brokerName: name,
  brokerAddr: address,
  brokerId: '0',
});

function registration(broker: BrokerFields = {}): OutgoingRequest & { readonly from: string } {
  const { topics = ['T', 'U'], from = 'broker', extFields } = broker;
  const topicConfigTable = Object.fromEntries(
    topics.map((topicName) => [topicName, { topicName }]),
  );
  const body = { topicConfigSerializeWrapper: { topicConfigTable } };
  return {
    code: RequestCode.REGISTER_BROKER,
    from,
    extFields: { ...identity(broker), haServerAddr: '10.0.0.1:10912', ...extFields },
    body: new TextEncoder().encode(JSON.stringify(body)),
  };
}

const routeOf = (topic: string) => ({
  code: RequestCode.GET_ROUTEINFO_BY_TOPIC,
  extFields: { topic },
});
const codeOf = async (answer: Promise<IncomingCommand>): Promise<number> => (await answer).code;
const bodyOf = (answer: IncomingCommand): string => new TextDecoder().decode(answer.body);

test('a route disappears with the connection of its broker, and returns with the next registration', async () => {
  const { world, ask } = await setup();
  await ask(registration());
  assert.equal(await codeOf(ask(routeOf('T'))), 0);
  world.node('broker').crash({ powerLoss: false });
  await world.run({ forMs: 1000 });
  assert.equal(await codeOf(ask(routeOf('T'))), 17);
  await ask(registration({ from: 'broker again' }));
  assert.equal(await codeOf(ask(routeOf('T'))), 0);
});

test('a broker whose machine lost power expires after the time that it asked for', async () => {
  const { world, ask } = await setup();
  await ask(registration({ extFields: { heartbeatTimeoutMillis: '20000' } }));
  for (let i = 0; i < 5; i++) {
    await world.run({ forMs: 15_000 });
    const heartbeat = {
      code: RequestCode.BROKER_HEARTBEAT,
      from: 'broker',
      extFields: identity({}),
    };
    assert.equal(await codeOf(ask(heartbeat)), 0);
  }
  assert.equal(await codeOf(ask(routeOf('T'))), 0);
  world.network.block('broker', 'nameserver');
  await world.run({ forMs: 26_000 });
  assert.equal(await codeOf(ask(routeOf('T'))), 17);
});

test('the master of the lower epoch is refused and told why', async () => {
  const { ask } = await setup();
  await ask(registration({ extFields: { epoch: '7' } }));
  const stale = await ask(
    registration({ from: 'old', address: '10.0.0.9:10911', extFields: { epoch: '6' } }),
  );
  assert.equal(stale.code, ResponseCode.SYSTEM_ERROR);
  assert.match(stale.remark ?? '', /10\.0\.0\.1:10911 is registered with the newer epoch 7/);
  assert.match(bodyOf(await ask(routeOf('T'))), /10\.0\.0\.1:10911/);
});

test('a registration with a wrong checksum or a malformed body changes nothing', async () => {
  const { ask } = await setup();
  const wrong = await ask(registration({ extFields: { bodyCrc32: '1' } }));
  assert.deepEqual([wrong.code, wrong.remark], [1, 'crc32 not match']);
  const malformed = await ask({ ...registration(), body: new TextEncoder().encode('{"a":') });
  assert.equal(malformed.code, 1);
  assert.equal(await codeOf(ask(routeOf('T'))), 17);
});

test('an incomplete request is refused and the connection goes on', async () => {
  const { ask } = await setup();
  const answer = await ask({ code: RequestCode.UNREGISTER_BROKER, extFields: { brokerName: 'a' } });
  assert.equal(answer.code, 1);
  assert.match(answer.remark ?? '', /missing/);
  assert.equal(await codeOf(ask(routeOf('T'))), 17);
});

test('unknown requests are refused as unsupported', async () => {
  const { ask } = await setup();
  const answer = await ask({ code: 999 });
  assert.deepEqual([answer.code, answer.remark], [3, ' request type 999 not supported']);
});

test('an option that may change does so at once, and is still changed after a restart', async () => {
  const configStorePath = '/data/deep/changes';
  const { world, server, ask } = await setup({ configStorePath });
  await ask(registration());
  assert.equal(await codeOf(ask({ code: 206 })), 0);
  assert.equal(await codeOf(ask(update('enableAllTopicList=false\n'))), 0);
  assert.equal(await codeOf(ask({ code: 206 })), 1);
  await world.complete(server.stop());
  const node = world.node('nameserver');
  await world.complete(NameServer.start({ listenPort: 9876, configStorePath }, node));
  assert.equal(await codeOf(ask({ code: 206 })), 1);
  const text = bodyOf(await ask({ code: RequestCode.GET_NAMESRV_CONFIG }));
  assert.match(text, /^enableAllTopicList=false$/m);
  assert.match(text, /^scanNotActiveBrokerInterval=5000$/m);
  assert.match(text, /^serverWorkerThreads=8$/m);
});

test('what may not change is refused by name, and with it all of the request', async () => {
  const { ask } = await setup({ configStorePath: '/data/changes' });
  const refusals = [
    ['kvConfigPath=/x', 16, /black list/],
    ['configStorePath=/x', 16, /black list/],
    ['listenPort=1', 29, /^listenPort: changes at a restart only/],
    ['scanNotActiveBrokerInterval=soon', 29, /^scanNotActiveBrokerInterval: must be a duration/],
    ['enableAllTopicLst=true', 29, /did you mean enableAllTopicList/],
    ['supportActingMaster=true', 29, /^supportActingMaster=true: a slave/],
    ['serverWorkerThreads=9', 29, /^serverWorkerThreads: has no effect here/],
  ] as const;
  for (const [line, code, remark] of refusals) {
    const answer = await ask(update(`enableTopicList=false\n${line}\n`));
    assert.equal(answer.code, code, line);
    assert.match(answer.remark ?? '', remark);
  }
  assert.match(bodyOf(await ask({ code: 319 })), /^enableTopicList=true$/m);
});

test('without a file for changes no option changes', async () => {
  const { ask } = await setup();
  const answer = await ask(update('enableTopicList=false'));
  assert.deepEqual([answer.code, answer.remark], [29, 'there is no file to keep changes in']);
  assert.equal(await codeOf(ask(update('enableTopicList=true'))), 0);
});

function update(text: string) {
  return { code: RequestCode.UPDATE_NAMESRV_CONFIG, body: new TextEncoder().encode(text) };
}

test('lists can be switched off', async () => {
  const { ask } = await setup({ enableAllTopicList: false, enableTopicList: false });
  await ask(registration());
  for (const code of [206, 224, 311, 312, 313]) {
    const answer = await ask({ code, extFields: { cluster: 'C' } });
    assert.deepEqual([answer.code, answer.remark], [1, 'disable']);
  }
});

test('routes may be held back until brokers had time to register', async () => {
  const { world, ask } = await setup({ needWaitForService: true, waitForServiceMs: 5000 });
  await ask(registration());
  const early = await ask(routeOf('T'));
  assert.deepEqual([early.code, early.remark], [1, 'name server not ready']);
  await world.run({ forMs: 5000 });
  assert.equal(await codeOf(ask(routeOf('T'))), 0);
});

test('key-value configuration survives a restart; without a file it cannot change', async () => {
  const put = {
    code: RequestCode.PUT_KV_CONFIG,
    extFields: { namespace: 'N', key: 'k', value: 'v' },
  };
  const get = { code: RequestCode.GET_KV_CONFIG, extFields: { namespace: 'N', key: 'k' } };
  const kvConfigPath = '/data/kvConfig.json';
  const { world, server, ask } = await setup({ kvConfigPath });
  assert.equal(await codeOf(ask(put)), 0);
  await world.complete(server.stop());
  const node = world.node('nameserver');
  await world.complete(NameServer.start({ listenPort: 9876, kvConfigPath }, node));
  assert.equal((await ask(get)).text('value'), 'v');

  const without = await setup();
  const refused = await without.ask(put);
  assert.equal(refused.code, 1);
  assert.match(refused.remark ?? '', /kvConfigPath is not set/);
  assert.equal(await codeOf(without.ask(get)), ResponseCode.QUERY_NOT_FOUND);
});

test('order configuration is in routes only when that is switched on', async () => {
  for (const orderMessageEnable of [true, false]) {
    const { ask } = await setup({ orderMessageEnable, kvConfigPath: '/data/kv.json' });
    await ask(registration());
    const extFields = { namespace: 'ORDER_TOPIC_CONFIG', key: 'T', value: 'a:8' };
    await ask({ code: RequestCode.PUT_KV_CONFIG, extFields });
    assert.equal(
      bodyOf(await ask(routeOf('T'))).includes('"orderTopicConf":"a:8"'),
      orderMessageEnable,
    );
    assert.equal(bodyOf(await ask(registration())), '{"table":{"T":"a:8"}}');
  }
});

test('it stops when told to, by call or by signal, and frees its port', async () => {
  const world = new SimWorld(1);
  const node = world.node('nameserver');
  const abort = new AbortController();
  const first = await world.complete(NameServer.start({ listenPort: 9876 }, node, abort.signal));
  const second = NameServer.start({ listenPort: 9876 }, node);
  await assert.rejects(world.complete(second), (error) =>
    isFailure(error, 'unavailable', 'addressInUse'),
  );
  abort.abort();
  await world.complete(Promise.all([first.stop(), first.stop()]));
  const again = await world.complete(NameServer.start({ listenPort: 9876 }, node));
  await world.complete(again.stop());
  const free = RemotingServer.listen({ at: { host: 'nameserver', port: 9876 } }, node, {
    handle() {},
    closed() {},
  });
  await world.complete((await world.complete(free)).stop());
});

test('who changed the configuration is logged, with what was there before', async () => {
  const { lines, ask } = await setup({ kvConfigPath: '/data/kv.json' });
  const change = (code: number, value?: string) =>
    ask({ code, extFields: { namespace: 'N', key: 'k', ...(value !== undefined && { value }) } });
  await change(RequestCode.PUT_KV_CONFIG, 'v');
  await change(RequestCode.PUT_KV_CONFIG, 'w');
  await change(RequestCode.PUT_KV_CONFIG, 'w');
  await change(RequestCode.DELETE_KV_CONFIG);
  const logged = lines.filter(({ message }) => message === 'a key was changed');
  assert.deepEqual(
    logged.map(({ fields }) => [
      fields?.['namespace'],
      fields?.['key'],
      fields?.['before'],
      fields?.['after'],
    ]),
    [
      ['N', 'k', undefined, 'v'],
      ['N', 'k', 'v', 'w'],
      ['N', 'k', 'w', undefined],
    ],
  );
  for (const { fields } of logged) assert.match(String(fields?.['by']), /^client:\d+$/);
});
