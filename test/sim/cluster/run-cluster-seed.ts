import type { TestReplica } from '../../../src/broker/replication/test-group.ts';
import { pulled, pullRequest } from '../../../src/broker/test-broker.ts';
import { ensure, Violation } from '../broker/violation.ts';
import { ProcessDied, SimRandom } from '../ports/index.ts';
import { Clients } from './clients.ts';
import { Cluster, type Counts } from './cluster.ts';
import { Expectations } from './expectations.ts';
import { disturb } from './faults.ts';
import { compareLogs } from './log-comparison.ts';
import {
  appliedGroup,
  appliedTopic,
  groupIn,
  readGroup,
  readTopic,
  topicIn,
} from './read-definitions.ts';
import { scenarios } from './scenarios.ts';

export interface ClusterReport {
  readonly seed: number;
  readonly violation: string | undefined;
  readonly simulatedMs: number;
  readonly counts: Counts | undefined;
  readonly actions: number;
  readonly acknowledged: number;
  readonly compared: number;
  /** Of all that happened: the same for the same seed. */
  readonly trace: string | undefined;
  /** What was done to the cluster, in order. */
  readonly story: readonly string[];
  /** The end of what the nodes logged. */
  readonly log: readonly string[];
}

const rounds = 5;
const clientCount = 3;
const quietMs = 7000;

export interface ClusterSeedOptions {
  /** Does not compare the bytes of logs, so that what clients get to see must show what is wrong. */
  readonly withoutLogs?: boolean;
  /** Each round has a history whose name contains this, and no chance faults. */
  readonly scenario?: string | undefined;
}

/** One history of a group: rounds of faults under load, and after each the comparison of what was promised. */
export async function runClusterSeed(
  seed: number,
  options: ClusterSeedOptions = {},
): Promise<ClusterReport> {
  const random = new SimRandom(`cluster ${seed}`);
  const size = random.below(3) === 0 ? 3 : 2;
  const isSync = random.below(2) === 0;
  // Where old segments go, an empty replica needs a snapshot.
  const isForgetful = random.below(3) === 0;
  const maxStoreBytes = isForgetful ? 80 * 1024 : 0;
  const expected = new Expectations();
  const story: string[] = [];
  let cluster: Cluster | undefined;
  let clients: Clients | undefined;
  let violation: string | undefined;
  // Whatever nobody waits for is a bug of somebody.
  const unhandled = (error: unknown): void => {
    if (error instanceof ProcessDied) return;
    violation ??= `bug: a promise that nobody waits for was rejected: ${textOf(error)}`;
    cluster?.fail(error);
  };
  process.on('unhandledRejection', unhandled);
  try {
    cluster = await Cluster.start(seed, size, random.fork('faults'), isSync, maxStoreBytes);
    const { inspector } = cluster;
    inspector.onMaster = ({ store }, name) => {
      const tables = store.tables.applied;
      for (const [topic, definition] of expected.topics)
        expected.checkDefinition(`${topic} on ${name}`, definition, appliedTopic(tables, topic));
      for (const [group, definition] of expected.groups)
        expected.checkDefinition(`${group} on ${name}`, definition, appliedGroup(tables, group));
    };
    const padding = '.'.repeat(isForgetful ? 3000 : 0);
    clients = new Clients(cluster, random.fork('clients'), expected, padding);
    for (let round = 0; round < rounds; round++) {
      cluster.nextRound();
      const working = clients.start(clientCount);
      await disturbed(cluster, random, story, options.scenario);
      clients.stop();
      const { world } = cluster;
      for (let isDone = false; !isDone; ) {
        const master = await cluster.settled();
        await cluster.complete(working, 150_000);
        const beganMs = world.nowMs;
        try {
          await verify(cluster, master, expected, isForgetful);
          if (options.withoutLogs !== true) compareLogs(cluster.replicas, cluster.inspector);
          await checkQuiet(cluster);
          isDone = true;
        } catch (error) {
          // A process that was told late of an fsync that failed ended meanwhile: it is looked at again.
          if (cluster.endedMs < beganMs) throw error;
        }
      }
    }
  } catch (error) {
    violation ??= error instanceof Violation ? error.message : `bug: ${textOf(error)}`;
  } finally {
    process.off('unhandledRejection', unhandled);
  }
  return {
    seed,
    violation,
    simulatedMs: cluster?.world.nowMs ?? 0,
    counts: cluster?.counts,
    actions: clients?.actions ?? 0,
    acknowledged: expected.acknowledged,
    compared: expected.compared,
    trace: cluster?.world.trace.hash,
    story,
    log: violation === undefined ? [] : lastLines(cluster),
  };
}

const shownLines = 100;

