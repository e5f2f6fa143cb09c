import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { type Connection, type ConnectionHandler, isFailure } from '../base/index.ts';
import { nodeNetwork } from './network.ts';

test('a reset is the cause of a close, once, and a later write is ignored', async () => {
  const { connection, socket, closes, close } = await acceptOne();
  connection.write(new Uint8Array(10));
  socket.resetAndDestroy();
  const cause = await closes.first;
  assert.ok(isFailure(cause, 'unavailable', 'connectionLost'));
  assert.match(String(cause.cause), /ECONNRESET/);
  connection.write(new Uint8Array(10));
  connection.end();
  connection.destroy();
  await new Promise(setImmediate);
  assert.equal(closes.count, 1);
  await close();
});

test('a peer that ends its side gets what was written, and the connection closes', async () => {
  const { connection, socket, closes, close } = await acceptOne();
  connection.write(new Uint8Array(2_000_000));
  let received = 0;
  socket.on('data', (chunk) => {
    received += chunk.length;
  });
  socket.end();
  await once(socket, 'close');
  assert.equal(await closes.first, undefined);
  assert.equal(received, 2_000_000);
  await close();
});

test('connecting to an unknown host fails, not the process', async () => {
  const connecting = nodeNetwork.connect(
    { host: 'no-such-host.invalid', port: 1 },
    { timeoutMs: 10_000 },
    () => assert.fail('accepted'),
  );
  await assert.rejects(connecting, (error) => isFailure(error, 'unavailable'));
});

test('connecting without an answer ends after its time', {
  skip: process.platform !== 'linux',
}, async () => {
  // Linux drops handshakes once the queue of a server that does not accept is full.
  const program = `
    const server = require('node:net').createServer();
    server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
      console.log(server.address().port);
    });`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = await once(child.stdout, 'data');
  child.kill('SIGSTOP');
  try {
    const connecting = Array.from({ length: 6 }, () =>
      nodeNetwork.connect(
        { host: '127.0.0.1', port: Number(port) },
        { timeoutMs: 300 },
        (connection) => {
          connection.destroy();
          return { data() {}, drained() {}, closed() {} };
        },
      ),
    );
    const failures = (await Promise.allSettled(connecting)).filter(
      (outcome) => outcome.status === 'rejected',
    );
    assert.ok(failures.length > 0 && failures.length < connecting.length);
    for (const { reason } of failures) assert.ok(isFailure(reason, 'unavailable', 'timeout'));
  } finally {
    child.kill('SIGKILL');
  }
});

/** One accepted connection of the port, and the plain socket at the other end. */
async function acceptOne(): Promise<{
  connection: Connection;
  socket: Socket;
  closes: { count: number; first: Promise<Error | undefined> };
  close: () => Promise<void>;
}> {
  const closes = { count: 0, first: Promise.resolve<Error | undefined>(undefined) };
  let onClosed = (_cause: Error | undefined): void => {};
  closes.first = new Promise((resolve) => {
    onClosed = resolve;
  });
  const handler: ConnectionHandler = {
    data() {},
    drained() {},
    closed(cause) {
      closes.count++;
      onClosed(cause);
    },
  };
  let onAccepted = (_connection: Connection): void => {};
  const accepted = new Promise<Connection>((resolve) => {
    onAccepted = resolve;
  });
  const listener = await nodeNetwork.listen({ host: '127.0.0.1', port: 0 }, (connection) => {
    onAccepted(connection);
    return handler;
  });
  const socket = connect(listener.address.port, listener.address.host);
  return { connection: await accepted, socket, closes, close: () => listener.close() };
}
