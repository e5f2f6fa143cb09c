import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SimLogLine, SimWorld } from '../../test/sim/ports/index.ts';
import { type Connection, Failure, isFailure } from '../base/index.ts';
import { encodeCommand, FrameReader, type IncomingCommand, ResponseCode } from '../wire/index.ts';
import {
  answerUnsupported,
  handleAsync,
  RemotingClient,
  type RemotingClientOptions,
  type RemotingConnection,
  RemotingServer,
  type RemotingServerOptions,
  type RequestHandler,
} from './index.ts';

const at = { host: 'server', port: 1000 };
const echo = 1;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (command: IncomingCommand): string => new TextDecoder().decode(command.body);

interface Setup {
  readonly world: SimWorld;
  readonly server: RemotingServer;
  readonly client: RemotingClient;
  readonly log: SimLogLine[];
  readonly closed: RemotingConnection[];
  /** Runs the world until the promise settles. */
  run<T>(promise: Promise<T>): Promise<T>;
  /** A connection that is not of this code; `received` is what came over it. */
  raw(): Promise<{
    readonly connection: Connection;
    readonly received: Uint8Array[];
    isClosed: boolean;
  }>;
}

/** A server whose handler echoes bodies unless `handle` is given, and a client. */
async function setup({
  handle = (connection, request) =>
    connection.answer(request, { code: ResponseCode.SUCCESS, body: request.body }),
  server: serverOptions = {},
  client: clientOptions = {},
}: {
  readonly handle?: RequestHandler['handle'];
  readonly server?: Partial<RemotingServerOptions>;
  readonly client?: RemotingClientOptions;
} = {}): Promise<Setup> {
  const log: SimLogLine[] = [];
  const world = new SimWorld(1, { log: (line) => log.push(line) });
  const closed: RemotingConnection[] = [];
  const server = await world.complete(
    RemotingServer.listen({ at, ...serverOptions }, world.node('server'), {
      handle,
      closed: (connection) => closed.push(connection),
    }),
  );
  const client = new RemotingClient(clientOptions, world.node('client'));
  return {
    world,
    server,
    client,
    log,
    closed,
    run: (promise) => world.complete(promise, { forMs: 600_000 }),
    async raw() {
      const peer: {
        connection: Connection | undefined;
        received: Uint8Array[];
        isClosed: boolean;
      } = {
        connection: undefined,
        received: [],
        isClosed: false,
      };
      peer.connection = await world.complete(
        world.node('client').network.connect(at, { timeoutMs: 1000 }, () => ({
          data: (received) => peer.received.push(Uint8Array.from(received)),
          drained() {},
          closed() {
            peer.isClosed = true;
          },
        })),
      );
      return peer as typeof peer & { connection: Connection };
    },
  };
}

function commandsIn(chunks: readonly Uint8Array[]): IncomingCommand[] {
  const commands: IncomingCommand[] = [];
  const reader = new FrameReader();
  for (const chunk of chunks) reader.push(chunk, (command) => commands.push(command));
  return commands;
}

const isUnavailable = (reason: 'timeout' | 'connectionLost' | 'busy') => (error: unknown) =>
  isFailure(error, 'unavailable', reason);

test('a request is answered, over one connection per address', async () => {
  const { server, client, run } = await setup();
  const answers = await run(
    Promise.all(
      ['a', 'b', 'c'].map((text) =>
        client.request(at, { code: echo, body: bytes(text) }, { timeoutMs: 1000 }),
      ),
    ),
  );
  assert.deepEqual(answers.map(textOf), ['a', 'b', 'c']);
  assert.equal(server.connections.size, 1);
});

test('an answer has the encoding, opaque and kind that the request asks for, and our version', async () => {
  const { world, raw } = await setup();
  const { connection, received } = await raw();
  for (const encoding of ['json', 'rocketmq'] as const) {
    connection.write(encodeCommand({ code: echo, opaque: 77, encoding, body: bytes(encoding) }));
  }
  await world.run({ forMs: 1000 });
  assert.deepEqual(
    commandsIn(received).map(({ encoding, opaque, flag, version, language }) => ({
      encoding,
      opaque,
      flag,
      version,
      language,
    })),
    ['json', 'rocketmq'].map((encoding) => ({
      encoding,
      opaque: 77,
      flag: 1,
      version: 479,
      language: 'JAVA',
    })),
  );
});

