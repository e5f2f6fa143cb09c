import { strict as assert } from 'node:assert';
import { request } from 'node:http';
import { test } from 'node:test';
import { type HttpAnswer, isFailure } from '../base/index.ts';
import { nodeHttp } from './http.ts';

const anywhere = { host: '127.0.0.1', port: 0 };

function ask(
  port: number,
  path: string,
  method = 'GET',
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, method }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        body += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}

const page = (body: HttpAnswer['body']): HttpAnswer => ({
  status: 200,
  contentType: 'text/plain',
  body,
});

test('a page comes in pieces; its path has no query', async () => {
  const paths: string[] = [];
  async function* pieces() {
    for (let count = 0; count < 100; count++) yield 'é'.repeat(50_000);
  }
  const listener = await nodeHttp.listen(anywhere, (path) => {
    paths.push(path);
    return page(pieces());
  });
  const { status, body } = await ask(listener.address.port, '/metrics?x=1');
  assert.deepEqual([status, body.length, paths], [200, 5_000_000, ['/metrics']]);
  assert.equal((await ask(listener.address.port, '/', 'HEAD')).body, '');
  assert.equal((await ask(listener.address.port, '/', 'POST')).status, 405);
  await listener.close();
  await assert.rejects(ask(listener.address.port, '/'));
});

test('nothing more is asked for once the reader is gone, and a page that fails ends the connection', async () => {
  let ended: () => void = () => {};
  const end = new Promise<void>((resolve) => {
    ended = resolve;
  });
  async function* endless() {
    try {
      for (;;) yield 'x'.repeat(100_000);
    } finally {
      ended();
    }
  }
  // biome-ignore lint/correctness/useYield: a page that fails before its first piece
  async function* failing(): AsyncGenerator<string> {
    throw new Error('no page');
  }
  const listener = await nodeHttp.listen(anywhere, (path) =>
    page(path === '/endless' ? endless() : failing()),
  );
  const { port } = listener.address;
  const leaving = request({ host: '127.0.0.1', port, path: '/endless' }, (response) => {
    response.once('data', () => leaving.destroy());
  });
  leaving.on('error', () => {});
  leaving.end();
  await end;
  await assert.rejects(ask(port, '/failing'));
  await listener.close();
});

test('a port in use is told as such', async () => {
  const listener = await nodeHttp.listen(anywhere, () => page([]));
  await assert.rejects(
    nodeHttp.listen(listener.address, () => page([])),
    (error) => isFailure(error, 'unavailable', 'addressInUse'),
  );
  await listener.close();
});
