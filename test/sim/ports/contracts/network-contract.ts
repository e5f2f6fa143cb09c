import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  Connection,
  ConnectionHandler,
  Listener,
  Network,
} from '../../../../src/base/index.ts';
import { assertFails, bytes, plain, type Subject } from './subject.ts';

export interface NetworkUnderTest {
  readonly network: Network;
  /** Where the network can listen and reach itself. */
  readonly host: string;
}

const serverTls = { mode: 'permissive', clientAuth: 'none' } as const;
const clientTls = { checkServer: false } as const;

export function networkContract({ name, run }: Subject<NetworkUnderTest>): void {
  const check = (what: string, body: (subject: NetworkUnderTest) => Promise<void>): void =>
    void test(`${name}: ${what}`, () => run(body));
  /** What holds for plain connections holds where others may be encrypted, and for encrypted ones. */
  const checkPair = (what: string, body: (client: End, server: End) => Promise<void>): void => {
    for (const kind of ['plain', 'plain beside encrypted', 'encrypted'] as const) {
      check(`${what} (${kind})`, async (subject) => {
        const { client, server, listener } = await connectedPair(subject, kind);
        await body(client, server);
        client.connection.destroy();
        server.connection.destroy();
        await Promise.all([client.closed, server.closed]);
        await listener.close();
        assert.deepEqual([client.closedCalls, server.closedCalls], [1, 1]);
      });
    }
  };

  for (const kind of ['plain beside encrypted', 'encrypted'] as const) {
    check(`both ends know that a connection is ${kind}`, async (subject) => {
      const { client, server, listener } = await connectedPair(subject, kind);
      client.connection.write(bytes(1));
      await server.received(1);
      const isEncrypted = kind === 'encrypted';
      assert.deepEqual(
        [client.connection.isEncrypted, server.connection.isEncrypted],
        [isEncrypted, isEncrypted],
      );
      client.connection.destroy();
      await server.closed;
      await listener.close();
    });
  }

  check('a listener that enforces encryption closes plain connections unread', async (subject) => {
    const { network, host } = subject;
    let server: End | undefined;
    const listener = await network.listen(
      { host, port: 0 },
      (connection) => {
        server = new End(connection);
        return server.handler;
      },
      { tls: { ...serverTls, mode: 'enforcing' } },
    );
    let client: End | undefined;
    await network.connect(listener.address, { timeoutMs: 5000 }, (connection) => {
      client = new End(connection);
      return client.handler;
    });
    client?.connection.write(bytes(0, 0, 0, 4, 0, 0, 0, 0));
    await client?.closed;
    await server?.closed;
    assert.equal(server?.receivedBytes, 0);
    await listener.close();
  });

  check('whoever encrypts is not understood by a plain listener', async ({ network, host }) => {
    const listener = await network.listen({ host, port: 0 }, (connection) => {
      const end = new End(connection);
      // As a reader of frames does with what is none.
      return { ...end.handler, data: () => connection.destroy() };
    });
    const options = { timeoutMs: 5000, tls: clientTls };
    const connecting = network.connect(listener.address, options, () => assert.fail('accepted'));
    await assertFails(connecting, 'unavailable');
    await listener.close();
  });

  checkPair('bytes arrive in order in both directions', async (client, server) => {
    client.connection.write(bytes(1, 2));
    client.connection.write(bytes());
    client.connection.write(bytes(3));
    server.connection.write(bytes(9));
    assert.deepEqual(plain(await server.received(3)), [1, 2, 3]);
    assert.deepEqual(plain(await client.received(1)), [9]);
  });

  checkPair('both ends know their addresses', async (client, server) => {
    assert.deepEqual(client.connection.local, server.connection.remote);
    assert.deepEqual(client.connection.remote, server.connection.local);
    assert.ok(client.connection.local.port > 0);
  });

  checkPair(
    'a reader that pauses holds up the writer, and loses nothing',
    async (client, server) => {
      server.connection.pauseReading();
      const content = patternOf(16_000_000);
      client.connection.write(content);
      const { unsentBytes } = client.connection;
      assert.ok(unsentBytes > 0 && unsentBytes <= content.length);
      assert.equal(client.drainedCalls, 0);
      server.connection.resumeReading();
      assert.ok(Buffer.from(await server.received(content.length)).equals(content));
      await client.drained;
      assert.equal(client.connection.unsentBytes, 0);
      assert.equal(client.drainedCalls, 1);
    },
  );

  checkPair('a paused reader gets nothing until it resumes', async (client, server) => {
    server.connection.pauseReading();
    client.connection.write(bytes(1));
    server.connection.write(bytes(2));
    await client.received(1); // A round trip: what the client sent would have arrived.
    assert.equal(server.receivedBytes, 0);
    server.connection.resumeReading();
    await server.received(1);
  });

  checkPair(
    'ending sends what was written and closes both ends without a cause',
    async (client, server) => {
      const content = patternOf(3_000_000);
      client.connection.write(content);
      client.connection.end();
      client.connection.write(bytes(1));
      client.connection.end();
      assert.ok(Buffer.from(await server.received(content.length)).equals(content));
      assert.equal(await server.closed, undefined);
      assert.equal(await client.closed, undefined);
      assert.equal(server.receivedBytes, content.length);
      assert.equal(client.connection.unsentBytes, 0);
      client.connection.write(bytes(1));
      client.connection.pauseReading();
      client.connection.resumeReading();
    },
  );

  checkPair('the peer of one that ends still sends what it has written', async (client, server) => {
    const content = patternOf(2_000_000);
    server.connection.write(content);
    await client.received(1);
    server.connection.end();
    await client.received(content.length);
    assert.equal(await client.closed, undefined);
  });

  checkPair(
    'an answer before an end arrives though the peer goes on sending',
    async (client, server) => {
      client.connection.write(patternOf(4_000_000));
      await server.received(1);
      server.connection.write(bytes(7));
      server.connection.end();
      assert.deepEqual(plain(await client.received(1)), [7]);
      await client.closed;
      await server.closed;
    },
  );

  checkPair(
    'destroying closes both ends, and nothing arrives after that',
    async (client, server) => {
      client.connection.write(bytes(1));
      await server.received(1);
      client.connection.destroy();
      client.connection.destroy();
      client.connection.write(bytes(2));
      assert.equal(client.connection.unsentBytes, 0);
      assert.equal(client.closedCalls, 0, 'not from within the call');
      await Promise.all([client.closed, server.closed]);
      assert.equal(server.receivedBytes, 1);
    },
  );

  check('a connection may be destroyed while it is accepted', async ({ network, host }) => {
    const listener = await network.listen({ host, port: 0 }, (connection) => {
      connection.destroy();
      return new End(connection).handler;
    });
    let client: End | undefined;
    await network.connect(listener.address, { timeoutMs: 5000 }, (connection) => {
      client = new End(connection);
      return client.handler;
    });
    await client?.closed;
    assert.equal(client?.closedCalls, 1);
    await listener.close();
  });

  check('nobody answers where nobody listens', async ({ network, host }) => {
    const listener = await network.listen(
      { host, port: 0 },
      (connection) => new End(connection).handler,
    );
    await listener.close();
    const connecting = network.connect(listener.address, { timeoutMs: 5000 }, () =>
      assert.fail('accepted'),
    );
    await assertFails(connecting, 'unavailable');
  });

  check('an address is listened on once', async ({ network, host }) => {
    const accept = (connection: Connection): ConnectionHandler => new End(connection).handler;
    const listener = await network.listen({ host, port: 0 }, accept);
    await assertFails(network.listen(listener.address, accept), 'unavailable', 'addressInUse');
    await listener.close();
    const again = await network.listen(listener.address, accept);
    assert.deepEqual(again.address, listener.address);
    await again.close();
  });

  check('connections outlive their listener', async (subject) => {
    const { client, server, listener } = await connectedPair(subject);
    await listener.close();
    client.connection.write(bytes(5));
    assert.deepEqual(plain(await server.received(1)), [5]);
    client.connection.end();
    await Promise.all([client.closed, server.closed]);
  });
}

