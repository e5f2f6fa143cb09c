import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { BreakingRelay, type Sabotage } from './breaking-relay.ts';
import {
  asksAnother,
  assignsNothing,
  changesLastByte,
  confusesTag,
  countsWrongly,
  createsNoTopics,
  endsWrongly,
  findsLess,
  forbidsNoPull,
  forgetsCompression,
  forgetsDelays,
  forgetsMembers,
  hasNoVipPort,
  ignoresGroupDefinition,
  ignoresGroupDelete,
  ignoresTopicDefinition,
  ignoresTopicDelete,
  keepsFailed,
  knowsNoOffsets,
  knowsNoTls,
  locksForEverybody,
  locksForNobody,
  losesAcknowledged,
  losesCommits,
  losesFailed,
  losesLastOfBatch,
  losesOneway,
  losesTraces,
  numbersWrongly,
  resetsElsewhere,
  retriesForEver,
  searchesWrongly,
  storesTwice,
  swapsMessages,
} from './sabotages.ts';
import { scenarios } from './scenarios/index.ts';
import type { Flavour } from './support/client.ts';
import { java5 } from './support/flavours.ts';
import { type TemporaryFolder, temporaryFolder } from './support/locations.ts';
import { inParts } from './support/suite.ts';
import { startTarget, type Target } from './support/target.ts';
import type { World } from './support/world.ts';

/** `patienceMs` is for a scenario that takes long when nothing is broken. */
type Proof = readonly [
  scenario: string,
  sabotage: () => Sabotage,
  reason: RegExp,
  patienceMs?: number,
];

/**
 * Proof that each scenario can fail: behind a relay that damages one thing it must fail, and for that reason. Beginnings
 * of scenario names are enough.
 */
