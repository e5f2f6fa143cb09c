import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimWorld } from '../../test/sim/ports/index.ts';
import { type Address, isFailure } from '../base/index.ts';
import {
  RemotingClient,
  RemotingServer,
  type RemotingServerOptions,
  readClientTls,
  readServerTls,
  type TlsServerOptions,
  tlsClientOptions,
  tlsServerOptions,
} from './index.ts';

const twoBelow = ({ host, port }: Address): Address => ({ host, port: port - 2 });

function start(world: SimWorld, options: RemotingServerOptions): Promise<RemotingServer> {
  const listening = RemotingServer.listen(options, world.node('server'), {
    handle: (connection, request) => connection.answer(request, { code: 0 }),
    closed() {},
  });
  return world.complete(listening);
}

async function answerAt(world: SimWorld, port: number, tls = false): Promise<number> {
  const client = new RemotingClient(
    tls ? { tls: { checkServer: false } } : {},
    world.node('client'),
  );
  const asking = client.request({ host: 'server', port }, { code: 1 }, { timeoutMs: 3000 });
  try {
    return (await world.complete(asking, { forMs: 60_000 })).code;
  } finally {
    await world.complete(client.close());
  }
}

test('one server serves two ports, and frees both when it stops', async () => {
  const world = new SimWorld(1);
  const options = { at: { host: 'server', port: 1000 }, alsoAt: twoBelow };
  const server = await start(world, options);
  assert.deepEqual([server.address.port, server.otherAddress?.port], [1000, 998]);
  assert.deepEqual([await answerAt(world, 1000), await answerAt(world, 998)], [0, 0]);
  await world.complete(server.stop());
  const again = await start(world, options);
  await world.complete(again.stop());
});

test('of free ports, one with a free neighbour is picked', async () => {
  const world = new SimWorld(1);
  const first = await start(world, { at: { host: 'server', port: 0 } });
  const { port } = first.address;
  // The next free port has its neighbour taken; so has the one after that.
  const neighbours = await start(world, { at: { host: 'server', port: port + 1 } });
  const second = await start(world, {
    at: { host: 'server', port: 0 },
    alsoAt: ({ host, port: picked }) => ({ host, port: picked < port + 4 ? port : picked - 2 }),
  });
  assert.equal(second.otherAddress?.port, second.address.port - 2);
  for (const server of [first, neighbours, second]) await world.complete(server.stop());
});

test('a port that was asked for and whose neighbour is taken is given back, or served without it', async () => {
  const world = new SimWorld(1);
  const neighbour = await start(world, { at: { host: 'server', port: 998 } });
  const at = { host: 'server', port: 1000 };
  await assert.rejects(start(world, { at, alsoAt: twoBelow }), (error) =>
    isFailure(error, 'unavailable', 'addressInUse'),
  );
  const alone = await start(world, { at, alsoAt: twoBelow, mayLackOther: true });
  assert.equal(alone.otherAddress, undefined);
  for (const server of [neighbour, alone]) await world.complete(server.stop());
});

const defaults = Object.fromEntries(
  Object.entries(tlsServerOptions).map(([name, { default: value }]) => [name, value]),
) as unknown as TlsServerOptions;

test('requests go over encrypted and plain connections alike, unless options say otherwise', async () => {
  const world = new SimWorld(1);
  const { disk } = world.node('server');
  for (const [mode, plain, encrypted] of [
    ['disabled', true, false],
    ['permissive', true, true],
    ['enforcing', false, true],
  ] as const) {
    const tls = await world.complete(readServerTls({ ...defaults, tlsMode: mode }, disk));
    const server = await start(world, { at: { host: 'server', port: 1000 }, tls });
    for (const [isEncrypted, works] of [
      [false, plain],
      [true, encrypted],
    ] as const) {
      const answer = answerAt(world, 1000, isEncrypted);
      if (works) assert.equal(await answer, 0);
      else await assert.rejects(answer, (error) => isFailure(error, 'unavailable'));
    }
    await world.complete(server.stop());
  }
});

test('options of TLS that do not fit together, or name files that are not there, are refused', async () => {
  const world = new SimWorld(1);
  const { disk } = world.node('server');
  const file = await world.complete(disk.open('/key.pem', 'create'));
  await world.complete(file.write(new TextEncoder().encode('KEY'), 0));
  await world.complete(file.close());
  const refused = async (changes: Partial<TlsServerOptions>, message: RegExp): Promise<void> => {
    const reading = world.complete(readServerTls({ ...defaults, ...changes }, disk));
    await assert.rejects(reading, (error) => {
      assert(isFailure(error, 'invalid'));
      assert.match(error.message, message);
      return true;
    });
  };
  await refused({ tlsTestMode: false }, /needs tls.server.keyPath and tls.server.certPath/);
  await refused({ tlsKeyPath: '/key.pem' }, /tls.server.keyPath and tls.server.certPath need/);
  await refused({ tlsKeyPath: '/none.pem' }, /tls.server.keyPath=\/none.pem cannot be read/);
  await refused({ tlsClientAuth: 'require' }, /needs tls.server.authClient=true/);
  const read = await world.complete(
    readServerTls({ ...defaults, tlsKeyPath: '/key.pem', tlsCertificatePath: '/key.pem' }, disk),
  );
  assert.deepEqual(read?.identity, { key: 'KEY', certificate: 'KEY', keyPassword: undefined });
});

test('a password is read and never shown', () => {
  const { type } = tlsServerOptions.tlsKeyPassword;
  const places = { homeFolder: '/', workingFolder: '/' };
  assert.deepEqual(type.parse('secret', places), { value: 'secret' });
  assert.equal(type.format('secret').includes('secret'), false);
});

test('connections of our own are encrypted only when they are told to be', async () => {
  const world = new SimWorld(1);
  const { disk } = world.node('client');
  const options = Object.fromEntries(
    Object.entries(tlsClientOptions).map(([name, { default: value }]) => [name, value]),
  ) as unknown as Parameters<typeof readClientTls>[0];
  assert.equal(await readClientTls(options, disk), undefined);
  assert.deepEqual(await readClientTls({ ...options, tlsToServers: true }, disk), {
    checkServer: false,
    identity: undefined,
    trusted: undefined,
  });
});