/** One end of a connection, which notes what happens to it. */
class End {
  readonly connection: Connection;
  readonly closed: Promise<Error | undefined>;
  readonly drained: Promise<void>;
  readonly handler: ConnectionHandler;
  closedCalls = 0;
  drainedCalls = 0;
  receivedBytes = 0;
  readonly #chunks: Uint8Array[] = [];
  #wanted: { readonly bytes: number; readonly resolve: (all: Uint8Array) => void } | undefined;

  constructor(connection: Connection) {
    this.connection = connection;
    let onClosed = (_cause: Error | undefined): void => {};
    this.closed = new Promise((resolve) => {
      onClosed = resolve;
    });
    let onDrained = (): void => {};
    this.drained = new Promise((resolve) => {
      onDrained = resolve;
    });
    this.handler = {
      data: (bytes) => this.#data(bytes),
      drained: () => {
        this.drainedCalls++;
        onDrained();
      },
      closed: (cause) => {
        this.closedCalls++;
        onClosed(cause);
      },
    };
  }

  /** All that has arrived, once it is so much. */
  received(bytes: number): Promise<Uint8Array> {
    return new Promise((resolve) => {
      this.#wanted = { bytes, resolve };
      this.#checkWanted();
    });
  }

  #data(bytes: Uint8Array): void {
    assert.equal(this.closedCalls, 0);
    assert.ok(bytes.length > 0);
    this.#chunks.push(Uint8Array.from(bytes));
    this.receivedBytes += bytes.length;
    this.#checkWanted();
  }

  #checkWanted(): void {
    if (this.#wanted === undefined || this.receivedBytes < this.#wanted.bytes) return;
    this.#wanted.resolve(Buffer.concat(this.#chunks));
    this.#wanted = undefined;
  }
}

async function connectedPair(
  { network, host }: NetworkUnderTest,
  kind: 'plain' | 'plain beside encrypted' | 'encrypted' = 'plain',
): Promise<{
  client: End;
  server: End;
  listener: Listener;
}> {
  let accepted: (end: End) => void = () => {};
  const server = new Promise<End>((resolve) => {
    accepted = resolve;
  });
  const listener = await network.listen(
    { host, port: 0 },
    (connection) => {
      const end = new End(connection);
      accepted(end);
      return end.handler;
    },
    { tls: kind === 'plain' ? undefined : serverTls },
  );
  let client: End | undefined;
  const tls = kind === 'encrypted' ? clientTls : undefined;
  const options = { timeoutMs: 5000, tls };
  const connection = await network.connect(listener.address, options, (connection) => {
    client = new End(connection);
    return client.handler;
  });
  assert.ok(client);
  assert.equal(client.connection, connection);
  return { client, server: await server, listener };
}

/** Differs from place to place, so that lost or exchanged parts show. */
function patternOf(length: number): Uint8Array {
  const content = new Uint8Array(length);
  for (let index = 0; index < length; index++) content[index] = (index * 31) ^ (index >> 8);
  return content;
}