const proofs: readonly Proof[] = [
  ['synchronous sends', changesLastByte(7), /body of message/],
  ['synchronous sends', numbersWrongly, /acknowledged offsets of queue/],
  ['asynchronous sends', losesAcknowledged(90), /acknowledged offsets of queue/],
  ['one-way sends', losesOneway, /100 messages \(99 came\)/],
  [
    'a batch',
    losesLastOfBatch,
    /44 messages \(\d+ came\)|acknowledged offsets of queue|number of different ids/,
  ],
  ['large and compressed bodies', changesLastByte(3), /body of message/],
  ['an automatically created topic has', createsNoTopics, /No route info|no route info/i],
  ['a waiting push consumer', storesTwice, /queue\/offset of what was received/],
  ['two groups each', swapsMessages, /next offset that came from queue/],
  ['tags: a consumer of "TagA', confusesTag('TagC'), /messages \(\d+ came\)/],
  ['tags: a consumer of "标签"', confusesTag('标签'), /messages \(\d+ came\)/],
  ['tags: a consumer of "Größe', confusesTag('Größe'), /messages \(\d+ came\)/],
  ['consumers of a group join', forgetsMembers, /2 consumers with 2 queues each/],
  ['the same with consumers whose queues', assignsNothing, /consumers? with \d queues each/],
  ['a consumer that stopped', losesCommits, /committed offset/],
  ['a consumer that stopped', knowsNoOffsets, /next offset that came from queue/],
  ['after a consumer was killed', losesAcknowledged(80), /40 messages \(missing: /],
  ['after a clean restart', losesCommits, /committed offset/],
  ['after a clean restart', knowsNoOffsets, /next offset that came from queue/],
  ['a connected producer and consumer', losesAcknowledged(60), /messages \(\d+ came\)/],
  ['so does a consumer that names its', losesAcknowledged(60), /messages \(\d+ came\)/],
  ['after the broker was killed', losesAcknowledged(50), /messages \(\d+ came\)/],
  ['CONSUME_FROM_FIRST', losesAcknowledged(25), /messages \(\d+ came\)/],
  ['CONSUME_FROM_LAST', knowsNoOffsets, /20 messages \(0 came\)/],
  ['CONSUME_FROM_TIMESTAMP', knowsNoOffsets, /20 messages \(0 came\)/],
  ['a topic is created', ignoresTopicDefinition, /among the topics/],
  ['a topic is created', ignoresTopicDelete, /gone from the topics/],
  ['a group is created', ignoresGroupDefinition, /among the groups/],
  ['a group is created', ignoresGroupDelete, /gone from the groups/],
  ['an automatically created topic is', createsNoTopics, /No route info/],
  ['a message is found', findsLess, /query by/],
  ['the offsets of a queue', countsWrongly, /range of the queue/],
  ['bodies compressed with', forgetsCompression, /body of message/],
  ['orderly: each queue', locksForNobody, /messages \(0 came\)/],
  ['orderly: while', locksForEverybody, /locks of another client/],
  ['orderly: a second consumer', losesCommits, /came to both consumers/, 50_000],
  ['broadcast: ', losesAcknowledged(25), /messages \(\d+ came\)/],
  [
    'lite pull with a subscription',
    losesCommits,
    /committed \d+ of queue|queue\/offset of what was/,
  ],
  ['lite pull with assigned queues', searchesWrongly, /offset of a late time/],
  ['pull: ', endsWrongly, /a part/],
  ['retry: a message that fails', losesFailed, /messages \(\d+ came\)/, 75_000],
  ['retry: what fails too often', retriesForEver, /messages \(0 came\)|turns of the messages/],
  ['retry: retryMaxTimes', retriesForEver, /messages \(0 came\)|start of a consumer/],
  ['retry: a group whose retryQueueNums', keepsFailed, /turns of the message/],
  ['retry: what a pull consumer', losesFailed, /4 messages \(3 came\)/],
  ['delay levels: each message', forgetsDelays, /before its time/],
  ['delay levels: what waits', forgetsDelays, /before its time/],
  ['trace: ', losesTraces, /all trace records/],
  ['permissions: ', forbidsNoPull, /a pull from a topic to write/],
  ['queue numbers: ', ignoresTopicDefinition, /route of narrow/],
  ['groups: ', forbidsNoPull, /a pull of a group that may not consume/],
  ['a running consumer tells', asksAnother, /runningInfo: /],
  ['offsets of a group are set back', resetsElsewhere, /offsets of the time/],
  ['consumers set their offsets back', resetsElsewhere, /offsets of the beginning/],
  ['TLS: ', knowsNoTls, /connect|route|send request/i],
  ['VIP channel: ', hasNoVipPort, /connect/],
  ['many queues: ', losesAcknowledged(300), /messages \(\d+ came\)/],
];

const intact: Sabotage = { name: 'nothing' };
const throughIntactRelay = ['synchronous sends', 'a message is found'];

const startLimitMs = 300_000;
const scenarioLimitMs = 240_000;
/** A consumer whose first heartbeat met the periodic one shares queues at its next turn, 20 s later. */
const usualPatienceMs = 40_000;
/** Most proofs wait most of the time. */
const concurrency = 3;

let folder: TemporaryFolder;
let flavour: Flavour;
let target: Target;

before(
  async () => {
    folder = await temporaryFolder('broken');
    flavour = await java5.build(folder.path);
    target = await startTarget();
  },
  { timeout: startLimitMs },
);
after(async () => {
  await target?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

function scenarioNamed(beginning: string) {
  const [scenario, another] = scenarios.filter(({ name }) => name.startsWith(beginning));
  assert.ok(scenario !== undefined && another === undefined, `one scenario "${beginning}..."`);
  return scenario;
}

function behind(relay: BreakingRelay, patienceMs: number): World {
  const { nameServer, broker } = relay;
  return { target, flavour, nameServer, broker, patienceMs };
}

test('there is a proof for every scenario', () => {
  const proven = new Set(proofs.map(([beginning]) => scenarioNamed(beginning).name));
  const unproven = scenarios.filter(({ name }) => !proven.has(name));
  assert.deepEqual(unproven, []);
});

for (const beginning of throughIntactRelay) {
  const title = `behind a relay that damages nothing: ${beginning} passes`;
  test(title, { timeout: scenarioLimitMs }, async () => {
    await using relay = await BreakingRelay.start(target, intact);
    await scenarioNamed(beginning).run(behind(relay, 90_000));
  });
}

const subjects = proofs.map(([beginning, makeSabotage, reason, patienceMs]) => {
  const { isAlone = false, run } = scenarioNamed(beginning);
  return { beginning, sabotage: makeSabotage(), reason, patienceMs, isAlone, run };
});

inParts('proofs', subjects, concurrency, ({ beginning, sabotage, reason, patienceMs, run }) => {
  const title = `a broker that ${sabotage.name}: ${beginning} fails`;
  test(title, { timeout: scenarioLimitMs }, async () => {
    await using relay = await BreakingRelay.start(target, sabotage);
    await assert.rejects(run(behind(relay, patienceMs ?? usualPatienceMs)), reason);
  });
});
