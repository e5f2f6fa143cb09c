import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { NameServer } from '../../../src/nameserver/index.ts';
import { SimWorld } from '../../sim/ports/index.ts';
import { comparable, type Exchange, play } from './scenario.ts';

test('every answer of the Java name server is ours too', async () => {
  const exchanges: Exchange[] = JSON.parse(
    readFileSync('test/compat/nameserver/exchanges.json', 'utf8'),
  );
  const world = new SimWorld(1);
  const server = await world.complete(
    NameServer.start(
      { listenPort: 9876, orderMessageEnable: true, kvConfigPath: '/data/kvConfig.json' },
      world.node('nameserver'),
    ),
  );
  const requests = exchanges.map((exchange) => exchange.request);
  const to = { host: 'nameserver', port: 9876 };
  const responses = await world.complete(play(world.node('client').network, to, requests));
  assert.ok(responses.length > 80);
  for (const [index, { request, response }] of exchanges.entries()) {
    const ours = responses[index];
    assert.ok(ours);
    assert.deepEqual(
      comparable(ours),
      comparable(response),
      `${index}: ${JSON.stringify(request)}`,
    );
  }
  await world.complete(server.stop());
});
