import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimWorld } from '../../test/sim/ports/index.ts';
import { type Connection, isFailure } from '../base/index.ts';
import { encodeCommand } from '../wire/index.ts';
import {
  type Answer,
  handleAsync,
  RemotingClient,
  type RemotingConnection,
  RemotingServer,
  type RemotingServerOptions,
  type RequestHandler,
} from './index.ts';

const at = { host: 'server', port: 1000 };

async function start(
  world: SimWorld,
  handle: RequestHandler['handle'],
  options: Partial<RemotingServerOptions> = {},
): Promise<RemotingServer> {
  return await world.complete(
    RemotingServer.listen({ at, ...options }, world.node('server'), { handle, closed() {} }),
  );
}

/** A peer that sends bytes; `isClosed` once the server has closed it. */
async function connect(world: SimWorld, name: string) {
  const peer = { isClosed: false };
  const connection: Connection = await world.complete(
    world.node(name).network.connect(at, { timeoutMs: 1000 }, () => ({
      data() {},
      drained() {},
      closed() {
        peer.isClosed = true;
      },
    })),
  );
  return Object.assign(peer, { connection });
}

/** The begin of a frame that announces much, `length` bytes of it. */
function beginOfFrame(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set([0x00, 0xf0, 0x00, 0x00]);
  return bytes;
}

for (const limits of [{ maxUnansweredRequests: 2 }, { maxUnansweredBytes: 250 }] as const) {
  test(`nothing more is read while too much is unanswered: ${Object.keys(limits)}`, async () => {
    const world = new SimWorld(1);
    const begun: number[] = [];
    const finish: (() => void)[] = [];
    const server = await start(
      world,
      (connection, request) =>
        handleAsync(connection, request, () => {
          begun.push(request.code);
          return new Promise<Answer>((resolve) => finish.push(() => resolve({ code: 0 })));
        }),
      limits,
    );
    const client = new RemotingClient({}, world.node('client'));
    const answers = [1, 2, 3, 4, 5, 6, 7].map((code) =>
      client.request(at, { code, body: new Uint8Array(20) }, { timeoutMs: 60_000 }),
    );
    await world.run({ forMs: 1000 });
    assert.deepEqual(begun, [1, 2, 3], 'one more than allowed, and no others');
    finish.shift()?.();
    await world.run({ forMs: 1000 });
    assert.deepEqual(begun, [1, 2, 3, 4]);
    for (let turn = 0; turn < 7; turn++) {
      for (const one of finish.splice(0)) one();
      await world.run({ forMs: 1000 });
    }
    const codes = (await world.complete(Promise.all(answers))).map(({ code }) => code);
    assert.deepEqual(codes, [0, 0, 0, 0, 0, 0, 0]);
    assert.deepEqual(begun, [1, 2, 3, 4, 5, 6, 7]);
    await world.complete(client.close());
    await world.complete(server.stop());
  });
}

test('unfinished frames beyond the limit of all cost the largest of them its connection', async () => {
  const world = new SimWorld(1);
  const server = await start(
    world,
    (connection, request) => connection.answer(request, { code: 0 }),
    {
      maxPartialBytes: 150_000,
    },
  );
  const [a, b, c] = [
    await connect(world, 'a'),
    await connect(world, 'b'),
    await connect(world, 'c'),
  ];
  const peers = [a, b, c];
  a.connection.write(beginOfFrame(20_000));
  b.connection.write(beginOfFrame(40_000));
  await world.run({ forMs: 1000 });
  assert.deepEqual(
    peers.map(({ isClosed }) => isClosed),
    [false, false, false],
  );
  c.connection.write(beginOfFrame(25_000));
  await world.run({ forMs: 1000 });
  assert.deepEqual(
    peers.map(({ isClosed }) => isClosed),
    [false, true, false],
  );
  // Whoever goes away gives back what it took.
  a.connection.destroy();
  await world.run({ forMs: 1000 });
  const d = await connect(world, 'd');
  d.connection.write(beginOfFrame(40_000));
  await world.run({ forMs: 1000 });
  assert.deepEqual([c.isClosed, d.isClosed], [false, false]);
  const client = new RemotingClient({}, world.node('client'));
  const answer = await world.complete(client.request(at, { code: 1 }, { timeoutMs: 1000 }));
  assert.equal(answer.code, 0);
  await world.complete(client.close());
  c.connection.destroy();
  d.connection.destroy();
  await world.complete(server.stop());
});

test('a connection that breaks off within a frame leaves nothing behind', async () => {
  const world = new SimWorld(1);
  const handled: number[] = [];
  const server = await start(world, (_, request) => void handled.push(request.code));
  const frame = encodeCommand({ code: 7, opaque: 1, encoding: 'json', body: new Uint8Array(100) });
  for (let length = 1; length < frame.length; length += 9) {
    const peer = await connect(world, 'client');
    peer.connection.write(frame.subarray(0, length));
    await world.run({ forMs: 20 });
    peer.connection.destroy();
    await world.run({ forMs: 20 });
  }
  assert.deepEqual(handled, []);
  assert.equal(server.connections.size, 0);
  await world.complete(server.stop());
});

test('no request is added to more than a peer has yet to take', async () => {
  const world = new SimWorld(1);
  const connections: RemotingConnection[] = [];
  const server = await start(world, (connection) => void connections.push(connection), {
    maxOutputBytes: 100_000,
  });
  const peer = await connect(world, 'client');
  peer.connection.pauseReading();
  peer.connection.write(encodeCommand({ code: 1, opaque: 1, encoding: 'json' }));
  await world.run({ forMs: 100 });
  const [connection] = connections;
  assert(connection);
  const body = new Uint8Array(90_000);
  const failures: unknown[] = [];
  for (let count = 0; count < 10; count++) {
    connection.request({ code: 1, body }, 1000).catch((error: unknown) => failures.push(error));
    await world.run({ forMs: 10 });
  }
  assert(failures.length > 0 && failures.length < 10);
  for (const failure of failures) assert(isFailure(failure, 'unavailable', 'busy'));
  peer.connection.destroy();
  await world.complete(server.stop());
});
