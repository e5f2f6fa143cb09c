import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import type { RemotingConnection } from '../remoting/index.ts';
import { RemotingServer } from '../remoting/index.ts';
import {
  BrokerIdentity,
  DataVersion,
  type IncomingCommand,
  QueryDataVersionResponse,
  RegisterBroker,
  RegisterBrokerBody,
  RequestCode,
  ResponseCode,
  requestCodeName,
} from '../wire/index.ts';
import { TestBroker } from './test-broker.ts';

const at = { host: 'names', port: 9876 };
const registerIntervalMs = 10_000;

/** A name server that notes what it is told; it forgets a broker when its connection closes, as all do. */
class FakeNameServer {
  readonly #broker: TestBroker;
  #server: RemotingServer | undefined;
  readonly requests: string[] = [];
  /** Topics of each registration, in the order they came. */
  readonly registrations: string[][] = [];
  /** Permissions of the topics of the last one. */
  permissions = new Map<string, number>();
  /** What it knows: version of the topic table. */
  known: string | undefined;
  last: RegisterBroker | undefined;
  /** What it answers, instead of success. */
  refuses: number | undefined;

  readonly #node: string;

  constructor(broker: TestBroker, node = at.host) {
    this.#broker = broker;
    this.#node = node;
  }

  async start(): Promise<void> {
    const { network, clock, logger } = this.#broker.world.node(this.#node);
    this.#server = await this.#broker.complete(
      RemotingServer.listen(
        { at: { host: '0.0.0.0', port: at.port } },
        { network, clock, logger },
        {
          handle: (connection, request) => this.#handle(connection, request),
          closed: () => {
            this.known = undefined;
          },
        },
      ),
    );
  }

  async stop(): Promise<void> {
    await this.#broker.complete(this.#server?.stop() ?? Promise.resolve());
  }

  /** Names of the requests since the last time this was asked. */
  since(): string[] {
    return this.requests.splice(0);
  }

  #handle(connection: RemotingConnection, request: IncomingCommand): void {
    this.requests.push(requestCodeName(request.code));
    if (this.refuses !== undefined) {
      connection.answer(request, { code: this.refuses, remark: 'no' });
      return;
    }
    switch (request.code) {
      case RequestCode.REGISTER_BROKER: {
        this.last = RegisterBroker.decode(request);
        const { topicConfigSerializeWrapper } = RegisterBrokerBody.decode(request.body);
        const { dataVersion, topicConfigTable } = topicConfigSerializeWrapper;
        this.known = JSON.stringify(dataVersion);
        this.registrations.push([...topicConfigTable.keys()]);
        this.permissions = new Map([...topicConfigTable].map(([name, { perm }]) => [name, perm]));
        connection.answer(request, { code: ResponseCode.SUCCESS });
        return;
      }
      case RequestCode.QUERY_DATA_VERSION: {
        BrokerIdentity.decode(request);
        const changed = this.known !== JSON.stringify(DataVersion.decode(request.body));
        connection.answer(request, {
          code: ResponseCode.SUCCESS,
          header: [QueryDataVersionResponse, { changed }],
        });
        return;
      }
      default:
        connection.answer(request, { code: ResponseCode.SUCCESS });
    }
  }
}

async function both(): Promise<{ broker: TestBroker; names: FakeNameServer }> {
  const broker = new TestBroker({ nameServers: [at], registerIntervalMs });
  const names = new FakeNameServer(broker);
  await names.start();
  await broker.start();
  return { broker, names };
}

test('a start registers everything, with epoch and address', async () => {
  const { broker, names } = await both();
  assert.deepEqual(names.since(), ['REGISTER_BROKER']);
  const [topics = []] = names.registrations;
  assert(topics.includes('TBW102') && !topics.includes('rmq_sys_metadata'));
  assert.equal(names.last?.epoch, 1);
  assert.equal(names.last?.brokerName, broker.options.brokerName);
  await broker.stop();
  assert.deepEqual(names.since(), ['UNREGISTER_BROKER']);
});

test('a topic is registered before its definition is answered, and alone', async () => {
  const { broker, names } = await both();
  names.registrations.splice(0);
  await broker.client().createTopic('t');
  assert.deepEqual(names.registrations, [['t']]);
  await broker.client().send('auto', 'x');
  await broker.runFor(1000);
  assert.deepEqual(names.registrations.at(-1), ['auto']);
});

test('in between only the version is asked for, so that the registration stays alive', async () => {
  const { broker, names } = await both();
  names.since();
  await broker.runFor(3 * registerIntervalMs + 5000);
  const requests = names.since();
  assert(requests.length >= 2 && requests.length <= 4, `${requests}`);
  assert(requests.every((name) => name === 'QUERY_DATA_VERSION'));
});

