import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { java5 } from '../support/flavours.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/locations.ts';
import { startTarget } from '../support/target.ts';
import { brokers } from './commands/brokers.ts';
import { groups } from './commands/groups.ts';
import { messages } from './commands/messages.ts';
import { nameServers } from './commands/name-servers.ts';
import { offsets } from './commands/offsets.ts';
import { topics } from './commands/topics.ts';
import { assertAlike } from './compare.ts';
import { buildMqadmin } from './mqadmin.ts';
import { assertIntact, assertNoticed, proofs } from './proofs.ts';
import { Stage } from './stage.ts';

const startLimitMs = 300_000;
const stepLimitMs = 120_000;

/** As the Java broker of the laboratory is called, so that nothing has to be masked. */
const names = { brokerClusterName: 'lab', brokerName: 'b1' };
/** What commands read. */
const files: Readonly<Record<string, string>> = {
  'topics.json': JSON.stringify([
    { topicName: 'listed-1', readQueueNums: 1, writeQueueNums: 2, perm: 6 },
    { topicName: 'listed-2', readQueueNums: 3, writeQueueNums: 3, perm: 4 },
  ]),
  'bad-topics.json': JSON.stringify([{ topicName: 'illegal!name' }]),
  'empty.json': '[]',
  'groups.json': JSON.stringify([{ groupName: 'listed-group', retryMaxTimes: 5 }]),
};

let folder: TemporaryFolder;
let java: Stage;
let holdfast: Stage;

before(
  async () => {
    folder = await temporaryFolder('mqadmin');
    const parts = {
      flavour: await java5.build(folder.path),
      mqadmin: await buildMqadmin(folder.path),
    };
    const open = async (kind: 'java' | 'holdfast'): Promise<Stage> => {
      const own = join(folder.path, kind);
      await mkdir(own);
      for (const [name, content] of Object.entries(files)) {
        await writeFile(join(own, name), content);
      }
      const target = await startTarget({ kind, settings: kind === 'java' ? {} : names });
      return Stage.open(target, own, parts);
    };
    // Each is kept as soon as it is there, so that it also ends when the other one fails.
    await Promise.all([
      open('java').then((stage) => (java = stage)),
      open('holdfast').then((stage) => (holdfast = stage)),
    ]);
  },
  { timeout: startLimitMs },
);
after(async () => {
  await java?.[Symbol.asyncDispose]();
  await holdfast?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

// One after the other: later commands show what earlier ones changed.
for (const [title, steps] of Object.entries({
  topics,
  groups,
  offsets,
  messages,
  brokers,
  nameServers,
})) {
  describe(title, () => {
    for (const step of steps) {
      test(step.run, { timeout: stepLimitMs }, async () => {
        const [asJava, asHoldfast] = await Promise.all([java.run(step), holdfast.run(step)]);
        assertAlike(step, asJava, asHoldfast);
      });
    }
  });
}

describe('the comparison notices', () => {
  test('nothing where nothing is damaged', { timeout: stepLimitMs }, () => assertIntact(holdfast));
  for (const [step, sabotage] of proofs) {
    test(`a broker that ${sabotage.name}: ${step.run}`, { timeout: stepLimitMs }, () =>
      assertNoticed(holdfast, step, sabotage),
    );
  }
});
