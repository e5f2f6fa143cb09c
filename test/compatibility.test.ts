import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { RequestCode } from '../src/wire/index.ts';

/** The page and the tables of processors, read as text: the page is for people, and must not drift from the code. */
const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

const rows = new Map(
  [...read('docs/compatibility.md').matchAll(/^\| (\d+) \| (\w+) \| ([\w -]+) \| (\w+) \|/gm)].map(
    ([, code, name, by, status]) => [name, { code: Number(code), by, status }] as const,
  ),
);

/** Not served: the broker or the controller sends them. */
const sentToClients: ReadonlySet<string> = new Set([
  'NOTIFY_CONSUMER_IDS_CHANGED',
  'GET_CONSUMER_STATUS_FROM_CLIENT',
  'NOTIFY_BROKER_ROLE_CHANGED',
  'RESET_CONSUMER_CLIENT_OFFSET',
]);

function servedCodes(path: string): Set<string> {
  const names = [...read(path).matchAll(/RequestCode\.([A-Z0-9_]+)/g)].map(([, name]) => name);
  return new Set(names as string[]);
}

test('each request code has a row with its number', () => {
  for (const [name, code] of Object.entries(RequestCode)) {
    assert.equal(
      rows.get(name)?.code,
      code,
      `docs/compatibility.md has no row for ${name} (${code})`,
    );
  }
});

test('what has a processor is supported or partly, what has none is refused', () => {
  const servers = new Map([
    [
      'broker',
      new Set([
        ...servedCodes('src/broker/processors.ts'),
        ...servedCodes('src/broker/replication/replica-requests.ts'),
        ...servedCodes('src/broker/replication/switchover.ts'),
        ...servedCodes('src/broker/replication/promotion.ts'),
        ...servedCodes('src/broker/replication/metadata-requests.ts'),
      ]),
    ],
    ['name server', servedCodes('src/nameserver/processors.ts')],
    ['controller', servedCodes('src/controller/processors.ts')],
  ]);
  for (const [name, { by, status }] of rows) {
    if (by === '-') {
      assert.equal(status, sentToClients.has(name as string) ? 'supported' : 'refused', name);
      const isServed = [...servers.values()].some((codes) => codes.has(name as string));
      assert(!isServed, `${name} is served`);
    } else {
      assert(servers.get(by as string)?.has(name as string), name);
      assert.match(status as string, /^(supported|partly)$/, name);
    }
  }
});
