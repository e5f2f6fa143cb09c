import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { keyOf, knownKeys, type OptionTable, parseProperties, version } from '../base/index.ts';
import { brokerOptions } from '../broker/index.ts';
import { nameServerOptions } from '../nameserver/index.ts';
import {
  commandLineSettings,
  developmentSettings,
  type Role,
  readConfiguration,
  rocketmqKeys,
} from './configuration.ts';
import { configurationPage } from './configuration-page.ts';

const places = { homeFolder: '/home/me', workingFolder: '/work' };
const both: readonly Role[] = ['nameserver', 'broker'];

function read(file: string, options: { set?: readonly string[]; roles?: readonly Role[] } = {}) {
  return readConfiguration({
    roles: new Set(options.roles ?? ['broker']),
    sources: [parseProperties(file, 'broker.conf'), commandLineSettings(options.set ?? [])],
    places,
  });
}

function optionsOf(...parameters: Parameters<typeof read>) {
  const result = read(...parameters);
  assert.ok('options' in result, JSON.stringify(result));
  return result;
}

function problemsOf(...parameters: Parameters<typeof read>): readonly string[] {
  const result = read(...parameters);
  assert.ok('problems' in result, 'expected problems');
  return result.problems;
}

/** As it comes with RocketMQ 5.3, and with what installations add. */
const stockFile = `
brokerClusterName = DefaultCluster
brokerName = broker-a
brokerId = 0
deleteWhen = 04
fileReservedTime = 48
brokerRole = ASYNC_MASTER
flushDiskType = ASYNC_FLUSH
sendMessageThreadPoolNums=16
useReentrantLockWhenPutMessage=true
namesrvAddr=10.0.0.1:9876;10.0.0.2:9876
enablePropertyFilter=false
aclEnable=false
`;

test('the file that comes with RocketMQ starts', () => {
  const { options, origins, withoutEffect } = optionsOf(stockFile);
  assert.equal(options.broker.reservedTimeMs, 48 * 3_600_000);
  assert.equal(options.broker.nameServers.length, 2);
  assert.equal(origins.broker['reservedTimeMs'], 'broker.conf:6');
  assert.equal(origins.broker['segmentBytes'], 'default');
  assert.deepEqual(
    withoutEffect.map(({ key }) => key),
    [
      'sendMessageThreadPoolNums',
      'useReentrantLockWhenPutMessage',
      'enablePropertyFilter',
      'aclEnable',
    ],
  );
});

test('the command line wins over the file', () => {
  const { options, origins } = optionsOf('flushDiskType=ASYNC_FLUSH', {
    set: ['flushDiskType=SYNC_FLUSH'],
  });
  assert.equal(options.broker.flushDiskType, 'SYNC_FLUSH');
  assert.equal(origins.broker['flushDiskType'], '--set');
});

test('mistakes of all sources are reported together', () => {
  const problems = problemsOf('listenPort=1x\nduplicationEnable=true\nbad=\\u00\n', {
    set: ['flushDiskTyp=SYNC_FLUSH', 'nothing'],
  });
  assert.equal(problems.length, 5, problems.join('\n'));
  assert.match(problems.join('\n'), /flushDiskTyp.*did you mean flushDiskType/);
});

test('what would promise more than there is is refused with a reason', () => {
  for (const line of [
    'brokerId=1',
    'enableDLegerCommitLog=true',
    'enableSlaveActingMaster=true',
    'aclEnable=true',
    'authenticationEnabled=TRUE',
    'storePathCommitLog=/a,/b',
  ]) {
    const [problem = '', ...others] = problemsOf(line);
    assert.deepEqual(others, [], line);
    assert.match(problem, /^broker\.conf:1: \S+=\S+: [a-z]/, line);
  }
});

test('the commit log may be named where it is, and nowhere else', () => {
  optionsOf('storePathRootDir=/data/store\nstorePathCommitLog=/data/store/commitlog\n');
  assert.deepEqual(problemsOf('storePathRootDir=/data\nstorePathCommitLog=/fast/log\n'), [
    'broker.conf:2: storePathCommitLog: must be commitlog in storePathRootDir, that is /data/commitlog',
  ]);
});

test('in a file for both roles listenPort is the port of the broker', () => {
  const { options } = optionsOf('listenPort=20911', { roles: both });
  assert.deepEqual([options.broker.listenPort, options.nameserver.listenPort], [20911, 9876]);
  const named = optionsOf('nameserver.listenPort=1', { roles: both }).options;
  assert.deepEqual([named.broker.listenPort, named.nameserver.listenPort], [10911, 1]);
  const alone = optionsOf('listenPort=2', { roles: ['nameserver'] }).options;
  assert.equal(alone.nameserver.listenPort, 2);
});

test('a development server keeps to its folder and to this machine', () => {
  const result = readConfiguration({
    roles: new Set(both),
    sources: [developmentSettings('/data/x')],
    places,
  });
  assert.ok('options' in result);
  const { broker, nameserver } = result.options;
  assert.equal(broker.storePath, '/data/x/store');
  assert.equal(nameserver.kvConfigPath, '/data/x/nameserver/kvConfig.json');
  assert.deepEqual([broker.bindAddress, nameserver.bindAddress], ['127.0.0.1', '127.0.0.1']);
});

test('a key that claims to be of RocketMQ is one', () => {
  for (const table of [brokerOptions, nameServerOptions] satisfies readonly OptionTable[]) {
    for (const [name, definition] of Object.entries<OptionTable[string]>(table)) {
      const isOurs = definition.key === undefined;
      const key = keyOf(name, definition);
      assert.equal(knownKeys(rocketmqKeys).has(key), !isOurs, key);
    }
  }
});

test('defaults are within their range and read back as they are', () => {
  optionsOf('');
});

test('docs/configuration.md is up to date (npm run configuration)', () => {
  assert.equal(readFileSync('docs/configuration.md', 'utf8'), configurationPage());
});

test('the version is that of the package', () => {
  assert.equal(version, JSON.parse(readFileSync('package.json', 'utf8')).version);
});
