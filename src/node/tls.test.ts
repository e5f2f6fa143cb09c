import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { type ClientTls, type Connection, isFailure, type ServerTls } from '../base/index.ts';
import { nodeNetwork } from './network.ts';
import { createSelfSigned } from './self-signed.ts';

const host = '127.0.0.1';
const anyServer = { checkServer: false } as const;
const permissive = { mode: 'permissive', clientAuth: 'none' } as const;

/** A listener that echoes, and what its connections ended with. */
async function echoing(tls: ServerTls, body: (port: number, closes: Error[]) => Promise<void>) {
  const closes: Error[] = [];
  const listener = await nodeNetwork.listen(
    { host, port: 0 },
    (connection) => ({
      data: (bytes) => connection.write(Uint8Array.from(bytes)),
      drained() {},
      closed: (cause) => void closes.push(cause ?? new Error('no cause')),
    }),
    { tls },
  );
  try {
    await body(listener.address.port, closes);
  } finally {
    await listener.close();
  }
}

/** What comes back for "hello". */
async function echoOf(to: { host: string; port: number }, tls?: ClientTls): Promise<string> {
  let text = '';
  let connection: Connection | undefined;
  await new Promise<void>((resolve, reject) => {
    nodeNetwork
      .connect(to, { timeoutMs: 5000, tls }, () => ({
        data: (bytes) => {
          text += new TextDecoder().decode(bytes);
          if (text.length === 5) resolve();
        },
        drained() {},
        closed: (cause) => reject(cause ?? new Error('closed')),
      }))
      .then((opened) => {
        connection = opened;
        opened.write(new TextEncoder().encode('hello'));
      }, reject);
  });
  connection?.destroy();
  return text;
}

test('a certificate made here verifies itself, and only itself', () => {
  const now = new Date('2026-01-02T03:04:05Z');
  const [one, other] = [createSelfSigned(now), createSelfSigned(now)];
  const certificate = new X509Certificate(one.certificate);
  assert(certificate.verify(certificate.publicKey));
  assert(!certificate.verify(new X509Certificate(other.certificate).publicKey));
  assert.equal(certificate.subject, 'CN=holdfast');
  assert.equal(certificate.checkHost('localhost'), 'localhost');
  assert(new Date(certificate.validFrom) < now);
  assert(new Date(certificate.validTo) > new Date('2035-01-01'));
});

test('a client that checks the server takes the one it trusts, under its name, and no other', async () => {
  const identity = createSelfSigned(new Date());
  await echoing({ ...permissive, identity }, async (port) => {
    const trusting = { checkServer: true, trusted: identity.certificate };
    assert.equal(await echoOf({ host: 'localhost', port }, trusting), 'hello');
    const other = { checkServer: true, trusted: createSelfSigned(new Date()).certificate };
    for (const [to, tls] of [
      [{ host: 'localhost', port }, other],
      [{ host, port }, trusting],
    ] as const) {
      await assert.rejects(echoOf(to, tls), (error) => isFailure(error, 'unavailable'));
    }
    assert.equal(await echoOf({ host, port }), 'hello', 'plain ones work all the same');
  });
});

test('a server that requires certificates of clients takes those it trusts', async () => {
  const client = createSelfSigned(new Date());
  const stranger = createSelfSigned(new Date());
  const tls = { ...permissive, trusted: client.certificate } as const;
  const closed = (error: unknown): boolean => error instanceof Error;
  await echoing({ ...tls, clientAuth: 'require' }, async (port) => {
    assert.equal(await echoOf({ host, port }, { ...anyServer, identity: client }), 'hello');
    await assert.rejects(echoOf({ host, port }, anyServer), closed);
    await assert.rejects(echoOf({ host, port }, { ...anyServer, identity: stranger }), closed);
  });
  await echoing({ ...tls, clientAuth: 'optional' }, async (port) => {
    assert.equal(await echoOf({ host, port }, { ...anyServer, identity: client }), 'hello');
    assert.equal(await echoOf({ host, port }, anyServer), 'hello');
    await assert.rejects(echoOf({ host, port }, { ...anyServer, identity: stranger }), closed);
  });
});

test('a certificate that is none is refused before anything listens', async () => {
  const identity = { certificate: 'nonsense', key: 'nonsense' };
  const listening = nodeNetwork.listen({ host, port: 0 }, () => assert.fail('accepted'), {
    tls: { ...permissive, identity },
  });
  await assert.rejects(listening, (error) => isFailure(error, 'invalid'));
});

test('a handshake that is nonsense or breaks off closes its connection and disturbs no other', async () => {
  await echoing(permissive, async (port, closes) => {
    for (const hello of [[0x16], [0x16, 3, 1, 0, 4, 1, 0, 0, 0], [0x16, ...Array(500).fill(7)]]) {
      const socket = connect(port, host);
      socket.on('error', () => {});
      socket.resume();
      socket.write(Uint8Array.from(hello));
      await once(socket, 'connect');
      if (hello.length < 100) socket.end();
      await once(socket, 'close');
    }
    assert.equal(await echoOf({ host, port }, anyServer), 'hello');
    assert(closes.length >= 3);
  });
});