test('a name server that is down at the start is told everything once it is there', async () => {
  const broker = new TestBroker({ nameServers: [at], registerIntervalMs });
  const names = new FakeNameServer(broker);
  await broker.start();
  await broker.client().createTopic('t');
  await broker.runFor(5000);
  await names.start();
  await broker.runFor(5000);
  assert.equal(names.registrations.length, 1);
  assert(names.registrations[0]?.includes('t') && names.registrations[0]?.includes('TBW102'));
});

test('a name server that restarts is told everything again, within seconds', async () => {
  const { broker, names } = await both();
  await broker.client().createTopic('t');
  await names.stop();
  await broker.client().createTopic('u');
  await broker.runFor(5000);
  names.registrations.splice(0);
  await names.start();
  await broker.runFor(5000);
  const [topics = []] = names.registrations;
  assert(['t', 'u', 'TBW102'].every((name) => topics.includes(name)));
});

test('a name server that lost the registration is told everything at the next check', async () => {
  const { broker, names } = await both();
  await broker.client().createTopic('t');
  names.registrations.splice(0);
  names.known = undefined;
  await broker.runFor(registerIntervalMs + 5000);
  assert.equal(names.registrations.length, 1);
  assert(names.registrations[0]?.includes('t') && names.registrations[0]?.includes('TBW102'));
});

test('a name server that refuses is asked again each second, and the log says so once', async () => {
  const { broker, names } = await both();
  names.refuses = ResponseCode.SYSTEM_ERROR;
  await broker.client().createTopic('t');
  await broker.runFor(5000);
  names.since();
  await broker.runFor(5000);
  const tries = names.since().length;
  assert(tries >= 4 && tries <= 6, `${tries} tries`);
  const warnings = broker.lines.filter(({ message }) => /cannot register/.test(message));
  assert.equal(warnings.length, 1);
  names.refuses = undefined;
  await broker.runFor(3000);
  assert(names.registrations.at(-1)?.includes('t'));
});

test('a definition does not wait long for a name server that does not answer', async () => {
  const { broker } = await both();
  broker.world.network.block('names', 'broker');
  const began = broker.world.nowMs;
  assert.equal((await broker.client().createTopic('t')).code, 'SUCCESS');
  assert(broker.world.nowMs - began < 3000);
  broker.world.network.heal();
});

test('a name server that hangs for long is not asked over and over once it is back', async () => {
  const { broker, names } = await both();
  broker.world.network.block('names', 'broker');
  await broker.client().createTopic('t');
  await broker.runFor(300_000);
  broker.world.network.heal();
  names.since();
  await broker.runFor(5000);
  assert(names.since().length <= 4);
});

test('what the broker permits is told with every topic, and at once when it changes', async () => {
  const { broker, names } = await both();
  await broker.client().createTopic('t', 1, { perm: 6 });
  const known = names.known;
  await setOptions(broker, 'brokerPermission=4');
  await broker.runFor(2000);
  assert.deepEqual([names.permissions.get('t'), names.permissions.get('TBW102')], [4, 4]);
  assert.notEqual(names.known, known);
  await broker.client().createTopic('u', 1, { perm: 2 });
  assert.equal(names.permissions.get('u'), 0);
  await setOptions(broker, 'brokerPermission=6');
  await broker.runFor(2000);
  assert.deepEqual([names.permissions.get('t'), names.permissions.get('u')], [6, 2]);
});

test('name servers may change: the new ones are told everything, the old ones of the leave', async () => {
  const { broker, names } = await both();
  const others = new FakeNameServer(broker, 'others');
  await others.start();
  names.since();
  await setOptions(broker, 'namesrvAddr=others:9876');
  assert.deepEqual(names.since(), ['UNREGISTER_BROKER']);
  assert(others.registrations[0]?.includes('TBW102'));
  await broker.client().createTopic('t');
  assert.deepEqual(others.registrations.at(-1), ['t']);
  assert.deepEqual(names.since(), []);
  await broker.crash({ powerLoss: true });
  assert.deepEqual(names.since(), []);
  assert(others.registrations.at(-1)?.includes('t'));
});

async function setOptions(broker: TestBroker, text: string): Promise<void> {
  const { code, remark } = await broker.client().ask({
    code: RequestCode.UPDATE_BROKER_CONFIG,
    body: new TextEncoder().encode(text),
  });
  assert.equal(code, 0, remark);
}

test('a deleted topic is not registered again', async () => {
  const { broker, names } = await both();
  await broker.client().createTopic('t');
  names.registrations.splice(0);
  await broker.client().deleteTopic('t');
  await broker.runFor(2000);
  assert(names.registrations.every((topics) => !topics.includes('t')));
  names.known = undefined;
  await broker.runFor(registerIntervalMs + 5000);
  assert(names.registrations.every((topics) => !topics.includes('t')));
});
