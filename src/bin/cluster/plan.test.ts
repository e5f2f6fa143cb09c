import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import {
  type ClusterPlan,
  configurationOf,
  metricsAddressOf,
  planCluster,
  portOf,
} from './plan.ts';

const parts = { folder: '/data/n', secretFile: '/data/secret', settings: {} };

function linesOf(plan: ClusterPlan, name: string, settings = {}): readonly string[] {
  const node = plan.nodes.find((one) => one.name === name);
  assert(node !== undefined, `${name} is planned`);
  return configurationOf(plan, node, { ...parts, settings }).split('\n');
}

test('names are unique, and no two nodes share a port or those beside it', async () => {
  const plan = await planCluster({ replicas: 3, groups: 3, isStatic: false }, undefined);
  assert.equal(new Set(plan.nodes.map(({ name }) => name)).size, 11);
  const brokers = plan.nodes.filter(({ kind }) => kind === 'broker').map(portOf);
  const others = plan.nodes.filter(({ kind }) => kind !== 'broker').map(portOf);
  const ports = [...others, ...brokers.flatMap((port) => [port - 2, port - 1, port, port + 1])];
  assert.equal(new Set(ports).size, ports.length);
});

test('with a controller no broker has a role of its own', async () => {
  const plan = await planCluster({ replicas: 2, groups: 1, isStatic: false }, 9876);
  const lines = linesOf(plan, 'broker-a-2');
  assert(lines.includes('enableControllerMode=true'));
  assert(lines.includes('namesrvAddr=127.0.0.1:9876'));
  assert(!lines.some((line) => /^broker(Role|Id)=/.test(line)));
});

test('without one, replica 1 is the master and the others know where it is', async () => {
  const plan = await planCluster({ replicas: 2, groups: 2, isStatic: true }, undefined);
  assert(!plan.nodes.some(({ kind }) => kind === 'controller'));
  assert(linesOf(plan, 'broker-b-1').includes('brokerRole=SYNC_MASTER'));
  const slave = linesOf(plan, 'broker-b-2');
  assert(slave.includes('brokerRole=SLAVE') && slave.includes('brokerId=1'));
  const master = plan.nodes.find(({ name }) => name === 'broker-b-1');
  assert(master !== undefined);
  assert(slave.includes(`haMasterAddress=127.0.0.1:${portOf(master) + 1}`));
});

test('what a person sets wins', async () => {
  const plan = await planCluster({ replicas: 1, groups: 1, isStatic: false }, undefined);
  const lines = linesOf(plan, 'broker-a-1', { mappedFileSizeCommitLog: '8m' });
  assert(lines.includes('mappedFileSizeCommitLog=8m'));
  assert(!lines.includes('mappedFileSizeCommitLog=64m'));
});

test('each broker has a port of its own for metrics, once they are turned on', async () => {
  const plan = await planCluster({ replicas: 2, groups: 1, isStatic: false }, undefined);
  const addresses = (settings: Record<string, string>) =>
    ['broker-a-1', 'broker-a-2'].map((name) =>
      metricsAddressOf(linesOf(plan, name, settings).join('\n')),
    );
  assert.deepEqual(addresses({}), [undefined, undefined]);
  const ports = plan.nodes.filter(({ kind }) => kind === 'broker').map((node) => portOf(node) - 1);
  assert.deepEqual(
    addresses({ metricsExporterType: 'prom' }),
    ports.map((port) => `127.0.0.1:${port}`),
  );
});