/** What nodes logged, but for the changes that clients asked for. */
function lastLines(cluster: Cluster | undefined): string[] {
  const lines = (cluster?.group.lines ?? []).filter(({ component }) => component !== 'metadata');
  return lines.slice(-shownLines).map(({ atMs, node, level, message, fields }) => {
    const text = JSON.stringify(fields, (_key, value: unknown) =>
      value instanceof Error ? value.message : value,
    );
    return `${(atMs / 1000).toFixed(3)} ${node} ${level}: ${message} ${text}`.slice(0, 300);
  });
}

/** Chance faults, or one of the histories that chance is slow to find. */
async function disturbed(
  cluster: Cluster,
  random: SimRandom,
  story: string[],
  only: string | undefined,
): Promise<void> {
  const note = (what: string): void => {
    story.push(`${(cluster.world.nowMs / 1000).toFixed(1)} s: ${what}`);
  };
  cluster.onNote = note;
  if (random.chance(0.5) || only !== undefined) {
    await cluster.run(500 + random.below(2000));
    const scenario = random.pick(scenarios.filter(({ name }) => name.includes(only ?? '')));
    note(scenario.name);
    await scenario.happen(cluster, random);
  } else {
    for (let fault = 1 + random.below(4); fault > 0; fault--) {
      await cluster.run(500 + random.below(4000));
      if (random.below(3) === 0) {
        note('switch-over');
        cluster.switchOver(random);
        await cluster.run(random.below(1000));
      }
      note(disturb(cluster));
    }
  }
  await cluster.run(random.below(4000));
  note('all faults end');
}

async function verify(
  cluster: Cluster,
  master: TestReplica,
  expected: Expectations,
  isForgetful: boolean,
): Promise<void> {
  const { client } = master;
  const ask = (request: Parameters<typeof client.asking>[0]) =>
    cluster.complete(client.asking(request));
  for (const [name, definition] of expected.topics) {
    const found = topicIn(await ask(readTopic(name)), name);
    expected.checkDefinition(`topic ${name}`, definition, found);
  }
  for (const [name, definition] of expected.groups) {
    const found = groupIn(await ask(readGroup(name)), name);
    expected.checkDefinition(`group ${name}`, definition, found);
  }
  for (const topic of expected.messages.keys()) {
    const { first, bodies } = await bodiesOf(cluster, master, topic);
    ensure(first === 0 || isForgetful, 'P4', () => `${topic} begins at ${first}`);
    expected.checkMessages(topic, bodies, first);
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

/** While nobody asks for anything nothing changes: no table, no role, no set. */
async function checkQuiet(cluster: Cluster): Promise<void> {
  const { inspector, replicas } = cluster;
  const state = (): string => {
    const digests = replicas.map(({ name }) => {
      const tables = inspector.storeOf(name)?.store.tables;
      return tables && Object.values(tables.newestDigest).join(' ');
    });
    const { newestMaster, watched } = inspector;
    const roles = [...watched].map(({ name, role }) => `${name} ${role}`);
    return JSON.stringify([newestMaster, cluster.set, roles, digests]);
  };
  // What the readers of a moment ago left behind is written.
  await cluster.run(1000);
  const before = state();
  await cluster.run(quietMs);
  ensure(state() === before, 'P3', () => `nobody asked for anything: ${before} became ${state()}`);
}

/** All of a queue; a gap is a broken promise. */
async function bodiesOf(
  cluster: Cluster,
  master: TestReplica,
  topic: string,
): Promise<{ readonly first: number; readonly bodies: readonly string[] }> {
  const bodies: string[] = [];
  let first = 0;
  let refused = 0;
  for (;;) {
    const request = pullRequest({
      topic,
      group: 'checker',
      offset: first + bodies.length,
      count: 32,
      suspendMs: 0,
    });
    const answer = pulled(await cluster.complete(master.client.asking(request)));
    if (answer.max < 0) {
      // Its disk has been full, and it does not know yet that there is room for the group of the reader (promise P9).
      refused++;
      ensure(
        refused < 30,
        'P9',
        () => `${topic} cannot be pulled: ${answer.code} ${answer.remark}`,
      );
      await cluster.run(500);
      continue;
    }
    if (answer.bodies.length === 0 && answer.min > first + bodies.length) {
      // Segments went since the last answer, or before the first.
      first = answer.min;
      bodies.length = 0;
      continue;
    }
    if (answer.bodies.length === 0) {
      ensure(
        answer.max === first + bodies.length,
        'P4',
        () =>
          `${topic} has ${answer.max} messages from ${answer.min} on and ends at ${first} + ${bodies.length}: ${answer.code}`,
      );
      return { first, bodies };
    }
    bodies.push(...answer.bodies);
  }
}

const textOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