test('a one-way request is handled and not answered', async () => {
  let handled = 0;
  const { world, client, run, server } = await setup({
    handle: (connection, request) => {
      handled++;
      connection.answer(request, { code: ResponseCode.SUCCESS });
      assert.equal(connection.output.length, 0);
    },
  });
  await run(client.oneway(at, { code: echo }));
  await world.run({ forMs: 1000 });
  assert.equal(handled, 1);
  assert.equal(server.connections.size, 1);
});

test('everything that is answered in one turn leaves in one write', async () => {
  const { world, raw } = await setup();
  world.network.faults = { ...world.network.faults, splitChance: 0 };
  const { connection, received } = await raw();
  const request = encodeCommand({ code: echo, opaque: 1, encoding: 'json' });
  const five = new Uint8Array(5 * request.length);
  for (let i = 0; i < 5; i++) five.set(request, i * request.length);
  connection.write(five);
  await world.run({ forMs: 1000 });
  assert.equal(received.length, 1);
  assert.equal(commandsIn(received).length, 5);
});

test('an unknown code is refused in the words of RocketMQ', async () => {
  const { client, run } = await setup({ handle: answerUnsupported });
  const { code, remark } = await run(client.request(at, { code: 999 }, { timeoutMs: 1000 }));
  assert.deepEqual([code, remark], [3, ' request type 999 not supported']);
});

test('a failure becomes a response, thrown at once or later, and the connection goes on', async () => {
  for (const [failure, code] of [
    [new Failure('invalid', 'no'), 1],
    [new Failure('unavailable', 'no', { reason: 'busy' }), 2],
    [new Failure('unavailable', 'no', { reason: 'diskFull' }), 14],
    [new Failure('unavailable', 'no'), 1],
    [new Failure('fenced', 'no'), 14],
    [new Failure('closed', 'no'), 14],
    [new Failure('corrupt', 'no'), 1],
  ] as const) {
    const { client, run, server } = await setup({
      handle: (connection, request) => {
        if (request.body.length > 0) throw failure;
        handleAsync(connection, request, () => Promise.reject(failure));
      },
    });
    for (const body of [bytes('now'), undefined]) {
      const answer = await run(client.request(at, { code: echo, body }, { timeoutMs: 1000 }));
      assert.deepEqual([answer.code, answer.remark], [code, 'no']);
    }
    assert.equal(server.connections.size, 1);
  }
});

test('a bug is answered with code 1, logged, and ends that connection only', async () => {
  const { client, run, world, log, raw, server } = await setup({
    handle: (connection, request) => {
      assert.equal(textOf(request), 'good', 'invariant');
      connection.answer(request, { code: ResponseCode.SUCCESS });
    },
  });
  const other = await raw();
  const answer = await run(
    client.request(at, { code: echo, body: bytes('bad') }, { timeoutMs: 1000 }),
  );
  assert.equal(answer.code, 1);
  await world.run({ forMs: 10_000 });
  assert.equal(server.connections.size, 1);
  assert.ok(!other.isClosed);
  assert.ok(log.some((line) => line.level === 'error' && line.message.includes('bug')));
  const next = await run(
    client.request(at, { code: echo, body: bytes('good') }, { timeoutMs: 1000 }),
  );
  assert.equal(next.code, 0);
});

test('what is not a frame closes the connection with one line, however often it happens', async () => {
  const { world, raw, log, closed, server } = await setup();
  for (let i = 0; i < 20; i++) {
    const peer = await raw();
    peer.connection.write(bytes('GET / HTTP/1.1\r\n\r\n'));
    await world.run({ forMs: 10 });
    assert.ok(peer.isClosed);
  }
  assert.equal(server.connections.size, 0);
  assert.equal(closed.length, 20);
  assert.equal(log.filter((line) => line.message.includes('not RocketMQ')).length, 1);
});

test('a request times out, and a late answer disturbs nobody', async () => {
  const held: [RemotingConnection, IncomingCommand][] = [];
  const { client, run, world } = await setup({
    handle: (connection, request) => {
      if (textOf(request) === 'slow') held.push([connection, request]);
      else connection.answer(request, { code: ResponseCode.SUCCESS, body: request.body });
    },
  });
  const slow = client.request(at, { code: echo, body: bytes('slow') }, { timeoutMs: 100 });
  await assert.rejects(run(slow), isUnavailable('timeout'));
  for (const [connection, request] of held) connection.answer(request, { code: 0 });
  await world.run({ forMs: 100 });
  const answer = await run(
    client.request(at, { code: echo, body: bytes('x') }, { timeoutMs: 100 }),
  );
  assert.equal(textOf(answer), 'x');
});

