import assert from 'node:assert/strict';
import { test } from 'node:test';
import { friendlyText, type Ready, readyLine } from './ready.ts';

const ready: Ready = {
  nameServer: { host: '127.0.0.1', port: 9876 },
  brokers: [
    {
      cluster: 'DefaultCluster',
      name: 'broker-a',
      id: 0,
      role: 'master',
      address: { host: '127.0.0.1', port: 10911 },
      fastAddress: { host: '127.0.0.1', port: 10909 },
    },
  ],
  dataFolder: '/data',
  isTemporary: false,
  pid: 7,
};

test('a program reads one line of JSON', () => {
  const line = readyLine(ready);
  assert.equal(line.indexOf('\n'), line.length - 1);
  assert.deepEqual(JSON.parse(line), {
    ready: true,
    nameserver: '127.0.0.1:9876',
    brokers: [
      {
        cluster: 'DefaultCluster',
        name: 'broker-a',
        id: 0,
        role: 'master',
        address: '127.0.0.1:10911',
        fastAddress: '127.0.0.1:10909',
      },
    ],
    dataDir: '/data',
    pid: 7,
  });
  const alone = JSON.parse(readyLine({ ...ready, brokers: [] }));
  assert.deepEqual([alone.brokers, alone.dataDir], [[], null]);
  const broker = JSON.parse(readyLine({ ...ready, nameServer: undefined }));
  assert.equal(broker.nameserver, null);
});

test('a person reads where it listens, where the data is, and what to try', () => {
  const text = friendlyText(ready);
  for (const part of ['127.0.0.1:9876', '127.0.0.1:10911', '/data', 'msg send', 'msg tail']) {
    assert.ok(text.includes(part), part);
  }
  assert.ok(!text.includes('--namesrv'), 'the usual port needs no option');
  assert.ok(!text.includes('temporary'));
});

test('the commands to try name another port, and temporary data is called so', () => {
  const nameServer = { host: '127.0.0.1', port: 1234 };
  const text = friendlyText({ ...ready, nameServer, isTemporary: true });
  assert.equal(text.match(/--namesrv 127\.0\.0\.1:1234/g)?.length, 2);
  assert.match(text, /temporary/);
});
