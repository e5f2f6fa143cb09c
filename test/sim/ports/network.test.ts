import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Connection, type ConnectionHandler, isFailure } from '../../../src/base/index.ts';
import { SimWorld } from './index.ts';

const port = 9000;
const server = { host: 'server', port };

test('a block delays what goes one way, and healing delivers it in order', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const { world, ends } = await connected(seed);
    ends.client.connection.write(Uint8Array.of(1));
    world.network.block('client', 'server');
    ends.client.connection.write(Uint8Array.of(2));
    ends.server.connection.write(Uint8Array.of(9));
    await world.run({ forMs: 60_000 });
    assert.deepEqual(ends.client.received, [9]);
    assert.ok(ends.server.received.length === 0);
    world.network.heal();
    ends.client.connection.write(Uint8Array.of(3, 4));
    await world.run();
    assert.deepEqual(ends.server.received, [1, 2, 3, 4]);
  }
});

test('a delay counts one way, until it is healed', async () => {
  const { world, ends } = await connected(1);
  world.network.delay('client', 'server', 500);
  ends.client.connection.write(Uint8Array.of(1));
  ends.server.connection.write(Uint8Array.of(2));
  await world.run({ forMs: 400 });
  assert.deepEqual([ends.server.received, ends.client.received], [[], [2]]);
  await world.run({ forMs: 200 });
  assert.deepEqual(ends.server.received, [1]);
  world.network.heal();
  ends.client.connection.write(Uint8Array.of(3));
  await world.run({ forMs: 10 });
  assert.deepEqual(ends.server.received, [1, 3]);
});

test('a partition lets nobody connect across it, only within', async () => {
  const { world } = await connected(1);
  world.network.partition(['client'], ['server', 'other']);
  await assert.rejects(world.complete(connect(world, 'client')), (error) =>
    isFailure(error, 'unavailable', 'timeout'),
  );
  await world.complete(connect(world, 'other'));
  world.network.heal();
  await world.complete(connect(world, 'client'));
});

test('the peers of a crashed process see their connections close, once', async () => {
  for (const powerLoss of [false, true]) {
    const { world, ends } = await connected(1);
    ends.client.connection.write(Uint8Array.of(1));
    world.node('server').crash({ powerLoss });
    await world.run({ forMs: powerLoss ? 20_000 : 10 });
    assert.equal(ends.client.closes.length, 1);
    assert.ok(isFailure(ends.client.closes[0], 'unavailable', 'connectionLost'));
    assert.deepEqual(ends.server.closes, [], 'a dead process is told nothing');
    await assert.rejects(world.complete(connect(world, 'client')), (error) =>
      powerLoss ? isFailure(error, 'unavailable', 'timeout') : isFailure(error, 'unavailable'),
    );
    world.node('server').restart();
    await world.complete(listen(world));
    await world.complete(connect(world, 'client'));
  }
});

test('a cut leaves a first part of what was under way, and closes both ends once', async () => {
  const lengths = new Set<number>();
  for (let seed = 0; seed < 30; seed++) {
    const { world, ends } = await connected(seed);
    const content = Uint8Array.from({ length: 100 }, (_, index) => index);
    ends.client.connection.write(content);
    await world.run({ forMs: 1 });
    world.network.cut('client', 'server');
    await world.run();
    const { received } = ends.server;
    assert.deepEqual(received, [...content.subarray(0, received.length)]);
    assert.deepEqual([ends.client.closes.length, ends.server.closes.length], [1, 1]);
    lengths.add(received.length);
  }
  assert.ok(lengths.size > 2);
});

test('connections that break by chance deliver a first part', async () => {
  let broken = 0;
  for (let seed = 0; seed < 30; seed++) {
    const { world, ends } = await connected(seed);
    world.network.faults = { ...world.network.faults, breakChance: 0.2 };
    for (let index = 0; index < 10; index++)
      ends.client.connection.write(Uint8Array.of(index, index));
    await world.run();
    const { received, closes } = ends.server;
    assert.deepEqual(
      received,
      Array.from(received, (_, index) => index >> 1),
    );
    if (received.length < 20) assert.equal(closes.length, 1);
    broken += closes.length;
  }
  assert.ok(broken > 5 && broken < 30, `${broken}`);
});

test('writes arrive in other pieces than they were written in', async () => {
  const pieces = new Set<number>();
  for (let seed = 0; seed < 30; seed++) {
    const { world, ends } = await connected(seed);
    ends.client.connection.write(new Uint8Array(10));
    ends.client.connection.write(new Uint8Array(10));
    await world.run();
    assert.equal(ends.server.received.length, 20);
    pieces.add(ends.server.pieces);
  }
  assert.ok(pieces.has(1) && pieces.has(2) && pieces.has(3));
});

test('the memory of a write may be used again once it is sent', async () => {
  const { world, ends } = await connected(1);
  const memory = Uint8Array.of(1, 2, 3);
  ends.client.connection.write(memory);
  assert.equal(ends.client.connection.unsentBytes, 0);
  memory.fill(9);
  await world.run();
  assert.deepEqual(ends.server.received, [1, 2, 3]);
});

/** One end of a connection, and what happened to it. */
class End {
  readonly received: number[] = [];
  readonly closes: (Error | undefined)[] = [];
  pieces = 0;
  #connection: Connection | undefined;

  get connection(): Connection {
    assert.ok(this.#connection);
    return this.#connection;
  }

  readonly accept = (connection: Connection): ConnectionHandler => {
    this.#connection = connection;
    return {
      data: (bytes) => {
        this.pieces++;
        this.received.push(...bytes);
      },
      drained: () => {},
      closed: (cause) => void this.closes.push(cause),
    };
  };
}

async function connected(
  seed: number,
): Promise<{ world: SimWorld; ends: { client: End; server: End } }> {
  const world = new SimWorld(seed);
  const ends = { client: new End(), server: new End() };
  await world.complete(listen(world, ends.server));
  await world.complete(connect(world, 'client', ends.client));
  return { world, ends };
}

async function listen(world: SimWorld, end = new End()): Promise<void> {
  await world.node('server').network.listen(server, end.accept);
}

async function connect(world: SimWorld, from: string, end = new End()): Promise<void> {
  await world.node(from).network.connect(server, { timeoutMs: 3000 }, end.accept);
}