test('pending requests fail when the connection breaks, and the next opens a new one', async () => {
  const { client, run, server, world } = await setup({
    handle: (connection, request) => {
      if (textOf(request) === 'break') connection.destroy('test');
      else connection.answer(request, { code: ResponseCode.SUCCESS });
    },
  });
  const broken = client.request(at, { code: echo, body: bytes('break') }, { timeoutMs: 60_000 });
  await assert.rejects(run(broken), isUnavailable('connectionLost'));
  await world.run({ forMs: 100 });
  assert.equal(server.connections.size, 0);
  await run(client.request(at, { code: echo }, { timeoutMs: 1000 }));
  assert.equal(server.connections.size, 1);
});

test('a server that does not answer the call is given up after the time to connect', async () => {
  const { client, run, world } = await setup();
  world.network.block('client', 'server');
  const started = world.nowMs;
  const request = client.request(at, { code: echo }, { timeoutMs: 60_000 });
  await assert.rejects(run(request), isUnavailable('timeout'));
  assert.ok(world.nowMs - started <= 3100, `${world.nowMs - started} ms`);
  const impatient = client.request(at, { code: echo }, { timeoutMs: 50 });
  await assert.rejects(run(impatient), isUnavailable('timeout'));
  world.network.heal();
  await world.run({ forMs: 10_000 });
  await run(client.request(at, { code: echo }, { timeoutMs: 1000 }));
});

test('nobody listening is unavailable', async () => {
  const { client, run } = await setup();
  const request = client.request({ host: 'server', port: 1 }, { code: echo }, { timeoutMs: 1000 });
  await assert.rejects(run(request), (error) => isFailure(error, 'unavailable'));
});

test('a closed client fails what is pending and what comes', async () => {
  const { client, run, server, world } = await setup({ handle() {} });
  const pending = client.request(at, { code: echo }, { timeoutMs: 60_000 });
  const failed = assert.rejects(pending, isUnavailable('connectionLost'));
  await world.run({ forMs: 100 });
  await run(client.close());
  await run(failed);
  const later = client.request(at, { code: echo }, { timeoutMs: 1000 });
  await assert.rejects(run(later), (error) => isFailure(error, 'closed'));
  await world.run({ forMs: 100 });
  assert.equal(server.connections.size, 0);
});

test('more unanswered requests than allowed are busy', async () => {
  const { client, run } = await setup({ handle() {}, client: { maxPendingRequests: 2 } });
  const requests = [1, 2, 3].map(() => client.request(at, { code: echo }, { timeoutMs: 500 }));
  const outcomes = await run(Promise.allSettled(requests));
  const reasons = outcomes.map((outcome) =>
    outcome.status === 'rejected' && outcome.reason instanceof Failure ? outcome.reason.reason : '',
  );
  assert.deepEqual(reasons, ['timeout', 'timeout', 'busy']);
});

test('the server may send requests to its client', async () => {
  const { client, run, server } = await setup({
    client: {
      handler: {
        handle: (connection, request) =>
          connection.answer(request, { code: 0, body: bytes(`hello ${textOf(request)}`) }),
        closed() {},
      },
    },
  });
  await run(client.request(at, { code: echo }, { timeoutMs: 1000 }));
  const [connection] = server.connections;
  assert.ok(connection);
  const answer = await run(connection.request({ code: 40, body: bytes('you') }, 1000));
  assert.equal(textOf(answer), 'hello you');
});

test('a quiet connection is closed after the idle timeout, a used one is not', async () => {
  const { client, run, server, world, raw } = await setup({ server: { idleTimeoutMs: 10_000 } });
  const quiet = await raw();
  for (let i = 0; i < 6; i++) {
    await run(client.request(at, { code: echo }, { timeoutMs: 1000 }));
    await world.run({ forMs: 3000 });
  }
  assert.ok(quiet.isClosed);
  assert.equal(server.connections.size, 1);
});

