import type { TestReplica } from '../../../src/broker/replication/test-group.ts';
import { pulled, pullRequest } from '../../../src/broker/test-broker.ts';
import { ensure, Violation } from '../broker/violation.ts';
import { SimRandom } from '../ports/index.ts';
import { Clients } from './clients.ts';
import { Cluster } from './cluster.ts';
import { Expectations } from './expectations.ts';
import { ReadTopicConfig } from './read-config.ts';

export interface ClusterReport {
  readonly seed: number;
  readonly violation: string | undefined;
  readonly simulatedMs: number;
  readonly kills: number;
  readonly powerLosses: number;
  readonly switchOvers: number;
  readonly actions: number;
  readonly acknowledged: number;
  /** The end of what the nodes logged. */
  readonly log: readonly string[];
}

const rounds = 5;
const clientCount = 3;

/** One history of a group: rounds of faults under load, and after each the comparison of what was promised. */
export async function runClusterSeed(seed: number): Promise<ClusterReport> {
  const random = new SimRandom(`cluster ${seed}`);
  const size = random.below(3) === 0 ? 3 : 2;
  const isSync = random.below(2) === 0;
  const switches = random.fork('switches');
  const expected = new Expectations();
  let cluster: Cluster | undefined;
  let clients: Clients | undefined;
  let violation: string | undefined;
  try {
    cluster = await Cluster.start(seed, size, random.fork('faults'), isSync);
    clients = new Clients(cluster.group.world, cluster.replicas, random.fork('clients'), expected);
    for (let round = 0; round < rounds; round++) {
      const working = clients.start(clientCount);
      const faults = 1 + random.below(4);
      for (let fault = 0; fault < faults; fault++) {
        await cluster.run(500 + random.below(4000));
        if (switches.below(3) === 0) {
          cluster.switchOver(switches);
          await cluster.run(switches.below(1000));
        }
        cluster.disturb(isSync);
      }
      await cluster.run(random.below(4000));
      clients.stop();
      const master = await cluster.settled();
      await cluster.group.world.complete(working, { forMs: 120_000 });
      await verify(cluster, master, expected);
    }
  } catch (error) {
    violation =
      error instanceof Violation
        ? error.message
        : `bug: ${error instanceof Error ? error.stack : error}`;
  }
  return {
    seed,
    violation,
    simulatedMs: cluster?.group.world.nowMs ?? 0,
    kills: cluster?.kills ?? 0,
    powerLosses: cluster?.powerLosses ?? 0,
    switchOvers: cluster?.switchOvers ?? 0,
    actions: clients?.actions ?? 0,
    acknowledged: expected.acknowledged,
    log: (cluster?.group.lines ?? []).slice(-80).map((line) => JSON.stringify(line)),
  };
}

async function verify(
  cluster: Cluster,
  master: TestReplica,
  expected: Expectations,
): Promise<void> {
  const { client } = master;
  for (const [name, definition] of expected.topics) {
    expected.checkDefinition(
      `topic ${name}`,
      definition,
      await ReadTopicConfig.queues(client, name),
    );
  }
  for (const [name, definition] of expected.groups) {
    expected.checkDefinition(
      `group ${name}`,
      definition,
      await ReadTopicConfig.group(client, name),
    );
  }
  for (const topic of expected.messages.keys()) {
    expected.checkMessages(topic, await bodiesOf(master, topic));
  }
  for (const [group, offset] of expected.offsets) {
    const topic = group.replace('readers', 'messages');
    const found = await client.committed(group, topic);
    ensure(
      typeof found === 'number' && found >= offset,
      'P5',
      () => `${group} committed ${offset}, is at ${found}`,
    );
  }
  const bySequence = new Map<number, string>();
  for (const replica of cluster.replicas) {
    const { sequence, digest } = await replica.status();
    const known = bySequence.get(sequence) ?? digest;
    ensure(known === digest, 'P6', () => `${replica.name} has another digest at ${sequence}`);
    bySequence.set(sequence, digest);
  }
}

/** All of a queue; a gap is a broken promise. */
async function bodiesOf(master: TestReplica, topic: string): Promise<readonly string[]> {
  const bodies: string[] = [];
  for (;;) {
    const response = await master.client.ask(
      pullRequest({ topic, group: 'checker', offset: bodies.length, count: 32, suspendMs: 0 }),
    );
    const answer = pulled(response);
    if (answer.bodies.length === 0) {
      ensure(
        answer.max === bodies.length,
        'P4',
        () => `${topic} has ${answer.max} messages and ends at ${bodies.length}: ${answer.code}`,
      );
      return bodies;
    }
    bodies.push(...answer.bodies);
  }
}
