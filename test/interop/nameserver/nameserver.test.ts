/** A Java broker, its tools and its clients with our name server. Needs the Java lab; not part of `npm test`. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '../../../src/base/index.ts';
import { NameServer } from '../../../src/nameserver/index.ts';
import { nodeClock, nodeDisk, nodeNetwork } from '../../../src/node/index.ts';
import { comparable, play, scenario } from '../../compat/nameserver/scenario.ts';
import { freePorts } from '../support/processes.ts';
import { JavaLab } from './java-lab.ts';

const versions = ['5.5.0', '4.9.8'] as const;

let lab: JavaLab;
let nameServer: NameServer;
let namesrv: string;
let brokerPort: number;

before(async () => {
  lab = new JavaLab();
  nameServer = await NameServer.start(
    {
      bindAddress: '127.0.0.1',
      listenPort: 0,
      orderMessageEnable: true,
      kvConfigPath: lab.path('kv/kvConfig.json'),
    },
    { clock: nodeClock, disk: nodeDisk, network: nodeNetwork, logger: silentLogger },
  );
  namesrv = `127.0.0.1:${nameServer.address.port}`;
  // A Java broker takes P - 2, P and P + 1.
  brokerPort = (await freePorts(4)) + 2;
  const broker = ['--name', 'b1', '--port', String(brokerPort), '-o', `namesrvAddr=${namesrv}`];
  await lab.run('start', 'broker', ...broker, '-o', 'brokerIP1=127.0.0.1');
  assert.equal(await codeWithin(0, 30_000), 0);
});

/** The code that a request for the broker's route is answered with: `wanted`, or the last one within that time. */
async function codeWithin(wanted: number, forMs: number): Promise<number> {
  const extFields = { topic: 'SELF_TEST_TOPIC' };
  const deadlineMs = performance.now() + forMs;
  for (;;) {
    const [answer] = await play(nodeNetwork, nameServer.address, [
      { code: 105, version: 479, language: 'JAVA', extFields },
    ]);
    assert.ok(answer);
    if (answer.code === wanted || performance.now() > deadlineMs) return answer.code;
    await nodeClock.sleep(50);
  }
}

after(async () => {
  await lab[Symbol.asyncDispose]();
  await nameServer.stop();
});

for (const version of versions) {
  const admin = (command: string, ...parameters: string[]): Promise<string> =>
    lab.run('mqadmin', '--version', version, command, '-n', namesrv, ...parameters);
  const topic = `Topic_${version.replaceAll('.', '_')}`;

  test(`mqadmin ${version}: topics from creation to deletion`, async () => {
    assert.match(
      await admin('updateTopic', '-c', 'lab', '-t', topic, '-r', '3', '-w', '5'),
      /create topic to .* success/,
    );
    assert.match(await admin('topicList'), new RegExp(`^${topic}$`, 'm'));
    const route = await admin('topicRoute', '-t', topic);
    assert.match(route, new RegExp(`0:"127.0.0.1:${brokerPort}"`));
    assert.match(route, /"readQueueNums":3,[^}]*"writeQueueNums":5/);
    assert.match(await admin('deleteTopic', '-c', 'lab', '-t', topic), /from NameServer success/);
    assert.doesNotMatch(await admin('topicList'), new RegExp(`^${topic}$`, 'm'));
  });

  test(`mqadmin ${version}: the cluster, permissions and configuration`, async () => {
    assert.match(await admin('clusterList'), new RegExp(`lab +b1 +0 +127.0.0.1:${brokerPort}`));
    const readOnly = await admin('wipeWritePerm', '-b', 'b1');
    assert.match(readOnly, /wipe write perm of broker\[b1\] .* OK, [1-9]/);
    assert.match(await admin('topicRoute', '-t', 'SELF_TEST_TOPIC'), /"perm":4/);
    assert.match(await admin('addWritePerm', '-b', 'b1'), /OK, [1-9]/);
    assert.match(await admin('topicRoute', '-t', 'SELF_TEST_TOPIC'), /"perm":6/);
    assert.match(await admin('updateKvConfig', '-s', 'N', '-k', 'k', '-v', 'v'), /success/);
    assert.match(await admin('deleteKvConfig', '-s', 'N', '-k', 'k'), /success/);
    assert.match(await admin('getNamesrvConfig'), /orderMessageEnable += +true/);
  });

  test(`Java client ${version}: sends and consumes through our routes`, async () => {
    const source = fileURLToPath(new URL(sendAndConsume, import.meta.url));
    const output = await lab.run(
      'java',
      '--version',
      version,
      source,
      namesrv,
      `${topic}_messages`,
      '20',
    );
    assert.match(output, /sent 20 consumed 20 same true/);
  });
}

test('the Java name server of today answers the scenario as we do', async () => {
  const port = await freePorts();
  const options = ['--port', String(port), '-o', 'orderMessageEnable=true'];
  await lab.run('start', 'namesrv', '--name', 'java', ...options);
  await using ours = await NameServer.start(
    {
      bindAddress: '127.0.0.1',
      listenPort: 0,
      orderMessageEnable: true,
      kvConfigPath: lab.path('kv2/kvConfig.json'),
    },
    { clock: nodeClock, disk: nodeDisk, network: nodeNetwork, logger: silentLogger },
  );
  const expected = await play(nodeNetwork, { host: '127.0.0.1', port }, scenario);
  const actual = await play(nodeNetwork, ours.address, scenario);
  for (const [index, request] of scenario.entries()) {
    const [mine, java] = [actual[index], expected[index]];
    assert.ok(mine !== undefined && java !== undefined);
    assert.deepEqual(comparable(mine), comparable(java), `${index}: ${JSON.stringify(request)}`);
  }
});

test('a broker that is killed leaves the routes at once and is back after its start', async () => {
  assert.equal(await codeWithin(0, 0), 0);
  await lab.run('stop', 'b1', '-9');
  assert.equal(await codeWithin(17, 5_000), 17);
  await lab.run('start', 'b1');
  assert.equal(await codeWithin(0, 20_000), 0);
});

/** From the compiled test to the source. */
const sendAndConsume = '../../../../test/interop/nameserver/SendAndConsume.java';