test('output that nobody takes does not keep a connection from being idle', async () => {
  const { raw, world, server } = await setup({
    server: { idleTimeoutMs: 10_000, stalledTimeoutMs: 5000 },
    handle: (connection, request) =>
      connection.answer(request, { code: 0, body: new Uint8Array(1_000_000) }),
  });
  const { connection } = await raw();
  connection.pauseReading();
  connection.write(encodeCommand({ code: echo, opaque: 1, encoding: 'json' }));
  await world.run({ forMs: 8000 });
  assert.equal(server.connections.size, 1);
  await world.run({ forMs: 20_000 });
  assert.equal(server.connections.size, 0);
});

test('connections beyond the limit are closed at once', async () => {
  const { raw, world, server } = await setup({ server: { maxConnections: 2 } });
  const peers = [await raw(), await raw(), await raw()];
  await world.run({ forMs: 100 });
  assert.deepEqual(
    peers.map((peer) => peer.isClosed),
    [false, false, true],
  );
  assert.equal(server.connections.size, 2);
});

test('a peer that reads slowly is read slowly, loses nothing, and its output stays bounded', async () => {
  const maxOutputBytes = 100_000;
  const answerBytes = 50_000;
  let largestOutput = 0;
  let handled = 0;
  const { world, raw, server } = await setup({
    server: { maxOutputBytes },
    handle: (connection, request) => {
      handled++;
      connection.answer(request, { code: 0, body: new Uint8Array(answerBytes) });
      largestOutput = Math.max(largestOutput, connection.output.length);
    },
  });
  const { connection, received } = await raw();
  connection.pauseReading();
  const request = encodeCommand({ code: echo, opaque: 1, encoding: 'json' });
  for (let i = 0; i < 200; i++) connection.write(request);
  await world.run({ forMs: 5000 });
  const windowBytes = 256 * 1024;
  assert.ok(handled * answerBytes < windowBytes + 3 * maxOutputBytes, `handled ${handled}`);
  assert.ok(largestOutput < maxOutputBytes + 2 * answerBytes, `output ${largestOutput}`);
  connection.resumeReading();
  await world.run({ forMs: 20_000 });
  assert.equal(handled, 200);
  assert.equal(commandsIn(received).length, 200);
  assert.equal(server.connections.size, 1);
});

test('a peer that reads nothing is closed after a while', async () => {
  const { world, raw, server, log } = await setup({
    server: { maxOutputBytes: 100_000, stalledTimeoutMs: 5000 },
    handle: (connection, request) =>
      connection.answer(request, { code: 0, body: new Uint8Array(500_000) }),
  });
  const { connection } = await raw();
  connection.pauseReading();
  connection.write(encodeCommand({ code: echo, opaque: 1, encoding: 'json' }));
  await world.run({ forMs: 4000 });
  assert.equal(server.connections.size, 1);
  await world.run({ forMs: 20_000 });
  assert.equal(server.connections.size, 0);
  assert.ok(log.some((line) => line.message.includes('does not read')));
});

test('answers that come late cannot pile up without bound', async () => {
  const { world, raw, server } = await setup({ server: { maxOutputBytes: 100_000 }, handle() {} });
  const { connection } = await raw();
  connection.pauseReading();
  await world.run({ forMs: 10 });
  const [accepted] = server.connections;
  assert.ok(accepted);
  for (let i = 0; i < 40 && server.connections.size > 0; i++) {
    accepted.output.append(new Uint8Array(50_000));
    accepted.wantsFlush();
    await world.run({ forMs: 1 });
  }
  assert.equal(server.connections.size, 0);
});

test('a stopping server sends what was answered and then closes', async () => {
  const { client, run, server, raw, world } = await setup();
  const other = await raw();
  const answer = client.request(at, { code: echo, body: bytes('last') }, { timeoutMs: 1000 });
  await world.run({ until: () => server.connections.size === 2, forMs: 1000 });
  other.connection.write(encodeCommand({ code: echo, opaque: 5, encoding: 'json' }));
  await world.run({ forMs: 50 });
  assert.equal(textOf(await run(answer)), 'last');
  const [accepted] = server.connections;
  accepted?.oneway({ code: 40 });
  await run(Promise.all([server.stop(), server.stop()]));
  assert.equal(server.connections.size, 0);
  await world.run({ forMs: 100 });
  assert.ok(other.isClosed);
  const refused = world
    .node('client')
    .network.connect(at, { timeoutMs: 500 }, () => ({ data() {}, drained() {}, closed() {} }));
  await assert.rejects(run(refused), (error) => isFailure(error, 'unavailable'));
});
