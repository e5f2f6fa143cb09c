import { join } from 'node:path';
import { temporaryFolder } from '../../../test/interop/support/locations.ts';
import type { Target } from '../../../test/interop/support/target.ts';
import { fieldsText, percentileUs, type RequestReport, requestLoad } from '../request-load.ts';
import { atMost, type Bench, type Figure, ours, type Row } from '../row.ts';
import { residentMb, startServer } from '../servers.ts';
import { restartAfterKill } from './start.ts';

const allTopics = 100_000;
const queues = 4;
const routes = 50_000;
const messages = 200_000;
const longMs = 600_000;
const prefix = 'many-';

const routeOfTopic = 105;
const sendMessageV2 = 310;
const body = Buffer.alloc(1024, 'x');

export const manyTopics: Row = {
  name: 'many-topics',
  title:
    '100,000 topics with 4 queues each: create, route, send to random ones, kill -9, ready again',
  async run(bench) {
    await using folder = await temporaryFolder('many-topics');
    await using target = await startServer('holdfast');
    const topics = Math.round(allTopics * bench.scale);
    const journal = join(folder.path, 'topics');
    bench.progress(`creates ${topics} topics`);
    const created = await bench.loadGenerator.measure(
      [
        ...['create-topics', '-a', target.broker, '-p', String(target.pid), '-n', String(topics)],
        ...['-q', String(queues), '--prefix', prefix, '-j', journal],
      ],
      longMs,
    );
    bench.progress('routes');
    const routed = await requestLoad({
      address: target.nameServer,
      connections: 8,
      window: 8,
      count: Math.round(routes * bench.scale),
      request: () => ({ code: routeOfTopic, fields: fieldsText({ topic: anyTopic(topics) }) }),
    });
    bench.progress('sends');
    const sent = await sendToAny(bench, target, topics);
    const loadedMb = residentMb(target.pid);
    bench.progress('kill and start');
    const restart = await restartAfterKill(bench, target);
    const restartedMb = residentMb(target.pid);
    const { journal: acknowledged, faults } = await bench.loadGenerator.verifyTopics(
      target.broker,
      journal,
    );
    const again = await sendToAny(bench, target, topics);
    const aliveMb = residentMb(target.pid);
    return [
      ours('topics acknowledged', '', acknowledged),
      ours('create: rate', '/s', created.rate),
      ours('create: p99', 'µs', created.latencyUs.p99),
      ...requests('route', routed),
      ...requests('send to any', sent),
      ours('topics missing after kill -9', '', faults, [atMost(0)]),
      ours('ready after kill -9', 'ms', restart.readyMs, [atMost(6000)]),
      ours('ready after kill -9: CPU until then', 'ms', restart.cpuMs),
      ...requests('send to any after it', again),
      ours('resident memory: under load', 'MB', loadedMb, [atMost(1000)]),
      ours('resident memory: after the restart', 'MB', restartedMb, [atMost(1000)]),
      ours('resident memory: under load after it', 'MB', aliveMb, [atMost(1000)]),
    ];
  },
};

const anyTopic = (topics: number): string => `${prefix}${Math.floor(Math.random() * topics)}`;

/** Client and server share the machine; CPU of the client is told, so that it can be told apart. */
function sendToAny(bench: Bench, target: Target, topics: number): Promise<RequestReport> {
  return requestLoad({
    address: target.broker,
    connections: 8,
    window: 8,
    count: Math.round(messages * bench.scale),
    request: (index) => ({
      code: sendMessageV2,
      fields: sendFields(anyTopic(topics), index),
      body,
    }),
  });
}

/** The names of RocketMQ's SendMessageRequestHeaderV2. */
function sendFields(topic: string, index: number): string {
  return fieldsText({
    ...{ a: 'bench', b: topic, c: 'TBW102', d: 4, e: index % queues, f: 0, g: Date.now() },
    ...{ h: 0, i: `UNIQ_KEY\\u0001${index.toString(16).padStart(32, '0')}\\u0002`, j: 0 },
    ...{ k: 'false', m: 'false', n: 'bench' },
  });
}

function requests(what: string, report: RequestReport): readonly Figure[] {
  const refused = [...report.codes].filter(([code]) => code !== 0);
  return [
    ours(`${what}: rate`, '/s', report.rate),
    ours(`${what}: p50`, 'µs', percentileUs(report.latenciesUs, 0.5)),
    ours(`${what}: p99`, 'µs', percentileUs(report.latenciesUs, 0.99)),
    ours(`${what}: CPU of the client`, 'µs', report.ownCpuUs),
    ...refused.map(([code, count]) =>
      ours(`${what}: answers with code ${code}`, '', count, [atMost(0)]),
    ),
  ];
}
